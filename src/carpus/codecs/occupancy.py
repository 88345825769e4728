"""Binary occupancy volumes from ragged point clouds."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from carpus.geometry.voxels import VolumeTransform, VoxelGrid


@dataclass(frozen=True)
class Occupancy:
    """Marks every voxel that holds a point, for a whole batch at once.

    Args:
        grid: geometry and conventions of the volume.
    """

    grid: VoxelGrid

    def encode(
        self,
        points_cam_mm: Tensor,
        lengths: Tensor,
        center_mm: Tensor,
        transform: VolumeTransform | None = None,
    ) -> Tensor:
        """Occupancy of B clouds.

        Args:
            points_cam_mm: ``(N, 3)`` the points of all samples, one sample after the other.
            lengths: ``(B,)`` number of points per sample, summing to N.
            center_mm: ``(B, 3)`` middle of each cube.
            transform: augmentation with leading dimension B, or None.
        Returns:
            ``(B, 1, S, S, S)`` float32, 1 where there is a point; points outside are left out.
        Example:
            >>> codec = Occupancy(VoxelGrid(cube_mm=80.0, size=8))
            >>> volume = codec.encode(torch.zeros(1, 3), torch.tensor([1, 0]), torch.zeros(2, 3))
            >>> volume.sum((1, 2, 3, 4)).tolist(), volume[0, 0, 4, 4, 4].item()
            ([1.0, 0.0], 1.0)
        """
        samples, size = len(lengths), self.grid.size
        owner = torch.repeat_interleave(
            torch.arange(samples, device=lengths.device), lengths, output_size=len(points_cam_mm)
        )
        moved = None if transform is None else transform.at(owner)
        index = self.grid.voxel_index(self.grid.to_voxels(points_cam_mm, center_mm[owner], moved))
        inside = ((index >= 0) & (index < size)).all(-1)
        i, j, k = index.nan_to_num(0.0).clamp(0, size - 1).long().unbind(-1)
        flat = ((owner * size + i) * size + j) * size + k
        # One slot behind the volumes swallows what lies outside: no boolean indexing, so no wait for the GPU.
        flat = torch.where(inside, flat, samples * size**3)
        volume = torch.zeros(samples * size**3 + 1, device=points_cam_mm.device)
        volume.index_fill_(0, flat, 1.0)
        return volume[:-1].view(samples, 1, size, size, size)
