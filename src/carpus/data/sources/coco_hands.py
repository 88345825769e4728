"""Single hands in the COCO-like form that mmpose gives RHD and FreiHAND."""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from carpus.data.sources.interhand26m.json_stream import JsonStream
from carpus.errors import DataError, unknown

SIDES = ("right", "left")
JOINTS = 21


@dataclass(frozen=True)
class CocoHands:
    """Pictures and hands of a file, in its order.

    Args:
        path: the file.
        names: file name of every picture, as written.
        ids: ``(N,)`` of the pictures.
        size_wh: ``(N, 2)``.
        camera: ``(N, 4)`` fx, fy, cx, cy; NaN where the file has none.
        image: ``(A,)`` which picture a hand is in.
        keypoints: ``(A, 21, 3)`` float32 u, v, visibility.
        joints_mm: ``(A, 21, 3)`` float32; NaN where the file has none.
        side: ``(A,)`` place in :data:`SIDES`, -1 where the file does not say.
    """

    path: Path
    names: list[str]
    ids: np.ndarray
    size_wh: np.ndarray
    camera: np.ndarray
    image: np.ndarray
    keypoints: np.ndarray
    joints_mm: np.ndarray
    side: np.ndarray

    def locate(self, image: int) -> str:
        """File and picture, for messages."""
        return f"{self.path}: image {self.ids[image]} ({self.names[image]})"


def read_coco_hands(path: Path) -> CocoHands:
    """A file read entry by entry into arrays.

    Raises:
        DataError: naming the file and the entry at fault.
    """
    images, hands = _Images(path), _Hands(path)
    with JsonStream(path) as stream:
        for member in stream.members():
            if member in ("images", "annotations"):
                rows = images if member == "images" else hands
                for number, item in enumerate(stream.values()):
                    rows.take(number, item)
            else:
                stream.value()
    ids = np.array(images.ids, np.int64)
    if not len(ids) or not len(hands.image_ids):
        raise DataError(f"{path}: {len(ids)} images and {len(hands.image_ids)} annotations; both are needed")
    order = np.argsort(ids, kind="stable")
    if (np.diff(ids[order]) == 0).any():
        raise DataError(f"{path}: two images have the id {ids[order][:-1][np.diff(ids[order]) == 0][0]}")
    wanted = np.array(hands.image_ids, np.int64)
    place = order[np.minimum(np.searchsorted(ids[order], wanted), len(ids) - 1)]
    if (lost := np.flatnonzero(ids[place] != wanted)).size:
        raise DataError(
            f"{path}: number {lost[0]} of the annotations belongs to image {wanted[lost[0]]}, which is not "
            "listed"
        )
    if (bare := np.setdiff1d(np.arange(len(ids)), place)).size:
        raise DataError(f"{path}: image {ids[bare[0]]} ({images.names[bare[0]]}) has no annotation")
    return CocoHands(
        path,
        images.names,
        ids,
        np.array(images.sizes, np.int64).reshape(-1, 2),
        np.array(images.cameras, np.float64).reshape(-1, 4),
        place,
        np.array(hands.keypoints, np.float32).reshape(-1, JOINTS, 3),
        np.array(hands.joints, np.float32).reshape(-1, JOINTS, 3),
        np.array(hands.sides, np.int64),
    )


class _Rows:
    """Takes entries one by one and keeps numbers only."""

    kind: str

    def __init__(self, path: Path) -> None:
        self.path = path

    def take(self, number: int, item: Any) -> None:
        """One entry."""
        try:
            self._read(item)
        except (KeyError, TypeError, ValueError, IndexError) as error:
            name = f" (id {item['id']})" if isinstance(item, dict) and "id" in item else ""
            what = f"has no {error}" if isinstance(error, KeyError) else str(error)
            raise DataError(f"{self.path}: number {number} of the {self.kind}{name}: {what}") from None

    def _read(self, item: Any) -> None:
        raise NotImplementedError


class _Images(_Rows):
    kind = "images"

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.names: list[str] = []
        self.ids, self.sizes, self.cameras = array("q"), array("q"), array("d")

    def _read(self, item: Any) -> None:
        camera = item.get("cam_param")
        values = [np.nan] * 4 if camera is None else [*camera["focal"], *camera["princpt"]]
        if len(values) != 4:
            raise ValueError(f"cam_param {camera}: focal and princpt of two numbers each are expected")
        row = int(item["id"]), (int(item["width"]), int(item["height"])), [float(v) for v in values]
        self.names.append(str(item["file_name"]))
        self.ids.append(row[0])
        self.sizes.extend(row[1])
        self.cameras.extend(row[2])


class _Hands(_Rows):
    kind = "annotations"

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.image_ids, self.sides = array("q"), array("b")
        self.keypoints, self.joints = array("f"), array("f")

    def _read(self, item: Any) -> None:
        keypoints = _numbers(item["keypoints"], "keypoints")
        joints = _numbers(item["joint_cam"], "joint_cam") if "joint_cam" in item else [np.nan] * (3 * JOINTS)
        side = item.get("hand_type")
        if side is not None and side not in SIDES:
            raise ValueError(unknown("hand_type", str(side), SIDES))
        self.image_ids.append(int(item["image_id"]))
        self.keypoints.extend(keypoints)
        self.joints.extend(joints)
        self.sides.append(-1 if side is None else SIDES.index(side))


def _numbers(values: Any, what: str) -> list[float]:
    """21 triples, nested or in one list."""
    found = np.asarray(values, np.float64).reshape(-1)
    if found.size != 3 * JOINTS or not np.isfinite(found).all():
        raise ValueError(f"{what} has {found.size} numbers; {3 * JOINTS} finite ones are expected")
    return found.tolist()
