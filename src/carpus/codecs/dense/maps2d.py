"""Per-pixel guidance maps over the orthographic views of the cube.

All maps are ``(S, S, channels)`` float32, (row, col) first. They are made from a view of side C, a multiple
of S, by taking every (C/S)-th pixel. Joints outside a view have an empty map in it.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from carpus.codecs.dense.offsets import write_directions
from carpus.errors import ConfigError
from carpus.geometry.cube import VOID, Cube
from carpus.geometry.distance import surface_closeness

_SIGMA_PX, _RADIUS_PX = 0.8, 3


def decimate(image: np.ndarray, side: int) -> np.ndarray:
    """Every (C/S)-th pixel of an image ``(C, C, …)``: ``(S, S, …)``.

    Raises:
        ConfigError: if C is not a multiple of S.
    """
    if image.shape[0] % side:
        raise ConfigError(
            f"a view of {image.shape[0]} pixels cannot give a map of {side}: choose a divisor of "
            f"{image.shape[0]} as the map's side"
        )
    step = image.shape[0] // side
    return image[::step, ::step]


def hmap2(joints_cam_mm: np.ndarray, cube: Cube, side: int, unit_peak: bool = False) -> np.ndarray:
    """A blurred spot per joint in the front view; its height is the joint's unit depth, as published.

    Args:
        joints_cam_mm: ``(J, 3)``.
        cube: the cube.
        side: pixels S.
        unit_peak: blur the value 1 instead.
    Returns:
        ``(S, S, J)`` in [0, about 0.27]. About 0.1 ms.
    """
    pixels = cube.pixels(joints_cam_mm, 0, side)
    inside = np.asarray(((pixels >= 0) & (pixels < side)).all(axis=-1))
    row, col = np.where(inside[:, None], pixels, 0).T
    height = np.ones(len(pixels)) if unit_peak else cube.to_unit(joints_cam_mm)[:, 2]
    blur = _blur(side)
    spots = blur[:, None, row] * blur[None, :, col] * np.where(inside, height, 0.0)
    return spots.astype(np.float32)


def edt2(image: np.ndarray, joints_cam_mm: np.ndarray, cube: Cube, side: int, view: int = 0) -> np.ndarray:
    """Closeness along the silhouette: 1 at the joint, 0 at the farthest pixel a path inside it reaches.

    Depth plays no role. A joint two or more pixels outside the silhouette has an empty map; in small
    silhouettes pixels no path reaches have a constant: see ``geometry.distance.surface_closeness``.

    Args:
        image: ``(C, C)`` view of the cube, ``clean`` or a channel of ``ortho3``.
        joints_cam_mm: ``(J, 3)``.
        cube: the cube.
        side: pixels S.
        view: which view the image is.
    Returns:
        ``(S, S, J)`` in [0, 1]. About 1.5 ms for 21 joints at 32.
    """
    pixels = cube.pixels(joints_cam_mm, view, side)
    closeness = surface_closeness(decimate(image, side) >= VOID, pixels)
    return np.ascontiguousarray(np.moveaxis(closeness, 0, -1), np.float32)


def udir2(
    image: np.ndarray, joints_cam_mm: np.ndarray, cube: Cube, side: int, corrected_z: bool = False
) -> np.ndarray:
    """Closeness and unit direction to every joint from the point each pixel shows.

    Args:
        image: ``(C, C)`` the front view ``clean``.
        joints_cam_mm: ``(J, 3)``.
        cube: the cube.
        side: pixels S.
        corrected_z: use the true points; the published program halves their depth (``Cube.from_view``).
    Returns:
        ``(S, S, 4J)``: J closeness in [0, 1], then 3J directions in [-1, 1], joint by joint; 0 where
        the view is empty. About 0.2 ms.
    """
    view = decimate(image, side)
    place = np.argwhere(view >= VOID)
    points = cube.from_view(place / side, view[place[:, 0], place[:, 1]].astype(np.float64), corrected_z)
    out = np.zeros((side * side, 4 * len(joints_cam_mm)), np.float32)
    write_directions(points, place @ np.array([side, 1]), joints_cam_mm, 2 * cube.half_mm, out)
    return out.reshape(side, side, -1)


def edt2m(edt2: np.ndarray, udir2: np.ndarray) -> np.ndarray:
    """``edt2`` ``(S, S, J)`` weighted with the closeness in ``udir2`` ``(S, S, 4J)``.

    Returns:
        ``(S, S, J)`` in [0, 1]. About 0.02 ms.
    """
    return edt2 * udir2[..., : edt2.shape[-1]]


def ov3edt2(ortho3: np.ndarray, joints_cam_mm: np.ndarray, cube: Cube, side: int) -> np.ndarray:
    """``edt2`` in the three views.

    Args:
        ortho3: ``(C, C, 3)``.
        joints_cam_mm: ``(J, 3)``.
        cube: the cube.
        side: pixels S.
    Returns:
        ``(S, S, 3J)`` in [0, 1]: all joints in view 0, in view 1, in view 2. About 4 ms for 21 joints at 32.
    """
    views = [edt2(ortho3[..., view], joints_cam_mm, cube, side, view) for view in range(3)]
    return np.concatenate(views, axis=-1)


def ov3edt2m(ov3edt2: np.ndarray, ov3dist2: np.ndarray) -> np.ndarray:
    """Product ``(S, S, 3J)`` in [0, 1] of the two maps of that shape. About 0.05 ms."""
    return ov3edt2 * ov3dist2


@lru_cache(maxsize=16)
def _blur(side: int) -> np.ndarray:
    """``(side, side)``: column k is a unit value at k after a Gaussian blur that reflects at the border."""
    steps = np.arange(-_RADIUS_PX, _RADIUS_PX + 1)
    kernel = np.exp(-0.5 / _SIGMA_PX**2 * steps**2)
    kernel /= kernel.sum()
    source = np.arange(side)[:, None] + steps
    source = np.mod(source, 2 * side)
    source = np.where(source < side, source, 2 * side - 1 - source)
    matrix = np.zeros((side, side))
    np.add.at(matrix, (np.broadcast_to(np.arange(side)[:, None], source.shape), source), kernel)
    matrix.setflags(write=False)
    return matrix
