"""Crops of people: from a box of any aspect to the affine map, its inverse and the picture under it."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from carpus.geometry.crops import CropMap, mirror


def person_map(
    bbox_xywh_px: np.ndarray,
    crop_hw: Sequence[int],
    scale: float = 1.0,
    turn_deg: float = 0.0,
    mirrored_width: int | None = None,
) -> CropMap:
    """The map of a box to a crop, each direction solved from three pairs of points in float32.

    The points are the box's centre, half a height below it and half a width right of it, scaled and turned;
    in the crop its centre (half its sides), the middle of its lower and of its right edge.

    Args:
        bbox_xywh_px: ``(4,)``, of the image as it is published.
        crop_hw: height and width of the crop.
        scale: factor on the box.
        turn_deg: angle by which the box is turned.
        mirrored_width: width of the image where the crop shows the mirrored image; the map is then that of
            the mirrored image (:func:`published_map` makes it that of the published one).
    Raises:
        ValueError: for a box without a centre or extent.
    Example:
        >>> person_map(np.array([10.0, 20.0, 96.0, 128.0]), (512, 384)).image_to_crop.round(3) + 0.0
        array([[  4.,   0., -40.],
               [  0.,   4., -80.]], dtype=float32)
    """
    box = np.asarray(bbox_xywh_px, np.float64)
    if not (np.isfinite(box).all() and (box[2:] > 0).all()):
        raise ValueError(f"a crop needs a box of some extent, got {box.tolist()}")
    centre = box[:2] + box[2:] / 2
    if mirrored_width is not None:
        centre[0] = mirrored_width - centre[0] - 1
    source = _corner(centre, box[2:] * scale / 2, turn_deg)
    half = np.array([crop_hw[1], crop_hw[0]], np.float32) / 2
    target = _corner(half, half, 0.0)
    solved = (cv2.getAffineTransform(source, target), cv2.getAffineTransform(target, source))
    return CropMap(solved[0].astype(np.float32), solved[1].astype(np.float32))


def published_map(of_mirrored: CropMap, width: int) -> CropMap:
    """Both maps of the published image, of those of the image mirrored left to right.

    Args:
        of_mirrored: as :func:`person_map` solves them with ``mirrored_width``.
        width: of the image in pixels.
    Example:
        >>> found = published_map(person_map(np.array([0.0, 0.0, 4.0, 4.0]), (4, 4), mirrored_width=11), 11)
        >>> (found.crop_to_image @ [*(found.image_to_crop @ [3.0, 1.0, 1.0]), 1.0]).tolist()
        [3.0, 1.0]
    """
    back = np.array(of_mirrored.crop_to_image)
    back[0] = -back[0]
    back[0, 2] += width - 1
    return CropMap(mirror(of_mirrored.image_to_crop, width), back + np.zeros((), back.dtype))


def warp_person(image: np.ndarray, image_to_crop: np.ndarray, crop_hw: Sequence[int]) -> np.ndarray:
    """The crop of a picture, bilinear, black outside; a mirror in the map mirrors it.

    Args:
        image: ``(H, W)`` or ``(H, W, C)``, uint8 or float32.
        image_to_crop: ``(2, 3)``.
        crop_hw: height and width of the crop.
    Example:
        >>> warp_person(np.eye(3, dtype=np.uint8), np.eye(2, 3), (2, 4)).tolist()
        [[1, 0, 0, 0], [0, 1, 0, 0]]
    """
    return cv2.warpAffine(image, image_to_crop, (crop_hw[1], crop_hw[0]), flags=cv2.INTER_LINEAR)


def _corner(centre: np.ndarray, half: np.ndarray, turn_deg: float) -> np.ndarray:
    """``(3, 2)`` float32: centre, half a height below it and half a width right of it in a turned frame."""
    turn = np.pi * turn_deg / 180
    sine, cosine = np.sin(turn), np.cos(turn)
    width, height = half
    offsets = np.array(
        [(0, 0), (-height * sine, height * cosine), (width * cosine, width * sine)], np.float32
    )
    return np.asarray(centre, np.float32) + offsets
