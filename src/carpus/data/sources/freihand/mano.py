"""FreiHAND as single hands with MANO fits: the form Pose2Pose publishes, or the publisher's own files."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from carpus.data.sources.freihand import layout
from carpus.data.sources.freihand.own_files import read_own
from carpus.data.sources.interhand26m.json_stream import JsonStream
from carpus.data.whole_body_fits import Fits, all_of, collect_fits, int_name, nested
from carpus.data.whole_body_params import camera_numbers
from carpus.data.whole_body_people import BOX, Layout, People, lookup, read_people
from carpus.data.whole_body_source import PeopleSource, find_file, image_layout_wh, there, with_usable_boxes
from carpus.errors import DataError
from carpus.skeletons import SNAP, Skeleton
from carpus.types import Field

_NAMES = {"train": "train", "test": "eval"}
_FOLDERS = ("data/", "")
ROOTNET = tuple(f"{folder}rootnet_output/bbox_root_freihand_output.json" for folder in ("", "data/"))
_IMAGES: Layout = {"image_wh": ("q", 2), "db_idx": ("q", 1)}
_RIGHT = np.array([True, False])


@dataclass(frozen=True)
class Hands:
    """Hands of a split of either form.

    Args:
        people: pictures and boxes.
        camera: ``(N, 4)``.
        fits: MANO fits, or None.
        fit_rows: ``(N,)`` rows of them, -1 for none.
        pose: ``(N,)`` which pictures show the same hand.
        truth: further fields by name, ``(N, …)`` rows looked up by ``pose``.
        box_ready: whether boxes are crops as they are.
    """

    people: People
    camera: np.ndarray
    fits: Fits | None
    fit_rows: np.ndarray
    pose: np.ndarray
    truth: Mapping[str, np.ndarray]
    box_ready: bool


class FreiHANDMano(PeopleSource):
    """A right hand: box, camera, and a MANO fit in the camera's frame with its translation.

    Read is Pose2Pose's form (``freihand_train_coco.json``, ``freihand_train_data.json``, RootNet's boxes of
    the evaluation pictures, which are crops as they are), or else the publisher's own form, whose fits lack
    the translation: it is the measured wrist minus the wrist of the model. Boxes are then 1.2 times those of
    the joints, or RootNet's where it is there, or else the whole picture. Where the publisher's truth of the
    evaluation is there, test records have ``joints_cam_mm`` and ``vertices_cam_mm``. Training records have no
    joints of their own: the fit is their only truth. Keys are ``training/rgb/00000000/0``.

    Args:
        root: the tree, or its folder ``data``.
        split: ``train`` or ``test`` (published: eval, evaluation).
        images: ``packed`` or ``tree``.
        body_models: folder with ``mano/MANO_RIGHT.pkl``; the publisher's own form needs it.
        standin: take a stand-in hand if there is none.
    Raises:
        DataError: naming the file and the entry at fault.
    """

    name: ClassVar[str] = "freihand_mano"
    page: ClassVar[str] = "freihand"
    skeleton: ClassVar[Skeleton] = SNAP
    splits: ClassVar[tuple[str, ...]] = ("train", "test")
    expected_counts: ClassVar[Mapping[str, int]] = layout.COUNTS
    selectors: ClassVar[tuple[str, ...]] = ("root", "split", "images", "body_models")

    def __init__(
        self,
        root: str | Path,
        split: str,
        images: str = "packed",
        body_models: str | Path = "body_models",
        standin: bool = False,
    ) -> None:
        super().__init__(root, split, images)
        if there(self.root, *_places(split, "coco")):
            self._hands = _of_coco(self.root, split)
        else:
            self._hands = self._own(body_models, standin)
        self._people, self._masks = self._hands.people, all_of("mano")
        first = self._people.path.parent.relative_to(self.root).as_posix()
        self._base = f"{first}/".removeprefix("./")

    @classmethod
    def annotation_files(cls, root: Path, split: str) -> list[Path]:
        """Those that exist, of the form that is read."""
        rootnet = there(root, *ROOTNET) if split == "test" else []
        if coco := there(root, *_places(split, "coco")):
            return [*coco, *there(root, *_places(split, "data")), *rootnet]
        own = [f for kind in layout.KINDS if (f := layout.labels(root, split, kind)).is_file()]
        return [*own, *rootnet]

    def columns(self, index: int) -> dict[str, int | float | bool]:
        """Also ``pose``: which pictures show the same hand."""
        return {**super().columns(index), "pose": int(self._hands.pose[index])}

    def _fields(self, index: int) -> dict[str, Field]:
        hands, fit = self._hands, dict[str, Field]()
        camera = hands.camera[index].astype(np.float64)
        if hands.fits is not None and hands.fit_rows[index] >= 0:
            fit = hands.fits.fields(int(hands.fit_rows[index]), self._masks)
            fit["model_camera"] = camera.copy()
        truth = {name: values[int(hands.pose[index])] for name, values in hands.truth.items()}
        if truth:
            truth["joint_valid"] = np.ones(len(SNAP), bool)
        return {
            **self._box_fields(index),
            "box_ready": int(hands.box_ready),
            "hand_type": _RIGHT.copy(),
            "camera": camera,
            **truth,
            **fit,
        }

    def _own(self, body_models: str | Path, standin: bool) -> Hands:
        """Hands of the publisher's files."""
        own = read_own(self.root, self.split, Path(body_models), standin)
        people, ready = own.people, False
        if self.split == "test" and (file := there(self.root, *ROOTNET)):
            people, ready = _rootnet_boxes(file[0], people), True
        fits = own.fits
        rows = np.full(len(people), -1) if fits is None else fits.rows(own.pose)
        return Hands(people, own.camera, fits, rows, own.pose, own.truth, ready)


def _of_coco(root: Path, split: str) -> Hands:
    """Pose2Pose's form."""

    def image(item: Any) -> dict[str, Any]:
        return {"image_wh": image_layout_wh(item), "db_idx": int(item["db_idx"])}

    def person(item: Any) -> dict[str, Any]:
        return {"bbox_xywh_px": item["bbox"] if split == "train" else item.get("bbox", [0, 0, 0, 0])}

    people = read_people(find_file(root, *_places(split, "coco")), _IMAGES, image, BOX, person)
    if split == "train":
        people = with_usable_boxes(people, "hands")
    else:
        people = _rootnet_boxes(find_file(root, *ROOTNET), people)
    path = find_file(root, *_places(split, "data"))
    codes, cameras = array("q"), array("d")

    def entries() -> Iterator[tuple[int, str, Any]]:
        with JsonStream(path) as stream:
            for (name,) in nested(stream, 1):
                value, where = stream.value(), f"{path}: '{name}'"
                codes.append(int_name(name, path))
                cameras.extend(camera_numbers((value or {}).get("cam_param"), f"{where}: cam_param"))
                if "mano_param" in value:
                    yield int(name), where, {"mano_param": value["mano_param"]}
                elif split == "train":
                    raise DataError(f"{where} has no mano_param")

    fits = collect_fits(path, "mano", entries())
    index, ids = people.of_image("db_idx"), np.array(codes, np.int64)
    rows = lookup(ids, np.argsort(ids, kind="stable"), index)
    if (lost := np.flatnonzero(rows < 0)).size:
        raise DataError(f"{path} has no entry {index[lost[0]]}, which {people.locate(int(lost[0]))} needs")
    camera = np.array(cameras).reshape(-1, 4)[rows]
    return Hands(people, camera, fits, fits.rows(index), index, {}, split == "test")


def _rootnet_boxes(path: Path, people: People) -> People:
    """People with RootNet's boxes, which are square and enlarged already."""
    ids, boxes = array("q"), array("f")
    with JsonStream(path) as stream:
        for number, item in enumerate(stream.values()):
            try:
                box = [float(value) for value in item["bbox"]]
                if len(box) != 4 or not (np.isfinite(box).all() and min(box[2:]) > 0):
                    raise ValueError(f"bbox {item['bbox']}: four numbers with an extent are expected")
                ids.append(int(item["image_id"]))
                boxes.extend(box)
            except (KeyError, TypeError, ValueError) as error:
                what = f"has no {error}" if isinstance(error, KeyError) else str(error)
                raise DataError(f"{path}: number {number} of the list: {what}") from None
    wanted, known = people.of_image("id"), np.array(ids, np.int64)
    rows = lookup(known, np.argsort(known, kind="stable"), wanted)
    if (lost := np.flatnonzero(rows < 0)).size:
        raise DataError(f"{path} has no box of image {wanted[lost[0]]} ({people.name(int(lost[0]))})")
    found = np.array(boxes, np.float32).reshape(-1, 4)[rows]
    made = {**people.people, "bbox_xywh_px": found}
    return People(people.path, people.names, people.images, made, people.left_out)


def _places(split: str, kind: str) -> tuple[str, ...]:
    return tuple(f"{folder}freihand_{_NAMES[split]}_{kind}.json" for folder in _FOLDERS)
