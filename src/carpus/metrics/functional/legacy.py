"""The error the published depth CR program logs: a distance, but not between the joints themselves.

Its joints are millimetres in the camera frame already, and go once more through the way from pixels to
millimetres, x taken for a row and y for a column. Depth errors then leak into the other two axes and lateral
ones are scaled by depth over focal length: the figure is about 1.13 times the true one for random errors, and
anything between half and 1.7 times for single shifts. It serves to compare with logs of that program only.
"""

from __future__ import annotations

import torch
from torch import Tensor

from carpus.metrics.functional.errors import full_mask, joint_errors

METRICS = ("euclid", "legacy")
"""Distances between joints that can be asked for: millimetres, and that of the published depth CR program."""
METRIC_VERSION = "1"
"""Changes whenever the definition of a figure does; stored beside predictions."""
METRIC_LABELS = {"euclid": "metric euclid, mm", "legacy": "metric legacy, not mm of distance"}
"""How tables and pictures name the metrics."""


def legacy_points(joints_cam_mm: Tensor, camera: Tensor) -> Tensor:
    """Joints as the published program compares them.

    Args:
        joints_cam_mm: ``(*, J, 3)`` millimetres, x right, y down, z forward.
        camera: ``(*, 4)`` or ``(4,)`` fx, fy, cx, cy in pixels.
    Returns:
        ``(*, J, 3)`` float64: (y - cx) z / fx, (x - cy) z / fy, z.
    Raises:
        ValueError: if the camera's shape fits neither.
    Example:
        >>> legacy_points(torch.tensor([[20.0, 10.0, 500.0]]), torch.tensor([500.0, 500.0, 320.0, 240.0]))
        tensor([[-310., -220.,  500.]], dtype=torch.float64)
    """
    if camera.shape != (4,) and camera.shape != (*joints_cam_mm.shape[:-2], 4):
        raise ValueError(
            f"camera {tuple(camera.shape)} does not fit joints {tuple(joints_cam_mm.shape)}: one row fx, fy, "
            "cx, cy for all or for each"
        )
    x, y, z = joints_cam_mm.double().unbind(dim=-1)
    fx, fy, cx, cy = camera.to(x).unsqueeze(-2).unbind(dim=-1)
    return torch.stack([(y - cx) / fx * z, (x - cy) / fy * z, z], dim=-1)


def legacy_joint_error(pred: Tensor, target: Tensor, valid: Tensor | None, camera: Tensor) -> Tensor:
    """Error of every joint as the published depth CR program defines it.

    Args:
        pred: ``(*, J, 3)`` predicted, millimetres in the camera frame.
        target: ``(*, J, 3)`` true.
        valid: ``(*, J)`` bool, or None for all.
        camera: ``(*, 4)`` or ``(4,)`` fx, fy, cx, cy in pixels.
    Returns:
        ``(*, J)`` float64; NaN where not valid.
    Raises:
        ValueError: if shapes do not fit.
    Example:
        >>> camera = torch.tensor([500.0, 500.0, 320.0, 240.0])
        >>> pred, target = torch.tensor([[0.0, 10.0, 600.0]]), torch.tensor([[0.0, 0.0, 600.0]])
        >>> legacy_joint_error(pred, target, None, camera)
        tensor([12.], dtype=torch.float64)
    """
    errors = joint_errors(legacy_points(pred, camera), legacy_points(target, camera))
    return errors if valid is None else torch.where(full_mask(errors, valid), errors, torch.nan)
