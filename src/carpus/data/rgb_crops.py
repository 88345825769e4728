"""The crop of a record's picture and of its part mask, as RGB-hand methods take it."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import torch

from carpus.codecs.part_labels import CLASSES, swap_hands
from carpus.data.augment_rgb import RgbDraw
from carpus.data.rgb_images import decode_labels, decode_rgb
from carpus.errors import ConfigError, DataError
from carpus.geometry.crops import crop_map, mirror, shifted_box, warp, warp_labels
from carpus.types import Record

_OTHER_HAND = swap_hands(torch.arange(CLASSES, dtype=torch.uint8)).numpy()


@dataclass(frozen=True)
class RgbCrop:
    """A crop of a record's picture.

    Args:
        image: ``(S, S, 3)`` uint8, red first, before the colour factors.
        labels: ``(M, M)`` uint8 part mask of the crop, or None where the record has none.
        image_to_crop: ``(2, 3)`` float32, published pixel to crop pixel, a mirror included.
        flipped: whether the crop shows the mirrored image.
        colour: ``(3,)`` float32 factors on red, green, blue.
    """

    image: np.ndarray
    labels: np.ndarray | None
    image_to_crop: np.ndarray
    flipped: bool
    colour: np.ndarray


def make_crop(record: Record, draw: RgbDraw, crop_px: int = 256, mask_px: int = 128) -> RgbCrop:
    """The crop of ``crop_xywh_px``, augmented; the record stays as it is.

    Args:
        record: with the picture ``rgb`` and, where it has one, the part mask ``segm``; its field
            ``bad_labels`` is for :func:`carpus.data.rgb_images.decode_labels`.
        draw: the augmentation.
        crop_px: side of the crop.
        mask_px: side of the mask, a divisor of ``crop_px``: it keeps every so manieth row and column.
    Raises:
        DataError: for a picture or mask that cannot be used.
    """
    image = picture_of(record)
    width = image.shape[1]
    box = shifted_box(crop_box(record), np.array(draw.shift))
    try:
        placed = crop_map(box, crop_px, draw.scale, draw.turn_deg, width if draw.flip else None)
    except ValueError as error:
        raise DataError(f"{record.key}: {error}") from None
    to_crop = placed.image_to_crop
    labels = _crop_labels(record, image.shape[:2], to_crop, draw.flip, (crop_px, mask_px))
    return RgbCrop(
        warp(cv2.flip(image, 1) if draw.flip else image, to_crop, crop_px),
        labels,
        mirror(to_crop, width) if draw.flip else to_crop,
        draw.flip,
        np.array(draw.colour, np.float32),
    )


def picture_of(record: Record) -> np.ndarray:
    """The record's whole picture ``(H, W, 3)`` uint8, red first.

    Raises:
        DataError: if there is none, or it cannot be decoded.
    """
    if "rgb" not in record.images:
        raise DataError(f"{record.key}: the record has no picture")
    try:
        return decode_rgb(record.images["rgb"], str(record.fields.get("rgb_coding", "standard")))
    except DataError as error:
        raise DataError(f"{record.key}: {error}") from None


def crop_box(record: Record) -> np.ndarray:
    """``(4,)`` float32 the square box to crop, left, top, width, height in pixels.

    Raises:
        DataError: if the record has none.
    """
    if "crop_xywh_px" not in record.fields:
        raise DataError(f"{record.key}: the record has no crop_xywh_px, the square box to crop")
    return np.asarray(record.fields["crop_xywh_px"], np.float32)


def _crop_labels(
    record: Record,
    size_hw: tuple[int, ...],
    to_crop: np.ndarray,
    flip: bool,
    sides_px: tuple[int, int],
) -> np.ndarray | None:
    """The mask of a crop, hands exchanged where it is mirrored."""
    if "segm" not in record.images:
        return None
    crop_px, mask_px = sides_px
    if crop_px % mask_px:
        raise ConfigError(f"a mask of {mask_px} pixels cannot be taken from a crop of {crop_px}: no divisor")
    try:
        labels = decode_labels(
            record.images["segm"],
            str(record.fields.get("bad_labels", "error")),
            str(record.fields.get("segm_coding", "standard")),
        )
    except DataError as error:
        raise DataError(f"{record.key}: {error}") from None
    if labels.shape != tuple(size_hw):
        raise DataError(
            f"{record.key}: the mask has {labels.shape[0]} rows and {labels.shape[1]} columns, the picture "
            f"{size_hw[0]} and {size_hw[1]}"
        )
    found = warp_labels(cv2.flip(labels, 1) if flip else labels, to_crop, crop_px, crop_px // mask_px)
    return _OTHER_HAND[found] if flip else found
