"""Rotations out of a network's six numbers; every function keeps batch shapes and runs in float32."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from carpus.geometry.rotations import axis_angle_to_quaternion, quaternion_to_axis_angle

_FLAT = 1e-6


def matrix_from_6d(numbers: Tensor) -> Tensor:
    """Rotation matrices from six numbers each.

    The numbers are a 3×2 matrix row by row; Gram and Schmidt make of its columns the first two of the result.

    Args:
        numbers: ``(*, 6)`` of any precision.
    Returns:
        ``(*, 3, 3)`` float32. No row is special: three at once are turned as any other number of them.
    Example:
        >>> matrix_from_6d(torch.tensor([0.0, -2.0, 3.0, 1.0, 0.0, 0.0])) + 0.0
        tensor([[ 0., -1.,  0.],
                [ 1.,  0.,  0.],
                [ 0.,  0.,  1.]])
    """
    with torch.autocast(numbers.device.type, enabled=False):
        pairs = numbers.float().unflatten(-1, (3, 2))
        first = F.normalize(pairs[..., 0], dim=-1, eps=1e-12)
        second = pairs[..., 1]
        along = (first * second).sum(-1, keepdim=True)
        second = F.normalize(second - along * first, dim=-1, eps=1e-12)
        return torch.stack((first, second, torch.linalg.cross(first, second, dim=-1)), -1)


def quaternion_from_matrix(rotation: Tensor) -> Tensor:
    """Quaternions (w, x, y, z) of rotation matrices, through the branches of torchgeometry 0.1.2.

    Where the angle is pi both signs of the axis are right; published weights and targets were made with
    these branches, so that theirs is the sign to give.

    Args:
        rotation: ``(*, 3, 3)``.
    Returns:
        ``(*, 4)``, of length 1 for rotations; finite with finite gradients also for what is none.
    """
    (r00, r01, r02), (r10, r11, r12), (r20, r21, r22) = (row.unbind(-1) for row in rotation.unbind(-2))
    flat, first_larger, first_below = r22 < _FLAT, r00 > r11, r00 < -r11
    squares = (1 + r00 - r11 - r22, 1 - r00 + r11 - r22, 1 - r00 - r11 + r22, 1 + r00 + r11 + r22)
    tx, ty, tz, tw = squares
    ways = (
        torch.stack((r21 - r12, tx, r10 + r01, r02 + r20), -1),
        torch.stack((r02 - r20, r10 + r01, ty, r21 + r12), -1),
        torch.stack((r10 - r01, r02 + r20, r21 + r12, tz), -1),
        torch.stack((tw, r21 - r12, r02 - r20, r10 - r01), -1),
    )
    chosen = [_choose(flat, first_larger, first_below, *parts) for parts in (ways, squares)]
    return 0.5 * chosen[0] / chosen[1].sqrt()[..., None]


def axis_angle_from_matrix(rotation: Tensor) -> Tensor:
    """Axis times angle in radians, at most pi; 0 in place of what is no number.

    Args:
        rotation: ``(*, 3, 3)``.
    Returns:
        ``(*, 3)`` float32.
    Example:
        >>> axis_angle_from_matrix(torch.tensor([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]]))
        tensor([0.0000, 0.0000, 1.5708])
    """
    with torch.autocast(rotation.device.type, enabled=False):
        found = quaternion_to_axis_angle(quaternion_from_matrix(rotation.float()))
        return torch.where(found.isnan(), 0.0, found)


def matrix_from_axis_angle(axis_angle: Tensor) -> Tensor:
    """Rotation matrices ``(*, 3, 3)`` of ``(*, 3)`` axis times angle in radians.

    Example:
        >>> matrix_from_axis_angle(torch.tensor([0.0, 0.0, torch.pi])).round() + 0.0
        tensor([[-1.,  0.,  0.],
                [ 0., -1.,  0.],
                [ 0.,  0.,  1.]])
    """
    w, x, y, z = axis_angle_to_quaternion(axis_angle).unbind(-1)
    return torch.stack(
        (
            *(1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)),
            *(2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)),
            *(2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)),
        ),
        -1,
    ).unflatten(-1, (3, 3))


def _choose(
    flat: Tensor, first_larger: Tensor, first_below: Tensor, x: Tensor, y: Tensor, z: Tensor, w: Tensor
) -> Tensor:
    if x.ndim > flat.ndim:
        flat, first_larger, first_below = (c[..., None] for c in (flat, first_larger, first_below))
    return torch.where(flat, torch.where(first_larger, x, y), torch.where(first_below, z, w))
