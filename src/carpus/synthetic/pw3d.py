"""A synthetic tree of 3D Poses in the Wild as JSON: people with SMPL fits of their gender."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from carpus.synthetic.people.group import Cast, sample_group, sample_view
from carpus.synthetic.people.looks import Person
from carpus.synthetic.people.published import (
    CocoLists,
    camera_entry,
    person_entry,
    smpl_fit,
    write_picture,
)
from carpus.synthetic.people.shot import Shot
from carpus.synthetic.people.stage import Stage, photograph, sample_stage
from carpus.synthetic.tree import Progress, check_frames, counted, generator

FRAMES, SUBJECTS = 160, 24
"""Test pictures, the split that is scored; training and validation have as many and a quarter of it."""

_SIZE, _PER_SEQUENCE, _LEAST_PX = (360, 640), 8, 900
_PLACES = ("downtown", "outdoors", "office", "courtyard", "flat")
_KINDS = {"downtown": "town", "outdoors": "landscape", "office": "room", "courtyard": "town", "flat": "room"}
_DOINGS = {
    "walking": ("walk",),
    "talking": ("stand", "talk"),
    "sitting": ("sit",),
    "moving": ("lunge", "stretch"),
}
_SHARES = {"train": 1.0, "validation": 0.25, "test": 1.0}
_SPLITS = tuple(_SHARES)


def write(root: Path, frames: int, subjects: int, seed: int, progress: Progress | None) -> None:
    """Pictures and people of all three splits.

    Args:
        root: folder to fill.
        frames: test pictures.
        subjects: people; every split has a third of them.
        seed: of everything drawn.
        progress: called with pictures done and in all.
    """
    counts = {s: max(1, round(check_frames(frames, "pw3d") * share)) for s, share in _SHARES.items()}
    cast, each = Cast(seed, "pw3d"), max(1, check_frames(subjects, "pw3d") // len(counts))
    steps = counted(range(sum(counts.values())), progress)
    for place, (split, count) in enumerate(counts.items()):
        lists, people = CocoLists(), range(place * each, (place + 1) * each)
        for number in range(count):
            next(steps)
            sequence, frame = divmod(number, _PER_SEQUENCE)
            name, shot = take(cast, people, seed, split, sequence, frame)
            own = {"sequence": name, "cam_param": camera_entry(shot.view.camera)}
            file = f"image_{frame:05d}.jpg"
            image = lists.image(file, _SIZE, **own)
            for seen in shot.people:
                if seen.pixels >= _LEAST_PX:
                    lists.annotation(image, **person_entry(seen), smpl_param=smpl_fit(seen.fit))
            write_picture(root / "data" / "imageFiles" / name / file, shot.image)
        lists.write(root / "data" / f"3DPW_{split}.json")
    next(steps, None)


def take(cast: Cast, people: range, seed: int, split: str, sequence: int, frame: int) -> tuple[str, Shot]:
    """Name of a sequence, and one of its pictures: the same people in the same place."""
    rng = generator(seed, "pw3d", split, sequence)
    place, doing = str(rng.choice(_PLACES)), str(rng.choice(tuple(_DOINGS)))
    count = 2 if rng.uniform() < 0.35 else 1
    chosen = [_plain(person) for person in cast.some(people, count, rng)]
    stage: Stage = sample_stage(rng, _KINDS[place])
    moment = generator(seed, "pw3d", split, sequence, frame)
    figures = sample_group(chosen, moment, activities=_DOINGS[doing], turn_deg=60, gendered=True)
    view = sample_view(figures, _SIZE, moment, share=(0.55, 0.85), roll_deg=4, height_deg=(5, 5))
    # Names of sequences are their own in the whole tree.
    name = f"{place}_{doing}_{len(_SPLITS) * sequence + _SPLITS.index(split):02d}"
    return name, photograph(figures, view, stage, moment)


def _plain(person: Person) -> Person:
    """With the shapes alone that SMPL and SMPL-X share."""
    shape = np.where(np.arange(len(person.shape)) < 4, person.shape, 0.0)
    return replace(person, shape=shape)
