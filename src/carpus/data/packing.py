"""Make a store of a source, check one, and describe one."""

from __future__ import annotations

import multiprocessing
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from multiprocessing.pool import AsyncResult
from pathlib import Path
from typing import Any, TypeVar

import cv2
import numpy as np

from carpus.data.records import encode_record
from carpus.data.sources import Source
from carpus.data.store import Store
from carpus.data.store_writer import StoreWriter
from carpus.errors import CarpusError, DataError, StoreError
from carpus.types import Record

Progress = Callable[[int, int], None]
"""Called with (done, total) after every batch."""
Derive = Callable[[Record], Mapping[str, Any]]
"""Further column values of a record, such as its centre of mass."""
Row = tuple[str, bytes, Mapping[str, Any]]
T = TypeVar("T")
R = TypeVar("R")

BATCH = 256


@dataclass(frozen=True)
class Damage:
    """A record that cannot be used, as ``verify`` reports it."""

    position: int
    key: str
    reason: str


def pack(
    source: Source,
    folder: Path,
    dataset: str,
    derive: Derive | None = None,
    options: Mapping[str, Any] | None = None,
    progress: Progress | None = None,
    processes: int = 1,
) -> None:
    """Write all records of a source to a store; continues what an interruption left.

    Args:
        source: one physical split.
        folder: the store's folder.
        dataset: the dataset's name, for messages and ``meta.json``.
        derive: column values computed from a record, beside the source's own.
        options: what the content depends on; compared when the store is opened.
        progress: called with (done, total).
        processes: readers; the store's bytes do not depend on it.
    Raises:
        DataError: naming the published file at fault.
        StoreError: if the disk is full.
    """
    meta = {
        "dataset": dataset,
        "source": source.name,
        "split": source.split,
        "kind": source.kind,
        "fingerprint": source.fingerprint(),
        "root": str(source.root.resolve()),
        "lines": source.lines,
        "options": dict(options or {}),
        "total": len(source),
    }
    if not len(source):
        raise DataError(f"{source.root}: the split '{source.split}' of {source.name} holds no frame")
    with StoreWriter(folder, meta) as writer:
        # Batches always start at multiples of BATCH, also when packing resumes.
        starts = range(writer.count, len(source), BATCH)
        report = progress or (lambda done, total: None)
        report(writer.count, len(source))
        for rows in in_order(partial(_make_rows, source, derive), starts, processes):
            writer.append(rows)
            report(writer.count, len(source))
        writer.finish()


def verify(store: Store, progress: Progress | None = None) -> list[Damage]:
    """Read every record and compare checksums.

    Args:
        store: an open store.
        progress: called with (done, total).
    Returns:
        What is damaged; empty for a sound store.
    """
    damaged = [
        Damage(-1, f"columns/{name}.npy", f"{len(store.column(name))} rows")
        for name in store.meta["columns"]
        if len(store.column(name)) != len(store)
    ]
    for position in range(len(store)):
        try:
            key = store[position].key
            if store.position(key) != position:
                damaged.append(Damage(position, key, "the key index points elsewhere"))
        except (StoreError, KeyError) as error:
            damaged.append(Damage(position, store.key(position), str(error)))
        if progress and (position % BATCH == 0 or position == len(store) - 1):
            progress(position + 1, len(store))
    return damaged


def stats(store: Store) -> dict[str, int | float | str]:
    """What a store holds, as short values to print or compare.

    Args:
        store: an open store.
    Returns:
        ``records``, ``published`` (frames before those without an image or label were left out),
        ``megabytes``, ``kilobytes_per_record``, ``fingerprint``, ``options``, ``images`` and ``fields`` of
        the first record, and per column ``column <name>`` its range and the number of missing values.
    """
    size, first = (store.folder / "data.mdb").stat().st_size, store[0]
    return {
        "records": len(store),
        "published": int(store.meta["lines"]),
        "megabytes": round(size / 1e6, 3),
        "kilobytes_per_record": round(size / 1e3 / len(store), 3),
        "fingerprint": store.meta["fingerprint"],
        "options": ", ".join(f"{name}={value}" for name, value in sorted(store.meta["options"].items())),
        "images": ", ".join(first.images),
        "fields": ", ".join(sorted(first.fields)),
        **{f"column {name}": _column_range(store.column(name)) for name in store.meta["columns"]},
    }


def _column_range(column: np.ndarray) -> str:
    """``0 … 8``, with vectors as (x, y, z) and the number of rows that are not finite."""
    values = np.asarray(column).reshape(len(column), -1)
    finite = values[np.isfinite(values).all(1)]
    if not len(finite):
        return "missing everywhere"
    ends = [", ".join(f"{value:g}" for value in np.round(end, 1)) for end in (finite.min(0), finite.max(0))]
    text = " … ".join(f"({end})" if values.shape[1] > 1 else end for end in ends)
    missing = len(values) - len(finite)
    return f"{text}, {missing} missing" if missing else text


def in_order(work: Callable[[T], R], tasks: Sequence[T], processes: int = 1) -> Iterator[R]:
    """What ``work`` makes of every task, in their order, made by one or several processes.

    Args:
        work: sent once to every process.
        tasks: small; each is sent to one process.
        processes: 1 works in this one.
    Example:
        >>> list(in_order(str, [3, 1, 2]))
        ['3', '1', '2']
    """
    if processes <= 1 or len(tasks) <= 1:
        yield from map(work, tasks)
        return
    method = "fork" if "fork" in multiprocessing.get_all_start_methods() else "spawn"
    context = multiprocessing.get_context(method)
    with context.Pool(processes, _start_worker, (work,)) as pool:
        waiting: deque[AsyncResult[R]] = deque()
        for task in tasks:
            waiting.append(pool.apply_async(_work, (task,)))
            # Bounded, so that a slow disk does not fill the memory with encoded records.
            if len(waiting) > 2 * processes:
                yield waiting.popleft().get()
        while waiting:
            yield waiting.popleft().get()


def _make_rows(source: Source, derive: Derive | None, start: int) -> list[Row]:
    rows: list[Row] = []
    for index in range(start, min(start + BATCH, len(source))):
        try:
            record = source[index]
            derived = derive(record) if derive else {}
        except CarpusError as error:
            where = source.locate(index)
            raise DataError(str(error) if where in str(error) else f"{where}: {error}") from error
        rows.append((record.key, encode_record(record), {**source.columns(index), **derived}))
    return rows


_shared: list[Callable[[Any], Any]] = []


def _start_worker(work: Callable[[Any], Any]) -> None:
    cv2.setNumThreads(0)
    _shared[:] = [work]


def _work(task: Any) -> Any:
    return _shared[0](task)
