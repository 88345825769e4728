"""Undoing the mirror: the network of hands sees right hands only, left ones are flipped for it."""

from __future__ import annotations

import torch
from torch import Tensor


def mirror_cells(joints: Tensor, columns: int, pixels: int | None = None) -> Tensor:
    """Joints of a mirrored crop in the crop as it was.

    Args:
        joints: ``(B, J, 3)`` in cells.
        columns: cells along x.
        pixels: width of the crop, for the mirror that is exact to the pixel; None is the published one, which
            is off by what half a cell and half a pixel differ.
    Returns:
        ``(B, J, 3)``.
    Example:
        >>> joint = torch.tensor([[[1.0, 2.0, 3.0]]])
        >>> mirror_cells(joint, 8), mirror_cells(joint, 8, 256)
        (tensor([[[6., 2., 3.]]]), tensor([[[6.9688, 2.0000, 3.0000]]]))
    """
    last = columns - 1 if pixels is None else (pixels - 1) / pixels * columns
    return torch.cat((last - joints[..., :1], joints[..., 1:]), -1)


def mirror_axis_angle(pose: Tensor) -> Tensor:
    """Rotations ``(*, 3)`` seen in a mirror across x: the same about x, the other way about y and z.

    Example:
        >>> mirror_axis_angle(torch.tensor([1.0, 2.0, -3.0]))
        tensor([ 1., -2.,  3.])
    """
    return torch.cat((pose[..., :1], -pose[..., 1:]), -1)


def mirror_matrix(rotation: Tensor) -> Tensor:
    """Rotation matrices ``(*, 3, 3)`` seen in a mirror across x."""
    rows = torch.cat((-rotation[..., :1, :], rotation[..., 1:, :]), -2)
    return torch.cat((-rows[..., :1], rows[..., 1:]), -1)
