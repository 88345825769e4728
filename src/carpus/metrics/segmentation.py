"""Overlap of part masks as a metric."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from carpus.metrics.base import SumMetric
from carpus.metrics.functional.errors import full_mask
from carpus.metrics.functional.segmentation import iou_of_counts, overlap_counts


class SegmentationIoU(SumMetric):
    """Mean over images of :func:`~carpus.metrics.functional.segmentation.mean_iou`.

    Args:
        classes: number of classes, the background 0 included.
        tolerance: a class whose union has fewer pixels is left out of its image.
    Example:
        >>> metric = SegmentationIoU(classes=3, tolerance=1)
        >>> metric.update(torch.tensor([[[1, 1, 0]]]), torch.tensor([[[1, 0, 0]]]))
        >>> metric.compute()
        tensor(0.5000, dtype=torch.float64)
    """

    higher_is_better = True
    total: Tensor
    images: Tensor
    both: Tensor
    union: Tensor

    def __init__(self, classes: int = 33, tolerance: int = 0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.classes, self.tolerance = classes, tolerance
        self.add_sum("total")
        self.add_count("images")
        self.add_count("both", classes)
        self.add_count("union", classes)

    def update(self, labels: Tensor, target: Tensor, valid: Tensor | None = None) -> None:
        """Add images: ``(B, H, W)`` predicted and true labels, ``(B,)`` bool."""
        chosen = full_mask(torch.zeros(len(labels), device=labels.device), valid)
        # Images without a mask are dropped after counting: copying the others would take longer.
        both, union = (n[chosen] for n in overlap_counts(labels, target, self.classes))
        iou = iou_of_counts(both, union, self.tolerance)
        self.total += iou.nansum()
        self.images += (~iou.isnan()).sum()
        self.both += both.sum(0)
        self.union += union.sum(0)

    def compute(self) -> Tensor:
        """Scalar float64, 0..1; NaN if no image counted."""
        return self.total / self.images

    def per_class(self) -> Tensor:
        """``(C,)`` float64: IoU of the pixels of all images of this process together; NaN where none is."""
        return self.both.double() / self.union
