"""PCK, its area under curve and NME as metrics."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from carpus.metrics.base import MeanMetric, SumMetric
from carpus.metrics.functional.keypoints import normalised_errors
from carpus.metrics.functional.success import counts_within


class Pck(SumMetric):
    """Share of key points whose normalised error is strictly below a threshold, mean over joints.

    Args:
        joints: number of joints J.
        threshold: in units of the normaliser.
    Example:
        >>> metric = Pck(joints=2, threshold=0.5)
        >>> metric.update(torch.tensor([[[4.0], [6.0]]]), torch.zeros(1, 2, 1), torch.tensor([10.0]))
        >>> metric.compute()
        tensor(0.5000, dtype=torch.float64)
    """

    higher_is_better = True
    within: Tensor
    frames: Tensor
    thresholds: Tensor

    def __init__(self, joints: int, threshold: float = 0.2, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._track(joints, torch.tensor([threshold], dtype=torch.float64))

    def _track(self, joints: int, thresholds: Tensor) -> None:
        self.register_buffer("thresholds", thresholds, persistent=False)
        self.add_count("within", joints, len(thresholds))
        self.add_count("frames", joints)

    def update(self, joints: Tensor, target: Tensor, normaliser: Tensor, valid: Tensor | None = None) -> None:
        """Add samples: ``(B, J, C)`` predicted and true, ``(B,)`` or ``(B, C)`` sizes, ``(B, J)`` bool."""
        errors, mask = normalised_errors(joints, target, normaliser, valid)
        self.within += counts_within(errors, mask, self.thresholds, strict=True)
        self.frames += mask.sum(dim=0)

    def per_joint(self) -> Tensor:
        """``(J, T)`` float64 shares of this process; NaN for a joint that was never valid."""
        return self.within / self.frames.double()[:, None]

    def compute(self) -> Tensor:
        """Scalar float64, 0..1: the mean over joints that were valid, and over thresholds."""
        return self.per_joint().nanmean(dim=0).mean()


class PckAuc(Pck):
    """Mean PCK over the thresholds 0, 1/steps, …, (steps-1)/steps of the normaliser.

    Args:
        joints: number of joints J.
        steps: number of thresholds.
    Example:
        >>> metric = PckAuc(joints=1, steps=4)
        >>> metric.update(torch.tensor([[[4.0]]]), torch.zeros(1, 1, 1), torch.tensor([16.0]))
        >>> metric.compute()
        tensor(0.5000, dtype=torch.float64)
    """

    def __init__(self, joints: int, steps: int = 20, **kwargs: Any) -> None:
        SumMetric.__init__(self, **kwargs)
        self._track(joints, torch.arange(steps, dtype=torch.float64) / steps)


class NormalisedMeanError(MeanMetric):
    """Mean error over all valid joints in units of a size per sample (NME).

    Example:
        >>> metric = NormalisedMeanError()
        >>> metric.update(torch.tensor([[[4.0]]]), torch.zeros(1, 1, 1), torch.tensor([8.0]))
        >>> metric.compute()
        tensor(0.5000, dtype=torch.float64)
    """

    higher_is_better = False

    def update(self, joints: Tensor, target: Tensor, normaliser: Tensor, valid: Tensor | None = None) -> None:
        """Add samples: ``(B, J, C)`` predicted and true, ``(B,)`` or ``(B, C)`` sizes, ``(B, J)`` bool."""
        errors, mask = normalised_errors(joints, target, normaliser, valid)
        self.add_masked(errors, mask)
