"""Losses on heat-map volumes ``(B, J, D, H, W)``, computed in float32 whatever the network does."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from carpus.codecs.volume import soft_argmax
from carpus.losses.reduce import masked_mean


def volume_mse(volume: Tensor, target: Tensor, valid: Tensor | None = None) -> Tensor:
    """Mean square difference over batch, joints and cells.

    Args:
        volume: ``(B, J, D, H, W)``.
        target: same shape.
        valid: ``(B, J)`` bool, joints that count; None for all.
    Returns:
        Scalar.
    """
    difference = _float(volume) - target
    return masked_mean(difference.square().mean((-3, -2, -1)), valid)


def volume_cross_entropy(volume: Tensor, target: Tensor, valid: Tensor | None = None) -> Tensor:
    """Mean over batch and joints of -Σ target · log-softmax(volume), the sum over all cells.

    Args:
        volume: ``(B, J, D, H, W)`` logits.
        target: same shape, each map summing to 1.
        valid: ``(B, J)`` bool or None.
    Returns:
        Scalar.
    """
    logits = _float(volume).flatten(2)
    return masked_mean(torch.logsumexp(logits, -1) - (logits * target.flatten(2)).sum(-1), valid)


def sparse_volume_cross_entropy(
    volume: Tensor, cells: Tensor, weights: Tensor, valid: Tensor | None = None
) -> Tensor:
    """:func:`volume_cross_entropy` of targets with few non-zero cells, without ever building them.

    Args:
        volume: ``(B, J, D, H, W)`` logits.
        cells: ``(B, J, K)`` int64 flat indices into a map.
        weights: ``(B, J, K)`` summing to 1.
        valid: ``(B, J)`` bool or None.
    Returns:
        Scalar.
    """
    logits = _float(volume).flatten(2)
    return masked_mean(torch.logsumexp(logits, -1) - (logits.gather(2, cells) * weights).sum(-1), valid)


def coordinate_l1(volume: Tensor, coord_target: Tensor, valid: Tensor | None = None) -> Tensor:
    """Mean absolute difference of the soft-argmax to the target, in cells.

    Args:
        volume: ``(B, J, D, H, W)`` logits.
        coord_target: ``(B, J, 3)`` cells.
        valid: ``(B, J)`` bool or None.
    Returns:
        Scalar.
    """
    return masked_mean((soft_argmax(volume) - coord_target).abs().mean(-1), valid)


class VolumeMSE:
    """:func:`volume_mse` of ``outputs["volume"]`` and ``batch["heatmap_target"]``."""

    def __call__(self, outputs: Mapping[str, Tensor], batch: Mapping[str, Tensor]) -> Tensor:
        """Scalar loss of a prepared batch."""
        return volume_mse(outputs["volume"], batch["heatmap_target"], batch.get("joint_valid"))


class VolumeCrossEntropy:
    """:func:`sparse_volume_cross_entropy` with ``batch["heatmap_cells"]`` and ``["heatmap_weights"]``."""

    def __call__(self, outputs: Mapping[str, Tensor], batch: Mapping[str, Tensor]) -> Tensor:
        """Scalar loss of a prepared batch."""
        cells, weights = batch["heatmap_cells"], batch["heatmap_weights"]
        return sparse_volume_cross_entropy(outputs["volume"], cells, weights, batch.get("joint_valid"))


class CoordinateL1:
    """:func:`coordinate_l1` of ``outputs["volume"]`` and ``batch["coord_target"]``."""

    def __call__(self, outputs: Mapping[str, Tensor], batch: Mapping[str, Tensor]) -> Tensor:
        """Scalar loss of a prepared batch."""
        return coordinate_l1(outputs["volume"], batch["coord_target"], batch.get("joint_valid"))


def _float(volume: Tensor) -> Tensor:
    return volume.to(torch.promote_types(volume.dtype, torch.float32))
