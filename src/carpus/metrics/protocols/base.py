"""What a dataset's published evaluation must offer the rest of the program."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from carpus.types import Batch, Predictions


class Protocol(ABC):
    """Accumulates predictions of one split and reduces them exactly over all processes.

    States live in torchmetrics metrics, so two processes give the numbers of one.
    """

    needs: ClassVar[frozenset[str]]
    """Names of :class:`~carpus.types.Predictions` that must be present."""
    truth: ClassVar[frozenset[str]] = frozenset({"joints_cam_mm", "joint_valid"})
    """What a batch must offer; a split without it (a challenge's test frames) is predicted but not scored."""
    headline: ClassVar[str]
    """The metric that ranks runs and selects checkpoints."""
    higher_is_better: ClassVar[bool] = False

    @abstractmethod
    def update(self, predictions: Predictions, batch: Batch) -> None:
        """Add one batch; ``batch`` offers the ground truth."""

    @abstractmethod
    def compute(self) -> Mapping[str, float]:
        """Metric name to value over every sample of every process."""

    def write_files(  # noqa: B027 - a hook that most datasets leave empty
        self, folder: Path, label: str, values: Mapping[str, float], conditions: Mapping[str, Any]
    ) -> None:
        """Write the dataset's own file of numbers, where it has one.

        Args:
            folder: of results.
            label: of the split.
            values: what :meth:`compute` returned.
            conditions: what they depend on beside the method.
        """

    @abstractmethod
    def reset(self) -> None:
        """Forget everything."""
