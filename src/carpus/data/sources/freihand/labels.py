"""FreiHAND's labels, of either form, as a few compact arrays."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from carpus.data.sources.base import check_joints
from carpus.data.sources.coco_hands import JOINTS, read_coco_hands
from carpus.data.sources.freihand import layout
from carpus.data.sources.interhand26m.json_stream import JsonStream
from carpus.errors import DataError

VERTICES = 778
_MANO = 61
_SHAPES = {"K": (3, 3), "xyz": (JOINTS, 3), "scale": (), "mano": (_MANO,), "verts": (VERTICES, 3)}
_MM = {"xyz": 1000.0, "verts": 1000.0}


@dataclass(frozen=True)
class Labels:
    """Labels of a split and the pictures they belong to.

    Args:
        path: a file they are from.
        images: paths of the pictures below the root.
        pose: ``(N,)`` which label a picture has.
        group: ``(N,)`` which pictures show the same hand.
        joints_px: ``(P, 21, 2)`` float32, or None.
        camera: ``(P, 4)`` fx, fy, cx, cy, or None.
        visible: ``(P, 21)`` bool.
        values: per label file other than the intrinsics ``(P, …)`` float32, places in space in millimetres;
            absent where it is not published.
    """

    path: Path
    images: list[str]
    pose: np.ndarray
    group: np.ndarray
    joints_px: np.ndarray | None
    camera: np.ndarray | None
    visible: np.ndarray
    values: dict[str, np.ndarray] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.images)


def read_labels(root: Path, split: str, vertices: bool) -> Labels:
    """The labels of a split.

    Args:
        root: the tree.
        split: ``train`` or ``test``.
        vertices: also read the hands' vertices.
    Raises:
        DataError: naming the file and the entry at fault.
    """
    path = layout.annotation(root, split)
    if not path.is_file():
        others = ", ".join(str(place) for place in layout.coco_files(root, split))
        raise DataError(f"{path} is missing; in mmpose's form the annotation may also be {others}")
    if path == layout.labels(root, split, "K"):
        return _published(root, split, path, vertices)
    return _of_coco(root, split, path)


def read_table(path: Path, kind: str) -> np.ndarray:
    """A label file: a list with one entry per label.

    Args:
        path: the file.
        kind: one of :data:`carpus.data.sources.freihand.layout.KINDS`.
    Returns:
        ``(P, …)``, float64 for intrinsics and float32 otherwise; metres as published.
    Raises:
        DataError: naming the file and the entry that is not of the right size.
    """
    shape = _SHAPES[kind]
    dtype = np.float64 if kind == "K" else np.float32
    # Vertices of all poses take 300 MB; a list of arrays, stacked at the end, twice that.
    rows = bytearray()
    with JsonStream(path) as stream:
        for number, value in enumerate(stream.values()):
            try:
                row = np.asarray(value, dtype)
            except (TypeError, ValueError):
                row = np.zeros(0, dtype)
            if row.size != int(np.prod(shape)) or not np.isfinite(row).all():
                raise DataError(
                    f"{path}: entry {number} has {row.size} numbers of shape {row.shape}; finite ones "
                    f"{shape} are expected"
                )
            rows += row.tobytes()
    if not rows:
        raise DataError(f"{path}: no entry in it")
    return np.frombuffer(rows, dtype).reshape(-1, *shape)


def _published(root: Path, split: str, path: Path, vertices: bool) -> Labels:
    k = read_table(path, "K")
    values: dict[str, np.ndarray] = {}
    for kind in layout.KINDS[1:]:
        file = layout.labels(root, split, kind)
        if not file.is_file() or (kind == "verts" and not vertices):
            continue
        table = read_table(file, kind)
        if len(table) != len(k):
            raise DataError(f"{file} has {len(table):,} entries, {path} {len(k):,}; both must have as many")
        table *= np.float32(_MM.get(kind, 1.0))
        values[kind] = table
    camera = np.stack([k[:, 0, 0], k[:, 1, 1], k[:, 0, 2], k[:, 1, 2]], 1)
    pixels = None
    if "xyz" in values:
        file = layout.labels(root, split, "xyz")
        check_joints(values["xyz"], lambda row: f"{file}: entry {row}")
        pixels = _project(camera, values["xyz"].astype(np.float64))
    elif split == "train":
        raise DataError(f"{layout.labels(root, split, 'xyz')} is missing; training needs joints")
    count = len(k) * _versions(root, split, len(k))
    pose = np.arange(count) % len(k)
    images = [layout.picture(split, number) for number in range(count)]
    return Labels(path, images, pose, pose, pixels, camera, np.ones((len(k), JOINTS), bool), values)


def _project(cameras: np.ndarray, points_mm: np.ndarray) -> np.ndarray:
    """``(P, J, 2)`` float32 pixels of points ``(P, J, 3)``, each with a camera of its own ``(P, 4)``."""
    focal, center = cameras[:, None, :2], cameras[:, None, 2:]
    return (points_mm[..., :2] / points_mm[..., 2:] * focal + center).astype(np.float32)


def _versions(root: Path, split: str, labels: int) -> int:
    """How many pictures every label has: whole sets of backgrounds."""
    if layout.VERSIONS[split] == 1:
        return 1
    folder = root / layout.picture(split, 0)
    there = sum(1 for _ in folder.parent.glob("*.jpg"))
    if there % labels or not there:
        raise DataError(
            f"{folder.parent}: {there:,} pictures for {labels:,} labels; a whole multiple is expected, "
            f"published are {layout.COUNTS[split]:,} = {layout.VERSIONS[split]} x {layout.POSES[split]:,}"
        )
    return there // labels


def _of_coco(root: Path, split: str, path: Path) -> Labels:
    """Mmpose's form: keypoints only; one hand per picture."""
    coco = read_coco_hands(path)
    if len(coco.image) != len(coco.ids):
        twice = int(np.flatnonzero(np.bincount(coco.image) > 1)[0])
        raise DataError(f"{coco.locate(twice)}: more than one annotation; FreiHAND shows one hand")
    order = np.argsort(coco.image, kind="stable")
    keypoints = coco.keypoints[order]
    camera = coco.camera if np.isfinite(coco.camera).all() else None
    numbers = [Path(name).stem for name in coco.names]
    known = all(number.isdigit() for number in numbers)
    group = np.array([int(n) % layout.POSES["train"] for n in numbers]) if known else np.arange(len(numbers))
    return Labels(
        path,
        layout.find_pictures(root, split, coco.names),
        np.arange(len(coco.ids)),
        group,
        keypoints[..., :2],
        camera,
        keypoints[..., 2] > 0,
    )
