"""Square crops of an image: from a box to the affine map between image and crop, as used for RGB hands."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np

SMALLEST_PX = 1.0
"""Side that a box of no extent is given."""


class CropMap(NamedTuple):
    """Where a crop lies in its image, both directions ``(2, 3)`` float32 in pixels.

    Each is solved from the same three pairs of points on its own; they undo each other up to rounding.
    """

    image_to_crop: np.ndarray
    crop_to_image: np.ndarray


def square_box(bbox_xywh_px: np.ndarray, enlarge: float = 1.25) -> np.ndarray:
    """The square around a box: its longer side, enlarged, about its centre; it may leave the image.

    Args:
        bbox_xywh_px: ``(*, 4)`` left, top, width, height.
        enlarge: factor on the side.
    Returns:
        ``(*, 4)`` float32 of the same form.
    Example:
        >>> square_box(np.array([10.0, 20.0, 40.0, 80.0]))
        array([-20.,  10., 100., 100.], dtype=float32)
    """
    box = np.asarray(bbox_xywh_px, np.float32)
    centre = box[..., :2] + box[..., 2:] / 2
    side = np.maximum(box[..., 2:].max(-1, keepdims=True), np.float32(SMALLEST_PX)) * np.float32(enlarge)
    return np.concatenate([centre - side / 2, side, side], -1)


def shifted_box(bbox_xywh_px: np.ndarray, shift: np.ndarray) -> np.ndarray:
    """A copy of a box, moved by a share of its width and height.

    Args:
        bbox_xywh_px: ``(4,)``.
        shift: ``(2,)`` shares.
    Example:
        >>> shifted_box(np.array([10.0, 20.0, 100.0, 50.0]), np.array([0.1, -0.1]))
        array([ 20.,  15., 100.,  50.], dtype=float32)
    """
    box = np.array(bbox_xywh_px, np.float32)
    box[:2] += box[2:] * np.asarray(shift)
    return box


def crop_map(
    bbox_xywh_px: np.ndarray,
    crop_px: int,
    scale: float = 1.0,
    turn_deg: float = 0.0,
    mirrored_width: int | None = None,
) -> CropMap:
    """The map of a box to a square crop.

    The source is spanned by the box's centre, a point below it and a point right of it, turned and scaled;
    the destination by the crop's centre (crop_px / 2), the middle of its lower and of its right edge.

    Args:
        bbox_xywh_px: ``(4,)``, of the image as it is published.
        crop_px: side of the crop.
        scale: factor on the box.
        turn_deg: angle by which the box is turned.
        mirrored_width: width of the image where the crop is taken from the mirrored image; the map is then
            that of the mirrored image (see :func:`mirror`).
    Raises:
        ValueError: for a box without a centre or extent.
    Example:
        >>> crop_map(np.array([10.0, 20.0, 64.0, 64.0]), 256).image_to_crop
        array([[  4.,   0., -40.],
               [  0.,   4., -80.]], dtype=float32)
    """
    box = np.asarray(bbox_xywh_px, np.float32)
    if not (np.isfinite(box).all() and (box[2:] > 0).all()):
        raise ValueError(f"a crop needs a box of some extent, got {box.tolist()}")
    centre = box[:2] + box[2:] / 2
    if mirrored_width is not None:
        centre[0] = mirrored_width - 1 - centre[0]
    half = np.float32(crop_px / 2)
    source = _span(centre, box[2:] * np.float32(scale), turn_deg)
    target = np.array([(half, half), (half, crop_px), (crop_px, half)], np.float32)
    solved = (cv2.getAffineTransform(source, target), cv2.getAffineTransform(target, source))
    return CropMap(solved[0].astype(np.float32), solved[1].astype(np.float32))


def _span(centre: np.ndarray, size: np.ndarray, turn_deg: float) -> np.ndarray:
    """``(3, 2)`` float32: centre, the point half a height below it, the point half a width right of it."""
    turn = np.deg2rad(turn_deg)
    sine, cosine = np.sin(turn), np.cos(turn)
    down, right = size[1] / 2, size[0] / 2
    offsets = np.array([(0, 0), (-down * sine, down * cosine), (right * cosine, right * sine)], np.float32)
    return centre + offsets


def mirror(image_to_crop: np.ndarray, width: int) -> np.ndarray:
    """The map of the published image, of a map ``(2, 3)`` of the image mirrored left to right.

    Args:
        image_to_crop: of the mirrored image.
        width: of the image in pixels.
    Example:
        >>> mirror(np.array([[1.0, 0.0, 5.0], [0.0, 1.0, 0.0]]), 101)
        array([[ -1.,   0., 105.],
               [  0.,   1.,   0.]])
    """
    found = np.array(image_to_crop)
    found[:, 2] += found[:, 0] * (width - 1)
    found[:, 0] = -found[:, 0]
    return found + np.zeros((), found.dtype)


def apply_affine(matrix: np.ndarray, pixels: np.ndarray) -> np.ndarray:
    """Pixels ``(*, 2)`` under a map ``(2, 3)``.

    Example:
        >>> apply_affine(np.array([[2.0, 0.0, 1.0], [0.0, 2.0, 0.0]]), np.array([[3.0, 4.0]]))
        array([[7., 8.]])
    """
    return pixels @ matrix[:, :2].T + matrix[:, 2]


def warp(image: np.ndarray, image_to_crop: np.ndarray, crop_px: int) -> np.ndarray:
    """The crop of a picture, bilinear, black outside.

    Args:
        image: ``(H, W)`` or ``(H, W, C)`` uint8.
        image_to_crop: ``(2, 3)``.
        crop_px: side of the crop.
    """
    return cv2.warpAffine(image, image_to_crop, (crop_px, crop_px), flags=cv2.INTER_LINEAR)


def warp_labels(labels: np.ndarray, image_to_crop: np.ndarray, crop_px: int, step: int = 1) -> np.ndarray:
    """The crop of a mask: the nearest label, 0 outside.

    Args:
        labels: ``(H, W)`` uint8.
        image_to_crop: ``(2, 3)``.
        crop_px: side of the crop.
        step: keep every so manieth row and column of the crop; only those are computed.
    Returns:
        ``(crop_px / step, crop_px / step)``.
    """
    back = cv2.invertAffineTransform(np.asarray(image_to_crop, np.float64))
    back[:, :2] *= step
    side = -(-crop_px // step)
    flags = cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(labels, back, (side, side), flags=flags)
