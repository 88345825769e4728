"""One hand of a record: which one, its joints in the order used inside, and where it is seen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from carpus.codecs.part_labels import PARTS_PER_HAND
from carpus.data.rgb_images import decode_labels, mask_values
from carpus.errors import ConfigError, DataError
from carpus.geometry.camera import Camera
from carpus.skeletons import SNAP, HandPair, Skeleton
from carpus.types import Record

_MASK_IS_HAND = 127
"""Silhouettes are published as JPEG, whose black and white are only nearly so."""


@dataclass(frozen=True)
class OneHand:
    """What a record says of one hand, joints in the order of :data:`carpus.skeletons.SNAP`.

    Args:
        left: which hand it is.
        joints_px: ``(21, 2)`` float32 in the published picture; zeros without labels.
        joints_m: ``(21, 3)`` float32 metres, or None without 3D labels.
        valid: ``(21,)`` bool, which joints have labels; none of an unlabelled picture.
        visible: ``(21,)`` bool, which are seen, where that is published; else ``valid``.
        silhouette: ``(H, W)`` bool, or None.
    """

    left: bool
    joints_px: np.ndarray
    joints_m: np.ndarray | None
    valid: np.ndarray
    visible: np.ndarray
    silhouette: np.ndarray | None


def one_hand(record: Record, skeleton: Skeleton) -> OneHand:
    """The hand a method that looks at one hand takes of a record.

    Of two hands it is the one with more pixels in the part mask, the left one if it has strictly more;
    without a mask the one whose valid joints span the larger box.

    Args:
        record: of any RGB-hand dataset.
        skeleton: the dataset's joints, of one hand or of a pair.
    Raises:
        DataError: if the record has a mask that cannot be used, or does not say which hand it is.
        ConfigError: if the joints are not those of a hand.
    """
    pixels, points = joints_of(record, skeleton)
    fields = record.fields
    labelled = "joints_px" in fields or points is not None
    valid = np.asarray(fields.get("joint_valid", np.full(len(pixels), labelled)), bool)
    visible = np.asarray(fields.get("joint_visible", valid), bool) & valid
    labels = _labels(record)
    left = _is_left(record, skeleton, pixels, valid, labels)
    order = _order(skeleton, left)
    return OneHand(
        left,
        pixels[order],
        None if points is None else points[order] / np.float32(1000),
        valid[order],
        visible[order],
        _silhouette(record, labels, left),
    )


def joints_of(record: Record, skeleton: Skeleton) -> tuple[np.ndarray, np.ndarray | None]:
    """Pixels ``(J, 2)`` and millimetres ``(J, 3)`` or None, float32, of a record's joints.

    Pixels of a picture without labels are zeros.

    Raises:
        DataError: if there are joints in space, but no camera.
    """
    fields = record.fields
    points = fields.get("joints_cam_mm")
    points = None if points is None else np.asarray(points, np.float32)
    if "joints_px" in fields:
        return np.asarray(fields["joints_px"], np.float32), points
    if points is None:
        return np.zeros((len(skeleton), 2), np.float32), None
    if "camera" not in fields:
        raise DataError(f"{record.key}: the record has joints_cam_mm, but neither joints_px nor a camera")
    camera = Camera.from_array(np.asarray(fields["camera"], np.float64))
    return camera.project(points.astype(np.float64)).astype(np.float32), points


def _is_left(
    record: Record, skeleton: Skeleton, pixels: np.ndarray, valid: np.ndarray, labels: np.ndarray | None
) -> bool:
    present = np.asarray(record.fields.get("hand_type", (1, 1))).astype(bool)
    if present.sum() == 1:
        return bool(present[1])
    if not isinstance(skeleton, HandPair):
        raise DataError(
            f"{record.key}: joints of one hand, but hand_type (right, left) is {present.tolist()}"
        )
    if labels is not None:
        counts = np.bincount(labels.ravel(), minlength=2 * PARTS_PER_HAND + 1)
        right, left = counts[1 : PARTS_PER_HAND + 1].sum(), counts[PARTS_PER_HAND + 1 :].sum()
        if right or left:
            return bool(left > right)
    areas = [
        _area(pixels[order][valid[order]]) for order in (_order(skeleton, side) for side in (False, True))
    ]
    return areas[1] > areas[0]


def _area(pixels: np.ndarray) -> float:
    return float(np.prod(np.ptp(pixels, axis=0))) if len(pixels) else -1.0


def _order(skeleton: Skeleton, left: bool) -> np.ndarray:
    """Places of the joints of :data:`SNAP` among the record's."""
    side = ("right_", "left_")[left] if isinstance(skeleton, HandPair) else ""
    wanted = [f"{side}{joint}" for joint in SNAP.joints]
    missing = [joint for joint in wanted if joint not in skeleton.joints]
    if missing:
        raise ConfigError(
            f"the joints of {skeleton.name} lack {', '.join(missing)}: one hand of {len(SNAP)} is needed"
        )
    return np.array([skeleton.joints.index(joint) for joint in wanted])


def _labels(record: Record) -> np.ndarray | None:
    """The part mask, if there is one that counts."""
    fields = record.fields
    if "segm" not in record.images or not fields.get("segm_valid", True):
        return None
    bad, coding = str(fields.get("bad_labels", "error")), str(fields.get("segm_coding", "standard"))
    try:
        return decode_labels(record.images["segm"], bad, coding)
    except DataError as error:
        raise DataError(f"{record.key}: part mask: {error}") from None


def _silhouette(record: Record, labels: np.ndarray | None, left: bool) -> np.ndarray | None:
    if labels is not None:
        return labels > PARTS_PER_HAND if left else (labels > 0) & (labels <= PARTS_PER_HAND)
    if "mask" not in record.images:
        return None
    try:
        return mask_values(record.images["mask"]) > _MASK_IS_HAND
    except DataError as error:
        raise DataError(f"{record.key}: hand mask: {error}") from None
