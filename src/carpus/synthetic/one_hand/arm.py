"""An arm that holds a hand somewhere: where the elbow is, how forearm and wrist turn."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from carpus.synthetic.skinning import turn_about
from carpus.synthetic.two_hands.contact import Pair, settled
from carpus.synthetic.two_hands.fingers import MIRROR, sample_angles
from carpus.synthetic.two_hands.moment import HandFit
from carpus.synthetic.two_hands.people import Person

UPPER_MM, FORE_MM = 285.0, 255.0
"""Shoulder to elbow and elbow to wrist of a person of mean size."""

_DOWN = np.array([0.0, 1.0, 0.0])
_STRAIGHT = 0.15
_SPREAD_DEG, _LIMIT_DEG = np.array([0.0, 20.0, 8.0]), np.array([85.0, 52.0, 22.0])


@dataclass(frozen=True)
class ArmPose:
    """How a person holds one hand.

    Args:
        side: ``right`` or ``left``.
        angles_deg: ``(5, 3, 3)`` of the fingers.
        wrist_mm: ``(3,)`` in the world.
        turns_deg: ``(3,)`` forearm turned from thumb up to palm down, wrist bent, wrist moved to the side.
        swivel_deg: how far the elbow is away from hanging.
    """

    side: str
    angles_deg: np.ndarray
    wrist_mm: np.ndarray
    turns_deg: np.ndarray
    swivel_deg: float

    def towards(self, other: ArmPose, share: float) -> ArmPose:
        """The pose a share of the way to another one of the same hand."""
        return ArmPose(
            self.side,
            self.angles_deg + share * (other.angles_deg - self.angles_deg),
            self.wrist_mm + share * (other.wrist_mm - self.wrist_mm),
            self.turns_deg + share * (other.turns_deg - self.turns_deg),
            self.swivel_deg + share * (other.swivel_deg - self.swivel_deg),
        )


def sample_fingers(
    person: Person, names: tuple[str | None, str | None], rng: np.random.Generator
) -> np.ndarray:
    """Angles ``(2, 5, 3, 3)`` of two hands whose fingers do not run into each other.

    Args:
        person: whose hands.
        names: of :data:`~carpus.synthetic.poses.GESTURES`, or None for a free pose.
        rng: source of randomness.
    """
    angles = np.stack([sample_angles(rng, name) for name in names])
    # The hands are far apart: only the fingers of one hand meet.
    away = np.array([[0.0, 0.0, 0.0], [0.0, 0.0, 2000.0]])
    return settled(Pair(person.fingers, angles, np.stack([np.eye(3)] * 2), away), 0.0, 1).angles


def sample_turns(rng: np.random.Generator) -> np.ndarray:
    """``(3,)`` degrees: any turn of the forearm, little bending of the wrist."""
    turns = rng.normal(0, 1, 3) * _SPREAD_DEG
    turns[0] = rng.uniform(-1, 1) * _LIMIT_DEG[0]
    return np.clip(turns, -_LIMIT_DEG, _LIMIT_DEG)


def reachable(shoulder_mm: np.ndarray, wanted_mm: np.ndarray, size: float) -> np.ndarray:
    """``(3,)`` the wanted place of a wrist, or the nearest one an arm reaches.

    Args:
        shoulder_mm, wanted_mm: ``(3,)``.
        size: of the person.
    """
    way = wanted_mm - shoulder_mm
    length = float(np.linalg.norm(way))
    limits = np.array([0.42, 0.97]) * size * (UPPER_MM + FORE_MM)
    return shoulder_mm + way * (np.clip(length, *limits) / max(length, 1e-6))


def elbow_of(pose: ArmPose, shoulder_mm: np.ndarray, size: float) -> np.ndarray:
    """``(3,)`` elbow of an arm whose ends are given.

    Args:
        pose: where the wrist is, and the elbow's swivel.
        shoulder_mm: ``(3,)``.
        size: of the person.
    """
    way = pose.wrist_mm - shoulder_mm
    reach = float(np.linalg.norm(way))
    way /= reach
    upper, fore = size * UPPER_MM, size * FORE_MM
    along = np.clip((upper**2 - fore**2 + reach**2) / (2 * reach), 0.1 * upper, upper)
    outwards = np.array([1.0, 0.0, 0.25]) * (MIRROR if pose.side == "right" else 1.0)
    swivel = np.radians(pose.swivel_deg)
    hanging = np.cos(swivel) * _DOWN + np.sin(swivel) * outwards
    hanging -= (hanging @ way) * way
    away = hanging / max(float(np.linalg.norm(hanging)), 1e-6)
    return shoulder_mm + along * way + np.sqrt(max(upper**2 - along**2, 0.0)) * away


def hand_rotation(pose: ArmPose, shoulder_mm: np.ndarray, elbow_mm: np.ndarray) -> np.ndarray:
    """``(3, 3)`` from the hand's rest frame to the world: how upper arm and forearm lie, then its turns.

    Args:
        pose: of the arm.
        shoulder_mm, elbow_mm: ``(3,)``.
    """
    forward = _unit(pose.wrist_mm - elbow_mm)
    bend = _across(_unit(elbow_mm - shoulder_mm), forward)
    # The thumb of a hand that is not turned points away from where the upper arm comes from.
    thumb = -bend if np.linalg.norm(bend) > _STRAIGHT else _across(-_DOWN, forward)
    thumb = _unit(thumb)
    left = pose.side == "left"
    fingers = forward if left else -forward
    rest = np.stack([fingers, np.cross(thumb, fingers), thumb], axis=1)
    twist, flexion, aside = np.radians(pose.turns_deg)
    turned = turn_about(forward, np.array(twist if left else -twist)) @ rest
    return turned @ turn_about(np.array([0.0, 0, 1]), np.array(flexion)) @ turn_about(_DOWN, np.array(aside))


def fit_of(person: Person, pose: ArmPose, rotation: np.ndarray) -> HandFit:
    """The pose numbers of the hand model.

    Args:
        person: whose hand.
        pose: of the arm.
        rotation: ``(3, 3)`` from the hand's rest frame to the frame of ``pose``.
    """
    wrist = person.fingers.wrist * (MIRROR if pose.side == "right" else 1.0)
    turn = Rotation.from_matrix(rotation).as_rotvec()
    numbers = np.concatenate([turn, person.fingers.pose(pose.angles_deg, pose.side)])
    return HandFit(numbers.round(6), person.fingers.shape, (pose.wrist_mm / 1000.0 - wrist).round(6))


def _across(vector: np.ndarray, axis: np.ndarray) -> np.ndarray:
    return vector - (vector @ axis) * axis


def _unit(vector: np.ndarray) -> np.ndarray:
    return vector / np.linalg.norm(vector)
