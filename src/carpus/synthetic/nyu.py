"""A synthetic tree in NYU's published format."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from scipy.io import savemat

from carpus.data.depth_images import encode_depth
from carpus.data.sources.nyu import EVALUATED_OF_36
from carpus.skeletons import NYU
from carpus.synthetic.hand import sample_frame, sample_subject
from carpus.synthetic.joints import hand_joints
from carpus.synthetic.rig import PosedHand
from carpus.synthetic.skinning import turn_about
from carpus.synthetic.tree import (
    Progress,
    check_frames,
    counted,
    generator,
    noisy_centers,
    split_subjects,
    write_centers,
)
from carpus.synthetic.views import NYU_VIEW, STRUCTURED_LIGHT

FRAMES, SUBJECTS = 400, 4
CENTER_SIGMA_MM = 5.0
BACKGROUND_MM = 2001
"""What the published images hold where nothing was near."""

_MAT_TEXT = b"MATLAB 5.0 MAT-file, synthetic, written by Carpus".ljust(116)


def write(root: Path, frames: int, subjects: int, seed: int, progress: Progress | None) -> None:
    """``train``, ``test`` (a quarter as many frames), with images and ``joint_data.mat``, and ``center``.

    Args:
        root: folder to fill.
        frames: training frames.
        subjects: people; the last quarter of them is only in the test split.
        seed: of everything drawn.
        progress: called with frames done and in all.
    """
    check_frames(frames, "nyu")
    train_people, test_people = split_subjects(subjects, "nyu")
    people = {"train": train_people, "test": test_people}
    rigs = [sample_subject(generator(seed, "nyu", person)) for person in range(subjects)]
    tests = max(1, frames // 4)
    joints = {"train": np.empty((frames, 36, 3)), "test": np.empty((tests, 36, 3))}
    for index in counted(range(frames + tests), progress):
        split, number = ("train", index) if index < frames else ("test", index - frames)
        rng = generator(seed, "nyu frame", split, number)
        rig = rigs[people[split][number % len(people[split])]]
        frame = sample_frame(rig, NYU_VIEW, rng)
        depth_mm = STRUCTURED_LIGHT.apply(frame.buffer.depth, NYU_VIEW.camera.fx, rng)
        depth_mm[~frame.buffer.seen] = BACKGROUND_MM
        joints[split][number] = joints_36(frame.hand)
        (root / split).mkdir(parents=True, exist_ok=True)
        image = root / split / f"depth_1_{number + 1:07d}.png"
        image.write_bytes(encode_depth(depth_mm, "nyu_png"))
    rng = generator(seed, "nyu centres")
    for split, cam in joints.items():
        (root / split / "joint_data.mat").write_bytes(joint_data(cam))
        centers = noisy_centers(cam[:, EVALUATED_OF_36] * (1, -1, 1), CENTER_SIGMA_MM, rng)
        write_centers(root / "center" / f"center_{split}_refined.txt", centers)


def joints_36(hand: PosedHand) -> np.ndarray:
    """``(36, 3)`` mm: the 14 evaluated joints at their published places, points along the bones elsewhere."""
    fingers = hand.chain[[4, 3, 2, 1]]
    between = 0.5 * (fingers[:, 1:] + fingers[:, :-1])
    # Per finger: tip, then PIP at the fourth place, knuckle at the last.
    rows = np.stack(
        [fingers[:, 4], between[:, 3], fingers[:, 3], fingers[:, 2], between[:, 1], fingers[:, 1]], axis=1
    )
    thumb = hand.chain[0]
    joints = np.empty((36, 3))
    joints[:24] = rows.reshape(-1, 3)
    joints[24:30] = (
        thumb[3],
        thumb[2],
        0.5 * (thumb[2] + thumb[1]),
        thumb[1],
        0.5 * (thumb[1] + thumb[0]),
        thumb[0],
    )
    joints[33:] = hand.chain[1:4, 0]
    joints[list(EVALUATED_OF_36)] = hand_joints(hand, NYU)
    return joints


def joint_data(joints_cam_mm: np.ndarray) -> bytes:
    """A ``joint_data.mat``: ``joint_xyz`` and ``joint_uvd`` ``(3, N, 36, 3)`` of three cameras.

    Args:
        joints_cam_mm: ``(N, 36, 3)`` of the front camera, y down.
    """
    views = np.stack([joints_cam_mm, _seen_from(joints_cam_mm, 40.0), _seen_from(joints_cam_mm, -40.0)])
    file = io.BytesIO()
    data = {"joint_xyz": views * (1, -1, 1), "joint_uvd": NYU_VIEW.camera.xyz_to_uvd(views)}
    savemat(file, data, do_compression=True)
    # The header would hold the time of writing; the same seed shall give the same bytes.
    return _MAT_TEXT + file.getvalue()[len(_MAT_TEXT) :]


def _seen_from(joints: np.ndarray, degrees: float) -> np.ndarray:
    """Joints in a camera that stands to the side and looks at a point 750 mm before the front one."""
    pivot = np.array([0.0, 0.0, 750.0])
    turn = turn_about(np.array([0.0, 1.0, 0.0]), np.array(np.radians(degrees)))
    return (joints - pivot) @ turn.T + pivot
