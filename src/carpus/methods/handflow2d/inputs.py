"""One RGB record to the crop of one hand, and the truth in the crop and in the picture."""

from __future__ import annotations

import dataclasses

import numpy as np

from carpus.data.augment import NoAugmentation
from carpus.data.hand_sample import HandSample, make_hand_sample
from carpus.data.hand_sample_choice import joints_of
from carpus.data.hand_sample_geometry import BOX_FACTOR
from carpus.data.hand_sample_rules import PRESETS, HandAugmentation, HandRules, NoHandAugmentation
from carpus.data.rgb_crops import crop_box
from carpus.data.rgb_hands import as_pair
from carpus.errors import ConfigError, unknown
from carpus.geometry.crops import square_box
from carpus.skeletons import INTERHAND, Skeleton, get_skeleton
from carpus.types import Inputs, Record

_ASSUMED_FOCAL_PX = 1000.0
_ASSUMED_DEPTH_MM = 1000.0
_TAKEN_AS_IT_IS = 1.05


class HandFlowInputs:
    """What :func:`~carpus.data.hand_sample.make_hand_sample` ships, and the truth as a pair of hands.

    Of two hands in a picture one is looked at; the truth of the other is marked as invalid, so that it counts
    neither for the loss nor for the score.

    Args:
        skeleton: the dataset's joints, or their name.
        rules: ``fixed`` or ``faithful`` (published) habits of the sample preparation, see
            :class:`~carpus.data.hand_sample_rules.HandRules`.
        crop_px: side of the crop.
        map_px: side of heat maps, depth map and silhouette.
        hand_side: every hand is shown as this one.
        augment: what is drawn for training samples; None for nothing.
    Raises:
        ConfigError: for unknown rules, or an augmentation of other samples.
    """

    def __init__(
        self,
        skeleton: Skeleton | str,
        rules: str = "fixed",
        crop_px: int = 256,
        map_px: int = 64,
        hand_side: str = "right",
        augment: HandAugmentation | NoHandAugmentation | NoAugmentation | None = None,
    ) -> None:
        if rules not in PRESETS:
            raise ConfigError(unknown("method.inputs.rules", rules, PRESETS))
        self.skeleton = get_skeleton(skeleton) if isinstance(skeleton, str) else skeleton
        preset: HandRules = PRESETS[rules]
        self.rules = dataclasses.replace(preset, crop_px=crop_px, map_px=map_px, hand_side=hand_side)
        allowed = HandAugmentation | NoHandAugmentation | NoAugmentation
        if augment is not None and not isinstance(augment, allowed):
            raise ConfigError(
                f"augment: {type(augment).__name__} is for other samples; take augment=handflow2d or none"
            )
        self.augment = augment if isinstance(augment, HandAugmentation) else NoHandAugmentation()

    def __call__(self, record: Record, rng: np.random.Generator, train: bool) -> Inputs:
        """Arrays of one sample; the same generator state gives the same arrays.

        Training samples leave out what only scoring needs, so that all datasets ship the same names and can
        share a batch.
        """
        draw = self.augment.draw(rng) if train else None
        sample = make_hand_sample(_framed(record), self.skeleton, draw, self.rules)
        made = sample.inputs(self.rules.map_px)
        if sample.intrinsics is None:
            made["intr"] = _assumed_intrinsics(sample.image_to_crop, self.rules.crop_px)
        return made if train else {**made, **self._truth(record, sample), **_place(record)}

    def _truth(self, record: Record, sample: HandSample) -> Inputs:
        """Joints of the hand that is looked at, in the published picture, as a pair of hands."""
        side = np.array([not sample.left, sample.left])
        truth: Inputs = {"hand_type": side}
        pixels, points = joints_of(record, self.skeleton)
        fields = record.fields
        if "joints_px" not in fields and points is None:
            return truth
        valid = np.asarray(fields.get("joint_valid", np.ones(len(pixels))), bool)
        visible = np.asarray(fields.get("joint_visible", valid), bool) & valid
        looked_at = np.repeat(side, INTERHAND.joints_per_hand)
        truth["joints_px"], known = as_pair(pixels, valid, side, self.skeleton, INTERHAND)
        truth["joint_valid"] = known & looked_at
        truth["joint_visible"] = as_pair(pixels, visible, side, self.skeleton, INTERHAND)[1] & looked_at
        if points is not None:
            truth["joints_cam_mm"] = as_pair(points, valid, side, self.skeleton, INTERHAND)[0]
        return truth


def _framed(record: Record) -> Record:
    """A record without labels, its crop as much larger than its hand as those of labelled ones are.

    They are cropped to a multiple of their keypoints' box. Here the box that hands were found in stands for
    it, if the record enlarges it for its own crop; one that it takes as it is, such as a whole picture, is
    not drawn tightly about a hand.
    """
    fields = record.fields
    if {"joints_px", "joints_cam_mm"} & set(fields) or "bbox_xywh_px" not in fields:
        return record
    box = np.asarray(fields["bbox_xywh_px"], np.float32)
    if crop_box(record)[2:].max() <= box[2:].max() * _TAKEN_AS_IT_IS:
        return record
    return dataclasses.replace(record, fields={**fields, "crop_xywh_px": square_box(box, BOX_FACTOR)})


def _assumed_intrinsics(image_to_crop: np.ndarray, crop_px: int) -> np.ndarray:
    """``(3, 3)`` of a crop of a picture whose camera nobody knows: it looks at the crop's middle."""
    focal = _ASSUMED_FOCAL_PX * float(np.hypot(*image_to_crop[:, 0]))
    middle = (crop_px - 1) / 2
    return np.array([[focal, 0, middle], [0, focal, middle], [0, 0, 1]], np.float32)


def _place(record: Record) -> Inputs:
    """Camera of the picture and the middle of its box in space, for pictures and views."""
    fields = record.fields
    camera = np.asarray(fields.get("camera", [_ASSUMED_FOCAL_PX, _ASSUMED_FOCAL_PX, 0, 0]), np.float32)
    box = crop_box(record)
    depths = np.asarray(fields.get("root_depth_mm", [_ASSUMED_DEPTH_MM] * 2), np.float32)
    present = np.asarray(fields.get("hand_type", (1, 1)), bool)
    depth = float(depths[present].mean() if present.any() else depths.mean())
    middle = (box[:2] + box[2:] / 2 - camera[2:]) / camera[:2] * depth
    return {"camera": camera, "center_mm": np.array([*middle, depth], np.float32)}
