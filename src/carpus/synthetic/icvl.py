"""A synthetic tree in ICVL's published format."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from carpus.data.depth_images import encode_depth
from carpus.skeletons import ICVL
from carpus.synthetic.hand import sample_frame, sample_subject
from carpus.synthetic.joints import hand_joints
from carpus.synthetic.tree import (
    Progress,
    check_frames,
    counted,
    generator,
    noisy_centers,
    split_subjects,
    write_centers,
)
from carpus.synthetic.views import ICVL_VIEW, TIME_OF_FLIGHT

FRAMES, SUBJECTS = 400, 8
CENTER_SIGMA_MM = 4.0
_TEST_SEQUENCES = ("test_seq_1", "test_seq_2")


def write(root: Path, frames: int, subjects: int, seed: int, progress: Progress | None) -> None:
    """``Training``, ``Testing`` (two sequences, together a quarter as many frames) and ``center``.

    The image of one training frame is missing, as some are in the published set.

    Args:
        root: folder to fill.
        frames: training frames.
        subjects: people; the last quarter of them is only in the test sequences.
        seed: of everything drawn.
        progress: called with frames done and in all.
    """
    check_frames(frames, "icvl")
    train_people, test_people = split_subjects(subjects, "icvl")
    tests = max(2, frames // 4)
    people = np.where(
        np.arange(frames + tests) < frames,
        np.arange(frames + tests) * len(train_people) // frames,
        test_people.start,
    )
    names = _train_names(people[:frames]) + _test_names(tests)
    rigs = [sample_subject(generator(seed, "icvl", person)) for person in range(subjects)]
    missing = frames // 2 if frames > 2 else -1
    joints = np.empty((frames + tests, len(ICVL), 3))
    for index in counted(range(frames + tests), progress):
        test = index >= frames
        person = test_people[index % len(test_people)] if test else people[index]
        rng = generator(seed, "icvl frame", int(test), index - frames * test)
        frame = sample_frame(rigs[person], ICVL_VIEW, rng)
        depth_mm = TIME_OF_FLIGHT.apply(frame.buffer.depth, ICVL_VIEW.camera.fx, rng)
        joints[index] = hand_joints(frame.hand, ICVL)
        path = root / ("Testing" if test else "Training") / "Depth" / names[index]
        path.parent.mkdir(parents=True, exist_ok=True)
        if index != missing:
            path.write_bytes(encode_depth(depth_mm, "png16_mm"))
    _write_labels(root, names, joints, frames)
    valid = np.arange(frames) != missing
    rng = generator(seed, "icvl centres")
    for split, chosen, ok in (("train", joints[:frames], valid), ("test", joints[frames:], None)):
        centers = noisy_centers(chosen, CENTER_SIGMA_MM, rng)
        write_centers(root / "center" / f"center_{split}_refined.txt", centers, ok)


def _train_names(people: np.ndarray) -> list[str]:
    """Names in one folder per person, called after a date and time as the published ones are."""
    first = np.searchsorted(people, people)
    return [
        f"2014031211{20 + person}/image_{index - start:04d}.png"
        for index, (person, start) in enumerate(zip(people.tolist(), first.tolist(), strict=True))
    ]


def _test_names(tests: int) -> list[str]:
    """Names of the two test sequences, one after the other."""
    half = tests - tests // 2
    return [f"{_TEST_SEQUENCES[i >= half]}/image_{i - half * (i >= half):04d}.png" for i in range(tests)]


def _write_labels(root: Path, names: list[str], joints: np.ndarray, frames: int) -> None:
    """Lines of name, then u v depth of 16 joints, with a space at the end."""
    uvd = ICVL_VIEW.camera.xyz_to_uvd(joints).reshape(len(joints), -1)
    lines = [
        f"{name} {' '.join(f'{value:.4f}' for value in row)} \n"
        for name, row in zip(names, uvd.tolist(), strict=True)
    ]
    (root / "Training" / "labels.txt").write_text("".join(lines[:frames]))
    for sequence in _TEST_SEQUENCES:
        chosen = [line for line in lines[frames:] if line.startswith(sequence)]
        (root / "Testing" / f"{sequence}.txt").write_text("".join(chosen))
