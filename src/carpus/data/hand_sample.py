"""One hand of a record as networks for one hand take it: always the same side, cropped about its joints."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from carpus.data.hand_sample_choice import OneHand, one_hand
from carpus.data.hand_sample_colour import recoloured
from carpus.data.hand_sample_geometry import (
    BONE,
    Place,
    apply,
    crop_matrices,
    hand_place,
    kinematics,
    mirror_matrix,
    moved,
    nearest_crop,
    smooth_crop,
    turn_matrix,
)
from carpus.data.hand_sample_rules import FIXED, ColourDraw, HandDraw, HandRules
from carpus.data.rgb_crops import crop_box, picture_of
from carpus.data.rgb_depth import depth_metres, hand_map, read_coded_depth
from carpus.errors import DataError
from carpus.skeletons import SNAP, Skeleton
from carpus.types import Inputs, Record

_SMALLEST_SIDE_PX = 2.0


@dataclass(frozen=True)
class HandSample:
    """A crop of one hand and the truth in it; joints in the order of :data:`carpus.skeletons.SNAP`.

    Args:
        rgb: ``(S, S, 3)`` uint8, red first, colours changed where that was drawn.
        image_to_crop: ``(2, 3)`` float32, pixel of the published picture to pixel of the crop; a mirror is
            part of it.
        flipped: whether the hand was mirrored.
        left: whether it is a left hand in the published picture.
        joints_px: ``(21, 2)`` float32 in the crop.
        valid: ``(21,)`` bool: joints with a label.
        visible: ``(21,)`` bool: joints that are seen, where that is published.
        joints_m: ``(21, 3)`` float32 metres, mirrored and turned like the crop; None without 3D labels.
        intrinsics: ``(3, 3)`` float32 of the crop, which project ``joints_m`` to ``joints_px``; None for an
            unknown camera.
        depth: ``(M, M)`` float32 nearness, see :func:`carpus.data.rgb_depth.hand_map`; None without depth.
        silhouette: ``(M, M)`` bool where the hand is; None where that is not known.
    """

    rgb: np.ndarray
    image_to_crop: np.ndarray
    flipped: bool
    left: bool
    joints_px: np.ndarray
    valid: np.ndarray
    visible: np.ndarray
    joints_m: np.ndarray | None
    intrinsics: np.ndarray | None
    depth: np.ndarray | None
    silhouette: np.ndarray | None

    def inputs(self, map_px: int = 64) -> Inputs:
        """The sample as arrays for a batch, below 230 kB; what is not known is zero and said to be invalid.

        Args:
            map_px: side of the maps, for samples without them.
        """
        known = self.joints_m is not None and bool(self.valid[list(BONE)].all())
        joints = self.joints_m if self.joints_m is not None else np.zeros((len(SNAP), 3), np.float32)
        hand = kinematics(joints) if known else {}
        empty = np.zeros((map_px, map_px), np.float32)
        return {
            "rgb": self.rgb,
            "image_to_crop": self.image_to_crop,
            "flipped": np.array(self.flipped),
            "hand_left": np.array(self.left),
            "kp2d": self.joints_px,
            "kp_valid": self.valid,
            "kp_visible": self.visible,
            "joint": joints,
            "joint_root": hand.get("root", np.zeros(3, np.float32)),
            "joint_bone": hand.get("bone", np.ones(1, np.float32)),
            "joint_known": np.array(known),
            "intr": self.intrinsics if self.intrinsics is not None else np.eye(3, dtype=np.float32),
            "dep": self.depth if self.depth is not None else empty,
            "dep_veil": np.array([self.depth is not None], np.float32),
            "mask": self.silhouette if self.silhouette is not None else empty.astype(bool),
            "mask_veil": np.array([self.silhouette is not None], np.float32),
        }


def make_hand_sample(
    record: Record, skeleton: Skeleton, draw: HandDraw | None = None, rules: HandRules = FIXED
) -> HandSample:
    """The sample of a record's one hand, or of the one that :func:`~carpus.data.hand_sample_choice.one_hand`
    takes of two.

    Args:
        record: of any RGB-hand dataset.
        skeleton: the dataset's joints.
        draw: the augmentation; None for none.
        rules: see :class:`~carpus.data.hand_sample_rules.HandRules`.
    Raises:
        DataError: naming the record whose picture, depth, mask or joints cannot be used.
    """
    draw = draw or HandDraw()
    hand = one_hand(record, skeleton)
    image = picture_of(record)
    height, width = image.shape[:2]
    _check_size(record, "hand mask", hand.silhouette, (height, width))
    flipped = hand.left != (rules.hand_side == "left")
    mirror = mirror_matrix(width - 1 if rules.flip_minus_one else width) if flipped else np.eye(3)
    camera = _intrinsics(record, mirror if rules.flip_intrinsics else np.eye(3))
    place = moved(_place(record, hand, mirror), draw.shift, draw.scale)
    optical_center = np.zeros(2) if camera is None else camera[:2, 2]
    maps = crop_matrices(place, draw.turn_rad, optical_center, rules.crop_px)
    crops = _Crops(flipped, maps.total, rules)
    joints_px = apply(maps.total, apply(mirror, hand.joints_px)).astype(np.float32)
    joints_m = _turned(hand.joints_m, flipped, draw.turn_rad)
    found = _depth(record, hand, joints_m, crops, (height, width))
    depth, silhouette = found or (None, crops.silhouette(hand.silhouette))
    return HandSample(
        crops.colour(image, draw.colour),
        (maps.total.astype(np.float64) @ mirror)[:2].astype(np.float32),
        flipped,
        hand.left,
        np.trunc(joints_px) if rules.round_kp else joints_px,
        hand.valid,
        hand.visible,
        joints_m,
        None if camera is None else (maps.post.astype(np.float64) @ camera).astype(np.float32),
        depth,
        silhouette,
    )


@dataclass(frozen=True)
class _Crops:
    """Crops of pictures of one size."""

    flipped: bool
    total: np.ndarray
    rules: HandRules

    def plain(self, image: np.ndarray) -> np.ndarray:
        """Of what must not be blended."""
        image, side = self._mirrored(image), self.rules.crop_px
        if self.rules.warp == "nearest":
            return nearest_crop(image, self.total, side)
        return smooth_crop(image, self.total, side, blend=False)

    def colour(self, image: np.ndarray, draw: ColourDraw | None) -> np.ndarray:
        """Of a picture, with the drawn colours."""
        if draw is not None and self.rules.colour_on == "image":
            image, draw = recoloured(image, draw), None
        if self.rules.warp == "nearest":
            crop = self.plain(image)
        else:
            crop = smooth_crop(self._mirrored(image), self.total, self.rules.crop_px, blend=True)
        if draw is None:
            return crop
        zoom = float(np.hypot(self.total[0, 0], self.total[1, 0]))
        return recoloured(crop, draw, zoom, self.plain(np.ones(image.shape[:2], np.uint8)) > 0)

    def silhouette(self, mask: np.ndarray | None) -> np.ndarray | None:
        """Of a mask ``(H, W)`` bool, at the size of the maps."""
        if mask is None:
            return None
        crop = self.plain(mask.astype(np.uint8) * 255)
        return cv2.resize(crop, (self.rules.map_px, self.rules.map_px), interpolation=cv2.INTER_AREA) > 127

    def _mirrored(self, image: np.ndarray) -> np.ndarray:
        return cv2.flip(image, 1) if self.flipped else image


def _intrinsics(record: Record, mirror: np.ndarray) -> np.ndarray | None:
    """``(3, 3)`` of the picture after mirroring."""
    if "camera" not in record.fields:
        return None
    fx, fy, cx, cy = (float(value) for value in np.asarray(record.fields["camera"]))
    cx = float(apply(mirror, np.array([cx, cy]))[0])
    return np.array([[fx, 0.0, cx], [0.0, fy, cy], [0.0, 0.0, 1.0]])


def _place(record: Record, hand: OneHand, mirror: np.ndarray) -> Place:
    """Where the hand is, mirrored at the end: cutting to whole pixels does not commute with mirroring.

    A picture without labels is cropped where its box says.
    """
    if hand.valid.any():
        place = hand_place(hand.joints_px[hand.valid])
    else:
        box = crop_box(record)
        place = Place(np.trunc(box[:2] + box[2:] / 2), float(box[2:].max()))
    if not np.isfinite(place.side) or place.side < _SMALLEST_SIDE_PX:
        raise DataError(f"{record.key}: the hand's {int(hand.valid.sum())} valid joints span no box to crop")
    return place._replace(center=apply(mirror, place.center))


def _turned(joints_m: np.ndarray | None, flipped: bool, turn_rad: float) -> np.ndarray | None:
    if joints_m is None:
        return None
    side = np.array([-1.0 if flipped else 1.0, 1.0, 1.0])
    return (joints_m * side @ turn_matrix(turn_rad).T).astype(np.float32)


def _depth(
    record: Record, hand: OneHand, joints_m: np.ndarray | None, crops: _Crops, size_hw: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray] | None:
    """The hand's nearness and silhouette; only what the mask says is this hand, where there is one."""
    if "depth" not in record.images or joints_m is None:
        return None
    try:
        coded = read_coded_depth(record.images["depth"])
    except DataError as error:
        raise DataError(f"{record.key}: depth: {error}") from None
    _check_size(record, "depth image", coded, size_hw)
    if hand.silhouette is not None:
        coded = np.where(hand.silhouette[..., None], coded, np.uint8(0))
    metres = depth_metres(crops.plain(coded), str(record.fields.get("depth_coding", "")))
    return hand_map(metres, joints_m[hand.valid, 2], crops.rules.map_px)


def _check_size(record: Record, what: str, image: np.ndarray | None, size_hw: tuple[int, int]) -> None:
    if image is not None and image.shape[:2] != size_hw:
        sizes = [f"{width} x {height}" for height, width in (image.shape[:2], size_hw)]
        raise DataError(f"{record.key}: the {what} has {sizes[0]} pixels, the picture {sizes[1]}")
