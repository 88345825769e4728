"""Error against the viewing angle as a metric."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from carpus.metrics.base import MeanMetric
from carpus.metrics.functional.errors import joint_errors
from carpus.metrics.functional.viewpoint import YAW_RANGE_DEG, bin_centers_deg, viewpoint_sums


class ViewpointCurve(MeanMetric):
    """Mean frame error in bins of two degrees of yaw or pitch.

    Args:
        range_deg: first and last bin; yaw -40..40, pitch -10..90 for MSRA.
    Example:
        >>> import torch
        >>> metric = ViewpointCurve((0, 2))
        >>> metric.update(torch.tensor([[[4.0]]]), torch.zeros(1, 1, 1), torch.tensor([0.9]))
        >>> metric.compute()
        tensor([4., nan], dtype=torch.float64)
    """

    higher_is_better = False

    def __init__(self, range_deg: tuple[int, int] = YAW_RANGE_DEG, **kwargs: Any) -> None:
        chosen = (range_deg[0], range_deg[1])
        super().__init__(len(bin_centers_deg(chosen)), **kwargs)
        self.range_deg = chosen

    def update(self, joints: Tensor, target: Tensor, angles_deg: Tensor, valid: Tensor | None = None) -> None:
        """Add samples: ``(B, J, C)`` predicted and true, ``(B,)`` angles, ``(B, J)`` bool."""
        errors = joint_errors(joints, target)
        self.add(*viewpoint_sums(errors, angles_deg, self.range_deg, valid))
