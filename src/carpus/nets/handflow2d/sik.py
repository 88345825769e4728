"""BiHand's third stage: 21 joints to the pose and shape of a MANO hand, and its mesh."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from carpus.bodies.files import load_body_model
from carpus.bodies.mano import ManoHand
from carpus.errors import ConfigError
from carpus.geometry.rotations import normalise_quaternion, quaternion_to_axis_angle
from carpus.nets.handflow2d.kinematics import ROOT, reference_bone, shape_of
from carpus.nets.handflow2d.seed import Outputs
from carpus.skeletons import INTERHAND_HAND, SNAP

_POSE_WIDTHS = (256, 512, 1024, 1024, 512, 256)
_SHAPE_WIDTHS = (128, 256, 512, 256, 128)
_ROTATIONS, _COEFFICIENTS = 16, 10
_MIDDLE_TIP = 444
_FROM_HAND = INTERHAND_HAND.permutation(to=SNAP).tolist()


class SIKNet(nn.Module):
    """Shape and inverse kinematics: two rows of dense layers, then a hand model.

    Entries of the state dict have the names of the published weights; the hand model's content is not among
    them, so that checkpoints hold nothing of a licensed file.

    Args:
        hand: the right hand of :func:`sik_hand`; None if only :meth:`regress` is wanted.
    Raises:
        ConfigError: if the hand is a left one, or its joints are not MANO's own.
    """

    def __init__(self, hand: ManoHand | None = None) -> None:
        super().__init__()
        if hand is not None and (hand.side != "right" or isinstance(hand.regressor, Tensor)):
            raise ConfigError(
                "SIKNet: the hand model must be a right hand with MANO's own joints: use sik_hand"
            )
        joints, chain = len(SNAP), len(SNAP.bones)
        self.invk_layers = _dense([3 * (joints + chain), *_POSE_WIDTHS, 4 * _ROTATIONS])
        self.shapereg_layers = _dense([3 * joints, *_SHAPE_WIDTHS, _COEFFICIENTS])
        self._hand = (hand,)

    @property
    def hand(self) -> ManoHand | None:
        """The hand model; it moves with the network but is no part of its state."""
        return self._hand[0]

    def forward(self, joints: Tensor, root: Tensor | None = None) -> Outputs:
        """A hand model's pose, joints and mesh.

        Args:
            joints: ``(B, 21, 3)`` in the order of :data:`~carpus.skeletons.SNAP`, any unit.
            root: ``(B, 3)`` of the same unit to centre them on; None for their own.
        Returns:
            ``quat`` ``(B, 16, 4)`` w, x, y, z as found, not normalised; ``beta`` ``(B, 10)``; ``so3``
            ``(B, 48)`` axis-angle; ``jointRS`` ``(B, 21, 3)`` and ``vertsRS`` ``(B, 778, 3)`` about the root
            in reference bones; ``joint_bone`` ``(B, 1)`` the input's reference bone.
        Raises:
            ConfigError: if there is no hand model.
        """
        shape = shape_of(joints, root)
        quat, beta = self.regress(shape.joints, shape.chain)
        with torch.autocast(device_type=joints.device.type, enabled=False):
            so3 = quaternion_to_axis_angle(normalise_quaternion(quat.float())).flatten(1)
            joints_rs, verts_rs = self.pose(so3, beta.float())
        return {
            "quat": quat,
            "beta": beta,
            "so3": so3,
            "jointRS": joints_rs,
            "vertsRS": verts_rs,
            "joint_bone": shape.bone,
        }

    def regress(self, joints_rs: Tensor, chain: Tensor) -> tuple[Tensor, Tensor]:
        """Quaternions ``(B, 16, 4)`` and shape ``(B, 10)``.

        Args:
            joints_rs: ``(B, 21, 3)`` about the root in reference bones.
            chain: ``(B, 20, 3)`` unit vectors of the bones.
        """
        flat = joints_rs.flatten(1)
        quat = self.invk_layers(torch.cat((flat, chain.flatten(1)), 1)).unflatten(1, (_ROTATIONS, 4))
        return quat, self.shapereg_layers(flat)

    def pose(self, so3: Tensor, beta: Tensor) -> tuple[Tensor, Tensor]:
        """The hand model's joints ``(B, 21, 3)`` and vertices ``(B, 778, 3)`` about the root in its bones.

        Args:
            so3: ``(B, 48)`` axis-angle of wrist and joints.
            beta: ``(B, 10)``.
        Raises:
            ConfigError: if there is no hand model.
        """
        if self.hand is None:
            raise ConfigError(
                "SIKNet has no hand model: put MANO_RIGHT.pkl (free for research at mano.is.tue.mpg.de) into "
                "<paths.body_models>/mano and give hand=sik_hand(...), or leave the stage sik out"
            )
        made = self.hand(so3, beta, torch.zeros_like(so3[:, :3]))
        joints = made.joints_cam_mm[:, _FROM_HAND]
        # The published tip of the middle finger is a neighbour of the one the other joint sets take.
        joints[:, SNAP.index("middle_tip")] = made.vertices_cam_mm[:, _MIDDLE_TIP]
        bone, root = reference_bone(joints)[:, None], joints[:, ROOT : ROOT + 1]
        return (joints - root) / bone, (made.vertices_cam_mm - root) / bone

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Any:
        if self.hand is not None:
            self.hand._apply(fn, recurse)
        return super()._apply(fn, recurse)


def sik_hand(folder: Path | str, standin: bool = False) -> ManoHand:
    """MANO's right hand as BiHand uses it: a zero pose is the flat hand, joints are MANO's own.

    Args:
        folder: ``paths.body_models``.
        standin: use a stand-in if the file is missing.
    Raises:
        DataError: saying which file to put where and where to get it.
    """
    return ManoHand(load_body_model(folder, "mano", "right", standin=standin), flat_hand_mean=True)


def sik_net(folder: Path | str, standin: bool = False) -> SIKNet:
    """The stage with its hand model.

    Args:
        folder: ``paths.body_models``.
        standin: use a stand-in if the file is missing.
    Raises:
        DataError: saying which file to put where and where to get it.
    """
    return SIKNet(sik_hand(folder, standin))


def _dense(widths: Sequence[int]) -> nn.Sequential:
    layers: list[nn.Module] = []
    for width, out in pairwise(widths):
        layers += [nn.Linear(width, out), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers[:-1])
