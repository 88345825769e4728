"""The stopping rule of the depth CR program."""

from __future__ import annotations

from typing import Any

import pytorch_lightning as pl

from carpus.engine.console import say
from carpus.nets.depth_cr import StopState, stop_after


class PublishedStop(pl.Callback):
    """Stops at once when the loss is far above its best, or after some epochs above it.

    Args:
        monitor: logged validation value, smaller is better.
        tolerance: share above the best that stops at once.
        patience: epochs above the best that stop.
    """

    def __init__(self, monitor: str = "val/loss", tolerance: float = 0.1, patience: int = 5) -> None:
        self.monitor, self.tolerance, self.patience = monitor, tolerance, patience
        self.state = StopState()

    def state_dict(self) -> dict[str, Any]:
        """Best value and count, so that a resumed run stops where the uninterrupted one would."""
        return {"best": self.state.best, "misses": self.state.misses}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Continue to count."""
        self.state = StopState(state_dict["best"], state_dict["misses"])

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Apply the rule and say which part of it fired."""
        value = trainer.callback_metrics.get(self.monitor)
        if value is None or trainer.sanity_checking or trainer.fast_dev_run:
            return
        self.state = stop_after(self.state, float(value), self.tolerance, self.patience)
        if self.state.reason is not None:
            trainer.should_stop = True
            say(f"training stops: {self.state.reason} ({self.monitor})")
