"""Make stores of prepared types: several types in one pass, in several processes, resumable."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from carpus.data.locking import exclusive
from carpus.data.packing import Progress, in_order
from carpus.data.prepared.folders import prepared_folder
from carpus.data.prepared.keys import Key
from carpus.data.prepared.published import PUBLISHED_KIB
from carpus.data.prepared.rows import BATCH, ZERO_MAP_TYPES, RowMaker, Rows, check_joints, wanted_keys
from carpus.data.prepared.setting import Setting, all_centers, setting_of
from carpus.data.prepared.stores import ROW_FORMAT, PreparedStore, encode_block
from carpus.data.store import exists
from carpus.data.store_writer import StoreWriter
from carpus.errors import DataError

if TYPE_CHECKING:
    from carpus.data.dataset import Dataset

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Work:
    """What is to be made of one store of records.

    Args:
        maker: computes rows.
        setting: what they depend on.
        keys: the types.
        folder: the store of the records.
    """

    maker: RowMaker
    setting: Setting
    keys: tuple[Key, ...]
    folder: Path

    @classmethod
    def of(cls, dataset: Dataset, split: str, types: Iterable[str | Key]) -> Work:
        """The work that a dataset's configuration asks for; packs the records first where they are not.

        Args:
            dataset: the configured dataset.
            split: one of its physical splits.
            types: names or keys.
        Raises:
            ConfigError: for types that are unknown or cannot be made of these records.
        """
        keys = wanted_keys(types)
        store, centers = all_centers(dataset, split)
        setting = setting_of(dataset, store, centers)
        check_joints(keys, setting)
        maker = RowMaker(store, centers, setting.half_mm, dataset.depth_range_mm)
        return cls(maker, setting, tuple(keys), store.folder)


def make_stores(work: Work, progress: Progress | None = None, processes: int = 1, force: bool = False) -> str:
    """Make stores of prepared types; those that are complete are left alone, unfinished ones continued.

    Args:
        work: what to make.
        progress: called with (done, total) rows.
        processes: the stores' bytes do not depend on it.
        force: make anew what is complete, of whatever setting.
    Returns:
        A line per type: rows, size beside the published one, rows that could not be made, all-zero maps.
    Raises:
        StoreError: if a complete store is of another setting, or the disk is full.
        DataError: if no row can be made.
    """
    began = time.monotonic()
    with exclusive(prepared_folder(work.folder).parent / f".{work.folder.name}.lock"):
        todo = [key for key in work.keys if force or not _is_made(work, key)]
        if todo:
            _write(work, todo, progress or (lambda done, total: None), processes)
    lines = [summary(PreparedStore(prepared_folder(work.folder, key))) for key in work.keys]
    for line in lines:
        log.info("%s", line)
    log.info("%d types in %.0f s, batches of %d rows", len(todo), time.monotonic() - began, BATCH)
    return "\n".join(lines)


def summary(stored: PreparedStore) -> str:
    """A line about a complete store."""
    rows, absent, kib = len(stored), stored.total("absent"), stored.bytes / 1024
    published = PUBLISHED_KIB.get(stored.key.name)
    beside = f" (published {published} KiB)" if published else ""
    parts = [f"{stored.key.name}: {rows:,} rows, {kib / 1024:,.1f} MiB, {kib / rows:.2f} KiB per row{beside}"]
    if absent:
        parts.append(f"{absent:,} rows could not be made")
    if stored.key.type in ZERO_MAP_TYPES:
        maps = max((rows - absent) * stored.shape[-1], 1)
        zero = stored.total("zero_maps")
        parts.append(f"{zero:,} of {maps:,} maps are all zero ({100 * zero / maps:.1f} %)")
    return "; ".join(parts)


def _is_made(work: Work, key: Key) -> bool:
    """Whether a store is complete; one of another setting is an error."""
    folder = prepared_folder(work.folder, key)
    if not exists(folder):
        return False
    centers = work.maker.centers_mm
    placed = np.flatnonzero(np.isfinite(centers).all(axis=1))
    PreparedStore(folder, work.setting).check_centers(placed, centers[placed], all_made=True)
    return True


def _write(work: Work, keys: Sequence[Key], progress: Progress, processes: int) -> None:
    total = len(work.maker.store)
    if processes > 1:
        work.maker.warm_up(keys)
    with ExitStack() as stack:
        writers = {key: stack.enter_context(_writer(work, key)) for key in keys}
        done = {key: writer.count * BATCH for key, writer in writers.items()}
        starts = range(min(done.values()), total, BATCH)
        # Types that an interruption left behind the others catch up alone.
        tasks = [(start, tuple(key for key in keys if done[key] <= start)) for start in starts]
        progress(min(starts.start, total), total)
        failure, filled = "", {key for key in keys if done[key]}
        for batch in in_order(work.maker, tasks, processes):
            failure = failure or batch.failure
            for key, rows in batch.rows.items():
                writers[key].append([_block(rows, batch.start, work.maker.centers_mm)])
                filled |= {key} if any(rows.data) else set()
            progress(min(batch.start + BATCH, total), total)
        _tell_failure(failure, [key.name for key in keys if key not in filled])
        for writer in writers.values():
            writer.finish()


def _writer(work: Work, key: Key) -> StoreWriter:
    shape = key.row_shape(work.setting.joints)
    meta = {
        **work.setting.to_meta(),
        "type": key.name,
        "crop_side": key.crop_side,
        "map_side": key.map_side,
        "shape": list(shape),
        "row_format": ROW_FORMAT,
        "block": BATCH,
    }
    return StoreWriter(prepared_folder(work.folder, key), meta)


def _block(rows: Rows, start: int, centers_mm: np.ndarray) -> tuple[str, bytes, Mapping[str, Any]]:
    """A batch's rows as a store of records takes them; centres are padded, as columns are stacked."""
    centers = np.full((BATCH, 3), np.nan, np.float32)
    centers[: len(rows.data)] = centers_mm[start : start + len(rows.data)]
    columns = {
        "center_mm": centers,
        "absent": np.int64(sum(not row for row in rows.data)),
        "zero_maps": np.int64(sum(rows.zero_maps)),
    }
    return f"{start:010d}", encode_block(rows.data), columns


def _tell_failure(failure: str, empty: Sequence[str]) -> None:
    """Say why rows are missing; a type without a single row is a mistake in the configuration."""
    if empty:
        raise DataError(f"no row of {', '.join(empty)} can be made; the first: {failure}")
    if failure:
        log.warning("some rows could not be made; the first: %s", failure)
