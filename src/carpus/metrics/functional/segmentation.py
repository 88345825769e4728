"""Overlap of predicted and true part masks."""

from __future__ import annotations

import torch
from torch import Tensor

_AT_ONCE = 2**17
"""Pixels counted at once; more leave the processor's cache and take twice as long."""


def overlap_counts(labels: Tensor, target: Tensor, classes: int) -> tuple[Tensor, Tensor]:
    """Pixels in the intersection and in the union of every class.

    Args:
        labels: ``(B, H, W)`` integer in [0, classes), predicted.
        target: same shape, true.
        classes: number of classes C, the background included.
    Returns:
        ``(B, C)`` int64 each.
    Raises:
        ValueError: if the shapes differ or a label is out of range.
    Example:
        >>> overlap_counts(torch.tensor([[[0, 1, 1]]]), torch.tensor([[[0, 0, 1]]]), 2)
        (tensor([[1, 1]]), tensor([[2, 2]]))
    """
    if labels.shape != target.shape or labels.ndim != 3:
        raise ValueError(f"labels {tuple(labels.shape)} and target {tuple(target.shape)} must be (B, H, W)")
    _check_range(labels, classes)
    _check_range(target, classes)
    few = max(1, _AT_ONCE // max(1, labels[:1].numel()))
    parts = zip(labels.split(few), target.split(few), strict=True)
    confusion = torch.cat([_confusion(one, other, classes) for one, other in parts])
    both = confusion.diagonal(dim1=1, dim2=2)
    return both, confusion.sum(1) + confusion.sum(2) - both


def mean_iou(labels: Tensor, target: Tensor, classes: int = 33, tolerance: int = 0) -> Tensor:
    """Mean intersection over union of the classes of every image, the background left out.

    Args:
        labels: ``(B, H, W)`` integer, predicted.
        target: same shape, true.
        classes: number of classes, the background 0 included.
        tolerance: a class whose union has fewer pixels is left out; with 0, as published, a class that is
            nowhere counts as 0.
    Returns:
        ``(B,)`` float64; NaN for an image without a class that counts.
    Example:
        >>> mean_iou(torch.tensor([[[1, 1, 0]]]), torch.tensor([[[1, 0, 0]]]), classes=3, tolerance=1)
        tensor([0.5000], dtype=torch.float64)
    """
    return iou_of_counts(*overlap_counts(labels, target, classes), tolerance)


def iou_of_counts(both: Tensor, union: Tensor, tolerance: int) -> Tensor:
    """:func:`mean_iou` ``(B,)`` of pixel counts ``(B, C)``."""
    iou = both[:, 1:].double() / union[:, 1:].clamp_min(1)
    return iou.masked_fill(union[:, 1:] < tolerance, torch.nan).nanmean(-1)


def _confusion(labels: Tensor, target: Tensor, classes: int) -> Tensor:
    """Pixels ``(B, C, C)`` of every pair of predicted and true class."""
    count, wide = len(labels), classes * classes
    # 32-bit numbers in place: several times as fast as the 64-bit ones of a plain expression.
    pairs = labels.flatten(1).to(torch.int32, copy=True).mul_(classes).add_(target.flatten(1))
    pairs += torch.arange(count, device=labels.device, dtype=torch.int32)[:, None] * wide
    return torch.bincount(pairs.flatten(), minlength=count * wide).view(count, classes, classes)


def _check_range(labels: Tensor, classes: int) -> None:
    if labels.numel() == 0:
        return
    low, high = (int(value) for value in labels.aminmax())
    if low < 0 or high >= classes:
        raise ValueError(f"labels from {low} to {high}: 0 to {classes - 1} are allowed")
