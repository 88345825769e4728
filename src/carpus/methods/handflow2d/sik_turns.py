"""How far rotations are from true ones."""

from __future__ import annotations

import torch
from torch import Tensor

from carpus.geometry.rotations import normalise_quaternion
from carpus.metrics.base import MeanMetric


def turn_errors_deg(quat: Tensor, target: Tensor) -> Tensor:
    """Angles ``(*)`` float64 in degrees between rotations; q and -q are the same one.

    Args:
        quat: ``(*, 4)`` w, x, y, z of any length.
        target: ``(*, 4)`` of any length.
    Example:
        >>> turn_errors_deg(torch.tensor([0.0, 0.0, 0.0, -2.0]), torch.tensor([1.0, 0.0, 0.0, 0.0]))
        tensor(180., dtype=torch.float64)
    """
    inner = (normalise_quaternion(quat.double()) * normalise_quaternion(target.double())).sum(-1).abs()
    return torch.rad2deg(2 * torch.acos(inner.clamp(max=1.0)))


class MeanTurnError(MeanMetric):
    """Mean of :func:`turn_errors_deg` over all rotations of all samples.

    Example:
        >>> metric = MeanTurnError()
        >>> half = torch.tensor([[0.7071068, 0.7071068, 0.0, 0.0]])
        >>> metric.update(half, torch.tensor([[1.0, 0.0, 0.0, 0.0]]))
        >>> round(metric.compute().item(), 3)
        90.0
    """

    higher_is_better = False

    def update(self, quat: Tensor, target: Tensor) -> None:
        """Add rotations ``(*, 4)``."""
        errors = turn_errors_deg(quat, target)
        self.add(errors.sum(), torch.tensor(errors.numel(), device=errors.device))
