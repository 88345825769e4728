"""The losses of 2DHandFlow and of BiHand's first two stages: heat maps, silhouette, flow, joints, depth.

Each sums over the answers of a network's stacks: a list, or a tensor whose first axis is the stack. All are
computed in float32 or wider. As published, what is not annotated counts as zero in means over all values.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from carpus.errors import ConfigError, unknown
from carpus.nets.flows.likelihood import NORMALISE, normalise_nll

Stacks = Sequence[Tensor] | Tensor
"""Answers of S stacks: a sequence, or one tensor whose first axis is S."""
Outputs = Mapping[str, Any]
"""What a network of :mod:`carpus.nets.handflow2d` returns; names starting with ``l_`` are :data:`Stacks`."""

PUBLISHED_WEIGHTS: dict[str, dict[str, float]] = {
    "seed": {"heatmap": 100.0, "mask": 1.0},
    "seed_flow": {"heatmap": 100.0, "mask": 1.0, "flow": 0.0},
    "lift": {"joint": 1.0, "depth": 1.0},
    "sik_pretrain": {"quat_norm": 1.0, "quat_l2": 1.0, "quat_cos": 1.0},
    "sik_finetune": {"quat_norm": 1.0, "sik_joint": 1.0, "shape_reg": 1.0, "kin_len": 1.0},
}
"""Factor of each term in the published sum of a stage."""


def heatmap_mse(heatmaps: Stacks, target: Tensor, veil: Tensor) -> Tensor:
    """Half the mean square difference over batch and cells, summed over joints and stacks.

    Args:
        heatmaps: S times ``(B, J, H, W)`` raw values.
        target: ``(B, J, H, W)``.
        veil: ``(B, J)`` bool or 0/1: maps that count.
    Returns:
        Scalar.
    Example:
        >>> heatmap_mse([torch.ones(1, 2, 4, 4)], torch.zeros(1, 2, 4, 4), torch.tensor([[1, 0]]))
        tensor(0.5000)
    """
    seen, joints = veil[..., None, None], target.shape[1]
    each = [0.5 * joints * _masked(_float(maps) - target, seen).square().mean() for maps in heatmaps]
    return torch.stack(each).sum()


def mask_bce(logits: Stacks, target: Tensor, valid: Tensor) -> Tensor:
    """Cross-entropy of the silhouette: mean over pixels and samples that have one, summed over stacks.

    Args:
        logits: S times ``(B, 1, H, W)``.
        target: ``(B, H, W)`` from 0 to 1.
        valid: ``(B,)`` or ``(B, 1)`` bool or 0/1: samples with a silhouette; 0 if there is none.
    Returns:
        Scalar.
    """
    known = valid.reshape(-1).bool()
    wanted = _masked(_float(target), known[:, None, None])
    total = []
    for stack in logits:
        each = F.binary_cross_entropy_with_logits(_float(stack)[:, 0], wanted, reduction="none")
        total.append(_masked(each.mean((-2, -1)), known).sum())
    return torch.stack(total).sum() / known.sum().clamp_min(1)


def depth_smooth_l1(depths: Stacks, target: Tensor, valid: Tensor) -> Tensor:
    """Smooth L1 (quadratic below 1) of the depth maps, mean over batch and pixels, summed over stacks.

    Args:
        depths: S times ``(B, 1, H, W)``.
        target: ``(B, H, W)``.
        valid: ``(B,)`` or ``(B, 1)`` bool or 0/1: samples with a depth image.
    Returns:
        Scalar.
    """
    known = valid.reshape(-1, 1, 1)
    wanted = _masked(target, known)
    each = [F.smooth_l1_loss(_masked(_float(stack)[:, 0], known), wanted) for stack in depths]
    return torch.stack(each).sum()


def joint_mse_mm(joints_m: Stacks, target_mm: Tensor, valid: Tensor | None = None) -> Tensor:
    """Mean square difference of camera-space joints over batch, joints and coordinates, summed over stacks.

    Args:
        joints_m: S times ``(B, J, 3)`` in **metres**.
        target_mm: ``(B, J, 3)`` in millimetres.
        valid: ``(B, J)`` bool or 0/1, or None for all, as published.
    Returns:
        Scalar in mm².
    """
    known = torch.ones_like(target_mm[..., 0]) if valid is None else valid
    each = [_masked(1000 * _float(stack) - target_mm, known[..., None]).square().mean() for stack in joints_m]
    return torch.stack(each).sum()


class HeatmapMSE:
    """:func:`heatmap_mse` of ``outputs["l_hm"]`` and ``batch["heatmap_target"]``, ``["heatmap_valid"]``."""

    def __call__(self, outputs: Outputs, batch: Mapping[str, Tensor]) -> Tensor:
        """Scalar loss of a prepared batch."""
        return heatmap_mse(outputs["l_hm"], batch["heatmap_target"], batch["heatmap_valid"])


class MaskBCE:
    """:func:`mask_bce` of ``outputs["l_mask"]`` and ``batch["mask_target"]``, ``["mask_valid"]``.

    Without ``mask_valid``, a silhouette is there where ``depth_valid`` says that depth is, as published.
    """

    def __call__(self, outputs: Outputs, batch: Mapping[str, Tensor]) -> Tensor:
        """Scalar loss of a prepared batch."""
        valid = batch["mask_valid"] if "mask_valid" in batch else batch["depth_valid"]
        return mask_bce(outputs["l_mask"], batch["mask_target"], valid)


class DepthSmoothL1:
    """:func:`depth_smooth_l1` of ``outputs["l_dep"]`` and ``batch["depth_target"]``, ``["depth_valid"]``."""

    def __call__(self, outputs: Outputs, batch: Mapping[str, Tensor]) -> Tensor:
        """Scalar loss of a prepared batch."""
        return depth_smooth_l1(outputs["l_dep"], batch["depth_target"], batch["depth_valid"])


class JointMSE:
    """:func:`joint_mse_mm` of ``outputs["l_joint"]`` and ``batch["joints_target_mm"]``.

    ``batch["joints_target_valid"]``, where there is one, says which joints count.
    """

    def __call__(self, outputs: Outputs, batch: Mapping[str, Tensor]) -> Tensor:
        """Scalar loss of a prepared batch."""
        return joint_mse_mm(outputs["l_joint"], batch["joints_target_mm"], batch.get("joints_target_valid"))


@dataclass(frozen=True)
class FlowNLL:
    """Negative log-likelihood of the flow, ``outputs["l_ff"]``, for its ``outputs["l_ff_dims"]`` dimensions.

    Args:
        normalise: ``per_dim``, ``sum`` (published) or another of
            :data:`carpus.nets.flows.likelihood.NORMALISE`.
        weight: the factor this term has in the sum; with 0 a network without a flow is no mistake, and the
            term is 0.
    Raises:
        ConfigError: for an unknown normalisation; when called, if ``l_ff`` is missing and the weight not 0.
    """

    normalise: str = "per_dim"
    weight: float = 1.0

    def __post_init__(self) -> None:
        if self.normalise not in NORMALISE:
            raise ConfigError(unknown("loss.flow_norm", self.normalise, NORMALISE))

    def __call__(self, outputs: Outputs, batch: Mapping[str, Tensor]) -> Tensor:
        """Scalar loss; the batch plays no part."""
        del batch
        if "l_ff" not in outputs:
            if not self.weight:
                return _float(outputs["l_hm"][0]).new_zeros(())
            raise ConfigError(
                f"the flow's loss has the weight {self.weight:g}, but the network gives no l_ff, only "
                f"{', '.join(sorted(outputs))}: choose a seed with a flow, or set the weight to 0"
            )
        if self.normalise != "sum" and "l_ff_dims" not in outputs:
            raise ConfigError(
                f"loss.flow_norm={self.normalise} divides by the number of latent values, which the network "
                "must give as l_ff_dims; use sum, or a network that counts them"
            )
        return normalise_nll(_float(outputs["l_ff"]), outputs.get("l_ff_dims", 1), self.normalise)


def _float(values: Tensor) -> Tensor:
    return values.to(torch.promote_types(values.dtype, torch.float32))


def _masked(values: Tensor, valid: Tensor) -> Tensor:
    # Zeroed before any further step: what is not annotated may be NaN, which no product removes.
    return torch.where(valid.bool(), values, 0.0)
