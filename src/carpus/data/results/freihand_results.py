"""FreiHAND's challenge files: joints and vertices of every evaluation picture in one ``pred.json``."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from carpus.data.results.text import write_atomic
from carpus.errors import DataError

JOINTS, VERTICES, EVALUATION = 21, 778, 3960
"""Of MANO's hand; and how many pictures the evaluation has."""
_DIGITS = 6


class FreiHANDPredictions:
    """What a ``pred.json`` holds.

    Args:
        joints_cam_mm: ``(N, 21, 3)`` in MANO's order (``SNAP``), mm.
        vertices_cam_mm: ``(N, 778, 3)`` mm.
    """

    def __init__(self, joints_cam_mm: np.ndarray, vertices_cam_mm: np.ndarray) -> None:
        self.joints_cam_mm, self.vertices_cam_mm = joints_cam_mm, vertices_cam_mm

    def __len__(self) -> int:
        return len(self.joints_cam_mm)


def write_freihand(
    path: Path | str,
    joints_cam_mm: Any,
    vertices_cam_mm: Any,
    keys: Sequence[str] | None = None,
    count: int | None = EVALUATION,
) -> Path:
    """Write ``pred.json``, or a ``.zip`` of it as the challenge takes it: metres, in the dataset's order.

    Args:
        path: ends in ``.json``, or in ``.zip`` for an archive that holds ``pred.json``.
        joints_cam_mm: ``(N, 21, 3)`` in MANO's order, mm in the camera's frame.
        vertices_cam_mm: ``(N, 778, 3)`` mm.
        keys: N record keys whose last part is the picture's number; rows are put in its order. None if they
            are in order already.
        count: pictures there must be; None for any number.
    Returns:
        the file.
    Raises:
        DataError: for other shapes, numbers that are not finite, or pictures that are missing or twice there.
    """
    path = Path(path)
    joints, vertices = np.asarray(joints_cam_mm), np.asarray(vertices_cam_mm)
    _check(path, "joints_cam_mm", joints, JOINTS)
    _check(path, "vertices_cam_mm", vertices, VERTICES)
    if len(joints) != len(vertices) or (count is not None and len(joints) != count):
        wanted = "equally many" if count is None else f"{count:,}"
        raise DataError(
            f"{path}: joints of {len(joints):,} and vertices of {len(vertices):,} pictures, {wanted} are "
            "expected"
        )
    order = slice(None) if keys is None else _order(path, keys, len(joints))
    content = [_rounded(values[order]) for values in (joints, vertices)]
    data = json.dumps(content, separators=(",", ":")).encode()
    if path.suffix == ".zip":
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("pred.json", data)
        data = packed.getvalue()
    write_atomic(path, data)
    return path


def read_freihand(path: Path | str, count: int | None = None) -> FreiHANDPredictions:
    """Read a ``pred.json``, or a ``.zip`` that holds one.

    Args:
        path: the file.
        count: pictures there must be; None for any number.
    Raises:
        DataError: naming the file and what is wrong with it.
    """
    path = Path(path)
    try:
        content = json.loads(_bytes(path))
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path}: damaged or not JSON ({error})") from None
    if not isinstance(content, list) or len(content) != 2:
        raise DataError(f"{path}: is no list of two, of joints and of vertices")
    arrays = []
    for values, name, points in zip(content, ("joints", "vertices"), (JOINTS, VERTICES), strict=True):
        try:
            array = np.array(values, dtype=np.float64)
        except (ValueError, TypeError):
            raise DataError(f"{path}: {name} are not {points} points of three numbers everywhere") from None
        _check(path, name, array, points)
        arrays.append(array * 1000.0)
    if len(arrays[0]) != len(arrays[1]) or (count is not None and len(arrays[0]) != count):
        raise DataError(
            f"{path}: joints of {len(arrays[0]):,} and vertices of {len(arrays[1]):,} pictures"
            f"{'' if count is None else f', {count:,} are expected'}"
        )
    return FreiHANDPredictions(*arrays)


def _bytes(path: Path) -> bytes:
    try:
        if path.suffix != ".zip":
            return path.read_bytes()
        with zipfile.ZipFile(path) as archive:
            names = [name for name in archive.namelist() if name.rpartition("/")[2] == "pred.json"]
            if len(names) != 1:
                raise DataError(f"{path}: holds {len(names)} files pred.json, one is expected")
            return archive.read(names[0])
    except FileNotFoundError:
        raise DataError(f"{path}: no such file") from None
    except (OSError, zipfile.BadZipFile, EOFError) as error:
        raise DataError(f"{path}: cannot be read ({error})") from None


def _check(path: Path, name: str, values: np.ndarray, points: int) -> None:
    if values.ndim != 3 or values.shape[1:] != (points, 3):
        raise DataError(f"{path}: {name} have shape {values.shape}, (N, {points}, 3) is expected")
    broken = ~np.isfinite(values).all(axis=(1, 2))
    if broken.any():
        raise DataError(
            f"{path}: {name} of {int(broken.sum())} pictures are NaN or infinite, the first is number "
            f"{int(broken.argmax())}"
        )


def _order(path: Path, keys: Sequence[str], count: int) -> np.ndarray:
    """Rows in the order of the pictures' numbers."""
    if len(keys) != count:
        raise DataError(f"{path}: {len(keys):,} keys for {count:,} pictures")
    parts = [key.rpartition("/")[2] for key in keys]
    wrong = next((key for key, part in zip(keys, parts, strict=True) if not part.isdigit()), None)
    if wrong is not None:
        raise DataError(f"{path}: key '{wrong}' does not end in the number of a picture")
    numbers = np.array([int(part) for part in parts])
    order = np.argsort(numbers, kind="stable")
    if count and (np.diff(numbers[order]) != 1).any():
        at = int((np.diff(numbers[order]) != 1).argmax())
        raise DataError(
            f"{path}: pictures {numbers[order][at]} and {numbers[order][at + 1]} follow each other; every "
            "picture is needed once"
        )
    return order


def _rounded(values: np.ndarray) -> list[Any]:
    """Metres with as many digits as single precision holds; each digit of 7 million numbers costs 7 MB."""
    return np.round(values.astype(np.float64) / 1000.0, _DIGITS).tolist()
