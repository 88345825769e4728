"""CSV always; W&B and TensorBoard by choice. The only file that knows wandb."""

from __future__ import annotations

import csv
import netrc
import os
from pathlib import Path
from typing import Any

from pytorch_lightning.loggers import CSVLogger, Logger
from pytorch_lightning.utilities.rank_zero import rank_zero_only

from carpus.engine.folder import RunFolder
from carpus.errors import ConfigError


def build_loggers(
    run: RunFolder,
    config: dict[str, Any],
    wandb: bool = False,
    tensorboard: bool = False,
    wandb_project: str = "carpus",
    wandb_entity: str | None = None,
) -> list[Logger]:
    """Loggers of a run, all writing below ``log/``.

    Args:
        run: the run's folder; its key is the W&B run id, so a resumed run continues the same one.
        config: resolved configuration, shown by W&B.
        wandb: also log to Weights & Biases; offline when no key is set.
        tensorboard: also write TensorBoard event files.
        wandb_project: project name.
        wandb_entity: user or team.
    """
    loggers: list[Logger] = [_KeptCSVLogger(save_dir=run.log, name="", version="")]
    if wandb:
        loggers.append(_wandb(run, config, wandb_project, wandb_entity))
    if tensorboard:
        loggers.append(_tensorboard(run.log))
    return loggers


class _KeptCSVLogger(CSVLogger):
    """A CSV log that a resumed run appends to instead of starting over."""

    @property
    def experiment(self) -> Any:  # type: ignore[override]
        first = getattr(self, "_experiment", None) is None and rank_zero_only.rank == 0
        file = Path(self.log_dir) / "metrics.csv"
        before = file.read_text() if first and file.is_file() else None
        experiment = super().experiment
        if before is not None:
            # Lightning deletes an existing file; rows before the resume belong to the same run.
            rows = list(csv.DictReader(before.splitlines()))
            kept = [{k: v for k, v in row.items() if v not in ("", None)} for row in rows]
            experiment.metrics = kept + experiment.metrics
            experiment.save()
        return experiment


def _wandb(run: RunFolder, config: dict[str, Any], project: str, entity: str | None) -> Logger:
    from pytorch_lightning.loggers import WandbLogger

    offline = not has_wandb_key()
    return WandbLogger(
        name=run.key,
        id=run.key,
        project=project,
        entity=entity,
        save_dir=run.log,
        offline=offline,
        resume=None if offline else "allow",
        config=config,
        group=os.environ.get("CARPUS_SWEEP"),
        settings={"silent": True},
    )


def has_wandb_key() -> bool:
    """Whether W&B can log in without asking."""
    if os.environ.get("WANDB_MODE") == "offline":
        return False
    if os.environ.get("WANDB_API_KEY"):
        return True
    try:
        return netrc.netrc().authenticators("api.wandb.ai") is not None
    except (OSError, netrc.NetrcParseError):
        return False


def _tensorboard(folder: Path) -> Logger:
    try:
        import tensorboard  # noqa: F401
    except ImportError:
        raise ConfigError(
            "logger.tensorboard=true needs the package tensorboard: pip install 'carpus[tensorboard]'"
        ) from None
    from pytorch_lightning.loggers import TensorBoardLogger

    return TensorBoardLogger(save_dir=folder, name="tensorboard", version="")


def trim_csv(folder: Path, step: int) -> None:
    """Drop rows beyond ``step``: a resumed run will write them again."""
    file = folder / "metrics.csv"
    if not file.is_file():
        return
    with file.open(newline="") as stream:
        reader = csv.DictReader(stream)
        names, rows = reader.fieldnames or [], [row for row in reader if int(row["step"] or 0) < step]
    with file.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, names)
        writer.writeheader()
        writer.writerows(rows)
