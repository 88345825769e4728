"""People beside each other, and cameras that have them in the picture."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from carpus.synthetic.one_hand.view import View
from carpus.synthetic.people.figure import Figure, place
from carpus.synthetic.people.looks import Person, sample_person
from carpus.synthetic.people.pose import ACTIVITIES, sample_pose
from carpus.synthetic.people.stage import stand_camera
from carpus.synthetic.tree import generator

_GAP_MM, _DEPTH_MM = (720.0, 1250.0), 420.0
_TIGHT = 1.12
_UPPER, _UPPER_MM = [12, 15, 16, 17], 900.0


class Cast:
    """The people of a tree, each made once.

    Args:
        seed: of the tree.
        dataset: its name.
    """

    def __init__(self, seed: int, dataset: str) -> None:
        self.person = lru_cache(maxsize=None)(
            lambda number: sample_person(generator(seed, dataset, "person", number))
        )

    def some(self, numbers: range, count: int, rng: np.random.Generator) -> list[Person]:
        """Different people, as far as there are so many.

        Args:
            numbers: who may be drawn.
            count: how many.
            rng: source of randomness.
        """
        drawn = rng.permutation(len(numbers))[: min(count, len(numbers))]
        return [self.person(numbers[int(index)]) for index in drawn]


def sample_group(
    people: list[Person],
    rng: np.random.Generator,
    *,
    activities: tuple[str, ...] = ACTIVITIES,
    turn_deg: float = 40.0,
    gendered: bool = False,
) -> list[Figure]:
    """People side by side on the floor, looking more or less along -z.

    Args:
        people: who.
        rng: of their poses and places.
        activities: what they do.
        turn_deg: standard deviation of where they look; 180 and more: anywhere.
        gendered: whether models of their gender describe them; neutral ones by default.
    """
    steps = rng.uniform(*_GAP_MM, len(people))
    across = np.cumsum(steps) - 0.5 * steps - 0.5 * steps.sum()
    figures = []
    for person, x in zip(people, across, strict=True):
        heading = rng.uniform(-180, 180) if turn_deg >= 180 else rng.normal(0, turn_deg)
        away = rng.normal(0, _DEPTH_MM) if len(people) > 1 else 0.0
        at = np.array([x, 0.0, away])
        gender = person.gender if gendered else "neutral"
        figures.append(place(person, sample_pose(rng, activities), heading, at, gender))
    return figures


def sample_view(
    figures: list[Figure],
    size_wh: tuple[int, int],
    rng: np.random.Generator,
    *,
    share: tuple[float, float] = (0.65, 0.9),
    close: float = 0.0,
    azimuth_deg: float | None = None,
    height_deg: tuple[float, float] = (6.0, 6.0),
    roll_deg: float = 1.5,
    focal: tuple[float, float] = (0.9, 1.7),
) -> View:
    """A camera that has people in the picture.

    Args:
        figures: the people.
        size_wh: width and height in pixels.
        rng: source of randomness.
        share: of the picture that they take.
        close: how likely it looks at the upper body of one of them instead.
        azimuth_deg: where it looks, 0 along z; about that by default.
        height_deg: mean and standard deviation of how far it looks down.
        roll_deg: standard deviation of its turn about the line of sight.
        focal: see :func:`~carpus.synthetic.people.stage.stand_camera`.
    """
    joints = [1000.0 * figure.fit.joints_m() for figure in figures]
    azimuth = rng.normal(0, 14) if azimuth_deg is None else azimuth_deg
    if rng.uniform() < close:
        one = joints[int(rng.integers(len(joints)))]
        target, span = one[_UPPER].mean(0) + np.array([0.0, 120.0, 0.0]), _UPPER_MM
    else:
        everything = np.concatenate(joints)
        low, high = everything.min(0), everything.max(0)
        target, size = 0.5 * (low + high), high - low
        span = _TIGHT * max(size[1], np.hypot(size[0], size[2]) * size_wh[1] / size_wh[0] * 0.9)
    return stand_camera(
        target + rng.normal(0, 40, 3),
        span,
        size_wh,
        rng,
        azimuth_deg=azimuth,
        height_deg=float(np.clip(rng.normal(*height_deg), -12, 40)),
        share=float(rng.uniform(*share)),
        roll_deg=float(rng.normal(0, roll_deg)),
        focal=focal,
    )
