"""What our torchmetrics share: states that are sums, so any number of processes gives the numbers of one."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor
from torchmetrics import Metric


class SumMetric(Metric):
    """A metric all of whose states are float64 sums or int64 counts, reduced by adding over processes."""

    full_state_update: ClassVar[bool] = False

    def add_sum(self, name: str, *shape: int) -> None:
        """A float64 state of zeros with that shape."""
        self.add_state(name, torch.zeros(shape, dtype=torch.float64), dist_reduce_fx="sum")

    def add_count(self, name: str, *shape: int) -> None:
        """An int64 state of zeros with that shape."""
        self.add_state(name, torch.zeros(shape, dtype=torch.int64), dist_reduce_fx="sum")


class MeanMetric(SumMetric):
    """Means of what was added: sums and how many they are of, one of each or an array of them.

    A subclass writes ``update``.

    Args:
        shape: of the means; none for a single one.
    """

    total: Tensor
    count: Tensor

    def __init__(self, *shape: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.add_sum("total", *shape)
        self.add_count("count", *shape)

    def add(self, total: Tensor, count: Tensor) -> None:
        """Add sums and counts of the metric's shape."""
        self.total += total
        self.count += count

    def add_masked(self, values: Tensor, mask: Tensor) -> None:
        """Add all values ``(*)`` that count to the single mean."""
        self.add(torch.where(mask, values, 0.0).sum(), mask.sum())

    def compute(self) -> Tensor:
        """Float64 means; NaN where nothing counted."""
        return self.total / self.count
