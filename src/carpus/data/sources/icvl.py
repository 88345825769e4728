"""ICVL hand posture (Tang et al., CVPR 2014)."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import numpy as np

from carpus.data.sources.base import DepthSource, check_joints, read_bytes, tree_fingerprint
from carpus.data.sources.text import read_labels
from carpus.errors import DataError
from carpus.geometry.camera import Camera
from carpus.skeletons import ICVL as SKELETON

_FOLDERS = {"train": "Training", "test": "Testing"}
_LABELS = {"train": ("labels.txt",), "test": ("test_seq_1.txt", "test_seq_2.txt")}


class ICVL(DepthSource):
    """``Training/Depth``, ``Training/labels.txt``; ``Testing/Depth``, ``Testing/test_seq_{1,2}.txt``.

    A training image that is missing is left out; ``line`` keeps the number of its label.

    Args:
        root: the folder that holds ``Training`` and ``Testing``.
        split: ``train`` or ``test``.
        images: ``png`` as published, or ``raw``: torch7's float32 files beside them.
    """

    name = "icvl"
    skeleton = SKELETON
    splits = ("train", "test")
    expected_counts: ClassVar = {"train": 331_006, "test": 1_596}
    camera = Camera(241.42, 241.42, 160.0, 120.0)
    image_size = (320, 240)
    y_up = False

    def __init__(self, root: str | Path, split: str, images: str = "png") -> None:
        super().__init__(root, split)
        self.suffix, self.coding = image_form(images, "png16_mm", self.image_size)
        self.folder = self.root / _FOLDERS[split]
        J = len(self.skeleton)
        names, tables = [], []
        for path in self._label_files():
            file_names, values = read_labels(path, 3 * J)
            joints = self.camera.uvd_to_xyz(values.reshape(-1, J, 3)).astype(np.float32)
            check_joints(joints, lambda row, path=path: f"{path}, line {row + 1}")
            names.append(file_names)
            tables.append(joints)
        names, joints = np.concatenate(names), np.concatenate(tables)
        self._lines = len(names)
        present = np.fromiter((self._image(name).is_file() for name in names), bool, len(names))
        if split == "test" and not present.all():
            raise DataError(f"{self._image(names[int(np.argmin(present))])} is missing: a test frame")
        if len(names) and not present.any():
            raise DataError(
                f"{self._image(names[0])} is missing, and so is every other image of {self.folder}"
            )
        self._line = np.flatnonzero(present)
        self._names, self._joints = names[present], joints[present]

    @property
    def lines(self) -> int:
        """Lines of the label files, missing images included."""
        return self._lines

    def fingerprint(self) -> str:
        """Hash of the label files and of the image folders' listings."""
        return tree_fingerprint(self.root, self._label_files(), [self.folder / "Depth"])

    def _label_files(self) -> list[Path]:
        return [self.folder / name for name in _LABELS[self.split]]

    def _path(self, index: int) -> Path:
        return self._image(self._names[index])

    def _image(self, name: bytes) -> Path:
        return (self.folder / "Depth" / name.decode()).with_suffix(self.suffix)

    def _key(self, index: int) -> str:
        return f"{self.split}/{self._names[index].decode().rsplit('.', 1)[0]}"

    def _read(self, index: int) -> tuple[dict[str, bytes], str]:
        return {"depth": read_bytes(self._path(index))}, self.coding


def image_form(images: str, coding: str, size: tuple[int, int]) -> tuple[str, str]:
    """File suffix and depth coding of the choice ``png`` | ``raw``.

    Raises:
        DataError: for another choice.
    """
    if images == "png":
        return ".png", coding
    if images == "raw":
        return ".bin", f"raw_f32:{size[0]}x{size[1]}"
    raise DataError(f"images='{images}': allowed are png (as published) and raw (torch7's float32 files)")
