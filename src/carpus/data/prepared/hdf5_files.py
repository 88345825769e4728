"""One file of the published HDF5 layout: written in pieces under a temporary name, read with its checks."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from carpus.errors import StoreError

log = logging.getLogger(__name__)

VERSION = 1
"""Version of the attributes."""
WHOLE_CHUNKS = ("index", "poses", "resce", "pose_c", "pose_c1")
"""Datasets whose chunks the library chooses; all others have a chunk per row."""
Chunk = tuple[int, bytes]
"""Filters that were left out, and the compressed bytes of a row."""


def compress_row(row: np.ndarray) -> Chunk:
    """A row ``(*S)`` as HDF5 compresses it with lzf; in a worker process, without a file."""
    with h5py.File("row", "w", driver="core", backing_store=False) as file:
        made: Any = file.create_dataset("row", data=row[None], chunks=(1, *row.shape), compression="lzf")
        file.flush()
        return made.id.read_direct_chunk((0,) * (row.ndim + 1))


class FileWriter:
    """Appends rows to ``.<name>.partial`` and names it when all are there; continues an unfinished one.

    The file is closed after every append, so that whatever kills the process leaves a readable file.

    Args:
        path: the final file.
        name: of the dataset in it.
        shape: of the whole dataset.
        attributes: kept with the file; an unfinished file of others is begun anew.
    """

    def __init__(
        self, path: Path, name: str, shape: Sequence[int], attributes: Mapping[str, Any], dtype: str = "f4"
    ) -> None:
        self.path, self.name, self.shape = path, name, tuple(shape)
        self.partial = path.with_name(f".{path.name}.partial")
        self._attributes = {**attributes, "format_version": VERSION, "rows": self.shape[0]}
        resumed = self._resumed()
        self.count = resumed or 0
        if resumed is None:
            path.parent.mkdir(parents=True, exist_ok=True)
            with self._file("w") as file:
                chunks = None if name in WHOLE_CHUNKS else (1, *self.shape[1:])
                file.create_dataset(name, self.shape, dtype, chunks=chunks, compression="lzf")
                file.attrs.update({**self._attributes, "rows_done": 0})

    def append(self, rows: Sequence[Any]) -> None:
        """Rows after those already there: from :func:`compress_row`, arrays for :data:`WHOLE_CHUNKS`.

        Raises:
            StoreError: if the disk is full.
        """
        end = self.count + len(rows)
        with self._file("r+") as file:
            data: Any = file[self.name]
            if self.name in WHOLE_CHUNKS:
                data[self.count : end] = np.stack(rows)
            else:
                rest = (0,) * (len(self.shape) - 1)
                for row, (mask, chunk) in enumerate(rows, self.count):
                    data.id.write_direct_chunk((row, *rest), chunk, mask)
            file.flush()
            file.attrs["rows_done"] = end
        self.count = end

    def finish(self) -> None:
        """Give the file its name."""
        self.partial.replace(self.path)

    def _resumed(self) -> int | None:
        """Rows of an unfinished file that can be continued."""
        if not self.partial.is_file():
            return None
        try:
            with h5py.File(self.partial, "r") as file:
                found: dict[str, Any] = dict(file.attrs)
                data: Any = file[self.name]
                done = int(found.pop("rows_done"))
                same = not differing(found, self._attributes) and data.shape == self.shape
                if done and same:
                    data[done - 1]
                return done if same else None
        except (OSError, KeyError, AttributeError) as error:
            log.warning("%s cannot be continued (%s) and is begun anew", self.partial, error)
            return None

    @contextmanager
    def _file(self, mode: str) -> Iterator[Any]:
        try:
            with h5py.File(self.partial, mode) as file:
                yield file
        except OSError as error:
            raise StoreError(
                f"{self.path} cannot be written: {error}; make room if the disk is full and run the same "
                "command: it continues from there"
            ) from error


def write_arrays(
    path: Path, arrays: Mapping[str, np.ndarray], attributes: Mapping[str, Any], created: int | None = None
) -> None:
    """Write small datasets that are complete at once.

    Args:
        path: the file.
        arrays: by name.
        attributes: kept with the file.
        created: rows the datasets are created with, before they shrink to those there are.
    """
    partial = path.with_name(f".{path.name}.partial")
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(partial, "w") as file:
        for name, values in arrays.items():
            rows = len(values) if created is None else created
            full = (rows, *values.shape[1:])
            data = file.create_dataset(name, full, values.dtype, compression="lzf", maxshape=full)
            if created is not None:
                data.resize(len(values), axis=0)
            data[:] = values
        count = len(next(iter(arrays.values())))
        file.attrs.update({**attributes, "format_version": VERSION, "rows": count, "rows_done": count})
    partial.replace(path)


class PublishedFile:
    """Rows of a prepared type in a file of the published layout, by row number.

    Args:
        path: the file, ``prepared/edt2_32``.
        wanted: attributes it must have; a file without attributes, as the published program writes them, is
            accepted with a warning.
        name: of the dataset in it; by default what the file's name says.
    Raises:
        StoreError: if it is missing, not finished, or has other attributes.
    """

    def __init__(self, path: Path, wanted: Mapping[str, Any] | None = None, name: str = "") -> None:
        self.path, self._pid, self._handle = Path(path), 0, None
        stem, _, side = self.path.name.rpartition("_")
        self.name = name or (stem if side.isdigit() else self.path.name)
        attributes: dict[str, Any] = dict(self._file().attrs)
        if self.name not in self._file():
            raise StoreError(f"{path} has no dataset '{self.name}'; it has {', '.join(self._file())}")
        if "format_version" in attributes:
            self._check(attributes, wanted or {})
        else:
            log.warning("%s says nothing about its geometry: it is taken as it is", path)
            self._check_filled()

    def __len__(self) -> int:
        return int(self._file()[self.name].shape[0])

    def __getitem__(self, row: int) -> np.ndarray:
        return np.asarray(self._file()[self.name][row])

    def close(self) -> None:
        """Close this process's handle; the next read opens it again."""
        if self._handle is not None and self._pid == os.getpid():
            self._handle.close()
        self._handle = None

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_pid": 0, "_handle": None}

    def _check(self, attributes: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
        if attributes["format_version"] != VERSION:
            raise StoreError(
                f"{self.path} has format {attributes['format_version']}, this version reads {VERSION}"
            )
        if attributes["rows_done"] < attributes["rows"]:
            done = f"{attributes['rows_done']:,} of {attributes['rows']:,} rows"
            raise StoreError(f"{self.path} is not finished: {done}; write it again")
        if found := differing(attributes, wanted):
            raise StoreError(
                f"{self.path} holds other arrays: {'; '.join(found)}. Write it to another folder"
            )

    def _check_filled(self) -> None:
        """A run that was interrupted leaves rows that were never written."""
        data = self._file()[self.name]
        filled = data.id.get_num_chunks() if data.chunks else len(data)
        expected = -(-data.shape[0] // data.chunks[0]) if data.chunks else len(data)
        if not len(data) or filled < expected:
            raise StoreError(
                f"{self.path} is not finished: {filled:,} of {expected:,} parts were written; remove it and "
                "prepare it again"
            )

    def _file(self) -> Any:
        """The open file; HDF5 handles do not survive a fork."""
        if self._handle is None or self._pid != os.getpid():
            try:
                self._handle, self._pid = h5py.File(self.path, "r"), os.getpid()
            except OSError as error:
                raise StoreError(f"{self.path} cannot be read as HDF5: {error}") from error
        return self._handle


class PublishedIndex(PublishedFile):
    """``annotation`` or ``annotation_test`` of the published layout; indexing gives frame numbers.

    Args:
        path: the file.
        wanted: attributes it must have.
    """

    def __init__(self, path: Path, wanted: Mapping[str, Any] | None = None) -> None:
        super().__init__(path, wanted, "index")

    def array(self, name: str) -> np.ndarray:
        """``index`` ``(n,)``, ``poses`` ``(n, J, 3)`` or ``resce`` ``(n, 4)`` of all rows."""
        return np.asarray(self._file()[name])


def differing(stored: Mapping[str, Any], wanted: Mapping[str, Any]) -> list[str]:
    """Attributes that are not as wanted: name, value stored, value wanted."""
    return [
        f"{name}: stored {_plain(stored.get(name))}, wanted {_plain(value)}"
        for name, value in wanted.items()
        if not np.array_equal(np.asarray(stored.get(name)), np.asarray(value))
    ]


def _plain(value: Any) -> Any:
    return value.tolist() if isinstance(value, np.ndarray | np.generic) else value
