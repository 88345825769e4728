"""EHF: 100 pictures of one person with a registered SMPL-X mesh, for tests only."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from carpus.data.ply import read_ply_vertices
from carpus.data.whole_body_people import Layout, read_people
from carpus.data.whole_body_source import PeopleSource, find_file, image_layout_wh, there, with_usable_boxes
from carpus.errors import DataError
from carpus.geometry.person_boxes import xyxy_of
from carpus.skeletons import SMPLX_137, Skeleton
from carpus.types import Field

VERTICES = 10475
_FILE = ("data/EHF.json", "EHF.json")
_PARTS = ("lefthand", "righthand", "face")
_COLUMNS: Layout = {
    "bbox_xywh_px": ("f", 4),
    **dict.fromkeys(_PARTS, ("f", 4)),
}


class EHF(PeopleSource):
    """The person's box, the boxes of hands and face, and the registered mesh ``vertices_m`` as published.

    Meshes are in EHF's own frame; its protocol turns them into the camera's. Keys are ``01_img/<id>``.

    Args:
        root: the tree with ``data/EHF.json``, or its folder ``data``; pictures and meshes lie beside it.
        split: ``test``.
        images: ``packed`` or ``tree``.
    Raises:
        DataError: naming the file and the entry at fault.
    """

    name: ClassVar[str] = "ehf"
    skeleton: ClassVar[Skeleton] = SMPLX_137
    splits: ClassVar[tuple[str, ...]] = ("test",)
    expected_counts: ClassVar[Mapping[str, int]] = {"test": 100}

    def __init__(self, root: str | Path, split: str, images: str = "packed") -> None:
        super().__init__(root, split, images)
        path = find_file(self.root, *_FILE)
        self._base = f"{path.parent.relative_to(self.root).as_posix()}/".removeprefix("./")
        self._people = with_usable_boxes(read_people(path, {"image_wh": ("q", 2)}, _image, _COLUMNS, _person))
        # Before any picture is read: a mesh that is not there is noticed after seconds, not after hours.
        for row in range(len(self)):
            if not (mesh := self._mesh(row)).is_file():
                raise DataError(f"{mesh} is missing, the mesh of {self._people.locate(row)}")

    @classmethod
    def annotation_files(cls, root: Path, split: str) -> list[Path]:
        """The boxes and all meshes."""
        found = there(root, *_FILE)
        return [*found, *(sorted(found[0].parent.glob("*_align.ply")) if found else [])]

    def _fields(self, index: int) -> dict[str, Field]:
        mesh = self._mesh(index)
        vertices = read_ply_vertices(mesh)
        if vertices.shape != (VERTICES, 3) or not np.isfinite(vertices).all():
            raise DataError(f"{mesh} has {len(vertices):,} vertices; {VERTICES:,} finite ones are expected")
        boxes = np.stack([self._people.people[part][index] for part in _PARTS])
        return {
            **self._box_fields(index),
            "part_boxes_xyxy_px": xyxy_of(boxes).astype(np.float32),
            "part_box_valid": np.ones(len(_PARTS), bool),
            "vertices_m": vertices.astype(np.float32),
        }

    def _mesh(self, index: int) -> Path:
        folder, _, name = self._people.name(index).rpartition("/")
        return self.root / self._base / folder / f"{name.split('_')[0]}_align.ply"


def _image(item: Any) -> dict[str, Any]:
    return {"image_wh": image_layout_wh(item)}


def _person(item: Any) -> dict[str, Any]:
    return {"bbox_xywh_px": item["body_bbox"], **{part: item[f"{part}_bbox"] for part in _PARTS}}
