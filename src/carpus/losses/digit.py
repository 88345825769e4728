"""The losses of DIGIT: means over the full tensor, in which what is not annotated counts as zero.

So a batch with few annotated samples pulls less, as published. All are computed in float32 or wider.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from carpus.skeletons import get_skeleton

PUBLISHED_WEIGHTS = {"joint": 1.0, "rel_root_depth": 1.0, "hand_type": 1.0, "segm": 10.0, "bone": 0.1}
"""Factor of each term in the published sum."""


def joint_l1(joints: Tensor, target: Tensor, valid: Tensor) -> Tensor:
    """Mean absolute difference over batch, joints and coordinates.

    Args:
        joints: ``(B, J, 3)`` in cells.
        target: same shape.
        valid: ``(B, J)`` bool or 0/1.
    Returns:
        Scalar.
    Example:
        >>> joint_l1(torch.ones(1, 2, 3), torch.zeros(1, 2, 3), torch.tensor([[True, False]]))
        tensor(0.5000)
    """
    return _masked(_float(joints) - target, valid[..., None]).abs().mean()


def rel_root_l1(rel_root: Tensor, target: Tensor, valid: Tensor) -> Tensor:
    """Mean absolute difference of the depth between the wrists.

    Args:
        rel_root: ``(B, 1)`` in bins.
        target: same shape.
        valid: ``(B, 1)`` bool or 0/1.
    Returns:
        Scalar.
    """
    return _masked(_float(rel_root) - target, valid).abs().mean()


def hand_type_bce(logits: Tensor, hand_type: Tensor, valid: Tensor) -> Tensor:
    """Mean over samples of the cross-entropy of both presences.

    Args:
        logits: ``(B, 2)`` right, left.
        hand_type: ``(B, 2)``, 1 where present.
        valid: ``(B,)`` bool or 0/1.
    Returns:
        Scalar.
    """
    logits = _float(logits)
    each = F.binary_cross_entropy_with_logits(logits, hand_type.to(logits.dtype), reduction="none")
    return _masked(each.mean(-1), valid).mean()


def part_cross_entropy(logits: Tensor, labels: Tensor, valid: Tensor, background: bool = True) -> Tensor:
    """Mean over samples and pixels of the cross-entropy of the part labels.

    Args:
        logits: ``(B, C, H, W)``.
        labels: ``(B, H, W)`` integer, 0 the background.
        valid: ``(B,)`` bool or 0/1: samples with a mask.
        background: whether background pixels cost anything; as published they do.
    Returns:
        Scalar.
    """
    ignored = -100 if background else 0
    each = F.cross_entropy(_float(logits), labels.long(), reduction="none", ignore_index=ignored)
    return _masked(each, valid[:, None, None]).mean()


def bone_l2(joints: Tensor, target: Tensor, valid: Tensor, bones: Sequence[tuple[int, int]]) -> Tensor:
    """Mean square difference of bone vectors; one hand's bones.

    Args:
        joints: ``(B, J, 3)`` in cells.
        target: same shape.
        valid: ``(B, J)`` bool or 0/1; a bone needs both its ends.
        bones: (parent, child) pairs.
    Returns:
        Scalar.
    """
    parents, children = ([bone[end] for bone in bones] for end in (0, 1))
    difference = _float(joints) - target
    both = valid[:, parents].bool() & valid[:, children].bool()
    return _masked(difference[:, children] - difference[:, parents], both[..., None]).square().mean()


class JointL1:
    """:func:`joint_l1` of ``outputs["joints"]`` and ``batch["joints_target"]``."""

    def __call__(self, outputs: Mapping[str, Tensor], batch: Mapping[str, Tensor]) -> Tensor:
        """Scalar loss of a prepared batch."""
        return joint_l1(outputs["joints"], batch["joints_target"], batch["joints_target_valid"])


class RelRootL1:
    """:func:`rel_root_l1` of ``outputs["rel_root"]`` and ``batch["rel_root_target"]``."""

    def __call__(self, outputs: Mapping[str, Tensor], batch: Mapping[str, Tensor]) -> Tensor:
        """Scalar loss of a prepared batch."""
        return rel_root_l1(outputs["rel_root"], batch["rel_root_target"], batch["rel_root_target_valid"])


class HandTypeBCE:
    """:func:`hand_type_bce` of ``outputs["hand_type_logits"]`` and ``batch["hand_type_target"]``."""

    def __call__(self, outputs: Mapping[str, Tensor], batch: Mapping[str, Tensor]) -> Tensor:
        """Scalar loss of a prepared batch."""
        return hand_type_bce(outputs["hand_type_logits"], batch["hand_type_target"], batch["hand_type_valid"])


@dataclass(frozen=True)
class PartCrossEntropy:
    """:func:`part_cross_entropy` of ``outputs["segm_logits"]`` and ``batch["segm_target"]``.

    Args:
        background: whether background pixels cost anything.
    """

    background: bool = True

    def __call__(self, outputs: Mapping[str, Tensor], batch: Mapping[str, Tensor]) -> Tensor:
        """Scalar loss of a prepared batch."""
        logits, labels = outputs["segm_logits"], batch["segm_target"]
        return part_cross_entropy(logits, labels, batch["segm_valid"], self.background)


class BoneL2:
    """:func:`bone_l2` of ``outputs["joints"]``, summed over the hands.

    Args:
        skeleton: name of the joint set; every root has a hand.
    """

    def __init__(self, skeleton: str = "interhand26m") -> None:
        joints = get_skeleton(skeleton)
        hand_of = [_root(joints.parents, j) for j in range(len(joints))]
        self.hands = [
            [bone for bone in joints.bones if hand_of[bone[0]] == root] for root in sorted({*hand_of})
        ]

    def __call__(self, outputs: Mapping[str, Tensor], batch: Mapping[str, Tensor]) -> Tensor:
        """Scalar loss of a prepared batch."""
        target, valid = batch["joints_target"], batch["joints_target_valid"]
        each = [bone_l2(outputs["joints"], target, valid, bones) for bones in self.hands]
        return torch.stack(each).sum()


def _root(parents: Sequence[int], joint: int) -> int:
    while parents[joint] >= 0:
        joint = parents[joint]
    return joint


def _float(values: Tensor) -> Tensor:
    return values.to(torch.promote_types(values.dtype, torch.float32))


def _masked(values: Tensor, valid: Tensor) -> Tensor:
    # Zeroed before any further step: what is not annotated may be NaN, which no product removes.
    return torch.where(valid.bool(), values, 0.0)
