"""A callback that gives a test time to end a run in the middle of an epoch."""

from __future__ import annotations

import time
from typing import Any

import pytorch_lightning as pl


class SlowSteps(pl.Callback):
    """Rests after every training batch.

    Args:
        seconds: how long.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def on_train_batch_end(self, *_: Any) -> None:
        """Rest."""
        time.sleep(self.seconds)
