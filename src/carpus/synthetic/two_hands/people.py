"""The people in the studio: hand shape, skin, clothes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from carpus.synthetic.two_hands.fingers import Fingers, fingers_of


@dataclass(frozen=True)
class Cloth:
    """A shirt.

    Args:
        pattern: ``plain``, ``stripes``, ``plaid`` or ``dots``.
        colours: ``(2, 3)`` light 0..1 of ground and pattern.
        pitch_mm: width of a stripe and its gap.
        sleeve: share of the forearm it covers from the elbow on.
    """

    pattern: str
    colours: np.ndarray
    pitch_mm: float
    sleeve: float


@dataclass(frozen=True)
class Person:
    """One subject.

    Args:
        shape: ``(10,)`` coefficients of both hands.
        fingers: the bones that go with them.
        skin: ``(3,)`` light 0..1 that it sends back.
        blush: ``(3,)`` factors where blood shows: tips, knuckles, palm.
        waves: ``(W, 3)`` directions and ``(W,)`` phases of its blotches.
        crease: how dark its lines are.
        cloth: what it wears.
        size: factor of trunk and arms.
    """

    shape: np.ndarray
    fingers: Fingers
    skin: np.ndarray
    blush: np.ndarray
    waves: tuple[np.ndarray, np.ndarray]
    crease: float
    cloth: Cloth
    size: float


_LIGHT_SKIN, _DARK_SKIN = np.array([0.80, 0.56, 0.43]), np.array([0.20, 0.105, 0.065])


def sample_person(rng: np.random.Generator) -> Person:
    """A random adult."""
    shape = np.concatenate([np.clip(rng.normal(0, 0.8, 4), -1.6, 1.6), rng.normal(0, 0.7, 6)]).round(4)
    tone = rng.beta(1.1, 2.0)
    skin = _LIGHT_SKIN ** (1 - tone) * _DARK_SKIN**tone * rng.normal(1.0, 0.04, 3)
    waves = rng.normal(0, 1, (10, 3)) * np.geomspace(0.06, 0.9, 10)[:, None]
    return Person(
        shape,
        fingers_of(shape),
        skin,
        blush=np.array([1.04, 0.84, 0.80]) ** rng.uniform(0.6, 1.3),
        waves=(waves, rng.uniform(0, 2 * np.pi, 10)),
        crease=float(rng.uniform(0.15, 0.4)),
        cloth=_sample_cloth(rng),
        size=float(rng.uniform(0.9, 1.1)),
    )


def _sample_cloth(rng: np.random.Generator) -> Cloth:
    pattern = str(rng.choice(["plain", "stripes", "plaid", "dots"], p=(0.5, 0.2, 0.2, 0.1)))
    ground = rng.uniform(0.03, 0.5) * rng.dirichlet((9, 9, 9)) * 3
    other = rng.uniform(0.02, 0.7) * rng.dirichlet((9, 9, 9)) * 3
    sleeve = float(rng.uniform(0.15, 0.75)) if rng.uniform() < 0.4 else 0.0
    return Cloth(pattern, np.clip([ground, other], 0, 1), float(rng.uniform(10, 55)), sleeve)
