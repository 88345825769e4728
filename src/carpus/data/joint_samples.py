"""The hands of one split of a set without pictures, by position, by key, or many at once."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from carpus.data.joint_arrays import JointArrays
from carpus.data.joint_sets import JointSet
from carpus.types import Record


class HandJointSamples:
    """A selection of a store's hands; cheap to open, to pickle and to fork.

    Args:
        split: the split's name, for messages.
        joint_set: makes fields of rows.
        store: the arrays.
        positions: of the hands in the store.
    """

    def __init__(
        self, split: str, joint_set: JointSet, store: JointArrays, positions: range | np.ndarray
    ) -> None:
        self.split, self.store = split, store
        self._set, self._positions = joint_set, positions

    def __len__(self) -> int:
        return len(self._positions)

    def __getitem__(self, index: int) -> Record:
        """One hand."""
        position = self._at(index)
        fields = self._set.fields(self.store.rows(slice(position, position + 1)))
        return Record(self._name(position), {}, {name: values[0] for name, values in fields.items()})

    def __iter__(self) -> Iterator[Record]:
        return (self[index] for index in range(len(self)))

    def rows(self, indices: np.ndarray) -> tuple[list[str], dict[str, np.ndarray]]:
        """Keys and fields of n hands, every field with n rows: a batch costs little more than one hand.

        Args:
            indices: ``(n,)`` in this split.
        """
        positions = self.positions[indices]
        return [self._name(int(p)) for p in positions], self._set.fields(self.store.rows(positions))

    @property
    def positions(self) -> np.ndarray:
        """``(n,)`` positions in the store."""
        return np.asarray(self._positions)

    def key(self, index: int) -> str:
        """Key of a hand."""
        return self._name(self._at(index))

    def position(self, key: str) -> int:
        """Index of a key in this split.

        Raises:
            KeyError: if the split does not contain it.
        """
        store, _, row = key.rpartition("/")
        found = np.flatnonzero(self.positions == int(row)) if row.isdigit() else np.zeros(0)
        if store != self.store.folder.name or not found.size:
            raise KeyError(f"'{key}' is not in the split '{self.split}' of {self.store.folder}")
        return int(found[0])

    def _name(self, position: int) -> str:
        return f"{self.store.folder.name}/{position:07d}"

    def _at(self, index: int) -> int:
        if not -len(self) <= index < len(self):
            raise IndexError(f"hand {index} of the split '{self.split}', which has {len(self)}")
        return int(self._positions[index])
