"""Reading a skinned mesh from a binary glTF file: the few parts of the format a rigged hand needs."""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from carpus.errors import DataError

_MAGIC, _JSON, _BIN = 0x46546C67, 0x4E4F534A, 0x004E4942
_TYPES = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT4": 16}
_DTYPES = {5120: "<i1", 5121: "<u1", 5122: "<i2", 5123: "<u2", 5125: "<u4", 5126: "<f4"}


@dataclass(frozen=True)
class SkinnedMesh:
    """A mesh with a skeleton in its bind pose, in the file's unit (metres).

    Args:
        vertices: ``(V, 3)`` float64.
        faces: ``(F, 3)`` int64.
        joints: J joint names.
        bind: ``(J, 4, 4)`` joint to model transforms of the bind pose.
        weights: ``(V, J)`` float64, rows sum to 1.
    """

    vertices: np.ndarray
    faces: np.ndarray
    joints: tuple[str, ...]
    bind: np.ndarray
    weights: np.ndarray


def read_glb(path: Path) -> SkinnedMesh:
    """The first skinned mesh of a ``.glb`` file.

    Raises:
        DataError: if the file is no complete binary glTF 2 or has no skinned triangle mesh.
    """
    document, binary = _chunks(path)
    try:
        skin = document["skins"][0]
        primitive = document["meshes"][0]["primitives"][0]
        attributes = primitive["attributes"]
        vertices = _accessor(document, binary, attributes["POSITION"]).astype(np.float64)
        slots = _accessor(document, binary, attributes["JOINTS_0"]).astype(np.int64)
        amounts = _accessor(document, binary, attributes["WEIGHTS_0"]).astype(np.float64)
        faces = _accessor(document, binary, primitive["indices"]).astype(np.int64).reshape(-1, 3)
        # glTF stores matrices column by column.
        inverse = _accessor(document, binary, skin["inverseBindMatrices"]).reshape(-1, 4, 4).swapaxes(1, 2)
        names = tuple(document["nodes"][node]["name"] for node in skin["joints"])
    except (KeyError, IndexError, ValueError) as error:
        raise DataError(f"{path}: not a skinned triangle mesh with one skin ({error!r})") from error
    weights = np.zeros((len(vertices), len(names)))
    np.add.at(weights, (np.arange(len(vertices))[:, None], slots), amounts)
    weights /= weights.sum(axis=1, keepdims=True)
    return SkinnedMesh(vertices, faces, names, np.linalg.inv(inverse.astype(np.float64)), weights)


def _chunks(path: Path) -> tuple[dict[str, Any], bytes]:
    """The JSON document and the binary chunk."""
    data = path.read_bytes()
    if len(data) < 20 or struct.unpack_from("<III", data)[::2] != (_MAGIC, len(data)):
        raise DataError(f"{path}: not a complete binary glTF file ({len(data)} bytes)")
    chunks: dict[int, bytes] = {}
    offset = 12
    while offset + 8 <= len(data):
        length, kind = struct.unpack_from("<II", data, offset)
        chunks[kind] = data[offset + 8 : offset + 8 + length]
        offset += 8 + length
    if _JSON not in chunks or _BIN not in chunks:
        raise DataError(f"{path}: lacks its JSON or its binary chunk")
    return json.loads(chunks[_JSON]), chunks[_BIN]


def _accessor(document: dict[str, Any], binary: bytes, index: int) -> np.ndarray:
    """``(count, components)`` values of a tightly packed accessor."""
    accessor = document["accessors"][index]
    view = document["bufferViews"][accessor["bufferView"]]
    offset = view.get("byteOffset", 0) + accessor.get("byteOffset", 0)
    components = _TYPES[accessor["type"]]
    values = np.frombuffer(binary, _DTYPES[accessor["componentType"]], accessor["count"] * components, offset)
    return values.reshape(accessor["count"], components)
