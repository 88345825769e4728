"""Rotations as unit quaternions (w, x, y, z) and as axis-angle vectors; every function keeps batch shapes."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def normalise_quaternion(quaternion: Tensor, eps: float = 1e-12) -> Tensor:
    """Quaternions ``(*, 4)`` of length 1; those shorter than ``eps`` stay near zero.

    Example:
        >>> normalise_quaternion(torch.tensor([0.0, 3.0, 0.0, 4.0]))
        tensor([0.0000, 0.6000, 0.0000, 0.8000])
    """
    return F.normalize(quaternion, dim=-1, eps=eps)


def invert_quaternion(quaternion: Tensor) -> Tensor:
    """Conjugate over length of quaternions ``(*, 4)``: the inverse of unit quaternions, as published.

    Example:
        >>> invert_quaternion(torch.tensor([0.6, 0.8, 0.0, 0.0]))
        tensor([ 0.6000, -0.8000, -0.0000, -0.0000])
    """
    conjugate = torch.cat((quaternion[..., :1], -quaternion[..., 1:]), -1)
    return conjugate / quaternion.norm(dim=-1, keepdim=True)


def multiply_quaternions(left: Tensor, right: Tensor) -> Tensor:
    """Hamilton product of ``(*, 4)`` with ``(*, 4)``: the rotation ``right``, then ``left``.

    Example:
        >>> i, j = torch.eye(4)[1], torch.eye(4)[2]
        >>> multiply_quaternions(i, j)
        tensor([0., 0., 0., 1.])
    """
    a, b, c, d = left.unbind(-1)
    e, f, g, h = right.unbind(-1)
    return torch.stack(
        (
            a * e - b * f - c * g - d * h,
            a * f + b * e + c * h - d * g,
            a * g - b * h + c * e + d * f,
            a * h + b * g - c * f + d * e,
        ),
        -1,
    )


def quaternion_to_axis_angle(quaternion: Tensor) -> Tensor:
    """Axis times angle in radians, at most pi, of unit quaternions.

    Args:
        quaternion: ``(*, 4)``; q and -q give the same answer.
    Returns:
        ``(*, 3)``, with finite gradients everywhere.
    Example:
        >>> quaternion_to_axis_angle(torch.tensor([0.0, 0.0, 1.0, 0.0]))
        tensor([0.0000, 3.1416, 0.0000])
    """
    w, xyz = quaternion[..., :1], quaternion[..., 1:]
    squared = xyz.square().sum(-1, keepdim=True)
    still = squared == 0
    # The square root has no gradient at 0: what is not used there must be kept out of it.
    sine = torch.where(still, torch.ones_like(squared), squared).sqrt()
    turned = torch.where(w < 0, torch.atan2(-sine, -w), torch.atan2(sine, w))
    return xyz * torch.where(still, torch.full_like(sine, 2.0), 2 * turned / sine)


def axis_angle_to_quaternion(axis_angle: Tensor) -> Tensor:
    """Unit quaternions of rotations given as axis times angle in radians.

    Args:
        axis_angle: ``(*, 3)``.
    Returns:
        ``(*, 4)`` w, x, y, z, with finite gradients everywhere.
    Example:
        >>> axis_angle_to_quaternion(torch.tensor([torch.pi, 0.0, 0.0])).round(decimals=4)
        tensor([-0.,  1.,  0.,  0.])
    """
    squared = axis_angle.square().sum(-1, keepdim=True)
    still = squared == 0
    angle = torch.where(still, torch.ones_like(squared), squared).sqrt()
    factor = torch.where(still, torch.full_like(angle, 0.5), (angle / 2).sin() / angle)
    w = torch.where(still, torch.ones_like(angle), (angle / 2).cos())
    return torch.cat((w, axis_angle * factor), -1)
