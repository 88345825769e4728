"""The terms of the depth losses as pure functions, in float32 whatever the network does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, get_args

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from carpus.errors import ConfigError, unknown
from carpus.nets.depth_cr.layers import penalised_parameters

Reduction = Literal["sum", "mean", "batch_mean"]
"""Over everything; mean over every number; sum over a sample's numbers and mean over the samples."""


def pose_error(
    joints: Tensor, target: Tensor, valid: Tensor | None = None, reduction: Reduction = "sum"
) -> Tensor:
    """Half the squared difference of coordinates.

    Args:
        joints: ``(B, J, 3)`` mm.
        target: same shape.
        valid: ``(B, J)`` bool, joints that count; None for all.
        reduction: the published form is ``sum``, which grows with the batch.
    Returns:
        Scalar, mm².
    Example:
        >>> pose_error(torch.ones(2, 1, 3), torch.zeros(2, 1, 3)).item()
        3.0
    """
    return _reduce(0.5 * (_float(joints) - target).square().sum(-1), 3, valid, reduction)


def map_error(
    maps: Sequence[Tensor], target: Tensor, valid: Tensor | None = None, reduction: Reduction = "mean"
) -> Tensor:
    """Smooth L1 difference (quadratic within 1) of each stage's maps, summed over the stages.

    Args:
        maps: ``(B, K, *)`` of every stage.
        target: ``(B, K, *)``; void positions count like any other.
        valid: ``(B, K)`` bool, channels that count; None for all.
        reduction: the published form is ``mean``.
    Returns:
        Scalar.
    """
    stages = [F.smooth_l1_loss(_float(m), target.float(), reduction="none").flatten(2) for m in maps]
    return _total([_reduce(s.sum(-1), s.shape[-1], valid, reduction) for s in stages])


def unit_error(
    directions: Sequence[Tensor],
    valid: Tensor | None = None,
    reduction: Reduction = "mean",
    filled: Tensor | None = None,
) -> Tensor:
    """Smooth L1 distance of the squared length of predicted directions from 1, summed over the stages.

    Args:
        directions: ``(B, 3J, *)`` of every stage, joint after joint.
        valid: ``(B, J)`` bool, joints that count; None for all.
        reduction: the published form is ``mean``.
        filled: ``(B, *)`` bool, positions that count; None for all, as published, although the map target
            of a void position has length 0.
    Returns:
        Scalar.
    """
    terms = []
    for stage in directions:
        lengths = _float(stage).unflatten(1, (-1, 3)).square().sum(2)
        errors = F.smooth_l1_loss(lengths, torch.ones_like(lengths), reduction="none").flatten(2)
        if filled is None:
            terms.append(_reduce(errors.sum(-1), errors.shape[-1], valid, reduction))
        else:
            kept = filled.flatten(1).to(errors.dtype)
            share = kept.sum() / len(kept)
            terms.append(_reduce((errors * kept[:, None]).sum(-1), share.clamp(min=1), valid, reduction))
    return _total(terms)


def voxel_cross_entropy(
    logits: Sequence[Tensor], labels: Tensor, valid: Tensor | None = None, reduction: Reduction = "batch_mean"
) -> Tensor:
    """Soft-max cross-entropy over all voxels of each joint's volume, summed over the stages.

    Args:
        logits: ``(B, J, S, S, S)`` or ``(B, J, S³)`` of every stage.
        labels: ``(B, J)`` int64, voxel (ix·S + iy)·S + iz of each joint.
        valid: ``(B, J)`` bool, joints that count; None for all.
        reduction: the published form is ``batch_mean``: a sum over joints, a mean over the batch.
    Returns:
        Scalar, nats.
    """
    flat = [_float(stage).flatten(2) for stage in logits]
    errors = [s.logsumexp(-1) - s.gather(2, labels.long()[..., None])[..., 0] for s in flat]
    return _total([_reduce(e, 1, valid, reduction) for e in errors])


def l2_penalty(net: nn.Module, scale: float = 0.01) -> Tensor:
    """Half the scaled sum of squares of every weight and bias of a depth network; shifts stay free.

    Args:
        net: the network.
        scale: factor.
    Returns:
        Scalar.
    """
    return 0.5 * scale * torch.stack([p.float().square().sum() for p in penalised_parameters(net)]).sum()


def anchor2_error(
    anchors: Tensor, target: Tensor, positive_weight: float = 10.0, reduction: Reduction = "mean"
) -> Tensor:
    """Error of the image locator: cross-entropy of the cells and smooth L1 of every cell's three numbers.

    Args:
        anchors: ``(B, 256)`` 64 logits, then 3 numbers per cell.
        target: ``(B, 256)`` one-hot cell, then 3 numbers per cell.
        positive_weight: factor of the true cell in the cross-entropy.
        reduction: the published form is ``mean``, over each of the two parts by itself.
    Returns:
        Scalar.
    """
    cells = anchors.shape[1] // 4
    found, asked = _float(anchors), target.float()
    factor = found.new_tensor(positive_weight)
    cross = F.binary_cross_entropy_with_logits(
        found[:, :cells], asked[:, :cells], reduction="none", pos_weight=factor
    )
    boxes = F.smooth_l1_loss(found[:, cells:], asked[:, cells:], reduction="none")
    return _total([_reduce(part, 1, None, reduction) for part in (cross, boxes)])


def anchor3_error(
    anchors: Tensor, target: Tensor, factor: float = 4.0, reduction: Reduction = "sum"
) -> Tensor:
    """Error of the scene locator: half the squared difference of all its numbers.

    Args:
        anchors: ``(B, 2560)``.
        target: same shape.
        factor: scale of the numbers before squaring; 4 = 480 mm / 120 mm.
        reduction: the published form is ``sum``.
    Returns:
        Scalar.
    """
    return _reduce(0.5 * (factor * (_float(anchors) - target)).square(), 1, None, reduction)


def _reduce(errors: Tensor, share: float | Tensor, valid: Tensor | None, reduction: Reduction) -> Tensor:
    """Reduce ``(B, K)`` sums of ``share`` numbers each."""
    count = errors.numel() if valid is None else valid.sum().clamp(min=1)
    total = (errors if valid is None else errors.masked_fill(~valid, 0.0)).sum()
    if reduction == "sum":
        return total
    if reduction == "batch_mean":
        return total / len(errors)
    if reduction == "mean":
        return total / (count * share)
    raise ConfigError(unknown("reduction", reduction, get_args(Reduction)))


def _total(terms: Sequence[Tensor]) -> Tensor:
    return torch.stack(list(terms)).sum()


def _float(values: Tensor) -> Tensor:
    return values.to(torch.promote_types(values.dtype, torch.float32))
