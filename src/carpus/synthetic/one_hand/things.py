"""What a hand may hold: sticks, pens, balls."""

from __future__ import annotations

import numpy as np

from carpus.skeletons import INTERHAND_HAND
from carpus.synthetic.one_hand.figure import Hand
from carpus.synthetic.one_hand.solids import THING, ball, limb, tube
from carpus.synthetic.two_hands.fingers import MIRROR
from carpus.synthetic.two_hands.mesh import Mesh

HOLDING = ("grasp", "hook", "pinch", "relaxed")
"""Gestures that hold something well."""

_PALM_MM = np.array([72.0, -16.0, 0.0])
_STEPS = np.array([0.0, 0.005, 0.4, 0.75, 0.8, 0.99, 1.0])
_THUMB, _INDEX = (INTERHAND_HAND.index(f"{finger}_tip") for finger in ("thumb", "index"))


def held_thing(hand: Hand, side: str, gesture: str, rng: np.random.Generator) -> Mesh:
    """A pen between thumb and index finger, or a stick or ball in the palm.

    Args:
        hand: that holds it.
        side: ``right`` or ``left``.
        gesture: one of :data:`HOLDING`.
        rng: source of randomness.
    """
    if gesture == "pinch":
        middle = hand.joints_mm[[_THUMB, _INDEX]].mean(0)
        across = _turned(hand, side, np.array([rng.normal(0, 0.6), rng.normal(0, 0.4), 1.0]))
        return _stick(middle, across, rng.uniform(3.5, 6.5), rng)
    radius = rng.uniform(8, 15) if gesture != "relaxed" else rng.uniform(16, 26)
    wrist = hand.joints_mm[INTERHAND_HAND.root]
    middle = wrist + _place(hand, side, _PALM_MM - (0, radius, 0))
    if gesture == "relaxed":
        return ball(middle, np.full(3, radius), THING)
    across = _turned(hand, side, np.array([rng.normal(0, 0.12), rng.normal(0, 0.1), 1.0]))
    return _stick(middle, across, radius, rng)


def _stick(middle: np.ndarray, across: np.ndarray, radius: float, rng: np.random.Generator) -> Mesh:
    """A rod that looks out of the hand on both sides, now and then thicker at an end."""
    near, far = rng.uniform(45, 90), rng.uniform(60, 150)
    radii = np.full(len(_STEPS), radius)
    if rng.uniform() < 0.4:
        radii[-4:] *= rng.uniform(1.5, 2.5)
    radii[[0, -1]] *= 0.02
    return tube(limb(middle - near * across, middle + far * across, radii, steps=_STEPS), THING)


def _place(hand: Hand, side: str, local: np.ndarray) -> np.ndarray:
    """A place in the rest frame of a left hand (x to the fingers, y to the back, z to the thumb)."""
    return hand.rotation @ (local * (MIRROR if side == "right" else 1.0))


def _turned(hand: Hand, side: str, local: np.ndarray) -> np.ndarray:
    direction = _place(hand, side, local)
    return direction / np.linalg.norm(direction)
