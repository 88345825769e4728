"""Heat-map volumes of joints: Gaussians with arg-max, trilinear weights with soft-argmax.

A volume has one map of H³ cells per joint, indexed [x][y][z]; a cell is two voxels of the input grid wide.
The two codecs differ by half a cell in what cell i stands for, so a target's own codec must decode it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from carpus.errors import ConfigError
from carpus.geometry.voxels import VolumeTransform, VoxelGrid

_PER_JOINT = (slice(None), None)


class Decoded(NamedTuple):
    """``joints_cam_mm`` ``(B, J, 3)`` and ``joint_scores`` ``(B, J)``."""

    joints_cam_mm: Tensor
    joint_scores: Tensor


class VolumeCodec(Protocol):
    """What a method may rely on in either codec."""

    def encode(
        self, joints_cam_mm: Tensor, center_mm: Tensor, transform: VolumeTransform | None = None
    ) -> dict[str, Tensor]:
        """Named targets of a batch."""
        ...

    def decode(self, volume: Tensor, center_mm: Tensor, transform: VolumeTransform | None = None) -> Decoded:
        """Joints of predicted volumes."""
        ...

    def idle_loss(self, targets: Mapping[str, Tensor]) -> Tensor:
        """Heat-map loss of a network that has learnt nothing yet."""
        ...


@dataclass(frozen=True)
class GaussianVolume:
    """A Gaussian of height 1 around each joint; decoded at the largest cell.

    Cell i stands for i + 1/2 (grid rule ``torch7``: for i in the target, i + 1/4 in the answer, because that
    rule has floored half a voxel away). Joints outside the cube still show the tail inside.

    Args:
        grid: the input grid.
        sigma: standard deviation in cells.
        window: 0 decodes the middle of the largest cell; r > 0 the centre of mass of the positive values in
            the (2r + 1)³ cells around it, which removes most of the rounding (4 suits σ 1.7).
    """

    grid: VoxelGrid
    sigma: float = 1.7
    window: int = 0

    def __post_init__(self) -> None:
        if not self.sigma > 0 or self.window < 0:
            raise ConfigError(
                f"GaussianVolume: sigma {self.sigma} must be > 0 cells and window {self.window} >= 0 cells"
            )

    def encode(
        self, joints_cam_mm: Tensor, center_mm: Tensor, transform: VolumeTransform | None = None
    ) -> dict[str, Tensor]:
        """Targets of a batch.

        Args:
            joints_cam_mm: ``(B, J, 3)``.
            center_mm: ``(B, 3)``.
            transform: augmentation with leading dimension B, or None.
        Returns:
            ``heatmap_target`` ``(B, J, H, H, H)``.
        """
        x, y, z = self.axis_factors(_cells(self.grid, joints_cam_mm, center_mm, transform)).unbind(-2)
        plane = y[..., :, None] * z[..., None, :]
        return {"heatmap_target": x[..., :, None, None] * plane[..., None, :, :]}

    def axis_factors(self, cells: Tensor) -> Tensor:
        """Profiles ``(*, 3, H)`` whose outer product is the map of a joint at ``cells`` ``(*, 3)``."""
        middle = 0.0 if self.grid.rule == "torch7" else 0.5
        index = torch.arange(self.grid.cells, dtype=cells.dtype, device=cells.device) + middle
        return torch.exp(-0.5 * ((index - cells[..., None]) / self.sigma).square())

    def decode(self, volume: Tensor, center_mm: Tensor, transform: VolumeTransform | None = None) -> Decoded:
        """Joints at the maxima, the first one in [x][y][z] order where there are several.

        Args:
            volume: ``(B, J, H, H, H)``.
            center_mm: ``(B, 3)``.
            transform: the augmentation the input went through, or None.
        Returns:
            Joints, and the height of each map as its score.
        """
        peak, score = argmax_cells(volume)
        cells = _around(volume, peak, self.window) if self.window else peak.to(center_mm.dtype)
        middle = 0.25 if self.grid.rule == "torch7" else 0.5
        moved = None if transform is None else transform.at(_PER_JOINT)
        return Decoded(self.grid.to_camera(2 * (cells + middle), center_mm[:, None], moved), score)

    def idle_loss(self, targets: Mapping[str, Tensor]) -> Tensor:
        """Mean square of the target: the loss of an all-zero answer (3.2e-4 for 44 cells and σ 1.7)."""
        return targets["heatmap_target"].square().mean()


@dataclass(frozen=True)
class TrilinearVolume:
    """Weights on the eight cells around each joint; decoded by the mean cell under the soft-max.

    Cell i stands for the coordinate i.

    Args:
        grid: the input grid, of the rule ``exact``.
        clip_max: largest coordinate in cells; None is H - 1, 42 reproduces the PyTorch port at 44 cells.
    """

    grid: VoxelGrid
    clip_max: float | None = None

    def __post_init__(self) -> None:
        if self.grid.rule != "exact":
            raise ConfigError(
                "TrilinearVolume: the grid's rule must be 'exact'; torch7 only has Gaussian maps"
            )
        if self.clip_max is not None and not 0 < self.clip_max <= self.grid.cells - 1:
            raise ConfigError(f"clip_max {self.clip_max}: must lie in (0, {self.grid.cells - 1}] cells")

    def encode(
        self, joints_cam_mm: Tensor, center_mm: Tensor, transform: VolumeTransform | None = None
    ) -> dict[str, Tensor]:
        """Targets of a batch, the map in sparse form.

        Args:
            joints_cam_mm: ``(B, J, 3)``.
            center_mm: ``(B, 3)``.
            transform: augmentation with leading dimension B, or None.
        Returns:
            ``coord_target`` ``(B, J, 3)`` in cells; ``heatmap_cells`` ``(B, J, 8)`` int64 flat indices into a
            map and their ``heatmap_weights`` ``(B, J, 8)``, which sum to 1.
        """
        limit = self.grid.cells - 1 if self.clip_max is None else self.clip_max
        coord = _cells(self.grid, joints_cam_mm, center_mm, transform).clamp(0, limit)
        cells, weights = corner_weights(coord, self.grid.cells)
        return {"coord_target": coord, "heatmap_cells": cells, "heatmap_weights": weights}

    def dense(self, targets: Mapping[str, Tensor]) -> Tensor:
        """The target as a volume ``(B, J, H, H, H)``; training does not need it."""
        cells, weights, edge = targets["heatmap_cells"], targets["heatmap_weights"], self.grid.cells
        flat = weights.new_zeros(*cells.shape[:-1], edge**3)
        return flat.scatter_add_(-1, cells, weights).unflatten(-1, (edge, edge, edge))

    def decode(self, volume: Tensor, center_mm: Tensor, transform: VolumeTransform | None = None) -> Decoded:
        """Joints at the mean cell.

        Args:
            volume: ``(B, J, H, H, H)`` logits.
            center_mm: ``(B, 3)``.
            transform: the augmentation the input went through, or None.
        Returns:
            Joints, and as score the soft-max mass of the eight cells around each.
        """
        mass = soft_max(volume)
        mean = mean_cell(mass)
        around, _ = corner_weights(mean, self.grid.cells)
        moved = None if transform is None else transform.at(_PER_JOINT)
        joints = self.grid.to_camera(2 * mean, center_mm[:, None], moved)
        return Decoded(joints, mass.flatten(2).gather(2, around).sum(-1))

    def idle_loss(self, targets: Mapping[str, Tensor]) -> Tensor:
        """Three times ln H: the cross-entropy of a uniform answer (11.35 for 44 cells)."""
        return targets["heatmap_weights"].new_tensor(3 * math.log(self.grid.cells))


def argmax_cells(volume: Tensor) -> tuple[Tensor, Tensor]:
    """Cell ``(B, J, 3)`` int64 of each map's first maximum, and its value ``(B, J)`` float32 or wider."""
    flat = volume.flatten(2)
    value, index = flat.max(-1)
    _, height, depth = volume.shape[2:]
    cells = torch.stack((index // (height * depth), index // depth % height, index % depth), -1)
    return cells, value.to(torch.promote_types(value.dtype, torch.float32))


def soft_max(volume: Tensor) -> Tensor:
    """Soft-max over all cells of each map ``(B, J, D, H, W)``, in float32 or wider."""
    dtype = torch.promote_types(volume.dtype, torch.float32)
    return torch.softmax(volume.flatten(2), -1, dtype=dtype).unflatten(-1, tuple(volume.shape[2:]))


def mean_cell(mass: Tensor) -> Tensor:
    """Mean index ``(B, J, 3)`` of maps ``(B, J, D, H, W)`` that sum to 1."""
    plane = mass.sum(-1)
    margins = (plane.sum(-1), plane.sum(-2), mass.sum((-3, -2)))
    # A product and a sum: a matrix product would run in half precision under autocast.
    return torch.stack(
        [(m * torch.arange(m.shape[-1], dtype=m.dtype, device=m.device)).sum(-1) for m in margins], -1
    )


def soft_argmax(volume: Tensor) -> Tensor:
    """Mean cell under the soft-max of each map.

    Args:
        volume: ``(B, J, D, H, W)`` logits of any precision.
    Returns:
        ``(B, J, 3)`` cells along D, H, W.
    Example:
        >>> soft_argmax(torch.zeros(1, 1, 3, 5, 7))
        tensor([[[1.0000, 2.0000, 3.0000]]])
    """
    return mean_cell(soft_max(volume))


def corner_weights(coord: Tensor, edge: int) -> tuple[Tensor, Tensor]:
    """Trilinear weights of the eight cells around each coordinate.

    Args:
        coord: ``(*, 3)`` cells in [0, edge - 1].
        edge: cells per axis.
    Returns:
        ``(*, 8)`` int64 flat indices into ``edge³`` cells, and ``(*, 8)`` weights that sum to 1.
    """
    lower = coord.floor().clamp(0, edge - 2)
    corner = torch.tensor(
        [[i, j, k] for i in (0, 1) for j in (0, 1) for k in (0, 1)], dtype=coord.dtype, device=coord.device
    )
    cells = lower[..., None, :] + corner
    weights = (1 - (cells - coord[..., None, :]).abs()).clamp(min=0).prod(-1)
    i, j, k = cells.long().unbind(-1)
    return (i * edge + j) * edge + k, weights / weights.sum(-1, keepdim=True)


def _cells(
    grid: VoxelGrid, joints_cam_mm: Tensor, center_mm: Tensor, transform: VolumeTransform | None
) -> Tensor:
    moved = None if transform is None else transform.at(_PER_JOINT)
    return grid.to_voxels(joints_cam_mm, center_mm[:, None], moved) / 2


def _around(volume: Tensor, peak: Tensor, radius: int) -> Tensor:
    """Centre of mass ``(B, J, 3)`` of the positive values around each peak."""
    edge = volume.shape[-1]
    span = torch.arange(-radius, radius + 1, device=volume.device)
    offsets = torch.cartesian_prod(span, span, span)
    cells = peak[..., None, :] + offsets
    inside = ((cells >= 0) & (cells < edge)).all(-1)
    i, j, k = cells.clamp(0, edge - 1).unbind(-1)
    values = volume.flatten(2).gather(2, (i * edge + j) * edge + k)
    values = values.to(torch.promote_types(values.dtype, torch.float32)).clamp(min=0) * inside
    # A map without a positive value keeps its peak.
    total = values.sum(-1, keepdim=True)
    mean = (values[..., None] * offsets).sum(-2) / total.clamp(min=torch.finfo(values.dtype).tiny)
    return peak + mean
