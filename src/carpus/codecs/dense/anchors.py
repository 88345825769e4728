"""Targets of the two localisers: which lattice cell holds the hand cube, and where it lies from every cell.

A target is a flat vector: one number per cell that is 1 in the cube's cell, then per cell the offset of the
cube's centre in units of the lattice and the logarithm of its half side in that unit.
"""

from __future__ import annotations

import numpy as np

from carpus.geometry.camera import Camera
from carpus.geometry.cube import Cube

_EDGE = 1e-6
"""Points on the edge between two cells belong to the lower one."""
_LOG_RANGE = (-10.0, 1.0)


def anchors2(cube: Cube, camera: Camera, image_size: tuple[int, int], cells: int = 8) -> np.ndarray:
    """Where on the image the cube is and how large it looks.

    Args:
        cube: the hand's cube.
        camera: intrinsics.
        image_size: (H, W) px.
        cells: a, cells per axis.
    Returns:
        ``(4 a^2,)`` float32: a^2 cells (row by row), then (row, col, log half side) per cell in units of the
        longer image side.
    """
    side = cube.square(camera)[0]
    u, v = camera.project(cube.center)
    return _encode(np.array([v, u]), side / 2, np.zeros(2), np.array(image_size, np.float64), cells)


def anchors2_decode(
    target: np.ndarray, camera: Camera, image_size: tuple[int, int], half_mm: float
) -> tuple[Cube, float]:
    """The cube of a (predicted) 2D target, and the value of its cell.

    Args:
        target: ``(4 a^2,)``.
        camera: intrinsics.
        image_size: (H, W) px.
        half_mm: half side of the cube, from which its distance follows.
    """
    place, half_px, value = _decode(target, np.zeros(2), np.array(image_size, np.float64))
    depth = half_mm * camera.fx / half_px
    center = camera.unproject(place[::-1], np.array(depth))
    return Cube.from_array(np.array([half_mm, *center])), value


def anchors3(cube: Cube, depth_range_mm: tuple[float, float], cells: int = 8) -> np.ndarray:
    """Where in the scene the cube is.

    Args:
        cube: the hand's cube.
        depth_range_mm: near and far end of the scene.
        cells: a, cells per axis.
    Returns:
        ``(5 a^3,)`` float32: a^3 cells, then (x, y, z, log half side) per cell in units of the scene's side.
    """
    low, size = _scene(depth_range_mm)
    return _encode(cube.center, cube.half_mm, low, size, cells)


def anchors3_decode(target: np.ndarray, depth_range_mm: tuple[float, float]) -> tuple[Cube, float]:
    """The cube of a (predicted) 3D target ``(5 a^3,)``, and the value of its cell."""
    center, half_mm, value = _decode(target, *_scene(depth_range_mm))
    return Cube.from_array(np.array([half_mm, *center])), value


def scene_density(points_mm: np.ndarray, depth_range_mm: tuple[float, float], side: int = 32) -> np.ndarray:
    """Density of the whole scene for the 3D localiser.

    Args:
        points_mm: ``(N, 3)`` all points of a frame; those outside the scene are left out.
        depth_range_mm: near and far end of the scene.
        side: cells per axis.
    Returns:
        ``(side, side, side)`` float32 in [0, 1], axes x, y, z.
    """
    low, size = _scene(depth_range_mm)
    index = np.floor((points_mm - low) / (size / side)).astype(np.int64)
    index = index[((index >= 0) & (index < side)).all(axis=-1)]
    count = np.bincount(index @ np.array([side * side, side, 1]), minlength=side**3)
    return (count / max(count.max(), 1)).astype(np.float32).reshape(side, side, side)


def _scene(depth_range_mm: tuple[float, float]) -> tuple[np.ndarray, np.ndarray]:
    """Lower corner and size ``(3,)`` in mm of the cube before the camera that is as deep as the range."""
    near, far = depth_range_mm
    edge = far - near
    return np.array([-edge / 2, -edge / 2, near]), np.full(3, edge)


def _centers(low: np.ndarray, size: np.ndarray, cells: int) -> np.ndarray:
    """``(cells^d, d)`` cell centres of a lattice, last axis fastest."""
    index = np.indices((cells,) * len(size)).reshape(len(size), -1).T
    return low + (index + 0.5) * (size / cells)


def _encode(place: np.ndarray, half: float, low: np.ndarray, size: np.ndarray, cells: int) -> np.ndarray:
    """The target of a place ``(d,)`` and half side; a place outside the lattice is in its nearest cell."""
    index = np.floor((place - low) / (size / cells) - _EDGE).astype(np.int64)
    index = np.clip(index, 0, cells - 1)
    hit = np.zeros((cells,) * len(size))
    hit[tuple(index)] = 1
    offset = (place - _centers(low, size, cells)) / size.max()
    scale = np.full((len(offset), 1), np.log(half / size.max()))
    return np.concatenate([hit.ravel(), np.hstack([offset, scale]).ravel()]).astype(np.float32)


def _decode(target: np.ndarray, low: np.ndarray, size: np.ndarray) -> tuple[np.ndarray, float, float]:
    """Place ``(d,)``, half side and cell value of a target; a log scale out of all reason counts as 0."""
    d = len(size)
    count = target.size // (d + 2)
    cells = round(count ** (1 / d))
    best = int(np.argmax(target[:count]))
    *offset, scale = np.asarray(target[count:], np.float64).reshape(count, d + 1)[best]
    scale = scale if _LOG_RANGE[0] <= scale <= _LOG_RANGE[1] else 0.0
    place = _centers(low, size, cells)[best] + np.array(offset) * size.max()
    return place, float(np.exp(scale) * size.max()), float(target[best])
