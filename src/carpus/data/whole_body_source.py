"""What a published tree of people (or of their hands or faces) must offer beside records."""

from __future__ import annotations

import logging
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from carpus.data.rgb_images import picture_size
from carpus.data.rgb_source import RgbSource
from carpus.data.sources.base import Column, read_bytes
from carpus.data.store import Store
from carpus.data.whole_body_fits import fits_read
from carpus.data.whole_body_people import People
from carpus.errors import DataError
from carpus.geometry.person_boxes import clip_box
from carpus.types import Field, Record

log = logging.getLogger(__name__)

PICTURES = ("packed", "tree")
"""``packed``: the store holds them; ``tree``: they stay where they are published."""
_FAR_OFF = 1.25


class WholeBodySource(RgbSource):
    """Pictures of people; a record is one person, one hand or one face.

    Records have the field ``image``, the picture's path below the root, ``image_wh`` ``(2,)``, the published
    box ``bbox_xywh_px`` ``(4,)`` and ``box_ready`` (1: the crop is that box as it is). What a dataset has
    beside them: ``joints_px`` ``(J, 2)``, ``joints_cam_mm`` ``(J, 3)``, ``joint_valid`` ``(J,)``, ``camera``
    ``(4,)``, ``part_boxes_xyxy_px`` ``(3, 4)`` and ``part_box_valid`` ``(3,)`` of left hand, right hand and
    face, the fit ``model_…`` (:mod:`carpus.data.whole_body_fits`), ``hand_type`` ``(2,)`` right, left. People
    whose box lies outside the picture are left out.

    Args:
        root: the published tree.
        split: one of :attr:`splits`.
        images: one of :data:`PICTURES`.
    """

    kind: ClassVar[str] = "whole_body"
    about_counts: ClassVar[Mapping[str, int]] = {}
    """Order of magnitude of the number of records, where no exact number is published."""

    @classmethod
    def files_read(cls, root: Path, split: str, options: Mapping[str, Any]) -> list[Path]:
        """Without the fits of a model that was not asked for."""
        files = cls.annotation_files(root, split)
        return fits_read(files, options["fits"], cls.name) if "fits" in options else files

    @property
    def group_counts(self) -> tuple[int, ...]:
        """All records are one group."""
        return (len(self),)

    @property
    def lines(self) -> int:
        """Number of records, those left out included."""
        return len(self) + self.left_out

    @property
    def left_out(self) -> int:
        """How many annotated people are not among the records."""
        return 0

    def __getitem__(self, index: int) -> Record:
        fields = self._fields(index)
        image = str(fields["image"])
        images: dict[str, bytes] = {}
        if self.images == "packed":
            images["rgb"] = read_bytes(self.root / image)
            fields["image_wh"] = self._size(image, images["rgb"], fields.get("image_wh"))
        return Record(self._key(index), images, fields)

    @abstractmethod
    def _fields(self, index: int) -> dict[str, Field]:
        """Fields of a record."""

    @abstractmethod
    def _key(self, index: int) -> str:
        """Key of a record: the picture's path without its ending, and the annotation's number."""

    def _size(self, image: str, data: bytes, annotated: Field | None) -> np.ndarray:
        """The picture's size, which must be the annotated one."""
        try:
            size = np.array(picture_size(data), np.int64)
        except DataError as error:
            raise DataError(f"{self.root / image}: {error}") from None
        if annotated is not None and (np.asarray(annotated) != size).any():
            width, height = np.asarray(annotated).tolist()
            raise DataError(
                f"{self.root / image} is {size[0]} x {size[1]}, its annotation says {width} x {height}; the "
                "picture was scaled or turned, or is another one"
            )
        return size

    @classmethod
    def count_line(cls, split: str, counts: Sequence[int]) -> tuple[str, bool]:
        """The number of records in words beside the published one, and whether they agree.

        A number known by its order of magnitude agrees within a quarter.
        """
        total = sum(counts)
        text = f"{cls.name} {split}: {total:,} records"
        if split in cls.expected_counts:
            published = cls.expected_counts[split]
            if total == published:
                return f"{text}, as published", True
            return f"{text}; published: {published:,}, a difference of {total - published:+,}", False
        if split not in cls.about_counts:
            return text, True
        about = cls.about_counts[split]
        return f"{text} (published: about {about:,})", about / _FAR_OFF < total < about * _FAR_OFF

    @classmethod
    def describe(cls, store: Store) -> dict[str, int | float | str]:
        """How many annotated people are not among the records, and why."""
        left = int(store.meta["lines"]) - len(store)
        return {"left out": f"{left:,} (crowds, no key points, boxes outside the picture)"}


class PeopleSource(WholeBodySource):
    """A tree whose annotation is one list of people; subclasses set ``_people`` and give fields.

    Keys are ``<path of the picture without ending>/<annotation's id>``.
    """

    _people: People
    _base: str = ""
    """Folder of the pictures below the root, with a slash at its end."""

    def __len__(self) -> int:
        return len(self._people)

    @property
    def left_out(self) -> int:
        """How many annotated people are not among the records."""
        return self._people.left_out

    def columns(self, index: int) -> dict[str, Column]:
        """``line`` among the records, ``group`` 0, and the ids of annotation and image."""
        people = self._people
        return {
            "line": index,
            "group": 0,
            "annot_id": int(people.people["id"][index]),
            "image_id": int(people.images["id"][people.people["image"][index]]),
        }

    def locate(self, index: int) -> str:
        """The annotation file, the person and the picture."""
        return self._people.locate(index)

    def _image(self, index: int) -> str:
        return f"{self._base}{self._people.name(index)}"

    def _key(self, index: int) -> str:
        return f"{self._people.name(index).rsplit('.', 1)[0]}/{self._people.people['id'][index]}"

    def _box_fields(self, index: int) -> dict[str, Field]:
        """What every record has."""
        people = self._people
        return {
            "image": self._image(index),
            "image_wh": people.images["image_wh"][people.people["image"][index]].astype(np.int64),
            "bbox_xywh_px": people.people["bbox_xywh_px"][index].copy(),
            "box_ready": 0,
            "annot_id": int(people.people["id"][index]),
        }


def with_usable_boxes(people: People, what: str = "people") -> People:
    """People whose box lies in their picture; the others are named in the log.

    Args:
        people: with the columns ``bbox_xywh_px`` and, of images, ``image_wh``.
        what: they are called in the log.
    Raises:
        DataError: if nobody is left.
    """
    boxes = people.people["bbox_xywh_px"]
    usable = ~np.isnan(clip_box(boxes, people.of_image("image_wh"))[:, 0])
    if len(usable) and not usable.all():
        first = int(np.flatnonzero(~usable)[0])
        log.warning(
            "%d of %d %s left out, whose box lies outside the picture or is empty; the first: %s, box %s",
            *(int((~usable).sum()), len(usable), what, people.locate(first), boxes[first].tolist()),
        )
    if not usable.any():
        raise DataError(f"{people.path}: none of the {len(usable):,} {what} has a box in its picture")
    return people.keep(usable)


def find_file(root: Path, *names: str, hint: str = "") -> Path:
    """The first of some places of a published file.

    Args:
        root: the tree.
        names: places below the root.
        hint: what to do if it is nowhere.
    Raises:
        DataError: naming the file and its other places.
    """
    for name in names:
        if (root / name).is_file():
            return root / name
    others = f" (nor is it at {', '.join(str(root / name) for name in names[1:])})" if names[1:] else ""
    raise DataError(f"{root / names[0]} is missing{others}{f'; {hint}' if hint else ''}")


def there(root: Path, *names: str) -> list[Path]:
    """The first place of a file that exists, as a list; empty where there is none."""
    return [path for name in names if (path := root / name).is_file()][:1]


def image_layout_wh(item: Mapping[str, object]) -> list[int]:
    """Width and height of an entry of ``images``.

    Raises:
        ValueError: if one is not positive.
    """
    size = [int(str(item["width"])), int(str(item["height"]))]
    if min(size) < 1:
        raise ValueError(f"width and height are {size}")
    return size


def picture_wh(path: Path) -> list[int]:
    """Width and height of a picture file, read from its header.

    Raises:
        DataError: naming the picture that is missing or damaged.
    """
    try:
        return list(picture_size(read_bytes(path)))
    except DataError as error:
        raise DataError(str(error) if str(path) in str(error) else f"{path}: {error}") from None


def first_folder(root: Path, *names: str) -> str:
    """The first of some folders below the root that exists, or else the first, with a slash at its end.

    Example:
        >>> first_folder(Path("nowhere"), "./images", "data/images")
        'images/'
    """
    found = next((name for name in names if (root / name).is_dir()), names[0])
    return f"{found.removeprefix('./')}/".removeprefix("./")
