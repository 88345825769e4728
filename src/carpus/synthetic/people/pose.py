"""Poses of people: what legs, trunk and arms do together, fingers, the mouth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from carpus.bodies.rest_joints import BODY
from carpus.synthetic.people.limbs import (
    COLLAR,
    ELBOW,
    MIRROR_TURN,
    SHOULDER,
    WRIST,
    Reach,
    arm_turns,
    runs_into,
)
from carpus.synthetic.people.model import BODY as BODY_ROWS
from carpus.synthetic.people.model import JAW, LEFT, RIGHT
from carpus.synthetic.poses import GESTURES
from carpus.synthetic.two_hands.contact import Pair, settled
from carpus.synthetic.two_hands.fingers import fingers_of, sample_angles

# Wrist from the shoulder in lengths of the arm (outwards, up, forward), its spread, elbow's swivel, turns of
# the forearm, and what the fingers do more often than not.
_ARMS = {
    "hang": ((0.12, -0.95, 0.06), (0.06, 0.03, 0.08), (10, 25), (0, 15), ("relaxed", "5", None)),
    "bent": ((0.10, -0.62, 0.42), (0.16, 0.16, 0.16), (5, 45), (10, 30), ("relaxed", "pinch", None)),
    "hip": ((0.13, -0.72, 0.06), (0.03, 0.03, 0.04), (75, 95), (40, 12), ("fist", "relaxed", "grasp")),
    "front": ((-0.12, 0.0, 0.85), (0.25, 0.25, 0.1), (5, 50), (20, 40), ("5", "pinch", "1", "grasp", None)),
    "point": ((0.25, 0.12, 0.85), (0.3, 0.2, 0.1), (10, 50), (35, 25), ("1", "L")),
    "up": ((0.2, 0.88, 0.12), (0.15, 0.1, 0.15), (60, 100), (0, 40), ("5", "fist", "2", None)),
    "wave": ((0.35, 0.42, 0.35), (0.12, 0.12, 0.12), (20, 60), (-20, 25), ("5", "5", "4")),
    "face": ((-0.02, 0.24, 0.42), (0.08, 0.1, 0.08), (15, 60), (-40, 20), ("grasp", "relaxed", "pinch", "1")),
    "chest": ((-0.22, -0.22, 0.58), (0.1, 0.12, 0.08), (20, 55), (15, 25), ("5", "grasp", "pinch", None)),
    "crossed": ((-0.46, -0.3, 0.52), (0.05, 0.05, 0.03), (30, 50), (55, 10), ("relaxed", "fist")),
    "side": ((0.88, 0.0, 0.1), (0.08, 0.28, 0.2), (15, 70), (20, 40), ("5", "relaxed", "T", None)),
    "lap": ((-0.12, -0.68, 0.48), (0.08, 0.06, 0.06), (20, 50), (55, 15), ("relaxed", "5", "fist")),
    "table": ((-0.08, -0.42, 0.68), (0.12, 0.06, 0.08), (25, 55), (50, 20), ("relaxed", "pinch", "5", None)),
    "swing": ((0.10, -0.82, 0.38), (0.04, 0.05, 0.1), (8, 25), (5, 12), ("relaxed", "fist")),
    "back": ((0.14, -0.86, -0.36), (0.04, 0.04, 0.08), (5, 15), (5, 12), ("relaxed", "fist")),
}
ARMS = tuple(_ARMS)

_ACTIVITIES = {
    "stand": ("stand", ("hang", "bent", "hip", "face", "chest", "crossed", "wave", "point", "front"), 0.26),
    "talk": ("stand", ("chest", "bent", "front", "side", "wave", "point"), 0.16),
    "stretch": ("stand", ("up", "side", "up", "front"), 0.10),
    "walk": ("walk", ("swing",), 0.16),
    "sit": ("sit", ("lap", "table", "lap", "face", "chest", "wave"), 0.18),
    "squat": ("squat", ("front", "table", "lap", "chest"), 0.05),
    "lunge": ("lunge", ("front", "up", "side", "bent", "point"), 0.09),
}
ACTIVITIES = tuple(_ACTIVITIES)
"""What people do."""

_SAME_ARMS = ("stretch", "sit", "squat")
_TRIES = 8
_TIPS = np.array([0.07, 0.13, 0.18])


@dataclass(frozen=True)
class Pose:
    """How a person holds itself.

    Args:
        activity: one of :data:`ACTIVITIES`.
        turns: ``(53, 3)`` axis-angle in SMPL-X's order; the root's is how the pelvis leans.
        expression: ``(10,)`` coefficients.
    """

    activity: str
    turns: np.ndarray
    expression: np.ndarray


def sample_pose(rng: np.random.Generator, activities: tuple[str, ...] = ACTIVITIES) -> Pose:
    """A pose people take.

    Args:
        rng: source of randomness.
        activities: among which.
    """
    chance = np.array([_ACTIVITIES[name][2] for name in activities])
    activity = activities[int(rng.choice(len(activities), p=chance / chance.sum()))]
    legs, arms, _ = _ACTIVITIES[activity]
    turns = np.zeros((53, 3))
    mirrored = rng.uniform() < 0.5
    _legs(turns[BODY_ROWS], legs, rng)
    _trunk(turns[BODY_ROWS], legs, rng)
    names = _arms_of(activity, arms, rng)
    for side, name in enumerate(names):
        turns[[joint + side for joint in (COLLAR, SHOULDER, ELBOW, WRIST)]] = _arm(name, side, rng)
    if mirrored:
        _mirror(turns[BODY_ROWS])
        names = names[1], names[0]
    turns[LEFT], turns[RIGHT] = _fingers(names, rng)
    turns[JAW] = (min(rng.exponential(0.09), 0.4), rng.normal(0, 0.015), rng.normal(0, 0.01))
    return Pose(activity, turns, rng.normal(0, 0.8, 10).clip(-2.5, 2.5))


def _arms_of(activity: str, arms: tuple[str, ...], rng: np.random.Generator) -> tuple[str, str]:
    """What left and right arm do."""
    if activity == "walk":
        return ("back", "swing")
    first = str(rng.choice(arms))
    if first == "crossed" or rng.uniform() < (0.55 if activity in _SAME_ARMS or first == "hang" else 0.3):
        return (first, first)
    second = "hang" if activity == "stand" and rng.uniform() < 0.4 else str(rng.choice(arms))
    return (first, "bent" if second == "crossed" else second)


def _legs(body: np.ndarray, stance: str, rng: np.random.Generator) -> None:
    """Fill in pelvis, hips, knees and ankles of ``(22, 3)``; flexion, spreading and turning in degrees."""
    hips, knees, lean = np.zeros((2, 3)), np.zeros(2), rng.normal(0, 2, 3)
    hips[:, 1] = rng.normal(5, 3, 2).clip(0, 14)
    hips[:, 2] = rng.normal(8, 5, 2).clip(-5, 20)
    if stance == "stand":
        knees += np.abs(rng.normal(4, 4, 2))
        hips[:, 0] = 0.5 * knees + rng.normal(0, 2, 2)
        if rng.uniform() < 0.35:
            knees[0] += rng.uniform(8, 22)
            hips[0] += (0.6 * knees[0], 4, 8)
    elif stance == "walk":
        stride = rng.uniform(14, 32)
        hips[:, 0] = stride + 4, -0.7 * stride
        knees += rng.uniform(2, 18), rng.uniform(8, 50)
        lean[0] += rng.uniform(2, 8)
    elif stance == "sit":
        hips[:, 0] = rng.uniform(72, 92) + rng.normal(0, 3, 2)
        hips[:, 1] = rng.normal(9, 5, 2).clip(1, 24)
        knees += rng.uniform(65, 98) + rng.normal(0, 7, 2)
        lean[0] += rng.uniform(-10, 6)
    elif stance == "squat":
        deep = rng.uniform(0.55, 1.0)
        hips[:, 0], hips[:, 1] = 105 * deep + rng.normal(0, 4, 2), rng.uniform(8, 26)
        knees += 118 * deep + rng.normal(0, 5, 2)
        lean[0] += 22 * deep
    else:
        hips[:, 0] = rng.uniform(40, 80), rng.uniform(-22, -5)
        knees += hips[0, 0] * rng.uniform(0.85, 1.2), rng.uniform(8, 45)
        lean[0] += rng.uniform(0, 14)
    soles = hips[:, 0] - knees - lean[0]
    if stance == "walk":
        soles[1] -= 12
    body[0] = _turn("XZY", lean[[0, 2, 1]])
    for side, sign in enumerate((1.0, -1.0)):
        flexion, spread, out = hips[side]
        body[1 + side] = _turn("XZY", (-flexion, sign * spread, sign * out))
        body[4 + side] = _turn("X", (knees[side],))
        body[7 + side] = _turn("XZ", (np.clip(soles[side], -35, 30), rng.normal(0, 2) - 0.6 * sign * spread))
        body[10 + side] = _turn("X", (-14.0 if stance == "walk" and side else 0.0,))


def _trunk(body: np.ndarray, stance: str, rng: np.random.Generator) -> None:
    """Fill in spine, neck and head of ``(22, 3)``: bent forward, to a side, twisted."""
    forward = {"sit": (4, 12), "squat": (10, 10), "lunge": (4, 8), "walk": (3, 3)}.get(stance, (2, 7))
    bend = np.array([rng.normal(*forward), rng.normal(0, 5), rng.normal(0, 9)]).clip(-30, 40)
    for joint, share in ((3, 0.3), (6, 0.35), (9, 0.35)):
        body[joint] = _turn("XZY", share * bend)
    look = np.array([rng.normal(7, 10), rng.normal(0, 6), rng.normal(0, 22)]).clip(-45, 45)
    look[0] -= 0.6 * (bend[0] + np.degrees(body[0, 0]))
    body[12], body[15] = _turn("XZY", 0.45 * look), _turn("XZY", 0.55 * look)


def _arm(name: str, side: int, rng: np.random.Generator) -> np.ndarray:
    """``(4, 3)`` axis-angle of an arm that does not run through the body."""
    best, least = np.zeros((4, 3)), np.inf
    for _ in range(_TRIES):
        made = arm_turns(_sample_reach(name, rng))
        depth = runs_into(_points(made))
        if depth < least:
            best, least = made, depth
        if least == 0:
            break
    return best * MIRROR_TURN if side else best


def _sample_reach(name: str, rng: np.random.Generator) -> Reach:
    wrist, spread, swivel, (twist, varied), _ = _ARMS[name]
    place = np.array(wrist) + np.array(spread) * rng.normal(0, 1, 3).clip(-2, 2)
    palm = rng.normal(35 if name == "hip" else 0, 16)
    return Reach(place, rng.uniform(*swivel), np.array([rng.normal(twist, varied), palm, rng.normal(0, 7)]))


def _points(turns: np.ndarray) -> np.ndarray:
    """``(6, 3)`` elbow, forearm, wrist and places along the hand of a left arm, in the chest's frame."""
    collar, shoulder, elbow, wrist = Rotation.from_rotvec(turns).as_matrix()
    at = BODY[COLLAR] + collar @ (BODY[SHOULDER] - BODY[COLLAR])
    turn = collar @ shoulder
    bent = at + turn @ (BODY[ELBOW] - BODY[SHOULDER])
    turn = turn @ elbow
    end = bent + turn @ (BODY[WRIST] - BODY[ELBOW])
    hand = turn @ wrist @ np.array([1.0, 0.0, 0.0])
    return np.stack([bent, 0.5 * (bent + end), end, *(end + _TIPS[:, None] * hand)])


def _fingers(names: tuple[str, str], rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """``(15, 3)`` of left and right hand, relative to the mean pose; fingers do not cut each other."""
    bones = fingers_of(np.zeros(10))
    angles = []
    for name in names:
        choice = _ARMS[name][4]
        gesture = (
            choice[int(rng.integers(len(choice)))] if rng.uniform() < 0.65 else str(rng.choice(GESTURES))
        )
        angles.append(sample_angles(rng, gesture if rng.uniform() < 0.85 else None))
    away = np.array([[0.0, 0.0, 0.0], [0.0, 0.0, 2000.0]])
    free = settled(Pair(bones, np.stack(angles), np.stack([np.eye(3)] * 2), away), 0.0, 1).angles
    left, right = (bones.pose(free[side], name).reshape(15, 3) for side, name in enumerate(("left", "right")))
    return left, right


def _mirror(body: np.ndarray) -> None:
    """Exchange left and right of ``(22, 3)`` in place."""
    for left in (1, 4, 7, 10, 13, 16, 18, 20):
        body[[left, left + 1]] = body[[left + 1, left]]
    body *= MIRROR_TURN


def _turn(axes: str, degrees: np.ndarray | tuple[float, ...]) -> np.ndarray:
    """``(3,)`` axis-angle of turns about body axes, one after the other."""
    return Rotation.from_euler(axes, np.asarray(degrees, np.float64), degrees=True).as_rotvec().reshape(3)
