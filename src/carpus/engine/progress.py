"""How fast a run goes, and where its time goes: images/s, share of waiting for data, memory, time left."""

from __future__ import annotations

import resource
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from rich.progress import BarColumn, TextColumn
from rich.progress import Progress as RichBar

from carpus.engine.console import console, is_main_process, say
from carpus.types import Batch


@dataclass
class Meter:
    """Counts samples, seconds and seconds spent waiting for data."""

    samples: int = 0
    waited_s: float = 0.0
    started: float = field(default_factory=time.monotonic)

    @property
    def elapsed_s(self) -> float:
        """Seconds since the start."""
        return max(time.monotonic() - self.started, 1e-9)

    @property
    def rate(self) -> float:
        """Samples per second."""
        return self.samples / self.elapsed_s

    @property
    def wait_share(self) -> float:
        """Share of the time spent waiting for data, 0..1."""
        return min(self.waited_s / self.elapsed_s, 1.0)


class Progress(pl.Callback):
    """A live bar on a terminal, a line every few seconds elsewhere; logs ``perf/*`` once per epoch.

    Args:
        every_seconds: interval of the lines where there is no terminal.
    """

    def __init__(self, every_seconds: float = 10.0) -> None:
        self.every_seconds = every_seconds
        self.meter = Meter()
        self._batch_ended = time.monotonic()
        self._spoke = 0.0
        self._bar: RichBar | None = None
        self._task: Any = None
        self._run_started = time.monotonic()
        self._first_step = 0

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Start the clock of the run."""
        self._run_started = time.monotonic()
        self._first_step = trainer.fit_loop.epoch_loop.total_batch_idx + 1

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Start the clock of the epoch."""
        self.meter, self._batch_ended = Meter(), time.monotonic()
        if is_main_process() and console().is_terminal:
            fields = ("epoch {task.fields[epoch]}", "{task.completed}/{task.total}", "{task.fields[status]}")
            first, *others = [TextColumn(text) for text in fields]
            self._bar = RichBar(first, BarColumn(), *others, console=console(), transient=True)
            epoch = f"{trainer.current_epoch + 1}/{trainer.max_epochs}"
            self._task = self._bar.add_task("", total=trainer.num_training_batches, epoch=epoch, status="")
            self._bar.start()

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Batch, *_: Any
    ) -> None:
        """What passed since the last batch ended was waiting."""
        self.meter.waited_s += time.monotonic() - self._batch_ended

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Batch, *_: Any
    ) -> None:
        """Count, and show if it is time."""
        self.meter.samples += batch.size * trainer.world_size
        self._batch_ended = time.monotonic()
        if self._bar is not None:
            self._bar.update(self._task, advance=1, status=self._status(trainer))
        elif self._batch_ended - self._spoke > self.every_seconds:
            self._spoke = self._batch_ended
            done = trainer.fit_loop.epoch_loop.batch_idx + 1
            of = f"{trainer.current_epoch + 1}/{trainer.max_epochs}"
            say(f"epoch {of} batch {done}/{trainer.num_training_batches}  {self._status(trainer)}")

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Log the epoch's figures and leave one line behind."""
        self._close()
        pl_module.log_dict(
            {
                "perf/images_per_s": self.meter.rate,
                "perf/data_wait": self.meter.wait_share,
                "perf/memory_gb": memory_gb(),
            },
            sync_dist=True,
        )
        shown = {k: float(v) for k, v in trainer.callback_metrics.items() if _is_headline(k)}
        listed = "  ".join(f"{name} {value:.4g}" for name, value in shown.items())
        say(f"epoch {trainer.current_epoch + 1}/{trainer.max_epochs}  {listed}  {self._status(trainer)}")

    def on_exception(self, *_: Any) -> None:
        """Give the terminal back."""
        self._close()

    def _close(self) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def _status(self, trainer: pl.Trainer) -> str:
        loss = trainer.callback_metrics.get("train/loss")
        shown = "" if loss is None else f"loss {float(loss):.4g}  "
        return (
            f"{shown}{self.meter.rate:.1f} images/s  data wait {100 * self.meter.wait_share:.0f} %  "
            f"memory {memory_gb():.1f} GB  {self._time_left(trainer)}"
        )

    def _time_left(self, trainer: pl.Trainer) -> str:
        done = trainer.fit_loop.epoch_loop.total_batch_idx + 1 - self._first_step
        epochs = trainer.max_epochs or 0
        total = trainer.num_training_batches * epochs - self._first_step
        if done < 1 or epochs < 1 or total in (float("inf"), float("nan")):
            return ""
        return "left " + duration((time.monotonic() - self._run_started) / done * max(total - done, 0))


def _is_headline(name: str) -> bool:
    stage, _, metric = name.partition("/")
    if stage != "val" or any(mark in metric for mark in ("@", "/")):
        return False
    # InterHand2.6M's numbers of single joints: a line of 126.
    return metric.startswith("mpjpe") or not metric.endswith(("_all", "_sh", "_ih"))


def memory_gb() -> float:
    """Peak memory of this process: on the GPU if there is one, else resident."""
    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated() / 1e9
    return peak_resident_bytes() / 1e9


def peak_resident_bytes() -> int:
    """Most memory this process has had.

    The kernel's own account of the program that runs: :func:`resource.getrusage` begins with the peak of the
    process that started it, such as a notebook's.
    """
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) * 1024
    except (OSError, StopIteration):
        unit = 1 if sys.platform == "darwin" else 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def duration(seconds: float) -> str:
    """Hours and minutes, or minutes and seconds.

    Example:
        >>> duration(3725), duration(61)
        ('1 h 02 min', '1 min 01 s')
    """
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes_left = divmod(minutes, 60)
    return f"{hours} h {minutes_left:02d} min" if hours else f"{minutes} min {rest:02d} s"
