"""Boxes around people and their parts: cut to the image, brought to a crop's aspect, made of joints.

Boxes are ``(*, 4)`` in pixels: xywh is left, top, width, height; xyxy is left, top, right, bottom. A box that
cannot be used comes back as NaN, so that many boxes go in one call.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

ENLARGE = 1.25
"""Factor on a person's box before it is cropped."""


def clip_box(bbox_xywh_px: np.ndarray, image_wh: np.ndarray | Sequence[float]) -> np.ndarray:
    """Boxes cut to their image, as the published program does it.

    Every pass takes a pixel off width and height, and a box that begins left of the image or above it is
    moved inwards at its full size before it is cut on the other side.

    Args:
        bbox_xywh_px: ``(*, 4)``.
        image_wh: ``(2,)`` or ``(*, 2)`` width and height.
    Returns:
        ``(*, 4)`` float64; NaN for a box that has no extent or lies outside the image.
    Example:
        >>> clip_box(np.array([-10.0, 5.0, 31.0, 21.0]), (640, 480)).tolist()
        [0.0, 5.0, 30.0, 20.0]
        >>> np.isnan(clip_box(np.array([700.0, 5.0, 30.0, 20.0]), (640, 480))).all()
        np.True_
    """
    box, size = np.asarray(bbox_xywh_px, np.float64), np.asarray(image_wh, np.float64)
    first = np.maximum(box[..., :2], 0)
    last = np.minimum(size - 1, first + np.maximum(box[..., 2:] - 1, 0))
    usable = (box[..., 2] * box[..., 3] > 0) & (last > first).all(-1)
    return np.where(usable[..., None], np.concatenate([first, last - first], -1), np.nan)


def aspect_box(bbox_xywh_px: np.ndarray, aspect: float, enlarge: float = ENLARGE) -> np.ndarray:
    """Boxes with their smaller side stretched to an aspect, then enlarged, about their centres.

    Args:
        bbox_xywh_px: ``(*, 4)``.
        aspect: width over height that is wanted.
        enlarge: factor on both sides.
    Returns:
        ``(*, 4)`` float64; boxes may leave their image.
    Example:
        >>> aspect_box(np.array([10.0, 20.0, 40.0, 40.0]), 0.75, enlarge=1.5).tolist()
        [0.0, 0.0, 60.0, 80.0]
    """
    box = np.asarray(bbox_xywh_px, np.float64)
    centre, size = box[..., :2] + box[..., 2:] / 2, box[..., 2:]
    wanted = np.maximum(size, size[..., ::-1] * np.array([aspect, 1 / aspect])) * enlarge
    return np.concatenate([centre - wanted / 2, wanted], -1)


def person_box(
    bbox_xywh_px: np.ndarray,
    image_wh: np.ndarray | Sequence[float],
    crop_hw: Sequence[int],
    enlarge: float = ENLARGE,
) -> np.ndarray:
    """The boxes to crop of published ones: cut to the image, of the crop's aspect, with some surroundings.

    Args:
        bbox_xywh_px: ``(*, 4)`` as published.
        image_wh: ``(2,)`` or ``(*, 2)`` width and height.
        crop_hw: height and width of the crop.
        enlarge: factor on both sides.
    Returns:
        ``(*, 4)`` float32; they may leave the image; NaN for a box that cannot be used.
    Example:
        >>> person_box(np.array([100.0, 50.0, 151.0, 201.0]), (640, 480), (512, 384))
        array([ 81.25,  25.  , 187.5 , 250.  ], dtype=float32)
    """
    return aspect_box(clip_box(bbox_xywh_px, image_wh), crop_hw[1] / crop_hw[0], enlarge).astype(np.float32)


def box_of_points(points_px: np.ndarray, valid: np.ndarray | None = None, enlarge: float = 1.2) -> np.ndarray:
    """The boxes around points, enlarged about their centres.

    Args:
        points_px: ``(*, J, 2)``.
        valid: ``(*, J)`` which points count; None for all.
        enlarge: factor on both sides; 1.2 for people and AGORA, 1.5 for InterHand2.6M.
    Returns:
        ``(*, 4)`` float32 xywh; NaN where no point counts.
    Example:
        >>> box_of_points(np.array([[0.0, 0.0], [10.0, 20.0], [99.0, 99.0]]), np.array([1, 1, 0]))
        array([-1., -2., 12., 24.], dtype=float32)
    """
    points = np.asarray(points_px, np.float64)
    counts = np.ones(points.shape[:-1], bool) if valid is None else np.asarray(valid).astype(bool)
    first = np.where(counts[..., None], points, np.inf).min(-2)
    last = np.where(counts[..., None], points, -np.inf).max(-2)
    some = counts.any(-1, keepdims=True)
    centre, size = np.where(some, first + last, np.nan) / 2, np.where(some, last - first, np.nan) * enlarge
    return np.concatenate([centre - size / 2, size], -1).astype(np.float32)


def xyxy_of(bbox_xywh: np.ndarray) -> np.ndarray:
    """Left, top, right, bottom of boxes ``(*, 4)`` given as left, top, width, height.

    Example:
        >>> xyxy_of(np.array([10.0, 20.0, 30.0, 40.0])).tolist()
        [10.0, 20.0, 40.0, 60.0]
    """
    box = np.asarray(bbox_xywh)
    return np.concatenate([box[..., :2], box[..., :2] + box[..., 2:]], -1)


def xywh_of(bbox_xyxy: np.ndarray) -> np.ndarray:
    """Left, top, width, height of boxes ``(*, 4)`` given as left, top, right, bottom.

    Example:
        >>> xywh_of(np.array([10.0, 20.0, 40.0, 60.0])).tolist()
        [10.0, 20.0, 30.0, 40.0]
    """
    box = np.asarray(bbox_xyxy)
    return np.concatenate([box[..., :2], box[..., 2:] - box[..., :2]], -1)
