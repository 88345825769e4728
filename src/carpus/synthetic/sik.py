"""Hands of the stand-in model for the sets without pictures: joints, rotations, and what a network finds."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from scipy.spatial.transform import Rotation

from carpus.bodies.mano import ManoHand
from carpus.bodies.standin import standin_model
from carpus.skeletons import INTERHAND_HAND, SNAP
from carpus.synthetic.poses import GESTURES
from carpus.synthetic.tree import Progress, generator
from carpus.synthetic.two_hands.fingers import Fingers, fingers_of, random_turns, sample_angles

CHUNK = 256
_MIDDLE_TIP = 444
_ROOT = SNAP.index("middle_mcp")
_FREE = 0.6
_BY_LINK = np.array([0.0, 1.0, 1.3, 1.7, 2.2])
_NOISE_M = {"stb": 0.0022, "rhd": 0.0040}
_DEPTH = np.array([1.0, 1.0, 1.8])


@dataclass(frozen=True)
class PosedHands:
    """Right hands of the stand-in model.

    Args:
        joints_m: ``(n, 21, 3)`` float32 metres in the order of :data:`~carpus.skeletons.SNAP`, the wrist's
            centre of rotation where the model has it.
        quat: ``(n, 16, 4)`` float32 w, x, y, z of wrist and joints, of length 1, w not negative; the flat
            hand has none.
    """

    joints_m: np.ndarray
    quat: np.ndarray


def sample_shapes(subjects: int, seed: int, name: str) -> list[Fingers]:
    """The bones of some people.

    Args:
        subjects: how many.
        seed: of the tree.
        name: of the dataset.
    """
    draws = [generator(seed, name, "person", number) for number in range(subjects)]
    shapes = [np.concatenate([rng.normal(0, 0.8, 4).clip(-1.6, 1.6), rng.normal(0, 0.7, 6)]) for rng in draws]
    return [fingers_of(shape.round(4)) for shape in shapes]


def sample_hands(people: list[Fingers], count: int, rng: np.random.Generator) -> PosedHands:
    """Hands in free poses and gestures, turned any way.

    Args:
        people: whose; every hand is one of them at random.
        count: n.
        rng: source of randomness.
    """
    chosen = rng.integers(len(people), size=count)
    poses = np.stack([_pose(people[person], rng) for person in chosen])
    shapes = np.stack([people[person].shape for person in chosen])
    turns = Rotation.from_matrix(random_turns(count, rng)).as_rotvec()
    vectors = np.concatenate([turns[:, None], poses.reshape(count, 15, 3)], axis=1)
    xyzw = Rotation.from_rotvec(vectors.reshape(-1, 3)).as_quat(canonical=True)
    quat = np.roll(xyzw, 1, axis=1).reshape(count, 16, 4)
    return PosedHands(_joints(vectors.reshape(count, 48), shapes), quat.astype(np.float32))


def relative(joints_m: np.ndarray) -> np.ndarray:
    """Joints ``(n, 21, 3)`` about the middle finger's base."""
    return joints_m - joints_m[:, _ROOT, None]


def as_found(joints_m: np.ndarray, name: str, rng: np.random.Generator) -> np.ndarray:
    """What a network might find: worse in depth than across, worse towards the tips, fingers as a whole.

    Args:
        joints_m: ``(n, 21, 3)`` true, about the root.
        name: ``stb`` or ``rhd``, the harder one.
        rng: source of randomness.
    Returns:
        ``(n, 21, 3)`` float32 metres.
    """
    count, spread = len(joints_m), _NOISE_M[name] * _DEPTH
    fingers = rng.normal(size=(count, 5, 1, 3)) * _BY_LINK[1:, None] * 0.8
    joints = rng.normal(size=(count, 5, 4, 3)) * _BY_LINK[1:, None] * 0.5
    noise = np.zeros_like(joints_m, dtype=np.float64)
    noise[:, 1:] = (fingers + joints).reshape(count, 20, 3)
    noise[:, 0] = rng.normal(size=(count, 3))
    whole = rng.normal(size=(count, 1, 3)) * 0.7
    return (joints_m + (noise + whole) * spread).astype(np.float32)


def write_pickle(path: Path, content: Mapping[str, np.ndarray]) -> None:
    """A dictionary of arrays as it is published."""
    with path.open("wb") as file:
        pickle.dump(dict(content), file, protocol=4)


class Counter:
    """Tells how many of all hands are made.

    Args:
        total: of a tree.
        progress: called with done and total.
    """

    def __init__(self, total: int, progress: Progress | None) -> None:
        self.total, self.done, self._progress = total, 0, progress

    def add(self, count: int) -> None:
        """So many more."""
        self.done += count
        if self._progress is not None:
            self._progress(self.done, self.total)


def many_hands(people: list[Fingers], count: int, rng: np.random.Generator, counter: Counter) -> PosedHands:
    """:func:`sample_hands` of any number, some at a time."""
    parts = []
    for start in range(0, count, CHUNK):
        parts.append(sample_hands(people, min(CHUNK, count - start), rng))
        counter.add(len(parts[-1].joints_m))
    joints, quats = zip(*((part.joints_m, part.quat) for part in parts), strict=True)
    return PosedHands(np.concatenate(joints), np.concatenate(quats))


def _pose(fingers: Fingers, rng: np.random.Generator) -> np.ndarray:
    """``(45,)`` axis-angle of a right hand's joints; zero is the flat hand."""
    names = tuple(GESTURES)
    name = None if rng.random() < _FREE else str(names[rng.integers(len(names))])
    mean = np.asarray(standin_model("mano", "right").arrays["hands_mean"])
    return fingers.pose(sample_angles(rng, name), "right") + mean


def _joints(poses: np.ndarray, shapes: np.ndarray) -> np.ndarray:
    """``(n, 21, 3)`` float32 metres of poses ``(n, 48)`` and shapes ``(n, 10)``."""
    pose, shape = (torch.from_numpy(values.astype(np.float32)) for values in (poses, shapes))
    with torch.no_grad():
        made = _hand()(pose, shape, torch.zeros(len(pose), 3))
    joints = made.joints_cam_mm[:, INTERHAND_HAND.permutation(to=SNAP).tolist()].clone()
    joints[:, SNAP.index("middle_tip")] = made.vertices_cam_mm[:, _MIDDLE_TIP]
    return joints.numpy() / np.float32(1000.0)


@lru_cache(maxsize=1)
def _hand() -> ManoHand:
    return ManoHand(standin_model("mano", "right"), flat_hand_mean=True)
