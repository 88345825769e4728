"""STB: all sequences of the published tree that are there, of one of its cameras."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

import numpy as np

from carpus.data.rgb_images import picture_size
from carpus.data.rgb_source import RgbSource, column_of
from carpus.data.sources.base import Column, check_joints, read_bytes
from carpus.data.sources.hand_fields import box_fields, depth_fields
from carpus.data.sources.stb import layout
from carpus.data.sources.stb.labels import (
    read_labels,
    to_colour_camera,
    to_right_camera,
    with_wrist,
)
from carpus.data.store import Store
from carpus.errors import ConfigError, DataError, unknown
from carpus.skeletons import STB_HAND, Skeleton
from carpus.types import Field, Record

log = logging.getLogger(__name__)

_LEFT = np.array([False, True])


class STB(RgbSource):
    """A left hand in millimetres; the hand's depth where it was downloaded.

    Keys are ``B1Counting/SK/0000``. Joints have the published order (:data:`carpus.skeletons.STB_HAND`), but
    the wrist in the place of the palm's centre.

    Args:
        root: the tree with ``labels`` and ``images``, or with the sequences' folders themselves.
        split: ``all``.
        images: ``packed``, or anything else to leave the pictures where they are; depth is packed.
        camera: ``sk`` the RealSense's colour camera; ``bb_left`` and ``bb_right`` of the stereo pair.
        wrist: one of :data:`carpus.data.sources.stb.labels.WRISTS`.
    Raises:
        DataError: naming the file, or the sequence STB does not have.
    """

    name: ClassVar[str] = "stb"
    skeleton: ClassVar[Skeleton] = STB_HAND
    splits: ClassVar[tuple[str, ...]] = ("all",)
    expected_counts: ClassVar[Mapping[str, int]] = {"all": len(layout.SEQUENCES) * layout.FRAMES}

    def __init__(
        self,
        root: str | Path,
        split: str = "all",
        images: str = "packed",
        camera: str = "sk",
        wrist: str = "middle",
    ) -> None:
        super().__init__(root, split, images)
        if camera not in layout.CAMERAS:
            raise ConfigError(unknown("dataset.camera", camera, layout.CAMERAS))
        self.view, self.wrist = camera, wrist
        self._rig, self._picture = layout.CAMERAS[camera]
        self._camera = layout.SK_COLOUR if self._rig == "SK" else layout.BB
        names = self._sequences()
        parts = [self._read(name) for name in names]
        self._joints = np.concatenate(parts).astype(np.float32)
        numbers = [layout.SEQUENCES.index(name) for name in names]
        self._sequence = np.repeat(numbers, [len(part) for part in parts])
        self._frame = np.concatenate([np.arange(len(part)) for part in parts])
        self._pixels = self._camera.project(np.concatenate(parts)).astype(np.float32)
        check_joints(self._joints, self.locate)

    @classmethod
    def annotation_files(cls, root: Path, split: str) -> list[Path]:
        """Label files of both rigs."""
        paths = [layout.labels(root, name, rig) for name in layout.SEQUENCES for rig in ("SK", "BB")]
        return [path for path in paths if path.is_file()]

    @classmethod
    def describe(cls, store: Store) -> dict[str, int | float | str]:
        """Frames of every sequence, and of how many depth is there."""
        counts = np.bincount(column_of(store, "sequence"), minlength=len(layout.SEQUENCES))
        known = {name: int(count) for name, count in zip(layout.SEQUENCES, counts, strict=True) if count}
        return {**known, "frames with depth": int(np.sum(column_of(store, "depth")))}

    @property
    def group_counts(self) -> tuple[int, ...]:
        """All frames are one group."""
        return (len(self),)

    @property
    def lines(self) -> int:
        """Number of frames."""
        return len(self._frame)

    def __len__(self) -> int:
        return len(self._frame)

    def __getitem__(self, index: int) -> Record:
        path = self._path(index)
        images: dict[str, bytes] = {}
        size = None
        if self.images == "packed":
            images["rgb"] = read_bytes(path)
            size = self._size(images["rgb"], path)
        if self._has_depth(index):
            depth = self._path(index, layout.DEPTH)
            images["depth"] = read_bytes(depth)
            if (found := self._size(images["depth"], depth)) != (size or found):
                raise DataError(f"{depth}: {found[0]} x {found[1]} pixels, its picture has {size}")
        valid, pixels = np.ones(len(STB_HAND), bool), self._pixels[index]
        fields: dict[str, Field] = {
            "image": path.relative_to(self.root).as_posix(),
            "camera": self._camera.to_array(),
            **depth_fields(self._joints[index], (STB_HAND.root,), _LEFT),
            "joints_px": pixels,
            "joint_valid": valid,
            "hand_type": _LEFT.copy(),
            "hand_type_valid": 1,
            **box_fields(pixels, valid, valid),
            "seq": layout.SEQUENCES[self._sequence[index]],
            "frame": int(self._frame[index]),
        }
        if size is not None:
            fields["image_wh"] = np.array(size, np.int64)
        if "depth" in images:
            fields["depth_coding"] = "stb_png"
        key = f"{fields['seq']}/{self._picture}/{self._frame[index]:04d}"
        return Record(key, images, fields)

    def columns(self, index: int) -> dict[str, Column]:
        """``line`` in published order, ``group`` 0, ``sequence``, ``frame``, whether there is ``depth``."""
        return {
            "line": index,
            "group": 0,
            "sequence": int(self._sequence[index]),
            "frame": int(self._frame[index]),
            "depth": int(self._has_depth(index)),
        }

    def locate(self, index: int) -> str:
        """The label file and the frame."""
        name = layout.SEQUENCES[self._sequence[index]]
        return f"{layout.labels(self.root, name, self._rig)}: frame {self._frame[index]}"

    def _path(self, index: int, kind: str = "") -> Path:
        folder = self.root / layout.pictures(self.root) / layout.SEQUENCES[self._sequence[index]]
        return folder / f"{kind or self._picture}_{self._frame[index]}.png"

    def _has_depth(self, index: int) -> bool:
        """Depth belongs to the SK's colour camera, and is a download of its own."""
        return self._rig == "SK" and self._path(index, layout.DEPTH).is_file()

    def _size(self, data: bytes, path: Path) -> tuple[int, int]:
        try:
            return picture_size(data)
        except DataError as error:
            raise DataError(f"{path}: {error}") from None

    def _sequences(self) -> list[str]:
        names = layout.sequences(self.root)
        if not names:
            folder = self.root / layout.pictures(self.root)
            raise DataError(
                f"{folder}: no folder of a sequence ({layout.SEQUENCES[0]} … {layout.SEQUENCES[-1]}) in it"
            )
        absent = [
            name
            for name in layout.SEQUENCES
            if name not in names and layout.labels(self.root, name, self._rig).is_file()
        ]
        if absent:
            log.warning("stb: labels but no pictures of %s in %s: left out", ", ".join(absent), self.root)
        return names

    def _read(self, name: str) -> np.ndarray:
        """``(N, 21, 3)`` of a sequence in the picture's camera, wrist first."""
        published = read_labels(layout.labels(self.root, name, self._rig))
        if self._rig == "SK":
            published = to_colour_camera(published)
        elif self.view == "bb_right":
            published = to_right_camera(published)
        return with_wrist(published, self.wrist)
