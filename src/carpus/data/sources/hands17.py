"""HANDS 2017 challenge, frame-based task (Yuan et al. 2017)."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import numpy as np

from carpus.data.sources.base import DepthSource, check_joints, read_bytes, tree_fingerprint
from carpus.data.sources.icvl import image_form
from carpus.data.sources.text import read_labels
from carpus.geometry.camera import Camera
from carpus.skeletons import HANDS17 as SKELETON

_FOLDERS = {"train": "training", "test": "frame"}
_LABELS = {"train": "Training_Annotation.txt", "test": "BoundingBox.txt"}


class HANDS17(DepthSource):
    """``training/images``, ``training/Training_Annotation.txt``; ``frame/images``, ``frame/BoundingBox.txt``.

    The test labels are not public: test records have no joints.

    Args:
        root: the folder that holds ``training`` and ``frame``.
        split: ``train`` or ``test``.
        images: ``png`` as published, or ``raw``: torch7's float32 files beside them.
    """

    name = "hands17"
    skeleton = SKELETON
    splits = ("train", "test")
    expected_counts: ClassVar = {"train": 957_032, "test": 295_510}
    camera = Camera(475.065948, 475.065857, 315.944855, 245.287079)
    image_size = (640, 480)
    y_up = False

    def __init__(self, root: str | Path, split: str, images: str = "png") -> None:
        super().__init__(root, split)
        self.suffix, self.coding = image_form(images, "png16_mm", self.image_size)
        self.folder = self.root / _FOLDERS[split]
        self.labels = self.folder / _LABELS[split]
        J = len(self.skeleton)
        self._names, values = read_labels(self.labels, 3 * J if split == "train" else 0)
        if split == "train":
            self._joints = values.reshape(-1, J, 3).astype(np.float32)
            check_joints(self._joints, lambda row: f"{self.labels}, line {row + 1}")
        self._line = np.arange(len(self._names))

    def fingerprint(self) -> str:
        """Hash of the label file and of the image folder's listing."""
        return tree_fingerprint(self.root, [self.labels], [self.folder / "images"])

    def _path(self, index: int) -> Path:
        return (self.folder / "images" / self._names[index].decode()).with_suffix(self.suffix)

    def _key(self, index: int) -> str:
        return f"{self.split}/{self._names[index].decode().rsplit('.', 1)[0]}"

    def _read(self, index: int) -> tuple[dict[str, bytes], str]:
        return {"depth": read_bytes(self._path(index))}, self.coding
