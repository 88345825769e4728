"""Training: a new experiment, or one that continues."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from omegaconf import DictConfig

from carpus.data.mixed_datamodule import MixedDataModule
from carpus.engine.build import AnyExperiment, build, build_experiment, check_combination, plain
from carpus.engine.callbacks import RecordNonFinite
from carpus.engine.checkpoints import Checkpoints, load_weights, read_checkpoint
from carpus.engine.config import load_config, load_logs_path, save_config
from carpus.engine.console import is_main_process, say
from carpus.engine.folder import RunFolder, environment, now, write_text
from carpus.engine.history import TrainingHistory, stages_of
from carpus.engine.identity import KEY_VARIABLE, agree_on_key
from carpus.engine.keys import find_run
from carpus.engine.loggers import build_loggers, trim_csv
from carpus.engine.mixed_config import dataset_name
from carpus.engine.published import departures
from carpus.engine.scoring import score
from carpus.engine.status import recorded, run_update
from carpus.engine.trainer import shape_network, split_batch
from carpus.engine.weights import read_initial_weights
from carpus.errors import ConfigError


def fit(cfg: DictConfig, overrides: Sequence[str]) -> RunFolder:
    """Train a new experiment and score it.

    Args:
        cfg: composed configuration.
        overrides: the command line it came from.
    """
    # Before anything is resolved: what a method takes from its dataset may not be there.
    check_combination(cfg)
    logs = Path(cfg.paths.logs)
    run = RunFolder(logs / agree_on_key(logs))
    if is_main_process():
        run.create()
        save_config(cfg, run.config_file)
        write_text(run.path / "overrides.yaml", "".join(f"- {_quoted(o)}\n" for o in overrides))
        run.update_meta(key=run.key, command=_command(overrides), start=now(), **environment())
    _run(cfg, run, resume_from=None)
    return run


def resume(prefix: str, overrides: Sequence[str]) -> RunFolder:
    """Continue a run where it stopped, with its own configuration; from the start if it saved nothing yet.

    Args:
        prefix: key of the run, or a unique prefix.
        overrides: changes to the saved configuration, such as ``trainer.max_epochs=30``; ``paths.logs=...``
            says where the run lies.
    """
    logs = Path(load_logs_path(overrides))
    run = RunFolder(find_run(prefix, logs))
    os.environ[KEY_VARIABLE] = run.key
    cfg = load_config(run.config_file, overrides)
    if is_main_process():
        save_config(cfg, run.config_file)
        run.update_meta(resumed=[*run.read_meta().get("resumed", []), now()])
    _run(cfg, run, resume_from=run.last if run.last.is_file() else None)
    return run


def _run(cfg: DictConfig, run: RunFolder, resume_from: Path | None) -> None:
    """The part that new and resumed runs share."""
    _announce(cfg, run, resume_from)
    with recorded(run):
        experiment, trainer = _prepare(cfg, run, resume_from)
        trainer.fit(experiment.module, datamodule=experiment.data, ckpt_path=resume_from, weights_only=True)
        run_update(run, status="trained", end=now(), epochs=trainer.current_epoch, steps=trainer.global_step)
        if cfg.test_after_fit:
            name = _take_weights(cfg, experiment, run)
            score(experiment, trainer, run, cfg.eval_on, checkpoints=(name,))
            run_update(run, status="done", end=now())
    say_next_commands(cfg, run)


def _take_weights(cfg: DictConfig, experiment: AnyExperiment, run: RunFolder) -> str:
    """Load the weights that are to be scored, and name their checkpoint."""
    best = run.checkpoints / "best.ckpt"
    if cfg.get("test_with", "last") == "last" or not best.is_file():
        return run.last.name
    experiment.module.load_state_dict(read_checkpoint(best)["state_dict"])
    return best.name


def _prepare(cfg: DictConfig, run: RunFolder, resume_from: Path | None) -> tuple[AnyExperiment, pl.Trainer]:
    """Everything up to the first step."""
    pl.seed_everything(cfg.seed, workers=True, verbose=False)
    options = plain(cfg.trainer)
    processes = _process_count(options)
    iter_batch, accumulate = split_batch(cfg.batch_size, cfg.iter_batch, processes)
    experiment = build_experiment(cfg, iter_batch)
    _initialise(cfg, experiment, resume_from)
    trainer = _build_trainer(cfg, run, experiment, options, accumulate, resume_from)
    experiment.module.attach("val", experiment.new_protocol())
    experiment.module.prepare_training(effective_batch=cfg.batch_size)
    _summarise(experiment, cfg, iter_batch, accumulate, processes)
    told = departures(cfg, processes, iter_batch)
    for line in told:
        say(line)
    run_update(run, departures=told or None)
    return experiment, trainer


def _build_trainer(
    cfg: DictConfig,
    run: RunFolder,
    experiment: AnyExperiment,
    options: dict[str, Any],
    accumulate: int,
    resume_from: Path | None,
) -> pl.Trainer:
    """The Trainer with the run's callbacks and loggers."""
    callbacks = [build(node) for node in cfg.callbacks.values() if node is not None]
    callbacks.append(TrainingHistory(stages_of(cfg, run, resume_from is not None)))
    protocol = experiment.new_protocol()
    for callback in callbacks:
        if isinstance(callback, Checkpoints):
            callback.bind(run.checkpoints, f"val/{protocol.headline}", protocol.higher_is_better)
        elif isinstance(callback, RecordNonFinite):
            callback.bind(run.path)
    step = _step_of(resume_from) if resume_from else 0
    if is_main_process():
        trim_csv(run.log, step)
    loggers = build_loggers(run, plain(cfg), **plain(cfg.logger))
    shape_network(experiment.module, options["channels_last"], options["compile"])
    return build(options, folder=run.path, callbacks=callbacks, loggers=loggers, accumulate=accumulate)


def _step_of(path: Path) -> int:
    """Optimiser steps behind a checkpoint one can continue from."""
    content = read_checkpoint(path)
    if "optimizer_states" not in content:
        raise ConfigError(
            f"{path} holds weights only, as imported ones do; start a new experiment from it with "
            f"init_from={path.parent.parent.name}"
        )
    return int(content["global_step"])


def _initialise(cfg: DictConfig, experiment: AnyExperiment, resume_from: Path | None) -> None:
    """Weights of ``init_from`` or ``load_from``, reported name by name where they do not fit."""
    if resume_from is not None:
        return
    if not (cfg.init_from or cfg.load_from):
        experiment.module.initialise()
        return
    state, source = read_initial_weights(cfg)
    problems = load_weights(experiment.module, state, source)
    if any("backbone" in name and name not in state for name, _ in problems):
        # Such as the hands' of a network that was trained on bodies alone.
        experiment.module.initialise()
        problems = load_weights(experiment.module, state, source)
    refused = sum(name in state for name, _ in problems)
    say(f"weights from {source}: {len(state) - refused} of {len(state)} tensors copied")
    if problems:
        width = max(len(name) for name, _ in problems)
        say("\n".join(f"  {name:<{width}}  {why}" for name, why in problems))


def _process_count(options: dict[str, Any]) -> int:
    """Number of training processes of the trainer options."""
    devices, nodes = options["devices"], options["num_nodes"]
    if isinstance(devices, str) and devices.lstrip("-").isdigit():
        devices = int(devices)
    if devices in (-1, "auto"):
        gpu = options["accelerator"] in ("gpu", "cuda", "auto") and torch.cuda.is_available()
        devices = torch.cuda.device_count() if gpu else 1
    return (len(devices) if isinstance(devices, list) else int(devices)) * nodes


def _announce(cfg: DictConfig, run: RunFolder, resume_from: Path | None) -> None:
    verb = "resuming" if resume_from else "experiment"
    say(f"{verb} {run.key}: method {cfg.method.name}, dataset {dataset_name(cfg)}, folder {run.path}")
    say_next_commands(cfg, run)


def say_next_commands(cfg: DictConfig, run: RunFolder) -> None:
    """The run's key in the two commands one types next."""
    logs = "" if str(cfg.paths.logs) == "logs" else f" paths.logs={shlex.quote(str(cfg.paths.logs))}"
    score = f"python test.py key={run.key} eval_on={cfg.eval_on}{logs}"
    say(f"  {score}\n  python train.py resume={run.key}{logs}")


def _summarise(
    experiment: AnyExperiment, cfg: DictConfig, iter_batch: int, accumulate: int, processes: int
) -> None:
    """What one wants to know before hours of training: device, size of the net, samples, steps."""
    samples = experiment.data.count("train")
    for part in experiment.parts:
        whose = f"{part.part}: " if part.part else ""
        if (counts := part.dataset.counts()) is not None:
            listed = ", ".join(f"{name} {value:,}" for name, value in counts._asdict().items())
            say(f"{whose}cleaned frames: {listed}")
        if (size_line := getattr(part.dataset, "size_line", None)) is not None:
            say(size_line("train"))
    if isinstance(experiment.data, MixedDataModule):
        say(f"{cfg.mix} of {experiment.data.samples('train').describe()}")
    parameters = sum(p.numel() for p in experiment.module.net.parameters())
    device = environment()["device"]
    say(
        f"{parameters:,} parameters on {device} ({cfg.trainer.precision}), {processes} process(es)\n"
        f"{samples:,} training samples, {-(-samples // cfg.batch_size):,} steps per epoch, "
        f"{cfg.trainer.max_epochs} epochs; batch {cfg.batch_size} = {iter_batch} x {accumulate} pass(es) "
        f"x {processes} process(es)\n{_settings(cfg.optimizer)}; {_settings(cfg.scheduler)}"
    )


def _settings(node: DictConfig | None) -> str:
    """An optimiser or a schedule of rates in words."""
    if node is None or "_target_" not in node:
        return "constant rate"
    values = {name: value for name, value in plain(node).items() if not name.startswith("_")}
    said = ", ".join(f"{name} {value}" for name, value in values.items() if value is not None)
    return f"{node._target_.rpartition('.')[2]} {said}".strip()


def _command(overrides: Sequence[str]) -> str:
    return "python train.py " + " ".join(_quoted(o) for o in overrides)


def _quoted(override: str) -> str:
    return shlex.quote(override)
