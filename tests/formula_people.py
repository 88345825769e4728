"""Batches of golden people and hands: the formula models as a library, records of the published inputs."""

from __future__ import annotations

import numpy as np
import torch

from carpus.bodies.library import BodyModels, flame_with_landmarks
from carpus.data.person_inputs import joints_of
from carpus.data.person_truth import model_of, part_boxes_of
from carpus.geometry.crops import mirror
from carpus.types import Record, collate
from formula_bodies import formula_model

GENDERS = ("neutral", "male", "female")


class FormulaModels(BodyModels):
    """A library whose models are the formula models."""

    def __init__(self, folder="."):
        super().__init__(folder)

    def model(self, kind, variant):
        """The formula model; FLAME with its landmarks where a folder has them."""
        made = formula_model(kind, variant)
        return flame_with_landmarks(made, self.folder) if kind == "flame" else made


def crop_of(golden, prefix, width):
    """The crop's place; the published map is that of the mirrored image."""
    flip, to_crop = bool(golden[f"{prefix}_flip"]), golden[f"{prefix}_img2bb"]
    return {
        "image_to_crop": mirror(to_crop, width) if flip else to_crop,
        "flipped": np.array(flip),
        "turn_deg": np.array(golden[f"{prefix}_rot"], np.float32),
    }


def camera_of(golden, prefix):
    """Camera and, where the fit is in the world, its place."""
    fields = {
        "model_camera": np.concatenate([golden[f"{prefix}_cam_{name}"] for name in ("focal", "princpt")])
    }
    if f"{prefix}_cam_R" in golden:
        fields["model_rotation"] = golden[f"{prefix}_cam_R"]
        fields["model_translation_m"] = golden[f"{prefix}_cam_t"]
    return fields


def smplx_fields(golden, prefix):
    """The fit of a whole body as a record has it."""
    parts = ("root", "body", "lhand", "rhand", "jaw")
    gender = str(golden[f"{prefix}_gender"])
    return {
        "model": "smplx",
        "model_pose": np.concatenate([golden[f"{prefix}_{part}_pose"] for part in parts]),
        "model_shape": golden[f"{prefix}_shape"],
        "model_expr": golden[f"{prefix}_expr"],
        "model_trans_m": golden[f"{prefix}_trans"],
        "model_part_valid": np.array(
            [True, *(bool(golden[f"{prefix}_{part}_valid"]) for part in ("lhand", "rhand", "face"))]
        ),
        "gender": GENDERS.index(gender) if gender in GENDERS else 0,
        **camera_of(golden, prefix),
    }


def plain_fields(golden, prefix, kind, camera_prefix):
    """The fit of SMPL or MANO as a record has it."""
    fields = {name: golden[f"{prefix}_{name}"] for name in ("pose", "shape", "trans")}
    fields = {f"model_{name}{'_m' * (name == 'trans')}": value for name, value in fields.items()}
    if f"{prefix}_gender" in golden:
        fields["gender"] = GENDERS.index(str(golden[f"{prefix}_gender"]))
    return {"model": kind, **fields, **camera_of(golden, camera_prefix)}


def batch_of(fields, crops, layout, skeleton=None, hand_types=None):
    """A batch of records without pictures.

    Args:
        fields: per record.
        crops: per record, of :func:`crop_of`.
        layout: of the method.
        skeleton: of the records' joints; the layout's by default.
        hand_types: per record right, left.
    """
    skeleton = layout.joints if skeleton is None else skeleton
    places = np.array(
        [skeleton.joints.index(j) if j in skeleton.joints else -1 for j in layout.joints.joints]
    )
    samples = []
    for index, (own, crop) in enumerate(zip(fields, crops, strict=True)):
        record = Record(str(index), {}, own)
        inputs = {**crop, **joints_of(record, skeleton, places), **model_of(record, layout)}
        if layout.has_parts:
            inputs |= part_boxes_of(record)
        if hand_types is not None:
            inputs["hand_type"] = np.array(hand_types[index])
        samples.append((str(index), inputs))
    batch = collate(samples)
    return {name: torch.as_tensor(value) for name, value in batch.items()}
