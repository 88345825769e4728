"""Rows of prepared arrays from packed records, as worker processes make them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from carpus.data.prepared.frame import Frame
from carpus.data.prepared.graph import ROOTS, order_of_work, prepare
from carpus.data.prepared.keys import Key, parse_key
from carpus.data.prepared.nodes import NODES
from carpus.data.prepared.records import frame_of
from carpus.data.prepared.setting import Setting
from carpus.data.prepared.sparse import encode_array
from carpus.data.store import Store
from carpus.errors import ConfigError, DataError, StoreError
from carpus.types import Record

ZERO_MAP_TYPES = ("edt2", "edt2m", "ov3edt2", "ov3edt2m", "vxedt")
"""Types whose map of a joint is all zero where the joint lies off the silhouette."""
BATCH = 128
"""Rows that are made and committed together; what an interruption can cost."""


def wanted_keys(types: Iterable[str | Key]) -> list[Key]:
    """Keys of names, each once, in the order given.

    Raises:
        ConfigError: for an unknown type, and for the labels, which every record holds already.
    """
    keys = list(dict.fromkeys(key if isinstance(key, Key) else parse_key(key) for key in types))
    plain = [key.type for key in keys if key.type in ROOTS]
    if plain:
        raise ConfigError(
            f"{', '.join(plain)}: every record holds this already; name types such as edt2_32 or clean_128"
        )
    if not keys:
        raise ConfigError("no prepared type is named; name some, as in --types clean_128,edt2_32")
    return keys


def needs_joints(key: Key) -> bool:
    """Whether a type or what it is made from is drawn of the joints."""
    return any("poses" in other.node.inputs for other in order_of_work([key]))


def check_joints(keys: Iterable[Key], setting: Setting) -> None:
    """Refuse types made from joints where the labels are not public.

    Raises:
        ConfigError: listing what can be made.
    """
    drawn = [key.name for key in keys if needs_joints(key)]
    if drawn and not setting.joints:
        free = [name for name in NODES if name not in ROOTS and not needs_joints(Key(name, 32, 32))]
        raise ConfigError(
            f"{', '.join(drawn)}: made from joints, and records of {setting.dataset} {setting.split} have "
            f"none. Without joints can be made: {', '.join(free)}"
        )


@dataclass
class Rows:
    """Encoded rows of one type, in order.

    Args:
        data: one per record, empty where it could not be made.
        zero_maps: all-zero maps per row.
    """

    data: list[bytes] = field(default_factory=list)
    zero_maps: list[int] = field(default_factory=list)


@dataclass
class RowBatch:
    """Rows of several types of consecutive records.

    Args:
        start: the first record.
        rows: by type.
        failure: why the first row that is missing could not be made; empty if none is missing.
    """

    start: int
    rows: dict[Key, Rows]
    failure: str = ""


@dataclass(frozen=True)
class RowMaker:
    """Computes rows by position; travels to worker processes.

    Args:
        store: the records.
        centers_mm: ``(N, 3)`` centres of their cubes.
        half_mm: half the cube's side.
        depth_range_mm: valid depth.
        order: ``(J,)`` permutation of the joints; the dataset's own by default.
    """

    store: Store
    centers_mm: np.ndarray
    half_mm: float
    depth_range_mm: tuple[float, float]
    order: np.ndarray | None = None

    def frame(self, position: int) -> Frame:
        """The frame of a record.

        Raises:
            StoreError: if the record is damaged.
            DataError: if it has no centre.
        """
        record = self.store[position]
        fields: dict[str, Any] = {**record.fields, "center_mm": self.centers_mm[position]}
        placed = Record(record.key, record.images, fields)
        return frame_of(placed, self.half_mm, self.depth_range_mm, self.order)

    def arrays(self, position: int, keys: Sequence[Key]) -> tuple[dict[Key, np.ndarray], str]:
        """Those of the types that can be made of a record, and why another cannot; empty if all can."""
        if not np.isfinite(self.centers_mm[position]).all():
            return {}, f"{self.store.key(position)} has no centre, or is in no split"
        frame = self.frame(position)
        try:
            made = prepare(frame, keys)
            return {key: made[key.name] for key in keys}, ""
        except DataError as error:
            if len(keys) == 1:
                return {}, f"{self.store.key(position)}: {error}"
        alone = [self.arrays(position, [key]) for key in keys]
        found = {key: array for part, _ in alone for key, array in part.items()}
        return found, next((failure for _, failure in alone if failure), "")

    def __call__(self, task: tuple[int, tuple[Key, ...]]) -> RowBatch:
        """The batch of rows that begins at a record, of the types given."""
        start, keys = task
        batch = RowBatch(start, {key: Rows() for key in keys})
        for position in range(start, min(start + BATCH, len(self.store))):
            arrays, failure = self.arrays(position, keys)
            batch.failure = batch.failure or failure
            for key, rows in batch.rows.items():
                array = arrays.get(key)
                rows.data.append(b"" if array is None else encode_array(array))
                rows.zero_maps.append(0 if array is None else count_zero_maps(key, array))
        return batch

    def warm_up(self, keys: Sequence[Key]) -> None:
        """Make one row, so that what is compiled on first use is compiled before processes start."""
        placed = np.flatnonzero(np.isfinite(self.centers_mm).all(1))
        if placed.size:
            for array in self.arrays(int(placed[0]), keys)[0].values():
                encode_array(array)


def count_zero_maps(key: Key, array: np.ndarray) -> int:
    """All-zero maps of a row ``(*S, K)``; 0 for types where they mean nothing.

    Raises:
        StoreError: if the array is not of the type's shape.
    """
    if key.type not in ZERO_MAP_TYPES:
        return 0
    if array.ndim < 3:
        raise StoreError(f"'{key.name}': maps are expected, got an array of shape {array.shape}")
    return int((~array.any(axis=tuple(range(array.ndim - 1)))).sum())
