"""Bodies on Human3.6M: joints regressed from the predicted mesh against measured ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor

from carpus.bodies.library import BodyModels
from carpus.errors import ConfigError, DataError, unknown
from carpus.metrics.body_joints import SCORED_FIGURES, BodyJointErrors
from carpus.metrics.checks import check_finite
from carpus.metrics.mesh_tables import Array, Human36mRegressors
from carpus.metrics.protocols.mesh import NamedProtocol, predicted_vertices, true_meshes_mm
from carpus.skeletons.whole_body_datasets import HUMAN36M, HUMAN36M_SCORED
from carpus.types import Batch, Predictions


class Human36mProtocol(NamedProtocol):
    """The published evaluation of Human3.6M, in mm: ``mpjpe`` and ``pa_mpjpe`` of 14 joints.

    Joints of the predicted mesh are relative to their pelvis, true ones to theirs. Where a batch has
    ``target_vertices_mm`` of the same body model, the fit of the dataset, the errors against that fit are
    told with the ending ``_fit``, ``mpvpe_fit`` and ``pa_mpvpe_fit`` among them.

    Batches offer the 17 joints in Human3.6M's own order as ``joints_cam_mm`` ``(B, 17, 3)`` with
    ``joint_valid`` ``(B, 17)``. A person without pelvis or one of the 14 joints does not count.

    Args:
        human36m: body models, or regressors ``smplx`` ``(17, 10475)``, ``smpl`` ``(17, 6890)``, or the one
            needed.
        headline: figure that ranks runs.
    """

    truth: ClassVar[frozenset[str]] = frozenset({"joints_cam_mm", "joint_valid"})

    def __init__(self, human36m: BodyModels | Mapping[str, Array], headline: str = "mpjpe") -> None:
        if headline not in SCORED_FIGURES[:2]:
            raise ConfigError(unknown("headline", headline, SCORED_FIGURES[:2]))
        self.regressors = Human36mRegressors(human36m)
        self.joints, self.fit = BodyJointErrors(), BodyJointErrors("_fit")
        super().__init__({"joints": self.joints, "fit": self.fit}, headline)

    def update(self, predictions: Predictions, batch: Batch) -> None:
        """Add one batch; without labels it adds nothing.

        Raises:
            ConfigError: if the method predicts no mesh, or one there is no regressor for.
            DataError: if the true joints are not those of Human3.6M.
            NonFinitePredictionError: naming samples whose prediction is NaN or infinite.
        """
        true = measured_joints(batch)
        if true is None:
            return
        found = predicted_vertices(predictions, "Human3.6M")
        self.follow(found.device)
        target, valid = (value.to(found.device) for value in true)
        check_finite(found, valid[:, None].expand(found.shape[:2]), batch.keys_)
        self.joints.update(self.regressors(found[valid]), target[valid])
        fit = true_meshes_mm(batch)
        if fit is not None and fit[0].shape[1] == found.shape[1]:
            mesh, fitted = (value.to(found.device) for value in fit)
            fitted = fitted & valid
            pair = found[fitted], mesh[fitted]
            self.fit.update(self.regressors(pair[0]), self.regressors(pair[1]), meshes=pair)


def measured_joints(batch: Batch) -> tuple[Tensor, Tensor] | None:
    """True joints ``(B, 17, 3)`` in Human3.6M's order, and which people have all that count, ``(B,)`` bool.

    Raises:
        DataError: if the batch has joints of another set.
    """
    if "joints_cam_mm" not in batch:
        return None
    joints = batch["joints_cam_mm"]
    if joints.shape[1:] != (len(HUMAN36M), 3):
        raise DataError(
            f"the batch has joints {tuple(joints.shape)}; Human3.6M is scored by its own {len(HUMAN36M)}"
        )
    needed = [HUMAN36M.index("pelvis"), *HUMAN36M_SCORED]
    known = torch.ones(joints.shape[:2], dtype=torch.bool, device=joints.device)
    if "joint_valid" in batch:
        known = batch["joint_valid"].bool().reshape(known.shape)
    return joints, known[:, needed].all(-1)
