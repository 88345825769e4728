"""Small callbacks: random state in checkpoints, and a record of what made the loss explode."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch

from carpus.engine.folder import write_json
from carpus.methods.base import NonFiniteLossError


class RandomState(pl.Callback):
    """Saves and restores every generator, so that a resumed run draws what the uninterrupted one would."""

    def __init__(self) -> None:
        self._restored: dict[str, Any] | None = None

    def on_save_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Add the states as tensors and plain containers, which load without running code."""
        kind, keys, position, has_gauss, cached = np.random.get_state()  # noqa: NPY002
        version, internal, gauss = random.getstate()
        checkpoint["random_state"] = {
            "torch": torch.get_rng_state(),
            "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
            "numpy": [
                str(kind),
                torch.from_numpy(keys.astype(np.int64)),
                int(position),
                int(has_gauss),
                float(cached),
            ],
            "python": [version, list(internal), gauss],
        }

    def on_load_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Remember the states; what runs between loading and training must not disturb them."""
        self._restored = checkpoint.get("random_state")

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Restore the states."""
        if self._restored is None:
            return
        state, self._restored = self._restored, None
        torch.set_rng_state(state["torch"].cpu())
        if torch.cuda.is_available() and len(state["cuda"]) == torch.cuda.device_count():
            torch.cuda.set_rng_state_all([s.cpu() for s in state["cuda"]])
        kind, keys, position, has_gauss, cached = state["numpy"]
        np.random.set_state((kind, keys.numpy().astype(np.uint32), position, has_gauss, cached))  # noqa: NPY002
        version, internal, gauss = state["python"]
        random.setstate((version, tuple(internal), gauss))


class RecordNonFinite(pl.Callback):
    """Writes the keys of the batch whose loss was not finite to ``non_finite.json``."""

    def __init__(self) -> None:
        self.folder: Path | None = None

    def bind(self, folder: Path) -> None:
        """Where to write; the engine calls this."""
        self.folder = folder

    def on_exception(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException
    ) -> None:
        """Record epoch, step, keys and terms."""
        if isinstance(exception, NonFiniteLossError) and self.folder is not None:
            write_json(
                self.folder / "non_finite.json",
                {
                    "epoch": trainer.current_epoch,
                    "step": trainer.global_step,
                    "rank": trainer.global_rank,
                    "keys": exception.keys,
                    "terms": exception.terms,
                },
            )
