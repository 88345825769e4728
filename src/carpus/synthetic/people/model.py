"""Stand-in people: pose numbers in, vertices and the joints of SMPL-X out.

This does what the layers of ``carpus.bodies`` do, for one person in double precision: pictures shall not
depend on the processor, and most of a layer's time goes into blend shapes that stand-ins do not have.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.spatial.transform import Rotation

from carpus.bodies.standin import standin_model
from carpus.skeletons import SMPLX_144

BODY, LEFT, RIGHT, JAW = slice(0, 22), slice(22, 37), slice(37, 52), 52
"""Parts of the 53 rotations of a pose."""

_POINTS = np.array(
    [
        *(9120, 9929, 9448, 616, 6),
        *(5770, 5780, 8846, 8463, 8474, 8635),
        *(5361, 4933, 5058, 5169, 5286),
        *(8079, 7669, 7794, 7905, 8022),
    ]
)
"""Vertices among the joints: nose, eyes, ears; toes and heel of either foot; tips of either hand."""
_NECK_CHAIN = (12, 9, 6, 3, 0)
_LAST_TURN = 39
_EYES = np.zeros((2, 3))


@dataclass(frozen=True)
class Rig:
    """What is needed of a body model to pose it.

    Args:
        template: ``(V, 3)`` metres.
        basis: ``(V, 3, S)`` of shape and expression.
        joints: ``(J, 3)`` of the template.
        joint_basis: ``(J, 3, S)``.
        weights: ``(V, J)``.
        parents: ``(J,)``.
        mean: ``(J, 3)`` axis-angle that is added to a pose.
    """

    template: np.ndarray
    basis: np.ndarray
    joints: np.ndarray
    joint_basis: np.ndarray
    weights: np.ndarray
    parents: tuple[int, ...]
    mean: np.ndarray


@dataclass(frozen=True)
class Placed:
    """A posed body.

    Args:
        vertices_m: ``(V, 3)`` metres.
        joints_m: ``(J, 3)`` centres of rotation.
        turns: ``(J, 3, 3)`` from rest to the world.
    """

    vertices_m: np.ndarray
    joints_m: np.ndarray
    turns: np.ndarray


@lru_cache(maxsize=8)
def rig(kind: str = "smplx", gender: str = "neutral") -> Rig:
    """The rig of a stand-in.

    Args:
        kind: ``smplx``, ``smpl`` or ``flame``.
        gender: ``neutral``, ``male`` or ``female``.
    """
    arrays = standin_model(kind, gender).arrays
    regressor = np.asarray(arrays["J_regressor"], np.float64)
    template, basis = (np.asarray(arrays[key], np.float64) for key in ("v_template", "shapedirs"))
    mean = np.zeros((len(regressor), 3))
    if kind == "smplx":
        mean[25:] = np.concatenate([arrays["hands_meanl"], arrays["hands_meanr"]]).reshape(30, 3)
    return Rig(
        template,
        basis,
        regressor @ template,
        np.einsum("jv,vcs->jcs", regressor, basis),
        np.asarray(arrays["weights"], np.float64),
        tuple(int(parent) for parent in arrays["kintree_table"][0]),
        mean,
    )


def file_order(pose: np.ndarray) -> np.ndarray:
    """``(55, 3)`` rotations of SMPL-X's joints from the 53 ``(53, 3)`` of a pose; the eyes do not turn."""
    return np.concatenate([pose[BODY], pose[JAW:], _EYES, pose[LEFT], pose[RIGHT]])


def rest(model: Rig, shape: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Vertices ``(V, 3)`` and joints ``(J, 3)`` of a shape ``(S,)`` that is not posed."""
    count = len(shape)
    return model.template + model.basis[..., :count] @ shape, (
        model.joints + model.joint_basis[..., :count] @ shape
    )


def placed(
    model: Rig, turns: np.ndarray, shape: np.ndarray, trans_m: np.ndarray, offsets: np.ndarray | None = None
) -> Placed:
    """A posed body.

    Args:
        model: the rig.
        turns: ``(J, 3)`` axis-angle, the mean pose not in it.
        shape: ``(S,)`` coefficients of the first S columns of its basis.
        trans_m: ``(3,)``.
        offsets: ``(V, 3)`` metres put on the vertices at rest: clothes, hair.
    """
    vertices, joints = rest(model, shape)
    if offsets is not None:
        vertices = vertices + offsets
    rotation, position = chain(model, turns, joints)
    shift = position - (rotation @ joints[..., None])[..., 0]
    maps = np.concatenate([rotation, shift[..., None]], axis=2).reshape(len(joints), 12)
    blended = (model.weights @ maps).reshape(-1, 3, 4)
    moved = (blended[..., :3] @ vertices[..., None])[..., 0] + blended[..., 3]
    return Placed(moved + trans_m, position + trans_m, rotation)


def chain(model: Rig, turns: np.ndarray, joints: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rotations ``(J, 3, 3)`` and places ``(J, 3)`` of all joints, the root where it is at rest."""
    local = Rotation.from_rotvec(turns + model.mean).as_matrix()
    rotation, position = local.copy(), joints.copy()
    for joint, parent in enumerate(model.parents):
        if parent >= 0:
            rotation[joint] = rotation[parent] @ local[joint]
            position[joint] = position[parent] + rotation[parent] @ (joints[joint] - joints[parent])
    return rotation, position


def all_joints(turns: np.ndarray, body: Placed) -> np.ndarray:
    """``(144, 3)`` metres: SMPL-X's joints, points on its surface, landmarks of the face.

    Args:
        turns: ``(55, 3)`` the body's pose; the outline of the face goes with the turn of the head.
        body: of SMPL-X.
    """
    arrays = standin_model("smplx", "neutral").arrays
    faces, vertices = np.asarray(arrays["f"]), body.vertices_m
    row = contour_row(turns[list(_NECK_CHAIN)])
    ids = np.concatenate([arrays["lmk_faces_idx"], arrays["dynamic_lmk_faces_idx"][row]])
    weights = np.concatenate([arrays["lmk_bary_coords"], arrays["dynamic_lmk_bary_coords"][row]])
    landmarks = np.einsum("lk,lkc->lc", weights, vertices[faces[ids]])
    points = vertices[_POINTS]
    return np.concatenate([body.joints_m, points, landmarks])


def contour_row(turns: np.ndarray) -> int:
    """Which row of a table of outlines belongs to a turn of the head.

    Args:
        turns: ``(n, 3)`` axis-angle from the neck back to the root.
    """
    turn = np.eye(3)
    for own in turns:
        turn = Rotation.from_rotvec(own).as_matrix() @ turn
    yaw = -np.degrees(np.arctan2(-turn[2, 0], np.hypot(turn[0, 0], turn[1, 0])))
    whole = round(min(float(yaw), _LAST_TURN))
    return whole if whole >= 0 else min(_LAST_TURN - whole, 2 * _LAST_TURN)


assert len(_POINTS) + 55 + 68 == len(SMPLX_144)
