"""``test.py``: score a run by key, a checkpoint file, or published weights."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from carpus.engine.build import AnyExperiment, build, build_experiment, plain
from carpus.engine.checkpoints import load_weights
from carpus.engine.config import compose_config, load_logs_path, parse_overrides, save_config
from carpus.engine.console import is_main_process, say
from carpus.engine.folder import RunFolder, environment, now
from carpus.engine.identity import KEY_VARIABLE, agree_on_key
from carpus.engine.keys import find_run
from carpus.engine.other_dataset import load_for_scoring, on_other_dataset
from carpus.engine.scoring import score
from carpus.engine.status import recorded, run_update
from carpus.engine.trainer import shape_network
from carpus.engine.weights import read_published, read_state, run_of_checkpoint, settings
from carpus.errors import ConfigError
from carpus.methods.base import PoseModule
from carpus.methods.ensemble import Ensemble


def test(overrides: Sequence[str]) -> dict[str, Any]:
    """Score what a command line names.

    Args:
        overrides: ``key=KEY`` or ``load_ckpt=FILE`` with changes to that run's configuration, of which
            ``dataset=NAME`` is another dataset (:mod:`carpus.engine.other_dataset`); or a whole configuration
            with ``load_from=FILE``; ``eval_on=SPLIT``.

    Raises:
        ConfigError: if it names nothing to score.
    """
    chosen = {o.key_or_group: o.value() for o in parse_overrides(overrides)}
    named = [name for name in ("key", "load_ckpt", "load_from") if chosen.get(name)]
    if len(named) != 1:
        raise ConfigError(
            "name one thing to score: key=KEY, load_ckpt=logs/KEY/model_dump/last.ckpt, or "
            "method=... dataset=... load_from=FILE"
        )
    rest = [o for o in overrides if not o.startswith(("key=", "load_ckpt="))]
    if named == ["load_from"]:
        return _test_published(overrides)
    if named == ["key"]:
        run = RunFolder(find_run(str(chosen["key"]), Path(load_logs_path(overrides))))
        files = None
    else:
        files = [Path(str(chosen["load_ckpt"]))]
        run = run_of_checkpoint(files[0])
    os.environ[KEY_VARIABLE] = run.key
    cfg, trained_on = load_for_scoring(run.config_file, rest)
    experiment, trainer = _prepare(cfg, run)
    if trained_on is not None:
        experiment = on_other_dataset(experiment, trained_on)
    files = files or _member_files(run, cfg.ensemble.checkpoints)
    module = _with_weights(experiment, files, cfg.ensemble.space)
    return score(experiment, trainer, run, cfg.eval_on, module, tuple(f.name for f in files))


def _test_published(overrides: Sequence[str]) -> dict[str, Any]:
    """Score a published file with the settings it needs; the results get a run folder of their own."""
    cfg = compose_config(overrides)
    file = Path(cfg.load_from)
    published = read_published(file, cfg.method.name)
    named = {o.key_or_group for o in parse_overrides(overrides)}
    needed = [s for s in settings(published) if s.partition("=")[0] not in named]
    cfg = compose_config([*overrides, *needed])
    logs = Path(cfg.paths.logs)
    run = RunFolder(logs / agree_on_key(logs))
    if is_main_process():
        run.create()
        save_config(cfg, run.config_file)
        run.update_meta(
            key=run.key, command="python test.py " + " ".join(overrides), start=now(), **environment()
        )
    with recorded(run):
        experiment, trainer = _prepare(cfg, run)
        problems = load_weights(experiment.module, published.state_dict, str(file))
        if problems:
            raise _misfit(file, problems)
        say(" ".join([f"weights of {file}, results in {run.path};", *needed]).rstrip(";"))
        result = score(experiment, trainer, run, cfg.eval_on, checkpoints=(file.name,))
        run_update(run, status="scored", end=now())
    return result


def _prepare(cfg: DictConfig, run: RunFolder) -> tuple[AnyExperiment, Any]:
    experiment = build_experiment(cfg, cfg.iter_batch or cfg.batch_size)
    options = dict(plain(cfg.trainer))
    shape_network(experiment.module, options["channels_last"], options["compile"])
    return experiment, build(options, folder=run.path)


def _member_files(run: RunFolder, wanted: Any) -> list[Path]:
    """Checkpoint files of ``ensemble.checkpoints``: null, ``all``, or epoch numbers."""
    if wanted is None:
        return [run.need_checkpoint()]
    there = {int(f.stem.split("=")[1]): f for f in sorted(run.checkpoints.glob("epoch=*.ckpt"))}
    if not there:
        raise ConfigError(f"run {run.key} kept no epochs; train with callbacks.checkpoint.keep_epochs=-1")
    if wanted == "all":
        return list(there.values())
    missing = [epoch for epoch in wanted if epoch not in there]
    if missing:
        raise ConfigError(f"run {run.key} has no checkpoint of epoch {missing}; it kept {sorted(there)}")
    return [there[epoch] for epoch in wanted]


def _with_weights(experiment: AnyExperiment, files: Sequence[Path], space: str) -> PoseModule:
    """The module with the weights of one file, or an ensemble of several."""
    states = [read_state(file) for file in files]
    if len(states) > 1:
        return Ensemble(experiment.module, states, space)
    problems = load_weights(experiment.module, states[0], str(files[0]))
    if problems:
        raise _misfit(files[0], problems)
    return experiment.module


def _misfit(file: Path, problems: Sequence[tuple[str, str]]) -> ConfigError:
    """What is said of weights that are not of the network."""
    return ConfigError(f"{file} does not fit: " + "; ".join(f"{name}: {why}" for name, why in problems[:8]))
