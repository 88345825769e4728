"""FFHQ: faces with 73 key points and the FLAME fits of NeuralAnnot."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from carpus.data.sources.mscoco.body import NO_FITS
from carpus.data.whole_body_fits import Fits, all_of, numbered_fits
from carpus.data.whole_body_people import Layout, read_people
from carpus.data.whole_body_source import PeopleSource, find_file, image_layout_wh, there, with_usable_boxes
from carpus.skeletons import FLAME_73, Skeleton
from carpus.types import Field

_FOLDERS = ("data/", "", "annotations/")
_FILE = tuple(f"{folder}FFHQ.json" for folder in _FOLDERS)
_FITS = tuple(
    f"{folder}{name}" for name in ("flame_param.json", "FFHQ_FLAME_NeuralAnnot.json") for folder in _FOLDERS
)
_JOINTS = len(FLAME_73)
_COLUMNS: Layout = {
    "bbox_xywh_px": ("f", 4),
    "keypoints": ("f", 2 * _JOINTS),
    "keypoints_valid": ("b", _JOINTS),
}


class FFHQ(PeopleSource):
    """A face in pixels, and a FLAME fit with a camera of its own. Keys are ``00000/<annotation's id>``.

    Args:
        root: the tree with ``data/FFHQ.json`` and ``images`` beside it, or its folder ``data``.
        split: ``train``.
        images: ``packed`` or ``tree``.
        fits: whether faces have fits.
    Raises:
        DataError: naming the file and the entry at fault.
    """

    name: ClassVar[str] = "ffhq"
    skeleton: ClassVar[Skeleton] = FLAME_73
    splits: ClassVar[tuple[str, ...]] = ("train",)
    about_counts: ClassVar[Mapping[str, int]] = {"train": 70_000}

    def __init__(self, root: str | Path, split: str, images: str = "packed", fits: bool = True) -> None:
        super().__init__(root, split, images)
        path = find_file(self.root, *_FILE)
        self._base = f"{path.parent.relative_to(self.root).as_posix()}/images/".removeprefix("./")
        self._people = with_usable_boxes(
            read_people(path, {"image_wh": ("q", 2)}, _image, _COLUMNS, _person), "faces"
        )
        self._masks = all_of("flame")
        self._fits: Fits | None = None
        if fits:
            file = find_file(self.root, *_FITS, hint=NO_FITS)
            self._fits = numbered_fits(file, "flame", self._people.people["id"])
            self._fit_rows = self._fits.rows(self._people.people["id"])

    @classmethod
    def annotation_files(cls, root: Path, split: str) -> list[Path]:
        """Key points and fits."""
        return [*there(root, *_FILE), *there(root, *_FITS)]

    def _fields(self, index: int) -> dict[str, Field]:
        columns = self._people.people
        fields: dict[str, Field] = {
            **self._box_fields(index),
            "joints_px": columns["keypoints"][index].reshape(-1, 2).copy(),
            "joint_valid": columns["keypoints_valid"][index] > 0,
        }
        if self._fits is not None:
            fields |= self._fits.fields(int(self._fit_rows[index]), self._masks)
        return fields


def _image(item: Any) -> dict[str, Any]:
    return {"image_wh": image_layout_wh(item)}


def _person(item: Any) -> dict[str, Any]:
    valid = [int(float(flag) > 0) for flag in np.ravel(item["keypoints_valid"]).tolist()]
    return {"bbox_xywh_px": item["bbox"], "keypoints": item["keypoints"], "keypoints_valid": valid}
