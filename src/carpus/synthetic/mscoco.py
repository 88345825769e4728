"""A synthetic tree of MS COCO with key points of COCO-WholeBody, and NeuralAnnot's fits of four models."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from carpus.skeletons import MSCOCO, SMPLX_144
from carpus.synthetic.people.group import Cast, sample_group, sample_view
from carpus.synthetic.people.portrait import nearest_head
from carpus.synthetic.people.published import (
    CocoLists,
    box_entry,
    camera_entry,
    flame_fit,
    mano_fit,
    numbers,
    person_entry,
    smpl_fit,
    smplx_fit,
    write_json,
    write_picture,
)
from carpus.synthetic.people.shot import Seen, Shot
from carpus.synthetic.people.stage import photograph, sample_stage
from carpus.synthetic.tree import Progress, check_frames, counted, generator, split_subjects

FRAMES, SUBJECTS = 400, 48
_SIZES = ((640, 480), (480, 640), (640, 427))
_LEAST_PX, _PART_SHARE, _PART_PX = 250, 0.3, 9.0
_FACE_SHARE = 0.45
_SCORE = 0.9
# Key points of a person in the order of the published lists, all but the pelvis that readers add.
_JOINTS = [joint.replace("wrist_of_hand", "wrist") for joint in MSCOCO.joints if joint != "pelvis"]
_ROWS = np.array([SMPLX_144.index(joint) for joint in _JOINTS])
_LISTS = {"body": 17, "foot": 6, "lefthand": 21, "righthand": 21, "face": 68}
_FITS = {
    "smplx": "MSCOCO_train_SMPLX_all_NeuralAnnot.json",
    **{model: f"MSCOCO_train_{model.upper()}_NeuralAnnot.json" for model in ("smpl", "mano", "flame")},
}
_PARTS = {"lefthand": "left_hand", "righthand": "right_hand", "face": "face"}


def write(root: Path, frames: int, subjects: int, seed: int, progress: Progress | None) -> None:
    """Pictures, key points, boxes of hands and faces, and the fits of training people, hands and faces.

    Some people are too far away for key points, and some images have a crowd.

    Args:
        root: folder to fill.
        frames: training pictures; the validation split has a quarter of it.
        subjects: people; the last quarter of them is only in the validation split.
        seed: of everything drawn.
        progress: called with pictures done and in all.
    """
    counts = {"train": check_frames(frames, "mscoco"), "val": max(1, frames // 4)}
    people = dict(zip(counts, split_subjects(subjects, "mscoco"), strict=True))
    cast, steps = Cast(seed, "mscoco"), counted(range(sum(counts.values())), progress)
    for split, count in counts.items():
        split_files = _Split(root, split)
        for number in range(count):
            next(steps)
            split_files.add(take(cast, people[split], seed, split, number), number)
        split_files.write()
    next(steps, None)


def take(cast: Cast, people: range, seed: int, split: str, number: int) -> Shot:
    """One picture of one to four people."""
    rng = generator(seed, "mscoco", split, number)
    count = int(rng.choice((1, 2, 3, 4), p=(0.5, 0.25, 0.15, 0.1)))
    figures = sample_group(cast.some(people, count, rng), rng, turn_deg=50)
    size = _SIZES[int(rng.integers(len(_SIZES)))]
    view = sample_view(figures, size, rng, share=(0.6, 0.97), close=0.3, height_deg=(5, 8), roll_deg=3)
    return photograph(figures, view, sample_stage(rng), rng)


class _Split:
    """The files of a split."""

    def __init__(self, root: Path, split: str) -> None:
        self._root, self._split = root, split
        self._lists = CocoLists(9 if split == "train" else 400_000)
        self._fits: dict[str, dict[str, Any]] = {model: {} for model in _FITS}

    def add(self, shot: Shot, number: int) -> None:
        """A picture and its people."""
        name = f"{12_000 + 61 * number + (7 if self._split == 'val' else 0):012d}.jpg"
        image = self._lists.image(name, shot.view.size_wh)
        if number % 23 == 11:
            self._lists.annotation(image, **_crowd(shot.view.size_wh))
        for seen in shot.people:
            if seen.pixels:
                self._add_person(image, seen)
        write_picture(self._root / "images" / f"{self._split}2017" / name, shot.image)

    def write(self) -> None:
        """The lists, and the fits of training people."""
        folder = self._root / "annotations"
        self._lists.write(folder / f"coco_wholebody_{self._split}_v1.0.json")
        if self._split == "train":
            for model, name in _FITS.items():
                write_json(folder / name, self._fits[model])

    def _add_person(self, image: int, seen: Seen) -> None:
        content = person_entry(seen) | annotated(seen)
        entry = str(self._lists.annotation(image, **content))
        if self._split != "train":
            return
        camera = camera_entry(seen.camera)
        bodies = {"smplx": smplx_fit(seen.fit), "smpl": smpl_fit(seen.fit)}
        if content["face_valid"]:
            bodies["flame"] = flame_fit(nearest_head(seen.fit))
        for model, param in bodies.items():
            self._fits[model][entry] = {f"{model}_param": param, "cam_param": camera}
        sides: dict[str, Any] = dict.fromkeys(("left", "right"))
        for side in sides:
            if content[f"{side}hand_valid"]:
                sides[side] = {"mano_param": mano_fit(seen.fit, side), "cam_param": camera}
        self._fits["mano"][entry] = sides


def annotated(seen: Seen) -> dict[str, Any]:
    """Key points and boxes of a person: COCO-WholeBody's entries.

    Hidden key points of the body that lie in the picture are guessed (1), those outside are absent (0). Hands
    and faces that are hardly seen have neither box nor key points.
    """
    pixels, seen_there = seen.joints_px[_ROWS], seen.visible[_ROWS]
    inside = np.all((pixels >= 0) & (pixels <= np.array(seen.size_wh) - 1), axis=1)
    near = seen.pixels >= _LEAST_PX
    state = np.where(seen_there, 2, 1) * inside * near
    rows = np.column_stack([np.where(inside[:, None], pixels, 0), state])
    parts = dict(zip(_LISTS, np.split(rows, np.cumsum(list(_LISTS.values()))[:-1]), strict=True))
    content: dict[str, Any] = {
        "keypoints": numbers(parts["body"] * (parts["body"][:, 2:] > 0), 3),
        "num_keypoints": int((parts["body"][:, 2] > 0).sum()),
        "foot_kpts": numbers(parts["foot"] * (parts["foot"][:, 2:] > 0), 3),
        "foot_valid": bool(parts["foot"][:, 2].any()),
    }
    for name, part in _PARTS.items():
        share = _FACE_SHARE if name == "face" else _PART_SHARE
        box = _clipped(seen.part_box(part), seen.size_wh)
        valid = bool(near and seen.part_visible(part) >= share and box[2:].min() >= _PART_PX)
        points = parts[name].copy()
        points[:, 2] = _SCORE * (points[:, 2] > 0)
        content[f"{name}_valid"] = valid
        content[f"{name}_box"] = box_entry(box if valid else np.zeros(4))
        content[f"{name}_kpts"] = numbers(points * valid * (points[:, 2:] > 0), 3)
    return content


def _clipped(box: np.ndarray, size_wh: tuple[int, int]) -> np.ndarray:
    """The part of a box that lies in the picture."""
    low = np.clip(box[:2], 0, np.array(size_wh) - 1)
    high = np.clip(box[:2] + box[2:], 0, np.array(size_wh) - 1)
    return np.concatenate([low, high - low])


def _crowd(size_wh: tuple[int, int]) -> dict[str, Any]:
    """An annotation of many people at once, which readers leave out."""
    width, height = size_wh
    content: dict[str, Any] = {
        "bbox": [0.0, 0.1 * height, 0.9 * width, 0.3 * height],
        "area": int(0.2 * width * height),
        "iscrowd": 1,
        "num_keypoints": 0,
        "keypoints": [0.0] * 51,
        "foot_kpts": [0.0] * 18,
        "foot_valid": False,
    }
    for name in _PARTS:
        content |= {
            f"{name}_valid": False,
            f"{name}_box": [0.0] * 4,
            f"{name}_kpts": [0.0] * 3 * _LISTS[name],
        }
    return content
