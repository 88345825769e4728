"""Meshes of single hands on InterHand2.6M: joints and vertices relative to the wrist."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import torch
from torch import Tensor

from carpus.bodies.library import BodyModels
from carpus.errors import ConfigError, unknown
from carpus.metrics.checks import check_finite
from carpus.metrics.functional.mesh_error import rooted_error
from carpus.metrics.joint_error import PerJointError
from carpus.metrics.mesh import NamedMeans
from carpus.metrics.mesh_tables import MANO_VERTICES, Array
from carpus.metrics.protocols.hand_mesh import (
    ORDERS,
    HandRegressor,
    left_hands,
    true_hand_joints,
    unmirrored,
)
from carpus.metrics.protocols.mesh import (
    NamedProtocol,
    mesh_name,
    predicted_vertices,
    true_meshes_mm,
)
from carpus.skeletons import SNAP
from carpus.types import Batch, Predictions

SIDES = ("right", "left")
FIGURES = ("mpjpe", "mpvpe", *(f"{name}_{side}" for name in ("mpjpe", "mpvpe") for side in SIDES))


class InterHandMeshProtocol(NamedProtocol):
    """Errors in mm of one hand's 21 joints and of its mesh, both relative to the wrist.

    ``mpjpe`` is found per joint over the samples where it and the wrist are valid, then averaged over the
    joints, the wrist with its error of 0 included; ``mpvpe`` is the mean over samples. Both are told for
    right and left hands, too.

    Batches offer ``joints_cam_mm`` ``(B, 21, 3)`` or ``(B, 42, 3)``, ``joint_valid`` and ``hand_type``; and
    where there is a fitted mesh ``target_vertices_mm`` ``(B, 778, 3)``. Truth is that of the published
    picture: a method that sees left hands in a mirror must mirror back what it finds, or say
    ``mirrored_left``.

    Args:
        regressor: body models, ``(21, 778)`` joints from vertices in the order of MANO, or a file of them.
        order: of the true joints, one of :data:`~carpus.metrics.protocols.hand_mesh.ORDERS`.
        mirrored_left: predictions of left hands are those of right hands in the mirrored picture.
        headline: figure that ranks runs.
    """

    truth: ClassVar[frozenset[str]] = frozenset({"joints_cam_mm", "joint_valid"})

    def __init__(
        self,
        regressor: BodyModels | Array,
        order: str = "interhand",
        mirrored_left: bool = False,
        headline: str = "mpjpe",
    ) -> None:
        if order not in ORDERS:
            raise ConfigError(unknown("order of joints", order, ORDERS))
        if headline not in FIGURES:
            raise ConfigError(unknown("headline", headline, FIGURES))
        self.regressor, self.order, self.mirrored_left = HandRegressor(regressor), order, mirrored_left
        self.joints = {name: PerJointError(len(SNAP)) for name in ("mpjpe", "mpjpe_right", "mpjpe_left")}
        self.meshes = NamedMeans([name for name in FIGURES if name.startswith("mpvpe")])
        super().__init__({**self.joints, "meshes": self.meshes}, headline)  # type: ignore[arg-type]

    def update(self, predictions: Predictions, batch: Batch) -> None:
        """Add one batch; without labels it adds nothing.

        Raises:
            ConfigError: if the method predicts no hand's mesh.
            NonFinitePredictionError: naming samples whose prediction is NaN or infinite.
        """
        truth = true_hand_joints(batch, self.order)
        if truth is None:
            return
        found = predicted_vertices(predictions, "InterHand2.6M's mesh protocol").double()
        if found.shape[1] != MANO_VERTICES:
            raise ConfigError(
                f"InterHand2.6M compares meshes of {mesh_name(MANO_VERTICES)}; the method predicts "
                f"{mesh_name(found.shape[1])}"
            )
        self.follow(found.device)
        target, known = (value.to(found.device) for value in truth)
        known = known & known[:, :1]
        check_finite(found, known.any(-1)[:, None].expand(found.shape[:2]), batch.keys_)
        left = left_hands(batch).to(found.device)
        vertices = found - self.regressor.wrists(found)
        if self.mirrored_left:
            vertices = unmirrored(vertices, left)
        joints = self.regressor(vertices)
        self._add_joints(joints, torch.where(known[..., None], target.double(), 0.0), known, left)
        self._add_meshes(vertices, batch, left)

    def read(self, name: str, value: Any) -> dict[str, float]:
        """The figures of one metric by name."""
        if name == "meshes":
            return self.meshes.named(value)
        mean = float(value.nanmean())
        return {} if math.isnan(mean) else {name: mean}

    def _add_joints(self, joints: Tensor, target: Tensor, known: Tensor, left: Tensor) -> None:
        relative = joints - joints[:, :1], target - target[:, :1]
        for name, members in self._groups("mpjpe", left).items():
            self.joints[name].update(*relative, known & members[:, None])

    def _add_meshes(self, vertices: Tensor, batch: Batch, left: Tensor) -> None:
        truth = true_meshes_mm(batch)
        if truth is None or truth[0].shape[1] != MANO_VERTICES:
            return
        true, valid = (value.to(vertices.device) for value in truth)
        true = torch.where(valid[:, None, None], true.double(), 0.0)
        wrist = self.regressor.wrists(true)[:, 0]
        errors = rooted_error(vertices, true, torch.zeros_like(wrist), wrist)
        for name, members in self._groups("mpvpe", left).items():
            self.meshes.update({name: errors}, valid & members)

    def _groups(self, name: str, left: Tensor) -> dict[str, Tensor]:
        return {name: torch.ones_like(left), f"{name}_right": ~left, f"{name}_left": left}
