"""What a predictor that looks at nothing achieves: the number every model has to beat."""

from __future__ import annotations

import numpy as np


def mean_pose_mm(
    joints_cam_mm: np.ndarray, center_mm: np.ndarray, joint_valid: np.ndarray | None = None
) -> np.ndarray:
    """Mean position of every joint relative to the centre of its sample.

    Args:
        joints_cam_mm: ``(N, J, 3)``.
        center_mm: ``(N, 3)``.
        joint_valid: ``(N, J)`` bool, or None for all.
    Returns:
        ``(J, 3)`` float64; NaN for a joint that is never valid.
    Example:
        >>> mean_pose_mm(np.array([[[1.0, 0, 9]], [[5.0, 0, 9]]]), np.array([[0.0, 0, 8], [2.0, 0, 8]]))
        array([[2., 0., 1.]])
    """
    relative = np.asarray(joints_cam_mm, dtype=np.float64) - np.asarray(center_mm, dtype=np.float64)[:, None]
    mask = _mask(relative, joint_valid)
    with np.errstate(invalid="ignore"):
        return np.where(mask[..., None], relative, 0.0).sum(axis=0) / mask.sum(axis=0)[:, None]


def mean_pose_error_mm(
    pose_mm: np.ndarray,
    joints_cam_mm: np.ndarray,
    center_mm: np.ndarray,
    joint_valid: np.ndarray | None = None,
) -> float:
    """Mean error over all valid joints when every sample is given one pose at its own centre.

    Args:
        pose_mm: ``(J, 3)`` of :func:`mean_pose_mm`, from the training split.
        joints_cam_mm: ``(N, J, 3)`` true joints of the test split.
        center_mm: ``(N, 3)`` its centres.
        joint_valid: ``(N, J)`` bool, or None for all.
    Example:
        >>> center_mm = np.array([[0.0, 0.0, 500.0]])
        >>> mean_pose_error_mm(np.zeros((1, 3)), np.array([[[3.0, 4.0, 500.0]]]), center_mm)
        5.0
    """
    predicted = np.asarray(center_mm, dtype=np.float64)[:, None] + pose_mm
    errors = np.linalg.norm(predicted - joints_cam_mm, axis=-1)
    mask = _mask(errors[..., None], joint_valid) & np.isfinite(pose_mm).all(axis=-1)
    return float(errors[mask].mean()) if mask.any() else float("nan")


def _mask(joints: np.ndarray, joint_valid: np.ndarray | None) -> np.ndarray:
    if joint_valid is None:
        return np.ones(joints.shape[:2], dtype=bool)
    return np.asarray(joint_valid, dtype=bool)
