"""Success curves, strict accuracy and precision within a distance as metrics."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from carpus.metrics.base import SumMetric
from carpus.metrics.functional.errors import full_mask, joint_errors
from carpus.metrics.functional.success import (
    CURVE_MM,
    SuccessCounts,
    SuccessCurves,
    accuracy_thresholds,
    counts_within,
    curves_of,
    success_counts,
)


class SuccessRates(SumMetric):
    """Shares of frames (largest or mean error) and of joints within each threshold (error <= threshold).

    Args:
        thresholds: ascending, in the unit of the joints.
    Example:
        >>> metric = SuccessRates([5.0, 10.0])
        >>> metric.update(torch.tensor([[[10.0], [0.0]]]), torch.zeros(1, 2, 1))
        >>> metric.compute().max_frame
        tensor([0., 1.], dtype=torch.float64)
    """

    higher_is_better = True
    counts: Tensor
    frames: Tensor
    joints: Tensor
    thresholds: Tensor

    def __init__(self, thresholds: Sequence[float] = CURVE_MM, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        at = torch.tensor(list(thresholds), dtype=torch.float64)
        if len(at) == 0 or bool((at.diff() <= 0).any()):
            raise ValueError(f"thresholds must ascend and not be empty, got {list(thresholds)}")
        self.register_buffer("thresholds", at, persistent=False)
        self.add_count("counts", 3, len(at))
        self.add_count("frames")
        self.add_count("joints")

    def update(self, joints: Tensor, target: Tensor, valid: Tensor | None = None) -> None:
        """Add samples: ``(B, J, C)`` predicted and true, ``(B, J)`` bool."""
        new = success_counts(joint_errors(joints, target), self.thresholds, valid)
        self.counts += torch.stack([new.max_frame, new.mean_frame, new.joint])
        self.frames += new.frames
        self.joints += new.joints

    def compute(self) -> SuccessCurves:
        """Rates 0..1, ``(T,)`` float64 each; NaN where nothing was counted."""
        return curves_of(SuccessCounts(*self.counts, self.frames, self.joints))


class JointAccuracy(SumMetric):
    """Per joint, the share of frames whose error is strictly below thresholds 0..maximum.

    Args:
        joints: number of joints J.
        maximum: largest threshold, in the unit of the joints.
        steps: number of thresholds.
    Example:
        >>> metric = JointAccuracy(joints=1, maximum=10, steps=3)
        >>> metric.update(torch.tensor([[[5.0]]]), torch.zeros(1, 1, 1))
        >>> metric.compute()
        tensor([[0., 0., 1.]], dtype=torch.float64)
    """

    higher_is_better = True
    counts: Tensor
    frames: Tensor
    thresholds: Tensor

    def __init__(self, joints: int, maximum: float = 100.0, steps: int = 100, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.register_buffer("thresholds", accuracy_thresholds(maximum, steps), persistent=False)
        self.add_count("counts", joints, steps)
        self.add_count("frames", joints)

    def update(self, joints: Tensor, target: Tensor, valid: Tensor | None = None) -> None:
        """Add samples: ``(B, J, C)`` predicted and true, ``(B, J)`` bool."""
        errors = joint_errors(joints, target)
        mask = full_mask(errors, valid)
        self.counts += counts_within(errors, mask, self.thresholds, strict=True)
        self.frames += mask.sum(dim=0)

    def compute(self) -> Tensor:
        """``(J, steps)`` float64, 0..1; NaN for a joint that was never valid."""
        return self.counts / self.frames.double()[:, None]


class PrecisionWithin(SumMetric):
    """Per joint, the share of frames with an error strictly below one distance; its mean is the mAP.

    Args:
        joints: number of joints J.
        distance: in the unit of the joints; 100 mm for ITOP.
    Example:
        >>> metric = PrecisionWithin(joints=2, distance=100.0)
        >>> metric.update(torch.tensor([[[99.0], [100.0]]]), torch.zeros(1, 2, 1))
        >>> metric.compute()
        tensor([1., 0.], dtype=torch.float64)
    """

    higher_is_better = True
    within: Tensor
    frames: Tensor

    def __init__(self, joints: int, distance: float = 100.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.distance = distance
        self.add_count("within", joints)
        self.add_count("frames", joints)

    def update(self, joints: Tensor, target: Tensor, valid: Tensor | None = None) -> None:
        """Add samples: ``(B, J, C)`` predicted and true, ``(B, J)`` bool."""
        errors = joint_errors(joints, target)
        mask = full_mask(errors, valid)
        self.within += ((errors < self.distance) & mask).sum(dim=0)
        self.frames += mask.sum(dim=0)

    def compute(self) -> Tensor:
        """``(J,)`` float64, 0..1; NaN for a joint that was never valid."""
        return self.within / self.frames.double()
