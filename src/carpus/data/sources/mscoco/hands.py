"""Hands of the people of MS COCO: COCO-WholeBody 1.0, MANO fits of NeuralAnnot."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from carpus.data.sources.interhand26m.json_stream import JsonStream
from carpus.data.sources.mscoco import layout
from carpus.data.sources.mscoco.body import NO_FITS
from carpus.data.whole_body_fits import Fits, all_of, collect_fits, int_name, nested
from carpus.data.whole_body_people import Layout, People, read_people
from carpus.data.whole_body_source import PeopleSource, find_file, there, with_usable_boxes
from carpus.skeletons import SNAP, Skeleton
from carpus.types import Field

SIDES = ("left", "right")
_COLUMNS: Layout = {
    **{f"{side}hand_kpts": ("f", 63) for side in SIDES},
    **{f"{side}hand_box": ("f", 4) for side in SIDES},
    "valid": ("b", 2),
}


class MSCOCOHands(PeopleSource):
    """A hand in pixels with 21 joints, and its MANO fit with a camera of its own.

    Every person gives one record per hand with a valid box, left before right. Validation images have no
    fits. Keys are ``train2017/000000000009/201376/left``.

    Args:
        root: the tree with ``annotations`` and ``images/train2017`` …
        split: ``train`` or ``val``.
        images: ``packed`` or ``tree``.
        fits: whether training hands have fits.
    Raises:
        DataError: naming the file and the entry at fault.
    """

    name: ClassVar[str] = "mscoco_hands"
    skeleton: ClassVar[Skeleton] = SNAP
    splits: ClassVar[tuple[str, ...]] = ("train", "val")

    def __init__(self, root: str | Path, split: str, images: str = "packed", fits: bool = True) -> None:
        super().__init__(root, split, images)
        self._base = layout.picture_folder(self.root, split)
        path = find_file(self.root, *layout.annotation_names(split))
        people = read_people(path, layout.IMAGES, layout.image_row, _COLUMNS, _person)
        self._people = with_usable_boxes(_hands(people), "hands")
        self._fits: Fits | None = None
        if fits and split == "train":
            file = find_file(self.root, *layout.fit_names("mano"), hint=NO_FITS)
            codes = _code(self._people.people["id"], self._people.people["side"])
            self._fits = _read_fits(file, codes)
            self._fit_rows = self._fits.rows(codes)
        self._masks = all_of("mano")

    @classmethod
    def annotation_files(cls, root: Path, split: str) -> list[Path]:
        """Key points, and the fits of training hands."""
        fits = there(root, *layout.fit_names("mano")) if split == "train" else []
        return [*there(root, *layout.annotation_names(split)), *fits]

    def _key(self, index: int) -> str:
        side = SIDES[int(self._people.people["side"][index])]
        return f"{self.split}2017/{super()._key(index)}/{side}"

    def _fields(self, index: int) -> dict[str, Field]:
        columns = self._people.people
        points = columns["points"][index].reshape(-1, 3)
        left = bool(columns["side"][index] == 0)
        fields: dict[str, Field] = {
            **self._box_fields(index),
            "joints_px": points[:, :2].copy(),
            "joint_valid": points[:, 2] > 0,
            "hand_type": np.array([not left, left]),
        }
        if self._fits is not None:
            fields |= self._fits.fields(int(self._fit_rows[index]), self._masks)
        return fields


def _person(item: Any) -> dict[str, Any] | None:
    """Columns of both hands; None for a person without either."""
    valid = [int(bool(item[f"{side}hand_valid"])) for side in SIDES]
    return {**{name: item[name] for name in list(_COLUMNS)[:4]}, "valid": valid} if any(valid) else None


def _hands(people: People) -> People:
    """One entry per valid hand: the people's rows in order, left before right."""
    columns = people.people
    row, side = np.nonzero(columns["valid"])
    made = {
        "id": columns["id"][row],
        "image": columns["image"][row],
        "side": side,
        "bbox_xywh_px": np.stack([columns[f"{name}hand_box"] for name in SIDES], 1)[row, side],
        "points": np.stack([columns[f"{name}hand_kpts"] for name in SIDES], 1)[row, side],
    }
    return People(people.path, people.names, people.images, made, 0)


def _code(ids: np.ndarray | int, side: np.ndarray | int) -> np.ndarray:
    return np.asarray(ids, np.int64) * 2 + side


def _read_fits(path: Path, wanted: np.ndarray) -> Fits:
    numbers = frozenset(wanted.tolist())

    def entries() -> Iterator[tuple[int, str, Any]]:
        with JsonStream(path) as stream:
            for (name,) in nested(stream, 1):
                person = stream.value() or {}
                for side, hand in enumerate(SIDES):
                    code = int(_code(int_name(name, path), side))
                    if code in numbers:
                        yield code, f"{path}: '{name}' ({hand})", person.get(hand)

    return collect_fits(path, "mano", entries())
