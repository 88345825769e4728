"""RHD's annotation, of either form, as a few compact arrays."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from carpus.data.sources.base import check_joints
from carpus.data.sources.coco_hands import JOINTS, read_coco_hands
from carpus.data.sources.interhand26m.pickle_stream import read_entries
from carpus.data.sources.rhd import layout
from carpus.errors import DataError

_PUBLISHED_HANDS = ("left", "right")
_SHAPES = {"xyz": (2 * JOINTS, 3), "uv_vis": (2 * JOINTS, 3), "K": (3, 3)}


@dataclass(frozen=True)
class Annotations:
    """All pictures of a split; of every pair of hands the right one comes first.

    Args:
        path: the file.
        images: paths of the pictures below the root.
        ids: ``(N,)`` the publisher's numbers.
        joints_mm: ``(N, 2, 21, 3)`` float32.
        joints_px: ``(N, 2, 21, 2)`` float32.
        visible: ``(N, 2, 21)`` bool.
        labelled: ``(N, 2)`` bool: hands the file tells of.
        camera: ``(N, 4)`` fx, fy, cx, cy.
        masked: whether every picture must have a mask.
    """

    path: Path
    images: list[str]
    ids: np.ndarray
    joints_mm: np.ndarray
    joints_px: np.ndarray
    visible: np.ndarray
    labelled: np.ndarray
    camera: np.ndarray
    masked: bool

    def __len__(self) -> int:
        return len(self.ids)

    def locate(self, row: int) -> str:
        """File and picture, for messages."""
        return f"{self.path}: picture {self.ids[row]} ({self.images[row]})"


def read_annotations(root: Path, split: str) -> Annotations:
    """The annotation of a split.

    Args:
        root: the tree.
        split: ``train`` or ``test``.
    Raises:
        DataError: naming the file and the picture at fault, or the places where a file is looked for.
    """
    path = layout.annotation(root, split)
    if not path.is_file():
        others = ", ".join(str(place) for place in layout.coco_files(root, split))
        raise DataError(f"{path} is missing; in mmpose's form the annotation may also be {others}")
    found = _of_pickle(root, split, path) if path.suffix == ".pickle" else _of_coco(root, split, path)
    rows, hands = np.nonzero(found.labelled)
    check_joints(found.joints_mm[rows, hands], lambda at: found.locate(int(rows[at])))
    bad = ~np.isfinite(found.joints_px).all((2, 3)) & found.labelled
    if (wrong := np.flatnonzero(bad.any(1) | ~np.isfinite(found.camera).all(1))).size:
        raise DataError(f"{found.locate(int(wrong[0]))}: a keypoint or the camera is not a finite number")
    return found


def _of_pickle(root: Path, split: str, path: Path) -> Annotations:
    """The publisher's form: left hand before right, metres."""
    ids: list[int] = []
    # Numbers only: small arrays by the ten thousand take twice the memory.
    parts = {name: bytearray() for name in _SHAPES}

    def take(entries: list[tuple[Any, Any]]) -> None:
        for key, value in entries:
            where = f"{path}: entry {key!r}"
            if not isinstance(key, int) or not isinstance(value, dict):
                raise DataError(f"{where}: a number with a dictionary of {', '.join(_SHAPES)} is expected")
            ids.append(key)
            for name, shape in _SHAPES.items():
                parts[name] += _array(value, name, shape, where).tobytes()

    read_entries(path, take)
    if not ids:
        raise DataError(f"{path}: no picture in it")
    order = np.argsort(np.array(ids), kind="stable")
    stacked = {
        name: np.frombuffer(values, np.float32).reshape(-1, *_SHAPES[name])[order]
        for name, values in parts.items()
    }
    points = stacked["xyz"].reshape(-1, 2, JOINTS, 3)[:, ::-1] * np.float32(1000)
    keypoints = stacked["uv_vis"].reshape(-1, 2, JOINTS, 3)[:, ::-1]
    numbers = np.array(ids, np.int64)[order]
    k = stacked["K"].astype(np.float64)
    return Annotations(
        path,
        [layout.picture(root, split, int(number)) for number in numbers],
        numbers,
        points,
        keypoints[..., :2],
        keypoints[..., 2] > 0,
        np.ones((len(numbers), 2), bool),
        np.stack([k[:, 0, 0], k[:, 1, 1], k[:, 0, 2], k[:, 1, 2]], 1),
        True,
    )


def _array(value: dict[Any, Any], name: str, shape: tuple[int, ...], where: str) -> np.ndarray:
    if name not in value:
        raise DataError(f"{where} has no '{name}'; {', '.join(_SHAPES)} are expected")
    array = np.asarray(value[name])
    if array.shape != shape or array.dtype.kind not in "fiu":
        raise DataError(f"{where}: {name} is {array.dtype} {array.shape}, numbers {shape} are expected")
    return array.astype(np.float32)


def _of_coco(root: Path, split: str, path: Path) -> Annotations:
    """Mmpose's form: one hand per entry, millimetres."""
    coco = read_coco_hands(path)
    if (unsided := np.flatnonzero(coco.side < 0)).size:
        raise DataError(f"{coco.locate(int(coco.image[unsided[0]]))}: its annotation has no hand_type")
    if (flat := np.flatnonzero(~np.isfinite(coco.joints_mm).all((1, 2)))).size:
        raise DataError(f"{coco.locate(int(coco.image[flat[0]]))}: its annotation has no joint_cam")
    count, at = len(coco.ids), (coco.image, coco.side)
    pairs = coco.image * 2 + coco.side
    if len(np.unique(pairs)) < len(pairs):
        twice = int(np.flatnonzero(np.bincount(pairs) > 1)[0]) // 2
        raise DataError(f"{coco.locate(twice)}: two annotations of the same hand")
    found = Annotations(
        path,
        layout.find_pictures(root, split, coco.names),
        coco.ids,
        np.zeros((count, 2, JOINTS, 3), np.float32),
        np.zeros((count, 2, JOINTS, 2), np.float32),
        np.zeros((count, 2, JOINTS), bool),
        np.zeros((count, 2), bool),
        coco.camera,
        False,
    )
    found.joints_mm[at], found.joints_px[at] = coco.joints_mm, coco.keypoints[..., :2]
    found.visible[at], found.labelled[at] = coco.keypoints[..., 2] > 0, True
    return found
