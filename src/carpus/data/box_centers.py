"""Where the hand's cube is, when all that is known of a frame is a box on the image."""

from __future__ import annotations

from functools import partial

import numpy as np

from carpus.data.depth_images import decode_depth
from carpus.data.packing import BATCH, Progress, in_order
from carpus.data.store import Store
from carpus.geometry.camera import Camera
from carpus.geometry.cube import recover_center

BEHIND_SURFACE_MM = 20.0
"""The middle of a hand's joints lies so far behind the mean of what the camera sees of it."""

_BIN_MM = 10.0
_WINDOW_BINS = 9  # 90 mm: about the depth of what is visible of a hand
_SHARE = 0.15  # of the fullest window: a nearer one with fewer pixels is stray
_REACH_MM = 80.0


def box_center(
    depth_mm: np.ndarray,
    camera: Camera,
    box_xywh_px: np.ndarray,
    range_mm: tuple[float, float],
    cube_mm: float,
) -> np.ndarray:
    """Centre of the cube of a hand that fills a box, without looking at any label.

    The hand is the nearest thing of some size inside the box; its mean depth, moved from the surface to the
    joints, gives the cube's depth, the middle of the box its direction. A forearm that hides the hand is
    taken for it. Without any depth in range the size of the box alone gives the depth, so that every frame
    has a centre.

    Args:
        depth_mm: ``(H, W)``, 0 = no measurement.
        camera: its intrinsics.
        box_xywh_px: ``(4,)`` left, top, width, height.
        range_mm: depths between these bounds count.
        cube_mm: edge of the cube.
    Returns:
        ``(3,)`` float32 millimetres, always finite.
    Example:
        >>> depth = np.full((480, 640), 900.0); depth[200:300, 280:360] = 500
        >>> box = np.array([270, 190, 100, 120])
        >>> box_center(depth, Camera(475.0, 475.0, 320.0, 240.0), box, (100, 1060), 240)[2]
        np.float32(520.0)
    """
    left, top, width, height = (float(value) for value in box_xywh_px)
    middle = np.array([left + width / 2, top + height / 2])
    surface = near_surface(_inside(depth_mm, left, top, width, height), range_mm)
    if surface is None:
        return _from_size(middle, max(width, height), camera, range_mm, cube_mm)
    return camera.unproject(middle, np.array(surface + BEHIND_SURFACE_MM)).astype(np.float32)


def near_surface(depth_mm: np.ndarray, range_mm: tuple[float, float]) -> float | None:
    """Mean depth of the nearest thing of some size, or None where nothing is in range.

    Args:
        depth_mm: ``(*)``.
        range_mm: depths between these bounds count.
    """
    near, far = range_mm
    values = depth_mm[(depth_mm > near) & (depth_mm < far)].astype(np.float64)
    if not values.size:
        return None
    bins = np.bincount(((values - near) / _BIN_MM).astype(np.int64), minlength=_WINDOW_BINS)
    # The nearest window with enough pixels, not the fullest: a wall may fill more of the box than the hand.
    filled = np.convolve(bins, np.ones(_WINDOW_BINS, np.int64), mode="same")
    first = int(np.argmax(filled >= _SHARE * filled.max()))
    rising = np.diff(filled[first:]) > 0
    peak = first + (int(np.argmin(rising)) if not rising.all() else rising.size)
    mode = near + _BIN_MM * (peak + 0.5)
    return float(values[np.abs(values - mode) <= _REACH_MM].mean())


def box_centers(
    store: Store,
    range_mm: tuple[float, float],
    cube_mm: float,
    progress: Progress | None = None,
    processes: int = 1,
) -> np.ndarray:
    """Centres of all records of a store whose records have ``bbox_xywh_px``.

    Args:
        store: the records; every depth image is decoded.
        range_mm, cube_mm: as for :func:`box_center`.
        progress: called with (done, total).
        processes: readers.
    Returns:
        ``(N, 3)`` float32 millimetres.
    """
    centers = np.empty((len(store), 3), np.float32)
    done, starts = 0, range(0, len(store), BATCH)
    for part in in_order(partial(_batch, store, range_mm, cube_mm), starts, processes):
        centers[done : done + len(part)] = part
        done += len(part)
        if progress:
            progress(done, len(store))
    return centers


def _batch(store: Store, range_mm: tuple[float, float], cube_mm: float, start: int) -> np.ndarray:
    """``(n, 3)`` centres of the records from a position on."""
    centers = []
    for position in range(start, min(start + BATCH, len(store))):
        record = store[position]
        depth_mm = decode_depth(record.images["depth"], str(record.fields["depth_coding"]))
        camera = Camera.from_array(np.asarray(record.fields["camera"]))
        box = np.asarray(record.fields["bbox_xywh_px"])
        centers.append(box_center(depth_mm, camera, box, range_mm, cube_mm))
    return np.stack(centers)


def _inside(depth_mm: np.ndarray, left: float, top: float, width: float, height: float) -> np.ndarray:
    """The part of an image that lies in a box; a box beyond the border is cut."""
    rows = slice(max(int(np.floor(top)), 0), max(int(np.ceil(top + height)), 0))
    columns = slice(max(int(np.floor(left)), 0), max(int(np.ceil(left + width)), 0))
    return depth_mm[rows, columns]


def _from_size(
    middle: np.ndarray, side: float, camera: Camera, range_mm: tuple[float, float], cube_mm: float
) -> np.ndarray:
    """``(3,)`` centre of the cube whose section fills a square of that side, at a depth within the range."""
    half = cube_mm / 2
    nearest, farthest = (2 * half * camera.fx / depth for depth in range_mm)
    side = float(np.clip(side, farthest, nearest))
    square = np.array([side, middle[1] - side / 2, middle[0] - side / 2])
    return recover_center(square, half, camera).astype(np.float32)
