"""Where a hand is in a depth image without a network: the nearest thing, and a prior on its shape.

The image is smoothed, everything within a hand's depth behind its nearest points is back-projected, and a
prior turns these points into the centre of the hand's cube. A filter follows the centre over the frames.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np
from numba import njit

from carpus.errors import DataError
from carpus.geometry.camera import Camera

OUT_OF_RANGE = "hand out of detection range"
TOO_FEW = "not enough points in range"
NO_CENTER = "center not found"
LOST = "lost track"

SECTIONS = 12
"""Slices of equal depth in which the wrist is looked for."""
_DIAMETER, _SIGMA = 5, 30.0  # pixels; mm and pixels
_STRAY, _SLACK_MM = 10, 0.01  # nearer points than this many decide nothing
_FEWEST_POINTS, _FEWEST_OF_PRIOR = 10, 4
_WIDENING, _TOWARDS_FINGERS = 1.1, 0.2


class Located(NamedTuple):
    """A centre, or why there is none.

    Args:
        center_mm: ``(3,)`` camera frame, or None.
        message: empty where there is a centre.
    """

    center_mm: np.ndarray | None
    message: str = ""


@dataclass(frozen=True)
class LocatorLimits:
    """Depths the locator works with.

    Args:
        near_mm, far_mm: valid depth, both ends excluded; what is nearer counts as the near end, what is
            farther or not measured as the far end.
        reach_mm: a hand whose front is farther away is not looked at.
        hand_mm: what lies that far behind the hand's front still belongs to it.
    """

    near_mm: float = 100.0
    far_mm: float = 1060.0
    reach_mm: float = 480.0
    hand_mm: float = 120.0

    def __post_init__(self) -> None:
        if not 0 <= self.near_mm < self.far_mm or not (self.reach_mm > 0 and self.hand_mm > 0):
            raise DataError(f"{self}: 0 <= near < far is needed, and a positive reach and hand depth")


Prior = Callable[[np.ndarray], "np.ndarray | None"]
"""Points ``(N, 3)`` to a centre ``(3,)``, or None if they are too few."""


def shape_prior(points_mm: np.ndarray) -> np.ndarray | None:
    """Centre of a hand that points to the camera with the forearm behind it.

    From far to near, the first of twelve slices that is clearly larger than the one before it holds the
    wrist, where the hand begins to widen. The centre is the mean of what is nearer, moved a little away from
    the wrist.

    Args:
        points_mm: ``(N, 3)`` camera frame.
    Returns:
        ``(3,)`` mm; None if the wrist or the hand has fewer than four points.
    """
    if len(points_mm) < _FEWEST_OF_PRIOR:
        return None
    depth = np.ascontiguousarray(points_mm[:, 2])
    edges = np.linspace(depth.max(), depth.min(), SECTIONS + 1)
    if not edges[0] > edges[-1]:
        return None
    # Sums of squares lose few digits about a point among the points.
    origin = points_mm[len(points_mm) // 2]
    count, total, square = _sections(np.ascontiguousarray(points_mm, np.float64), origin, edges)
    extent = _largest_extent(count, total, square)
    wider = np.flatnonzero(extent[1:] > _WIDENING * extent[:-1])
    wrist = int(wider[0]) + 1 if wider.size else 0
    upper = int(count[wrist:].sum())
    if min(int(count[wrist]), upper) < _FEWEST_OF_PRIOR:
        return None
    mean_wrist = total[wrist] / count[wrist]
    mean_upper = total[wrist:].sum(axis=0) / upper
    return origin + mean_upper + _TOWARDS_FINGERS * (mean_upper - mean_wrist)


def mean_prior(points_mm: np.ndarray) -> np.ndarray | None:
    """Mean ``(3,)`` of points ``(N, 3)``; None if there are fewer than four.

    Example:
        >>> mean_prior(np.array([[0, 0, 300], [4, 0, 300], [0, 8, 300], [4, 8, 300]]))
        array([  2.,   4., 300.])
    """
    return points_mm.mean(axis=0) if len(points_mm) >= _FEWEST_OF_PRIOR else None


PRIORS: dict[str, Prior] = {"shape_prior": shape_prior, "mean": mean_prior}


def locate_hand(
    depth_mm: np.ndarray, camera: Camera, prior: Prior = shape_prior, limits: LocatorLimits | None = None
) -> Located:
    """Centre of the hand in one image.

    Args:
        depth_mm: ``(H, W)``; 0 or NaN = no measurement.
        camera: its intrinsics.
        prior: from the hand's points to its centre.
        limits: depths that count.
    Returns:
        the centre, or one of the published messages: :data:`OUT_OF_RANGE`, :data:`TOO_FEW`,
        :data:`NO_CENTER`.
    Example:
        >>> image = np.zeros((480, 640)); image[200:280, 300:380] = 300 + np.arange(80)[:, None]
        >>> locate_hand(image, Camera(475.0, 475.0, 320.0, 240.0), mean_prior).center_mm.round() + 0.0
        array([ 14.,   1., 340.])
        >>> locate_hand(np.zeros((480, 640)), Camera(475.0, 475.0, 320.0, 240.0)).message
        'hand out of detection range'
    """
    points = front_points(depth_mm, camera, limits or LocatorLimits())
    if isinstance(points, str):
        return Located(None, points)
    center = prior(points)
    return Located(None, NO_CENTER) if center is None else Located(center)


def front_points(depth_mm: np.ndarray, camera: Camera, limits: LocatorLimits) -> np.ndarray | str:
    """The points of the nearest thing in an image.

    Args:
        depth_mm: ``(H, W)``; 0 or NaN = no measurement.
        camera: its intrinsics.
        limits: depths that count.
    Returns:
        ``(N, 3)`` float64 mm in raster order, or why there are none.
    Raises:
        DataError: if the array is no image.
    """
    if depth_mm.ndim != 2:
        raise DataError(f"a depth image has shape (H, W), this array {depth_mm.shape}")
    clipped, measured = _clipped(depth_mm, np.float32(limits.near_mm), np.float32(limits.far_mm))
    if measured <= _STRAY:
        return OUT_OF_RANGE
    # The whole image although only its front counts: the filter's table spans the range of what it is given,
    # so that a part of the image comes out different from the same part of the whole.
    smooth = cv2.bilateralFilter(clipped, _DIAMETER, _SIGMA, _SIGMA)
    front = _nth_smallest(smooth, np.float32(limits.near_mm + _SLACK_MM), _STRAY)
    if not front <= limits.reach_mm:
        return OUT_OF_RANGE
    low, high = np.float32(front) - np.float32(_SLACK_MM), np.float32(front) + np.float32(limits.hand_mm)
    points = _points_between(smooth, camera.to_array(), low, high)
    return points if len(points) >= _FEWEST_POINTS else TOO_FEW


class MotionFilter:
    """Follows a centre: a sudden change of speed is believed less, a jump ends the track.

    Args:
        step_mm: largest movement between two frames; a speed that changes by as much is believed to 1 %.
        memory: steps that are remembered; the last of them decides.
    """

    def __init__(self, step_mm: float = 120.0, memory: int = 3) -> None:
        self.step_mm = step_mm
        self.alpha = -np.log(0.01) / step_mm**2
        self._track: deque[tuple[np.ndarray, float]] = deque(maxlen=memory)

    def update(self, center_mm: np.ndarray) -> np.ndarray | None:
        """The filtered centre ``(3,)`` for a new one; None, and a new beginning, if the track is lost."""
        if not self._track:
            self._track.append((center_mm, 0.0))
            return center_mm
        last, speed = self._track[-1]
        step = float(np.linalg.norm(center_mm - last))
        if not step <= self.step_mm:  # also refuses NaN
            self.clear()
            return None
        belief = np.exp(-self.alpha * (step - speed) ** 2)
        followed = (1 - belief) * last + belief * center_mm
        self._track.append((followed, float(np.linalg.norm(followed - last))))
        return followed

    def follow(self, located: Located) -> Located:
        """The same for a locator's answer: a frame without a hand ends the track, a jump is :data:`LOST`."""
        if located.center_mm is None:
            self.clear()
            return located
        center = self.update(located.center_mm)
        return Located(None, LOST) if center is None else Located(center)

    def clear(self) -> None:
        """Forget the track; the next centre is taken as it is."""
        self._track.clear()


def _largest_extent(count: np.ndarray, total: np.ndarray, square: np.ndarray) -> np.ndarray:
    """``(S,)`` first singular value of every section's centred points, 0 for sections of few points."""
    many = np.maximum(count, 1)[:, None]
    scatter = square - total[:, :, None] * (total / many)[:, None, :]
    largest = np.linalg.eigvalsh(scatter)[:, -1]
    return np.where(count >= _FEWEST_OF_PRIOR, np.sqrt(np.maximum(largest, 0.0)), 0.0)


@njit(cache=True, nogil=True)
def _clipped(depth, near, far):  # noqa: ANN001, ANN202
    """Depth as float32 between two bounds, and the number of pixels above the near one.

    No measurement becomes the far bound. The published recordings hold the near bound there; smoothed with a
    hand nearer than 240 mm it rises above the bound, and the hole is taken for the nearest thing.
    """
    out, measured = np.empty(depth.shape, np.float32), 0
    for row in range(depth.shape[0]):
        for col in range(depth.shape[1]):
            z = np.float32(depth[row, col])
            measured += z > near
            out[row, col] = max(z, near) if 0 < z < far else far
    return out, measured


@njit(cache=True, nogil=True)
def _nth_smallest(image, floor, nth):  # noqa: ANN001, ANN202
    """The nth smallest value above a floor; infinite unless there are more values than that."""
    best = np.full(nth, np.inf, np.float32)
    seen = 0
    for row in range(image.shape[0]):
        for col in range(image.shape[1]):
            z = image[row, col]
            if not z > floor:
                continue
            seen += 1
            if z < best[-1]:
                place = nth - 1
                while place > 0 and best[place - 1] > z:
                    best[place] = best[place - 1]
                    place -= 1
                best[place] = z
    return best[-1] if seen > nth else np.float32(np.inf)


@njit(cache=True, nogil=True)
def _points_between(depth, camera, low, high):  # noqa: ANN001, ANN202
    """Back-project the pixels whose depth lies strictly between two bounds."""
    fx, fy, cx, cy = camera
    found = np.empty((np.sum((low < depth) & (depth < high)), 3))
    count = 0
    for row in range(depth.shape[0]):
        for col in range(depth.shape[1]):
            if low < depth[row, col] < high:
                z = np.float64(depth[row, col])
                found[count] = (col - cx) / fx * z, (row - cy) / fy * z, z
                count += 1
    return found


@njit(cache=True, nogil=True)
def _sections(points, origin, edges):  # noqa: ANN001, ANN202
    """Number, sum and sum of outer products about an origin of the points of each slice of depth.

    Edges fall; a slice holds the points below its first edge and not below its second, so that the farthest
    point is in none.
    """
    slices = len(edges) - 1
    count = np.zeros(slices, np.int64)
    total, square = np.zeros((slices, 3)), np.zeros((slices, 3, 3))
    per_mm = slices / (edges[0] - edges[-1])
    for n in range(len(points)):
        z = points[n, 2]
        if not edges[-1] <= z < edges[0]:
            continue
        place = min(slices - 1, int((edges[0] - z) * per_mm))
        while z >= edges[place]:
            place -= 1
        while z < edges[place + 1]:
            place += 1
        count[place] += 1
        for i in range(3):
            a = points[n, i] - origin[i]
            total[place, i] += a
            for j in range(i + 1):
                square[place, i, j] += a * (points[n, j] - origin[j])
    for i in range(3):
        for j in range(i + 1, 3):
            square[:, i, j] = square[:, j, i]
    return count, total, square
