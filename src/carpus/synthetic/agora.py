"""A synthetic tree of AGORA: data frames, fits, large and small pictures, and what is parsed of them."""

from __future__ import annotations

import json
import pickle
import shutil
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from carpus.data.agora_bodies import JOINTS, SHAPE, JointBodies
from carpus.data.agora_crops import make_crops
from carpus.data.agora_layout import TEST_BOXES, find_frames, picture_name
from carpus.data.agora_parse import parse_split
from carpus.data.agora_rows import MOST_OCCLUDED, FitFiles
from carpus.geometry.agora_camera import PUBLISHED_WH
from carpus.geometry.person_boxes import box_of_points
from carpus.synthetic.agora_frames import write_frame
from carpus.synthetic.agora_scene import SETS, Scene, sample_scene
from carpus.synthetic.people.group import Cast
from carpus.synthetic.tree import Progress, check_frames, counted, generator, split_subjects

FRAMES, SUBJECTS = 21, 16

_TWO_FRAMES = 8
_COMPRESSION = 2


def write(root: Path, frames: int, subjects: int, seed: int, progress: Progress | None) -> None:
    """Data frames, fits and pictures of training and validation, and what ``carpus agora`` makes of them.

    The test split has pictures and boxes of a detector.

    Args:
        root: folder to fill.
        frames: training pictures; validation and test have a quarter of it each.
        subjects: people; the last quarter of them is only in validation and test.
        seed: of everything drawn.
        progress: called with pictures done and in all.
    """
    counts = {"train": check_frames(frames, "agora"), "val": max(1, frames // 4), "test": max(1, frames // 4)}
    seen, unseen = split_subjects(subjects, "agora")
    numbers = {"train": seen, "val": unseen, "test": unseen}
    base, cast = root / "data", Cast(seed, "agora")
    steps = counted(range(sum(counts.values())), progress)
    boxes: dict[str, list[Any]] = {}
    for split, count in counts.items():
        rows = []
        for number in range(count):
            next(steps)
            folder = _folder(split, number, count)
            scene = sample_scene(cast, numbers[split], seed, split, number)
            _write_pictures(base, folder, scene, generator(seed, "agora picture", split, number))
            if split == "test":
                boxes[scene.name] = _detected(scene, generator(seed, "agora boxes", number))
            else:
                rows.append((folder, _row(base, scene)))
        for folder in dict.fromkeys(folder for folder, _ in rows):
            _write_rows(base, split, folder, [row for own, row in rows if own == folder])
    (base / TEST_BOXES).write_text(json.dumps(boxes))
    next(steps, None)
    _prepare(base)


def _row(base: Path, scene: Scene) -> dict[str, Any]:
    """A row of a data frame; fits are written."""
    camera, hidden = scene.camera, scene.occlusion()
    joints, meshes, pixels = [], [], []
    for person in scene.people:
        fit = person.figure.fit
        seen = [
            (points - camera.position_m) @ camera.rotation.T
            for points in (fit.joints_m(), fit.body().vertices_m)
        ]
        joints.append(seen[0][:JOINTS])
        meshes.append(seen[1].astype(np.float32))
        pixels.append(camera.lens.project(joints[-1]))
    return {
        "imgPath": scene.name,
        **dict(zip(("camX", "camY", "camZ"), camera.position_cm, strict=True)),
        "camYaw": camera.yaw_deg,
        **{axis: [float(p.position_cm[k]) for p in scene.people] for k, axis in enumerate("XYZ")},
        "Yaw": [person.yaw_deg for person in scene.people],
        "gender": [person.figure.fit.gender for person in scene.people],
        "kid": [person.kid for person in scene.people],
        "occlusion": hidden,
        "isValid": [part <= MOST_OCCLUDED for part in hidden],
        "age": ["kid" if person.kid else "31-50" for person in scene.people],
        "ethnicity": ["unknown" for _ in scene.people],
        "gt_path_smplx": [_write_fit(base, scene, number) for number in range(len(scene.people))],
        "gt_joints_2d": pixels,
        "gt_joints_3d": joints,
        "gt_verts": meshes,
    }


def _write_fit(base: Path, scene: Scene, number: int) -> str:
    """A fit as it is published, beside a mesh that is not written; its path."""
    person = scene.people[number]
    fit = person.fit(scene.camera)
    betas = np.append(fit.shape, 0.0) if person.kid else fit.shape[:SHAPE]
    content = {
        "global_orient": fit.turns[0],
        "body_pose": fit.turns[1:22],
        "left_hand_pose": fit.turns[22:37],
        "right_hand_pose": fit.turns[37:52],
        "jaw_pose": fit.turns[52],
        "leye_pose": np.zeros(3),
        "reye_pose": np.zeros(3),
        "betas": betas,
        "expression": fit.expression,
        "transl": fit.trans_m,
    }
    name = f"smplx_gt/{scene.name.removesuffix('.png')}/{number}_0.obj"
    path = (base / name).with_suffix(".pkl")
    path.parent.mkdir(parents=True, exist_ok=True)
    flat = {key: np.asarray(value, np.float32).reshape(1, -1) for key, value in content.items()}
    path.write_bytes(pickle.dumps({**flat, "gender": fit.gender}, protocol=4))
    return name


def _write_pictures(base: Path, folder: str, scene: Scene, rng: np.random.Generator) -> None:
    for size, image in scene.pictures(rng).items():
        path = base / picture_name(size, folder, scene.name)
        path.parent.mkdir(parents=True, exist_ok=True)
        data = cv2.imencode(
            ".png", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_PNG_COMPRESSION, _COMPRESSION]
        )[1]
        path.write_bytes(data.tobytes())


def _write_rows(base: Path, split: str, folder: str, rows: list[dict[str, Any]]) -> None:
    stem = folder if split == "train" else f"{folder}_0"
    write_frame(base / "Cam" / f"{stem}_withjv.pkl", {name: [row[name] for row in rows] for name in rows[0]})


def _folder(split: str, number: int, count: int) -> str:
    """Folder of a picture; training pictures have two where they are not few."""
    if split != "train":
        return "validation" if split == "val" else "test"
    return f"train_{int(count >= _TWO_FRAMES and number >= count // 2)}"


def _detected(scene: Scene, rng: np.random.Generator) -> list[dict[str, list[float]]]:
    """Boxes as a detector finds them: of people that are seen, a few pixels off, cut to the picture."""
    found = []
    for person, hidden in zip(scene.people, scene.occlusion(), strict=True):
        joints = (person.figure.fit.joints_m() - scene.camera.position_m) @ scene.camera.rotation.T
        x, y, width, height = box_of_points(scene.camera.lens.project(joints), enlarge=1.12).tolist()
        ends = np.array([x, y, x + width, y + height]) + rng.normal(0, 0.02 * height, 4)
        low, high = (np.clip(end, 0, np.array(PUBLISHED_WH) - 1) for end in (ends[:2], ends[2:]))
        if hidden <= MOST_OCCLUDED and (high - low > 1).all():
            found.append({"bbox": np.concatenate([low, high - low]).round(2).tolist()})
    return found


def _prepare(base: Path) -> None:
    """What ``carpus agora parse`` and ``carpus agora crops`` write."""
    bodies = JointBodies(base / "body_models", standin=True)
    for split in ("train", "val"):
        parse_split(base, split, find_frames(base, split), FitFiles([base]), bodies, vertices=split == "val")
        # Only of use to continue, and other bytes every time.
        shutil.rmtree(base / f".parse_{split}.lmdb")
        (base / f".parse_{split}.lock").unlink()
    for split in SETS:
        make_crops(base, split)
