"""Composing, checking, saving and reading configurations."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException, OverrideParseException
from omegaconf import DictConfig, OmegaConf, open_dict
from omegaconf.errors import OmegaConfBaseException

from carpus.engine.interpolations import follow_links, links_file, write_links
from carpus.engine.mixed_config import compose_mixture, part_overrides, spread
from carpus.engine.paths import conf_dir
from carpus.engine.settings import check_settings
from carpus.errors import ConfigError, unknown

ROOT = "config"
"""Name of the primary config file."""
SWAPPABLE = ("trainer", "logger", "callbacks")
"""Groups of which a saved run takes another choice."""


def compose_config(overrides: Sequence[str]) -> DictConfig:
    """The configuration of a command line.

    Args:
        overrides: Hydra overrides such as ``method=v2v``; none of them a sweep. With ``datasets=[…]`` the
            configuration is of several datasets, see :mod:`carpus.engine.mixed_config`.

    Raises:
        ConfigError: for an unknown group, choice or key, naming the nearest that exists; for a value its key
            cannot have.
    """
    parsed = parse_overrides(overrides)
    rest, own = part_overrides(parsed)
    named = {str(o.key_or_group): o.value() for o in parsed}
    if {"dataset", "datasets"} <= set(named):
        raise ConfigError("dataset=… and datasets=[…] are both given; say one of them")
    datasets, cfg = named.get("datasets"), None
    if datasets is None:
        cfg = _compose_one(rest)
        datasets = OmegaConf.to_container(cfg.datasets) if cfg.datasets and "dataset" not in named else None
    if datasets is not None:
        cfg = compose_mixture(datasets, rest, own, _compose_one, choices("dataset"))
    elif own:
        raise ConfigError(f"parts.{next(iter(own))}: there are no parts without datasets=[…]")
    else:
        assert cfg is not None
        with open_dict(cfg):
            cfg.datasets, cfg.parts = None, {}
    check_settings(cfg)
    return cfg


def _compose_one(overrides: Sequence[str]) -> DictConfig:
    """The configuration of one dataset."""
    GlobalHydra.instance().clear()
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        try:
            cfg = compose(ROOT, overrides=list(overrides))
            check_loss(cfg)
            return cfg
        except OverrideParseException as error:
            raise ConfigError(f"cannot read the override '{error.override}': {error}") from None
        except (HydraException, OmegaConfBaseException) as error:
            raise ConfigError(_explain(overrides, error)) from None


def check_loss(cfg: DictConfig) -> None:
    """Refuse a loss written for other methods.

    Raises:
        ConfigError: naming the losses of the method.
    """
    method, loss = cfg.method, cfg.loss
    if loss.family == method.loss_family:
        return
    files = ((name, OmegaConf.load(conf_dir() / "loss" / f"{name}.yaml")) for name in choices("loss"))
    fitting = [name for name, file in files if file.get("family") == method.loss_family]
    raise ConfigError(
        f"loss={loss.name} belongs to methods of the family {loss.family}; method {method.name} takes "
        f"{', '.join(fitting) or 'no loss there is'}"
    )


def parse_overrides(overrides: Sequence[str]) -> list[Override]:
    """Hydra's own reading of overrides.

    Raises:
        ConfigError: if one cannot be parsed.
    """
    try:
        return OverridesParser.create().parse_overrides(list(overrides))
    except OverrideParseException as error:
        raise ConfigError(f"cannot read the override '{error.override}': {error}") from None


def choices(group: str) -> list[str]:
    """Names that ``group=`` accepts, such as ``depth_cr/base_clean``; ``_`` begins what choices share."""
    folder = conf_dir() / group
    files = (f for f in folder.rglob("*.yaml") if not f.name.startswith("_"))
    return sorted(str(f.relative_to(folder).with_suffix("")) for f in files)


def groups() -> list[str]:
    """Names of the config groups."""
    return sorted(f.name for f in conf_dir().iterdir() if f.is_dir())


def _explain(overrides: Sequence[str], error: Exception) -> str:
    """One sentence about what the user most likely got wrong."""
    names = groups()
    for override in parse_overrides(overrides):
        key = (override.key_or_group or "").split("@")[0]
        if key in names and not override.is_delete():
            value = override.value()
            for choice in value if isinstance(value, list) else [value]:
                if choice is not None and str(choice) not in choices(key):
                    return f"{override.input_line}: {unknown(key, str(choice), choices(key))}"
            if "No match in the defaults list" in str(error) and f"'{key}'" in str(error):
                return f"{override.input_line}: the chosen method has no {key}; the depth CR models have"
    known = _flat_keys(overrides)
    for override in parse_overrides(overrides):
        key = override.key_or_group
        if override.is_add() or key in names or key in known:
            continue
        siblings = _same_parent(key, known)
        allowed = siblings if "." in key else [*siblings, *names]
        return f"{override.input_line}: {unknown('key', key, allowed)}"
    return str(error).splitlines()[0] if str(error) else repr(error)


def _flat_keys(overrides: Sequence[str]) -> list[str]:
    """Every dotted key of the composition without the overrides that are not groups."""
    kept = [o for o in overrides if o.split("=")[0].lstrip("+") in groups()]
    for candidate in (kept, []):
        try:
            cfg = compose(ROOT, overrides=candidate)
        except (HydraException, OmegaConfBaseException):
            continue
        return list(_walk(OmegaConf.to_container(cfg, resolve=False)))
    return []


def _walk(node: Any, prefix: str = "") -> Iterable[str]:
    if not isinstance(node, Mapping):
        return
    for name, child in node.items():
        key = f"{prefix}{name}"
        yield key
        yield from _walk(child, f"{key}.")


def _same_parent(key: str, known: Sequence[str]) -> list[str]:
    """Keys under the longest prefix of ``key`` that exists."""
    parts = key.split(".")
    for depth in range(len(parts) - 1, -1, -1):
        prefix = ".".join(parts[:depth])
        found = [k for k in known if k.rpartition(".")[0] == prefix]
        if found:
            return found
    return list(known)


def save_config(cfg: DictConfig, file: Path) -> None:
    """Write a configuration with every interpolation resolved, and beside it what was interpolated.

    Raises:
        ConfigError: naming the key whose ``${…}`` leads nowhere.
    """
    from carpus.engine.folder import write_text

    try:
        text = OmegaConf.to_yaml(cfg, resolve=True)
    except OmegaConfBaseException as error:
        raise ConfigError(f"{error.full_key}: {str(error).splitlines()[0]}") from None
    write_text(file, text)
    write_links(cfg, file)


def load_config(file: Path, overrides: Sequence[str] = ()) -> DictConfig:
    """A saved configuration with dotted overrides applied on top, also to what was interpolated from them.

    Raises:
        ConfigError: if an override names a group or a key the saved configuration does not have, or a value
            its key cannot have.
    """
    cfg = read_config(file)
    changed = apply_overrides(cfg, overrides)
    if changed and links_file(file).is_file():
        follow_links(cfg, file, changed)
    check_settings(cfg)
    return cfg


def read_config(file: Path) -> DictConfig:
    """A saved configuration as it is.

    Raises:
        ConfigError: if the file holds none.
    """
    cfg = OmegaConf.load(file)
    if not isinstance(cfg, DictConfig):
        raise ConfigError(f"{file} holds no configuration")
    return cfg


def apply_overrides(cfg: DictConfig, overrides: Sequence[str]) -> list[str]:
    """Change a saved configuration in place.

    Returns:
        the dotted keys that changed.

    Raises:
        ConfigError: for a group other than :data:`SWAPPABLE`, and for a key that is not there.
    """
    known = list(_walk(OmegaConf.to_container(cfg, resolve=False)))
    changed = []
    for override in parse_overrides(overrides):
        key = override.key_or_group
        if key in groups():
            merge_choice(cfg, key, str(override.value()))
            continue
        if key not in known and not override.is_add():
            raise ConfigError(f"{override.input_line}: {unknown('key', key, _same_parent(key, known))}")
        for place in spread(key, cfg.get("parts") or {}):
            if place == key or place in known:
                OmegaConf.update(cfg, place, override.value(), merge=True, force_add=True)
                changed.append(place)
    return changed


def load_logs_path(overrides: Sequence[str]) -> str:
    """``paths.logs`` of a command line that names a saved run."""
    return compose_config([o for o in overrides if o.startswith("paths.")]).paths.logs


def merge_choice(cfg: DictConfig, group: str, choice: str) -> None:
    """Replace one group of a saved configuration by another choice of it."""
    if group not in SWAPPABLE:
        raise ConfigError(
            f"{group}={choice}: a saved run keeps its {group}; only trainer, logger and callbacks can be "
            f"chosen anew. Start a new experiment with init_from=KEY {group}={choice} instead"
        )
    cfg[group] = compose_config([f"{group}={choice}"])[group]


def plain(cfg: DictConfig) -> dict[str, Any]:
    """Resolved plain containers."""
    return OmegaConf.to_container(cfg, resolve=True)  # type: ignore[return-value]


def flat_keys(cfg: Any) -> dict[str, Any]:
    """Every leaf of a configuration by its dotted name."""
    container = OmegaConf.to_container(cfg, resolve=True)
    names = list(_walk(container))
    values = {name: OmegaConf.select(cfg, name) for name in names}
    return {name: value for name, value in values.items() if not OmegaConf.is_config(value)}
