"""Thin classes that find the tensors of a loss term in a network's outputs and a prepared batch.

A prepared batch holds ``pose_target_mm`` ``(B, J, 3)`` joints minus cube centre, ``guide_target``
``(B, K, *)``, ``label_target`` ``(B, J)`` int64, ``anchor_target`` ``(B, N)``, whichever the loss needs, and
``joint_valid`` ``(B, J)`` where some joints do not count, ``label_valid`` ``(B, J)`` where fewer have one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from torch import Tensor, nn

from carpus.losses.depth_cr.functions import (
    Reduction,
    anchor2_error,
    anchor3_error,
    l2_penalty,
    map_error,
    pose_error,
    unit_error,
    voxel_cross_entropy,
)
from carpus.losses.depth_cr.presets import LossPreset
from carpus.nets.depth_cr.guides import GuideSpec

Term = Callable[[Mapping[str, Tensor], Mapping[str, Tensor]], Tensor]


@dataclass(frozen=True)
class PoseError:
    """:func:`pose_error` of ``outputs["joints_centered_mm"]`` and ``batch["pose_target_mm"]``."""

    reduction: Reduction = "sum"

    def __call__(self, outputs: Mapping[str, Tensor], batch: Mapping[str, Tensor]) -> Tensor:
        """Scalar loss of a prepared batch."""
        joints, target = outputs["joints_centered_mm"], batch["pose_target_mm"]
        return pose_error(joints, target, batch.get("joint_valid"), self.reduction)


@dataclass(frozen=True)
class MapError:
    """:func:`map_error` of every ``outputs["maps_<r>"]`` and ``batch["guide_target"]``."""

    guide: GuideSpec
    reduction: Reduction = "mean"

    def __call__(self, outputs: Mapping[str, Tensor], batch: Mapping[str, Tensor]) -> Tensor:
        """Scalar loss of a prepared batch."""
        target, valid = batch["guide_target"], batch.get("joint_valid")
        if valid is not None:
            valid = valid[:, self.guide.channel_joints(valid.shape[1]).to(valid.device)]
        return map_error(stage_maps(outputs), target, valid, self.reduction)


@dataclass(frozen=True)
class UnitError:
    """:func:`unit_error` of the direction channels of every ``outputs["maps_<r>"]``.

    Args:
        guide: where the directions stand.
        reduction: see :data:`~carpus.losses.depth_cr.functions.Reduction`.
        unit_mask: leave out positions whose target direction is 0.
    """

    guide: GuideSpec
    reduction: Reduction = "mean"
    unit_mask: bool = False

    def __call__(self, outputs: Mapping[str, Tensor], batch: Mapping[str, Tensor]) -> Tensor:
        """Scalar loss of a prepared batch."""
        target = batch["guide_target"]
        span = self.guide.span("direction", target.shape[1] // self.guide.channels_per_joint)
        filled = target[:, span].abs().amax(1) > 0 if self.unit_mask else None
        directions = [maps[:, span] for maps in stage_maps(outputs)]
        return unit_error(directions, batch.get("joint_valid"), self.reduction, filled)


@dataclass(frozen=True)
class VoxelCrossEntropy:
    """:func:`voxel_cross_entropy` of every ``outputs["maps_<r>"]`` and ``batch["label_target"]``."""

    reduction: Reduction = "batch_mean"

    def __call__(self, outputs: Mapping[str, Tensor], batch: Mapping[str, Tensor]) -> Tensor:
        """Scalar loss of a prepared batch."""
        labels, valid = batch["label_target"], batch.get("label_valid", batch.get("joint_valid"))
        return voxel_cross_entropy(stage_maps(outputs), labels, valid, self.reduction)


@dataclass(frozen=True)
class AnchorError:
    """:func:`anchor2_error` or :func:`anchor3_error` of ``outputs["anchors"]``."""

    dim: int
    reduction: Reduction

    def __call__(self, outputs: Mapping[str, Tensor], batch: Mapping[str, Tensor]) -> Tensor:
        """Scalar loss of a prepared batch."""
        error = anchor2_error if self.dim == 2 else anchor3_error
        return error(outputs["anchors"], batch["anchor_target"], reduction=self.reduction)


@dataclass(frozen=True)
class WeightPenalty:
    """:func:`l2_penalty` of a network."""

    net: nn.Module
    scale: float = 0.01

    def __call__(self, outputs: Mapping[str, Tensor], batch: Mapping[str, Tensor]) -> Tensor:
        """Scalar penalty; outputs and batch do not matter."""
        return l2_penalty(self.net, self.scale)


def stage_maps(outputs: Mapping[str, Tensor]) -> list[Tensor]:
    """The maps of all guided stages in order."""
    return [outputs[name] for name in sorted(outputs) if name.startswith("maps_")]


def build_terms(preset: LossPreset, guide: GuideSpec, net: nn.Module) -> dict[str, tuple[Term, float]]:
    """The terms of a preset as functions of outputs and batch, with their weights.

    Args:
        preset: from :func:`~carpus.losses.depth_cr.presets.loss_preset`.
        guide: what the maps are asked to be.
        net: whose weights the penalty counts.
    Returns:
        Name to ``(fn, weight)``; names are ``pose``, ``map``, ``unit``, ``detection``, ``anchor``, ``l2``.
    """
    makers: dict[str, Callable[[Reduction], Term]] = {
        "pose": PoseError,
        "map": lambda reduction: MapError(guide, reduction),
        "unit": lambda reduction: UnitError(guide, reduction, preset.unit_mask),
        "detection": VoxelCrossEntropy,
        "anchor": lambda reduction: AnchorError(guide.dim, reduction),
        "l2": lambda _: WeightPenalty(net, preset.l2_scale),
    }
    return {name: (makers[name](term.reduction), term.weight) for name, term in preset.terms.items()}
