"""Joints of people, hands or faces whose datasets publish no evaluation: errors in pixels and in space."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from carpus.errors import ConfigError, DataError
from carpus.metrics.checks import check_finite
from carpus.metrics.functional.errors import joint_errors
from carpus.metrics.functional.hand_alignment import hand_errors
from carpus.metrics.mesh import NamedMeans
from carpus.metrics.protocols.mesh import NamedProtocol
from carpus.types import Batch, Predictions

BOX_SHARES = (0.05, 0.1, 0.2)
"""Thresholds as shares of the longer side of the box of a sample's labelled joints."""
FIGURES = ("epe_px", *(f"pck@{share:g}box" for share in BOX_SHARES), "mpjpe", "pa_mpjpe")


class PeopleJointsProtocol(NamedProtocol):
    """How far predicted joints lie from labelled ones, over all labelled joints of all samples at once.

    ``epe_px`` in pixels of the published picture; ``pck@0.1box`` the share of joints nearer than a tenth of
    the longer side of the box of the sample's labelled joints; where there are labels in space ``mpjpe``
    relative to the first joint and ``pa_mpjpe`` after a similarity transform, in mm.

    Batches offer the labels in the order of the method's joints: ``label_px`` ``(B, J, 2)``, ``label_valid``
    ``(B, J)``, and ``label_cam_mm`` ``(B, J, 3)`` with ``label_3d`` ``(B,)``.

    Args:
        headline: one of :data:`FIGURES`.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"joints_px"})
    truth: ClassVar[frozenset[str]] = frozenset({"joints_px", "joint_valid"})

    def __init__(self, headline: str = "epe_px") -> None:
        if headline not in FIGURES:
            raise ConfigError(f"headline {headline}: one of {', '.join(FIGURES)} is expected")
        self.means = NamedMeans(FIGURES)
        super().__init__({"means": self.means}, headline, headline.startswith("pck"))

    def update(self, predictions: Predictions, batch: Batch) -> None:
        """Add one batch; without labels it adds nothing.

        Raises:
            ConfigError: if the method predicts no joints.
            DataError: if predicted and labelled joints are not of one set.
            NonFinitePredictionError: naming samples whose prediction is NaN or infinite.
        """
        if not {"label_px", "label_valid"} <= set(batch):
            return
        joints = predictions.joints_px
        if joints is None:
            raise ConfigError(
                f"this protocol scores joints_px, the method predicts {sorted(predictions.offered())}"
            )
        self.follow(joints.device)
        valid = batch["label_valid"].to(joints.device).bool()
        target = _same(batch["label_px"].to(joints.device), joints)
        check_finite(joints, valid, batch.keys_)
        self._add_pixels(joints, target, valid)
        in_space = predictions.joints_cam_mm
        if in_space is not None and "label_cam_mm" in batch and "label_3d" in batch:
            known = valid & batch["label_3d"].to(joints.device).bool().reshape(-1, 1)
            check_finite(in_space, known, batch.keys_)
            self._add_space(in_space, _same(batch["label_cam_mm"].to(joints.device), in_space), known)

    def _add_pixels(self, joints: Tensor, target: Tensor, valid: Tensor) -> None:
        found = torch.where(valid[..., None], joints.double(), 0.0)
        true = torch.where(valid[..., None], target.double(), 0.0)
        errors = joint_errors(found, true)
        high = torch.where(valid[..., None], true, -torch.inf).amax(1)
        low = torch.where(valid[..., None], true, torch.inf).amin(1)
        side = (high - low).amax(-1, keepdim=True)
        self.means.update({"epe_px": errors}, valid)
        sized = valid & (side > 0)
        for share in BOX_SHARES:
            self.means.update({f"pck@{share:g}box": (errors < share * side).double()}, sized)

    def _add_space(self, joints: Tensor, target: Tensor, valid: Tensor) -> None:
        for name, align in (("mpjpe", "root"), ("pa_mpjpe", "procrustes")):
            found = hand_errors(joints, target, valid, align)
            self.means.update({name: found.errors}, found.valid)


def _same(target: Tensor, joints: Tensor) -> Tensor:
    if target.shape != joints.shape:
        raise DataError(
            f"labelled joints {tuple(target.shape)} and predicted ones {tuple(joints.shape)} are not of "
            "one set"
        )
    return target
