"""The crop of a record's person: from the published box to pixels and the maps between image and crop."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from carpus.data.augment_rgb import RgbDraw
from carpus.data.rgb_images import decode_rgb
from carpus.errors import DataError
from carpus.geometry.person_boxes import ENLARGE, person_box
from carpus.geometry.person_warp import person_map, published_map, warp_person
from carpus.types import Inputs, Record


def crop_person(record: Record, draw: RgbDraw, crop_hw: Sequence[int], enlarge: float = ENLARGE) -> Inputs:
    """The crop around a record's person, augmented.

    Args:
        record: with the picture ``rgb`` and the box ``bbox_xywh_px``; a box that is ``box_ready`` is cropped
            as it is, any other is cut to the image, brought to the crop's aspect and enlarged.
        draw: the augmentation.
        crop_hw: height and width of the crop.
        enlarge: factor on the box.
    Returns:
        ``rgb``, ``colour``, ``image_to_crop``, ``crop_to_image``, ``flipped``, ``turn_deg``, ``image_wh`` and
        ``crop_xywh_px``, see :class:`carpus.data.person_inputs.PersonInputs`.
    Raises:
        DataError: naming the picture, or the box and the size of the image.
    """
    box_of = _published_box(record)
    image = person_picture(record)
    height, width = image.shape[:2]
    box = ready_box(record, box_of, (width, height), crop_hw, enlarge)
    solved = person_map(box, crop_hw, draw.scale, draw.turn_deg, width if draw.flip else None)
    maps = published_map(solved, width) if draw.flip else solved
    return {
        "rgb": warp_person(image, maps.image_to_crop, crop_hw),
        "colour": np.array(draw.colour, np.float32),
        "image_to_crop": maps.image_to_crop,
        "crop_to_image": maps.crop_to_image,
        "flipped": np.array(draw.flip),
        "turn_deg": np.array(draw.turn_deg, np.float32),
        "image_wh": np.array([width, height], np.int64),
        "crop_xywh_px": box,
    }


def person_picture(record: Record) -> np.ndarray:
    """The record's whole picture ``(H, W, 3)`` uint8, red first.

    Raises:
        DataError: naming the picture's file, if there is none, it cannot be decoded, or it is not of the size
            that its dataset says.
    """
    named = f"{record.key}: picture {record.fields.get('image', 'without a path')}"
    if "rgb" not in record.images:
        raise DataError(f"{named}: the record does not hold it")
    try:
        image = decode_rgb(record.images["rgb"], str(record.fields.get("rgb_coding", "standard")))
    except DataError as error:
        raise DataError(f"{named}: {error}") from None
    found = [image.shape[1], image.shape[0]]
    said = np.asarray(record.fields.get("image_wh", found)).astype(np.int64).tolist()
    if said != found:
        raise DataError(
            f"{named} is {found[0]} x {found[1]} pixels, its annotation says {said[0]} x {said[1]}: boxes "
            "and joints would be off; copy the published picture again"
        )
    return image


def ready_box(
    record: Record,
    bbox_xywh_px: np.ndarray,
    image_wh: Sequence[int],
    crop_hw: Sequence[int],
    enlarge: float = ENLARGE,
) -> np.ndarray:
    """``(4,)`` float32 xywh: the box of a record that is cropped.

    Raises:
        DataError: naming box and image, if the box has no extent or lies outside the image.
    """
    if bool(record.fields.get("box_ready", 0)):
        box = np.asarray(bbox_xywh_px, np.float32)
        usable = np.isfinite(box).all() and (box[2:] > 0).all()
    else:
        box = person_box(bbox_xywh_px, image_wh, crop_hw, enlarge)
        usable = np.isfinite(box).all()
    if not usable:
        given = ", ".join(f"{value:g}" for value in np.asarray(bbox_xywh_px).tolist())
        raise DataError(
            f"{record.key}: the box (left, top, width, height) = ({given}) has no extent in its image of "
            f"{image_wh[0]} x {image_wh[1]} pixels"
        )
    return box


def _published_box(record: Record) -> np.ndarray:
    if "bbox_xywh_px" not in record.fields:
        raise DataError(f"{record.key}: the record has no bbox_xywh_px, the person's box")
    box = np.asarray(record.fields["bbox_xywh_px"], np.float64).reshape(-1)
    if box.shape != (4,):
        raise DataError(f"{record.key}: bbox_xywh_px has {box.size} numbers, 4 expected")
    return box
