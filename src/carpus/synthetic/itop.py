"""A synthetic tree in ITOP's published format: side and ceiling view of the same poses."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import h5py
import numpy as np

from carpus.geometry.camera import Camera
from carpus.render import part_labels, rasterize
from carpus.skeletons import ITOP
from carpus.synthetic.body import BodyShape, PosedBody, sample_body, sample_posed
from carpus.synthetic.noise import SensorNoise
from carpus.synthetic.tree import (
    Progress,
    check_frames,
    counted,
    generator,
    noisy_centers,
    split_subjects,
    write_centers,
)

FRAMES, SUBJECTS = 300, 8
CENTER_SIGMA_M = 0.04
VIEWS = ("side", "top")
CAMERA = Camera(1 / 0.0035, 1 / 0.0035, 160.0, 120.0)
SIZE_WH = (320, 240)
SENSOR = SensorNoise(sigma_mm_at_1m=3.0, smooth_px=3, border_drop=0.3)
_INVALID_SHARE = 0.08
_NO_BACKGROUND_SHARE = 0.25
_SEEN_SLACK_MM = 160.0
_CEILING_MM = 2900.0
"""Height of the ceiling camera above the floor."""

# Looking down: the image's top is far from the side camera.
_TOP_TURN = np.array([[1.0, 0, 0], [0, 0, -1.0], [0, 1.0, 0]])


class BodyFrame(NamedTuple):
    """One view: depth and int8 segmentation ``(H, W)``, joints ``(15, 3)`` in mm, seen ``(15,)`` bool."""

    depth_mm: np.ndarray
    segmentation: np.ndarray
    joints_cam_mm: np.ndarray
    seen: np.ndarray


def write(root: Path, frames: int, subjects: int, seed: int, progress: Progress | None) -> None:
    """``ITOP_{side,top}_{train,test}_{depth_map,labels}.h5`` and ``center/{view}/center_{train,test}.txt``.

    Some frames are marked ``is_valid`` 0; their labels are wrong and their centres ``invalid``.

    Args:
        root: folder to fill.
        frames: training frames per view; the test split has a quarter as many.
        subjects: people; the last quarter of them is only in the test split.
        seed: of everything drawn.
        progress: called with frames done and in all.
    """
    check_frames(frames, "itop")
    train_people, test_people = split_subjects(subjects, "itop")
    people = {"train": train_people, "test": test_people}
    shapes = [sample_body(generator(seed, "itop", person)) for person in range(subjects)]
    counts = {"train": frames, "test": max(1, frames // 4)}
    split_of = ["train"] * frames + ["test"] * counts["test"]
    files = {
        (view, split): _open(root, view, split, count) for view in VIEWS for split, count in counts.items()
    }
    try:
        for index in counted(range(len(split_of)), progress):
            split, number = split_of[index], index - frames * (index >= frames)
            person = people[split][number * len(people[split]) // counts[split]]
            rng = generator(seed, "itop frame", split, number)
            views, valid = sample_views(shapes[person], rng)
            for view, frame in views.items():
                _store(files[view, split], number, f"{person:02d}_{number:05d}", frame, valid, rng)
        _write_centers(root, files, generator(seed, "itop centres"))
    finally:
        for depth, labels in files.values():
            depth.close()
            labels.close()


def sample_views(shape: BodyShape, rng: np.random.Generator) -> tuple[dict[str, BodyFrame], bool]:
    """Both views of one pose, and whether its labels are good."""
    body = sample_posed(shape, rng)
    wall_mm = float(body.joints[:, 2].mean() + rng.uniform(700, 1500))
    with_room = rng.uniform() >= _NO_BACKGROUND_SHARE
    position = np.array([body.joints[8, 0], body.floor_mm - _CEILING_MM, body.joints[8, 2]])
    position = position + rng.uniform(-120, 120, 3) * (1, 0, 1)
    placed = {"side": (np.eye(3), np.zeros(3)), "top": (_TOP_TURN, position)}
    views = {}
    for view, (turn, origin) in placed.items():
        room = _room(view, body.floor_mm, wall_mm) if with_room else np.zeros(SIZE_WH[::-1])
        views[view] = _frame(body, turn, origin, room, rng)
    return views, bool(rng.uniform() >= _INVALID_SHARE)


def _room(view: str, floor_mm: float, wall_mm: float) -> np.ndarray:
    """``(H, W)`` depth of the empty room: wall and floor from the side, the floor from above."""
    width, height = SIZE_WH
    if view == "top":
        return np.full((height, width), _CEILING_MM)
    slope = (np.arange(height) - CAMERA.cy) / CAMERA.fy
    floor = np.where(slope > 0, floor_mm / np.maximum(slope, 1e-6), np.inf)
    return np.repeat(np.minimum(floor, wall_mm)[:, None], width, axis=1)


def _frame(
    body: PosedBody, turn: np.ndarray, origin: np.ndarray, room: np.ndarray, rng: np.random.Generator
) -> BodyFrame:
    """The body in a camera at ``origin`` turned by ``turn``, before the room."""
    vertices, joints = (body.vertices - origin) @ turn.T, (body.joints - origin) @ turn.T
    buffer = rasterize(vertices, body.faces, CAMERA, SIZE_WH, near=200.0)
    clean = np.where(buffer.seen, buffer.depth, room)
    depth = SENSOR.apply(clean, CAMERA.fx, rng)
    segmentation = part_labels(buffer, body.face_labels, background=-1)
    columns, rows = np.clip(np.rint(CAMERA.project(joints)), 0, np.array(SIZE_WH) - 1).astype(int).T
    surface = buffer.depth[rows, columns]
    seen = (surface > 0) & (joints[:, 2] - surface < _SEEN_SLACK_MM)
    return BodyFrame(depth, segmentation, joints, seen)


def _open(root: Path, view: str, split: str, count: int) -> tuple[Any, Any]:
    """The two files of a view and split, with empty arrays of the published names and types."""
    depth = h5py.File(root / f"ITOP_{view}_{split}_depth_map.h5", "w")
    labels = h5py.File(root / f"ITOP_{view}_{split}_labels.h5", "w")
    image = (count, SIZE_WH[1], SIZE_WH[0])
    packed: dict[str, Any] = {"chunks": (1, *image[1:]), "compression": "gzip", "compression_opts": 1}
    joints = len(ITOP)
    depth.create_dataset("data", image, np.float16, **packed)
    labels.create_dataset("segmentation", image, np.int8, **packed)
    labels.create_dataset("real_world_coordinates", (count, joints, 3), np.float16)
    labels.create_dataset("image_coordinates", (count, joints, 2), np.int16)
    labels.create_dataset("visible_joints", (count, joints), np.int16)
    labels.create_dataset("is_valid", (count,), np.uint8)
    for file in (depth, labels):
        file.create_dataset("id", (count,), "S8")
    return depth, labels


def _store(
    files: tuple[Any, Any],
    number: int,
    name: str,
    frame: BodyFrame,
    valid: bool,
    rng: np.random.Generator,
) -> None:
    """One frame in metres, y up; a frame that is not valid gets labels that went astray."""
    depth, labels = files
    joints = frame.joints_cam_mm + (0.0 if valid else rng.normal(0, 250, frame.joints_cam_mm.shape))
    joints[:, 2] = np.maximum(joints[:, 2], 300.0)
    depth["data"][number] = (frame.depth_mm / 1000).astype(np.float16)
    labels["segmentation"][number] = frame.segmentation
    labels["real_world_coordinates"][number] = (joints * (1, -1, 1) / 1000).astype(np.float16)
    labels["image_coordinates"][number] = np.rint(CAMERA.project(joints)).astype(np.int16)
    labels["visible_joints"][number] = frame.seen
    labels["is_valid"][number] = valid
    for file in files:
        file["id"][number] = name.encode()


def _write_centers(
    root: Path, files: dict[tuple[str, str], tuple[Any, Any]], rng: np.random.Generator
) -> None:
    """Centre files in metres, y up."""
    for (view, split), (_, labels) in files.items():
        joints = labels["real_world_coordinates"][:].astype(np.float64)
        centers = noisy_centers(joints, CENTER_SIGMA_M, rng)
        path = root / "center" / view / f"center_{split}.txt"
        write_centers(path, centers, labels["is_valid"][:].astype(bool))
