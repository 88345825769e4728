"""Faces of the people of MS COCO: COCO-WholeBody 1.0, FLAME fits of NeuralAnnot."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from carpus.data.sources.mscoco import layout
from carpus.data.sources.mscoco.parts import CocoParts
from carpus.data.whole_body_fits import Fits, numbered_fits
from carpus.data.whole_body_people import Layout, People, read_people
from carpus.skeletons import FLAME_73, MSCOCO, Skeleton
from carpus.skeletons.whole_body_pose import matching
from carpus.types import Field

_POINTS = layout.KEYPOINTS["face_kpts"]
_COLUMNS: Layout = {"bbox_xywh_px": ("f", 4), "points": ("f", 3 * _POINTS)}
# Where the model's joints stand among the published points, which are the last of a person; below 0: nowhere.
_PLACES = matching(MSCOCO, FLAME_73) - (len(MSCOCO) - _POINTS)


class MSCOCOFaces(CocoParts):
    """A face in pixels, in the joints of FLAME, and its FLAME fit.

    Every person with a valid box of the face gives one record. The five joints inside the head are not
    labelled. Keys are ``train2017/000000000009/201376``.
    """

    name: ClassVar[str] = "mscoco_face"
    page: ClassVar[str] = "mscoco"
    skeleton: ClassVar[Skeleton] = FLAME_73
    model: ClassVar[str] = "flame"
    plural: ClassVar[str] = "faces"

    @staticmethod
    def _read(path: Path) -> People:
        people = read_people(path, layout.IMAGES, layout.image_row, _COLUMNS, _person)
        # Those without a face were never records.
        return replace(people, left_out=0)

    @staticmethod
    def _codes(people: People) -> np.ndarray:
        return people.people["id"]

    @staticmethod
    def _read_fits(path: Path, codes: np.ndarray) -> Fits:
        return numbered_fits(path, "flame", codes)

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
