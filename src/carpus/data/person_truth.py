"""The truth of a record in body-model parameters and part boxes, uniform over datasets."""

from __future__ import annotations

import numpy as np

from carpus.codecs.whole_body.layout import EXPRESSIVE, MODEL_ROTATIONS, PartLayout
from carpus.errors import DataError, unknown
from carpus.skeletons.whole_body import BODY_JOINTS, FACE_JOINTS, LEFT_HAND_JOINTS, RIGHT_HAND_JOINTS
from carpus.skeletons.whole_body_pose import POSE_PARTS
from carpus.types import Inputs, Record

_JOINT_PARTS = (BODY_JOINTS, LEFT_HAND_JOINTS, RIGHT_HAND_JOINTS, FACE_JOINTS)
_SIZES = {"model_shape": 10, "model_expr": 10, "model_trans_m": 3}
_USED = {"image", "image_wh", "box_ready", "gender", "rgb_coding", "joints_from_model"}


def model_of(record: Record, layout: PartLayout) -> Inputs:
    """The parameters of a record's body model, where they are of the layout's family.

    Parts that were not fitted are zero and invalid. A fit without a camera of its own is seen by the
    record's.

    Args:
        record: of any whole-body dataset.
        layout: what is wanted.
    Returns:
        ``model_valid`` ``()`` bool; ``model_pose`` ``(3R,)`` axis-angle, ``model_shape`` ``(10,)``,
        ``model_expr`` ``(10,)`` of families with a face, ``model_trans_m`` ``(3,)``; ``model_pose_valid``
        ``(R,)``, ``model_joint_valid`` ``(J,)`` and ``model_expr_valid`` ``()`` bool; ``model_camera``
        ``(4,)``; ``model_rotation`` ``(3, 3)`` and ``model_translation_m`` ``(3,)`` world to camera, the
        identity where the fit is in the camera; ``gender`` ``()`` 0 neutral, 1 male, 2 female. Zeros where
        there is no fit.
    Raises:
        DataError: naming the record, for parameters of another length or without a camera.
    """
    fields = record.fields
    present = fields.get("model") == layout.model
    inputs: Inputs = {
        "model_valid": np.array(present),
        "model_camera": np.array([1, 1, 0, 0], np.float32),
        "model_rotation": np.eye(3, dtype=np.float32),
        "model_translation_m": np.zeros(3, np.float32),
        "gender": np.array(int(fields.get("gender", 0)), np.int64),
        **_parameters(record, layout.model, present),
    }
    if present or "model" in fields:
        inputs |= _seen_by(record)
    parts = np.full(4, present)
    if present and layout.model == "smplx":
        parts = np.asarray(fields.get("model_part_valid", np.ones(4, bool)), bool)
        _without_absent_parts(inputs, parts)
    pose_valid, joint_valid = np.full(layout.rotations, present), np.full(len(layout.joints), present)
    if layout.model == "smplx":
        for valid, pose, joints in zip(parts, POSE_PARTS.values(), _JOINT_PARTS, strict=True):
            pose_valid[pose], joint_valid[joints] = valid, valid
    if present:
        pose_valid &= _own_mask(record, "model_pose_valid", len(pose_valid))
        joint_valid &= _own_mask(record, "model_joint_valid", len(joint_valid))
    inputs |= {"model_pose_valid": pose_valid, "model_joint_valid": joint_valid}
    if layout.model in EXPRESSIVE:
        inputs["model_expr_valid"] = np.array(bool(parts[3]))
    return inputs


def part_boxes_of(record: Record) -> Inputs:
    """``part_boxes_xyxy_px`` ``(3, 4)`` left hand, right hand, face and ``part_box_valid`` ``(3,)`` bool."""
    boxes = np.asarray(record.fields.get("part_boxes_xyxy_px", np.zeros((3, 4))), np.float32)
    missing = np.zeros(3, bool) if "part_boxes_xyxy_px" not in record.fields else np.ones(3, bool)
    valid = np.asarray(record.fields.get("part_box_valid", missing), bool) & missing
    valid = valid & np.isfinite(boxes).all(-1)
    return {
        "part_boxes_xyxy_px": np.where(valid[:, None], boxes, np.float32(0)),
        "part_box_valid": valid,
    }


def for_scores(record: Record, layout: PartLayout) -> Inputs:
    """What scoring needs beside the sample: the dataset's own truth as it is published.

    Args:
        record: of any whole-body dataset.
        layout: of the sample.
    Returns:
        Under their own names the record's arrays and numbers that the sample does not hold: ``joints_cam_mm``
        in the dataset's joints, ``vertices_m``, ``occlusion`` …; and of a fit of another family than the
        layout's ``<family>_pose``, ``_shape``, ``_trans_m`` and, with a face, ``_expr``.
    """
    fields = record.fields
    inputs: Inputs = {
        name: np.asarray(value)
        for name, value in fields.items()
        if not (isinstance(value, str) or name in _USED or name.startswith(("model", "part_box")))
    }
    kind = str(fields.get("model", layout.model))
    if kind == layout.model:
        return inputs
    if kind not in MODEL_ROTATIONS:
        raise DataError(f"{record.key}: {unknown('body model', kind, MODEL_ROTATIONS)}")
    own = _parameters(record, kind, present=True)
    return inputs | {name.replace("model_", f"{kind}_", 1): value for name, value in own.items()}


def _parameters(record: Record, kind: str, present: bool) -> Inputs:
    """Pose, shape, expression and place; zeros where there are none."""
    sizes = {"model_pose": 3 * MODEL_ROTATIONS[kind], **_SIZES}
    if kind not in EXPRESSIVE:
        del sizes["model_expr"]
    return {name: _numbers(record, name, size, present) for name, size in sizes.items()}


def _numbers(record: Record, name: str, size: int, present: bool) -> np.ndarray:
    if not present or name not in record.fields:
        return np.zeros(size, np.float32)
    values = np.asarray(record.fields[name], np.float32).reshape(-1)
    if values.size != size:
        raise DataError(
            f"{record.key}: {name} has {values.size} numbers, {size} are expected of model "
            f"{record.fields['model']}; fits of SMPL (69 numbers of the body) and of SMPL-X (63) do not mix"
        )
    if not np.isfinite(values).all():
        raise DataError(f"{record.key}: {name} holds numbers that are not finite")
    return values.copy()


def _seen_by(record: Record) -> Inputs:
    """Camera and, of a fit in the world, its place."""
    fields = record.fields
    camera = fields.get("model_camera", fields.get("camera"))
    if camera is None:
        raise DataError(f"{record.key}: a fit of model {fields['model']} needs model_camera or camera")
    inputs: Inputs = {"model_camera": np.asarray(camera, np.float32).reshape(4)}
    if "model_rotation" in fields:
        inputs["model_rotation"] = np.asarray(fields["model_rotation"], np.float32).reshape(3, 3)
        moved = fields.get("model_translation_m", np.zeros(3))
        inputs["model_translation_m"] = np.asarray(moved, np.float32).reshape(3)
    return inputs


def _without_absent_parts(inputs: Inputs, parts: np.ndarray) -> None:
    """Parts that were not fitted in the pose of the mean hand and the plain face."""
    pose = np.asarray(inputs["model_pose"]).reshape(-1, 3)
    # The root and the body stay: other parts hang on them, and masks say what counts.
    for valid, name in zip(parts[1:], ("lhand", "rhand", "face"), strict=True):
        if not valid:
            pose[POSE_PARTS[name]] = 0
    if not parts[3]:
        inputs["model_expr"] = np.zeros(10, np.float32)
    inputs["model_pose"] = pose.reshape(-1)


def _own_mask(record: Record, name: str, size: int) -> np.ndarray:
    """The dataset's own mask, all ones where it has none."""
    mask = np.asarray(record.fields.get(name, np.ones(size, bool)), bool).reshape(-1)
    if mask.size != size:
        raise DataError(f"{record.key}: {name} has {mask.size} entries, {size} expected")
    return mask
