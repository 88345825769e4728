"""Fields that records of one-hand datasets share, and the boxes made of keypoints."""

from __future__ import annotations

import numpy as np

from carpus.errors import DataError
from carpus.geometry.crops import square_box
from carpus.types import Field

ENLARGE_BOX = 1.2
"""Of the keypoints' tight box, as mmpose publishes boxes of these datasets."""
ENLARGE_CROP = 1.25
"""Of the square about the visible keypoints."""
_FEWEST_VISIBLE = 3


def tight_box(joints_px: np.ndarray, enlarge: float = 1.0) -> np.ndarray:
    """The box of some keypoints, enlarged about its centre; it may leave the picture.

    Args:
        joints_px: ``(J, 2)``.
        enlarge: factor on both sides.
    Returns:
        ``(4,)`` float32 left, top, width, height.
    Example:
        >>> tight_box(np.array([[10.0, 20.0], [20.0, 60.0]]), 1.5)
        array([ 7.5, 10. , 15. , 60. ], dtype=float32)
    """
    low, high = np.asarray(joints_px, np.float64).min(0), np.asarray(joints_px, np.float64).max(0)
    size = (high - low) * enlarge
    return np.concatenate([(low + high - size) / 2, size]).astype(np.float32)


def box_fields(joints_px: np.ndarray, valid: np.ndarray, visible: np.ndarray) -> dict[str, Field]:
    """``bbox_xywh_px`` and ``crop_xywh_px`` of a record.

    Args:
        joints_px: ``(J, 2)`` of all hands.
        valid: ``(J,)`` bool; the box is that of valid joints, times 1.2.
        visible: ``(J,)`` bool; the crop is the square about visible valid joints (about all valid ones where
            fewer than three are visible), times 1.25.
    """
    seen = valid & visible
    if seen.sum() < _FEWEST_VISIBLE:
        seen = valid
    return {
        "bbox_xywh_px": tight_box(joints_px[valid], ENLARGE_BOX),
        "crop_xywh_px": square_box(tight_box(joints_px[seen]), ENLARGE_CROP),
    }


def depth_fields(joints_mm: np.ndarray, wrists: tuple[int, ...], hand_type: np.ndarray) -> dict[str, Field]:
    """``joints_cam_mm`` and ``root_depth_mm`` of a record.

    Args:
        joints_mm: ``(J, 3)``.
        wrists: places of the wrist, or of both.
        hand_type: ``(2,)`` bool right, left; an absent hand gets the depth of the other, which is finite and
            means nothing.
    """
    depths = joints_mm[list(wrists), 2].astype(np.float32)
    depths = np.repeat(depths, 2) if len(wrists) == 1 else np.where(hand_type, depths, depths[hand_type][0])
    return {"joints_cam_mm": joints_mm.astype(np.float32), "root_depth_mm": depths}


def check_finite(values: np.ndarray, where: str) -> None:
    """Refuse labels that are not numbers.

    Raises:
        DataError: naming the place.
    """
    if not np.isfinite(values).all():
        raise DataError(f"{where}: a coordinate is not a finite number")
