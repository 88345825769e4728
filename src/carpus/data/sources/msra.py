"""MSRA hand gestures (Sun et al., CVPR 2015): nine subjects, seventeen gestures, both releases."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np

from carpus.data.sources.base import Column, DepthSource, check_joints, read_bytes, tree_fingerprint
from carpus.data.sources.releases import RELEASES, release_of
from carpus.data.sources.text import read_labels
from carpus.errors import DataError
from carpus.geometry.camera import Camera
from carpus.skeletons import MSRA as SKELETON
from carpus.types import Field

GESTURES = ("1", "2", "3", "4", "5", "6", "7", "8", "9", "I", "IP", "L", "MP", "RP", "T", "TIP", "Y")
_FRAME = re.compile(r"\d{6}_depth\.bin")
_MISMATCHES_SHOWN = 12


class MSRA(DepthSource):
    """``P0 … P8 / <gesture> / joint.txt, NNNNNN_depth.bin``.

    Args:
        root: the folder that holds ``P0``.
        split: ``all`` (the store), or ``train`` / ``test`` of one fold.
        test_subject: the fold: its subject is ``test``, the others are ``train``.
        subjects: subjects the tree holds.
    Raises:
        DataError: if header, lines and files of a gesture do not agree, as a table of all that differ.
    """

    name = "msra"
    skeleton = SKELETON
    splits = ("all",)
    expected_counts: ClassVar = {"all": sum(RELEASES["newer"])}
    selectors = ("root", "split", "test_subject")
    camera = Camera(241.42, 241.42, 160.0, 120.0)
    image_size = (320, 240)
    y_up = True

    def __init__(
        self,
        root: str | Path,
        split: str = "all",
        test_subject: int = 3,
        subjects: Sequence[int] = tuple(range(9)),
    ) -> None:
        root = Path(root)
        super().__init__(root / "db" if (root / "db").is_dir() else root, split)
        keep = {
            "all": lambda s: True,
            "test": lambda s: s == test_subject,
            "train": lambda s: s != test_subject,
        }
        self.subjects = [s for s in subjects if keep[split](s)]
        self._check_counts()
        joints, subject, gesture, frame = [], [], [], []
        for s in self.subjects:
            for g in range(len(GESTURES)):
                joints.append(self._read_gesture(s, g))
                subject.append(np.full(len(joints[-1]), s, np.uint8))
                gesture.append(np.full(len(joints[-1]), g, np.uint8))
                frame.append(np.arange(len(joints[-1]), dtype=np.int64))
        self._joints = np.concatenate(joints)
        self._subject, self._gesture = np.concatenate(subject), np.concatenate(gesture)
        self._line = np.concatenate(frame)

    @classmethod
    def extra_splits(cls) -> tuple[str, ...]:
        """The two sides of a fold."""
        return ("train", "test")

    def columns(self, index: int) -> dict[str, Column]:
        """``line`` (the frame in its gesture), ``subject``, ``gesture`` (its place in :data:`GESTURES`)."""
        return {
            "line": int(self._line[index]),
            "subject": int(self._subject[index]),
            "gesture": int(self._gesture[index]),
        }

    def fingerprint(self) -> str:
        """Hash of every ``joint.txt`` and of the folders' listings."""
        folders = [self.root / f"P{s}" / g for s in self.subjects for g in GESTURES]
        return tree_fingerprint(self.root, [folder / "joint.txt" for folder in folders], folders)

    def _key(self, index: int) -> str:
        return f"P{self._subject[index]}/{GESTURES[self._gesture[index]]}/{self._line[index]:06d}"

    def _path(self, index: int) -> Path:
        return self.root / f"{self._key(index)}_depth.bin"

    def _read(self, index: int) -> tuple[dict[str, bytes], str]:
        return {"depth": read_bytes(self._path(index))}, "msra_bin"

    def _extras(self, index: int) -> dict[str, Field]:
        return {"subject": int(self._subject[index]), "gesture": GESTURES[self._gesture[index]]}

    def _check_counts(self) -> None:
        rows, totals = [], dict.fromkeys(self.subjects, 0)
        for s in self.subjects:
            for g in GESTURES:
                header, lines, files, highest = count_gesture(self.root / f"P{s}" / g)
                totals[s] += files
                if not header == lines == files == highest:
                    rows.append((f"P{s}/{g}", header, lines, files, highest))
        if not rows:
            return
        table = [f"{'gesture':>8} {'header':>7} {'lines':>7} {'files':>7} {'last+1':>7}"]
        table += [f"{r[0]:>8} {r[1]:>7} {r[2]:>7} {r[3]:>7} {r[4]:>7}" for r in rows[:_MISMATCHES_SHOWN]]
        if len(rows) > _MISMATCHES_SHOWN:
            table.append(f"… and {len(rows) - _MISMATCHES_SHOWN} more")
        raise DataError(
            f"{self.root}: joint.txt and depth files disagree in {len(rows)} gesture(s), first {rows[0][0]}; "
            f"by its files this is {release_of(list(totals.values()))}. Copy the gesture anew.\n"
            + "\n".join(table)
        )

    def _read_gesture(self, subject: int, gesture: int) -> np.ndarray:
        """``(n, 21, 3)`` joints in Carpus' frame; the file stores z negated and y up."""
        path = self.root / f"P{subject}" / GESTURES[gesture] / "joint.txt"
        _, values = read_labels(path, 3 * len(self.skeleton), named=False, header=1)
        joints = self.to_cam_mm(values.reshape(-1, len(self.skeleton), 3) * (1, 1, -1))
        check_joints(joints, lambda row: f"{path}, line {row + 2}")
        return joints


def count_gesture(folder: Path) -> tuple[int, int, int, int]:
    """Frames of a gesture by the header, lines, files and highest file number of its folder.

    Raises:
        DataError: if the folder, its ``joint.txt`` or the header is missing.
    """
    path = folder / "joint.txt"
    try:
        text = path.read_bytes().split(b"\n")
        names = [entry.name for entry in os.scandir(folder) if _FRAME.fullmatch(entry.name)]
    except FileNotFoundError:
        missing = folder if not folder.is_dir() else path
        raise DataError(
            f"{missing} is missing: MSRA has P0 … P8, each with {len(GESTURES)} gestures"
        ) from None
    try:
        header = int(text[0])
    except ValueError:
        raise DataError(f"{path}, line 1: the number of frames is expected, got {text[0][:40]!r}") from None
    highest = 1 + max((int(name[:6]) for name in names), default=-1)
    return header, sum(1 for line in text[1:] if line.strip()), len(names), highest
