"""NYU hand pose (Tompson et al., TOG 2014), front view."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import numpy as np
from scipy.io import loadmat

from carpus.data.sources.base import DepthSource, check_joints, read_bytes, tree_fingerprint
from carpus.data.sources.icvl import image_form
from carpus.errors import DataError
from carpus.geometry.camera import Camera
from carpus.skeletons import NYU as SKELETON

EVALUATED_OF_36 = (0, 3, 6, 9, 12, 15, 18, 21, 24, 25, 27, 30, 31, 32)
"""Positions of the 14 evaluated joints among the 36 published ones."""


class NYU(DepthSource):
    """``train`` and ``test``, each with ``depth_1_NNNNNNN.png`` (from 1) and ``joint_data.mat``.

    Args:
        root: the folder that holds ``train`` and ``test``.
        split: ``train`` or ``test``.
        images: ``png`` as published, or ``raw``: torch7's float32 files in ``<split>/parsed``.
    """

    name = "nyu"
    skeleton = SKELETON
    splits = ("train", "test")
    expected_counts: ClassVar = {"train": 72_757, "test": 8_252}
    camera = Camera(588.036865, 587.075073, 320.0, 240.0)
    image_size = (640, 480)
    y_up = True

    def __init__(self, root: str | Path, split: str, images: str = "png") -> None:
        super().__init__(root, split)
        self.suffix, self.coding = image_form(images, "nyu_png", self.image_size)
        self.folder = self.root / split / "parsed" if images == "raw" else self.root / split
        self.labels = self.root / split / "joint_data.mat"
        self._joints = self.to_cam_mm(_front_view(self.labels)[:, EVALUATED_OF_36])
        check_joints(self._joints, lambda row: f"{self.labels}, frame {row + 1}")
        self._line = np.arange(len(self._joints))

    def fingerprint(self) -> str:
        """Hash of ``joint_data.mat`` and of the folder's listing."""
        return tree_fingerprint(self.root, [self.labels], [self.folder])

    def _path(self, index: int) -> Path:
        return self.folder / f"depth_1_{index + 1:07d}{self.suffix}"

    def _key(self, index: int) -> str:
        return f"{self.split}/depth_1_{index + 1:07d}"

    def _read(self, index: int) -> tuple[dict[str, bytes], str]:
        return {"depth": read_bytes(self._path(index))}, self.coding


def _front_view(path: Path) -> np.ndarray:
    """``(N, 36, 3)`` joints of Kinect 1 as published: mm, y up."""
    if not path.is_file():
        raise DataError(f"{path} is missing")
    try:
        joints = loadmat(str(path), variable_names=["joint_xyz"])["joint_xyz"]
    except (KeyError, ValueError, NotImplementedError, OSError, TypeError) as error:
        raise DataError(f"{path} cannot be read as NYU labels (variable joint_xyz): {error}") from error
    if joints.ndim != 4 or joints.shape[2:] != (36, 3):
        raise DataError(f"{path}: joint_xyz has shape {joints.shape}, (cameras, frames, 36, 3) is expected")
    return joints[0]
