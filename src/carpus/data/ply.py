"""Points of PLY files: the vertices of registered meshes."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from carpus.data.sources.base import read_bytes
from carpus.errors import DataError

_TYPES = {
    **{"char": "i1", "int8": "i1", "uchar": "u1", "uint8": "u1"},
    **{"short": "i2", "int16": "i2", "ushort": "u2", "uint16": "u2"},
    **{"int": "i4", "int32": "i4", "uint": "u4", "uint32": "u4"},
    **{"float": "f4", "float32": "f4", "double": "f8", "float64": "f8"},
}
_ORDERS = {"binary_little_endian": "<", "binary_big_endian": ">"}
_END = b"end_header"


def read_ply_vertices(path: Path) -> np.ndarray:
    """The vertices of a PLY file, text or binary.

    Args:
        path: the file; further properties of its vertices and further elements are skipped.
    Returns:
        ``(V, 3)`` float64 x, y, z as they are stored.
    Raises:
        DataError: naming the file that is missing, cut off, or no such file.
    """
    data = read_bytes(path)
    head = data.find(_END)
    if not data.startswith(b"ply") or head < 0:
        raise DataError(f"{path} is no PLY file: it has no header of 'ply' to 'end_header'")
    lines = data[:head].decode("ascii", "replace").splitlines()
    body = data[data.index(b"\n", head) + 1 :]
    coding, count, names, types = _header(path, lines)
    if coding == "ascii":
        return _text(path, body, count, names)
    layout = np.dtype([(name, _ORDERS[coding] + kind) for name, kind in zip(names, types, strict=True)])
    if len(body) < count * layout.itemsize:
        raise DataError(
            f"{path} is cut off: {count} vertices take {count * layout.itemsize:,} bytes, it has "
            f"{len(body):,}"
        )
    table = np.frombuffer(body, layout, count)
    return np.stack([table[axis].astype(np.float64) for axis in "xyz"], 1)


def _header(path: Path, lines: list[str]) -> tuple[str, int, list[str], list[str]]:
    """Coding, number of vertices, and their properties' names and types."""
    coding, count, names, types, element = "", -1, list[str](), list[str](), ""
    for line in lines:
        words = line.split()
        if words[:1] == ["format"]:
            coding = words[1]
        elif words[:1] == ["element"]:
            if words[1] == "vertex":
                count = int(words[2])
            elif count < 0:
                raise DataError(f"{path}: element '{words[1]}' comes before the vertices; that is not read")
            element = words[1]
        elif words[:1] == ["property"] and element == "vertex":
            if words[1] not in _TYPES:
                raise DataError(f"{path}: vertices with a property of type '{words[1]}' are not read")
            names.append(words[2])
            types.append(_TYPES[words[1]])
    if coding not in (*_ORDERS, "ascii") or count < 0 or not {"x", "y", "z"} <= set(names):
        raise DataError(f"{path}: a header with a format and vertices of x, y, z is expected")
    return coding, count, names, types


def _text(path: Path, body: bytes, count: int, names: list[str]) -> np.ndarray:
    rows = [line.split() for line in body.splitlines()[:count]]
    if len(rows) < count or any(len(row) < len(names) for row in rows):
        raise DataError(f"{path} is cut off: {count} vertices of {len(names)} numbers are expected")
    try:
        table = np.array([row[: len(names)] for row in rows], np.float64)
    except ValueError as error:
        raise DataError(f"{path}: {error}") from None
    return table[:, [names.index(axis) for axis in "xyz"]]
