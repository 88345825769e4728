"""HANDS 2017 challenge, frame-based task (Yuan et al. 2017)."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import numpy as np

from carpus.data.sources.base import Column, DepthSource, check_joints, read_bytes, tree_fingerprint
from carpus.data.sources.icvl import image_form
from carpus.data.sources.text import match_rows, read_labels
from carpus.errors import DataError
from carpus.geometry.camera import Camera
from carpus.skeletons import HANDS17 as SKELETON
from carpus.types import Field

TEST_LABELS, TEST_SUBJECTS = "frame/Test_Annotation.txt", "frame/subjects.txt"
TRAIN_MARGIN_PX = 20
"""A training frame's box reaches so far beyond its joints."""

_FOLDERS = {"train": "training", "test": "frame"}
_LABELS = {"train": "Training_Annotation.txt", "test": "BoundingBox.txt"}


class HANDS17(DepthSource):
    """``training/images``, ``training/Training_Annotation.txt``; ``frame/images``, ``frame/BoundingBox.txt``.

    Every record has ``bbox_xywh_px`` ``(4,)``, left, top, width, height: the published one of a test frame;
    for training frames, which have none, the box of the projected joints with a margin, inside the image.

    Test records have joints where ``frame/Test_Annotation.txt`` exists (lines as in the training annotation,
    in any order), and the integer ``subject`` where ``frame/subjects.txt`` exists (image name and number).

    Args:
        root: the folder that holds ``training`` and ``frame``.
        split: ``train`` or ``test``.
        images: ``png`` as published, or ``raw``: torch7's float32 files beside them.
    """

    name = "hands17"
    skeleton = SKELETON
    splits = ("train", "test")
    expected_counts: ClassVar = {"train": 957_032, "test": 295_510}
    optional: ClassVar = {"test": (TEST_LABELS, TEST_SUBJECTS)}
    camera = Camera(475.065948, 475.065857, 315.944855, 245.287079)
    image_size = (640, 480)
    y_up = False
    boxes = True

    def __init__(self, root: str | Path, split: str, images: str = "png") -> None:
        super().__init__(root, split)
        self.suffix, self.coding = image_form(images, "png16_mm", self.image_size)
        self.folder = self.root / _FOLDERS[split]
        self.labels = self.folder / _LABELS[split]
        self._boxes = self._subject = None
        extras = self.extras_found(self.root, split)
        if split == "train":
            self._names, self._joints = self._read_joints(self.labels)
        else:
            self._names, boxes = read_labels(self.labels, 4)
            self._boxes = _checked_boxes(boxes, self.labels)
        if TEST_LABELS in extras:
            names, joints = self._read_joints(self.root / TEST_LABELS)
            self._joints = joints[match_rows(self._names, names, self.root / TEST_LABELS)]
        if TEST_SUBJECTS in extras:
            self._subject = _read_subjects(self.root / TEST_SUBJECTS, self._names)
        self._line = np.arange(len(self._names))

    def fingerprint(self) -> str:
        """Hash of the label files and of the image folder's listing."""
        extras = [self.root / name for name in self.extras_found(self.root, self.split)]
        return tree_fingerprint(self.root, [self.labels, *extras], [self.folder / "images"])

    def columns(self, index: int) -> dict[str, Column]:
        """``line``, and ``subject`` where it is known."""
        return {**super().columns(index), **self._subject_of(index)}

    def _read_joints(self, path: Path) -> tuple[np.ndarray, np.ndarray]:
        """Names and ``(N, 21, 3)`` float32 joints of an annotation file."""
        names, values = read_labels(path, 3 * len(self.skeleton))
        joints = values.reshape(-1, len(self.skeleton), 3).astype(np.float32)
        check_joints(joints, lambda row: f"{path}, line {row + 1}")
        return names, joints

    def _path(self, index: int) -> Path:
        return (self.folder / "images" / self._names[index].decode()).with_suffix(self.suffix)

    def _key(self, index: int) -> str:
        return f"{self.split}/{self._names[index].decode().rsplit('.', 1)[0]}"

    def _read(self, index: int) -> tuple[dict[str, bytes], str]:
        return {"depth": read_bytes(self._path(index))}, self.coding

    def _extras(self, index: int) -> dict[str, Field]:
        return {"bbox_xywh_px": self._box(index), **self._subject_of(index)}

    def _box(self, index: int) -> np.ndarray:
        """``(4,)`` float32 left, top, width, height."""
        if self._boxes is not None:
            return self._boxes[index]
        assert self._joints is not None
        edge = np.array(self.image_size) - 1.0
        pixels = self.camera.project(self._joints[index].astype(np.float64))
        pixels = pixels[np.isfinite(pixels).all(axis=1)]
        if not len(pixels):
            pixels = np.stack([np.zeros(2), edge])
        low = np.clip(np.floor(pixels.min(axis=0)) - TRAIN_MARGIN_PX, 0, edge)
        high = np.clip(np.ceil(pixels.max(axis=0)) + TRAIN_MARGIN_PX, 0, edge)
        return np.concatenate([low, high - low]).astype(np.float32)

    def _subject_of(self, index: int) -> dict[str, int]:
        return {} if self._subject is None else {"subject": int(self._subject[index])}


def _checked_boxes(boxes: np.ndarray, path: Path) -> np.ndarray:
    """``(N, 4)`` float32.

    Raises:
        DataError: naming the line whose box is not finite or has a negative size.
    """
    bad = np.flatnonzero(~np.isfinite(boxes).all(axis=1) | (boxes[:, 2:] < 0).any(axis=1))
    if bad.size:
        box = " ".join(f"{value:g}" for value in boxes[bad[0]])
        raise DataError(
            f"{path}, line {bad[0] + 1}: '{box}' is not a box: left, top, width, height in pixels"
        )
    return boxes.astype(np.float32)


def _read_subjects(path: Path, names: np.ndarray) -> np.ndarray:
    """``(N,)`` int64 subject of every frame.

    Raises:
        DataError: naming the line whose subject is not a whole number.
    """
    listed, values = read_labels(path, 1)
    bad = np.flatnonzero(~np.isfinite(values[:, 0]) | (values[:, 0] != np.round(values[:, 0])))
    if bad.size:
        raise DataError(f"{path}, line {bad[0] + 1}: subject {values[bad[0], 0]:g} is not a whole number")
    return values[match_rows(names, listed, path), 0].astype(np.int64)
