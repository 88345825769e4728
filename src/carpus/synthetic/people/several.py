"""Trees of several fixed cameras around one person: Human3.6M, MPI-INF-3DHP."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from carpus.synthetic.one_hand.view import View
from carpus.synthetic.people.figure import Figure
from carpus.synthetic.people.group import Cast, sample_group
from carpus.synthetic.people.published import human36m_regressor
from carpus.synthetic.people.shot import Shot
from carpus.synthetic.people.stage import Stage, photograph, sample_behind, sample_stage, stand_camera
from carpus.synthetic.tree import generator

_TARGET_MM, _SPAN_MM = np.array([0.0, -930.0, 0.0]), 2400.0
_WANDER_MM = 260.0


@dataclass(frozen=True)
class Room:
    """A place with cameras that stay where they are.

    Args:
        stage: the place.
        views: cameras by their number.
        behind: what each sees behind people and floor.
    """

    stage: Stage
    views: dict[int, View]
    behind: dict[int, np.ndarray]


@dataclass(frozen=True)
class Moment:
    """A person at one time.

    Args:
        figure: the person in the y-down world.
        joints_mm: ``(17, 3)`` there, in Human3.6M's order.
    """

    figure: Figure
    joints_mm: np.ndarray


class Rooms:
    """The rooms of a tree and what happens in them.

    Args:
        seed: of the tree.
        dataset: its name.
        kind: of place.
        size_wh: of the pictures.
        cameras: their numbers.
    """

    def __init__(
        self, seed: int, dataset: str, kind: str, size_wh: tuple[int, int], cameras: tuple[int, ...]
    ) -> None:
        self._seed, self._name, self._kind = seed, dataset, kind
        self._size, self._cameras = size_wh, cameras
        self._cast = Cast(seed, dataset)
        self.room = lru_cache(maxsize=4)(self._room)

    def moment(self, subject: int, *path: int) -> Moment:
        """A person at a time.

        Args:
            subject: who.
            path: which sequence and frame.
        """
        rng = generator(self._seed, self._name, "moment", subject, *path)
        (figure,) = sample_group([self._cast.person(subject)], rng, turn_deg=180)
        away = rng.uniform(-_WANDER_MM, _WANDER_MM, 3) * (1, 0, 1) / 1000
        fit = figure.fit
        moved = type(fit)(fit.turns, fit.shape, fit.expression, (fit.trans_m + away).round(6), fit.gender)
        figure = Figure(figure.person, moved, figure.seated)
        return Moment(figure, 1000.0 * human36m_regressor() @ moved.body().vertices_m)

    def shot(self, moment: Moment, subject: int, camera: int, *path: int) -> Shot:
        """What a camera makes of it."""
        room = self.room(subject)
        rng = generator(self._seed, self._name, "picture", subject, camera, *path)
        return photograph([moment.figure], room.views[camera], room.stage, rng, room.behind[camera])

    def _room(self, subject: int) -> Room:
        rng = generator(self._seed, self._name, "room", subject)
        stage = sample_stage(rng, self._kind)
        first = rng.uniform(-180, 180)
        views = {}
        for place, camera in enumerate(self._cameras):
            views[camera] = stand_camera(
                _TARGET_MM + rng.normal(0, 30, 3),
                _SPAN_MM,
                self._size,
                rng,
                azimuth_deg=first + 360.0 * place / len(self._cameras) + rng.normal(0, 9),
                height_deg=float(rng.uniform(2, 16)),
                share=float(rng.uniform(0.86, 0.98)),
                roll_deg=float(rng.normal(0, 1)),
                focal=(1.0, 1.25),
            )
        return Room(stage, views, {n: sample_behind(view, stage, rng) for n, view in views.items()})


def dealt(count: int, subjects: tuple[int, ...]) -> Iterator[tuple[int, int]]:
    """Subject and number of each of some moments, as many of everybody, one after the other."""
    for number in range(count):
        yield subjects[number * len(subjects) // count], number
