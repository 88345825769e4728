"""Distances between predicted and true joints, and their means under a mask."""

from __future__ import annotations

import torch
from torch import Tensor

from carpus.geometry.alignment import align


def joint_errors(joints: Tensor, target: Tensor) -> Tensor:
    """Euclidean distance of every joint in float64, in the unit of its arguments.

    Args:
        joints: ``(*, J, C)`` predicted.
        target: ``(*, J, C)`` true.
    Returns:
        ``(*, J)`` float64.
    Raises:
        ValueError: if the shapes differ.
    Example:
        >>> joint_errors(torch.tensor([[3.0, 4.0, 0.0]]), torch.zeros(1, 3))
        tensor([5.], dtype=torch.float64)
    """
    if joints.shape != target.shape:
        raise ValueError(f"joints {tuple(joints.shape)} and target {tuple(target.shape)} differ in shape")
    difference = joints.double() - target.double()
    return (difference * difference).sum(dim=-1).sqrt()


def full_mask(errors: Tensor, valid: Tensor | None) -> Tensor:
    """The mask ``(*, J)`` bool of ``errors`` ``(*, J)``: all true if ``valid`` is None.

    Raises:
        ValueError: if the shapes differ.
    """
    if valid is None:
        return torch.ones_like(errors, dtype=torch.bool)
    if valid.shape != errors.shape:
        raise ValueError(f"valid {tuple(valid.shape)} does not fit errors {tuple(errors.shape)}")
    return valid.bool()


def masked_sums(errors: Tensor, valid: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Per-joint sum of valid errors and their number.

    Args:
        errors: ``(B, J)``; values at invalid joints are ignored, NaN included.
        valid: ``(B, J)`` bool, or None for all.
    Returns:
        ``(J,)`` float64 sums and ``(J,)`` int64 counts.
    """
    mask = full_mask(errors, valid)
    return torch.where(mask, errors, 0.0).sum(dim=0, dtype=torch.float64), mask.sum(dim=0)


def mean_joint_error(
    joints: Tensor, target: Tensor, valid: Tensor | None = None, alignment: str = "none"
) -> Tensor:
    """Mean error over all valid joints of all frames at once (MPJPE, EPE).

    Args:
        joints: ``(B, J, C)`` predicted.
        target: ``(B, J, C)`` true.
        valid: ``(B, J)`` bool, or None for all.
        alignment: see :func:`carpus.geometry.alignment.align`.
    Returns:
        scalar float64 in the unit of the arguments; NaN if no joint is valid.
    Example:
        >>> target = torch.zeros(1, 2, 3)
        >>> mean_joint_error(target + torch.tensor([[[3.0], [1.0]]]), target, torch.tensor([[False, True]]))
        tensor(1.7321, dtype=torch.float64)
    """
    moved = align(joints.double(), target.double(), alignment)
    total, count = masked_sums(joint_errors(moved, target), valid)
    return total.sum() / count.sum()


def per_joint_error(joints: Tensor, target: Tensor, valid: Tensor | None = None) -> Tensor:
    """Mean error of every joint over the frames where it is valid.

    Args:
        joints: ``(B, J, C)`` predicted.
        target: ``(B, J, C)`` true.
        valid: ``(B, J)`` bool, or None for all.
    Returns:
        ``(J,)`` float64; NaN for a joint that is never valid.
    Example:
        >>> per_joint_error(torch.tensor([[[2.0], [5.0]], [[4.0], [5.0]]]), torch.zeros(2, 2, 1))
        tensor([3., 5.], dtype=torch.float64)
    """
    total, count = masked_sums(joint_errors(joints, target), valid)
    return total / count


def largest(values: Tensor) -> float:
    """The largest of values ``(*)``; NaN ones do not count, and NaN if there is no other.

    Example:
        >>> largest(torch.tensor([2.0, torch.nan, 5.0]))
        5.0
    """
    known = values[~values.isnan()]
    return float(known.max()) if known.numel() else float("nan")


def frame_errors(errors: Tensor, valid: Tensor | None = None) -> tuple[Tensor, Tensor, Tensor]:
    """Mean and largest error of every frame.

    Args:
        errors: ``(B, J)``.
        valid: ``(B, J)`` bool, or None for all.
    Returns:
        mean ``(B,)`` and maximum ``(B,)`` over the valid joints, 0 for a frame without any, and ``(B,)``
        bool: which frames have a valid joint.
    Example:
        >>> frame_errors(torch.tensor([[1.0, 3.0]]))
        (tensor([2.]), tensor([3.]), tensor([True]))
    """
    mask = full_mask(errors, valid)
    kept = torch.where(mask, errors, 0.0)
    return kept.sum(dim=-1) / mask.sum(dim=-1).clamp_min(1), kept.amax(dim=-1), mask.any(dim=-1)


def median_joint_error(joints: Tensor, target: Tensor, valid: Tensor | None = None) -> Tensor:
    """Median error over all valid joints of all frames; the mean of the middle two for an even number.

    Args:
        joints: ``(B, J, C)`` predicted.
        target: ``(B, J, C)`` true.
        valid: ``(B, J)`` bool, or None for all.
    Returns:
        scalar float64; NaN if no joint is valid.
    Example:
        >>> median_joint_error(torch.tensor([[[1.0], [2.0], [9.0]]]), torch.zeros(1, 3, 1))
        tensor(2., dtype=torch.float64)
    """
    errors = joint_errors(joints, target)
    kept = errors[full_mask(errors, valid)].sort().values
    if kept.numel() == 0:
        return errors.new_tensor(float("nan"))
    return (kept[(kept.numel() - 1) // 2] + kept[kept.numel() // 2]) / 2
