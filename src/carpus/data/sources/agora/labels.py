"""The list of AGORA's people, and the files that belong to each."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from carpus.data.agora_bodies import SHAPE, SIZES, checked_fit
from carpus.data.agora_layout import LARGE, SMALL, TEST_BOXES, annotation_names, read_json
from carpus.data.agora_rows import GENDERS
from carpus.data.sources.interhand26m.annotations import Texts
from carpus.data.whole_body_people import Layout, People, read_people
from carpus.data.whole_body_source import find_file
from carpus.errors import DataError, unknown

PART_BOXES = ("lhand_bbox", "rhand_bbox", "face_bbox")
"""In the order of a record's boxes."""
_COLUMNS: Layout = {
    "bbox_xywh_px": ("f", 4),
    **dict.fromkeys(PART_BOXES, ("f", 4)),
    "person_id": ("q", 1),
    "occlusion": ("f", 1),
    "is_valid": ("b", 1),
    "kid": ("b", 1),
    "gender": ("b", 1),
    "text": ("q", 1),
}


@dataclass(frozen=True)
class AgoraPeople:
    """People of a split.

    Args:
        people: their numbers; the name of an image is the path of its large picture.
        small: path of the small picture of every image.
        truth: path of the true joints of every image, empty where there are none.
        params: path of the parameters of every person that was read, by the column ``text``.
        cameras: path of its camera.
    """

    people: People
    small: Texts
    truth: Texts
    params: Texts
    cameras: Texts

    def image_row(self, row: int) -> int:
        """Place of a person's image among the images."""
        return int(self.people.people["image"][row])

    def folder(self, row: int) -> str:
        """Folder of a person's picture, such as ``train_0``."""
        return Path(self.people.name(row)).parent.name

    def stem(self, row: int) -> str:
        """Name of its large picture without ending."""
        return Path(self.people.name(row)).stem


def read_labels(base: Path, split: str, *, invalid: bool = False) -> AgoraPeople:
    """The people of ``train`` or ``val``.

    Args:
        base: folder of everything.
        split: which.
        invalid: also people that are not scored.
    Raises:
        DataError: naming the file that is missing or the entry at fault.
    """
    hint = "make it with carpus agora parse"
    path = find_file(base, *annotation_names(split), hint=hint)
    small, truth, params, cameras = Texts(), Texts(), Texts(), Texts()

    def image(item: Any) -> dict[str, Any]:
        item["file_name"] = item[f"file_name_{LARGE}"]
        small.append(str(item[f"file_name_{SMALL}"]))
        truth.append(str(item.get("gt_joints_path", "")))
        return {}

    def person(item: Any) -> dict[str, Any] | None:
        if not (item["is_valid"] or invalid):
            return None
        if item["gender"] not in GENDERS:
            raise ValueError(unknown("gender", str(item["gender"]), GENDERS))
        params.append(str(item["smplx_param_path"]))
        cameras.append(str(item["cam_param_path"]))
        return {
            "bbox_xywh_px": item["bbox"],
            **{name: item[name] for name in PART_BOXES},
            "person_id": int(item["person_id"]),
            "occlusion": float(item.get("occlusion", 0)),
            "is_valid": int(bool(item["is_valid"])),
            "kid": int(bool(item.get("kid", False))),
            "gender": GENDERS.index(item["gender"]),
            "text": len(params) - 1,
        }

    people = read_people(path, {}, image, _COLUMNS, person)
    return AgoraPeople(people, small, truth, params, cameras)


def read_test_boxes(base: Path) -> AgoraPeople:
    """People a detector found in the test pictures; their number is their place in the list.

    Raises:
        DataError: naming the file that is missing or the picture at fault.
    """
    path = base / TEST_BOXES
    if not path.is_file():
        raise DataError(
            f"{path} is missing: boxes of people in the test pictures, {{picture: [{{bbox: [x, y, width, "
            "height]}]} in pixels of 3840 x 2160; they come from a detector, which is yours to choose"
        )
    names, small, empty = Texts(), Texts(), Texts()
    boxes, images, numbers = list[list[float]](), list[int](), list[int]()
    for place, (picture, found) in enumerate(read_json(path).items()):
        stem = Path(picture).stem.removesuffix(f"_{SMALL}")
        names.append(f"images_{LARGE}/test/{stem}.png")
        small.append(f"images_{SMALL}/test/{stem}_{SMALL}.png")
        empty.append("")
        for number, person in enumerate(found):
            boxes.append(_box(person, f"{path}: person {number} of {picture}"))
            images.append(place)
            numbers.append(number)
    columns = {
        "id": np.arange(len(boxes)),
        "image": np.array(images, np.int64),
        "person_id": np.array(numbers, np.int64),
        "bbox_xywh_px": np.array(boxes, np.float32).reshape(-1, 4),
    }
    people = People(path, names, {"id": np.arange(len(names))}, columns)
    return AgoraPeople(people, small, empty, Texts(), Texts())


def _box(person: Any, where: str) -> list[float]:
    try:
        box = [float(value) for value in np.asarray(person["bbox"], np.float64).reshape(4)]
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(f"{where}: bbox of four numbers is expected ({error})") from None
    if not np.isfinite(box).all() or min(box[2:]) <= 0:
        raise DataError(f"{where}: bbox {box} has no extent")
    return box


def read_params(path: Path) -> dict[str, np.ndarray]:
    """Parameters of a person in the camera's frame; shapes of children lose their last number.

    Raises:
        DataError: naming the file and the entry at fault.
    """
    content = read_json(path)
    if not isinstance(content, dict):
        raise DataError(f"{path}: parameters {', '.join(SIZES)} are expected")
    fit = checked_fit(content, str(path))
    return fit | {"betas": fit["betas"][:SHAPE]}


@lru_cache(maxsize=64)
def read_camera(path: Path) -> np.ndarray:
    """``(4,)`` fx, fy, cx, cy of a picture of 3840 x 2160.

    Raises:
        DataError: naming the file.
    """
    content = read_json(path)
    try:
        values = np.array([*np.ravel(content["focal"]), *np.ravel(content["princpt"])], np.float64)
    except (KeyError, TypeError, ValueError):
        values = np.zeros(0)
    if values.shape != (4,) or not np.isfinite(values).all():
        raise DataError(f"{path}: focal and princpt of two numbers each are expected")
    return values


@lru_cache(maxsize=8)
def read_truth(path: Path) -> dict[str, np.ndarray]:
    """True joints (and meshes) of all people of a picture.

    Returns:
        ``gt_joints_2d`` ``(P, 127, 2)`` pixels of 3840 x 2160, ``gt_joints_3d`` ``(P, 127, 3)`` metres in the
        camera, where it was kept ``gt_verts`` ``(P, 10475, 3)``.
    Raises:
        DataError: naming the file.
    """
    try:
        with np.load(path, allow_pickle=False) as content:
            return {name: content[name] for name in content.files}
    except FileNotFoundError:
        raise DataError(f"{path} is missing; run carpus agora parse") from None
    except (ValueError, OSError, EOFError, KeyError) as error:
        raise DataError(f"{path}: damaged ({error}); run carpus agora parse --force") from None


def read_affine(path: Path) -> tuple[np.ndarray, tuple[int, int]]:
    """What is written beside a crop: ``(2, 3)`` large picture to crop, and the crop's width and height.

    Two programs name the map differently; both names are read.

    Raises:
        DataError: naming the file.
    """
    content = read_json(path)
    try:
        matrix = np.asarray(content.get("affine_mat", content.get("img2bb_trans")), np.float64)
        size = int(content["resized_width"]), int(content["resized_height"])
    except (AttributeError, KeyError, TypeError, ValueError):
        matrix, size = np.zeros(0), (0, 0)
    if matrix.shape != (2, 3) or not np.isfinite(matrix).all() or min(size) < 1:
        raise DataError(f"{path}: affine_mat (2 x 3), resized_height and resized_width are expected")
    return matrix, size
