"""The Lightning Trainer of a run, and the switches Lightning does not have."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback
from pytorch_lightning.loggers import Logger
from pytorch_lightning.utilities.exceptions import MisconfigurationException

from carpus.engine.checkpoints import AtomicCheckpointIO
from carpus.errors import ConfigError


def build_trainer(
    *,
    folder: Path,
    callbacks: Sequence[Callback] = (),
    loggers: Sequence[Logger] = (),
    accumulate: int = 1,
    accelerator: str = "auto",
    devices: int | str = 1,
    num_nodes: int = 1,
    strategy: str = "auto",
    precision: str = "32-true",
    max_epochs: int = 15,
    max_steps: int = -1,
    max_time: str | None = None,
    val_every_epochs: int = 1,
    gradient_clip_norm: float | None = None,
    deterministic: bool = False,
    limit_train_batches: float = 1.0,
    limit_val_batches: float = 1.0,
    limit_test_batches: float = 1.0,
    fast_dev_run: bool = False,
    channels_last: bool = False,
    compile: bool = False,  # noqa: A002
    tf32: bool = False,
) -> pl.Trainer:
    """A Trainer that shards data through our own sampler and writes nothing of its own accord.

    ``channels_last``, ``compile`` act on the network (see :func:`shape_network`); ``accumulate`` comes from
    ``batch_size`` and ``iter_batch``. All other arguments are those of ``conf/trainer``.

    Raises:
        ConfigError: for what Lightning or this machine does not take.
    """
    if accelerator in ("gpu", "cuda") and not torch.cuda.is_available():
        raise ConfigError(
            f"trainer.accelerator={accelerator}: no CUDA device is visible; use trainer=cpu or ddp_gloo"
        )
    torch.set_float32_matmul_precision("high" if tf32 else "highest")
    torch.backends.cudnn.allow_tf32 = tf32
    try:
        return pl.Trainer(
            default_root_dir=folder,
            callbacks=list(callbacks),
            logger=list(loggers) or False,
            plugins=[AtomicCheckpointIO()],
            accelerator=accelerator,
            devices=devices,
            num_nodes=num_nodes,
            strategy=_strategy(strategy, accelerator),
            precision=precision,  # type: ignore[arg-type]
            max_epochs=max_epochs,
            max_steps=max_steps,
            max_time=max_time,
            check_val_every_n_epoch=val_every_epochs,
            gradient_clip_val=gradient_clip_norm,
            accumulate_grad_batches=accumulate,
            deterministic=deterministic,
            limit_train_batches=limit_train_batches,
            limit_val_batches=limit_val_batches,
            limit_test_batches=limit_test_batches,
            fast_dev_run=fast_dev_run,
            use_distributed_sampler=False,
            num_sanity_val_steps=0,
            enable_progress_bar=False,
            enable_model_summary=False,
            enable_checkpointing=True,
            log_every_n_steps=10,
            inference_mode=True,
        )
    except (TypeError, ValueError, MisconfigurationException) as error:
        raise ConfigError(f"trainer: {error}") from error


def _strategy(name: str, accelerator: str) -> Any:
    if name == "ddp" and accelerator == "cpu":
        from pytorch_lightning.strategies import DDPStrategy

        return DDPStrategy(process_group_backend="gloo")
    return name


def shape_network(module: pl.LightningModule, channels_last: bool, compile_: bool) -> None:
    """Apply the memory format and compilation switches of ``trainer`` to a module's network, in place."""
    net = module.net
    if channels_last:
        volumetric = any(isinstance(m, torch.nn.Conv3d) for m in net.modules())
        net.to(memory_format=torch.channels_last_3d if volumetric else torch.channels_last)
    if compile_:
        net.compile()


def split_batch(batch_size: int, iter_batch: int | None, processes: int) -> tuple[int, int]:
    """Samples per forward pass of one process, and forward passes per optimiser step.

    Args:
        batch_size: samples per optimiser step, over all processes.
        iter_batch: samples per forward pass and process; None: as many as fit one pass.
        processes: number of training processes.

    Raises:
        ConfigError: if the numbers do not divide.

    Example:
        >>> split_batch(64, 16, 2)
        (16, 2)
    """
    per_pass = iter_batch or max(1, batch_size // processes)
    passes, rest = divmod(batch_size, per_pass * processes)
    if rest or passes < 1:
        raise ConfigError(
            f"batch_size={batch_size} is no multiple of iter_batch={per_pass} x {processes} process(es): "
            f"choose a multiple of {per_pass * processes}"
        )
    return per_pass, passes
