"""The records of one split, by position or key."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from carpus.data.records import Mapped
from carpus.data.store import Store
from carpus.types import Record

if TYPE_CHECKING:
    from carpus.data.prepared.stores import StoredPrepared


class Samples:
    """A selection of a store's records with their centres; cheap to open, to pickle and to fork.

    Args:
        split: the split's name, for messages.
        store: the packed records.
        index: ``(n,)`` positions in the store.
        centers: ``(N, 3)`` millimetres for all records of the store.
        stored: what is stored of prepared types; records bring it as ``prepared/<full name>``.
    """

    def __init__(
        self, split: str, store: Store, index: Mapped, centers: Mapped, stored: StoredPrepared | None = None
    ) -> None:
        self.split = split
        self.store = store
        self._index = index
        self._centers = centers
        self._stored = stored

    def __len__(self) -> int:
        return len(self._index.array)

    def __getitem__(self, index: int) -> Record:
        """The record with its ``center_mm`` ``(3,)``."""
        position = self._at(index)
        record = self.store[position]
        fields = {**record.fields, "center_mm": np.array(self._centers.array[position])}
        if self._stored is not None:
            fields |= {f"prepared/{name}": array for name, array in self._stored(position).items()}
        return Record(record.key, record.images, fields)

    def with_stored(self, stored: StoredPrepared) -> Samples:
        """The same samples, whose records bring what is stored of prepared types."""
        return Samples(self.split, self.store, self._index, self._centers, stored)

    def __iter__(self) -> Iterator[Record]:
        return (self[index] for index in range(len(self)))

    @property
    def positions(self) -> np.ndarray:
        """``(n,)`` positions in the store."""
        return np.asarray(self._index.array)

    def column(self, name: str) -> np.ndarray:
        """``(n, …)`` a column of the store for these samples, without reading a record."""
        return np.asarray(self.store.column(name)[self._index.array])

    def centers_mm(self) -> np.ndarray:
        """``(n, 3)`` centres of all samples."""
        return np.asarray(self._centers.array[self._index.array])

    def key(self, index: int) -> str:
        """Key of a sample, read without its payload."""
        return self.store.key(self._at(index))

    def position(self, key: str) -> int:
        """Index of a key in this split.

        Raises:
            KeyError: if the split does not contain it.
        """
        found = np.flatnonzero(self._index.array == self.store.position(key))
        if not found.size:
            raise KeyError(f"'{key}' is packed in {self.store.folder} but is not in the split '{self.split}'")
        return int(found[0])

    def _at(self, index: int) -> int:
        if not -len(self) <= index < len(self):
            raise IndexError(f"sample {index} of the split '{self.split}', which has {len(self)}")
        return int(self._index.array[index])
