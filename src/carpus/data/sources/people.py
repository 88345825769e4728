"""Pictures of one's own with boxes of people and nothing else: what inference needs."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from carpus.data.sources.interhand26m.annotations import Texts
from carpus.data.sources.interhand26m.json_stream import JsonStream
from carpus.data.sources.mpii import is_list
from carpus.data.whole_body_people import BOX, Layout, People, Table, flat, read_people
from carpus.data.whole_body_source import PeopleSource, find_file, picture_wh, there
from carpus.errors import ConfigError, DataError, unknown
from carpus.geometry.person_boxes import clip_box
from carpus.skeletons import SMPLX_137, Skeleton
from carpus.types import Field

FILES = ("people.json", "annotations/people.json", "data/people.json")
PARTS = ("body", "left_hand", "right_hand", "face")
"""What the boxes are about."""
_IMAGES: Layout = {"known": ("b", 1)}


class CustomPeople(PeopleSource):
    """A picture and a box, and nothing that could be scored. Keys are ``<picture>/<id or number>``.

    The file is of COCO's form (``images`` of ``id`` and ``file_name``, ``annotations`` of ``id``,
    ``image_id`` and ``bbox`` xywh), or an object from file names to lists of boxes, each four numbers or
    ``{"bbox": [x, y, w, h]}``.

    Args:
        root: folder of the file and of the pictures it names.
        split: ``test``.
        images: ``packed`` or ``tree``.
        annotation: the file below the root; ``people.json`` by default.
        part: one of :data:`PARTS`; records of hands say their side.
    Raises:
        DataError: naming the file and the entry at fault, such as a box outside its picture.
        ConfigError: for another part.
    """

    name: ClassVar[str] = "people"
    skeleton: ClassVar[Skeleton] = SMPLX_137
    splits: ClassVar[tuple[str, ...]] = ("test",)

    def __init__(
        self,
        root: str | Path,
        split: str = "test",
        images: str = "packed",
        annotation: str | None = None,
        part: str = "body",
    ) -> None:
        super().__init__(root, split, images)
        if part not in PARTS:
            raise ConfigError(unknown("dataset.part", part, PARTS))
        self.part = part
        path = find_file(
            self.root,
            *((annotation,) if annotation else FILES),
            hint='write {"picture.jpg": [[x, y, width, height]]}',
        )
        self._people = _read(path)
        if not len(self._people):
            raise DataError(f"{path}: no box in it")

    @classmethod
    def annotation_files(cls, root: Path, split: str) -> list[Path]:
        """The file of boxes; another one named by ``annotation`` is told apart by that."""
        return there(root, *FILES)

    def _fields(self, index: int) -> dict[str, Field]:
        image, box = self._image(index), self._people.people["bbox_xywh_px"][index].copy()
        size = np.array(picture_wh(self.root / image), np.int64)
        if not np.isfinite(clip_box(box, size)).all():
            raise DataError(
                f"{self._people.locate(index)}: box {box.tolist()} (left, top, width, height) lies outside "
                f"the picture of {size[0]} x {size[1]}, or is empty"
            )
        fields: dict[str, Field] = {
            "image": image,
            "image_wh": size,
            "bbox_xywh_px": box,
            "box_ready": 0,
            "annot_id": int(self._people.people["id"][index]),
        }
        if self.part.endswith("hand"):
            fields["hand_type"] = np.array([self.part == "right_hand", self.part == "left_hand"])
        return fields


def _read(path: Path) -> People:
    if is_list(path):
        raise DataError(
            f"{path} holds a list; an object of images and annotations, or of file names, is expected"
        )
    with JsonStream(path) as stream:
        coco = next(iter(stream.members()), "") in ("images", "annotations", "info", "licenses", "categories")
    if coco:
        return read_people(
            path, _IMAGES, lambda item: {"known": 1}, BOX, lambda item: {"bbox_xywh_px": item["bbox"]}
        )
    names, boxes = Texts(), Table({"id": ("q", 1), "image": ("q", 1), **BOX})
    with JsonStream(path) as stream:
        for name in stream.members():
            for number, entry in enumerate(_entries(stream.value(), path, name)):
                box = entry.get("bbox") if isinstance(entry, dict) else entry
                try:
                    values = [float(value) for value in flat(box)]
                    boxes.add({"id": number, "image": len(names), "bbox_xywh_px": values})
                except (TypeError, ValueError):
                    raise DataError(f"{path}: box {number} of '{name}' is not four numbers: {box}") from None
            names.append(name)
    count = len(names)
    images = {"id": np.arange(count), "known": np.ones(count, np.int8)}
    return People(path, names, images, boxes.arrays())


def _entries(value: Any, path: Path, name: str) -> list[Any]:
    if not isinstance(value, list):
        raise DataError(f"{path}: '{name}' must name a list of boxes, not {value!r}")
    return value
