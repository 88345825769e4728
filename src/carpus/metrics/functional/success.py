"""Shares of frames and joints within a distance: success curves, accuracy, precision."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from carpus.metrics.functional.errors import frame_errors, full_mask, joint_errors

CURVE_MM = tuple(float(t) for t in range(85))
"""Thresholds 0, 1, …, 84 mm of the published success curves."""
PCK_AUC_MM = CURVE_MM[:51]
"""Thresholds 0, 1, …, 50 mm, over which the share of joints within distance is averaged (PCK-AUC)."""


def counts_within(values: Tensor, mask: Tensor, thresholds: Tensor, strict: bool = False) -> Tensor:
    """How many masked values of each column lie within each threshold.

    Args:
        values: ``(N, K)``.
        mask: ``(N, K)`` bool; other values do not count.
        thresholds: ``(T,)`` ascending.
        strict: count ``value < threshold`` instead of ``value <= threshold``.
    Returns:
        ``(K, T)`` int64.
    Example:
        >>> values = torch.tensor([[1.0], [2.0]])
        >>> counts_within(values, values > 0, torch.tensor([1.0, 2.0]))
        tensor([[1, 2]])
    """
    columns, bins = values.shape[1], len(thresholds) + 1
    # The first threshold a value satisfies; a running sum over thresholds then counts it at all later ones.
    first = torch.bucketize(values.contiguous(), thresholds.to(values), right=strict)
    cell = first + torch.arange(columns, device=values.device) * bins
    counts = torch.zeros(columns * bins, dtype=torch.int64, device=values.device)
    counts.index_add_(0, cell.flatten(), mask.flatten().to(torch.int64))
    return counts.view(columns, bins)[:, :-1].cumsum(dim=1)


class SuccessCounts(NamedTuple):
    """Numbers of successes per threshold, ``(T,)`` int64 each, and what they are out of, scalars."""

    max_frame: Tensor
    mean_frame: Tensor
    joint: Tensor
    frames: Tensor
    joints: Tensor


def success_counts(errors: Tensor, thresholds: Tensor, valid: Tensor | None = None) -> SuccessCounts:
    """Frames whose largest or mean error, and joints whose error, is at most the threshold.

    Args:
        errors: ``(B, J)``.
        thresholds: ``(T,)`` ascending, the unit of the errors.
        valid: ``(B, J)`` bool, or None for all; a frame without a valid joint does not count.
    """
    mask = full_mask(errors, valid)
    mean, largest, counted = frame_errors(errors, mask)
    frames = torch.stack([largest, mean], dim=1)
    max_frame, mean_frame = counts_within(frames, counted[:, None].expand(-1, 2), thresholds)
    joint = counts_within(errors, mask, thresholds).sum(dim=0)
    return SuccessCounts(max_frame, mean_frame, joint, counted.sum(), mask.sum())


class SuccessCurves(NamedTuple):
    """Success rates 0..1 per threshold, ``(T,)`` float64 each."""

    max_frame: Tensor
    mean_frame: Tensor
    joint: Tensor


def curves_of(counts: SuccessCounts) -> SuccessCurves:
    """Rates of counts; NaN where nothing was counted."""
    frames, joints = counts.frames.double(), counts.joints.double()
    return SuccessCurves(counts.max_frame / frames, counts.mean_frame / frames, counts.joint / joints)


def success_curves(
    joints: Tensor, target: Tensor, thresholds: Tensor, valid: Tensor | None = None
) -> SuccessCurves:
    """Max-frame, mean-frame and joint success rates (error <= threshold).

    Args:
        joints: ``(B, J, C)`` predicted.
        target: ``(B, J, C)`` true.
        thresholds: ``(T,)`` ascending, the unit of the joints.
        valid: ``(B, J)`` bool, or None for all.
    Example:
        >>> joints = torch.tensor([[[10.0], [0.0]]])
        >>> success_curves(joints, torch.zeros(1, 2, 1), torch.tensor([5.0, 10.0])).max_frame
        tensor([0., 1.], dtype=torch.float64)
    """
    return curves_of(success_counts(joint_errors(joints, target), thresholds, valid))


def accuracy_thresholds(
    maximum: float = 10.0, steps: int = 100, device: torch.device | None = None
) -> Tensor:
    """The ``(steps,)`` float64 thresholds 0..maximum of :func:`joint_accuracy`.

    Example:
        >>> accuracy_thresholds(10, 3)
        tensor([ 0.,  5., 10.], dtype=torch.float64)
    """
    # i · step rather than torch.linspace, which fills the upper half from the end and rounds differently.
    spaced = torch.arange(steps, dtype=torch.float64, device=device) * (maximum / (steps - 1))
    spaced[-1] = maximum
    return spaced


def joint_accuracy(joints: Tensor, target: Tensor, thresholds: Tensor, valid: Tensor | None = None) -> Tensor:
    """Per joint, the share of frames whose error is strictly below each threshold.

    Args:
        joints: ``(B, J, C)`` predicted.
        target: ``(B, J, C)`` true.
        thresholds: ``(T,)`` ascending.
        valid: ``(B, J)`` bool, or None for all.
    Returns:
        ``(J, T)`` float64, 0..1; NaN for a joint that is never valid.
    Example:
        >>> joint_accuracy(torch.tensor([[[5.0]]]), torch.zeros(1, 1, 1), accuracy_thresholds(10, 3))
        tensor([[0., 0., 1.]], dtype=torch.float64)
    """
    errors = joint_errors(joints, target)
    mask = full_mask(errors, valid)
    return counts_within(errors, mask, thresholds, strict=True) / mask.sum(dim=0).double()[:, None]


def precision_within(
    joints: Tensor, target: Tensor, distance: float, valid: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Per joint, the share of frames with an error strictly below ``distance``, and their plain mean (mAP).

    Args:
        joints: ``(B, J, C)`` predicted.
        target: ``(B, J, C)`` true.
        distance: in the unit of the joints.
        valid: ``(B, J)`` bool, or None for all.
    Returns:
        ``(J,)`` float64 (NaN for a joint that is never valid) and the scalar mean over the others.
    Example:
        >>> precision_within(torch.tensor([[[99.0], [100.0]]]), torch.zeros(1, 2, 1), 100.0)
        (tensor([1., 0.], dtype=torch.float64), tensor(0.5000, dtype=torch.float64))
    """
    at = torch.tensor([distance], dtype=torch.float64, device=joints.device)
    per_joint = joint_accuracy(joints, target, at, valid)[:, 0]
    return per_joint, per_joint.nanmean()


def curve_area(thresholds: Tensor, rates: Tensor) -> Tensor:
    """Area under a curve by the trapezoid rule, over the width of its thresholds: 0..1 for rates 0..1.

    Args:
        thresholds: ``(T,)`` ascending.
        rates: ``(*, T)``.
    Example:
        >>> curve_area(torch.tensor([0.0, 10.0]), torch.tensor([0.0, 1.0]))
        tensor(0.5000)
    """
    return torch.trapezoid(rates, thresholds.to(rates)) / (thresholds[-1] - thresholds[0]).to(rates)
