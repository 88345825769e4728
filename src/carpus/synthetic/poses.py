"""Hand poses within anatomical limits: named gestures with jitter, free poses, self-contact check."""

from __future__ import annotations

import numpy as np

from carpus.errors import ConfigError, unknown
from carpus.synthetic.rig import BONES, PosedHand

MSRA_GESTURES = ("1", "2", "3", "4", "5", "6", "7", "8", "9", "I", "IP", "L", "MP", "RP", "T", "TIP", "Y")
"""The 17 gestures of the MSRA set in its order; most are letters and numbers of American Sign Language."""

_LIMITS = {
    # (finger rows, bone): flexion, abduction to the thumb's side, twist; degrees
    ("thumb", 0): ((-20, 40), (-20, 35), (-15, 40)),
    ("thumb", 1): ((-10, 60), (-8, 8), (0, 0)),
    ("thumb", 2): ((-15, 80), (0, 0), (0, 0)),
    ("thumb", 3): ((0, 0), (0, 0), (0, 0)),
    ("other", 0): ((0, 0), (0, 0), (0, 0)),
    ("other", 1): ((-15, 90), (-20, 20), (0, 0)),
    ("other", 2): ((0, 105), (0, 0), (0, 0)),
    ("other", 3): ((0, 80), (0, 0), (0, 0)),
}
LIMITS_DEG = np.array(
    [[_LIMITS["thumb" if finger == 0 else "other", bone] for bone in range(BONES)] for finger in range(5)],
    np.float64,
)
"""``(5, 4, 3, 2)`` lowest and highest flexion, abduction, twist of every bone."""

_STATES = {"e": (6, 6, 4), "c": (80, 98, 58), "h": (35, 80, 45), "t": (50, 50, 33), "r": (18, 25, 15)}
"""Finger states, (MCP, PIP, DIP) flexion: extended, curled, hooked, touching the thumb, relaxed."""

_THUMBS = {
    # CMC flexion, abduction, twist, MCP flexion, IP flexion
    "out": (-14, 4, 0, 0, 0),
    "side": (12, 0, 0, 8, 8),
    "folded": (30, 22, 22, 42, 40),
    "over": (10, 34, 18, 44, 43),
    "index": (12, 32, 18, 20, 32),
    "middle": (21, 32, 28, 26, 30),
    "ring": (26, 34, 32, 29, 30),
    "little": (32, 34, 20, 32, 32),
    "relaxed": (4, 12, 8, 12, 15),
}
_GESTURES = {
    # thumb, states of index to little
    "1": ("over", "eccc"),
    "2": ("over", "eecc"),
    "3": ("out", "eecc"),
    "4": ("folded", "eeee"),
    "5": ("out", "eeee"),
    "6": ("little", "eeet"),
    "7": ("ring", "eete"),
    "8": ("middle", "etee"),
    "9": ("index", "teee"),
    "I": ("over", "ccce"),
    "IP": ("over", "ecce"),
    "L": ("out", "eccc"),
    "MP": ("over", "cece"),
    "RP": ("over", "ccee"),
    "T": ("out", "cccc"),
    "TIP": ("out", "ecce"),
    "Y": ("out", "ccce"),
    "fist": ("over", "cccc"),
    "hook": ("side", "hhhh"),
    "pinch": ("index", "trrr"),
    "grasp": ("relaxed", "hhhh"),
    "relaxed": ("relaxed", "rrrr"),
}
GESTURES = tuple(_GESTURES)
"""All named poses."""


def gesture(name: str, spread: float = 0.0) -> np.ndarray:
    """The angles ``(5, 4, 3)`` in degrees of a named pose.

    Args:
        name: one of :data:`GESTURES`.
        spread: -1 fingers side by side, 0 as at rest, 1 spread.
    Raises:
        ConfigError: naming the nearest pose that exists.
    """
    if name not in _GESTURES:
        raise ConfigError(unknown("gesture", name, GESTURES))
    thumb, states = _GESTURES[name]
    angles = np.zeros((5, BONES, 3))
    angles[0, 0], (angles[0, 1, 0], angles[0, 2, 0]) = _THUMBS[thumb][:3], _THUMBS[thumb][3:]
    angles[1:, 1:, 0] = [_STATES[state] for state in states]
    angles[1:, 1, 1] = np.array([3.0, 0.0, -3.0, -6.0]) * spread + np.array([-1.0, 1.0, 3.0, 4.0]) * (
        spread < 0
    )
    return angles


def limited(angles_deg: np.ndarray) -> np.ndarray:
    """Angles ``(5, 4, 3)`` brought back within :data:`LIMITS_DEG`."""
    return np.clip(angles_deg, LIMITS_DEG[..., 0], LIMITS_DEG[..., 1])


def jittered(angles_deg: np.ndarray, rng: np.random.Generator, amount: float = 1.0) -> np.ndarray:
    """Angles ``(5, 4, 3)`` after random changes as people make them, within the limits."""
    noise = np.zeros_like(angles_deg)
    noise[1:, 1, 0] = rng.normal(0, 9, 4) + rng.normal(0, 5)
    noise[1:, 2, 0] = rng.normal(0, 8, 4)
    noise[1:, 3, 0] = 0.6 * noise[1:, 2, 0] + rng.normal(0, 4, 4)
    noise[1:, 1, 1] = rng.normal(0, 3, 4) + rng.normal(0, 2) * np.array([1.0, 0.0, -1.0, -2.0])
    noise[0, 0] = rng.normal(0, (6, 5, 4))
    noise[0, 1:3, 0] = rng.normal(0, 8, 2)
    return limited(angles_deg + amount * noise)


def free_pose(rng: np.random.Generator) -> np.ndarray:
    """A random pose ``(5, 4, 3)`` that follows no gesture: each finger's curl drawn, neighbours alike."""
    common = rng.uniform(0, 1)
    curl = np.clip(common + rng.normal(0, 0.3, 4), 0, 1)
    angles = np.zeros((5, BONES, 3))
    angles[1:, 1, 0] = -8 + 88 * np.clip(curl + rng.normal(0, 0.2, 4), 0, 1)
    angles[1:, 2, 0] = 100 * np.clip(curl + rng.normal(0, 0.15, 4), 0, 1)
    angles[1:, 3, 0] = 0.62 * angles[1:, 2, 0] + rng.normal(0, 5, 4)
    # Straight fingers spread, bent ones cannot.
    straight = 1 - np.clip(angles[1:, 1, 0], 0, 90) / 90
    angles[1:, 1, 1] = straight * (rng.uniform(-1, 1) * np.array([4, 0, -4, -8]) + rng.normal(0, 2.5, 4))
    names = tuple(_THUMBS)
    first, second = (np.array(_THUMBS[names[i]], np.float64) for i in rng.integers(0, len(names), 2))
    mix = rng.uniform(0, 1)
    thumb = (1 - mix) * first + mix * second
    angles[0, 0], angles[0, 1, 0], angles[0, 2, 0] = thumb[:3], thumb[3], thumb[4]
    return jittered(angles, rng, 0.5)


_SAMPLES = np.linspace(0.0, 1.0, 4)[None, :, None]
_RADIUS = np.array([0.052, 0.046, 0.046, 0.042, 0.038])
"""Finger radius as a part of the hand's length."""


def clearance(hand: PosedHand) -> float:
    """How far fingers run into each other or the palm, as a part of finger thickness; < 0.45 is gross.

    Distances between points along the bones of different fingers, and between finger ends and metacarpals,
    each divided by the sum of the two radii; the smallest is returned (1 = touching skin).
    """
    chain = hand.chain
    length = np.linalg.norm(chain[2, 1] - hand.wrist) / 0.49
    # Points of the phalanges (5, 12, 3) and of the metacarpals (5, 4, 3).
    starts, steps = chain[:, :-1], np.diff(chain, axis=1)
    points = starts[:, :, None] + steps[:, :, None] * _SAMPLES
    points[0, 1:3], points[0, 3] = points[0, 1:3], points[0, 2, -1]
    radius = _RADIUS * length
    moving = points[:, 1:].reshape(5, -1, 3)
    gap = np.linalg.norm(moving[:, None, :, None] - moving[None, :, None], axis=-1)
    gap /= (radius[:, None] + radius[None])[..., None, None]
    # Neighbouring fingers always touch near their knuckles: leave the proximal phalanges out.
    same = np.eye(5, dtype=bool)[:, :, None, None]
    base = np.zeros(12, bool)
    base[:3] = True
    near = base[:, None] & base[None]
    between = np.where(same | near, np.inf, gap).min()
    outer = points[:, 2:].reshape(5, -1, 3)[:, :, None]
    palm = points[1:, 0].reshape(1, 1, -1, 3)
    to_palm = np.linalg.norm(outer - palm, axis=-1) / (radius[:, None, None] + 0.065 * length)
    return float(min(between, to_palm.min()))
