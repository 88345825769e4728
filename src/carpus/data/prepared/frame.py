"""One frame as the prepared types read it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from carpus.data.augment import CubeMove
from carpus.geometry.camera import Camera
from carpus.geometry.cube import Cube, points_in_cube
from carpus.skeletons import NYU, Skeleton


@dataclass(frozen=True)
class Frame:
    """The roots of the graph of prepared types.

    Args:
        depth_mm: ``(H, W)`` the whole image; 0 where nothing was measured.
        camera: its intrinsics.
        cube: the hand's cube (published as ``resce``).
        depth_range_mm: valid depth, both ends excluded.
        joints_cam_mm: ``(J, 3)`` (published as ``poses``); empty where there is no ground truth.
        index: the frame's number.
        whole_mm: ``crop2`` resizes in whole millimetres (HANDS 2017) instead of exactly (NYU).
        corrected_z: ``udir2`` is drawn from the true points; the published ones lie at half their depth.
        unit_peak: spots of ``hmap2`` are equally high; published ones are as high as the joint is deep.
    """

    depth_mm: np.ndarray
    camera: Camera
    cube: Cube
    depth_range_mm: tuple[float, float]
    joints_cam_mm: np.ndarray = field(default_factory=lambda: np.zeros((0, 3)))
    index: int = 0
    whole_mm: bool = True
    corrected_z: bool = False
    unit_peak: bool = False

    @property
    def joints(self) -> int:
        """J."""
        return len(self.joints_cam_mm)

    @property
    def image_size(self) -> tuple[int, int]:
        """(H, W)."""
        return self.depth_mm.shape[0], self.depth_mm.shape[1]

    @cached_property
    def points_mm(self) -> np.ndarray:
        """``(N, 3)`` float64 points inside the cube in raster order, found once."""
        return points_in_cube(self.depth_mm, self.camera, self.cube, self.depth_range_mm)

    @cached_property
    def scene_points_mm(self) -> np.ndarray:
        """``(N, 3)`` float64 all points with valid depth."""
        near, far = self.depth_range_mm
        row, col = np.nonzero((self.depth_mm > near) & (self.depth_mm < far))
        depth = self.depth_mm[row, col].astype(np.float64)
        return self.camera.unproject(np.stack([col, row], axis=-1).astype(np.float64), depth)


@dataclass(frozen=True)
class MovedFrame(Frame):
    """A frame whose points are turned and scaled about the cube's centre, for augmentation.

    What shows the image itself, ``crop2`` and the inputs of the localisers, stays as it is.

    Args:
        move: the turn and the scale; ``cube`` and ``joints_cam_mm`` are those after it.
    """

    move: CubeMove | None = None

    @cached_property
    def points_mm(self) -> np.ndarray:
        """``(N, 3)`` float64 points that lie inside the cube after the move."""
        if self.move is None:
            return super().points_mm
        wide = replace(self.cube, half_mm=self.cube.half_mm * self.move.reach)
        found = points_in_cube(self.depth_mm, self.camera, wide, self.depth_range_mm)
        moved = self.move.apply(found, self.cube.center)
        return moved[self.cube.contains(moved)]


def published_order(skeleton: Skeleton) -> np.ndarray:
    """Order of a dataset's joints in the published depth CR program.

    Args:
        skeleton: the dataset's joints.
    Returns:
        ``(J,)`` int64 so that ``joints[..., order, :]`` are in that program's order: for NYU palm first, the
        reverse of the evaluation's order; elsewhere as they are.
    """
    order = np.arange(len(skeleton))
    return order[::-1].copy() if skeleton == NYU else order
