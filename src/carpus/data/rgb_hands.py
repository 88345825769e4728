"""The truth of an RGB record as a pair of hands, whatever joints its dataset has."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from carpus.errors import ConfigError, DataError
from carpus.skeletons import INTERHAND, HandPair, Skeleton
from carpus.types import Inputs, Record


def hands_of(record: Record, skeleton: Skeleton, pair: HandPair = INTERHAND) -> Inputs:
    """The truth of a record as a pair of hands, under the names protocols and codecs read.

    A dataset of one hand per picture fills the side its ``hand_type`` says; the other side is invalid.

    Args:
        record: of any RGB-hand dataset.
        skeleton: the dataset's joints.
        pair: the joints wanted; of InterHand2.6M by default.
    Returns:
        ``camera`` ``(4,)``; ``hand_type`` ``(2,)`` bool right, left; ``hand_type_valid`` and ``segm_valid``
        ``()`` bool; ``root_depth_mm`` ``(2,)``; and, where there are labels, ``joints_cam_mm`` ``(J, 3)``,
        ``joint_valid`` ``(J,)`` bool and, where they are published, ``joints_px`` ``(J, 2)`` and
        ``joint_visible`` ``(J,)`` bool.
    Raises:
        ConfigError: if the joints cannot be brought to the pair's.
        DataError: if a field is missing.
    """
    fields = record.fields
    missing = [name for name in ("camera", "hand_type", "root_depth_mm") if name not in fields]
    if missing:
        raise DataError(
            f"{record.key}: the record has no {', '.join(missing)}; hands in 3D need the publisher's full "
            "annotation, of keypoints alone method=handflow2d learns"
        )
    hand_type = np.asarray(fields["hand_type"]).astype(bool)
    inputs: Inputs = {
        "camera": np.asarray(fields["camera"], np.float32),
        "hand_type": hand_type,
        "hand_type_valid": np.array(bool(fields.get("hand_type_valid", True))),
        "root_depth_mm": np.asarray(fields["root_depth_mm"], np.float32),
        "segm_valid": np.array("segm" in record.images and bool(fields.get("segm_valid", True))),
    }
    if "joints_cam_mm" in fields:
        joints = np.asarray(fields["joints_cam_mm"], np.float32)
        valid = np.asarray(fields.get("joint_valid", np.ones(len(joints), bool)), bool)
        inputs["joints_cam_mm"], inputs["joint_valid"] = as_pair(joints, valid, hand_type, skeleton, pair)
        if "joints_px" in fields:
            pixels = np.asarray(fields["joints_px"], np.float32)
            inputs["joints_px"] = as_pair(pixels, valid, hand_type, skeleton, pair)[0]
        if "joint_visible" in fields:
            visible = np.asarray(fields["joint_visible"], bool) & valid
            inputs["joint_visible"] = as_pair(joints, visible, hand_type, skeleton, pair)[1]
    return inputs


def as_pair(
    joints: np.ndarray, valid: np.ndarray, hand_type: np.ndarray, skeleton: Skeleton, pair: HandPair
) -> tuple[np.ndarray, np.ndarray]:
    """Joints of one hand or two as those of a pair.

    Args:
        joints: ``(K, D)`` of ``skeleton``.
        valid: ``(K,)`` bool.
        hand_type: ``(2,)`` bool right, left.
        skeleton: of the joints: a pair, or one hand whose joints have no side.
        pair: the joints wanted.
    Returns:
        ``(J, D)``, zeros for an absent hand, and ``(J,)`` bool.
    Raises:
        ConfigError: if joints are missing, or it is not clear which hand they belong to.
    Example:
        >>> from carpus.skeletons import INTERHAND_HAND
        >>> left = np.array([False, True])
        >>> _, valid = as_pair(np.ones((21, 3)), np.ones(21, bool), left, INTERHAND_HAND, INTERHAND)
        >>> valid[:21].any(), valid[21:].all()
        (np.False_, np.True_)
    """
    if skeleton.joints == pair.joints:
        return joints, valid
    if isinstance(skeleton, HandPair):
        order = _order(skeleton, pair, pair.joints)
        return joints[order], valid[order]
    if hand_type.sum() != 1:
        raise ConfigError(
            f"joints of {skeleton.name}: one hand, but hand_type (right, left) is {hand_type.tolist()}"
        )
    count, left = pair.joints_per_hand, int(hand_type[1])
    names = [name.split("_", 1)[1] for name in pair.joints[:count]]
    order = _order(skeleton, pair, names)
    found, known = np.zeros((2 * count, joints.shape[1]), joints.dtype), np.zeros(2 * count, bool)
    place = slice(left * count, (left + 1) * count)
    found[place], known[place] = joints[order], valid[order]
    return found, known


def _order(skeleton: Skeleton, pair: HandPair, wanted: Sequence[str]) -> np.ndarray:
    """Places of the wanted joints."""
    missing = [name for name in wanted if name not in skeleton.joints]
    if missing:
        raise ConfigError(f"the joints of {skeleton.name} lack those of {pair.name}: {', '.join(missing)}")
    return np.array([skeleton.joints.index(name) for name in wanted])
