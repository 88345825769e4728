"""Heat-map PCK as a metric."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor

from carpus.metrics.base import SumMetric
from carpus.metrics.functional.heatmap_pck import heatmap_hits


class HeatmapRates(NamedTuple):
    """Scalars float64, 0..1.

    ``by_batch`` is the mean over batches, weighted by their size, of each batch's mean over its joints: the
    published figure, which depends on the batch size. ``overall`` is the mean over joints over all samples.
    """

    by_batch: Tensor
    overall: Tensor


class HeatmapPck(SumMetric):
    """Share of heat maps whose peak is nearer than 5 % of their side to the target's.

    Args:
        joints: number of maps J of a sample.
    Example:
        >>> metric = HeatmapPck(joints=2)
        >>> target = torch.zeros(1, 2, 64, 64)
        >>> target[0, :, 20, 20] = 1.0
        >>> wrong = target.roll(4, dims=2)
        >>> metric.update(target, target)
        >>> metric.update(torch.cat((wrong, wrong, wrong)), torch.cat((target, target, target)))
        >>> [rate.item() for rate in metric.compute()]
        [0.25, 0.25]
    """

    higher_is_better = True
    weighted: Tensor
    samples: Tensor
    hits: Tensor
    maps: Tensor

    def __init__(self, joints: int = 21, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.add_sum("weighted")
        self.add_count("samples")
        self.add_count("hits", joints)
        self.add_count("maps", joints)

    def update(self, heatmaps: Tensor, target: Tensor, veil: Tensor | None = None) -> None:
        """Add one batch: ``(B, J, H, W)`` predicted and true, ``(B, J)`` bool; nothing if no map counts."""
        near, counted = heatmap_hits(heatmaps, target, veil)
        hits, maps = (near & counted).sum(0), counted.sum(0)
        some = (maps > 0).any()
        mean = (hits / maps.double()).nanmean()
        self.weighted += torch.where(some, mean * len(heatmaps), 0.0)
        self.samples += some * len(heatmaps)
        self.hits += hits
        self.maps += maps

    def compute(self) -> HeatmapRates:
        """Both figures; NaN if nothing counted."""
        return HeatmapRates(self.weighted / self.samples, (self.hits / self.maps.double()).nanmean())
