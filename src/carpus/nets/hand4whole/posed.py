"""What the body model makes of predicted parameters: joints in space and in the image, and the surface."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import torch
from torch import Tensor, nn

from carpus.nets.hand4whole.hand_space import projection_in_boxes, targets_in_boxes
from carpus.nets.hand4whole.sizes import PersonSizes, VirtualCamera
from carpus.skeletons.whole_body import (
    FACE_JOINTS,
    LEFT_HAND_JOINTS,
    RIGHT_HAND_JOINTS,
    SMPLX_137,
    SUPERVISION_INDEX,
)

SMPLX_PARAMETERS = (
    *("root_pose", "body_pose", "lhand_pose", "rhand_pose", "jaw_pose"),
    *("shape", "expr"),
)
"""Outputs of the network that the body model takes, by these names."""


class BodyLayer(Protocol):
    """A body model: parameters by name, ``(B, n)`` each, to joints and vertices in metres."""

    def __call__(self, **parameters: Tensor) -> tuple[Tensor, Tensor]:
        """Joints ``(B, J, 3)`` and vertices ``(B, V, 3)``."""
        ...


def part_relative(joints: Tensor) -> Tensor:
    """Joints about the pelvis, hands about their wrists, the face about the neck.

    Wrists and neck themselves stay where they are about the pelvis.

    Args:
        joints: ``(B, 137, 3)``.
    Returns:
        ``(B, 137, 3)``.
    """
    about = joints - joints[:, :1]
    roots = ("left_wrist", "right_wrist", "neck")
    parts = (LEFT_HAND_JOINTS, RIGHT_HAND_JOINTS, FACE_JOINTS)
    origin = torch.zeros_like(about)
    for root, part in zip(roots, parts, strict=True):
        origin[:, part] = about[:, SMPLX_137.index(root), None]
    return about - origin


class PosedBody(nn.Module):
    """Joints and surface of the network's outputs.

    Args:
        sizes: of crops and maps.
        camera_only: let the projection's error train the camera alone, not the pose; published where AGORA is
            the only dataset to train on.
    """

    index: Tensor

    def __init__(self, sizes: PersonSizes | None = None, camera_only: bool = False) -> None:
        super().__init__()
        self.sizes, self.camera_only = sizes or PersonSizes(), camera_only
        self.register_buffer("index", torch.from_numpy(SUPERVISION_INDEX), persistent=False)

    def forward(self, outputs: Mapping[str, Tensor], layer: BodyLayer) -> dict[str, Tensor]:
        """Pose the body.

        Args:
            outputs: of :class:`~carpus.nets.hand4whole.net.Hand4WholeNet`.
            layer: SMPL-X; it must give 144 joints.
        Returns:
            ``joint_proj`` ``(B, 137, 2)`` and ``joint_proj_144`` ``(B, 144, 2)`` in cells of the body's heat
            map; ``joint_cam`` ``(B, 137, 3)`` metres about pelvis, wrists and neck; ``joints_m``
            ``(B, 144, 3)`` and ``vertices_m`` ``(B, V, 3)`` in front of the virtual camera.
        """
        with torch.autocast(outputs["cam_trans"].device.type, enabled=False):
            joints, vertices = layer(**{name: outputs[name] for name in SMPLX_PARAMETERS})
            return self.of(joints, vertices, outputs["cam_trans"])

    def of(self, joints: Tensor, vertices: Tensor, translation: Tensor) -> dict[str, Tensor]:
        """The same of a layer's answer.

        Args:
            joints: ``(B, 144, 3)`` metres.
            vertices: ``(B, V, 3)`` metres.
            translation: ``(B, 3)`` metres.
        """
        seen = joints.detach() if self.camera_only else joints
        every = self.sizes.camera.cells(seen, translation)
        return {
            "joint_proj": every[:, self.index],
            "joint_proj_144": every,
            "joint_cam": part_relative(joints[:, self.index]),
            "joints_m": joints + translation[:, None],
            "vertices_m": vertices + translation[:, None],
        }

    def compared(
        self, outputs: Mapping[str, Tensor], targets: Mapping[str, Tensor]
    ) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Outputs and targets as the losses compare them, hands in the predicted boxes.

        Args:
            outputs: of the network, with those of :meth:`forward`.
            targets: of the codec, in cells of the body's heat map.
        Returns:
            Outputs and targets, in which the re-expressed entries replace the others.
        """
        with torch.autocast(outputs["cam_trans"].device.type, enabled=False):
            moved = {**targets, **targets_in_boxes(targets, outputs, self.sizes)}
            joint_proj = projection_in_boxes(outputs["joint_proj"], moved, outputs, self.sizes)
        return {**outputs, "joint_proj": joint_proj}, moved


def posed_part(
    parameters: Mapping[str, Tensor], layer: BodyLayer, camera: VirtualCamera, camera_only: bool = False
) -> dict[str, Tensor]:
    """Joints and surface of a body, hand or head alone.

    Args:
        parameters: what the layer takes, and ``cam_trans`` ``(B, 3)`` metres.
        layer: SMPL, MANO or FLAME; its first joint is the root.
        camera: of the image.
        camera_only: see :class:`PosedBody`.
    Returns:
        ``joint_proj`` ``(B, J, 2)`` in cells, ``joint_cam`` ``(B, J, 3)`` metres about the root, ``joints_m``
        and ``vertices_m`` in front of the virtual camera.
    """
    translation = parameters["cam_trans"]
    with torch.autocast(translation.device.type, enabled=False):
        joints, vertices = layer(**{k: v for k, v in parameters.items() if k != "cam_trans"})
        seen = joints.detach() if camera_only else joints
        return {
            "joint_proj": camera.cells(seen, translation),
            "joint_cam": joints - joints[:, :1],
            "joints_m": joints + translation[:, None],
            "vertices_m": vertices + translation[:, None],
        }
