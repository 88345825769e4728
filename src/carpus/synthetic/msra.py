"""A synthetic tree in MSRA's published format."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from carpus.data.depth_images import encode_depth
from carpus.errors import DataError
from carpus.skeletons import MSRA
from carpus.synthetic.hand import sample_frame, sample_subject
from carpus.synthetic.joints import hand_joints
from carpus.synthetic.poses import MSRA_GESTURES
from carpus.synthetic.rig import HandRig
from carpus.synthetic.tree import Progress, check_frames, counted, generator, noisy_centers, write_centers
from carpus.synthetic.views import MSRA_VIEW, TIME_OF_FLIGHT

FRAMES, SUBJECTS = 10, 9
CENTER_SIGMA_MM = 4.0


def write(root: Path, frames: int, subjects: int, seed: int, progress: Progress | None) -> None:
    """``db/P*/<gesture>/{joint.txt, NNNNNN_depth.bin}``, ``center/center_{train,test}_{fold}_refined.txt``.

    Args:
        root: folder to fill.
        frames: frames per gesture.
        subjects: P0 … P8 are 9; fewer make a smaller tree with as many folds.
        seed: of everything drawn.
        progress: called with frames done and in all.
    Raises:
        DataError: if a number makes no sense.
    """
    check_frames(frames, "msra")
    if not 1 <= subjects <= SUBJECTS:
        raise DataError(f"synthetic msra: subjects={subjects}, 1 … {SUBJECTS} are possible")
    gestures = len(MSRA_GESTURES)
    joints = np.empty((subjects, gestures, frames, len(MSRA), 3))
    rigs = [sample_subject(generator(seed, "msra", subject)) for subject in range(subjects)]
    for index in counted(range(subjects * gestures * frames), progress):
        subject, rest = divmod(index, gestures * frames)
        gesture, frame = divmod(rest, frames)
        folder = root / "db" / f"P{subject}" / MSRA_GESTURES[gesture]
        folder.mkdir(parents=True, exist_ok=True)
        rng = generator(seed, "msra", subject, gesture, frame)
        joints[subject, gesture, frame], data = _frame(rigs[subject], gesture, rng)
        (folder / f"{frame:06d}_depth.bin").write_bytes(data)
    published = joints * (1, -1, -1)  # y up, and z stored negative
    for subject in range(subjects):
        for gesture, name in enumerate(MSRA_GESTURES):
            write_joints(root / "db" / f"P{subject}" / name / "joint.txt", published[subject, gesture])
    _write_folds(root / "center", joints.reshape(subjects, -1, len(MSRA), 3) * (1, -1, 1), seed)


def _frame(rig: HandRig, gesture: int, rng: np.random.Generator) -> tuple[np.ndarray, bytes]:
    """Joints ``(21, 3)`` mm, y down, and the depth file."""
    frame = sample_frame(rig, MSRA_VIEW, rng, MSRA_GESTURES[gesture])
    depth_mm = TIME_OF_FLIGHT.apply(frame.buffer.depth, MSRA_VIEW.camera.fx, rng)
    return hand_joints(frame.hand, MSRA), encode_depth(depth_mm, "msra_bin")


def write_joints(path: Path, published: np.ndarray) -> None:
    """A ``joint.txt``: the number of frames, then a line per frame.

    Args:
        path: the file.
        published: ``(N, 21, 3)`` mm, y up, z negative.
    """
    lines = [
        " ".join(f"{value:.6g}" for value in row) for row in published.reshape(len(published), -1).tolist()
    ]
    path.write_text("\n".join([str(len(published)), *lines]) + "\n")


def _write_folds(folder: Path, joints: np.ndarray, seed: int) -> None:
    """Centre files of every fold; each fold has a network, and so small errors, of its own.

    Args:
        joints: ``(subjects, frames, 21, 3)`` mm, y up, z positive.
    """
    for fold in range(len(joints)):
        rng = generator(seed, "msra centres", fold)
        splits = {"train": np.delete(joints, fold, axis=0), "test": joints[fold]}
        for split, chosen in splits.items():
            centers = noisy_centers(chosen.reshape(-1, len(MSRA), 3), CENTER_SIGMA_MM, rng)
            write_centers(folder / f"center_{split}_{fold}_refined.txt", centers)
