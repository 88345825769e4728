"""From keypoints of one hand to its crop, and what the turn of a crop means in space."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from PIL import Image

from carpus.skeletons import SNAP

BOX_FACTOR = 2.0
"""Side of the crop per longer side of the keypoints' box."""
ROOT = SNAP.index("middle_mcp")
BONE = (SNAP.index("wrist"), ROOT)
"""The joints whose distance is the unit of length."""
_PARENTS = list(SNAP.parents[1:])


class Place(NamedTuple):
    """Where a hand is in its picture.

    Args:
        center: ``(2,)`` whole pixels.
        side: of the square to crop, pixels.
    """

    center: np.ndarray
    side: float


class CropMatrices(NamedTuple):
    """The maps of a crop, ``(3, 3)`` float32 each.

    Args:
        total: pixel of the picture to pixel of the crop.
        post: what the intrinsics are multiplied by from the left.
    """

    total: np.ndarray
    post: np.ndarray


def hand_place(joints_px: np.ndarray) -> Place:
    """The middle of a hand's box, cut to whole pixels, and twice the box's longer side.

    Args:
        joints_px: ``(J, 2)``.
    Example:
        >>> hand_place(np.array([[10.0, 20.0], [50.0, 31.0]]))
        Place(center=array([30, 25]), side=80.0)
    """
    low, high = np.min(joints_px, 0), np.max(joints_px, 0)
    center = np.trunc((low + high) / 2).astype(np.int64)
    return Place(center, BOX_FACTOR * float(np.max(high - low)))


def moved(place: Place, shift: tuple[float, float], scale: float) -> Place:
    """A place moved by shares of its side, cut to whole pixels, and scaled.

    Example:
        >>> moved(Place(np.array([30, 25]), 80.0), (0.1, -0.06), 1.5)
        Place(center=array([38, 21]), side=120.0)
    """
    offset = np.trunc(np.asarray(shift) * place.side).astype(np.int64)
    return Place(place.center + offset, place.side * scale)


def crop_matrices(place: Place, turn_rad: float, optical_center_px: np.ndarray, crop_px: int) -> CropMatrices:
    """The maps of a turned square to the crop.

    The picture turns about its origin. Turning the scene about the optical axis turns it about the optical
    centre instead, and ``post`` makes up for the difference, so that the turned joints still project to the
    keypoints of the crop where both focal lengths are equal.

    Args:
        place: the square.
        turn_rad: its turn.
        optical_center_px: ``(2,)`` cx, cy.
        crop_px: side of the crop.
    """
    turn = turn_matrix(turn_rad)
    turned_center = turn[:2, :2] @ place.center
    about_axis = turn[:2, :2] @ (place.center - optical_center_px) + optical_center_px
    total = _to_crop(turned_center, place.side, crop_px) @ turn
    post = _to_crop(about_axis, place.side, crop_px)
    return CropMatrices(total.astype(np.float32), post.astype(np.float32))


def turn_matrix(turn_rad: float) -> np.ndarray:
    """``(3, 3)`` turn of pixels, or of points about the optical axis."""
    cosine, sine = np.cos(turn_rad), np.sin(turn_rad)
    return np.array([[cosine, -sine, 0.0], [sine, cosine, 0.0], [0.0, 0.0, 1.0]])


def _to_crop(center: np.ndarray, side: float, crop_px: int) -> np.ndarray:
    """The map of an upright square to the crop: its centre to the crop's half."""
    zoom = crop_px / side
    offset = crop_px / 2 - zoom * np.asarray(center, np.float64)
    return np.array([[zoom, 0.0, offset[0]], [0.0, zoom, offset[1]], [0.0, 0.0, 1.0]])


def mirror_matrix(last: float) -> np.ndarray:
    """``(3, 3)`` map of a column u to ``last - u``."""
    return np.array([[-1.0, 0.0, last], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])


def apply(matrix: np.ndarray, pixels: np.ndarray) -> np.ndarray:
    """Pixels ``(*, 2)`` under a map ``(3, 3)`` or ``(2, 3)``, float64.

    Example:
        >>> apply(mirror_matrix(639.0), np.array([[600.0, 7.0]]))
        array([[39.,  7.]])
    """
    matrix = np.asarray(matrix, np.float64)
    return np.asarray(pixels, np.float64) @ matrix[:2, :2].T + matrix[:2, 2]


def nearest_crop(image: np.ndarray, total: np.ndarray, crop_px: int) -> np.ndarray:
    """The crop of a picture as published: the pixel under each point, black outside.

    Args:
        image: ``(H, W)`` or ``(H, W, 3)`` uint8.
        total: ``(3, 3)`` picture to crop.
        crop_px: side of the crop.
    """
    back = np.linalg.inv(np.asarray(total, np.float64))[:2].ravel().tolist()
    how = (Image.Transform.AFFINE, back, Image.Resampling.NEAREST)
    return np.asarray(Image.fromarray(image).transform((crop_px, crop_px), *how))


def smooth_crop(image: np.ndarray, total: np.ndarray, crop_px: int, blend: bool) -> np.ndarray:
    """The crop whose pixels lie where the keypoints say: the first pixel's centre is (0, 0).

    Args:
        image: ``(H, W)`` or ``(H, W, 3)`` uint8.
        total: ``(3, 3)`` picture to crop.
        crop_px: side of the crop.
        blend: bilinear; False takes the nearest pixel.
    """
    flags = cv2.INTER_LINEAR if blend else cv2.INTER_NEAREST
    return cv2.warpAffine(image, np.asarray(total, np.float64)[:2], (crop_px, crop_px), flags=flags)


def kinematics(joints: np.ndarray, epsilon: float = 0.0) -> dict[str, np.ndarray]:
    """A hand in its own unit of length, and its bones.

    Args:
        joints: ``(*, 21, 3)`` in the order of :data:`carpus.skeletons.SNAP`, any unit.
        epsilon: added to the bones' lengths before directions are divided by them.
    Returns:
        ``root`` ``(*, 3)`` the middle finger's base; ``bone`` ``(*, 1)`` its distance from the wrist;
        ``relative`` ``(*, 21, 3)`` to the root; ``scaled`` the same per ``bone``; ``chain`` ``(*, 20, 3)``
        directions from the parents of joints 1 to 20 and ``length`` ``(*, 20, 1)`` per ``bone``; of the
        joints' type.
    """
    root = joints[..., ROOT, :]
    bone = np.linalg.norm(joints[..., BONE[1], :] - joints[..., BONE[0], :], axis=-1)[..., None]
    relative = joints - root[..., None, :]
    scaled = relative / bone[..., None, :]
    chain = scaled[..., 1:, :] - scaled[..., _PARENTS, :]
    length = np.linalg.norm(chain, axis=-1, keepdims=True)
    return {
        "root": root,
        "bone": bone,
        "relative": relative,
        "scaled": scaled,
        "chain": chain / (length + epsilon),
        "length": length,
    }
