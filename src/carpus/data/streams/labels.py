"""What is known about single frames of a stream: boxes around the hand, true joints."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from carpus.data.sources.text import read_labels
from carpus.data.streams.files import IMAGE_NAME
from carpus.errors import DataError
from carpus.skeletons import HANDS17


@dataclass(frozen=True)
class FrameTable:
    """An array per frame, found by the frame's name.

    Args:
        rows: name of an image to its row.
        values: ``(N, ...)``.
        where: file, for messages.
        skeleton: name of the joint set, where the values are joints of a known one.
    """

    rows: dict[str, int]
    values: np.ndarray
    where: Path
    skeleton: str = ""

    def get(self, name: str) -> np.ndarray | None:
        """The array of a frame, or None."""
        row = self.rows.get(name)
        return None if row is None else self.values[row]


def read_boxes(path: Path) -> FrameTable:
    """Boxes around hands: lines of name, left, top, width and height, as HANDS 2017 has them.

    Args:
        path: a file such as ``BoundingBox.txt``.
    Returns:
        ``(4,)`` pixels per frame.
    Raises:
        DataError: naming the file and line that is no box.
    """
    names, values = read_labels(path, 4)
    return _table(names, values, path)


def read_joints(path: Path) -> FrameTable:
    """True joints of frames.

    Args:
        path: ``joints.npz`` with ``number`` (T,), ``joints_cam_mm`` (T, J, 3) and the name of the
            ``skeleton``, or a text file of lines of name and x, y, z per joint; 21 joints are those of HANDS
            2017, whose annotation has this form.
    Returns:
        ``(J, 3)`` mm per frame.
    Raises:
        DataError: if the file is neither.
    """
    if path.suffix.lower() == ".npz":
        return _read_npz(path)
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            numbers = len(file.readline().split()) - 1
    except OSError as error:
        raise DataError(f"{path}: {error.strerror or error}") from None
    if numbers < 3 or numbers % 3:
        raise DataError(f"{path}, line 1: a name and x, y, z per joint are expected")
    names, values = read_labels(path, numbers)
    joints = values.reshape(len(values), -1, 3)
    return _table(names, joints, path, HANDS17.name if joints.shape[1] == len(HANDS17) else "")


def write_joints(path: Path, numbers: np.ndarray, joints_cam_mm: np.ndarray, skeleton: str) -> None:
    """Write a ``joints.npz``.

    Args:
        path: the file.
        numbers: ``(T,)`` of the images.
        joints_cam_mm: ``(T, J, 3)`` camera frame, y down.
        skeleton: name of the joint set.
    """
    np.savez_compressed(path, number=numbers, joints_cam_mm=joints_cam_mm, skeleton=skeleton)


def _read_npz(path: Path) -> FrameTable:
    try:
        with np.load(path, allow_pickle=False) as arrays:
            numbers, joints = arrays["number"], arrays["joints_cam_mm"]
            skeleton = str(arrays["skeleton"]) if "skeleton" in arrays else ""
    except (KeyError, ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise DataError(f"{path} holds no number (T,) and joints_cam_mm (T, J, 3): {error}") from None
    if joints.ndim != 3 or joints.shape[2] != 3 or numbers.shape != joints.shape[:1]:
        raise DataError(f"{path}: joints_cam_mm {joints.shape} and number {numbers.shape} do not fit")
    names = [IMAGE_NAME.format(int(number)) for number in numbers]
    return FrameTable({name: row for row, name in enumerate(names)}, joints, path, skeleton)


def _table(names: np.ndarray, values: np.ndarray, path: Path, skeleton: str = "") -> FrameTable:
    rows = {name.decode().replace("\\", "/").rpartition("/")[2]: row for row, name in enumerate(names)}
    return FrameTable(rows, values, path, skeleton)
