"""Metrics as pure functions of tensors: no state, no torchmetrics, quick to import."""

from carpus.metrics.functional.errors import (
    frame_errors,
    joint_errors,
    mean_joint_error,
    median_joint_error,
    per_joint_error,
)
from carpus.metrics.functional.hands import (
    at_depth,
    handedness_accuracy,
    handedness_correct,
    mrrpe,
    relative_root_errors,
    root_relative,
)
from carpus.metrics.functional.keypoints import normalised_mean_error, pck, pck_auc
from carpus.metrics.functional.legacy import METRICS, legacy_joint_error, legacy_points
from carpus.metrics.functional.segmentation import mean_iou
from carpus.metrics.functional.success import (
    accuracy_thresholds,
    curve_area,
    joint_accuracy,
    precision_within,
    success_curves,
)
from carpus.metrics.functional.viewpoint import viewpoint_curve

__all__ = [
    "METRICS",
    "accuracy_thresholds",
    "at_depth",
    "curve_area",
    "frame_errors",
    "handedness_accuracy",
    "handedness_correct",
    "joint_accuracy",
    "joint_errors",
    "legacy_joint_error",
    "legacy_points",
    "mean_iou",
    "mean_joint_error",
    "median_joint_error",
    "mrrpe",
    "normalised_mean_error",
    "pck",
    "pck_auc",
    "per_joint_error",
    "precision_within",
    "relative_root_errors",
    "root_relative",
    "success_curves",
    "viewpoint_curve",
]
