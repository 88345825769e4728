"""What our torchmetrics share: states that are sums, so any number of processes gives the numbers of one."""

from __future__ import annotations

from typing import ClassVar

import torch
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
