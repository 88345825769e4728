"""Stores of prepared arrays: one LMDB store per type and physical split, beside the store of the records.

What is prepared of ``packs/hands17/train`` lies in ``packs/hands17/prepared/train``, a folder per full name.
It holds blocks of rows, so that small rows do not fill a page each: offsets, then every row as
:func:`~carpus.data.prepared.sparse.encode_array` makes it; a row that cannot be made is empty.
"""

from __future__ import annotations

import logging
import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from carpus.data.prepared.folders import folder_bytes, partial_of, prepared_folder
from carpus.data.prepared.keys import Key, parse_key
from carpus.data.prepared.setting import Setting, check_setting, setting_of
from carpus.data.prepared.sparse import decode_array
from carpus.data.store import FORMAT_VERSION, Store, exists, read_meta
from carpus.errors import ConfigError, DataError, StoreError

if TYPE_CHECKING:
    from carpus.data.dataset import Dataset
    from carpus.data.samples import Samples

log = logging.getLogger(__name__)

ROW_FORMAT = 1
"""Version of the bytes of a block and a row."""
_OFFSETS = struct.Struct("<II")


def encode_block(rows: Sequence[bytes]) -> bytes:
    """Rows behind their offsets."""
    offsets = np.cumsum([4 * (len(rows) + 1), *map(len, rows)])
    return offsets.astype("<u4").tobytes() + b"".join(rows)


class PreparedStore:
    """A complete store of one prepared type, by position of the record; opens lazily in every process.

    Args:
        folder: the store's folder.
        setting: what its arrays must belong to; None takes them as they are.
    Raises:
        StoreError: if there is none, it is of another format, or of another setting.
    """

    def __init__(self, folder: Path, setting: Setting | None = None) -> None:
        meta = _meta(folder)
        self.meta, self.key = meta, parse_key(meta["type"])
        self.shape, self._rows, self._block = tuple(meta["shape"]), int(meta["rows"]), int(meta["block"])
        if setting is not None:
            check_setting(meta, setting, str(folder), remedy(meta))
        self.store = Store(folder)

    def __len__(self) -> int:
        return self._rows

    def __getitem__(self, position: int) -> np.ndarray:
        """The array of a record.

        Raises:
            DataError: if it could not be made.
            StoreError: if it is damaged.
        """
        found = self.get(position)
        if found is None:
            raise DataError(f"{self.store.folder} has no array for position {position}: it could not be made")
        return found

    def get(self, position: int) -> np.ndarray | None:
        """The array of a record; None where it could not be made."""
        data = self.data(position)
        try:
            return decode_array(data, self.shape) if data else None
        except StoreError as error:
            raise self._damaged(position, error) from error

    def data(self, position: int) -> bytes:
        """The encoded array of a record; empty where it could not be made."""
        if not 0 <= position < len(self):
            raise IndexError(f"position {position} of {self.store.folder}, which has {len(self)} rows")
        block, row = divmod(position, self._block)
        try:
            found = self.store.take(block, lambda view: _row(view, row))
        except (StoreError, struct.error) as error:
            raise self._damaged(position, error) from error
        if found is None:
            raise self._damaged(position, StoreError("its block is missing"))
        return found

    def _damaged(self, position: int, error: Exception) -> StoreError:
        return StoreError(f"row {position} of {self.store.folder} is damaged: {error}. {remedy(self.meta)}")

    @property
    def centers_mm(self) -> np.ndarray:
        """``(N, 3)`` float32 centres of the cubes, NaN where there was none."""
        return self.store.column("center_mm").reshape(-1, 3)[: len(self)]

    def total(self, column: str) -> int:
        """Sum of a count over all blocks: ``absent`` rows, all-zero maps ``zero_maps``."""
        return int(np.asarray(self.store.column(column)).sum())

    def check_centers(self, positions: np.ndarray, centers_mm: np.ndarray, all_made: bool = False) -> None:
        """Refuse arrays whose cubes lie elsewhere than a split's.

        Args:
            positions: ``(n,)`` records of the split.
            centers_mm: ``(n, 3)`` their centres.
            all_made: also refuse a store without rows for some of them, because they had no centre then.
        Raises:
            StoreError: naming the first record that differs.
        """
        stored = self.centers_mm[positions]
        same = (stored == np.asarray(centers_mm, np.float32)).all(1)
        other = np.flatnonzero(~same & (all_made | np.isfinite(stored).all(1)))
        if other.size:
            at, count = int(other[0]), f"{other.size:,} of {len(positions):,} records"
            where = self.store.folder
            raise StoreError(
                f"{where} holds arrays of another setting: {count} have another centre, the first at "
                f"position {positions[at]}: stored {stored[at]}, wanted {centers_mm[at]}. {remedy(self.meta)}"
            )

    def damaged(self) -> Iterator[tuple[int, str | None]]:
        """Every position and what is wrong with its row, None if it is sound."""
        if self.store.column("center_mm")[..., 0].size < len(self):
            yield -1, "columns/center_mm.npy is too short"
        for position in range(len(self)):
            try:
                self.get(position)
                yield position, None
            except StoreError as error:
                yield position, str(error)

    @property
    def bytes(self) -> int:
        """Size on disk."""
        return folder_bytes(self.store.folder)


class StoredPrepared:
    """Of some prepared types those that are stored: ``stored(position)`` gives the arrays of a record.

    Args:
        stores: by full name.
    """

    def __init__(self, stores: Mapping[str, PreparedStore]) -> None:
        self.stores = dict(stores)

    @classmethod
    def of(
        cls,
        dataset: Dataset,
        samples: Samples,
        types: Iterable[Key | str],
        half_mm: float | None = None,
        depth_range_mm: tuple[float, float] | None = None,
    ) -> StoredPrepared:
        """Open what is stored of the wanted types; the others are left to be computed.

        Args:
            dataset: the configured dataset.
            samples: a split of it.
            types: what a method reads.
            half_mm, depth_range_mm: the method's, where they are not the dataset's.
        Raises:
            StoreError: if a stored type is of another setting, saying how to mend that.
        """
        setting = setting_of(dataset, samples.store, None, half_mm, depth_range_mm)
        positions, centers = samples.positions, samples.centers_mm()
        found: dict[str, PreparedStore] = {}
        for key in sorted({key if isinstance(key, Key) else parse_key(key) for key in types}):
            folder = prepared_folder(samples.store.folder, key)
            if exists(folder):
                found[key.name] = PreparedStore(folder, setting)
                found[key.name].check_centers(positions, centers)
            elif partial_of(folder).is_dir():
                log.info("%s is not finished; %s is computed", folder, key.name)
        return cls(found)

    def __len__(self) -> int:
        return len(self.stores)

    def __call__(self, position: int) -> dict[str, np.ndarray]:
        """Arrays by full name; rows that could not be made are left out."""
        rows = {name: store.get(position) for name, store in self.stores.items()}
        return {name: row for name, row in rows.items() if row is not None}


def remedy(meta: Mapping[str, Any]) -> str:
    """The three ways out, as commands."""
    command = f"carpus pack {meta['dataset']} {meta['split']} --types {meta['type']}"
    return (
        f"Configure the stored values, make it again ({command} --force), or remove it ({command} --delete), "
        "after which it is computed on the fly"
    )


def _meta(folder: Path) -> dict[str, Any]:
    """``meta.json`` of a store of a prepared type."""
    if not exists(folder):
        state = "is not finished" if partial_of(folder).is_dir() else "does not exist"
        split, dataset = folder.parent.name, folder.parent.parent.parent.name
        raise StoreError(f"{folder} {state}: run carpus pack {dataset} {split} --types {folder.name}")
    meta = read_meta(folder)
    if "type" not in meta:
        raise ConfigError(f"{folder} is a store of records, not of a prepared type")
    versions = (meta["format"], meta.get("row_format"))
    if versions != (FORMAT_VERSION, ROW_FORMAT):
        raise StoreError(
            f"{folder} has format {versions[0]}.{versions[1]}, this version reads "
            f"{FORMAT_VERSION}.{ROW_FORMAT}. {remedy(meta)}"
        )
    return meta


def _row(view: memoryview, row: int) -> bytes:
    start, end = _OFFSETS.unpack_from(view, 4 * row)
    return bytes(view[start:end])
