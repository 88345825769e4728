"""MPII Human Pose: people with 16 key points, in COCO's form with NeuralAnnot's fits, or in mmpose's form."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from carpus.data.sources.interhand26m.annotations import Texts
from carpus.data.sources.interhand26m.json_stream import JsonStream
from carpus.data.sources.mscoco.body import NO_FITS
from carpus.data.whole_body_fits import Fits, chosen_fits, numbered_fits, of_limbs, remedy_of
from carpus.data.whole_body_people import Layout, People, Table, read_people
from carpus.data.whole_body_source import (
    PeopleSource,
    find_file,
    image_layout_wh,
    picture_wh,
    with_usable_boxes,
)
from carpus.errors import DataError
from carpus.skeletons import MPII as JOINTS
from carpus.skeletons import Skeleton
from carpus.types import Field

_COCO = ("data/annotations/train.json", "annotations/train.json")
_FOLDERS = ("data/annotations", "annotations")
_FITS = {"smplx": "MPII_train_SMPLX_NeuralAnnot.json", "smpl": "MPII_train_SMPL_NeuralAnnot.json"}
_COLUMNS: Layout = {"bbox_xywh_px": ("f", 4), "keypoints": ("f", 3 * len(JOINTS))}
_MMPOSE_SCALE_PX = 200.0
"""Height of a person of scale 1."""


class MPII(PeopleSource):
    """A person in pixels, and a fit with a camera of its own.

    Fits of SMPL-X count without the rotations of ankles and wrists, and without toes and heels. Test
    annotation is not published. Keys are ``images/015601864/<annotation's id>``.

    Args:
        root: the tree with ``data/annotations/train.json``, or its folder ``data``.
        split: ``train``.
        images: ``packed`` or ``tree``.
        fits: model of the fits, ``smplx`` or ``smpl``; False for none.
        annotation: another file of key points, below the root; a file of mmpose's form (a list of ``image``,
            ``joints``, ``joints_vis``, ``center``, ``scale``) is recognised. Its numbers count pixels from 1,
            and the box is the square of ``scale`` times 200 about ``center``.
    Raises:
        DataError: naming the file and the entry at fault.
        ConfigError: for fits of another model.
    """

    name: ClassVar[str] = "mpii"
    skeleton: ClassVar[Skeleton] = JOINTS
    splits: ClassVar[tuple[str, ...]] = ("train",)
    about_counts: ClassVar[Mapping[str, int]] = {"train": 28_000}

    def __init__(
        self,
        root: str | Path,
        split: str,
        images: str = "packed",
        fits: str | bool = "smplx",
        annotation: str | None = None,
    ) -> None:
        super().__init__(root, split, images)
        model, self.made_with = chosen_fits(fits, self.name), {"fits": fits}
        path = find_file(self.root, *((annotation,) if annotation else _COCO))
        folder = path.parent.parent.relative_to(self.root) if path.parent != self.root else Path()
        self._base = "" if folder == Path() else f"{folder}/"
        if is_list(path):
            people = _of_mmpose(path, self.root / self._base)
        else:
            people = read_people(path, {"image_wh": ("q", 2)}, _image, _COLUMNS, _person)
        self._people = with_usable_boxes(people)
        self._masks = of_limbs(model or "smplx")
        self._fits: Fits | None = None
        if model is not None:
            file = find_file(self.root, *(f"{folder}/{_FITS[model]}" for folder in _FOLDERS), hint=NO_FITS)
            self._fits = numbered_fits(file, model, self._people.people["id"], remedy_of(model))
            self._fit_rows = self._fits.rows(self._people.people["id"])

    @classmethod
    def annotation_files(cls, root: Path, split: str) -> list[Path]:
        """Key points and fits, under whatever name."""
        return next((files for folder in _FOLDERS if (files := sorted((root / folder).glob("*.json")))), [])

    def _fields(self, index: int) -> dict[str, Field]:
        points = self._people.people["keypoints"][index].reshape(-1, 3)
        fields: dict[str, Field] = {
            **self._box_fields(index),
            "joints_px": points[:, :2].copy(),
            "joint_valid": points[:, 2] > 0,
        }
        if self._fits is not None:
            fields |= self._fits.fields(int(self._fit_rows[index]), self._masks)
        return fields


def is_list(path: Path) -> bool:
    """Whether a JSON file holds a list rather than an object."""
    with path.open(encoding="utf-8") as file:
        return file.read(64).lstrip().startswith("[")


def _image(item: Any) -> dict[str, Any]:
    return {"image_wh": image_layout_wh(item)}


def _person(item: Any) -> dict[str, Any]:
    return {"bbox_xywh_px": item["bbox"], "keypoints": item["keypoints"]}


def _of_mmpose(path: Path, base: Path) -> People:
    """People of mmpose's list; annotations have their place in it as id, pictures are read for their size."""
    names, places = Texts(), dict[str, int]()
    images, people = (
        Table({"id": ("q", 1), "image_wh": ("q", 2)}),
        Table({"id": ("q", 1), "image": ("q", 1), **_COLUMNS}),
    )
    with JsonStream(path) as stream:
        for number, item in enumerate(stream.values()):
            try:
                name = f"images/{item['image']}"
                if name not in places:
                    places[name] = len(places)
                    images.add({"id": places[name], "image_wh": picture_wh(base / name)})
                    names.append(name)
                people.add({"id": number, "image": places[name], **_mmpose_person(item)})
            except (KeyError, TypeError, ValueError) as error:
                what = f"has no {error}" if isinstance(error, KeyError) else str(error)
                raise DataError(f"{path}: number {number} of the list: {what}") from None
    return People(path, names, images.arrays(), people.arrays())


def _mmpose_person(item: Any) -> dict[str, Any]:
    points = np.asarray(item["joints"], np.float64) - 1
    size = float(item["scale"]) * _MMPOSE_SCALE_PX
    center = np.asarray(item["center"], np.float64) - 1
    seen = np.asarray(item["joints_vis"], np.float64)
    return {
        "bbox_xywh_px": [*(center - size / 2), size, size],
        "keypoints": np.column_stack([points, seen]).reshape(-1).tolist(),
    }
