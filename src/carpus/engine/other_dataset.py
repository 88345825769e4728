"""A saved run scored on another dataset: ``test.py key=KEY dataset=NAME``.

The dataset is composed from its file with the settings it has there; what the run had set of its own does
not count. All else stays as it was saved, but what was interpolated from the dataset follows the new one: the
joints that the method's inputs and protocol read, the edge of the cube, the body models.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from omegaconf import DictConfig, OmegaConf

from carpus.engine.build import AnyExperiment, Experiment, check_needs, fitting_datasets
from carpus.engine.config import (
    SWAPPABLE,
    apply_overrides,
    compose_config,
    groups,
    load_config,
    parse_overrides,
    read_config,
)
from carpus.engine.interpolations import follow_links, links_file
from carpus.engine.mixed_config import dataset_name
from carpus.errors import ConfigError

_DATA = ("dataset", "datasets", "parts")


def load_for_scoring(file: Path, overrides: Sequence[str]) -> tuple[DictConfig, str | None]:
    """The configuration to score a saved run with.

    Args:
        file: the run's ``config.yaml``.
        overrides: changes to it; ``dataset=NAME`` is scored instead of the run's own data, a mixture too, and
            ``dataset.<key>=…`` are then settings of it.
    Returns:
        the configuration, and what the run was trained on if a dataset was named, else None.
    Raises:
        ConfigError: for other groups of the configuration, and for a dataset that the method cannot be scored
            on: of another kind, without what it needs, or with joints it does not predict.
    """
    parsed = parse_overrides(overrides)
    _check_groups([(str(o.key_or_group), str(o.input_line)) for o in parsed])
    chosen = [str(o.input_line) for o in parsed if o.key_or_group == "dataset"]
    if not chosen:
        return load_config(file, overrides), None
    if any(o.key_or_group == "datasets" for o in parsed):
        raise ConfigError("dataset=… and datasets=[…] are both given; say one of them")
    if not links_file(file).is_file():
        raise ConfigError(
            f"{chosen[-1]}: {file.parent} has no {links_file(file).name}, which says what of its method "
            f"follows the dataset; score its checkpoint with method=… {chosen[-1]} load_from=FILE"
        )
    rest = [str(o.input_line) for o in parsed if o.key_or_group != "dataset"]
    cfg = read_config(file)
    trained_on, skeleton = dataset_name(cfg), str(cfg.dataset.skeleton)
    cfg.dataset = OmegaConf.to_container(compose_config(chosen).dataset)
    cfg.datasets, cfg.parts = None, {}
    changed = apply_overrides(cfg, rest)
    # Before anything is resolved: what the method takes from its dataset may not be there.
    check_needs(cfg)
    _check_joints(cfg, trained_on, skeleton)
    follow_links(cfg, file, ["dataset", *changed], replaced=_DATA)
    return cfg, trained_on


def on_other_dataset(experiment: AnyExperiment, trained_on: str) -> Experiment:
    """The experiment whose scores are told from those of the run's own data.

    Args:
        experiment: of one dataset.
        trained_on: what the run's own data are called.
    """
    assert isinstance(experiment, Experiment)
    return replace(experiment, trained_on=trained_on)


def _check_groups(given: Sequence[tuple[str, str]]) -> None:
    """Refuse another choice of what the weights belong to."""
    allowed = ("dataset", *SWAPPABLE)
    for key, line in given:
        if key in groups() and key not in allowed:
            raise ConfigError(
                f"{line}: a saved run keeps its {key}; when it is scored, only {', '.join(allowed[:-1])} and "
                f"{allowed[-1]} can be chosen anew. Train a new experiment on its weights instead: train.py "
                f"init_from=KEY {line}"
            )


def _check_joints(cfg: DictConfig, trained_on: str, skeleton: str) -> None:
    """Refuse joints that a network sized by its dataset does not predict.

    Args:
        cfg: with the dataset to score on.
        trained_on: what the run's own data are called.
        skeleton: name of their joints.
    """
    dataset = cfg.dataset
    if cfg.method.get("skeleton") or dataset.skeleton == skeleton:
        return
    fitting = fitting_datasets(cfg, skeleton)
    raise ConfigError(
        f"method {cfg.method.name} was trained on {trained_on} and predicts the joints of {skeleton}; "
        f"dataset {dataset.name} has the {dataset.joints} joints of {dataset.skeleton}. The run can be "
        f"scored on: {', '.join(fitting) or 'none of the datasets here'}"
    )
