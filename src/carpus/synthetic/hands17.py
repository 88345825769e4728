"""A synthetic tree in the published format of HANDS 2017, frame-based task."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from carpus.data.depth_images import encode_depth
from carpus.data.sources.hands17 import TEST_LABELS, TEST_SUBJECTS
from carpus.errors import DataError
from carpus.skeletons import HANDS17
from carpus.synthetic.hand import sample_frame, sample_subject
from carpus.synthetic.joints import hand_joints
from carpus.synthetic.tree import (
    Progress,
    check_frames,
    counted,
    generator,
    noisy_centers,
    read_marker,
    split_subjects,
    write_centers,
)
from carpus.synthetic.views import HANDS17_VIEW, STRUCTURED_LIGHT

FRAMES, SUBJECTS = 400, 8
CENTER_SIGMA_MM = 5.0
HIDDEN_LABELS = "SYNTHETIC_hidden_test_annotation.txt"
"""Test joints in the form of the training annotation; the published set has no such file."""


def write(root: Path, frames: int, subjects: int, seed: int, progress: Progress | None) -> None:
    """``training``, ``frame`` (test, a quarter as many frames, boxes only) and ``center``.

    The test joints, which the published set keeps back, stand in :data:`HIDDEN_LABELS`.

    Args:
        root: folder to fill.
        frames: training frames.
        subjects: people; half of the test frames show ones that are not in the training split.
        seed: of everything drawn.
        progress: called with frames done and in all.
    """
    check_frames(frames, "hands17")
    seen, unseen = split_subjects(subjects, "hands17")
    rigs = [sample_subject(generator(seed, "hands17", person)) for person in range(subjects)]
    tests = max(2, frames // 4)
    joints = np.empty((frames + tests, len(HANDS17), 3))
    for index in counted(range(frames + tests), progress):
        test = index >= frames
        number = index - frames * test
        person = _test_person(number, seen, unseen) if test else seen[number % len(seen)]
        rng = generator(seed, "hands17 frame", int(test), number)
        frame = sample_frame(rigs[person], HANDS17_VIEW, rng)
        depth_mm = STRUCTURED_LIGHT.apply(frame.buffer.depth, HANDS17_VIEW.camera.fx, rng)
        joints[index] = hand_joints(frame.hand, HANDS17)
        images = root / ("frame" if test else "training") / "images"
        images.mkdir(parents=True, exist_ok=True)
        (images / _name(number)).write_bytes(encode_depth(depth_mm, "png16_mm"))
    (root / "training" / "Training_Annotation.txt").write_text(_annotation(joints[:frames]))
    (root / HIDDEN_LABELS).write_text(_annotation(joints[frames:]))
    (root / "frame" / "BoundingBox.txt").write_text(_boxes(joints[frames:]))
    rng = generator(seed, "hands17 centres")
    for split, chosen in (("train", joints[:frames]), ("test", joints[frames:])):
        centers = noisy_centers(chosen, CENTER_SIGMA_MM, rng)
        write_centers(root / "center" / f"center_{split}_refined.txt", centers)


def publish_test_labels(root: Path) -> list[int]:
    """Put the hidden test joints where the source looks for them, and the subject of every test frame.

    Args:
        root: a tree this module wrote.
    Returns:
        the subjects that also occur in the training split, for the protocol's ``seen_subjects``.
    Raises:
        DataError: if the folder holds no synthetic tree of this dataset.
    """
    marker = read_marker(root)
    if marker is None or marker["dataset"] != "hands17":
        raise DataError(f"{root} holds no synthetic tree of hands17; make one with carpus synth hands17")
    hidden = (root / HIDDEN_LABELS).read_text()
    (root / TEST_LABELS).write_text(hidden)
    seen, unseen = split_subjects(int(str(marker["subjects"])), "hands17")
    lines = [
        f"{_name(number)}\t{_test_person(number, seen, unseen)}\n" for number in range(hidden.count("\n"))
    ]
    (root / TEST_SUBJECTS).write_text("".join(lines))
    return list(seen)


def _test_person(number: int, seen: range, unseen: range) -> int:
    """Test frames show known and new people in turn."""
    group = unseen if number % 2 else seen
    return group[number // 2 % len(group)]


def _name(number: int) -> str:
    """Images count from 1."""
    return f"image_D{number + 1:08d}.png"


def _annotation(joints: np.ndarray) -> str:
    """Lines of name and 63 numbers, separated by tabs."""
    rows = joints.reshape(len(joints), -1).tolist()
    return "".join(
        "\t".join([_name(number), *(f"{value:.4f}" for value in row)]) + "\n"
        for number, row in enumerate(rows)
    )


def _boxes(joints: np.ndarray) -> str:
    """Lines of name, left, top, width, height; a tab after the name, spaces and tabs further on."""
    pixels = HANDS17_VIEW.camera.project(joints)
    low = np.maximum(np.floor(pixels.min(axis=1)) - 20, 0)
    high = np.minimum(np.ceil(pixels.max(axis=1)) + 20, np.array(HANDS17_VIEW.size_wh) - 1)
    rows = np.concatenate([low, high - low], axis=1).astype(int).tolist()
    return "".join(f"{_name(n)}\t{x} {y}\t{w} {h}\n" for n, (x, y, w, h) in enumerate(rows))
