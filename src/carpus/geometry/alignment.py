"""Alignment of predicted points to true ones: by root, by scale, by a similarity transform."""

from __future__ import annotations

import torch
from torch import Tensor

from carpus.errors import ConfigError, unknown

ALIGNMENTS = ("none", "scale", "procrustes")


def align(points: Tensor, target: Tensor, alignment: str = "none") -> Tensor:
    """Points brought as close to the target as the named family of transforms allows.

    Args:
        points: ``(*, J, C)`` predicted, any unit.
        target: ``(*, J, C)`` true, the same unit.
        alignment: ``none``, ``scale`` (a factor about the origin), ``procrustes`` (scale, rotation, shift).
    Returns:
        ``(*, J, C)``; every point takes part in the fit, a mask only belongs in the mean afterwards.
    Raises:
        ConfigError: for an alignment nobody knows.
    """
    if alignment == "none":
        return points
    if alignment == "scale":
        return align_scale(points, target)
    if alignment == "procrustes":
        return align_similarity(points, target)
    raise ConfigError(unknown("alignment", alignment, ALIGNMENTS))


def align_root(points: Tensor, root: int) -> Tensor:
    """Points ``(*, J, C)`` relative to joint number ``root``.

    Example:
        >>> align_root(torch.tensor([[1.0, 2.0], [4.0, 6.0]]), root=0)
        tensor([[0., 0.],
                [3., 4.]])
    """
    return points - points[..., root : root + 1, :]


def align_scale(points: Tensor, target: Tensor) -> Tensor:
    """Points ``(*, J, C)`` times the factor, about the origin, with the least squared error to the target.

    Example:
        >>> align_scale(torch.tensor([[1.0, 0.0]]), torch.tensor([[3.0, 1.0]]))
        tensor([[3., 0.]])
    """
    square = (points * points).sum(dim=(-2, -1), keepdim=True)
    factor = (points * target).sum(dim=(-2, -1), keepdim=True) / square.clamp_min(
        torch.finfo(points.dtype).tiny
    )
    return points * factor


def align_similarity(points: Tensor, target: Tensor) -> Tensor:
    """Points after the similarity transform (no reflection) with the least squared error to the target.

    Args:
        points: ``(*, J, C)``.
        target: ``(*, J, C)``.
    Returns:
        ``(*, J, C)`` scale · R · points + shift.
    Example:
        >>> square = torch.tensor([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]], dtype=torch.float64)
        >>> turned = 3 * square @ torch.tensor([[0.0, 1.0], [-1.0, 0.0]], dtype=torch.float64) + 5
        >>> torch.allclose(align_similarity(square, turned), turned)
        True
    """
    rotation, scale, shift = fit_similarity(points, target)
    return scale[..., None, None] * points @ rotation.mT + shift[..., None, :]


def fit_similarity(points: Tensor, target: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Least-squares similarity transform between point sets (Umeyama).

    Args:
        points: ``(*, J, C)``.
        target: ``(*, J, C)``.
    Returns:
        rotation ``(*, C, C)`` with determinant +1, scale ``(*)``, shift ``(*, C)``, so that
        ``scale · rotation · point + shift`` is near the target.
    """
    mean, target_mean = points.mean(dim=-2, keepdim=True), target.mean(dim=-2, keepdim=True)
    centred, target_centred = points - mean, target - target_mean
    u, singular, vt = torch.linalg.svd(target_centred.mT @ centred)
    sign = torch.ones_like(singular)
    sign[..., -1] = torch.where(torch.linalg.det(u @ vt) < 0, -1.0, 1.0)
    rotation = (u * sign[..., None, :]) @ vt
    spread = (centred * centred).sum(dim=(-2, -1)).clamp_min(torch.finfo(points.dtype).tiny)
    scale = (singular * sign).sum(dim=-1) / spread
    shift = target_mean.squeeze(-2) - scale[..., None] * (mean @ rotation.mT).squeeze(-2)
    return rotation, scale, shift
