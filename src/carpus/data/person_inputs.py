"""One record of a person, a hand or a face as it goes to the device: crop, its maps, and the truth by name.

Samples of all datasets have the same names and shapes, so that one batch can hold several: what a dataset
does not publish is zero and has a mask that says so. Targets are made of it on the device
(:class:`carpus.codecs.whole_body.PersonCodec`).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from carpus.codecs.whole_body.layout import PartLayout, get_layout
from carpus.data.augment import NoAugmentation
from carpus.data.augment_person import PersonAugmentation
from carpus.data.augment_rgb import NoRgbAugmentation, RgbDraw
from carpus.data.person_crops import crop_person
from carpus.data.person_truth import for_scores, model_of, part_boxes_of
from carpus.errors import ConfigError, DataError
from carpus.geometry.person_boxes import ENLARGE
from carpus.skeletons import Skeleton, get_skeleton
from carpus.skeletons.whole_body_pose import matching
from carpus.types import Inputs, Record

_WRISTS = ("wrist_of_hand", "wrist")


class PersonInputs:
    """What methods of whole bodies, and of single parts, ship of a record.

    Crops of hands are of right hands: those of left ones are mirrored, always, and those of right ones never.

    Args:
        skeleton: the dataset's joints, or their name; None for one without joints.
        part: a layout or the name of a published one: ``whole_body``, ``body``, ``hand``, ``face``.
        augment: what is drawn for training samples; None for nothing.
        enlarge: factor on the box that a dataset publishes, where it is not ready to be cropped.
        crop_hw: height and width of the crop; None for the layout's.
    Raises:
        ConfigError: for augmentation of another kind, or a skeleton without any of the part's joints.
    Example:
        >>> PersonInputs("mscoco", "whole_body").layout.crop_hw
        (512, 384)
    """

    def __init__(
        self,
        skeleton: Skeleton | str | None,
        part: PartLayout | str = "whole_body",
        augment: PersonAugmentation | NoAugmentation | None = None,
        enlarge: float = ENLARGE,
        crop_hw: Sequence[int] | None = None,
    ) -> None:
        self.skeleton = get_skeleton(skeleton) if isinstance(skeleton, str) else skeleton
        self.layout, self.enlarge = get_layout(part), enlarge
        self.crop_hw = self.layout.crop_hw if crop_hw is None else (int(crop_hw[0]), int(crop_hw[1]))
        if augment is not None and not isinstance(augment, PersonAugmentation | NoAugmentation):
            raise ConfigError(
                f"augment: {type(augment).__name__} is not for crops of people; take augment=person or none"
            )
        self.augment = augment if isinstance(augment, PersonAugmentation) else NoRgbAugmentation()
        nowhere = np.full(len(self.layout.joints), -1)
        self.places = (nowhere, nowhere)
        if self.skeleton is not None:
            self.places = joint_places(self.skeleton, self.layout)

    def __call__(self, record: Record, rng: np.random.Generator, train: bool) -> Inputs:
        """Arrays of one sample, in training without what only scoring needs; reproducible by ``rng``.

        Returns:
            ``rgb`` ``(H, W, 3)`` uint8 before the colour factors and ``colour`` ``(3,)`` (see
            :func:`carpus.data.augment_rgb.tinted`); ``image_to_crop`` and ``crop_to_image`` ``(2, 3)`` in
            published pixels, a mirror included; ``flipped``; ``turn_deg``; ``image_wh`` ``(2,)``;
            ``crop_xywh_px`` ``(4,)`` the box before augmentation; :func:`joints_of` in the layout's order;
            :func:`~carpus.data.person_truth.model_of`; of whole bodies ``part_boxes_xyxy_px`` ``(3, 4)`` and
            ``part_box_valid`` ``(3,)``; of hands ``hand_type`` ``(2,)``; for scoring
            :func:`~carpus.data.person_truth.for_scores`.
        Raises:
            DataError: naming the record, for a picture or box that cannot be used or a field that is missing.
        """
        left = self._is_left(record)
        draw = self._draw(rng, left) if train else RgbDraw(flip=bool(left))
        inputs = crop_person(record, draw, self.crop_hw, self.enlarge)
        inputs |= joints_of(record, self.skeleton, self.places[int(bool(left))])
        inputs |= model_of(record, self.layout)
        if self.layout.has_parts:
            inputs |= part_boxes_of(record)
        if self.layout.one_hand:
            inputs["hand_type"] = np.array([not left, left])
        return inputs if train else for_scores(record, self.layout) | inputs

    def _draw(self, rng: np.random.Generator, left: bool | None) -> RgbDraw:
        draw = self.augment.draw(rng)
        if left is None:
            return draw
        return RgbDraw(draw.shift, draw.scale, draw.turn_deg, left, draw.colour)

    def _is_left(self, record: Record) -> bool | None:
        """Whether the record is a left hand; None if it is no hand."""
        if not self.layout.one_hand:
            return None
        hand_type = np.asarray(record.fields.get("hand_type", ()), bool)
        if hand_type.shape != (2,) or hand_type.sum() != 1:
            raise DataError(
                f"{record.key}: hand_type (right, left) is {hand_type.tolist()}; a hand's record needs "
                "exactly one"
            )
        return bool(hand_type[1])


def joints_of(record: Record, skeleton: Skeleton | None, places: np.ndarray) -> Inputs:
    """A dataset's joints in another order, zeros where it has none.

    Args:
        record: of any whole-body dataset.
        skeleton: the dataset's joints; None where it has none.
        places: ``(J,)`` of the wanted joints among them, -1 for none (:func:`joint_places`).
    Returns:
        ``label_px`` ``(J, 2)``, ``label_cam_mm`` ``(J, 3)``, ``label_valid`` ``(J,)`` bool; ``label_known``
        ``(J,)`` bool, whether the dataset has such a joint at all; ``label_3d`` ``()`` bool, whether there
        are joints in space; ``label_from_model`` ``()`` bool, whether the fitted model stands for them.
    Raises:
        DataError: naming the record, for joints of another number, or a labelled one that is not finite.
    """
    fields, count = record.fields, len(places)
    from_model = bool(fields.get("joints_from_model", 0))
    known = (places >= 0) & ("joints_px" in fields)
    valid = np.zeros(count, bool)
    if known.any():
        valid = _own(record, "joint_valid", skeleton).reshape(-1).astype(bool)[places] & known
    inputs: Inputs = {"label_valid": valid, "label_known": known, "label_from_model": np.array(from_model)}
    for name, label, size in (("joints_px", "label_px", 2), ("joints_cam_mm", "label_cam_mm", 3)):
        inputs[label] = np.zeros((count, size), np.float32)
        if known.any() and name in fields:
            values = _own(record, name, skeleton)[places].astype(np.float32)
            finite = np.isfinite(values).all(-1)
            if (valid & ~finite).any():
                raise DataError(
                    f"{record.key}: {name} of joints that are marked valid are not finite numbers"
                )
            inputs[label] = np.where((known & finite)[:, None], values, np.float32(0))
    return inputs | {"label_3d": np.array("joints_cam_mm" in fields or from_model)}


def _own(record: Record, name: str, skeleton: Skeleton | None) -> np.ndarray:
    assert skeleton is not None
    values = np.asarray(record.fields.get(name, np.ones(len(skeleton), bool)))
    if len(values) != len(skeleton):
        raise DataError(
            f"{record.key}: {name} has {len(values)} joints, skeleton {skeleton.name} {len(skeleton)}"
        )
    return values


def joint_places(skeleton: Skeleton, layout: PartLayout) -> tuple[np.ndarray, np.ndarray]:
    """Where a layout's joints are among a dataset's, by name; -1 where it has none.

    Args:
        skeleton: the dataset's joints.
        layout: whose joints are wanted.
    Returns:
        ``(J,)`` for a right hand and for a left one; the same twice where joints are not those of one hand.
    Raises:
        ConfigError: if there is none of them.
    Example:
        >>> from carpus.codecs.whole_body.layout import LAYOUTS
        >>> from carpus.skeletons.whole_body_datasets import MSCOCO
        >>> [places[:3].tolist() for places in joint_places(MSCOCO, LAYOUTS["hand"])]
        [[45, 46, 47], [24, 25, 26]]
    """
    wanted = layout.joints
    places = matching(skeleton, wanted)
    both = (places, places)
    if layout.one_hand and (places < 0).any():
        both = (_of_side(skeleton, "right", wanted), _of_side(skeleton, "left", wanted))
    if (both[0] < 0).all():
        raise ConfigError(
            f"skeleton {skeleton.name} has none of the joints of {wanted.name}, which method part "
            f"'{layout.name}' needs"
        )
    return both


def _of_side(skeleton: Skeleton, side: str, wanted: Skeleton) -> np.ndarray:
    """Places of one hand's joints among those of people with sides."""
    found = []
    for joint in wanted.joints:
        names = [f"{side}_{name}" for name in (_WRISTS if joint == "wrist" else (joint,))]
        found.append(next((skeleton.joints.index(name) for name in names if name in skeleton.joints), -1))
    return np.array(found)
