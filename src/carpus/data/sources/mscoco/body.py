"""People of MS COCO with body, feet, hands and face: COCO-WholeBody 1.0, fits of NeuralAnnot."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from carpus.data.sources.mscoco import layout
from carpus.data.whole_body_fits import BODY_FITS, all_of, chosen_fits, numbered_fits, remedy_of
from carpus.data.whole_body_people import Layout, read_people
from carpus.data.whole_body_source import PeopleSource, find_file, there, with_usable_boxes
from carpus.geometry.person_boxes import xyxy_of
from carpus.skeletons import MSCOCO as JOINTS
from carpus.skeletons import Skeleton
from carpus.types import Field

_PARTS = tuple(layout.PART_BOXES)
_COLUMNS: Layout = {
    "bbox_xywh_px": ("f", 4),
    **{name: ("f", 3 * count) for name, count in layout.KEYPOINTS.items()},
    **dict.fromkeys(layout.PART_BOXES.values(), ("f", 4)),
    "parts": ("b", 3),
}
NO_FITS = "get NeuralAnnot's fits, or train on key points alone with dataset.fits=false"


class MSCOCO(PeopleSource):
    """A person in pixels: 134 joints, boxes of hands and face, and a fit with a camera of its own.

    Crowds and people without a key point of the body are left out. Validation images have no fits. Keys are
    ``train2017/000000000009/201376``.

    Args:
        root: the tree with ``annotations`` and ``images/train2017`` …
        split: ``train`` or ``val``.
        images: ``packed`` or ``tree``.
        fits: model of the training people's fits, ``smplx`` or ``smpl``; False for none.
    Raises:
        DataError: naming the file and the entry at fault.
        ConfigError: for fits of another model.
    """

    name: ClassVar[str] = "mscoco"
    skeleton: ClassVar[Skeleton] = JOINTS
    splits: ClassVar[tuple[str, ...]] = ("train", "val")
    about_counts: ClassVar[Mapping[str, int]] = {"train": 150_000, "val": 6_300}

    def __init__(
        self, root: str | Path, split: str, images: str = "packed", fits: str | bool = "smplx"
    ) -> None:
        super().__init__(root, split, images)
        model, self.made_with = chosen_fits(fits, self.name), {"fits": fits}
        self._base = layout.picture_folder(self.root, split)
        path = find_file(self.root, *layout.annotation_names(split))
        people = read_people(path, layout.IMAGES, layout.image_row, _COLUMNS, _person)
        self._people = with_usable_boxes(people)
        self._masks, self._fits = all_of(model or "smplx"), None
        if model is not None and split == "train":
            file = find_file(self.root, *layout.fit_names(model), hint=NO_FITS)
            self._fits = numbered_fits(file, model, self._people.people["id"], remedy_of(model))
            self._fit_rows = self._fits.rows(self._people.people["id"])

    @classmethod
    def annotation_files(cls, root: Path, split: str) -> list[Path]:
        """Key points, and the fits of training people."""
        models = BODY_FITS if split == "train" else ()
        fits = [file for model in models for file in there(root, *layout.fit_names(model))]
        return [*there(root, *layout.annotation_names(split)), *fits]

    def _key(self, index: int) -> str:
        return f"{self.split}2017/{super()._key(index)}"

    def _fields(self, index: int) -> dict[str, Field]:
        columns = self._people.people
        published = np.concatenate([columns[name][index] for name in layout.KEYPOINTS]).reshape(-1, 3)
        joints, valid = layout.merge_joints(published)
        parts = columns["parts"][index].astype(bool)
        boxes = np.stack([columns[name][index] for name in layout.PART_BOXES.values()])
        fields: dict[str, Field] = {
            **self._box_fields(index),
            "joints_px": joints,
            "joint_valid": valid,
            "part_boxes_xyxy_px": np.where(parts[:, None], xyxy_of(boxes), 0).astype(np.float32),
            "part_box_valid": parts,
        }
        if self._fits is not None:
            fields |= self._fits.fields(int(self._fit_rows[index]), self._masks, parts)
        return fields


def _person(item: Any) -> dict[str, Any] | None:
    """Columns of a person; None for a crowd, or one without a key point of the body."""
    if item["iscrowd"] or item["num_keypoints"] == 0:
        return None
    return {
        "bbox_xywh_px": item["bbox"],
        **{name: item[name] for name in layout.KEYPOINTS},
        **{name: item[name] for name in layout.PART_BOXES.values()},
        "parts": [int(bool(item[f"{part}_valid"])) for part in _PARTS],
    }
