"""Which keypoints a picture shows, by the rule RHD's authors state: what the mask has around them."""

from __future__ import annotations

import numpy as np
from numba import njit

from carpus.data.part_codes import RHD_FIRST, RHD_PARTS, RHD_VALUES
from carpus.skeletons import Skeleton

_REACH_MM, _LEAST_PX, _SHARE = 6.0, 2, 0.25
_NEIGHBOURS = {"tip": ("tip",), "dip": ("tip", "mid"), "pip": ("mid", "base"), "mcp": ("base", "palm")}


def related_values(skeleton: Skeleton, side: str) -> np.ndarray:
    """``(J, 34)`` bool: mask values of the parts that meet at a joint.

    Args:
        skeleton: 21 joints of a hand.
        side: ``right`` or ``left``.
    """
    table = np.zeros((len(skeleton), RHD_VALUES), bool)
    for row, joint in enumerate(skeleton.joints):
        finger, _, place = joint.partition("_")
        finger = "pinky" if finger == "little" else finger
        for part in _NEIGHBOURS.get(place, ("palm",)):
            name = "palm" if part == "palm" else f"{finger}_{part}"
            table[row, RHD_FIRST[side] + RHD_PARTS.index(name)] = True
    return table


def visible_joints(
    mask: np.ndarray, joints_px: np.ndarray, depth_mm: np.ndarray, focal_px: float, related: np.ndarray
) -> np.ndarray:
    """``(J,)`` bool: a quarter of the pixels around the keypoint show parts that meet there.

    Args:
        mask: ``(H, W)`` uint8 of RHD's values.
        joints_px: ``(J, 2)``.
        depth_mm: ``(J,)`` of the joints.
        focal_px: of the camera; around is within 6 mm.
        related: of :func:`related_values`.
    """
    reach = np.maximum(np.rint(_REACH_MM * focal_px / depth_mm), _LEAST_PX).astype(np.int64)
    return _share(mask, np.rint(joints_px).astype(np.int64), reach, related) >= _SHARE


@njit(cache=True, nogil=True)
def _share(mask, centre, reach, related):  # noqa: ANN001, ANN202
    """``(J,)`` share of related pixels in a square; 0 where the middle is outside the image."""
    height, width = mask.shape
    shares = np.zeros(len(centre))
    for joint in range(len(centre)):
        u, v, size = centre[joint, 0], centre[joint, 1], reach[joint]
        if not (0 <= u < width and 0 <= v < height):
            continue
        found, total = 0, 0
        for row in range(max(v - size, 0), min(v + size + 1, height)):
            for col in range(max(u - size, 0), min(u + size + 1, width)):
                found += related[joint, mask[row, col]]
                total += 1
        shares[joint] = found / total
    return shares
