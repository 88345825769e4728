"""Who does what when: captures, sequences, moments and the cameras that see them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from carpus.bodies.mano import SIDES
from carpus.errors import DataError
from carpus.synthetic.poses import GESTURES
from carpus.synthetic.tree import check_frames, generator, split_subjects
from carpus.synthetic.two_hands.arrange import INTERACTIONS, WEIGHTS

CAMERAS, VIEWS = 8, 2
"""Cameras of a capture, and how many of them see a sequence."""

_LONGEST = 6
_STEP = 3
_TURNS: tuple[tuple[str, ...], ...] = (SIDES, ("right",), SIDES, ("left",), SIDES)
"""Hands of consecutive sequences."""


@dataclass(frozen=True)
class Sequence:
    """Some seconds of one person doing one thing.

    Args:
        capture: number of the capture in its split.
        person: who it is, over all splits.
        name: of its folder.
        sides: hands that are shown.
        kind: way of touching, or a gesture, or None for a free pose of one hand.
        frames: numbers of its moments, unique in the capture.
        cameras: :data:`VIEWS` of the capture's cameras.
        images: how many images it has; the last moment may be seen by fewer cameras.
    """

    capture: int
    person: int
    name: str
    sides: tuple[str, ...]
    kind: str | None
    frames: tuple[int, ...]
    cameras: tuple[int, ...]
    images: int


def plan(split: str, images: int, subjects: int, seed: int) -> list[Sequence]:
    """The sequences of a split, in the order of their captures.

    Two in five show one hand. People of the test split are not in the training split if there are several.

    Args:
        split: ``train``, ``val`` or ``test``.
        images: how many images all of them have together.
        subjects: people of all splits.
        seed: of everything drawn.
    """
    moments = -(-images // VIEWS)
    captures = _people(split, subjects)[: max(1, moments // 3)]
    length = int(np.clip(moments // (5 * len(captures)), 1, _LONGEST))
    count = -(-moments // length)
    rng = generator(seed, "interhand26m plan", split)
    frame = {capture: int(rng.integers(600, 30_000)) for capture in range(len(captures))}
    sequences, left = list[Sequence](), images
    for number in range(count):
        capture = number * len(captures) // count
        size = min(length, -(-left // VIEWS))
        frames = tuple(frame[capture] + _STEP * step for step in range(size))
        frame[capture] = frames[-1] + int(rng.integers(30, 900))
        sides = _TURNS[number % len(_TURNS)]
        kind = _kind(sides, rng)
        cameras = tuple(sorted(int(c) for c in rng.choice(CAMERAS, VIEWS, replace=False)))
        shown = min(left, VIEWS * size)
        name = _name(number, sides, kind)
        sequences.append(Sequence(capture, captures[capture], name, sides, kind, frames, cameras, shown))
        left -= shown
    return sequences


def split_sizes(frames: int) -> dict[str, int]:
    """Images of every split: val and test have a quarter of the training images each."""
    check_frames(frames, "interhand26m")
    few = max(VIEWS, frames // 4)
    return {"train": frames, "val": few, "test": few}


def _people(split: str, subjects: int) -> list[int]:
    """Person of every capture; the first training person comes a second time where there are several."""
    if subjects < 1:
        raise DataError(f"synthetic interhand26m: subjects={subjects}, at least 1 is needed")
    seen, unseen = split_subjects(subjects, "interhand26m")
    if split == "train":
        return [*seen, *seen[: int(len(seen) > 1)]]
    return list(unseen)[:1] if split == "val" else list(unseen)


def _kind(sides: tuple[str, ...], rng: np.random.Generator) -> str | None:
    if len(sides) == 2:
        return str(rng.choice(INTERACTIONS, p=WEIGHTS))
    return str(rng.choice(GESTURES)) if rng.uniform() < 0.6 else None


def _name(number: int, sides: tuple[str, ...], kind: str | None) -> str:
    """As published sequences are called: ``0390_dh_touch``, ``0007_pinch_rt``, ``ROM12_LT_free``."""
    if len(sides) == 2:
        return f"{number:04d}_dh_{kind}"
    if kind is None:
        return f"ROM{number:02d}_{'RT' if sides == ('right',) else 'LT'}_free"
    return f"{number:04d}_{kind}_{'rt' if sides == ('right',) else 'lt'}"
