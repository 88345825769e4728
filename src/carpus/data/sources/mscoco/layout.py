"""Where COCO-WholeBody and NeuralAnnot keep their files, and how 134 key points are put together."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from carpus.data.whole_body_people import Layout
from carpus.data.whole_body_source import image_layout_wh
from carpus.skeletons import MSCOCO

KEYPOINTS = {
    "keypoints": 17,
    "foot_kpts": 6,
    "lefthand_kpts": 21,
    "righthand_kpts": 21,
    "face_kpts": 68,
}
"""Lists of key points of a person in the order of the joint set, and how many each has."""
PART_BOXES = {"lefthand": "lefthand_box", "righthand": "righthand_box", "face": "face_box"}
"""Parts in the order of a record's boxes."""
IMAGES: Layout = {"image_wh": ("q", 2)}

FITS = {
    "smplx": ("MSCOCO_train_SMPLX_all_NeuralAnnot.json", "MSCOCO_train_SMPLX_NeuralAnnot.json"),
    "smpl": ("MSCOCO_train_SMPL_NeuralAnnot.json",),
    "mano": ("MSCOCO_train_MANO_NeuralAnnot.json",),
    "flame": ("MSCOCO_train_FLAME_NeuralAnnot.json",),
}
"""Names of the files of fits; only training images have any."""

_LEFT_HIP, _RIGHT_HIP, _PELVIS = (MSCOCO.index(name) for name in ("left_hip", "right_hip", "pelvis"))
_COPIES = [
    (MSCOCO.index(of_part), MSCOCO.index(of_body))
    for of_part, of_body in (
        ("left_wrist_of_hand", "left_wrist"),
        ("right_wrist_of_hand", "right_wrist"),
        ("nose_bridge_4", "nose"),
    )
]


def annotation_names(split: str) -> tuple[str, ...]:
    """Places of the file of key points below the root.

    Example:
        >>> annotation_names("val")[0]
        'annotations/coco_wholebody_val_v1.0.json'
    """
    return tuple(f"{folder}coco_wholebody_{split}_v1.0.json" for folder in ("annotations/", ""))


def fit_names(model: str) -> tuple[str, ...]:
    """Places of the file of fits below the root."""
    return tuple(f"{folder}{name}" for name in FITS[model] for folder in ("annotations/", ""))


def picture_folder(root: Path, split: str) -> str:
    """Folder of the pictures below the root, with a slash at its end.

    COCO's own archives unpack beside ``annotations``, some programs expect them below ``images``.
    """
    folder = f"{split}2017/"
    return (
        folder if (root / folder).is_dir() and not (root / "images" / folder).is_dir() else f"images/{folder}"
    )


def image_row(item: Any) -> dict[str, Any]:
    """Columns of an entry of ``images``."""
    return {"image_wh": image_layout_wh(item)}


def merge_joints(keypoints: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The 134 joints of a person of the 133 published key points.

    The pelvis is the middle of the hips. A hand's wrist that is not annotated is the body's, and so is the
    tip of the nose.

    Args:
        keypoints: ``(133, 3)`` u, v and visibility, the lists of :data:`KEYPOINTS` one after the other.
    Returns:
        ``(134, 2)`` float32 pixels, ``(134,)`` bool.
    """
    joints = np.insert(keypoints.astype(np.float32), _PELVIS, 0, axis=0)
    left, right = joints[_LEFT_HIP], joints[_RIGHT_HIP]
    joints[_PELVIS] = [*(left[:2] + right[:2]) / 2, left[2] * right[2]]
    points, valid = joints[:, :2].copy(), joints[:, 2] > 0
    for of_part, of_body in _COPIES:
        if not valid[of_part]:
            points[of_part], valid[of_part] = points[of_body], valid[of_body]
    return points, valid
