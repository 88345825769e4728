"""Lossless bytes of mostly empty float32 arrays: a bit per entry, then the filled ones.

Depth in whole millimetres, counts and labels take few distinct values: those are listed once, and the entries
become differences of numbers in that list. Other values are split into bytes of equal significance. Channels
come one after the other, as neighbours in one channel resemble each other. All goes through zlib.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numba import njit

from carpus.errors import StoreError

_LEVEL = 1
"""Higher levels of zlib save 5 % and take twice the time."""
_HEAD = struct.Struct("<IH")
"""Filled entries, and distinct values listed; 0 where they are not."""
_MOST_DISTINCT = 4096
_SLOTS = 4 * _MOST_DISTINCT


def encode_array(array: np.ndarray) -> bytes:
    """Bytes of an array; equal arrays give equal bytes, and zlib's checksum guards them.

    Args:
        array: ``(*S)`` or, where the last side differs from the first, ``(*S, K)`` with K channels. Float32;
            every bit is kept, also of NaN and -0.
    Example:
        >>> len(encode_array(np.zeros((32, 32, 21), np.float32))) < 50
        True
    """
    flat = np.ascontiguousarray(array, dtype=np.float32).reshape(-1).view(np.uint32)
    mask, values = _gather(flat, _channels(array.shape))
    listed = np.sort(_distinct(values, min(_MOST_DISTINCT, len(values) // 2)))
    if len(listed):
        numbers = np.searchsorted(listed, values).astype(_number_type(len(listed)))
        values = np.diff(numbers, prepend=numbers.dtype.type(0))
    body = (_HEAD.pack(len(values), len(listed)), mask.tobytes(), _to_planes(listed), _to_planes(values))
    return zlib.compress(b"".join(body), _LEVEL)


def decode_array(data: bytes, shape: Sequence[int]) -> np.ndarray:
    """The array of :func:`encode_array`.

    Args:
        data: its bytes.
        shape: its shape.
    Raises:
        StoreError: if the bytes are damaged or belong to another shape.
    Example:
        >>> decode_array(encode_array(np.eye(3, dtype=np.float32)), (3, 3))[1]
        array([0., 1., 0.], dtype=float32)
    """
    try:
        body = zlib.decompress(data)
    except zlib.error as error:
        raise StoreError(f"its checksum does not agree with its content ({error})") from error
    size = int(np.prod(shape, dtype=np.int64))
    count, distinct = _HEAD.unpack_from(body) if len(body) >= _HEAD.size else (0, 0)
    kind = _number_type(distinct) if distinct else np.dtype(np.uint32)
    ends = np.cumsum([_HEAD.size, -(-size // 8), 4 * distinct, kind.itemsize * count])
    if len(body) != ends[-1]:
        raise StoreError(f"its content is not an array of shape {tuple(shape)}")
    mask, listed, values = (np.frombuffer(body[a:b], np.uint8) for a, b in pairwise(ends))
    values = _from_planes(values, kind)
    if distinct:
        values = _from_planes(listed, np.dtype(np.uint32))[np.cumsum(values, dtype=kind)]
    flat = np.zeros(size, np.uint32)
    _scatter(mask, values, _channels(shape), flat)
    return flat.view(np.float32).reshape(tuple(shape))


def _channels(shape: Sequence[int]) -> int:
    """Channels last, of maps; 1 for plain grids and vectors."""
    return int(shape[-1]) if len(shape) > 2 and shape[-1] != shape[0] else 1


def _number_type(distinct: int) -> np.dtype:
    return np.dtype(np.uint8 if distinct <= 256 else np.uint16)


def _to_planes(values: np.ndarray) -> bytes:
    """All lowest bytes, then all next ones."""
    return (
        np.ascontiguousarray(values.view(np.uint8).reshape(len(values), -1).T).tobytes()
        if len(values)
        else b""
    )


def _from_planes(planes: np.ndarray, kind: np.dtype) -> np.ndarray:
    return np.ascontiguousarray(planes.reshape(kind.itemsize, -1).T).view(kind).reshape(-1)


@njit(cache=True)
def _distinct(values, most):  # noqa: ANN001, ANN202
    """Distinct values that are not 0, in any order; none if there are more than ``most``."""
    slots, found = np.zeros(_SLOTS, np.uint32), np.empty(most, np.uint32)
    count = 0
    for value in values:
        slot = (np.uint64(value) * np.uint64(2654435761)) % np.uint64(_SLOTS)
        while slots[slot] and slots[slot] != value:
            slot = (slot + np.uint64(1)) % np.uint64(_SLOTS)
        if not slots[slot]:
            if count == most:
                return found[:0]
            slots[slot] = value
            found[count] = value
            count += 1
    return found[:count]


@njit(cache=True)
def _gather(flat, channels):  # noqa: ANN001, ANN202
    """Mask and filled entries in channel-major order."""
    cells = flat.size // channels
    mask = np.zeros((flat.size + 7) // 8, np.uint8)
    count = 0
    for cell in range(cells):
        for channel in range(channels):
            if flat[cell * channels + channel]:
                position = channel * cells + cell
                mask[position >> 3] |= np.uint8(128 >> (position & 7))
                count += 1
    values = np.empty(count, np.uint32)
    k = 0
    for byte in range(mask.size):
        if mask[byte]:
            for position in range(8 * byte, 8 * byte + 8):
                if mask[byte] & (128 >> (position & 7)):
                    channel = position // cells
                    values[k] = flat[(position - channel * cells) * channels + channel]
                    k += 1
    return mask, values


@njit(cache=True)
def _scatter(mask, values, channels, flat):  # noqa: ANN001, ANN202
    """Undo :func:`_gather` into zeros; surplus bits of a wrong mask are ignored."""
    cells = flat.size // channels
    k = 0
    for byte in range(mask.size):
        if mask[byte]:
            for position in range(8 * byte, min(8 * byte + 8, flat.size)):
                if mask[byte] & (128 >> (position & 7)) and k < values.size:
                    channel = position // cells
                    flat[(position - channel * cells) * channels + channel] = values[k]
                    k += 1
