"""Where joints turn so that a hand is somewhere, and what arms do not do: run through the body."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from carpus.bodies.rest_joints import BODY
from carpus.synthetic.two_hands.fingers import rotation_between

COLLAR, SHOULDER, ELBOW, WRIST = (13, 16, 18, 20)
"""Joints of the left arm; those of the right one follow."""
MIRROR_TURN = np.array([1.0, -1.0, -1.0])
"""Factors of an axis-angle that make a left arm's a right arm's."""

_UPPER = BODY[ELBOW] - BODY[SHOULDER]
_FORE = BODY[WRIST] - BODY[ELBOW]
_REACH = (0.36, 0.985)
_HINGE = np.array([0.0, -1.0, 0.0])
_TWIST_LIMIT, _BEND_LIMIT, _SIDE_LIMIT = 75.0, 55.0, 22.0
_TRUNK, _TRUNK_Y = np.array([0.185, 1.0, 0.14]), (-0.55, 0.12)
_HEAD, _HEAD_RADII = np.array([0.0, 0.33, 0.01]), np.array([0.11, 0.16, 0.13])


@dataclass(frozen=True)
class Reach:
    """How an arm is held, said for the left one.

    Args:
        wrist: ``(3,)`` from the shoulder in lengths of the arm: outwards, up, forward.
        swivel_deg: how far the elbow is away from hanging.
        turns_deg: ``(3,)`` forearm turned to palm down, wrist bent to the palm, wrist moved to the thumb.
    """

    wrist: np.ndarray
    swivel_deg: float
    turns_deg: np.ndarray


def arm_turns(reach: Reach) -> np.ndarray:
    """``(4, 3)`` axis-angle of collar, shoulder, elbow and wrist of the left arm.

    Args:
        reach: where the wrist shall be; what an arm cannot reach is brought nearer.
    """
    collar = _collar(reach.wrist)
    length = np.linalg.norm(_UPPER) + np.linalg.norm(_FORE)
    way = reach.wrist * length
    far = float(np.linalg.norm(way))
    way = way / max(far, 1e-6)
    far = float(np.clip(far, _REACH[0] * length, _REACH[1] * length))
    pole = _across(_hanging(reach.swivel_deg), way)
    upper, fore = float(np.linalg.norm(_UPPER)), float(np.linalg.norm(_FORE))
    along = (upper**2 - fore**2 + far**2) / (2 * far)
    aside = np.sqrt(max(upper**2 - along**2, 0.0))
    elbow = along * way + aside * pole
    shoulder = _frame(elbow / upper, np.cross(pole, way)) @ _frame(_UPPER / upper, _HINGE).T
    straight = shoulder.T @ ((far * way - elbow) / fore)
    bend = rotation_between(_FORE / fore, straight / np.linalg.norm(straight))
    limits = np.array([_TWIST_LIMIT, _BEND_LIMIT, _SIDE_LIMIT])
    twist, palm, thumb = np.radians(np.clip(reach.turns_deg, -limits, limits))
    axis = _FORE / fore
    forearm = bend @ Rotation.from_rotvec(0.45 * twist * axis).as_matrix()
    wrist = Rotation.from_rotvec(0.55 * twist * axis) * Rotation.from_euler("ZY", [-palm, -thumb])
    made = [collar, collar.T @ shoulder, forearm, wrist.as_matrix()]
    return Rotation.from_matrix(np.stack(made)).as_rotvec()


def runs_into(points: np.ndarray) -> float:
    """How deep points of an arm are in trunk or head, 0 if they are in neither.

    Args:
        points: ``(n, 3)`` metres in the frame of the chest of a person of mean size.
    """
    low, high = _TRUNK_Y
    beside = np.linalg.norm((points / _TRUNK)[:, [0, 2]], axis=1)
    trunk = np.where((points[:, 1] > low) & (points[:, 1] < high), 1 - beside, 0.0)
    head = 1 - np.linalg.norm((points - _HEAD) / _HEAD_RADII, axis=1)
    return float(np.maximum(np.maximum(trunk, head), 0.0).sum())


def _collar(wrist: np.ndarray) -> np.ndarray:
    """A shoulder rises with its arm and goes forward with it."""
    up, forward = (float(np.clip(wrist[k], -1.0, 1.0)) for k in (1, 2))
    return Rotation.from_euler("ZY", [0.32 * max(up, 0.0), -0.14 * forward]).as_matrix()


def _hanging(swivel_deg: float) -> np.ndarray:
    """Where the elbow of a bent arm goes: down and back, or outwards."""
    swivel = np.radians(swivel_deg)
    return np.array([np.sin(swivel), -np.cos(swivel), -0.55])


def _across(vector: np.ndarray, axis: np.ndarray) -> np.ndarray:
    across = vector - (vector @ axis) * axis
    length = float(np.linalg.norm(across))
    return across / length if length > 1e-6 else _across(np.array([0.3, 0.1, -1.0]), axis)


def _frame(along: np.ndarray, hinge: np.ndarray) -> np.ndarray:
    """``(3, 3)`` columns: along a bone, its hinge, and across both."""
    side = _across(hinge, along)
    return np.stack([along, side, np.cross(along, side)], axis=1)
