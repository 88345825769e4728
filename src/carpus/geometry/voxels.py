"""One affine map between the camera frame and a voxel grid around a centre."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

import numpy as np
import torch
from torch import Tensor

from carpus.errors import ConfigError, unknown

Array = TypeVar("Array", np.ndarray, Tensor)
RULES = ("exact", "torch7")
LOWER_FACES = ("floor", "truncate")


class VolumeTransform(NamedTuple):
    """How augmentation moves the content of a volume; any broadcastable shapes.

    ``scale`` ``(*)`` factor; ``angle_rad`` ``(*)`` turn in the x-y plane; ``shift`` ``(*, 3)`` voxels, the
    lower corner of the grid inside the virtual one. All three are arrays, or all three are tensors.
    """

    scale: Any
    angle_rad: Any
    shift: Any

    def at(self, index: Any) -> VolumeTransform:
        """The transform of indexed samples, e.g. ``at((slice(None), None))`` to broadcast over joints.

        Example:
            >>> moves = VolumeTransform(torch.ones(4), torch.zeros(4), torch.full((4, 3), 4.0))
            >>> moves.at((slice(None), None)).shift.shape
            torch.Size([4, 1, 3])
        """
        return VolumeTransform(self.scale[index], self.angle_rad[index], self.shift[index])


@dataclass(frozen=True)
class VoxelGrid:
    """A cube of voxels around a centre, indexed [x][y][z], and the conventions of its coordinates.

    Voxel coordinates are continuous: voxel i spans [i, i + 1), the grid [0, size). Without augmentation
    ``coord = size / 2 + (p - c) * size / cube_mm``.

    Args:
        cube_mm: edge of the cube.
        size: voxels per edge S, a multiple of 8.
        virtual: edge O of the grid before it is cropped to S at ``shift``; None: S + S // 11 (96 for 88).
        rule: ``exact``, or ``torch7``: points and joints are first floored to whole voxels, augmentation
            rounds as the original program does, and a voxel is ``floor(coord + 1/2)``.
        lower_face: ``floor``, or ``truncate``: coordinates in (-1, 0) also land in voxel 0, as in the PyTorch
            port. Only used by the rule ``exact``.
        y_up: the volume's y axis points up; the volumes of published MSRA, NYU and ITOP weights do.
    Raises:
        ConfigError: if a size or a name is not allowed.
    Example:
        >>> grid = VoxelGrid(cube_mm=200.0)
        >>> grid.to_voxels(np.array([100.0, 0.0, 300.0]), np.array([0.0, 0.0, 350.0])).tolist()
        [88.0, 44.0, 22.0]
    """

    cube_mm: float
    size: int = 88
    virtual: int | None = None
    rule: str = "exact"
    lower_face: str = "floor"
    y_up: bool = False

    def __post_init__(self) -> None:
        if self.size < 8 or self.size % 8:
            raise ConfigError(f"grid size {self.size}: a multiple of 8 is needed, for example 88 or 24")
        if not self.cube_mm > 0:
            raise ConfigError(f"grid cube_mm {self.cube_mm}: the edge of the cube in millimetres must be > 0")
        if self.original < self.size:
            raise ConfigError(f"grid virtual {self.virtual}: must be at least the grid size {self.size}")
        if self.rule not in RULES:
            raise ConfigError(unknown("voxel rule", self.rule, RULES))
        if self.lower_face not in LOWER_FACES:
            raise ConfigError(unknown("lower_face", self.lower_face, LOWER_FACES))

    @property
    def original(self) -> int:
        """Voxels per edge of the virtual grid, O."""
        return self.size + self.size // 11 if self.virtual is None else self.virtual

    @property
    def slack(self) -> int:
        """Voxels by which the virtual grid is larger; a shift lies in [0, slack]."""
        return self.original - self.size

    @property
    def voxel_mm(self) -> float:
        """Edge of a voxel."""
        return self.cube_mm / self.size

    @property
    def cells(self) -> int:
        """Edge H of the heat map; a cell is two voxels wide."""
        return self.size // 2

    @property
    def cell_mm(self) -> float:
        """Edge of a heat-map cell."""
        return 2 * self.voxel_mm

    def to_voxels(
        self, points_mm: Array, center_mm: Array, transform: VolumeTransform | None = None
    ) -> Array:
        """Voxel coordinates of camera-space points.

        Args:
            points_mm: ``(*, 3)``.
            center_mm: broadcastable to ``points_mm``.
            transform: augmentation, broadcastable to the points; None for none.
        Returns:
            ``(*, 3)`` voxels.
        """
        relative = (points_mm - center_mm) * self.size / self.cube_mm
        x, y, z = relative[..., 0], relative[..., 1], relative[..., 2]
        y = -y if self.y_up else y
        if self.rule == "torch7":
            return self._torch7(x, y, z, transform)
        half = self.size / 2
        if transform is None:
            return _stack(x + half, y + half, z + half)
        s, (c, n) = transform.scale, _turn(transform.angle_rad)
        offset = self.original / 2 - transform.shift
        return _stack(s * (x * c - y * n), s * (x * n + y * c), s * z) + offset

    def to_camera(self, coord: Array, center_mm: Array, transform: VolumeTransform | None = None) -> Array:
        """Camera-space points of voxel coordinates: the inverse of the rule ``exact``.

        Args:
            coord: ``(*, 3)`` voxels.
            center_mm: broadcastable to ``coord``.
            transform: the augmentation that was applied, or None.
        Returns:
            ``(*, 3)`` millimetres. For the rule ``torch7``, which rounds, right to about three voxels.
        """
        shift = self.slack / 2 if transform is None else transform.shift
        relative = coord - (self.original / 2 - shift)
        x, y, z = relative[..., 0], relative[..., 1], relative[..., 2]
        if transform is not None:
            sense = -1.0 if self.rule == "torch7" else 1.0
            s, (c, n) = transform.scale, _turn(sense * transform.angle_rad)
            x, y, z = (x * c + y * n) / s, (y * c - x * n) / s, z / s
        y = -y if self.y_up else y
        return _stack(x, y, z) * self.voxel_mm + center_mm

    def voxel_index(self, coord: Array) -> Array:
        """The voxel of a coordinate as a whole float ``(*, 3)``; outside the grid it is < 0 or >= size."""
        library = _library(coord)
        if self.rule == "torch7":
            return library.floor(coord + 0.5)
        return library.floor(coord) if self.lower_face == "floor" else library.trunc(coord)

    def _torch7(self, x: Any, y: Any, z: Any, transform: VolumeTransform | None) -> Any:
        whole = _library(x).floor(_stack(x, y, z) + self.size / 2)
        if transform is None:
            return whole
        # The y axis is flipped around the turn, so the angle has the opposite sense; the pivot is the middle
        # of voxel centres, not of the grid.
        zoomed = self._torch7_zoom(whole + self.slack / 2, transform.scale)
        pivot = (self.original - 1) / 2
        moved = zoomed - pivot
        c, n = _turn(-transform.angle_rad)
        u, v = moved[..., 0], moved[..., 1]
        return _stack(u * c - v * n, u * n + v * c, moved[..., 2]) + pivot - transform.shift

    def _torch7_zoom(self, coord: Any, scale: Any) -> Any:
        library, edge = _library(coord), self.original
        wanted = edge * scale[..., None]
        whole = library.floor(wanted)
        margin = (edge - wanted) / 2
        # Shrinking pads by floor(margin), growing crops floor(-margin): both round towards zero. Whole voxels
        # often land on a half, where the order of division and product decides the rounding.
        return library.where(wanted == edge, coord, coord / edge * whole + library.trunc(margin))


def _turn(angle_rad: Any) -> tuple[Any, Any]:
    library = _library(angle_rad)
    return library.cos(angle_rad), library.sin(angle_rad)


def _library(array: Any) -> Any:
    return torch if isinstance(array, Tensor) else np


def _stack(*columns: Any) -> Any:
    return torch.stack(columns, dim=-1) if isinstance(columns[0], Tensor) else np.stack(columns, axis=-1)
