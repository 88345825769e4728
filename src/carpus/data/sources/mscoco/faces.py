"""Faces of the people of MS COCO: COCO-WholeBody 1.0, FLAME fits of NeuralAnnot."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from carpus.data.sources.mscoco import layout
from carpus.data.sources.mscoco.body import NO_FITS
from carpus.data.whole_body_fits import Fits, all_of, numbered_fits
from carpus.data.whole_body_people import Layout, read_people
from carpus.data.whole_body_source import PeopleSource, find_file, there, with_usable_boxes
from carpus.skeletons import FLAME_73, MSCOCO, Skeleton
from carpus.skeletons.whole_body_pose import matching
from carpus.types import Field

_POINTS = layout.KEYPOINTS["face_kpts"]
_COLUMNS: Layout = {"bbox_xywh_px": ("f", 4), "points": ("f", 3 * _POINTS)}
# Where the model's joints stand among the published points, which are the last of a person; below 0: nowhere.
_PLACES = matching(MSCOCO, FLAME_73) - (len(MSCOCO) - _POINTS)


class MSCOCOFaces(PeopleSource):
    """A face in pixels, in the joints of FLAME, and its FLAME fit with a camera of its own.

    Every person with a valid box of the face gives one record. The five joints inside the head are not
    labelled. Validation images have no fits. Keys are ``train2017/000000000009/201376``.

    Args:
        root: the tree with ``annotations`` and ``images/train2017`` …
        split: ``train`` or ``val``.
        images: ``packed`` or ``tree``.
        fits: whether training faces have fits.
    Raises:
        DataError: naming the file and the entry at fault.
    """

    name: ClassVar[str] = "mscoco_face"
    skeleton: ClassVar[Skeleton] = FLAME_73
    splits: ClassVar[tuple[str, ...]] = ("train", "val")

    def __init__(self, root: str | Path, split: str, images: str = "packed", fits: bool = True) -> None:
        super().__init__(root, split, images)
        self._base = layout.picture_folder(self.root, split)
        path = find_file(self.root, *layout.annotation_names(split))
        people = read_people(path, layout.IMAGES, layout.image_row, _COLUMNS, _person)
        # Those without a face were never records.
        self._people = with_usable_boxes(replace(people, left_out=0), "faces")
        self._masks = all_of("flame")
        self._fits: Fits | None = None
        if fits and split == "train":
            file = find_file(self.root, *layout.fit_names("flame"), hint=NO_FITS)
            self._fits = numbered_fits(file, "flame", self._people.people["id"])
            self._fit_rows = self._fits.rows(self._people.people["id"])

    @classmethod
    def annotation_files(cls, root: Path, split: str) -> list[Path]:
        """Key points, and the fits of training faces."""
        fits = there(root, *layout.fit_names("flame")) if split == "train" else []
        return [*there(root, *layout.annotation_names(split)), *fits]

    def _key(self, index: int) -> str:
        return f"{self.split}2017/{super()._key(index)}"

    def _fields(self, index: int) -> dict[str, Field]:
        points = self._people.people["points"][index].reshape(-1, 3)[_PLACES.clip(min=0)]
        valid = (_PLACES >= 0) & (points[:, 2] > 0)
        fields: dict[str, Field] = {
            **self._box_fields(index),
            "joints_px": np.where(_PLACES[:, None] >= 0, points[:, :2], np.float32(0)),
            "joint_valid": valid,
        }
        if self._fits is not None:
            fields |= self._fits.fields(int(self._fit_rows[index]), self._masks)
        return fields


def _person(item: Any) -> dict[str, Any] | None:
    """Columns of a face; None for a person without one."""
    if not item["face_valid"]:
        return None
    return {"bbox_xywh_px": item["face_box"], "points": item["face_kpts"]}
