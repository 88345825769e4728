"""What ``carpus demo`` leaves of photographs: JSON, mask and overlay of each, and a page with hands in 3D."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from carpus.data.rgb_images import encode_labels
from carpus.geometry.camera import Camera
from carpus.reports.demo import MOST_ON_PAGE
from carpus.reports.digit_photo_draw import drawn_crop, drawn_photo
from carpus.reports.digit_photo_hands import PhotoHands
from carpus.reports.digit_style import DIMMED, SIDES, bone_colour
from carpus.reports.page import ReportMeta, render_page
from carpus.reports.payload import data_uri, plain, skeleton_data
from carpus.reports.style import encode_image, write_bytes
from carpus.skeletons import HandPair

SPACE = {
    "pixels": "(column, row) of the upright photograph; the centre of the first pixel is (0, 0)",
    "depth_to_wrist_mm": "depth relative to the wrist of the same hand, positive away from the camera",
    "rel_wrist_depth_mm": "depth of the left wrist minus that of the right",
    "joints_cam_mm": "camera: x right, y down, z forward, millimetres; null without --camera",
    "mask": "0 background, 1 to 16 parts of the right hand, 17 to 32 of the left",
}


@dataclass(frozen=True)
class Photo:
    """A photograph and the hands in it.

    Args:
        name: file name.
        stem: of the files written for it.
        image: ``(H, W, 3)`` uint8 RGB, upright.
        hands: one entry per box.
        camera: intrinsics if they are known.
    """

    name: str
    stem: str
    image: np.ndarray
    hands: Sequence[PhotoHands]
    camera: Camera | None = None

    def labels(self) -> np.ndarray | None:
        """``(H, W)`` part labels of all boxes, or None; where boxes overlap, the later one counts."""
        merged = None
        for hands in self.hands:
            if hands.segm is not None:
                merged = hands.segm if merged is None else np.where(hands.segm > 0, hands.segm, merged)
        return merged


class PhotoWriter:
    """Writes photograph after photograph, then the page; only small pictures stay in memory.

    Args:
        folder: gets ``<stem>.json``, ``<stem>_overlay.png``, where parts are predicted ``<stem>_mask.png``,
            and ``hands.html``.
        skeleton: of the joints.
        meta: what the page says.
        photos: how many there will be.
    """

    what = "photographs"
    """Counted on the page."""

    def __init__(self, folder: Path, skeleton: HandPair, meta: ReportMeta, photos: int) -> None:
        self.folder, self.skeleton, self.meta = folder, skeleton, meta
        chosen = np.linspace(0, photos - 1, min(photos, MOST_ON_PAGE)).round().astype(int)
        self._on_page, self._count = frozenset(chosen.tolist()), 0
        self._samples: list[dict[str, Any]] = []
        self._hands = 0

    def add(self, photo: Photo) -> list[Path]:
        """Write the files of one photograph, each complete or absent."""
        labels, written = photo.labels(), []
        text = readable_json(self._content(photo))
        written.append(write_bytes(self.folder / f"{photo.stem}.json", text.encode()))
        picture = drawn_photo(photo.image, labels, photo.hands, self.skeleton)
        file = self.folder / f"{photo.stem}_overlay.png"
        written.append(write_bytes(file, _png(picture)))
        if labels is not None:
            written.append(write_bytes(self.folder / f"{photo.stem}_mask.png", encode_labels(labels)))
        if self._count in self._on_page:
            self._samples += [self._sample(photo, i, labels) for i in range(len(photo.hands))]
        self._count += 1
        self._hands += sum(int(hands.shown.sum()) for hands in photo.hands)
        return written

    def close(self) -> Path:
        """Write the page."""
        data = {
            "space": "3D as stated above",
            "frames": self._count,
            "skeleton": skeleton_data(replace(self.skeleton, colours=_space_colours(self.skeleton))),
            "scores": None,
            "cards": [
                {"name": self.what, "value": f"{self._count:,}", "main": True},
                {"name": "hands", "value": f"{self._hands:,}"},
                {"name": "joints", "value": str(len(self.skeleton)), "unit": self.skeleton.name},
            ],
            "samples": self._samples,
            "history": [],
            "viewpoint": [],
        }
        notes = dict.fromkeys(sample["note"] for sample in self._samples)
        meta = replace(self.meta, extra={**self.meta.extra, "in 3D": "; ".join(notes)})
        return write_bytes(self.folder / "hands.html", render_page(meta, data, []).encode())

    def _content(self, photo: Photo) -> dict[str, Any]:
        return {
            "photo": photo.name,
            "image_wh": [photo.image.shape[1], photo.image.shape[0]],
            "run": self.meta.key,
            "method": self.meta.method,
            "camera": None if photo.camera is None else plain(photo.camera.to_array(), 6),
            "skeleton": self.skeleton.name,
            "joints": list(self.skeleton.joints),
            "space": SPACE,
            "boxes": [_entry(hands) for hands in photo.hands],
        }

    def _sample(self, photo: Photo, number: int, labels: np.ndarray | None) -> dict[str, Any]:
        """A box as the page's viewer takes it."""
        hands = photo.hands[number]
        there = hands.shown[list(self.skeleton.hand_of)]
        points = np.where(there[:, None], hands.view_mm, np.nan)
        center = np.nanmean(points, 0) if np.isfinite(points).all(-1).any() else np.zeros(3)
        picture = drawn_crop(photo.image, labels, hands, self.skeleton)
        return {
            "key": f"{photo.name}{box_name(number, photo.hands)} · {hands.told()}",
            "index": self._count,
            "group": "frame",
            "pred": plain(points, 2),
            "target": None,
            "valid": there.tolist(),
            "center": plain(center, 2),
            "pair": data_uri(picture),
            "thumb": data_uri(cv2.resize(picture, (240, 240), interpolation=cv2.INTER_AREA)),
            "note": hands.view_note,
        }


def readable_json(content: Mapping[str, Any]) -> str:
    """JSON with every list of plain values in one line.

    Example:
        >>> print(readable_json({"a": [[1, 2], [3, None]]}), end="")
        {
         "a": [
          [1, 2],
          [3, null]
         ]
        }
    """
    text = json.dumps(content, indent=1, allow_nan=False, ensure_ascii=False)
    # A line break is never inside a string, so that strings stay as they are.
    lists = re.compile(r"\[\n\s*([^\[\]{}]*?)\n\s*\]")
    return lists.sub(lambda found: "[" + re.sub(r",\n\s*", ", ", found.group(1)) + "]", text) + "\n"


def box_name(number: int, boxes: Sequence[object]) -> str:
    """What is added to a photograph's name for one of its boxes.

    Example:
        >>> box_name(0, ["one"]), box_name(1, ["two", "boxes"])
        ('', ' box 2')
    """
    return f" box {number + 1}" if len(boxes) > 1 else ""


def _entry(hands: PhotoHands) -> dict[str, Any]:
    """A box in the JSON file."""

    def listed(values: np.ndarray | None, digits: int) -> Any:
        return None if values is None else plain(np.asarray(values, float), digits)

    def by_side(values: Any) -> Mapping[str, Any] | None:
        return None if values is None else dict(zip(SIDES, values, strict=True))

    return {
        "bbox_xywh_px": listed(hands.box.xywh_px, 3),
        "bbox_source": hands.box.source,
        "crop_xywh_px": listed(hands.crop_xywh_px, 3),
        "hand_presence": by_side(listed(hands.presence, 5)),
        "hands": [side for side, there in zip(SIDES, hands.shown, strict=True) if there],
        "joints_px": listed(hands.joints_px, 3),
        "joint_scores": listed(hands.scores, 5),
        "depth_to_wrist_mm": listed(hands.depth_mm, 3),
        "rel_wrist_depth_mm": None if hands.rel_wrist_mm is None else round(hands.rel_wrist_mm, 3),
        "joints_cam_mm": listed(hands.joints_cam_mm, 3),
        "wrist_depth_mm": by_side(listed(hands.wrists_mm, 3)),
        "wrist_depth_source": hands.wrists_source or None,
        "view": hands.view_note,
    }


def _space_colours(skeleton: HandPair) -> tuple[tuple[int, int, int], ...]:
    """Joint colours, left hands dimmed."""
    return tuple(bone_colour(skeleton, joint, DIMMED) for joint in range(len(skeleton)))


def _png(picture: np.ndarray) -> bytes:
    if max(picture.shape) < 900:
        return encode_image(picture)
    return cv2.imencode(".png", picture[..., ::-1], [cv2.IMWRITE_PNG_COMPRESSION, 4])[1].tobytes()
