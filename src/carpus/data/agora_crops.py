"""Crops of people from AGORA's large pictures: reading 3840 x 2160 pixels for every person takes too long."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from carpus.data.agora_layout import (
    CROP_HW,
    crop_name,
    find_picture,
    read_json,
    write_bytes,
    write_json,
)
from carpus.data.packing import in_order
from carpus.data.rgb_images import decode_rgb
from carpus.data.sources.agora.labels import AgoraPeople, read_labels, read_test_boxes
from carpus.data.sources.base import read_bytes
from carpus.errors import DataError
from carpus.geometry.agora_camera import PUBLISHED_WH
from carpus.geometry.person_boxes import aspect_box
from carpus.geometry.person_warp import person_map, warp_person

Progress = Callable[[int, int], None]

COMPRESSION = 3
"""Of PNG files; higher is smaller and slower."""


@dataclass(frozen=True)
class CropTask:
    """A picture and the people to be cut out.

    Args:
        picture: path of the large picture below the base folder, as annotated.
        people: numbers in the picture.
        boxes: ``(P, 4)`` xywh pixels.
    """

    picture: str
    people: list[int]
    boxes: np.ndarray


@dataclass(frozen=True)
class CropSummary:
    """What was done: the split, people in all, crops made now, pictures that were read."""

    split: str
    people: int
    made: int
    pictures: int

    def lines(self) -> list[str]:
        """A line to print."""
        return [f"{self.split}: {self.people:,} crops, {self.made:,} made now of {self.pictures:,} pictures"]


class Cropper:
    """Cuts people out of a picture and writes them; called with tasks.

    Args:
        base: folder of everything.
    """

    def __init__(self, base: Path) -> None:
        self.base = base

    def __call__(self, task: CropTask) -> int:
        """Write the crops of a picture.

        Returns:
            How many.
        Raises:
            DataError: naming the picture that is missing, damaged or of another size.
        """
        path = self.base / find_picture(self.base, task.picture)
        try:
            image = decode_rgb(read_bytes(path))
        except DataError as error:
            raise DataError(str(error) if str(path) in str(error) else f"{path}: {error}") from None
        if image.shape[:2] != PUBLISHED_WH[::-1]:
            height, width = image.shape[:2]
            raise DataError(f"{path} is {width} x {height}; crops are made of pictures of 3840 x 2160")
        top = str(path.relative_to(self.base))
        for person, box in zip(task.people, task.boxes, strict=True):
            self._write(image, self.base / crop_name(top, person), box)
        return len(task.people)

    def _write(self, image: np.ndarray, path: Path, box: np.ndarray) -> None:
        affine = crop_map(box)
        crop = warp_person(image, affine, CROP_HW)
        data = cv2.imencode(
            ".png", cv2.cvtColor(crop, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_PNG_COMPRESSION, COMPRESSION]
        )[1]
        write_bytes(path, data.tobytes())
        # It comes last: where it is, its picture is whole.
        write_json(path.with_suffix(".json"), crop_entry(box, affine))


def crop_map(box_xywh: np.ndarray) -> np.ndarray:
    """``(2, 3)`` float32 from the large picture to the crop of a published box: of its aspect, 1.25 as large.

    Args:
        box_xywh: ``(4,)`` pixels; it may leave the picture.
    """
    return person_map(aspect_box(box_xywh, CROP_HW[1] / CROP_HW[0]), CROP_HW).image_to_crop


def crop_entry(box_xywh: np.ndarray, affine: np.ndarray) -> dict[str, Any]:
    """What is written beside a crop."""
    return {
        "bbox_orig": [float(value) for value in box_xywh],
        "affine_mat": affine.tolist(),
        "resized_height": CROP_HW[0],
        "resized_width": CROP_HW[1],
    }


def make_crops(
    base: Path,
    split: str,
    *,
    invalid: bool = False,
    processes: int = 1,
    force: bool = False,
    progress: Progress | None = None,
) -> CropSummary:
    """Make the crops that are not there, or are of other boxes.

    Whatever interrupts it, the same call continues. What is written does not depend on ``processes``.

    Args:
        base: folder of everything.
        split: ``train``, ``val`` or ``test``.
        invalid: also of people that are not scored.
        processes: each decodes a picture, about 0.3 s, and cuts out its people.
        force: make also what is there.
        progress: called with pictures done and in all.
    Raises:
        DataError: naming the list or picture that is missing or damaged.
    """
    found = read_test_boxes(base) if split == "test" else read_labels(base, split, invalid=invalid)
    tasks = tasks_of(found)
    todo = tasks if force else [left for task in tasks if (left := _missing(base, task)) is not None]
    made, done = 0, len(tasks) - len(todo)
    if progress is not None:
        progress(done, len(tasks))
    for count in in_order(Cropper(base), todo, processes):
        made, done = made + count, done + 1
        if progress is not None:
            progress(done, len(tasks))
    return CropSummary(split, len(found.people), made, len(todo))


def tasks_of(found: AgoraPeople) -> list[CropTask]:
    """One task per picture with people, in the order of the list."""
    people = found.people
    order = np.argsort(people.people["image"], kind="stable")
    images, first = np.unique(people.people["image"][order], return_index=True)
    return [
        CropTask(
            people.names[int(image)],
            people.people["person_id"][rows].tolist(),
            people.people["bbox_xywh_px"][rows].astype(np.float64),
        )
        for image, rows in zip(images, np.split(order, first[1:]), strict=True)
    ]


def _missing(base: Path, task: CropTask) -> CropTask | None:
    """What of a task is not done; None if everything is."""
    top = find_picture(base, task.picture)
    left = [
        place
        for place, (person, box) in enumerate(zip(task.people, task.boxes, strict=True))
        if not _is_current(base / crop_name(top, person), box)
    ]
    if not left:
        return None
    return CropTask(task.picture, [task.people[place] for place in left], task.boxes[left])


def _is_current(path: Path, box: np.ndarray) -> bool:
    """Whether a crop of that box is there; one made by another program is left alone if it is of that box."""
    beside = path.with_suffix(".json")
    if not (path.is_file() and beside.is_file()):
        return False
    try:
        content = read_json(beside)
        matrix = np.asarray(content.get("affine_mat", content.get("img2bb_trans")), np.float64)
    except (DataError, AttributeError, ValueError):
        return False
    return matrix.shape == (2, 3) and np.allclose(matrix, crop_map(box), rtol=1e-4, atol=0.1)
