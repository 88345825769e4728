"""3D Poses in the Wild as JSON: people with an SMPL fit of their gender in the camera's frame."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

from carpus.data.sources.interhand26m.json_stream import JsonStream
from carpus.data.whole_body_fits import Fits, all_of, collect_fits
from carpus.data.whole_body_params import camera_numbers
from carpus.data.whole_body_people import BOX, Layout, read_people
from carpus.data.whole_body_source import (
    PeopleSource,
    find_file,
    first_folder,
    image_layout_wh,
    there,
    with_usable_boxes,
)
from carpus.skeletons import SMPL_24, Skeleton
from carpus.types import Field

_IMAGES: Layout = {"image_wh": ("q", 2), "camera": ("d", 4), "sequence": ("q", 1)}


class PW3D(PeopleSource):
    """A person with SMPL parameters in the camera's frame, metres, and the picture's camera.

    Keys are ``<sequence>/image_00000/<annotation's id>``.

    Args:
        root: the tree with ``data/3DPW_test.json`` … and ``imageFiles`` beside them or beside ``data``.
        split: ``train``, ``validation`` or ``test``.
        images: ``packed`` or ``tree``.
    Raises:
        DataError: naming the file and the entry at fault, a fit without gender among them.
    """

    name: ClassVar[str] = "pw3d"
    skeleton: ClassVar[Skeleton] = SMPL_24
    splits: ClassVar[tuple[str, ...]] = ("train", "validation", "test")
    about_counts: ClassVar[Mapping[str, int]] = {"test": 35_500}

    def __init__(self, root: str | Path, split: str, images: str = "packed") -> None:
        super().__init__(root, split, images)
        path = find_file(self.root, *_places(split))
        folder = path.parent.relative_to(self.root).as_posix()
        self._base = first_folder(self.root, f"{folder}/imageFiles", "imageFiles")
        sequences: dict[str, int] = {}

        def image(item: Any) -> dict[str, Any]:
            camera = camera_numbers(item["cam_param"], f"{path}: image {item['id']}: cam_param")
            sequence = sequences.setdefault(str(item["sequence"]), len(sequences))
            return {"image_wh": image_layout_wh(item), "camera": camera, "sequence": sequence}

        self._people = with_usable_boxes(read_people(path, _IMAGES, image, BOX, _person))
        self._sequences = list(sequences)
        self._fits = _read_fits(path)
        self._fit_rows = self._fits.rows(self._people.people["id"])
        self._masks = all_of("smpl")

    @classmethod
    def annotation_files(cls, root: Path, split: str) -> list[Path]:
        """The split's file."""
        return there(root, *_places(split))

    def _fields(self, index: int) -> dict[str, Field]:
        camera = self._people.images["camera"][self._people.people["image"][index]].copy()
        fit = self._fits.fields(int(self._fit_rows[index]), self._masks)
        sequence = {"sequence": self._sequence(index)}
        return {**self._box_fields(index), "camera": camera, **sequence, **fit, "model_camera": camera.copy()}

    def _sequence(self, index: int) -> str:
        return self._sequences[int(self._people.images["sequence"][self._people.people["image"][index]])]

    def _image(self, index: int) -> str:
        return f"{self._base}{self._sequence(index)}/{self._people.name(index)}"

    def _key(self, index: int) -> str:
        return f"{self._sequence(index)}/{super()._key(index)}"


def _person(item: Any) -> dict[str, Any]:
    return {"bbox_xywh_px": item["bbox"]}


def _read_fits(path: Path) -> Fits:
    """The people's parameters, which stand in the same file."""

    def entries() -> Iterator[tuple[int, str, Any]]:
        with JsonStream(path) as stream:
            for member in stream.members():
                if member != "annotations":
                    stream.value()
                    continue
                for item in stream.values():
                    where = f"{path}: annotation {item['id']}"
                    yield int(item["id"]), where, {"smpl_param": item.get("smpl_param")}

    return collect_fits(path, "smpl", entries(), gender_needed=True)


def _places(split: str) -> tuple[str, ...]:
    return tuple(f"{folder}3DPW_{split}.json" for folder in ("data/", ""))
