"""Joint angles of a MANO-shaped hand: to its pose numbers, to its bones, to the spheres it is made of.

Everything is computed for a left hand at rest as its file has it (x to the fingers, y to the back of the
hand, z to the thumb, metres); a right hand is its mirror image in x.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.spatial.transform import Rotation

from carpus.bodies.rest_joints import MANO_FINGERS
from carpus.bodies.standin import standin_model
from carpus.bodies.topology import FINGER_TIPS
from carpus.synthetic.poses import free_pose, gesture, jittered
from carpus.synthetic.skinning import turn_about

FINGERS = ("thumb", "index", "middle", "ring", "little")
"""The order of fingers in angles ``(5, 3, 3)``: three joints each, flexion, abduction, twist in degrees."""

MIRROR = np.array([-1.0, 1.0, 1.0])
_FILE_ROWS = [FINGERS.index(finger) for finger in MANO_FINGERS]
_ROWS = [MANO_FINGERS.index(finger) for finger in FINGERS]
_TURN = np.array([1.0, -1.0, -1.0])
_RADIUS_M = np.array([0.0112, 0.0090, 0.0093, 0.0088, 0.0077])
_TAPER = np.array([1.0, 0.97, 0.93, 0.89, 0.86, 0.82, 0.78, 0.72, 0.62])
_PALM_STEPS = np.array([0.12, 0.34, 0.56, 0.78, 0.97])
_AWAY = np.array([0.3, 1.0, 1.0, 1.0, 1.0])  # a thumb can hardly leave the palm sideways
_PALM_RADIUS_M = 0.0160 - 0.0052 * _PALM_STEPS


@dataclass(frozen=True)
class Fingers:
    """The bones of one person's hands, both the same.

    Args:
        shape: ``(10,)`` coefficients of the hand model.
        heads: ``(5, 4, 3)`` joints of every finger and its tip, left hand at rest, wrist at the origin.
        axes: ``(5, 3, 3)`` per finger flexion, abduction and twist axes.
        wrist: ``(3,)`` the wrist in the model's coordinates.
    """

    shape: np.ndarray
    heads: np.ndarray
    axes: np.ndarray
    wrist: np.ndarray

    def turns(self, angles_deg: np.ndarray) -> np.ndarray:
        """Rotations ``(*, 5, 3, 3, 3)`` of every joint against the one before.

        Args:
            angles_deg: ``(*, 5, 3, 3)``.
        """
        radians = np.radians(angles_deg)
        flexion, abduction, twist = (
            turn_about(np.broadcast_to(self.axes[:, None, k], radians.shape), radians[..., k])
            for k in range(3)
        )
        return flexion @ abduction @ twist

    def chains(self, angles_deg: np.ndarray) -> np.ndarray:
        """Joints and tips ``(*, 5, 4, 3)`` metres of posed fingers, left, wrist at the origin."""
        turns = self.turns(angles_deg)
        steps = np.diff(self.heads, axis=1)
        point = np.broadcast_to(self.heads[:, 0], (*turns.shape[:-4], 5, 3))
        points, rotation = [point], np.eye(3)
        for joint in range(3):
            rotation = rotation @ turns[..., joint, :, :]
            point = point + (rotation @ steps[:, joint, :, None])[..., 0]
            points.append(point)
        return np.stack(points, axis=-2)

    def pose(self, angles_deg: np.ndarray, side: str) -> np.ndarray:
        """``(45,)`` pose numbers of the hand model, relative to its mean pose.

        Args:
            angles_deg: ``(5, 3, 3)``.
            side: ``right`` or ``left``.
        """
        vectors = Rotation.from_matrix(self.turns(angles_deg).reshape(-1, 3, 3)).as_rotvec().reshape(5, 3, 3)
        vectors = vectors[_FILE_ROWS]
        if side == "right":
            vectors = vectors * _TURN
        return vectors.ravel() - np.asarray(standin_model("mano", side).arrays["hands_mean"])


def fingers_of(shape: np.ndarray) -> Fingers:
    """The bones of hands of a shape.

    Args:
        shape: ``(10,)`` coefficients.
    """
    arrays = standin_model("mano", "left").arrays
    vertices = arrays["v_template"] + arrays["shapedirs"][..., :10] @ shape
    joints = np.asarray(arrays["J_regressor"]) @ vertices
    tips = vertices[[FINGER_TIPS[finger] for finger in FINGERS]]
    heads = np.concatenate([joints[1:].reshape(5, 3, 3)[_ROWS], tips[:, None]], axis=1) - joints[0]
    return Fingers(shape, heads, _axes(heads), joints[0])


def _axes(heads: np.ndarray) -> np.ndarray:
    """``(5, 3, 3)`` flexion moves a finger to the palm, abduction to the thumb's side."""
    along = heads[:, 3] - heads[:, 0]
    along /= np.linalg.norm(along, axis=1, keepdims=True)
    # Four fingers bend to the palm; the thumb bends across it.
    inwards = np.array([[0.1, -0.55, -0.85], *[[0.0, -1.0, 0.0]] * 4])
    flexion = np.cross(along, inwards)
    flexion /= np.linalg.norm(flexion, axis=1, keepdims=True)
    return np.stack([flexion, np.cross(flexion, along) * _AWAY[:, None], along], axis=1)


@lru_cache(maxsize=1)
def sphere_radii() -> np.ndarray:
    """``(S,)`` metres of the spheres of :func:`spheres`, for a hand of mean size."""
    fingers = _RADIUS_M[:, None] * _TAPER
    return np.concatenate([fingers.ravel(), np.tile(_PALM_RADIUS_M, 4), [0.0145, 0.0135, 0.0125]])


FINGER_SPHERES = len(_TAPER)
"""How many spheres a finger has; they come first, finger by finger."""


def spheres(chains: np.ndarray) -> np.ndarray:
    """Centres ``(*, S, 3)`` of the spheres that fill a hand.

    Args:
        chains: ``(*, 5, 4, 3)`` of :meth:`Fingers.chains`.
    """
    at = np.linspace(0.1, 2.88, FINGER_SPHERES)
    low = at.astype(int)
    part = (at - low)[:, None]
    along = chains[..., low, :] * (1 - part) + chains[..., low + 1, :] * part
    # The palm: from the wrist, a little apart, to the knuckles.
    roots = np.array([[0.0, 0.0, z] for z in (0.014, 0.004, -0.006, -0.015)])
    knuckles = chains[..., 1:, None, 0, :]
    steps = _PALM_STEPS[:, None]
    palm = roots[:, None] * (1 - steps) + knuckles * steps
    thumb = chains[..., 0, :2, :]
    ball = np.stack([0.6 * thumb[..., 0, :], thumb[..., 0, :], thumb.mean(-2)], axis=-2)
    lead = chains.shape[:-3]
    return np.concatenate([along.reshape(*lead, -1, 3), palm.reshape(*lead, -1, 3), ball], axis=-2)


def sample_angles(rng: np.random.Generator, name: str | None = None) -> np.ndarray:
    """Angles ``(5, 3, 3)`` of a gesture with jitter, or of a free pose.

    Args:
        rng: source of randomness.
        name: one of :data:`~carpus.synthetic.poses.GESTURES`, or None.
    """
    drawn = free_pose(rng) if name is None else jittered(gesture(name, rng.uniform(-1, 1.5)), rng)
    return from_bones(drawn)


def from_bones(bones_deg: np.ndarray) -> np.ndarray:
    """Angles ``(5, 3, 3)`` of the three joints from angles ``(5, 4, 3)`` of four bones.

    The thumb's first bone is its first joint's; the others' first bone, in the palm, does not move.
    """
    return np.concatenate([bones_deg[:1, :3], bones_deg[1:, 1:]])


def random_turns(count: int, rng: np.random.Generator) -> np.ndarray:
    """``(n, 3, 3)`` rotations, every one as likely as any other."""
    return Rotation.from_quat(rng.normal(size=(count, 4))).as_matrix()


def rotation_between(start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """``(3, 3)`` shortest turn of one unit vector to another.

    Example:
        >>> rotation_between(np.array([1.0, 0.0, 0.0]), np.array([0.0, 1.0, 0.0])).round(3) + 0.0
        array([[ 0., -1.,  0.],
               [ 1.,  0.,  0.],
               [ 0.,  0.,  1.]])
    """
    axis = np.cross(start, end)
    sine, cosine = float(np.linalg.norm(axis)), float(start @ end)
    if sine < 1e-9:
        other = np.cross(start, np.eye(3)[int(np.abs(start).argmin())])
        return np.eye(3) if cosine > 0 else turn_about(other / np.linalg.norm(other), np.array(np.pi))
    return turn_about(axis / sine, np.array(np.arctan2(sine, cosine)))
