"""Hands of the people of MS COCO: COCO-WholeBody 1.0, MANO fits of NeuralAnnot."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from carpus.data.sources.interhand26m.json_stream import JsonStream
from carpus.data.sources.mscoco import layout
from carpus.data.sources.mscoco.parts import CocoParts
from carpus.data.whole_body_fits import Fits, collect_fits, int_name, nested
from carpus.data.whole_body_people import Layout, People, read_people
from carpus.skeletons import SNAP, Skeleton
from carpus.types import Field

SIDES = ("left", "right")
_COLUMNS: Layout = {
    **{f"{side}hand_kpts": ("f", 63) for side in SIDES},
    **{f"{side}hand_box": ("f", 4) for side in SIDES},
    "valid": ("b", 2),
}


class MSCOCOHands(CocoParts):
    """A hand in pixels with 21 joints, and its MANO fit.

    Every person gives one record per hand with a valid box, left before right. Keys are
    ``train2017/000000000009/201376/left``.
    """

    name: ClassVar[str] = "mscoco_hands"
    page: ClassVar[str] = "mscoco"
    skeleton: ClassVar[Skeleton] = SNAP
    model: ClassVar[str] = "mano"
    plural: ClassVar[str] = "hands"

    @staticmethod
    def _read(path: Path) -> People:
        return _hands(read_people(path, layout.IMAGES, layout.image_row, _COLUMNS, _person))

    @staticmethod
    def _codes(people: People) -> np.ndarray:
        return _code(people.people["id"], people.people["side"])

    @staticmethod
    def _read_fits(path: Path, codes: np.ndarray) -> Fits:
        numbers = frozenset(codes.tolist())

        def entries() -> Iterator[tuple[int, str, Any]]:
            with JsonStream(path) as stream:
                for (name,) in nested(stream, 1):
                    person = stream.value() or {}
                    for side, hand in enumerate(SIDES):
                        code = int(_code(int_name(name, path), side))
                        if code in numbers:
                            yield code, f"{path}: '{name}' ({hand})", person.get(hand)

        return collect_fits(path, "mano", entries())

    def _key(self, index: int) -> str:
        side = SIDES[int(self._people.people["side"][index])]
        return f"{super()._key(index)}/{side}"

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
