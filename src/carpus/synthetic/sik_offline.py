"""A synthetic SIK-offline: stand-in hands, and what a network might have found of them."""

from __future__ import annotations

from pathlib import Path

from carpus.data.sik import OFFLINE_SETS, offline_files, write_sik_offline
from carpus.synthetic.sik import Counter, as_found, many_hands, relative, sample_shapes
from carpus.synthetic.tree import Progress, check_frames, generator, split_subjects

FRAMES, SUBJECTS = 1600, 16


def write(root: Path, frames: int, subjects: int, seed: int, progress: Progress | None) -> None:
    """A training and a test file of every set.

    Args:
        root: folder to fill.
        frames: training hands of each set; a quarter as many for testing.
        subjects: people; the last quarter of them is in the test split only.
        seed: of everything drawn.
        progress: called with hands done and in all.
    """
    sizes = {"train": check_frames(frames, "sik_offline"), "test": max(1, frames // 4)}
    people = sample_shapes(subjects, seed, "sik_offline")
    whose = dict(zip(sizes, split_subjects(subjects, "sik_offline"), strict=True))
    counter = Counter(sum(sizes.values()) * len(OFFLINE_SETS), progress)
    for split, count in sizes.items():
        for name in OFFLINE_SETS:
            rng = generator(seed, "sik_offline", split, name)
            hands = many_hands([people[number] for number in whose[split]], count, rng, counter)
            true = relative(hands.joints_m)
            write_sik_offline(offline_files(root, split, name)[0], [as_found(true, name, rng)], [true])
