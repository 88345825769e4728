"""One sample of RGB hands as it goes to the device: crop, mask, the maps that belong to it, and the truth."""

from __future__ import annotations

import numpy as np

from carpus.data.augment_rgb import RgbDraw
from carpus.data.rgb_crops import make_crop
from carpus.data.rgb_hands import hands_of
from carpus.skeletons import INTERHAND, HandPair, Skeleton
from carpus.types import Inputs, Record


def hand_inputs(
    record: Record,
    draw: RgbDraw,
    skeleton: Skeleton,
    crop_px: int = 256,
    mask_px: int = 128,
    pair: HandPair = INTERHAND,
) -> Inputs:
    """What RGB-hand methods ship of a record: at most 256 · 256 · 3 bytes and a few numbers.

    Joints and hand types are those of the published image, also where the crop is mirrored; a codec that
    knows ``image_to_crop`` and ``flipped`` makes targets of them.

    Args:
        record: of any RGB-hand dataset.
        draw: the augmentation.
        skeleton: the dataset's joints.
        crop_px: side of the crop.
        mask_px: side of the part mask.
        pair: the joints wanted.
    Returns:
        :func:`carpus.data.rgb_hands.hands_of`, and ``rgb`` ``(S, S, 3)`` uint8 before the colour factors,
        ``colour`` ``(3,)`` (see :func:`carpus.data.augment_rgb.tinted`), ``image_to_crop`` ``(2, 3)``,
        ``flipped`` ``()`` bool and ``segm_target`` ``(M, M)`` uint8, zeros where ``segm_valid`` is false.
    Raises:
        DataError: for a picture or mask that cannot be used, or a field that is missing.
    """
    crop = make_crop(record, draw, crop_px, mask_px)
    hands = hands_of(record, skeleton, pair)
    labels = crop.labels if crop.labels is not None else np.zeros((mask_px, mask_px), np.uint8)
    return {
        **hands,
        "rgb": crop.image,
        "colour": crop.colour,
        "image_to_crop": crop.image_to_crop,
        "flipped": np.array(crop.flipped),
        "segm_target": labels if hands["segm_valid"] else np.zeros_like(labels),
    }
