"""Share of heat maps whose largest cell is near that of their target, as published for the seed stage."""

from __future__ import annotations

import torch
from torch import Tensor

from carpus.codecs.heatmap2d_decode import positive_peaks
from carpus.metrics.functional.errors import full_mask, joint_errors

TOLERANCE = 0.05
"""Share of the maps' side that counts as near: 3.2 of 64 cells, 12.8 of 256 crop pixels."""


def heatmap_hits(heatmaps: Tensor, target: Tensor, veil: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Which maps have their peak nearer than 5 % of their side to the target's, and which count.

    As published, a target whose largest cell lies in the first row or column does not count.

    Args:
        heatmaps: ``(B, J, H, W)`` predicted, raw values; one without a positive value peaks in (0, 0).
        target: same shape.
        veil: ``(B, J)`` bool or 0/1: maps that count; None for all.
    Returns:
        ``(B, J)`` bool each.
    Raises:
        ValueError: if the shapes differ.
    Example:
        >>> target = torch.zeros(1, 2, 64, 64)
        >>> target[0, :, 8, 8] = 1.0
        >>> heatmap_hits(target.roll(3, dims=2), target)[0], heatmap_hits(target.roll(4, dims=2), target)[0]
        (tensor([[True, True]]), tensor([[False, False]]))
    """
    if heatmaps.shape != target.shape:
        raise ValueError(f"heatmaps {tuple(heatmaps.shape)} and target {tuple(target.shape)} differ in shape")
    found, true = positive_peaks(heatmaps).cells, positive_peaks(target).cells
    size = torch.tensor(target.shape[:-3:-1], dtype=torch.float64, device=target.device)
    away = joint_errors(found.double() / size, true.double() / size)
    return away < TOLERANCE, full_mask(away, veil) & (true >= 1).all(-1)


def heatmap_pck(heatmaps: Tensor, target: Tensor, veil: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Shares per joint of :func:`heatmap_hits`, and their mean.

    Args:
        heatmaps: ``(B, J, H, W)`` predicted.
        target: same shape.
        veil: ``(B, J)`` bool or 0/1, or None.
    Returns:
        ``(J,)`` float64 shares 0..1, NaN for a joint that never counts, and the mean over the others.
    """
    hits, counted = heatmap_hits(heatmaps, target, veil)
    per_joint = (hits & counted).sum(0) / counted.sum(0).double()
    return per_joint, per_joint.nanmean()
