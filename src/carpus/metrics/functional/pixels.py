"""Errors per joint, and the figures published for RGB hands: EPE, PCK and its area, each a mean over joints.

What is averaged first matters: a figure is found for every joint over its samples, and the mean is taken over
the joints that have any. All functions take errors, not joints, so that they serve pixels and millimetres.
"""

from __future__ import annotations

import torch
from torch import Tensor

from carpus.metrics.functional.errors import full_mask, masked_sums
from carpus.metrics.functional.success import counts_within, curve_area

STEPS = 20
"""Thresholds of the published areas under curve."""


def even_thresholds(
    low: float, high: float, steps: int = STEPS, device: torch.device | None = None
) -> Tensor:
    """``(steps,)`` float64 from ``low`` to ``high``, both included, evenly spaced.

    Example:
        >>> even_thresholds(20, 50, 4)
        tensor([20., 30., 40., 50.], dtype=torch.float64)
    """
    if steps < 2 or not low < high:
        raise ValueError(f"thresholds from {low} to {high} in {steps} steps: two at least, and ascending")
    spaced = low + torch.arange(steps, dtype=torch.float64, device=device) * ((high - low) / (steps - 1))
    spaced[-1] = high
    return spaced


def joint_means(errors: Tensor, valid: Tensor | None = None) -> Tensor:
    """Mean error of every joint ``(J,)`` float64, NaN for one that is never valid; see :func:`epe_mean`."""
    total, count = masked_sums(errors, valid)
    return total / count


def joint_medians(errors: Tensor, valid: Tensor | None = None) -> Tensor:
    """Median error of every joint; the mean of the middle two for an even number.

    Args:
        errors: ``(N, J)``.
        valid: ``(N, J)`` bool, or None for all.
    Returns:
        ``(J,)``; NaN for a joint that is never valid.
    Example:
        >>> joint_medians(torch.tensor([[1.0], [2.0], [9.0], [4.0]]))
        tensor([3.])
    """
    mask = full_mask(errors, valid)
    if not len(errors):
        return errors.new_full(errors.shape[1:], torch.nan)
    ordered = torch.where(mask, errors, torch.inf).sort(dim=0).values
    count = mask.sum(dim=0, keepdim=True)
    middle = torch.cat(((count - 1).clamp_min(0) // 2, (count // 2).clamp_max(len(errors) - 1)))
    return torch.where(count[0] > 0, ordered.gather(0, middle).mean(dim=0), torch.nan)


def epe_mean(errors: Tensor, valid: Tensor | None = None) -> Tensor:
    """Mean over joints of their mean errors.

    Args:
        errors: ``(N, J)`` in any unit.
        valid: ``(N, J)`` bool, or None for all.
    Returns:
        Scalar; NaN if nothing is valid.
    Example:
        >>> epe_mean(torch.tensor([[1.0, 8.0], [3.0, 9.0]]), torch.tensor([[True, True], [True, False]]))
        tensor(5., dtype=torch.float64)
    """
    return joint_means(errors, valid).nanmean()


def epe_median(errors: Tensor, valid: Tensor | None = None) -> Tensor:
    """Mean over joints of their median errors; arguments of :func:`epe_mean`."""
    return joint_medians(errors, valid).nanmean()


def joint_pck(errors: Tensor, thresholds: Tensor, valid: Tensor | None = None) -> Tensor:
    """Share of samples of every joint with an error of at most each threshold.

    Args:
        errors: ``(N, J)``.
        thresholds: ``(T,)`` ascending, in the unit of the errors.
        valid: ``(N, J)`` bool, or None for all.
    Returns:
        ``(J, T)`` float64, 0..1; NaN for a joint that is never valid.
    """
    mask = full_mask(errors, valid)
    return counts_within(errors, mask, thresholds) / mask.sum(dim=0).double()[:, None]


def pck_curve(errors: Tensor, thresholds: Tensor, valid: Tensor | None = None) -> Tensor:
    """Mean over joints of :func:`joint_pck`: ``(T,)`` float64, 0..1.

    Example:
        >>> pck_curve(torch.tensor([[1.0, 3.0]]), torch.tensor([1.0, 2.0, 3.0]))
        tensor([0.5000, 0.5000, 1.0000], dtype=torch.float64)
    """
    return joint_pck(errors, thresholds, valid).nanmean(dim=0)


def pck_area(
    errors: Tensor, low: float, high: float, steps: int = STEPS, valid: Tensor | None = None
) -> Tensor:
    """Mean over joints of the area under their PCK curve between two thresholds, over its width.

    Args:
        errors: ``(N, J)``.
        low: first threshold.
        high: last threshold.
        steps: thresholds in all, evenly spaced; the rule is the trapezoid one.
        valid: ``(N, J)`` bool, or None for all.
    Returns:
        Scalar float64, 0..1.
    Example:
        >>> pck_area(torch.tensor([[5.0]]), 0, 10, steps=3)
        tensor(0.7500, dtype=torch.float64)
    """
    thresholds = even_thresholds(low, high, steps, errors.device)
    return curve_area(thresholds, joint_pck(errors, thresholds, valid)).nanmean()
