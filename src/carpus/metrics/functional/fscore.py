"""F-score of two point clouds: how much of each lies near the other."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

_CHUNK_PAIRS = 8_000_000
"""Distances held at once: 64 MB, so that the memory does not depend on the batch."""


def nearest_distances(points: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Distance of every point to the nearest of the other cloud, both ways.

    Args:
        points: ``(B, N, C)``.
        target: ``(B, M, C)``.
    Returns:
        ``(B, N)`` from each point and ``(B, M)`` from each target, float64, in the unit of the arguments.
    Example:
        >>> nearest_distances(torch.tensor([[[0.0], [5.0]]]), torch.tensor([[[1.0]]]))
        (tensor([[1., 4.]], dtype=torch.float64), tensor([[1.]], dtype=torch.float64))
    """
    found, exact = points.double(), target.double()
    step = max(1, _CHUNK_PAIRS // max(1, points.shape[1] * target.shape[1]))
    near: tuple[list[Tensor], list[Tensor]] = ([], [])
    for some, true in zip(found.split(step), exact.split(step), strict=True):
        # Without matrix products: their cancellation costs up to 1e-4 mm of meshes half a metre away.
        apart = torch.cdist(some, true, compute_mode="donot_use_mm_for_euclid_dist")
        near[0].append(apart.amin(2))
        near[1].append(apart.amin(1))
    if not near[0]:
        return found.new_zeros(points.shape[:2]), exact.new_zeros(target.shape[:2])
    return torch.cat(near[0]), torch.cat(near[1])


def f_scores(points: Tensor, target: Tensor, thresholds: Sequence[float]) -> Tensor:
    """Harmonic mean of precision and recall of every sample at some distances.

    Precision is the share of points nearer than the threshold to the target, recall that of the target's
    points; strictly nearer, as the public FreiHAND evaluation counts.

    Args:
        points: ``(B, N, C)`` predicted.
        target: ``(B, M, C)`` true.
        thresholds: T distances in the unit of the points.
    Returns:
        ``(B, T)`` float64, 0..1; 0 where nothing is near.
    Example:
        >>> points, target = torch.tensor([[[0.0], [9.0]]]), torch.tensor([[[1.0]]])
        >>> f_scores(points, target, [0.5, 2.0])
        tensor([[0.0000, 0.6667]], dtype=torch.float64)
    """
    from_points, from_target = nearest_distances(points, target)
    at = torch.tensor(list(thresholds), dtype=torch.float64, device=points.device)
    precision = (from_points[..., None] < at).double().mean(1)
    recall = (from_target[..., None] < at).double().mean(1)
    both = precision + recall
    return torch.where(both > 0, 2 * precision * recall / torch.where(both > 0, both, 1.0), 0.0)
