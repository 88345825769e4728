"""Metrics as pure functions of tensors: no state, no torchmetrics, quick to import."""

from carpus.metrics.functional.errors import (
    frame_errors,
    joint_errors,
    mean_joint_error,
    median_joint_error,
    per_joint_error,
)
from carpus.metrics.functional.keypoints import normalised_mean_error, pck, pck_auc
from carpus.metrics.functional.success import (
    accuracy_thresholds,
    curve_area,
    joint_accuracy,
    precision_within,
    success_curves,
)
from carpus.metrics.functional.viewpoint import viewpoint_curve

__all__ = [
    "accuracy_thresholds",
    "curve_area",
    "frame_errors",
    "joint_accuracy",
    "joint_errors",
    "mean_joint_error",
    "median_joint_error",
    "normalised_mean_error",
    "pck",
    "pck_auc",
    "per_joint_error",
    "precision_within",
    "success_curves",
    "viewpoint_curve",
]
