"""Key-point scores relative to a size: PCK, its area under curve, NME."""

from __future__ import annotations

import torch
from torch import Tensor

from carpus.metrics.functional.errors import full_mask, joint_errors
from carpus.metrics.functional.success import counts_within


def normalised_errors(
    joints: Tensor, target: Tensor, normaliser: Tensor, valid: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Joint errors in units of a size per sample; a sample of size 0 is left out.

    Args:
        joints: ``(B, J, C)`` predicted.
        target: ``(B, J, C)`` true.
        normaliser: ``(B,)``, or ``(B, C)`` to divide each coordinate by its own size.
        valid: ``(B, J)`` bool, or None for all.
    Returns:
        ``(B, J)`` float64 errors and the ``(B, J)`` mask of those that count.
    """
    sizes = normaliser.double().reshape(len(joints), 1, -1)
    usable = (sizes > 0).all(dim=-1)
    sizes = torch.where(usable[..., None], sizes, 1.0)
    errors = joint_errors(joints.double() / sizes, target.double() / sizes)
    return errors, full_mask(errors, valid) & usable


def pck(
    joints: Tensor, target: Tensor, normaliser: Tensor, threshold: float, valid: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Percentage of correct key points: normalised error strictly below the threshold.

    Args:
        joints: ``(B, J, C)`` predicted.
        target: ``(B, J, C)`` true.
        normaliser: ``(B,)`` or ``(B, C)`` size of each sample; 0 removes it.
        threshold: in units of the normaliser.
        valid: ``(B, J)`` bool, or None for all.
    Returns:
        ``(J,)`` float64 shares 0..1 (NaN for a joint that is never valid), and the mean over the others.
    Example:
        >>> joints = torch.tensor([[[4.0], [6.0]]])
        >>> pck(joints, torch.zeros(1, 2, 1), torch.tensor([10.0]), 0.5)
        (tensor([1., 0.], dtype=torch.float64), tensor(0.5000, dtype=torch.float64))
    """
    errors, mask = normalised_errors(joints, target, normaliser, valid)
    at = torch.tensor([threshold], dtype=torch.float64, device=errors.device)
    per_joint = counts_within(errors, mask, at, strict=True)[:, 0] / mask.sum(dim=0).double()
    return per_joint, per_joint.nanmean()


def pck_auc(
    joints: Tensor, target: Tensor, normaliser: Tensor, steps: int = 20, valid: Tensor | None = None
) -> Tensor:
    """Mean PCK over the thresholds 0, 1/steps, …, (steps-1)/steps.

    Args:
        joints: ``(B, J, C)`` predicted.
        target: ``(B, J, C)`` true.
        normaliser: ``(B,)`` or ``(B, C)`` size of each sample.
        steps: number of thresholds.
        valid: ``(B, J)`` bool, or None for all.
    Returns:
        scalar float64, 0..1.
    Example:
        >>> pck_auc(torch.tensor([[[4.0]]]), torch.zeros(1, 1, 1), torch.tensor([16.0]), steps=4)
        tensor(0.5000, dtype=torch.float64)
    """
    errors, mask = normalised_errors(joints, target, normaliser, valid)
    thresholds = torch.arange(steps, dtype=torch.float64, device=errors.device) / steps
    shares = counts_within(errors, mask, thresholds, strict=True) / mask.sum(dim=0).double()[:, None]
    return shares.nanmean(dim=0).mean()


def normalised_mean_error(
    joints: Tensor, target: Tensor, normaliser: Tensor, valid: Tensor | None = None
) -> Tensor:
    """Mean error over all valid joints in units of a size per sample (NME).

    Args:
        joints: ``(B, J, C)`` predicted.
        target: ``(B, J, C)`` true.
        normaliser: ``(B,)`` or ``(B, C)`` size of each sample; 0 removes it.
        valid: ``(B, J)`` bool, or None for all.
    Returns:
        scalar float64; NaN if nothing counts.
    Example:
        >>> normalised_mean_error(torch.tensor([[[4.0]]]), torch.zeros(1, 1, 1), torch.tensor([8.0]))
        tensor(0.5000, dtype=torch.float64)
    """
    errors, mask = normalised_errors(joints, target, normaliser, valid)
    return torch.where(mask, errors, 0.0).sum() / mask.sum()
