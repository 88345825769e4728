"""Errors of a batch of hand pairs by every way to measure them, one hand per row."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from carpus.codecs.hand25d import project
from carpus.errors import ConfigError, DataError
from carpus.metrics.checks import check_finite
from carpus.metrics.functional.hand_alignment import HandErrors, hand_errors
from carpus.metrics.protocols.rgb_hand_figures import CROP_PX, HAND, SOURCES
from carpus.skeletons import INTERHAND
from carpus.types import Batch, Predictions


class Hands(NamedTuple):
    """Hands with a valid joint, one per row, joints in the order of HAND.

    ``joints`` and ``target`` ``(N, 21, C)``, 0 where not ``valid`` ``(N, 21)`` bool; ``visible`` ``(N, 21)``
    bool: those of the valid joints that can be seen.
    """

    joints: Tensor
    target: Tensor
    valid: Tensor
    visible: Tensor

    @property
    def sides(self) -> Tensor:
        """``(N,)`` longer side of the box of the valid true joints."""
        known = self.valid[..., None]
        high = torch.where(known, self.target, -torch.inf).amax(1)
        low = torch.where(known, self.target, torch.inf).amin(1)
        return (high - low).amax(-1)


def pixels_of(joints_px: Tensor | None, joints_cam_mm: Tensor | None, batch: Batch) -> Tensor | None:
    """Pixels ``(B, 42, 2)``: those given, else those that joints in camera space project to, else None."""
    if joints_px is not None or joints_cam_mm is None or "camera" not in batch:
        return joints_px
    return project(joints_cam_mm, batch["camera"].to(joints_cam_mm))


def hands_of_pairs(joints: Tensor, target: Tensor, batch: Batch) -> Hands:
    """One row per hand that has a valid joint.

    Args:
        joints: ``(B, 42, C)`` predicted.
        target: ``(B, 42, C)`` true; values at invalid joints do not matter in either.
        batch: offers ``joint_valid`` ``(B, 42)`` and maybe ``joint_visible``.
    Raises:
        DataError: if the joints are not those of a pair of hands.
        NonFinitePredictionError: naming samples whose prediction is NaN or infinite.
    """
    if joints.shape != target.shape or joints.shape[1] != len(INTERHAND):
        raise DataError(
            f"predictions {tuple(joints.shape)} and truth {tuple(target.shape)} must both be "
            f"(B, {len(INTERHAND)}, {target.shape[-1]}): pairs of hands in the order of {INTERHAND.name}"
        )
    valid = batch["joint_valid"].to(joints.device).bool()
    check_finite(joints, valid, batch.keys_)
    visible = valid
    if "joint_visible" in batch:
        visible = valid & batch["joint_visible"].to(joints.device).bool()
    present = valid.reshape(-1, len(HAND)).any(-1)
    each = (
        torch.where(valid[..., None], joints.double(), 0.0),
        torch.where(valid[..., None], target.to(joints.device).double(), 0.0),
        valid,
        visible,
    )
    return Hands(*(values.reshape(-1, len(HAND), *values.shape[2:])[present] for values in each))


def image_errors(hands: Hands, crop_enlarge: float) -> dict[str, HandErrors]:
    """Errors in pixels of the picture, and in those of a crop of :data:`CROP_PX` around the true joints.

    Args:
        hands: in pixels of the picture.
        crop_enlarge: side of the crop over the longer side of the joints' box.
    """
    sides = hands.sides
    usable = hands.valid & (sides > 0)[:, None]
    errors = hand_errors(hands.joints, hands.target, hands.valid).errors
    zoom = CROP_PX / (crop_enlarge * torch.where(sides > 0, sides, 1.0))
    return {"px": HandErrors(errors, hands.valid), "crop": HandErrors(errors * zoom[:, None], usable)}


def plane_errors(hands: Hands, depth_mm: Tensor, camera: Tensor) -> dict[str, HandErrors]:
    """Errors in pixels as millimetres at the depth of the true joint.

    Args:
        hands: in pixels of the picture.
        depth_mm: ``(N, 21)`` of the true joints.
        camera: ``(N, 4)`` fx, fy, cx, cy.
    """
    size = depth_mm[..., None] / camera[:, None, :2].double()
    moved = (hands.joints - hands.target) * size
    return {"plane": hand_errors(moved, torch.zeros_like(moved), hands.valid)}


def space_errors(hands: Hands, root_joint: str) -> dict[str, HandErrors]:
    """Errors in camera space under every alignment.

    Args:
        hands: in millimetres of camera space.
        root_joint: where a source names no root of its own.
    """
    found = {}
    for name, rules in SOURCES.items():
        if rules.space == "camera":
            root = HAND.index(rules.root or root_joint)
            bone = None if rules.bone is None else (HAND.index(rules.bone[0]), HAND.index(rules.bone[1]))
            found[name] = hand_errors(hands.joints, hands.target, hands.valid, rules.align, root, bone)
    return found


def batch_errors(
    predictions: Predictions, batch: Batch, root_joint: str, crop_enlarge: float
) -> tuple[Hands, dict[str, HandErrors]] | None:
    """Hands in pixels, and their errors by source; None for a batch without labels.

    Raises:
        ConfigError: if the method predicts neither pixels nor camera space.
        DataError: if the joints are not those of a pair of hands.
        NonFinitePredictionError: naming samples whose prediction is NaN or infinite.
    """
    target_px = pixels_of(batch.get("joints_px"), batch.get("joints_cam_mm"), batch)
    if target_px is None or "joint_valid" not in batch:
        return None
    joints_px = pixels_of(predictions.joints_px, predictions.joints_cam_mm, batch)
    if joints_px is None:
        raise ConfigError(
            f"this protocol scores joints_px, the method predicts {sorted(predictions.offered())}"
        )
    flat = hands_of_pairs(joints_px, target_px, batch)
    errors = image_errors(flat, crop_enlarge)
    if "joints_cam_mm" not in batch:
        return flat, errors
    target = batch["joints_cam_mm"].to(joints_px.device)
    if "camera" in batch:
        # Compared with itself: the truth alone is wanted, of the same hands in the same rows.
        depth = hands_of_pairs(target[..., 2:], target[..., 2:], batch).target[..., 0]
        camera = batch["camera"].to(joints_px.device).repeat_interleave(2, 0)
        present = batch["joint_valid"].to(joints_px.device).bool().reshape(-1, len(HAND)).any(-1)
        errors |= plane_errors(flat, depth, camera[present])
    if predictions.joints_cam_mm is not None:
        errors |= space_errors(hands_of_pairs(predictions.joints_cam_mm, target, batch), root_joint)
    return flat, errors
