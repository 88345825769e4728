"""Body models as layers: pose numbers in the package's order in, vertices and joints in metres out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from carpus.bodies.models import BodyModel, model_kind
from carpus.bodies.topology import FINGER_TIPS
from carpus.skeletons import FLAME_73, MANO_16, SMPL_24, SMPL_33, SMPLX_144, SNAP, SUPERVISION_INDEX, Skeleton
from carpus.skeletons.whole_body import SMPL_33_VERTICES


@dataclass(frozen=True)
class BodyMesh:
    """A batch of bodies, hands or heads.

    Args:
        vertices_m: ``(B, V, 3)`` metres.
        joints_m: ``(B, J, 3)`` metres, in the order of the layer's ``skeleton``.
    """

    vertices_m: Tensor
    joints_m: Tensor


class BodyLayer(nn.Module):
    """What the layers have in common: float32 whatever the precision outside, nothing learnt, nothing saved.

    Args:
        model: checked content of a model file.
        skeleton: joints it gives.
        widths: numbers of each argument, by its name.
    """

    skeleton: Skeleton
    joint_regressor: Tensor

    def __init__(self, model: BodyModel, skeleton: Skeleton, widths: dict[str, int]) -> None:
        super().__init__()
        from carpus.bodies.smplx_layers import smplx_layer

        self.kind, self.variant = model.kind, model.variant
        self.source, self.standin = model.source, model.standin
        self.skeleton, self._widths = skeleton, widths
        with torch.inference_mode(False):  # else no gradient could pass a layer first used in validation
            self.layer = smplx_layer(model)

    @property
    def faces(self) -> np.ndarray:
        """``(F, 3)`` int64 vertex indices."""
        return np.asarray(self.layer.faces, np.int64)

    def _matrix(self, name: str, values: np.ndarray) -> None:
        with torch.inference_mode(False):
            self.register_buffer(
                name, torch.tensor(np.asarray(values), dtype=torch.float32), persistent=False
            )

    def _checked(self, **given: Tensor | None) -> dict[str, Tensor]:
        """The arguments as float32, without those that are None.

        Raises:
            ValueError: naming the one of another shape.
        """
        present = {name: value for name, value in given.items() if value is not None}
        size = len(next(iter(present.values())))
        for name, value in present.items():
            if value.shape != (size, self._widths[name]):
                raise ValueError(
                    f"{type(self).__name__}: {name} has shape {tuple(value.shape)}, expected "
                    f"({size}, {self._widths[name]})"
                )
        return {name: value.float() for name, value in present.items()}

    def _call(self, size: int, like: Tensor, **arguments: Any) -> tuple[Tensor, Tensor]:
        """Vertices and joints of the package's layer; it cannot take an empty batch."""
        if not size:
            vertices = model_kind(self.kind).vertices
            return like.new_zeros((0, vertices, 3)), like.new_zeros((0, len(self.skeleton), 3))
        made = self.layer(return_shaped=False, **arguments)
        return made.vertices, made.joints


class SmplxBody(BodyLayer):
    """SMPL-X as Hand4Whole uses it: eyes look ahead, finger poses count from the mean hand.

    Joints are all 144: :data:`~carpus.skeletons.SMPLX_144`.

    Args:
        model: SMPL-X's content.
    """

    supervision: Tensor

    def __init__(self, model: BodyModel) -> None:
        super().__init__(model, SMPLX_144, {"pose": 159, "shape": 10, "expr": 10, "trans_m": 3})
        self._matrix("joint_regressor", model.arrays["J_regressor"])
        with torch.inference_mode(False):
            self.register_buffer("supervision", torch.tensor(SUPERVISION_INDEX), persistent=False)

    def forward(
        self, pose: Tensor, shape: Tensor, expr: Tensor | None = None, trans_m: Tensor | None = None
    ) -> BodyMesh:
        """Bodies in the space of their parameters.

        Args:
            pose: ``(B, 159)`` axis-angle: root, 21 of the body, 15 of the left and of the right hand, jaw
                (:data:`~carpus.skeletons.whole_body_pose.SMPLX_POSE`); the root turns about the pelvis.
            shape: ``(B, 10)`` coefficients.
            expr: ``(B, 10)`` coefficients of the face; 0 by default.
            trans_m: ``(B, 3)`` metres; none by default.
        Raises:
            ValueError: if shapes do not agree.
        """
        given = self._checked(pose=pose, shape=shape, expr=expr, trans_m=trans_m)
        with torch.autocast(pose.device.type, enabled=False):
            turn, ahead = given["pose"], given["pose"].new_zeros(len(pose), 3)
            vertices, joints = self._call(
                len(pose),
                turn,
                global_orient=turn[:, :3],
                body_pose=turn[:, 3:66],
                left_hand_pose=turn[:, 66:111],
                right_hand_pose=turn[:, 111:156],
                jaw_pose=turn[:, 156:],
                leye_pose=ahead,
                reye_pose=ahead,
                betas=given["shape"],
                expression=given.get("expr", given["shape"].new_zeros(len(pose), 10)),
                transl=given.get("trans_m"),
            )
        return BodyMesh(vertices, joints)

    def supervised(self, joints: Tensor) -> Tensor:
        """The joints methods are trained on: ``(..., 144, C)`` to ``(..., 137, C)``."""
        return joints[..., self.supervision, :]


class RegressedBody(BodyLayer):
    """Joints regressed from the posed mesh by ``joint_regressor``, as published training targets are."""

    limbs: ClassVar[str]
    """The package's name of all rotations but the root's."""

    def forward(self, pose: Tensor, shape: Tensor, trans_m: Tensor | None = None) -> BodyMesh:
        """Meshes in the space of their parameters.

        Args:
            pose: ``(B, 72)`` of a body, ``(B, 48)`` of a hand: axis-angle of the root, about which all turns,
                and of the other joints in the model's order.
            shape: ``(B, 10)`` coefficients.
            trans_m: ``(B, 3)`` metres; none by default.
        Raises:
            ValueError: if shapes do not agree.
        """
        given = self._checked(pose=pose, shape=shape, trans_m=trans_m)
        with torch.autocast(pose.device.type, enabled=False):
            turn = given["pose"]
            vertices, _ = self._call(
                len(pose),
                turn,
                global_orient=turn[:, :3],
                betas=given["shape"],
                transl=given.get("trans_m"),
                **{self.limbs: turn[:, 3:]},
            )
            return BodyMesh(vertices, self.joint_regressor @ vertices)


class SmplBody(RegressedBody):
    """SMPL, with its own 24 joints.

    Args:
        model: SMPL's content.
    """

    limbs = "body_pose"
    regressor_33: Tensor

    def __init__(self, model: BodyModel) -> None:
        super().__init__(model, SMPL_24, {"pose": 72, "shape": 10, "trans_m": 3})
        regressor = np.asarray(model.arrays["J_regressor"])
        self._matrix("joint_regressor", regressor)
        self._matrix("regressor_33", _with_vertices(regressor, SMPL_24, SMPL_33, SMPL_33_VERTICES))

    def joints_33(self, vertices: Tensor) -> Tensor:
        """The joints Pose2Pose is trained on: ``(B, 6890, 3)`` to ``(B, 33, 3)`` of ``SMPL_33``."""
        with torch.autocast(vertices.device.type, enabled=False):
            return self.regressor_33 @ vertices.float()


class HandBody(RegressedBody):
    """MANO as Pose2Pose uses it: 21 joints in the order of ``SNAP``.

    Finger poses count from the mean hand.

    Args:
        model: MANO's content; a left hand with its shape basis repaired
            (:func:`carpus.bodies.mano.repair_left_shape`).
    """

    limbs = "hand_pose"

    def __init__(self, model: BodyModel) -> None:
        super().__init__(model, SNAP, {"pose": 48, "shape": 10, "trans_m": 3})
        tips = {f"{finger}_tip": vertex for finger, vertex in FINGER_TIPS.items()}
        self._matrix(
            "joint_regressor", _with_vertices(np.asarray(model.arrays["J_regressor"]), MANO_16, SNAP, tips)
        )


class FlameHead(BodyLayer):
    """FLAME as Pose2Pose uses it: root and jaw turn, neck and eyes rest.

    Args:
        model: FLAME's content with its landmarks (:func:`carpus.bodies.library.flame_with_landmarks`).
    """

    def __init__(self, model: BodyModel) -> None:
        super().__init__(model, FLAME_73, {"pose": 6, "shape": 10, "expr": 10, "trans_m": 3})

    def forward(
        self, pose: Tensor, shape: Tensor, expr: Tensor | None = None, trans_m: Tensor | None = None
    ) -> BodyMesh:
        """Heads in the space of their parameters.

        Args:
            pose: ``(B, 6)`` axis-angle of root and jaw.
            shape, expr: ``(B, 10)`` coefficients.
            trans_m: ``(B, 3)`` metres; none by default.
        Raises:
            ValueError: if shapes do not agree.
        """
        given = self._checked(pose=pose, shape=shape, expr=expr, trans_m=trans_m)
        with torch.autocast(pose.device.type, enabled=False):
            turn, still = given["pose"], given["pose"].new_zeros(len(pose), 3)
            vertices, joints = self._call(
                len(pose),
                turn,
                global_orient=turn[:, :3],
                jaw_pose=turn[:, 3:],
                neck_pose=still,
                leye_pose=still,
                reye_pose=still,
                betas=given["shape"],
                expression=given.get("expr", given["shape"].new_zeros(len(pose), 10)),
                transl=given.get("trans_m"),
            )
        return BodyMesh(vertices, joints)


def _with_vertices(
    regressor: np.ndarray, has: Skeleton, wanted: Skeleton, vertices: Mapping[str, int]
) -> np.ndarray:
    """A regressor of other joints: rows of the model's own, and joints that are a vertex each.

    Args:
        regressor: ``(J, V)`` of the joints in ``has``.
        has, wanted: joint sets.
        vertices: vertex of a joint that ``has`` lacks, by name.
    """
    rows = np.zeros((len(wanted), regressor.shape[1]))
    for row, joint in zip(rows, wanted.joints, strict=True):
        if joint in vertices:
            row[vertices[joint]] = 1
        else:
            row[:] = regressor[has.index(joint)]
    return rows
