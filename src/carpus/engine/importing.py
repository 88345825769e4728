"""``carpus import``: published weights become a run that test and demo accept by key."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from omegaconf import DictConfig

from carpus.engine.build import build_module
from carpus.engine.checkpoints import AtomicCheckpointIO, load_weights
from carpus.engine.config import choices, compose_config, save_config
from carpus.engine.folder import RunFolder, environment, now
from carpus.engine.keys import new_key
from carpus.engine.weights import settings
from carpus.errors import ConfigError, unknown
from carpus.skeletons import SKELETONS
from carpus.weights import IMPORTERS, import_weights


def import_run(
    file: Path, method: str, dataset: str | None = None, overrides: Sequence[str] = ()
) -> tuple[RunFolder, list[str]]:
    """Make a run folder with the configuration and weights of a published file.

    Args:
        file: published checkpoint.
        method: whose layout it has.
        dataset: what it was trained on; None if only one dataset has its number of joints.
        overrides: further changes to the configuration.

    Returns:
        the run and what the user should know about the file.

    Raises:
        ConfigError: if the method has no importer or the dataset is not clear.
    """
    if method not in IMPORTERS:
        raise ConfigError(unknown("method with an importer", method, IMPORTERS))
    imported = import_weights(file, method)
    chosen = dataset or _dataset_of(imported.joints)
    cfg = compose_config([f"method={method}", f"dataset={chosen}", *settings(imported), *overrides])
    own = cfg.method.get("skeleton") if cfg.dataset.kind == "whole_body" else None
    expected = len(SKELETONS[own]) if own else cfg.dataset.joints
    if expected != imported.joints:
        raise ConfigError(
            f"{file} predicts {imported.joints} joints, dataset {chosen} has {expected}: "
            "choose another --dataset"
        )
    run = _write_run(cfg, imported.state_dict, file)
    return run, list(imported.notes)


def _write_run(cfg: DictConfig, state: dict[str, torch.Tensor], file: Path) -> RunFolder:
    module = build_module(cfg)
    problems = load_weights(module, state, str(file))
    if problems:
        raise ConfigError(
            f"{file} does not fit: " + "; ".join(f"{name}: {why}" for name, why in problems[:8])
        )
    logs = Path(cfg.paths.logs)
    run = RunFolder(logs / new_key(logs)).create()
    save_config(cfg, run.config_file)
    content: dict[str, Any] = {"state_dict": module.state_dict(), "global_step": 0, "epoch": 0}
    AtomicCheckpointIO().save_checkpoint(content, run.last)
    command = f"carpus import {file.name} --method {cfg.method.name}"
    run.update_meta(key=run.key, status="imported", start=now(), command=command, **environment())
    return run


def _dataset_of(joints: int) -> str:
    """The only dataset with that many joints."""
    datasets = choices("dataset")
    names = [name for name, own in SKELETONS.items() if len(own) == joints and name in datasets]
    if len(names) != 1:
        raise ConfigError(
            f"the file predicts {joints} joints, as {' and '.join(names) or 'no dataset'} does: say --dataset"
        )
    return names[0]
