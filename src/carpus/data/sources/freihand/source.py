"""FreiHAND: one split of the published tree, or of mmpose's keypoints."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

import numpy as np

from carpus.data.rgb_images import picture_size
from carpus.data.rgb_source import RgbSource
from carpus.data.sources.base import Column, read_bytes
from carpus.data.sources.freihand import layout
from carpus.data.sources.freihand.labels import read_labels
from carpus.data.sources.hand_fields import box_fields, depth_fields
from carpus.errors import ConfigError, DataError, unknown
from carpus.skeletons import FREIHAND_HAND, Skeleton
from carpus.types import Field, Record

VERTICES = ("test", "all", "none")
"""Which split's records have the hand's vertices; 9 kB each."""
_RIGHT = np.array([True, False])


class FreiHAND(RgbSource):
    """A right hand in millimetres, its silhouette and MANO parameters, as far as they are published.

    Keys are ``training/00017620``. Pictures 32,560 apart show the same hand before other backgrounds and have
    the same value in the column ``pose``. A picture without labels (of an evaluation split without
    ``evaluation_xyz.json``) has no joints, and the whole picture as its box.

    Args:
        root: the tree with ``training_K.json`` …, or with mmpose's annotation.
        split: ``train`` (published: training) or ``test`` (evaluation).
        images: ``packed``, or anything else to leave the pictures where they are; masks are packed.
        vertices: one of :data:`VERTICES`.
    Raises:
        DataError: naming the file and the entry at fault.
    """

    name: ClassVar[str] = "freihand"
    skeleton: ClassVar[Skeleton] = FREIHAND_HAND
    splits: ClassVar[tuple[str, ...]] = tuple(layout.PUBLISHED)
    expected_counts: ClassVar[Mapping[str, int]] = layout.COUNTS

    def __init__(self, root: str | Path, split: str, images: str = "packed", vertices: str = "test") -> None:
        super().__init__(root, split, images)
        if vertices not in VERTICES:
            raise ConfigError(unknown("dataset.vertices", vertices, VERTICES))
        self.vertices = vertices
        self._labels = read_labels(self.root, split, vertices in (split, "all"))
        self._masked = (self.root / layout.picture(split, 0, "mask")).parent.is_dir()

    @classmethod
    def annotation_files(cls, root: Path, split: str) -> list[Path]:
        """The publisher's JSON files, or else the COCO-like one."""
        path = layout.annotation(root, split)
        if path == layout.labels(root, split, "K"):
            return [f for kind in layout.KINDS if (f := layout.labels(root, split, kind)).is_file()]
        return [path] if path.is_file() else []

    @property
    def group_counts(self) -> tuple[int, ...]:
        """All pictures are one group."""
        return (len(self),)

    @property
    def lines(self) -> int:
        """Number of pictures."""
        return len(self._labels)

    def __len__(self) -> int:
        return len(self._labels)

    def __getitem__(self, index: int) -> Record:
        image, pose = self._labels.images[index], int(self._labels.pose[index])
        images, size = self._files(image, pose)
        fields: dict[str, Field] = {
            "image": image,
            "image_wh": size,
            "hand_type": _RIGHT.copy(),
            "hand_type_valid": 1,
            **self._joint_fields(pose, size),
            **self._model_fields(pose),
            "pose": int(self._labels.group[index]),
        }
        if self._labels.camera is not None:
            fields["camera"] = self._labels.camera[pose]
        return Record(f"{layout.PUBLISHED[self.split]}/{Path(image).stem}", images, fields)

    def columns(self, index: int) -> dict[str, Column]:
        """``line`` in published order, ``group`` 0, ``pose``: which pictures show the same hand."""
        return {"line": index, "group": 0, "pose": int(self._labels.group[index])}

    def locate(self, index: int) -> str:
        """The label file and the picture."""
        return f"{self._labels.path}: {self._labels.images[index]}"

    def _files(self, image: str, pose: int) -> tuple[dict[str, bytes], np.ndarray]:
        """Picture and silhouette, and their size; all backgrounds of a hand share its silhouette."""
        wanted = {"rgb": image} if self.images == "packed" else {}
        if self._masked:
            wanted["mask"] = layout.picture(self.split, pose, "mask")
        found: dict[str, bytes] = {}
        sizes: dict[str, tuple[int, int]] = {}
        for name, path in wanted.items():
            found[name] = read_bytes(self.root / path)
            try:
                sizes[path] = picture_size(found[name])
            except DataError as error:
                raise DataError(f"{self.root / path}: {error}") from None
        if len(set(sizes.values())) > 1:
            told = ", ".join(f"{path} {width} x {height}" for path, (width, height) in sizes.items())
            raise DataError(f"files of one picture differ in size: {told}")
        return found, np.array(next(iter(sizes.values()), layout.SIZE_WH), np.int64)

    def _joint_fields(self, pose: int, size: np.ndarray) -> dict[str, Field]:
        labels = self._labels
        if labels.joints_px is None:
            whole = np.array([0, 0, *size], np.float32)
            return {"bbox_xywh_px": whole, "crop_xywh_px": whole.copy()}
        valid = np.ones(len(FREIHAND_HAND), bool)
        fields: dict[str, Field] = {
            "joints_px": labels.joints_px[pose],
            "joint_valid": valid,
            "joint_visible": labels.visible[pose],
            **box_fields(labels.joints_px[pose], valid, labels.visible[pose]),
        }
        if "xyz" in labels.values:
            fields |= depth_fields(labels.values["xyz"][pose], (FREIHAND_HAND.root,), _RIGHT)
        return fields

    def _model_fields(self, pose: int) -> dict[str, Field]:
        """What the publisher fitted; MANO parameters as pairs of hands have them, the left hand's zero."""
        values, fields = self._labels.values, dict[str, Field]()
        if "scale" in values:
            fields["scale_mm"] = float(values["scale"][pose]) * 1000.0
        if "mano" in values:
            numbers = values["mano"][pose]
            for name, part in (("mano_pose", numbers[:48]), ("mano_shape", numbers[48:58])):
                fields[name] = np.stack([part, np.zeros_like(part)])
            fields["mano_fitted"], fields["mano_valid"] = _RIGHT.copy(), 1
            fields["mano_root_px"], fields["mano_scale"] = numbers[58:60].copy(), float(numbers[60])
        if "verts" in values:
            fields["vertices_cam_mm"] = values["verts"][pose]
        return fields
