"""A synthetic tree in InterHand2.6M's published format (v1.0, 5 frames per second)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from carpus.bodies.standin import write_standins
from carpus.data.part_masks import BODY_MODELS, make_part_masks
from carpus.synthetic.tree import Progress, counted, generator
from carpus.synthetic.two_hands.moment import Hands, Moment, sample_moment
from carpus.synthetic.two_hands.people import Person, sample_person
from carpus.synthetic.two_hands.picture import encode_jpeg, photograph
from carpus.synthetic.two_hands.published import SplitLabels, write_tables
from carpus.synthetic.two_hands.schedule import CAMERAS, Sequence, plan, split_sizes
from carpus.synthetic.two_hands.studio import (
    Light,
    StudioCamera,
    sample_background,
    sample_cameras,
    sample_light,
)

FRAMES, SUBJECTS = 600, 8


def write(root: Path, frames: int, subjects: int, seed: int, progress: Progress | None) -> None:
    """Annotation, images, RootNet's output, part masks, and the stand-in hands the images show.

    Args:
        root: folder to fill.
        frames: training images; val and test have a quarter as many each.
        subjects: people; the last quarter of them is not in the training split.
        seed: of everything drawn.
        progress: called with images done and in all.
    """
    sizes = split_sizes(frames)
    plans = {split: plan(split, images, subjects, seed) for split, images in sizes.items()}
    write_standins(root / BODY_MODELS, ("mano",))
    world = _World(seed)
    steps = counted(range(sum(sizes.values())), progress)
    for split, sequences in plans.items():
        labels = SplitLabels(split)
        for sequence in sequences:
            for path, data in _photographs(world, split, sequence, labels):
                next(steps)
                file = root / "images" / split / path
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(data)
        labels.write(root, generator(seed, "interhand26m rootnet", split))
    next(steps, None)
    people = {split: [s.person for s in _first_of_captures(found)] for split, found in plans.items()}
    write_tables(root, people)
    for split in sizes:
        make_part_masks(root, split, root / BODY_MODELS)


@dataclass(frozen=True)
class Studio:
    """What stays the same during a capture.

    Args:
        cameras: all of them.
        light: lamps.
        backgrounds: what each camera sees behind the person.
    """

    cameras: list[StudioCamera]
    light: Light
    backgrounds: list[np.ndarray]


def make_studio(seed: int, split: str, capture: int) -> Studio:
    """The studio of a capture."""
    rng = generator(seed, "interhand26m studio", split, capture)
    cameras = sample_cameras(CAMERAS, rng)
    return Studio(cameras, sample_light(rng), [sample_background(camera, rng) for camera in cameras])


def sample_of(hands: Hands, person: Person, sequence: Sequence, seed: int, split: str, frame: int) -> Moment:
    """The moment of a frame of a sequence, the same for all cameras."""
    rng = generator(seed, "interhand26m moment", split, sequence.capture, frame)
    return sample_moment(hands, person, sequence.sides, sequence.kind, rng)


class _World:
    """People and studios, each made once."""

    def __init__(self, seed: int) -> None:
        self.seed, self.hands = seed, Hands()
        self.person = lru_cache(maxsize=None)(
            lambda number: sample_person(generator(seed, "interhand26m", number))
        )
        self.studio = lru_cache(maxsize=1)(lambda split, capture: make_studio(seed, split, capture))


def _photographs(
    world: _World, split: str, sequence: Sequence, labels: SplitLabels
) -> Iterator[tuple[str, bytes]]:
    """Path below the split's images and JPEG of every image of a sequence, camera by camera."""
    person, studio = world.person(sequence.person), world.studio(split, sequence.capture)
    moments = []
    for frame in sequence.frames:
        moments.append(sample_of(world.hands, person, sequence, world.seed, split, frame))
        rng = generator(world.seed, "interhand26m labels", split, sequence.capture, frame)
        labels.add_moment(sequence, frame, moments[-1], rng)
    left = sequence.images
    for camera in sequence.cameras:
        for frame, moment in list(zip(sequence.frames, moments, strict=True))[:left]:
            rng = generator(world.seed, "interhand26m image", split, sequence.capture, frame, camera)
            seen = studio.cameras[camera]
            path = labels.add_image(sequence, frame, seen, rng)
            image = photograph(moment.mesh, seen, studio.light, person, studio.backgrounds[camera], rng)
            yield path, encode_jpeg(image)
        left -= len(moments)


def _first_of_captures(sequences: list[Sequence]) -> list[Sequence]:
    """One sequence of every capture, in their order."""
    return list({sequence.capture: sequence for sequence in sequences}.values())
