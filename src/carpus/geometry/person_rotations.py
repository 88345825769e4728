"""Rotations of people's joints: matrices to quaternions, turns about the optical axis, mirror images."""

from __future__ import annotations

import torch
from torch import Tensor

from carpus.geometry.rotations import axis_angle_to_quaternion, multiply_quaternions, quaternion_to_axis_angle


def matrix_to_quaternion(rotation: Tensor) -> Tensor:
    """Unit quaternions of rotation matrices, exact to rounding also for turns by half a circle.

    Args:
        rotation: ``(*, 3, 3)``.
    Returns:
        ``(*, 4)`` w, x, y, z with w >= 0, up to rounding.
    Example:
        >>> matrix_to_quaternion(torch.tensor([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]))
        tensor([0.7071, 0.0000, 0.0000, 0.7071])
    """
    (a, b, c), (d, e, f), (g, h, i) = (row.unbind(-1) for row in rotation.unbind(-2))
    # Each row is the quaternion times four of its own components: the one of the largest divides best.
    rows = torch.stack(
        (
            torch.stack((1 + a + e + i, h - f, c - g, d - b), -1),
            torch.stack((h - f, 1 + a - e - i, b + d, c + g), -1),
            torch.stack((c - g, b + d, 1 - a + e - i, f + h), -1),
            torch.stack((d - b, c + g, f + h, 1 - a - e + i), -1),
        ),
        -2,
    )
    best = rows.diagonal(dim1=-2, dim2=-1).argmax(-1)
    row = rows.gather(-2, best[..., None, None].expand(*best.shape, 1, 4)).squeeze(-2)
    row = row * torch.where(row[..., :1] < 0, -1.0, 1.0).to(row.dtype)
    return row / row.norm(dim=-1, keepdim=True)


def turn_about_z(turn_deg: Tensor) -> Tensor:
    """Quaternions ``(*, 4)`` of turns ``(*)`` in degrees from x towards y.

    Example:
        >>> turn_about_z(torch.tensor(180.0)).round(decimals=4)
        tensor([-0.,  0.,  0.,  1.])
    """
    half = torch.deg2rad(turn_deg) / 2
    nothing = torch.zeros_like(half)
    return torch.stack((half.cos(), nothing, nothing, half.sin()), -1)


def turned_points(points: Tensor, turn_deg: Tensor) -> Tensor:
    """Points ``(B, N, 3)`` turned about z by ``(B,)`` degrees from x towards y.

    Example:
        >>> turned_points(torch.tensor([[[1.0, 0.0, 5.0]]]), torch.tensor([90.0])).round(decimals=4) + 0.0
        tensor([[[0., 1., 5.]]])
    """
    turn = torch.deg2rad(turn_deg)[:, None]
    sine, cosine = turn.sin(), turn.cos()
    x, y, z = points.unbind(-1)
    return torch.stack((cosine * x - sine * y, sine * x + cosine * y, z), -1)


def rotated_points(points: Tensor, rotation: Tensor) -> Tensor:
    """Points ``(B, N, 3)`` under rotations ``(B, 3, 3)``.

    Example:
        >>> quarter = torch.tensor([[[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]])
        >>> rotated_points(torch.tensor([[[1.0, 0.0, 5.0]]]), quarter)
        tensor([[[0., 1., 5.]]])
    """
    # Written out: as a matrix product it would run in reduced precision under autocast or TF32.
    return (points[..., None, :] * rotation[:, None]).sum(-1)


def compose(rotation: Tensor, axis_angle: Tensor) -> Tensor:
    """The rotation that turns first by ``axis_angle``, then by ``rotation``.

    Args:
        rotation: ``(*, 4)`` quaternion.
        axis_angle: ``(*, 3)`` radians.
    Returns:
        ``(*, 3)`` radians, at most pi.
    Example:
        >>> compose(turn_about_z(torch.tensor(60.0)), torch.tensor([0.0, 0.0, torch.pi / 6]))
        tensor([0.0000, 0.0000, 1.5708])
    """
    return quaternion_to_axis_angle(multiply_quaternions(rotation, axis_angle_to_quaternion(axis_angle)))


def mirrored_rotation(axis_angle: Tensor) -> Tensor:
    """Rotations ``(*, 3)`` as they look in a picture mirrored left to right.

    Example:
        >>> mirrored_rotation(torch.tensor([0.1, 0.2, 0.3]))
        tensor([ 0.1000, -0.2000, -0.3000])
    """
    return axis_angle * axis_angle.new_tensor((1.0, -1.0, -1.0))
