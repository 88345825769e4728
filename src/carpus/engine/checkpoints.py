"""Checkpoints: written atomically, loaded without running code, kept by three simple rules."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Checkpoint
from pytorch_lightning.plugins.io import TorchCheckpointIO
from torch import Tensor, nn

from carpus.errors import ConfigError, DataError
from carpus.nets.weight_file import load_untrusted


class AtomicCheckpointIO(TorchCheckpointIO):
    """A checkpoint appears under its name only when it is complete on disk."""

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any = None
    ) -> None:
        """Write to a temporary name beside ``path``, flush to disk, rename."""
        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f".{path.name}.part")
        try:
            with part.open("wb") as stream:
                torch.save(checkpoint, stream)
                stream.flush()
                os.fsync(stream.fileno())
            part.replace(path)
        except OSError as error:
            part.unlink(missing_ok=True)
            raise DataError(
                f"cannot write checkpoint {path}: {error}; the one before it is untouched"
            ) from error

    def load_checkpoint(
        self, path: str | Path, map_location: Any = None, weights_only: bool | None = True
    ) -> Any:
        """Read tensors and plain containers; anything else in the file is refused."""
        return read_checkpoint(Path(path), map_location)


def read_checkpoint(path: Path, map_location: Any = "cpu") -> dict[str, Any]:
    """A checkpoint's content, loaded with ``weights_only=True``.

    Raises:
        DataError: if the file is missing, truncated or holds anything but tensors and plain containers.
    """
    return load_untrusted(path, map_location)


class Checkpoints(Checkpoint):
    """``last.ckpt`` every epoch, ``best.ckpt`` by one metric, ``epoch=NNN.ckpt`` on request.

    Args:
        keep_epochs: periodic checkpoints kept: -1 all, 0 none, n the latest n.
        every_epochs: write after every n-th epoch and after the last; more than 1 where epochs take seconds.
        every_minutes: write ``last.ckpt`` this often within an epoch too; None: only between epochs.
        monitor: logged value whose smallest is best, such as ``val/loss``; None: the protocol's headline.
    """

    def __init__(
        self,
        keep_epochs: int = 0,
        every_epochs: int = 1,
        every_minutes: float | None = 30,
        monitor: str | None = None,
    ) -> None:
        self.keep_epochs = keep_epochs
        self.every_epochs = every_epochs
        self.every_minutes = every_minutes
        self.folder = Path("model_dump")
        self.chosen, self.monitor = monitor, monitor or "val/loss"
        self.higher_is_better = False
        self.best_score: float | None = None
        self._written_at = time.monotonic()

    def bind(self, folder: Path, monitor: str, higher_is_better: bool) -> None:
        """Where to write, and what to select by unless something was chosen; the engine calls this."""
        self.folder = folder
        if self.chosen is None:
            self.monitor, self.higher_is_better = monitor, higher_is_better

    def state_dict(self) -> dict[str, Any]:
        """The best score so far."""
        return {"best_score": self.best_score}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Continue to select against the best score so far."""
        self.best_score = state_dict["best_score"]

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Between epochs: best, periodic, last, in this order, so that ``last`` knows the best score."""
        number = trainer.current_epoch + 1
        if trainer.fast_dev_run or (number % self.every_epochs and number != trainer.max_epochs):
            return
        if self._improved(trainer):
            self._save(trainer, "best.ckpt")
        if self.keep_epochs:
            self._save(trainer, f"epoch={trainer.current_epoch:03d}.ckpt")
            self._forget_old(trainer)
        self._save_last(trainer)

    def on_train_batch_end(self, trainer: pl.Trainer, *_: Any) -> None:
        """Within an epoch: ``last`` if enough time has passed, and only where no gradient is half summed."""
        if self.every_minutes is None or trainer.fast_dev_run or trainer.fit_loop._should_accumulate():
            return
        due = time.monotonic() - self._written_at > 60 * self.every_minutes
        if trainer.world_size > 1:
            # All processes must agree, and asking costs a round trip: ask only now and then.
            due = trainer.global_step % 50 == 0 and bool(trainer.strategy.broadcast(due))
        if due:
            self._save_last(trainer)

    def _save(self, trainer: pl.Trainer, name: str) -> None:
        trainer.save_checkpoint(self.folder / name, weights_only=False)

    def _save_last(self, trainer: pl.Trainer) -> None:
        self._save(trainer, "last.ckpt")
        self._written_at = time.monotonic()

    def _improved(self, trainer: pl.Trainer) -> bool:
        value = trainer.callback_metrics.get(self.monitor)
        if value is None or not torch.isfinite(value):
            return False
        score = float(value)
        if self.best_score is not None and (score > self.best_score) is not self.higher_is_better:
            return False
        improved = score != self.best_score
        self.best_score = score
        return improved

    def _forget_old(self, trainer: pl.Trainer) -> None:
        if trainer.is_global_zero and self.keep_epochs > 0:
            for old in sorted(self.folder.glob("epoch=*.ckpt"))[: -self.keep_epochs]:
                old.unlink()


def load_weights(module: nn.Module, state: Mapping[str, Tensor], source: str) -> list[tuple[str, str]]:
    """Copy every tensor whose name and shape fit.

    Args:
        module: receives the weights.
        state: name to tensor.
        source: where the weights come from, for messages.

    Returns:
        (name, reason) of everything that was not copied: missing, unexpected, or of another shape.

    Raises:
        ConfigError: if nothing fits.
    """
    own = module.state_dict()
    problems = [(name, "missing in the file") for name in own if name not in state]
    fitting = {}
    for name, value in state.items():
        if name not in own:
            problems.append((name, "unknown to this network"))
        elif own[name].shape != value.shape:
            problems.append((name, f"shape {tuple(value.shape)} in the file, {tuple(own[name].shape)} here"))
        else:
            fitting[name] = value
    if not fitting:
        raise ConfigError(
            f"{source}: none of its {len(state)} tensors fits this network; is it of another method?"
        )
    module.load_state_dict(fitting, strict=False)
    return problems
