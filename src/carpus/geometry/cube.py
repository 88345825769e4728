"""The axis-aligned hand cube: which points it holds, its views, its grid and its squares on the image.

Views and image positions in this module are (row, col), as the maps over the cube are stored.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit

from carpus.errors import DataError
from carpus.geometry.camera import Camera

VIEW_AXES = ((1, 0), (0, 2), (2, 1))
"""Axes (row, col) of the three orthographic views: front, from the side, from above."""
_SHRINK = 0.999999
"""Points this close to a face of the cube, relative to its half side, are outside."""
VOID = 1e-4
"""Smaller image and grid values mean that nothing is there."""


@dataclass(frozen=True)
class Cube:
    """A cube around a hand.

    Args:
        center_mm: ``(3,)`` centre in the camera frame.
        half_mm: half its side.
    Example:
        >>> Cube.from_array(np.array([120.0, 0.0, 0.0, 500.0])).to_unit(np.array([60.0, -60.0, 500.0]))
        array([0.75, 0.25, 0.5 ])
    """

    center_mm: tuple[float, float, float]
    half_mm: float

    def __post_init__(self) -> None:
        if not (np.isfinite(self.center_mm).all() and np.isfinite(self.half_mm) and self.half_mm > 0):
            raise DataError(
                f"cube with centre {self.center_mm} mm and half side {self.half_mm} mm: finite values and a "
                "positive half side are needed"
            )

    @classmethod
    def from_array(cls, values: np.ndarray) -> Cube:
        """The cube of ``(4,)`` half side, x, y, z in mm (the published ``resce``)."""
        half, *center = (float(v) for v in values)
        return cls((center[0], center[1], center[2]), half)

    @classmethod
    def around(cls, joints_cam_mm: np.ndarray, half_mm: float) -> Cube:
        """The cube centred on the bounding box of joints ``(J, 3)``."""
        center = (joints_cam_mm.max(axis=0) + joints_cam_mm.min(axis=0)) / 2
        return cls.from_array(np.array([half_mm, *center], np.float64))

    def to_array(self) -> np.ndarray:
        """``(4,)`` float64 half side, x, y, z in mm."""
        return np.array([self.half_mm, *self.center_mm])

    @property
    def center(self) -> np.ndarray:
        """``(3,)`` float64 mm."""
        return np.array(self.center_mm)

    def contains(self, points_mm: np.ndarray) -> np.ndarray:
        """``(*)`` bool: points ``(*, 3)`` strictly inside."""
        reach = _SHRINK * self.half_mm
        inside = (points_mm > self.center - reach) & (points_mm < self.center + reach)
        return np.all(inside, axis=-1)

    def to_unit(self, points_mm: np.ndarray) -> np.ndarray:
        """Coordinates ``(*, 3)`` that run from 0 to 1 across the cube."""
        return ((points_mm - self.center) / self.half_mm + 1) / 2

    def view(self, points_mm: np.ndarray, view: int) -> tuple[np.ndarray, np.ndarray]:
        """Orthographic image of points.

        Args:
            points_mm: ``(*, 3)``.
            view: 0 (row y, col x), 1 (row x, col z) or 2 (row z, col y).
        Returns:
            ``(*, 2)`` row and col from 0 to 1; ``(*)`` painted value, in every view the unit depth.
        """
        unit = self.to_unit(points_mm)
        return unit[..., VIEW_AXES[view]], unit[..., 2]

    def from_view(self, rowcol: np.ndarray, depth: np.ndarray, corrected_z: bool = False) -> np.ndarray:
        """Points of a front view's pixels.

        The published program does not map the value 0..1 back to -1..1, so its points lie behind the centre,
        at half the depth; the targets ``udir2`` and ``edt2m`` are defined on them.

        Args:
            rowcol: ``(*, 2)`` from 0 to 1.
            depth: ``(*)`` unit depth.
            corrected_z: place the points where they really are.
        Returns:
            ``(*, 3)`` mm.
        """
        z = 2 * depth - 1 if corrected_z else depth
        normal = np.stack([2 * rowcol[..., 1] - 1, 2 * rowcol[..., 0] - 1, z], axis=-1)
        return normal * self.half_mm + self.center

    def pixels(self, points_mm: np.ndarray, view: int, side: int) -> np.ndarray:
        """``(*, 2)`` int64 (row, col) of points ``(*, 3)`` in a view of ``side`` pixels; may be outside."""
        return np.floor(self.view(points_mm, view)[0] * side).astype(np.int64)

    def cells(self, points_mm: np.ndarray, side: int) -> np.ndarray:
        """``(*, 3)`` int64 cell of points ``(*, 3)`` in a grid of ``side`` cells; may be outside."""
        corner = self.center - self.half_mm
        return np.floor((points_mm - corner) / (2 * self.half_mm / side)).astype(np.int64)

    def cell_centers(self, side: int) -> np.ndarray:
        """``(side, 3)`` mm: coordinates of the cell centres along x, y and z."""
        steps = 2 * self.half_mm / side * (np.arange(side) + 0.5)
        return (self.center - self.half_mm) + steps[:, None]

    def corners(self) -> np.ndarray:
        """``(8, 3)`` mm: the near face around, then the far face."""
        signs = [(-1, -1), (1, -1), (1, 1), (-1, 1)]
        unit = np.array([(x, y, z) for z in (-1, 1) for x, y in signs])
        return self.center + self.half_mm * unit

    def square(self, camera: Camera, offset_mm: float = 0.0) -> np.ndarray:
        """The square on the image that covers the cube's section parallel to the image.

        Args:
            camera: intrinsics.
            offset_mm: depth of the section behind the centre.
        Returns:
            ``(3,)`` px: side, row and col of the upper left corner.
        """
        x, y, z = self.center_mm
        h, z = self.half_mm, z + offset_mm
        if z <= 0:
            raise DataError(f"the section at depth {z:.1f} mm of the cube at {self.center_mm} is not visible")
        low, high = camera.project(np.array([[x - h, y - h, z], [x + h, y + h, z]]))
        return np.array([(high - low).max(), low[1], low[0]])

    def window(self, camera: Camera, image_size: tuple[int, int]) -> tuple[int, int, int, int]:
        """Pixels that can see the cube: first row, end row, first col, end col of an image (H, W)."""
        height, width = image_size
        corners = self.corners()
        if corners[:, 2].min() <= 0:
            return 0, height, 0, width
        pixels = camera.project(corners)
        col, row = np.floor(pixels.min(axis=0)).astype(int)
        end_col, end_row = np.ceil(pixels.max(axis=0)).astype(int) + 1
        return max(row, 0), min(end_row, height), max(col, 0), min(end_col, width)


def clip_square(square: np.ndarray, image_size: tuple[int, int]) -> np.ndarray:
    """Shrink a square about its centre until it lies inside the image; it is never padded.

    Args:
        square: ``(3,)`` side, row, col in px.
        image_size: (H, W).
    Returns:
        ``(3,)`` side, row, col.
    """
    side, row, col = square
    out = min(row, col, image_size[0] - (row + side), image_size[1] - (col + side), 0.0)
    return np.array([side + 2 * out, row - out, col - out])


def recover_center(square: np.ndarray, half_mm: float, camera: Camera) -> np.ndarray:
    """``(3,)`` mm: centre of the cube of that half side whose central section fills a square ``(3,)``."""
    side, row, col = square
    depth = half_mm * camera.fx / (side / 2)
    return camera.unproject(np.array([col + side / 2, row + side / 2]), np.array(depth))


def points_in_cube(
    depth_mm: np.ndarray, camera: Camera, cube: Cube, depth_range_mm: tuple[float, float]
) -> np.ndarray:
    """The points of a depth image that lie in a cube, in raster order.

    Only the window of the image that can see the cube is visited. An image cut out of a larger one gives the
    same points when the camera's principal point is moved along.

    Args:
        depth_mm: ``(H, W)``, whole or fractional mm.
        camera: intrinsics.
        cube: what to keep.
        depth_range_mm: valid depth, both ends excluded.
    Returns:
        ``(N, 3)`` float64 mm.
    """
    row, end_row, col, end_col = cube.window(camera, (depth_mm.shape[0], depth_mm.shape[1]))
    reach = _SHRINK * cube.half_mm
    low, high = cube.center - reach, cube.center + reach
    low[2], high[2] = max(low[2], depth_range_mm[0]), min(high[2], depth_range_mm[1])
    part = depth_mm[row : max(end_row, row), col : max(end_col, col)]
    return _unproject_inside(part, row, col, camera.to_array(), low, high)


@njit(cache=True)
def _unproject_inside(depth, row0, col0, camera, low, high):  # noqa: ANN001, ANN202
    """Back-project an image part and keep the points between two corners."""
    fx, fy, cx, cy = camera
    found = np.empty((depth.size, 3))
    count = 0
    for row in range(depth.shape[0]):
        for col in range(depth.shape[1]):
            z = np.float64(depth[row, col])
            if not low[2] < z < high[2]:
                continue
            x = (col + col0 - cx) / fx * z
            y = (row + row0 - cy) / fy * z
            if low[0] < x < high[0] and low[1] < y < high[1]:
                found[count] = x, y, z
                count += 1
    return found[:count].copy()
