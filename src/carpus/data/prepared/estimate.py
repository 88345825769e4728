"""What storing prepared types would cost, measured on a few rows before anything is written."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from carpus.data.prepared.graph import order_of_work, prepare
from carpus.data.prepared.hdf5_files import compress_row
from carpus.data.prepared.keys import Key
from carpus.data.prepared.making import Work
from carpus.data.prepared.published import PUBLISHED_KIB
from carpus.data.prepared.rows import BATCH, RowMaker
from carpus.data.prepared.sparse import encode_array
from carpus.errors import DataError

SAMPLE = 32
_PAGE = 4096
_PER_ROW = 4 + 12
"""Offset in the block and centre in the column."""


@dataclass(frozen=True)
class Estimate:
    """Cost of one type.

    Args:
        key: the type.
        rows: how many will be made.
        row_bytes: on disk, averaged over the sample.
        lzf_bytes: the same in the published format.
        row_ms: computing and compressing one row, with those inputs that no other wanted type needs before.
    """

    key: Key
    rows: int
    row_bytes: float
    lzf_bytes: float
    row_ms: float

    def line(self) -> str:
        """Rows, bytes and time on one core, as a table row."""
        published = PUBLISHED_KIB.get(self.key.name, "-")
        ours, lzf = self.row_bytes / 1024, self.lzf_bytes / 1024
        gib, seconds = self.rows * ours / 2**20, self.rows * self.row_ms / 1e3
        sizes = f"{ours:>9.2f} {lzf:>9.2f} {published:>9} {gib:>9.2f}"
        return f"{self.key.name:28s} {self.rows:>9,} {sizes} {self.row_ms:>8.2f} {duration(seconds):>9}"


_COLUMNS = ("rows", "KiB/row", "lzf", "published", "GiB")
HEADER = f"{'type':28s} {' '.join(f'{name:>9}' for name in _COLUMNS)} {'ms/row':>8} {'one core':>9}"


def duration(seconds: float) -> str:
    """``1:05 h``, ``12 min`` or ``40 s``.

    Example:
        >>> duration(3900), duration(130), duration(2.2)
        ('1:05 h', '2 min', '2 s')
    """
    if seconds >= 3600:
        return f"{int(seconds // 3600)}:{int(seconds % 3600 // 60):02d} h"
    return f"{seconds / 60:.0f} min" if seconds >= 100 else f"{seconds:.0f} s"


def estimate(work: Work, sample: int = SAMPLE) -> tuple[list[Estimate], float]:
    """Bytes and time of every type, measured on rows spread over the store.

    Args:
        work: what would be made.
        sample: rows to measure.
    Returns:
        One estimate per type, and milliseconds per row to read and decode the image.
    Raises:
        DataError: if no row has a centre.
    """
    placed = np.flatnonzero(np.isfinite(work.maker.centers_mm).all(1))
    if not placed.size:
        raise DataError(f"no record of {work.folder} has a centre, so nothing can be prepared")
    chosen = placed[np.unique(np.linspace(0, len(placed) - 1, sample).astype(int))]
    _measure(work.maker, int(chosen[0]), work.keys)  # compiles what is compiled on first use
    rows = [_measure(work.maker, int(position), work.keys) for position in chosen]
    found: list[Estimate] = []
    for key in work.keys:
        size, lzf, row_ms = np.mean([row[key] for row in rows], axis=0)
        found.append(Estimate(key, len(placed), disk_bytes(size), lzf, row_ms))
    return found, float(np.mean([row[None] for row in rows]))


def disk_bytes(row_bytes: float) -> float:
    """Bytes on disk per row of that many: blocks of rows fill whole pages."""
    return row_bytes + _PER_ROW + _PAGE / 2 / BATCH


def _measure(maker: RowMaker, position: int, keys: Sequence[Key]) -> dict[Key | None, tuple[float, ...]]:
    """Bytes as stored, bytes in lzf and ms of one row, by type; under None ms to decode the image."""
    now = time.perf_counter
    began = now()
    frame = maker.frame(position)
    found: dict[Key | None, tuple[float, ...]] = {None: (1e3 * (now() - began),)}
    made: dict[Key, np.ndarray] = {}
    began = now()
    for key in order_of_work(keys):
        if not key.node.inputs:
            continue
        try:
            made[key] = prepare(frame, [key], made)[key.name]
        except DataError:
            made[key] = np.zeros(key.row_shape(frame.joints), np.float32)
        if key in keys:
            size, row_ms = len(encode_array(made[key])), 1e3 * (now() - began)
            found[key] = (size, len(compress_row(made[key])[1]), row_ms)
            began = now()
    return found
