"""Reading maps: soft-argmax in cells, and features at joints; coordinates are x, y, z, x along the width."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def soft_max(maps: Tensor, axes: int) -> Tensor:
    """Mass over the last ``axes`` axes, in float32 or wider, that sums to 1.

    Args:
        maps: ``(B, J, *)`` of any precision.
        axes: number of axes of one map.
    """
    wide = maps.to(torch.promote_types(maps.dtype, torch.float32))
    return wide.flatten(-axes).softmax(-1).unflatten(-1, tuple(maps.shape[-axes:]))


def mean_cell(mass: Tensor, axes: int) -> Tensor:
    """Mean index, (x, y) or (x, y, z): the first cell is 0, the last one of n is n - 1.

    Args:
        mass: ``(B, J, H, W)`` or ``(B, J, D, H, W)`` of :func:`soft_max`.
        axes: number of axes of one map, 2 or 3.
    Returns:
        ``(B, J, axes)``.
    Example:
        >>> mean_cell(torch.tensor([[[[0.0, 0.25, 0.0], [0.0, 0.0, 0.75]]]]), 2)
        tensor([[[1.7500, 0.7500]]])
    """
    means = []
    for axis in range(-1, -axes - 1, -1):
        margin = mass.sum([other for other in range(-axes, 0) if other != axis])
        index = torch.arange(mass.shape[axis], dtype=mass.dtype, device=mass.device)
        # Not a matrix product, which autocast would round to eight bits.
        means.append((margin * index).sum(-1))
    return torch.stack(means, -1)


def sample_features(features: Tensor, joints: Tensor) -> Tensor:
    """Features at joints, bilinear between the centres of cells, 0 outside the map.

    Args:
        features: ``(B, C, H, W)``.
        joints: ``(B, J, 2 or more)`` in cells, x and y first.
    Returns:
        ``(B, J, C)`` in the precision of the joints.
    Example:
        >>> maps = torch.tensor([[[[0.0, 4.0], [0.0, 4.0]], [[2.0, 6.0], [2.0, 6.0]]]])
        >>> sample_features(maps, torch.tensor([[[0.5, 1.0]]]))
        tensor([[[2., 4.]]])
    """
    last_x, last_y = max(features.shape[3] - 1, 1), max(features.shape[2] - 1, 1)
    grid = torch.stack((joints[..., 0] / last_x, joints[..., 1] / last_y), -1)[:, :, None] * 2 - 1
    found = F.grid_sample(features.to(joints.dtype), grid, align_corners=True)
    return found[..., 0].transpose(1, 2)
