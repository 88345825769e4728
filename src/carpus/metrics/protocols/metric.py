"""A protocol made of torchmetrics."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import torch
from torch import distributed
from torchmetrics import Metric

from carpus.metrics.protocols.base import Protocol


class MetricProtocol(Protocol):
    """Holds named metrics, keeps them on the device of the predictions and reduces them over processes.

    Every process must build the same metrics: each takes part in the reduction, also one that saw no batch.

    Args:
        metrics: name to metric.
    """

    def __init__(self, metrics: Mapping[str, Metric]) -> None:
        self.metrics = dict(metrics)

    def reset(self) -> None:
        """Forget everything."""
        for metric in self.metrics.values():
            metric.reset()

    def follow(self, device: torch.device) -> None:
        """Move the states to ``device`` if they live elsewhere."""
        for metric in self.metrics.values():
            if metric.device != device:
                metric.to(device)

    def reduced(self) -> dict[str, Any]:
        """Metric name to its value over every sample of every process."""
        if (
            distributed.is_available()
            and distributed.is_initialized()
            and distributed.get_backend() == "nccl"
        ):
            # A process without a single batch has its states still on the CPU, where NCCL cannot add them.
            self.follow(torch.device("cuda", torch.cuda.current_device()))
        with warnings.catch_warnings():
            # An empty split, or an empty share of one, is no mistake here.
            warnings.filterwarnings("ignore", message=".*was called before the ``update`` method.*")
            return {name: metric.compute() for name, metric in self.metrics.items()}
