"""Joint errors as metrics: mean, per joint, median."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from carpus.errors import ConfigError, unknown
from carpus.geometry.alignment import ALIGNMENTS, align
from carpus.metrics.base import MeanMetric, SumMetric
from carpus.metrics.functional.errors import full_mask, joint_errors, masked_sums


class PerJointError(MeanMetric):
    """Mean error of every joint over the frames where it is valid.

    Args:
        joints: number of joints J.
        alignment: ``none``, ``scale`` or ``procrustes``, per sample.
    Example:
        >>> metric = PerJointError(joints=2)
        >>> metric.update(torch.tensor([[[2.0], [5.0]], [[4.0], [5.0]]]), torch.zeros(2, 2, 1))
        >>> metric.compute()
        tensor([3., 5.], dtype=torch.float64)
    """

    higher_is_better = False

    def __init__(self, joints: int, alignment: str = "none", **kwargs: Any) -> None:
        super().__init__(joints, **kwargs)
        if alignment not in ALIGNMENTS:
            raise ConfigError(unknown("alignment", alignment, ALIGNMENTS))
        self.alignment = alignment

    def update(self, joints: Tensor, target: Tensor, valid: Tensor | None = None) -> None:
        """Add samples: ``(B, J, C)`` predicted and true, ``(B, J)`` bool."""
        moved = align(joints.double(), target.double(), self.alignment)
        self.add(*masked_sums(joint_errors(moved, target), valid))


class MeanJointError(PerJointError):
    """Mean error over all valid joints of all frames at once (MPJPE, EPE).

    Args:
        joints: number of joints J.
        alignment: ``none``, ``scale`` or ``procrustes``, per sample.
    Example:
        >>> metric = MeanJointError(joints=1)
        >>> metric.update(torch.tensor([[[2.0]], [[4.0]]]), torch.zeros(2, 1, 1))
        >>> metric.compute()
        tensor(3., dtype=torch.float64)
    """

    def compute(self) -> Tensor:
        """Scalar float64; NaN if no joint was valid."""
        return self.total.sum() / self.count.sum()


class MedianJointError(SumMetric):
    """Median error over all valid joints, from a histogram: its memory does not grow with the split.

    Args:
        maximum: errors from here on share the last bin, in the unit of the joints.
        bins: number of bins; the median is right to half a bin (0.01 for the defaults).
    Example:
        >>> metric = MedianJointError(maximum=10.0, bins=100)
        >>> metric.update(torch.tensor([[[1.0], [2.0], [9.0]]]), torch.zeros(1, 3, 1))
        >>> round(metric.compute().item(), 2)
        2.05
    """

    higher_is_better = False
    histogram: Tensor

    def __init__(self, maximum: float = 1000.0, bins: int = 50_000, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.width = maximum / bins
        self.add_count("histogram", bins)

    def update(self, joints: Tensor, target: Tensor, valid: Tensor | None = None) -> None:
        """Add samples: ``(B, J, C)`` predicted and true, ``(B, J)`` bool."""
        errors = joint_errors(joints, target)
        mask = full_mask(errors, valid)
        cell = (torch.where(mask, errors, 0.0) / self.width).long().clamp_max(len(self.histogram) - 1)
        self.histogram.index_add_(0, cell.flatten(), mask.flatten().long())

    def compute(self) -> Tensor:
        """Scalar float64; NaN if no joint was valid."""
        running = self.histogram.cumsum(dim=0)
        total = running[-1:]
        middle = torch.cat([(total + 1) // 2, total // 2 + 1])
        cells = torch.searchsorted(running, middle).double() + 0.5
        return torch.where(total[0] > 0, cells.mean() * self.width, torch.nan)
