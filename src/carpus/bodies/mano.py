"""MANO hands through smplx: pose numbers in, vertices and 21 joints in millimetres out."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from carpus.bodies.files import load_body_model
from carpus.bodies.models import BodyModel
from carpus.bodies.topology import FINGER_TIPS, VERTICES
from carpus.errors import ConfigError, DataError, unknown
from carpus.skeletons import INTERHAND_HAND
from carpus.skeletons.hand import FINGER_SHADES, WRIST_COLOUR
from carpus.skeletons.skeleton import from_chains

_LOG = logging.getLogger(__name__)

SIDES = ("right", "left")

_FILE_FINGERS = ("index", "middle", "little", "ring", "thumb")
MANO = from_chains(
    "mano",
    [
        "wrist",
        *(f"{finger}_{part}" for finger in _FILE_FINGERS for part in ("mcp", "pip", "dip")),
        *(f"{finger}_tip" for finger in FINGER_TIPS),
    ],
    [f"wrist {finger}_mcp {finger}_pip {finger}_dip {finger}_tip" for finger in _FILE_FINGERS],
    FINGER_SHADES,
    WRIST_COLOUR,
)
"""The 16 joints of MANO files in their order, then the five finger tips."""

_TO_INTERHAND = MANO.permutation(to=INTERHAND_HAND).tolist()
REGRESSOR_FILE = "J_regressor_mano_ih26m.npy"
_MIN_DIFFERENCE = 1.0


@dataclass(frozen=True)
class Hands:
    """A batch of hands of one side.

    Args:
        vertices_cam_mm: ``(B, 778, 3)`` millimetres.
        joints_cam_mm: ``(B, 21, 3)`` millimetres, in the order of :data:`~carpus.skeletons.INTERHAND_HAND`.
    """

    vertices_cam_mm: Tensor
    joints_cam_mm: Tensor


class ManoHand(nn.Module):
    """One MANO hand: full pose, no principal components, no parameters of its own.

    Joints come from the joint regressor where there is one: the points InterHand2.6M annotates. Without it
    they are MANO's 16 centres of rotation and five vertices at the finger tips, which lie some millimetres
    off.

    Args:
        model: MANO's content; a left hand with its shape basis repaired (:func:`repair_left_shape`).
        flat_hand_mean: whether a zero pose means the flat hand. False, as published fits have it: the pose is
            relative to MANO's mean pose.
        joint_regressor: ``(21, 778)``, rows in InterHand2.6M's order (``INTERHAND_HAND``), or None.
    Raises:
        DataError: if the regressor does not fit the mesh.
    """

    def __init__(
        self, model: BodyModel, *, flat_hand_mean: bool = False, joint_regressor: np.ndarray | None = None
    ) -> None:
        super().__init__()
        self.side = model.variant
        self.standin = model.standin
        from carpus.bodies.smplx_layers import smplx_layer

        self.layer = smplx_layer(model, flat_hand_mean=flat_hand_mean)
        matrix = None if joint_regressor is None else _checked_regressor(joint_regressor, "joint regressor")
        self.register_buffer(
            "regressor", None if matrix is None else torch.from_numpy(matrix), persistent=False
        )
        self.register_buffer("tips", torch.tensor(list(FINGER_TIPS.values())), persistent=False)

    @property
    def faces(self) -> np.ndarray:
        """``(1538, 3)`` vertex indices of the open mesh."""
        return np.asarray(self.layer.faces, np.int64)

    def forward(
        self,
        pose: Tensor,
        shape: Tensor,
        trans_m: Tensor,
        rotation: Tensor | None = None,
        position_mm: Tensor | None = None,
    ) -> Hands:
        """Hands in camera space.

        Args:
            pose: ``(B, 48)`` axis-angle of wrist and 15 joints in MANO's order; the wrist's turns the hand.
            shape: ``(B, 10)`` coefficients.
            trans_m: ``(B, 3)`` metres.
            rotation: ``(B, 3, 3)`` or ``(3, 3)`` world to camera, if the parameters are in the world.
            position_mm: ``(B, 3)`` or ``(3,)`` camera centre in the world, with ``rotation``.
        Raises:
            ValueError: if shapes do not agree, or only one of rotation and position is given.
        """
        self._check(pose, shape, trans_m)
        if (rotation is None) != (position_mm is None):
            raise ValueError("ManoHand: give rotation and position_mm together, or neither")
        made = self.layer(global_orient=pose[:, :3], hand_pose=pose[:, 3:], betas=shape, transl=trans_m)
        vertices, centres = 1000.0 * made.vertices, 1000.0 * made.joints
        if rotation is not None and position_mm is not None:
            vertices = (vertices - position_mm.unsqueeze(-2)) @ rotation.transpose(-1, -2)
            centres = (centres - position_mm.unsqueeze(-2)) @ rotation.transpose(-1, -2)
        if isinstance(self.regressor, Tensor):
            return Hands(vertices, self.regressor @ vertices)
        joints = torch.cat([centres, vertices[:, self.tips]], dim=1)[:, _TO_INTERHAND]
        return Hands(vertices, joints)

    def _check(self, pose: Tensor, shape: Tensor, trans_m: Tensor) -> None:
        given = [tuple(values.shape) for values in (pose, shape, trans_m)]
        expected = [(len(pose), 48), (len(pose), 10), (len(pose), 3)]
        if given != expected:
            raise ValueError(f"ManoHand: pose, shape and trans_m have shapes {given}, expected {expected}")


def load_mano(
    folder: Path | str, side: str, *, standin: bool = False, flat_hand_mean: bool = False
) -> ManoHand:
    """The hand of one side from a folder of body models.

    A left hand is compared with the right one and its shape basis repaired where needed, so both files must
    be there. If the folder holds :data:`REGRESSOR_FILE`, in ``mano/`` or beside it, joints come from it.

    Args:
        folder: ``paths.body_models``.
        side: ``right`` or ``left``.
        standin: use stand-ins for files that are missing.
        flat_hand_mean: see :class:`ManoHand`.
    Raises:
        ConfigError: for another side.
        DataError: saying which file to put where, or what is wrong with one; if one hand is published and the
            other a stand-in.
    """
    if side not in SIDES:
        raise ConfigError(unknown("hand", side, SIDES))
    right = load_body_model(folder, "mano", "right", standin=standin)
    model = right
    if side == "left":
        model = load_body_model(folder, "mano", "left", standin=standin)
        if model.standin != right.standin:
            raise DataError(f"one hand is published, the other is not: {right.source} and {model.source}")
        model = repair_left_shape(model, right)
    regressor = None if model.standin else find_joint_regressor(folder)
    return ManoHand(model, flat_hand_mean=flat_hand_mean, joint_regressor=regressor)


def repair_left_shape(left: BodyModel, right: BodyModel) -> BodyModel:
    """The left hand with a shape basis that mirrors the right one.

    In the published left file the x rows have the sign of the right hand (vchoutas/smplx issue 48): where the
    two agree, they are negated. Repairing twice changes nothing.

    Args:
        left, right: MANO's content.
    """
    basis, other = np.asarray(left.arrays["shapedirs"]), np.asarray(right.arrays["shapedirs"])
    if np.abs(basis[:, 0] - other[:, 0]).sum() >= _MIN_DIFFERENCE:
        return left
    _LOG.info(
        "%s: x rows of the left hand's shape basis negated (a known error of the published file)", left.source
    )
    repaired = basis.copy()
    repaired[:, 0] *= -1
    return replace(left, arrays={**left.arrays, "shapedirs": repaired})


def find_joint_regressor(folder: Path | str) -> np.ndarray | None:
    """The published regressor of InterHand2.6M's joints, if the folder holds it.

    Args:
        folder: ``paths.body_models``.
    Returns:
        ``(21, 778)`` float32, or None if there is no such file.
    Raises:
        DataError: if the file is damaged.
    """
    for place in (Path(folder) / "mano" / REGRESSOR_FILE, Path(folder) / REGRESSOR_FILE):
        if place.is_file():
            try:
                return _checked_regressor(np.load(place, allow_pickle=False), str(place))
            except (ValueError, EOFError, OSError) as error:
                raise DataError(f"{place}: damaged or not a NumPy file ({error})") from None
    return None


def _checked_regressor(matrix: np.ndarray, where: str) -> np.ndarray:
    if matrix.shape != (len(INTERHAND_HAND), VERTICES):
        raise DataError(f"{where} has shape {matrix.shape}, expected ({len(INTERHAND_HAND)}, {VERTICES})")
    if np.abs(matrix.sum(1) - 1).max() > 1e-3:
        raise DataError(f"{where}: rows do not sum to one")
    return np.ascontiguousarray(matrix, np.float32)
