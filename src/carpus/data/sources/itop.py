"""ITOP invariant-top view body pose (Haque et al., ECCV 2016)."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, ClassVar

import cv2
import h5py
import numpy as np

from carpus.data.depth_images import npz_bytes
from carpus.data.sources.base import DepthSource, check_joints, tree_fingerprint
from carpus.errors import DataError
from carpus.geometry.camera import Camera
from carpus.skeletons import ITOP as SKELETON

VIEWS = ("side", "top")
SEGM_BACKGROUND = 255
"""Value of the background in a record's ``segm`` image; the file says -1."""


class ITOP(DepthSource):
    """``ITOP_{side,top}_{train,test}_depth_map.h5`` and ``…_labels.h5``.

    Frames with ``is_valid`` 0 are left out; ``line`` keeps the published frame number.

    Args:
        root: the folder that holds the files.
        split: ``train`` or ``test``.
        view: ``side`` (the front view) or ``top``.
    """

    name = "itop"
    skeleton = SKELETON
    splits = ("train", "test")
    expected_counts: ClassVar = {"train": 39_795, "test": 10_501}
    camera = Camera(285.714, 285.714, 160.0, 120.0)  # the published 0.0035 m per pixel and metre, inverted
    image_size = (320, 240)
    y_up = True
    unit_mm = 1000.0

    def __init__(self, root: str | Path, split: str, view: str = "side") -> None:
        super().__init__(root, split)
        if view not in VIEWS:
            raise DataError(f"ITOP view='{view}': allowed are {', '.join(VIEWS)}")
        self.view = view
        self.depth_file = self.root / f"ITOP_{view}_{split}_depth_map.h5"
        self.label_file = self.root / f"ITOP_{view}_{split}_labels.h5"
        self._files: dict[Path, Any] = {}
        self._pid = os.getpid()
        valid = np.asarray(self._array(self.label_file, "is_valid")[:]).astype(bool)
        joints = self.to_cam_mm(self._array(self.label_file, "real_world_coordinates")[:])
        frames = len(self._array(self.depth_file, "data"))
        if not frames == len(valid) == len(joints):
            raise DataError(
                f"{self.depth_file} has {frames} frames, {self.label_file.name} has {len(valid)} in is_valid "
                f"and {len(joints)} in real_world_coordinates"
            )
        self._lines, self._line = len(valid), np.flatnonzero(valid)
        self._joints = joints[self._line]
        check_joints(self._joints, lambda row: f"{self.label_file}, frame {self._line[row]}")
        self._has_segm = "segmentation" in self._open(self.label_file)
        self._ids = self._read_ids()

    @property
    def lines(self) -> int:
        """Published frames, those with ``is_valid`` 0 included."""
        return self._lines

    def locate(self, index: int) -> str:
        """The depth file and the frame in it."""
        return f"{self.depth_file}, frame {self._line[index]}"

    def _path(self, index: int) -> Path:
        return self.depth_file

    def fingerprint(self) -> str:
        """Hash of the label file and the size of the depth file."""
        digest = tree_fingerprint(self.root, [self.label_file], [])
        return f"{digest}-{self.depth_file.stat().st_size}"

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_files": {}}

    def _key(self, index: int) -> str:
        return f"{self.split}/{self._ids[index].decode()}"

    def _read(self, index: int) -> tuple[dict[str, bytes], str]:
        frame = int(self._line[index])
        # The file's own type is kept (it may be float16); decoding makes it float32 millimetres.
        depth = self._array(self.depth_file, "data")[frame]
        images = {"depth": npz_bytes(depth, self.unit_mm)}
        if self._has_segm:
            segm = self._array(self.label_file, "segmentation")[frame]
            labels = np.where(segm < 0, SEGM_BACKGROUND, segm).astype(np.uint8)
            images["segm"] = cv2.imencode(".png", labels)[1].tobytes()
        return images, "npz_mm"

    def _read_ids(self) -> np.ndarray:
        """``(N,)`` bytes: published ids ``00_00000``, or the frame number where there are none."""
        labels = self._open(self.label_file)
        if "id" not in labels:
            return np.array([f"{line:05d}".encode() for line in self._line], dtype=bytes)
        ids = np.asarray(labels["id"][:])[self._line]
        return np.array([i if isinstance(i, bytes) else str(i).encode() for i in ids], dtype=bytes)

    def _open(self, path: Path) -> Any:
        """The file, opened once per process: HDF5 handles do not survive a fork."""
        if self._pid != os.getpid():
            self._files, self._pid = {}, os.getpid()
        if path not in self._files:
            if not path.is_file():
                raise DataError(f"{path} is missing")
            try:
                self._files[path] = h5py.File(path, "r")
            except OSError as error:
                raise DataError(f"{path} cannot be read as HDF5: {error}") from error
        return self._files[path]

    def _array(self, path: Path, name: str) -> Any:
        file = self._open(path)
        if name not in file:
            raise DataError(f"{path} has no '{name}'; it has {', '.join(file)}")
        return file[name]
