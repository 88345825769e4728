"""Hands over photographs: parts in colour, skeletons, the box, and how sure the method is of each hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from PIL import Image, ImageDraw

from carpus.data.own_photos import WHOLE
from carpus.reports.digit_photo_hands import PhotoHands
from carpus.reports.digit_style import DARK, blended, draw_hands, part_colours
from carpus.reports.style import font
from carpus.skeletons import HandPair

LONGEST_PX, SHORTEST_PX = 1600, 640
"""Longer side of an overlay at most, and at least."""
CROP_PX = 480
_ALPHA = 0.42


@dataclass(frozen=True)
class _Region:
    """A part of a photograph, enlarged or reduced.

    Args:
        picture: ``(h, w, 3)`` uint8.
        labels: ``(h, w)`` part labels, or None.
        corner: ``(2,)`` pixel of the photograph at its upper left.
        scale: ``(2,)`` picture pixels per pixel of the photograph.
    """

    picture: np.ndarray
    labels: np.ndarray | None
    corner: np.ndarray
    scale: np.ndarray

    def place(self, pixels: np.ndarray) -> np.ndarray:
        """Pixels ``(*, 2)`` of the photograph in the picture."""
        return (np.asarray(pixels, float) - self.corner + 0.5) * self.scale - 0.5


def drawn_photo(
    image: np.ndarray, labels: np.ndarray | None, found: Sequence[PhotoHands], skeleton: HandPair
) -> np.ndarray:
    """The whole photograph with the hands of all boxes, at most 1600 pixels long and at least 640."""
    height, width = image.shape[:2]
    longest = min(max(width, height, SHORTEST_PX), LONGEST_PX)
    region = _cut(image, labels, np.array([0, 0, width, height]), longest)
    picture = _with_hands(region, found, skeleton)
    for hands in found:
        picture = _with_box(picture, region, hands)
    return picture


def drawn_crop(
    image: np.ndarray, labels: np.ndarray | None, hands: PhotoHands, skeleton: HandPair
) -> np.ndarray:
    """What the method was shown with its hands, ``(480, 480, 3)``."""
    left, top, side = (float(v) for v in hands.crop_xywh_px[:3])
    first = np.floor(np.array([left, top])).astype(int)
    box = np.array([*first, int(np.ceil(side)), int(np.ceil(side))])
    return _with_hands(_cut(image, labels, box, CROP_PX), [hands], skeleton)


def _cut(image: np.ndarray, labels: np.ndarray | None, box: np.ndarray, longest: int) -> _Region:
    """A box of whole pixels, which may leave the photograph, with its longer side at that length."""
    left, top, width, height = (int(v) for v in box)
    share = longest / max(width, height)
    size = (max(1, round(width * share)), max(1, round(height * share)))
    how = cv2.INTER_AREA if share < 1 else cv2.INTER_CUBIC
    picture = cv2.resize(_window(image, box, DARK), size, interpolation=how)
    if labels is not None:
        labels = cv2.resize(_window(labels, box, (0,)), size, interpolation=cv2.INTER_NEAREST_EXACT)
    scale = np.array([size[0] / width, size[1] / height])
    return _Region(picture, labels, np.array([left, top], float), scale)


def _window(values: np.ndarray, box: np.ndarray, border: tuple[int, ...]) -> np.ndarray:
    """A box of an array ``(H, W[, C])``, what lies outside in one value."""
    left, top, width, height = (int(v) for v in box)
    rows, columns = values.shape[:2]
    inside = values[max(top, 0) : min(top + height, rows), max(left, 0) : min(left + width, columns)]
    shape = (height, width, *values.shape[2:])
    window = np.empty(shape, values.dtype)
    window[...] = np.array(border, values.dtype) if values.ndim == 3 else border[0]
    at = (max(-top, 0), max(-left, 0))
    window[at[0] : at[0] + inside.shape[0], at[1] : at[1] + inside.shape[1]] = inside
    return window


def _with_hands(region: _Region, found: Sequence[PhotoHands], skeleton: HandPair) -> np.ndarray:
    """Parts and skeletons of hands that are there."""
    picture = region.picture
    if region.labels is not None and region.labels.any():
        there = region.labels > 0
        picture = blended(picture, part_colours()[region.labels], _ALPHA, there)
        edges = cv2.findContours(there.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)[-2]
        cv2.drawContours(picture, edges, -1, (255, 255, 255), 1, cv2.LINE_AA)
    for hands in found:
        shown = hands.shown[list(skeleton.hand_of)]
        side = float(hands.crop_xywh_px[2]) * float(region.scale.mean())
        scale = float(np.clip(side / 256, 0.6, 4.0))
        picture = draw_hands(picture, region.place(hands.joints_px), shown, scale, skeleton, halo=True)
    return picture


def _with_box(picture: np.ndarray, region: _Region, hands: PhotoHands) -> np.ndarray:
    """The given box as a thin line, and what is there on a label at its upper left."""
    height, width = picture.shape[:2]
    corner, far = hands.box.xywh_px[:2], hands.box.xywh_px[:2] + hands.box.xywh_px[2:]
    left, top = np.clip(region.place(corner), 1, (width - 2, height - 2))
    right, bottom = np.clip(region.place(far), 1, (width - 2, height - 2))
    page = Image.fromarray(picture)
    pen = ImageDraw.Draw(page)
    if hands.box.source != WHOLE:
        pen.rectangle((left - 1, top - 1, right + 1, bottom + 1), outline=DARK, width=1)
        pen.rectangle((left, top, right, bottom), outline=(255, 255, 255), width=1)
    text = hands.told() if hands.shown.any() else f"no hand ({hands.told()})"
    letters = font(round(float(np.clip(width / 70, 13, 22))))
    wide, high = letters.getlength(text) + 14, letters.size + 8
    x, y = min(left, max(width - wide - 2, 0)), max(top - high - 2, 2)
    pen.rounded_rectangle((x, y, x + wide, y + high), 4, fill=DARK)
    pen.text((x + 7, y + high / 2), text, fill="#fffefb", font=letters, anchor="lm")
    return np.asarray(page)
