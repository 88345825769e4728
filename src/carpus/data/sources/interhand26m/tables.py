"""Cameras, joints and fitted hands of a split: small tables, looked up by capture and camera or frame."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from carpus.data.sources.interhand26m.json_stream import JsonStream
from carpus.errors import DataError

JOINTS = 42
SIDES = ("right", "left")
_POSE, _SHAPE, _TRANS = 48, 10, 3
_CAMERA_PARTS = {"campos": (3,), "camrot": (3, 3), "focal": (2,), "princpt": (2,)}


def pair_code(first: np.ndarray | int, second: np.ndarray | int) -> np.ndarray:
    """Two non-negative numbers below 2^31 as one."""
    return np.asarray(first, np.int64) << 32 | np.asarray(second, np.int64)


@dataclass(frozen=True)
class Cameras:
    """Cameras of all captures.

    Args:
        path: the file.
        place: (capture, camera) to row.
        position_mm: ``(C, 3)`` centres in the world.
        rotation: ``(C, 3, 3)`` world to camera.
        focal_px, principal_px: ``(C, 2)``.
    """

    path: Path
    place: dict[tuple[int, int], int]
    position_mm: np.ndarray
    rotation: np.ndarray
    focal_px: np.ndarray
    principal_px: np.ndarray

    def row(self, capture: int, camera: int) -> int:
        """Row of a camera.

        Raises:
            DataError: if the file does not have it.
        """
        if (capture, camera) not in self.place:
            raise DataError(f"{self.path}: capture {capture} has no camera {camera}")
        return self.place[capture, camera]


def read_cameras(path: Path) -> Cameras:
    """The ``camera`` file.

    Raises:
        DataError: naming the camera whose values are not as expected.
    """
    place: dict[tuple[int, int], int] = {}
    parts: dict[str, list[np.ndarray]] = {name: [] for name in _CAMERA_PARTS}
    with JsonStream(path) as stream:
        for capture in stream.members():
            content = stream.value()
            missing = [name for name in parts if not isinstance(content, dict) or name not in content]
            if missing:
                raise DataError(f"{path}: capture '{capture}' has no {', '.join(missing)}")
            for camera in content["campos"]:
                place[_number(path, "capture", capture), _number(path, "camera", camera)] = len(place)
                for name, shape in _CAMERA_PARTS.items():
                    where = f"{path}: {name} of camera '{camera}' of capture '{capture}'"
                    parts[name].append(_array(content[name].get(camera), shape, where))
    if not place:
        raise DataError(f"{path}: no camera in it")
    arrays = {name: np.stack(values) for name, values in parts.items()}
    return Cameras(path, place, arrays["campos"], arrays["camrot"], arrays["focal"], arrays["princpt"])


@dataclass(frozen=True)
class Frames:
    """Values per (capture, frame).

    Args:
        path: the file, for messages.
        codes: ``(F,)`` sorted :func:`pair_code`.
        order: ``(F,)`` rows of ``values`` in the order of ``codes``.
        values: ``(F, …)`` float32.
    """

    path: Path
    codes: np.ndarray
    order: np.ndarray
    values: np.ndarray

    def rows(self, captures: np.ndarray, frames: np.ndarray) -> np.ndarray:
        """``(n,)`` rows of frames, -1 where the file does not have them."""
        wanted = pair_code(captures, frames)
        if not len(self.codes):
            return np.full(len(wanted), -1)
        at = np.minimum(np.searchsorted(self.codes, wanted), len(self.codes) - 1)
        return np.where(self.codes[at] == wanted, self.order[at], -1)


def read_joints(path: Path) -> Frames:
    """The ``joint_3d`` file: ``(F, 42, 3)`` mm in the world.

    Joints that are missing have a placeholder there, mostly (1, 1, 1).

    Raises:
        DataError: naming capture and frame whose values are not as expected.
    """
    codes, values = list[int](), list[np.ndarray]()
    for capture, frame, content in _frames(path):
        where = f"{path}: world_coord of frame '{frame}' of capture '{capture}'"
        world = content.get("world_coord") if isinstance(content, dict) else None
        codes.append(_code(path, capture, frame))
        values.append(_array(world, (JOINTS, 3), where, np.float32))
    return _table(path, codes, values, (JOINTS, 3))


def read_fits(path: Path) -> Frames:
    """The ``MANO_NeuralAnnot`` file: ``(F, 2, 61)``, right and left: 48 pose, 10 shape, 3 translation (m).

    A hand without a fit is NaN.

    Raises:
        DataError: naming capture and frame whose values are not as expected.
    """
    codes, values = list[int](), list[np.ndarray]()
    for capture, frame, content in _frames(path):
        codes.append(_code(path, capture, frame))
        values.append(_fit(content or {}, f"{path}: frame '{frame}' of capture '{capture}'"))
    return _table(path, codes, values, (2, _POSE + _SHAPE + _TRANS))


def split_fit(fit: np.ndarray) -> dict[str, np.ndarray]:
    """Fields ``mano_pose`` ``(2, 48)``, ``mano_shape`` ``(2, 10)``, ``mano_trans_m`` ``(2, 3)``."""
    pose, shape, trans = np.split(fit, [_POSE, _POSE + _SHAPE], axis=-1)
    return {"mano_pose": pose, "mano_shape": shape, "mano_trans_m": trans}


def _fit(content: Any, where: str) -> np.ndarray:
    if not isinstance(content, dict):
        raise DataError(f"{where}: an object of right and left hand is expected")
    found = np.full((2, _POSE + _SHAPE + _TRANS), np.nan, np.float32)
    for row, side in enumerate(SIDES):
        hand = content.get(side)
        if hand is None:
            continue
        sizes = {"pose": _POSE, "shape": _SHAPE, "trans": _TRANS}
        parts = [
            _array(hand.get(name) if isinstance(hand, dict) else None, (size,), f"{where}: {name} ({side})")
            for name, size in sizes.items()
        ]
        found[row] = np.concatenate(parts)
    return found


def _frames(path: Path) -> Iterator[tuple[str, str, Any]]:
    """Capture, frame and value of a file nested in this way."""
    with JsonStream(path) as stream:
        for capture in stream.members():
            for frame in stream.members():
                yield capture, frame, stream.value()


def _table(path: Path, codes: list[int], values: list[np.ndarray], shape: tuple[int, ...]) -> Frames:
    coded = np.array(codes, np.int64)
    order = np.argsort(coded, kind="stable")
    return Frames(
        path, coded[order], order, np.stack(values) if values else np.zeros((0, *shape), np.float32)
    )


def _code(path: Path, capture: str, frame: str) -> int:
    return int(pair_code(_number(path, "capture", capture), _number(path, "frame", frame)))


def _number(path: Path, what: str, text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise DataError(f"{path}: {what} '{text}' is not a number")
    return int(text)


def _array(value: Any, shape: tuple[int, ...], where: str, dtype: type = np.float64) -> np.ndarray:
    """Numbers of the expected shape, all finite."""
    try:
        found = np.asarray(value, dtype)
    except (TypeError, ValueError):
        found = np.empty(0)
    if found.shape != shape or not np.isfinite(found).all():
        raise DataError(f"{where}: finite numbers of shape {shape} are expected, found shape {found.shape}")
    return found
