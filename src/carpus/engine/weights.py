"""Initial weights: from a run, a checkpoint file, or a published file through the method's importer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from omegaconf import DictConfig
from torch import Tensor

from carpus.engine.checkpoints import read_checkpoint
from carpus.engine.folder import RunFolder
from carpus.engine.keys import KEY_PATTERN, find_run
from carpus.errors import ConfigError
from carpus.weights import MERGERS, ImportedWeights, import_weights


def read_initial_weights(cfg: DictConfig) -> tuple[dict[str, Tensor], str]:
    """State of a whole module, and where it came from.

    ``init_from`` is a key or a checkpoint file of ours, or several: what the last of them has counts, so that
    stages that were trained apart come together, unless the method has a way of its own
    (:data:`carpus.weights.MERGERS`). ``load_from`` is a published file.
    """
    if cfg.load_from:
        published = read_published(Path(cfg.load_from), cfg.method.name)
        return published.state_dict, " ".join([str(cfg.load_from), *_trained_with(published)])
    paths = initial_checkpoints(cfg)
    if len(paths) > 1 and cfg.method.name in MERGERS:
        merged = MERGERS[cfg.method.name](paths)
        return merged.content["state_dict"], f"{' and '.join(map(str, paths))} ({merged.describe()})"
    state = {name: value for path in paths for name, value in read_state(path).items()}
    return state, " and ".join(map(str, paths))


def initial_checkpoints(cfg: DictConfig) -> list[Path]:
    """The files that ``init_from`` names; none without it.

    Raises:
        ConfigError: if one is not there.
    """
    if not cfg.init_from:
        return []
    given = [cfg.init_from] if isinstance(cfg.init_from, str | int) else list(cfg.init_from)
    return [_initial_checkpoint(str(name), Path(cfg.paths.logs)) for name in given]


def _initial_checkpoint(given: str, logs: Path) -> Path:
    """The file that a key, or its own name, means."""
    path = Path(given)
    if path.is_file():
        return path
    if path.suffix:
        raise ConfigError(f"init_from={given}: no such file")
    return RunFolder(find_run(given, logs)).need_checkpoint()


def read_state(path: Path) -> dict[str, Tensor]:
    """Module state of one of our checkpoints.

    Raises:
        ConfigError: if the file is not a checkpoint of ours.
    """
    content = read_checkpoint(path)
    if "state_dict" not in content:
        raise ConfigError(
            f"{path} is no checkpoint of a run (it holds {', '.join(list(content)[:5])}); "
            "for published weights use load_from=FILE or `carpus import`"
        )
    return content["state_dict"]


def read_published(path: Path, method: str) -> ImportedWeights:
    """Weights of a published file with the settings they need, or those of one of our checkpoints."""
    if not path.is_file():
        raise ConfigError(f"load_from={path}: no such file")
    content = read_checkpoint(path)
    if {"state_dict", "global_step"} <= set(content):
        return ImportedWeights(content["state_dict"], method, joints=0, overrides={}, notes=[])
    return import_weights(path, method)


def settings(published: ImportedWeights) -> list[str]:
    """The settings published weights need, as the command line writes them."""
    return [f"{name}={_literal(value)}" for name, value in published.overrides.items()]


def _trained_with(published: ImportedWeights) -> list[str]:
    return [f"(trained with {' '.join(settings(published))})"] if published.overrides else []


def _literal(value: Any) -> str:
    """A value as the command line writes it."""
    return str(value).lower() if isinstance(value, bool) else "null" if value is None else str(value)


def run_of_checkpoint(path: Path) -> RunFolder:
    """The run a checkpoint file belongs to.

    Raises:
        ConfigError: if it does not lie in ``logs/<key>/model_dump/``.
    """
    folder = path.resolve().parent.parent
    if not KEY_PATTERN.fullmatch(folder.name) or not (folder / "config.yaml").is_file():
        raise ConfigError(
            f"load_ckpt={path} does not lie in a run's model_dump folder; for a file from elsewhere use "
            "method=... dataset=... load_from=FILE"
        )
    if not path.is_file():
        there = ", ".join(f.name for f in sorted(path.parent.glob("*.ckpt"))) or "none"
        raise ConfigError(f"no checkpoint {path}; the run has: {there}")
    return RunFolder(folder)
