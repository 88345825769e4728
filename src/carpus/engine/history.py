"""What weights were trained on, kept in every checkpoint: a file that left its run's folder still says it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytorch_lightning as pl
from omegaconf import DictConfig

from carpus.engine.checkpoints import read_checkpoint
from carpus.engine.folder import RunFolder
from carpus.engine.mixed_config import dataset_names
from carpus.engine.weights import initial_checkpoints

ENTRY = "trained_on"
"""Where a checkpoint has its stages, the first of them first."""


class TrainingHistory(pl.Callback):
    """Writes the stages into every checkpoint; a resumed run keeps those of its checkpoint.

    Args:
        stages: of :func:`stages_of`.
    """

    def __init__(self, stages: Sequence[dict[str, Any]]) -> None:
        self.stages = list(stages)

    def on_save_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Add the stages, the last of them with the steps it has made."""
        *earlier, this = self.stages
        checkpoint[ENTRY] = [*earlier, {**this, "steps": trainer.global_step}]

    def on_load_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Keep the stages before this one; the files they came from may be gone."""
        self.stages[:-1] = checkpoint.get(ENTRY, [None])[:-1]


def stages_of(cfg: DictConfig, run: RunFolder, resumed: bool) -> list[dict[str, Any]]:
    """The stages of a run's weights: those of the checkpoints it starts from, and its own.

    Args:
        cfg: of the run.
        run: its folder.
        resumed: whether it continues, so that its own checkpoint knows what came before.
    Returns:
        plain entries: ``key``, ``method``, ``datasets``, ``start`` (keys or files it started from).
    """
    files = [] if resumed else initial_checkpoints(cfg)
    earlier = [stage for file in files for stage in read_checkpoint(file).get(ENTRY, [])]
    start = [cfg.load_from] if cfg.load_from else files
    own = {
        "key": run.key,
        "method": str(cfg.method.name),
        "datasets": dataset_names(cfg),
        "start": [str(file) for file in start],
    }
    return [*earlier, own]
