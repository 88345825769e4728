"""What people and things are coloured with, as tables a compiled loop can read."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from carpus.synthetic.one_hand.solids import HAIR, MATERIALS, THING, TROUSERS
from carpus.synthetic.two_hands.mesh import SHIRT
from carpus.synthetic.two_hands.people import Person

PATTERNS = ("plain", "stripes", "plaid", "dots")
_HAIR_COLOURS = np.array(
    [[0.012, 0.010, 0.009], [0.05, 0.028, 0.016], [0.13, 0.075, 0.035], [0.33, 0.23, 0.11], [0.2, 0.2, 0.2]]
)


@dataclass(frozen=True)
class Look:
    """Colours of a person and of a thing in its hand.

    Args:
        skin: ``(7,)`` float32: light 0..1 that skin sends back (3), logarithm of what blood makes of it (3),
            how dark its lines are.
        waves: ``(W, 4)`` float32 directions and phases of its blotches.
        cloth: ``(M, 8)`` float32 of every material: ground (3), pattern (3), number in :data:`PATTERNS`,
            width of a stripe and its gap in mm.
        hair_mm: how far the hair comes down at the back.
    """

    skin: np.ndarray
    waves: np.ndarray
    cloth: np.ndarray
    hair_mm: float


def sample_look(person: Person, rng: np.random.Generator) -> Look:
    """The colours of a person, clothes that it does not wear in the studio included.

    Args:
        person: who it is.
        rng: source of randomness.
    """
    directions, phases = person.waves
    cloth = np.zeros((MATERIALS, 8))
    shirt = person.cloth
    cloth[SHIRT] = [*np.ravel(shirt.colours), PATTERNS.index(shirt.pattern), shirt.pitch_mm]
    denim = np.array([0.05, 0.07, 0.14]) if rng.uniform() < 0.5 else rng.uniform(0.02, 0.25, 3)
    cloth[TROUSERS] = [*denim, *denim, 0, 1]
    hair = _HAIR_COLOURS[rng.integers(len(_HAIR_COLOURS))] * rng.uniform(0.7, 1.3)
    cloth[HAIR] = [*hair, *(0.55 * hair), 1, rng.uniform(2, 5)]
    thing = rng.uniform(0.05, 0.7) * rng.dirichlet((4, 4, 4)) * 3
    cloth[THING] = [*thing, *(thing * rng.uniform(0.3, 1.2, 3)), rng.integers(3), rng.uniform(8, 40)]
    return Look(
        np.array([*person.skin, *np.log(person.blush), person.crease], np.float32),
        np.column_stack([directions, phases]).astype(np.float32),
        cloth.astype(np.float32),
        float(rng.choice((0.0, 0.0, 60.0, 150.0))),
    )
