"""How people bring their hands together: interlaced, palm to palm, one on the other, one around the other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from carpus.bodies.mano import SIDES
from carpus.synthetic.skinning import turn_about
from carpus.synthetic.two_hands.contact import Pair, overlap_mm, pushed_apart, radii_mm, settled
from carpus.synthetic.two_hands.fingers import (
    FINGER_SPHERES,
    MIRROR,
    Fingers,
    random_turns,
    rotation_between,
    sample_angles,
)

INTERACTIONS = ("interlaced", "palms", "onback", "around", "touch", "apart")
"""Kinds of two-hand sequences."""

WEIGHTS = (0.28, 0.1, 0.14, 0.16, 0.22, 0.1)
_TRIES = 4
_GOOD_OVERLAP_MM = 4.0

# Palms facing each other in x, fingers along y, both thumbs along -z: from the rest frames.
_FACING = np.stack(
    [
        np.array([[0.0, -1.0, 0.0], [-1.0, 0.0, 0.0], [0.0, 0.0, -1.0]]),
        np.array([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, -1.0]]),
    ]
)
_SLIDE = np.array([0.954, -0.3, 0.0])
_SPREAD = np.array([0.0, 1.0, 0.35, -0.4, -1.0])


def sample_pair(fingers: Fingers, kind: str, rng: np.random.Generator) -> Pair:
    """Both hands in a way of touching, about the origin, not yet turned to the world.

    Args:
        fingers: the person's bones.
        kind: one of :data:`INTERACTIONS`.
        rng: source of randomness.
    """
    makers = dict(zip(INTERACTIONS, (_interlaced, _palms, _on_back, _around, _touching, _apart), strict=True))
    best = makers[kind](fingers, rng)
    for _ in range(_TRIES - 1):
        if overlap_mm(best) < _GOOD_OVERLAP_MM:
            break
        best = min(best, makers[kind](fingers, rng), key=overlap_mm)
    return best


def _interlaced(fingers: Fingers, rng: np.random.Generator) -> Pair:
    """Fingers of one hand between those of the other."""
    lean = np.radians(rng.uniform(25, 62))
    angles = np.zeros((2, 5, 3, 3))
    angles[:, 1:, 0, 1] = (rng.uniform(8, 13) * _SPREAD)[1:]
    angles[:, 1:, 0, 0] = rng.uniform(0, 25)
    angles[:, 1:, 1, 0] = rng.uniform(5, 45)
    angles[:, 1:, 2, 0] = rng.uniform(5, 30)
    angles[:, 0] = sample_angles(rng)[0]
    angles[..., 0] += rng.normal(0, 4, (2, 5, 3))
    at = rng.uniform(0.7, 1.7)
    half = 0.5 * rng.uniform(10, 15) * rng.choice((-1.0, 1.0))
    pair = _crossed(fingers, angles, lean, at, half)
    pair = settled(pair, rng.uniform(0.2, 0.9))
    # Fingers slide along each other until they fit.
    return settled(pushed_apart(pair, _SLIDE, 3.0), 0.3, 1)


def _crossed(fingers: Fingers, angles: np.ndarray, lean: float, at: float, half_mm: float) -> Pair:
    """Middle fingers that cross at a part of their length, half a finger's pitch apart."""
    tilts = np.stack([turn_about(np.array([0, 0, 1.0]), np.array(a)) for a in (-lean, lean)])
    pair = Pair(fingers, angles, tilts @ _FACING, np.zeros((2, 3)))
    low = int(at)
    for hand, sign in ((0, 1.0), (1, -1.0)):
        chain = fingers.chains(angles[hand])[2:4].mean(0)
        point = pair.placed(chain[low] * (low + 1 - at) + chain[low + 1] * (at - low), hand)
        pair = pair.shifted(hand, np.array([0.0, 0.0, sign * half_mm]) - point)
    return pair


def _palms(fingers: Fingers, rng: np.random.Generator) -> Pair:
    """Palm to palm, shifted and turned against each other."""
    angles = np.stack([sample_angles(rng, "5"), sample_angles(rng, "5")])
    angles[:, 1:, :, 0] *= 0.5
    turn = turn_about(np.array([1.0, 0, 0]), np.radians(rng.normal(0, 25)))
    rotation = _FACING.copy()
    rotation[1] = turn @ rotation[1]
    pair = Pair(fingers, angles, rotation, np.zeros((2, 3)))
    middles = np.stack([pair.spheres_mm(hand)[:-3].mean(0) for hand in (0, 1)])
    slide = np.array([0.0, rng.normal(0, 18), rng.normal(0, 10)])
    pair = pair.shifted(0, -middles[0]).shifted(1, slide - middles[1])
    pair = pushed_apart(pair, np.array([1.0, 0.0, 0.0]), 2.0)
    return settled(pair, rng.uniform(0, 0.5), 1)


def _on_back(fingers: Fingers, rng: np.random.Generator) -> Pair:
    """The palm of one hand on the back of the other."""
    under, over = sample_angles(rng), sample_angles(rng, str(rng.choice(["relaxed", "5", "grasp"])))
    over[1:, :, 0] *= rng.uniform(0.4, 1.0)
    upper = int(rng.integers(2))
    angles = np.stack([over, under] if upper == 0 else [under, over])
    site_under = _Site(5 * FINGER_SPHERES + int(rng.integers(1, 19)), np.array([0.0, 1.0, 0.0]))
    site_over = _Site(5 * FINGER_SPHERES + int(rng.integers(1, 19)), np.array([0.0, -1.0, 0.0]))
    sites = (site_over, site_under) if upper == 0 else (site_under, site_over)
    return _joined(fingers, angles, sites, rng, grip=rng.uniform(0.4, 1.0))


def _around(fingers: Fingers, rng: np.random.Generator) -> Pair:
    """One hand closes around the other's finger, fingers or thumb."""
    holding = int(rng.integers(2))
    held = sample_angles(rng, str(rng.choice(["1", "5", "L", "relaxed", "2", "fist"])))
    hold = sample_angles(rng, str(rng.choice(["relaxed", "grasp"])))
    angles = np.stack([hold, held] if holding == 0 else [held, hold])
    inside = _Site(int(rng.integers(1, 4)) * FINGER_SPHERES + int(rng.integers(0, 3)), np.array([0, -1.0, 0]))
    palm = _Site(5 * FINGER_SPHERES + int(rng.choice([2, 3, 4, 7, 8, 9, 12, 13, 14])), np.array([0, -1.0, 0]))
    grasping = inside if rng.uniform() < 0.5 else palm
    finger = _Site(int(rng.integers(0, 5)) * FINGER_SPHERES + int(rng.integers(2, 8)), _across(rng))
    sites = (grasping, finger) if holding == 0 else (finger, grasping)
    return _joined(fingers, angles, sites, rng, grip=1.0)


def _touching(fingers: Fingers, rng: np.random.Generator) -> Pair:
    """Any place of one hand against any place of the other."""
    angles = np.stack([sample_angles(rng), sample_angles(rng)])
    sites = []
    for _ in SIDES:
        if rng.uniform() < 0.65:
            ball = int(rng.integers(5)) * FINGER_SPHERES + int(rng.integers(1, FINGER_SPHERES))
            sites.append(_Site(ball, _across(rng)))
        else:
            normal = np.array([0.0, rng.choice((-1.0, 1.0)), 0.0])
            sites.append(_Site(5 * FINGER_SPHERES + int(rng.integers(0, 20)), normal))
    return _joined(fingers, angles, (sites[0], sites[1]), rng, grip=rng.uniform(0, 0.9))


def _apart(fingers: Fingers, rng: np.random.Generator) -> Pair:
    """Hands that do not touch, side by side in any turn."""
    angles = np.stack([sample_angles(rng), sample_angles(rng)])
    pair = Pair(fingers, angles, random_turns(len(SIDES), rng), np.zeros((2, 3)))
    middles = np.stack([pair.spheres_mm(hand)[:-3].mean(0) for hand in (0, 1)])
    away = rng.normal(0, 1, 3)
    away /= np.linalg.norm(away)
    pair = pair.shifted(0, -middles[0]).shifted(1, 60 * away - middles[1])
    return pushed_apart(pair, away, -rng.uniform(2, 40))


@dataclass(frozen=True)
class _Site:
    """A sphere of a hand and the direction in which its surface is touched, left hand at rest."""

    ball: int
    normal: np.ndarray


def _across(rng: np.random.Generator) -> np.ndarray:
    """A direction away from a finger, more often to the palm's side."""
    angle = rng.uniform(-np.pi, np.pi) if rng.uniform() < 0.5 else rng.normal(0, 0.7)
    return np.array([0.0, -np.cos(angle), np.sin(angle)])


def _joined(
    fingers: Fingers,
    angles: np.ndarray,
    sites: tuple[_Site, _Site],
    rng: np.random.Generator,
    grip: float,
) -> Pair:
    """Two places brought together, the hand turned about their normal by chance."""
    pair = Pair(fingers, angles, np.stack([np.eye(3)] * 2), np.zeros((2, 3)))
    normals = np.stack([_normal(pair, hand, site) for hand, site in enumerate(sites)])
    align = rotation_between(normals[1], -normals[0])
    spin = turn_about(normals[0], np.array(rng.uniform(-np.pi, np.pi)))
    rotation = np.stack([np.eye(3), spin @ align])
    pair = Pair(fingers, angles, rotation, np.zeros((2, 3)))
    radii = radii_mm(fingers)
    places = [pair.spheres_mm(hand)[site.ball] for hand, site in enumerate(sites)]
    reach = radii[sites[0].ball] + radii[sites[1].ball] - 1.0
    pair = pair.shifted(1, places[0] + reach * normals[0] - places[1])
    # Fingers give way first, then the hands part, then fingers close again.
    pair = settled(pair, 0.2 * grip, 1)
    pair = pushed_apart(pair, normals[0], 2.0)
    return settled(pair, grip)


def _normal(pair: Pair, hand: int, site: _Site) -> np.ndarray:
    """``(3,)`` outwards, at a finger turned with the bone it lies on."""
    normal = site.normal
    if site.ball < 5 * FINGER_SPHERES:
        finger, along = divmod(site.ball, FINGER_SPHERES)
        turns = pair.fingers.turns(pair.angles[hand])[finger]
        rotation = np.eye(3)
        for joint in range(1 + min(2, 3 * along // FINGER_SPHERES)):
            rotation = rotation @ turns[joint]
        flexion, _, axis = pair.fingers.axes[finger]
        palmar = np.cross(flexion, axis)
        normal = rotation @ (-site.normal[1] * palmar + site.normal[2] * flexion)
    normal = normal * MIRROR if SIDES[hand] == "right" else normal
    return pair.rotation[hand] @ normal
