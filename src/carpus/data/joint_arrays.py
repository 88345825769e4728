"""Stores of small samples: a folder of memory-mapped arrays, whose rows are the samples.

meta.json       format version, dataset, count, options, what it was made of, checksums
<name>.npy      one array per name, first dimension the samples
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from carpus.data.packing import Progress
from carpus.data.records import Mapped, save_array
from carpus.errors import DataError, StoreError

ARRAY_FORMAT = 1
_META = "meta.json"
_CHUNK = 1 << 22


class JointArrays:
    """A complete store, read-only; arrays are mapped on first use in every process.

    Args:
        folder: the store's folder.
    Raises:
        StoreError: if there is none, or it is of another format version.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = Path(folder)
        try:
            self.meta: dict[str, Any] = json.loads((self.folder / _META).read_text())
        except (OSError, ValueError) as error:
            raise StoreError(f"{self.folder} is no complete store ({error}); pack it again") from None
        if self.meta.get("format") != ARRAY_FORMAT:
            raise StoreError(
                f"{self.folder} has format {self.meta.get('format')}, this version reads {ARRAY_FORMAT}; "
                f"run: carpus pack {self.meta.get('dataset')} --force"
            )
        self._arrays = {name: Mapped(self.folder / f"{name}.npy") for name in self.meta["arrays"]}

    def __len__(self) -> int:
        return int(self.meta["count"])

    def rows(self, positions: np.ndarray | slice) -> dict[str, np.ndarray]:
        """Copies of some rows of every array."""
        return {name: np.array(mapped.array[positions]) for name, mapped in self._arrays.items()}

    def damaged(self, progress: Progress | None = None) -> list[str]:
        """Names of arrays whose content is not what was written."""
        wrong = []
        for done, (name, noted) in enumerate(self.meta["arrays"].items(), start=1):
            path = self.folder / f"{name}.npy"
            if not path.is_file() or file_hash(path) != noted:
                wrong.append(name)
            if progress is not None:
                progress(done * len(self) // len(self._arrays), len(self))
        return wrong


def is_complete(folder: Path) -> bool:
    """Whether a store lies there; a half-written one has no such name."""
    return (folder / _META).is_file()


def write_arrays(
    folder: Path,
    arrays: Mapping[str, np.ndarray],
    meta: Mapping[str, Any],
    progress: Progress | None = None,
) -> None:
    """Write a store, complete or not at all; one that is there is replaced.

    Args:
        folder: of the store.
        arrays: of one length.
        meta: plain values kept with it.
        progress: called with rows done and in all.
    Raises:
        DataError: if the arrays differ in length.
        StoreError: if the disk is full or the folder read-only.
    """
    lengths = {name: len(array) for name, array in arrays.items()}
    if len(set(lengths.values())) != 1:
        raise DataError(f"{folder}: {lengths}; all arrays must have as many rows")
    count = next(iter(lengths.values()))
    partial, old = (folder.with_name(f".{folder.name}.{word}-{os.getpid()}") for word in ("partial", "old"))
    try:
        for done, (name, array) in enumerate(arrays.items(), start=1):
            save_array(partial / f"{name}.npy", array)
            if progress is not None:
                progress(done * count // len(arrays), count)
        hashes = {name: file_hash(partial / f"{name}.npy") for name in arrays}
        content = {"format": ARRAY_FORMAT, "count": count, **meta, "arrays": hashes}
        (partial / _META).write_text(json.dumps(content, indent=2) + "\n")
        if folder.exists():
            # Whoever has the old arrays mapped keeps them.
            folder.replace(old)
        partial.replace(folder)
    except OSError as error:
        raise StoreError(f"{folder} cannot be written: {error}; make room, or make it writable") from None
    finally:
        shutil.rmtree(partial, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)


def file_hash(path: Path) -> str:
    """Of a file's content."""
    digest = hashlib.blake2b(digest_size=16)
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
