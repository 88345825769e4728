"""The binary form of a record, and memory-mapped arrays beside a store."""

from __future__ import annotations

import hashlib
import json
import os
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from carpus.errors import StoreError
from carpus.types import Field, Record

_PREFIX = struct.Struct("<II")  # checksum of all that follows, length of the header


def encode_record(record: Record) -> bytes:
    """Checksum, header and payload of a record; equal records give equal bytes."""
    fields: dict[str, Any] = {}
    payload: list[bytes] = list(record.images.values())
    for name, value in record.fields.items():
        if isinstance(value, np.ndarray):
            fields[name] = [value.dtype.str, *value.shape]
            payload.append(np.ascontiguousarray(value).tobytes())
        else:
            fields[name] = value
    images = {name: len(data) for name, data in record.images.items()}
    header = json.dumps([record.key, images, fields], separators=(",", ":")).encode()
    body = struct.pack("<I", len(header)) + b"".join([header, *payload])
    return struct.pack("<I", zlib.crc32(body)) + body


def decode_record(data: bytes) -> Record:
    """The record of :func:`encode_record`.

    Raises:
        StoreError: if the checksum does not agree.
    """
    view = memoryview(data)
    if len(data) < _PREFIX.size or zlib.crc32(view[4:]) != _PREFIX.unpack_from(data)[0]:
        raise StoreError("its checksum does not agree with its content")
    offset = _PREFIX.size + _PREFIX.unpack_from(data)[1]
    key, sizes, kinds = json.loads(data[_PREFIX.size : offset])
    images: dict[str, bytes] = {}
    for name, size in sizes.items():
        images[name] = bytes(view[offset : offset + size])
        offset += size
    fields: dict[str, Field] = {}
    for name, kind in kinds.items():
        if not isinstance(kind, list):
            fields[name] = kind
            continue
        dtype, shape = np.dtype(kind[0]), kind[1:]
        count = int(np.prod(shape, dtype=np.int64))
        fields[name] = np.frombuffer(data, dtype, count, offset).reshape(shape).copy()
        offset += count * dtype.itemsize
    return Record(key, images, fields)


def header_key(data: bytes) -> str:
    """Key of an encoded record, without its payload.

    Raises:
        StoreError: if the header is damaged.
    """
    try:
        return json.loads(data[_PREFIX.size : _PREFIX.size + _PREFIX.unpack_from(data)[1]])[0]
    except (ValueError, struct.error, LookupError, TypeError) as error:
        raise StoreError(f"its header is damaged: {error}") from error


def save_array(path: Path, array: np.ndarray) -> None:
    """Write a ``.npy`` file that is either complete or absent, whoever else writes it at the same time.

    Raises:
        StoreError: if the disk is full or the folder read-only.
    """
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with partial.open("wb") as file:
            np.save(file, array)
        partial.replace(path)
    except OSError as error:
        raise StoreError(
            f"{path} cannot be written: {error}; make room, or make the folder writable"
        ) from error


def digest(value: object) -> str:
    """A short name of plain values, for arrays that were made with them.

    Example:
        >>> digest({"b": 1, "a": [2]}) == digest({"a": [2], "b": 1})
        True
    """
    return hashlib.blake2b(json.dumps(value, sort_keys=True).encode(), digest_size=6).hexdigest()


class Mapped:
    """A ``.npy`` file, memory-mapped when first asked for and again in every process.

    Args:
        path: the file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._array: np.ndarray | None = None

    @property
    def array(self) -> np.ndarray:
        """The array, read-only."""
        array = self._array
        if array is None:
            try:
                array = np.load(self.path, mmap_mode="r", allow_pickle=False)
            except (OSError, ValueError) as error:
                raise StoreError(
                    f"{self.path} is missing or damaged ({error}); pack the dataset again"
                ) from error
            self._array = array
        return array

    def __getstate__(self) -> dict[str, Any]:
        return {"path": self.path, "_array": None}
