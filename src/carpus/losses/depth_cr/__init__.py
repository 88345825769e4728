"""Losses of the depth coordinate-regression family, and how the published and our own presets weigh them."""

from carpus.losses.depth_cr.functions import (
    Reduction,
    anchor2_error,
    anchor3_error,
    l2_penalty,
    map_error,
    pose_error,
    unit_error,
    voxel_cross_entropy,
)
from carpus.losses.depth_cr.gradients import gradient_norms, inert_terms
from carpus.losses.depth_cr.presets import PRESETS, VALIDATION_TERMS, LossPreset, TermSpec, loss_preset
from carpus.losses.depth_cr.terms import (
    AnchorError,
    MapError,
    PoseError,
    UnitError,
    VoxelCrossEntropy,
    WeightPenalty,
    build_terms,
)

__all__ = [
    "PRESETS",
    "VALIDATION_TERMS",
    "AnchorError",
    "LossPreset",
    "MapError",
    "PoseError",
    "Reduction",
    "TermSpec",
    "UnitError",
    "VoxelCrossEntropy",
    "WeightPenalty",
    "anchor2_error",
    "anchor3_error",
    "build_terms",
    "gradient_norms",
    "inert_terms",
    "l2_penalty",
    "loss_preset",
    "map_error",
    "pose_error",
    "unit_error",
    "voxel_cross_entropy",
]
