"""Configurations of several datasets at once: ``datasets=[stb,rhd]`` and what it makes of a command line.

Every part is composed on its own with ``dataset=<choice>``, so that the method's inputs are made for its
joints. What comes of it stands under ``parts.<name>``: the dataset's configuration, and ``inputs``. All else,
the network before all, must be the same whichever part it is composed with.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from hydra.core.override_parser.types import Override
from omegaconf import DictConfig, OmegaConf, open_dict

from carpus.data.mixing import by_dimension
from carpus.errors import ConfigError, unknown

Compose = Callable[[Sequence[str]], DictConfig]
MIXES = ("concat", "same_len", "same_len_3d2d")
"""``concat``: the parts one after the other; ``same_len``: groups of parts, each as long as the longest;
``same_len_3d2d``: the same of two groups, parts with joints in space and parts with joints in pixels only."""
_OF_PART = re.compile(r"\$\{dataset\b")
_PREFIX = "parts."
_SHOWN = 3


def part_overrides(parsed: Iterable[Override]) -> tuple[list[str], dict[str, list[str]]]:
    """The overrides of the whole, and those of single parts as ``dataset`` ones by the part's name.

    Raises:
        ConfigError: for one that names a part without a key.
    """
    rest: list[str] = []
    own: dict[str, list[str]] = {}
    for override in parsed:
        line = str(override.input_line)
        key = str(override.key_or_group)
        if not key.startswith(_PREFIX):
            rest.append(line)
            continue
        name, _, inner = key.removeprefix(_PREFIX).partition(".")
        if not inner or override.is_delete():
            raise ConfigError(f"{line}: say which setting of the part, as in parts.{name}.root=/mnt/{name}")
        own.setdefault(name, []).append(f"dataset.{inner}={line.partition('=')[2]}")
    return rest, own


def part_choices(datasets: Any, allowed: Sequence[str]) -> tuple[list[Any], dict[str, str]]:
    """Names of the parts in the nesting of ``datasets``, and of each the choice of ``dataset`` it is of.

    A choice that comes again gets a number: ``msra``, ``msra_2``.

    Raises:
        ConfigError: for what is no choice of ``dataset``, or no list.
    Example:
        >>> part_choices(["msra", ["nyu", "msra"]], ["msra", "nyu"])
        (['msra', ['nyu', 'msra_2']], {'msra': 'msra', 'nyu': 'nyu', 'msra_2': 'msra'})
    """
    if not isinstance(datasets, list) or not datasets or [] in datasets:
        raise ConfigError(f"datasets={datasets}: a list of choices of dataset is needed, as in [stb,rhd]")
    chosen: dict[str, str] = {}

    def name(choice: Any) -> str:
        if str(choice) not in allowed:
            raise ConfigError(f"datasets={_listed(datasets)}: {unknown('dataset', str(choice), allowed)}")
        times = sum(other == choice for other in chosen.values())
        chosen[made := f"{choice}_{times + 1}" if times else str(choice)] = str(choice)
        return made

    names = [[name(c) for c in entry] if isinstance(entry, list) else name(entry) for entry in datasets]
    return names, chosen


def compose_mixture(
    datasets: Any,
    overrides: Sequence[str],
    own: Mapping[str, Sequence[str]],
    compose: Compose,
    allowed: Sequence[str],
) -> DictConfig:
    """The configuration of several datasets.

    Args:
        datasets: the list, with inner lists where groups are made equally long; ``mix=same_len_3d2d`` makes
            them itself.
        overrides: of the whole; those of ``dataset`` are for every part.
        own: of single parts, see :func:`part_overrides`; they come after what a recipe has under ``parts``.
        compose: makes a configuration of overrides.
        allowed: choices of ``dataset``.
    Raises:
        ConfigError: for parts that are not there, or need different networks.
    """
    names, chosen = part_choices(datasets, allowed)
    rest = [line for line in overrides if not line.startswith(("datasets=", "dataset="))]
    first, dataset = next(iter(chosen.items()))
    alone = compose([*rest, f"dataset={dataset}"])
    preset = OmegaConf.to_container(alone.parts)
    assert isinstance(preset, dict)
    for name in (*preset, *own):
        if name not in chosen:
            raise ConfigError(f"parts.{name}: {unknown('part', str(name), chosen)}")
    composed: dict[str, DictConfig] = {}
    for name, choice in chosen.items():
        settings = [f"dataset.{key}={_literal(value)}" for key, value in _leaves(preset.get(name, {}))]
        settings += own.get(name, ())
        if name == first and not settings:
            composed[name] = alone
            continue
        try:
            composed[name] = compose([*rest, f"dataset={choice}", *settings])
        except ConfigError as error:
            hint = f" (parts.{name}.<key> is dataset.<key> there)" if settings else ""
            raise ConfigError(f"part {name}{hint}: {error}") from None
    cfg = next(iter(composed.values()))
    if str(cfg.mix) == "same_len_3d2d":
        names = by_dimension(flat_names(names), {name: of_part.dataset for name, of_part in composed.items()})
    grouped(names, str(cfg.mix))
    with open_dict(cfg):
        cfg.parts = {name: _part(name, of_part) for name, of_part in composed.items()}
        cfg.datasets = names
    check_one_network(cfg, composed)
    return cfg


def _part(name: str, cfg: DictConfig) -> dict[str, Any]:
    """Dataset and inputs of one part, their interpolations turned to where they stand from now on."""
    dataset = OmegaConf.to_container(cfg.dataset)
    method = OmegaConf.to_container(cfg.method)
    assert isinstance(dataset, dict)
    assert isinstance(method, dict)
    protocol = method.get("protocol") or dataset["protocol"]
    part = {**dataset, "protocol": protocol, "inputs": method["inputs"]}
    return _turned(part, "${" + f"parts.{name}")


def _turned(node: Any, place: str) -> Any:
    if isinstance(node, Mapping):
        return {key: _turned(child, place) for key, child in node.items()}
    if isinstance(node, list):
        return [_turned(child, place) for child in node]
    return _OF_PART.sub(lambda _: place, node) if isinstance(node, str) else node


def check_one_network(cfg: DictConfig, composed: Mapping[str, DictConfig]) -> None:
    """Refuse parts for which anything but the inputs would be built differently.

    Raises:
        ConfigError: naming the settings that differ.
    """
    skeletons = {name: cfg.method.get("skeleton") or c.dataset.skeleton for name, c in composed.items()}
    if len(set(skeletons.values())) > 1:
        listed = ", ".join(f"{skeleton} in {name}" for name, skeleton in skeletons.items())
        raise ConfigError(
            f"datasets={_listed(cfg.datasets)}: method {cfg.method.name} predicts one set of joints, but the "
            f"parts have {listed}"
        )
    (first, one), *others = ((name, dict(_shared(of_part))) for name, of_part in composed.items())
    for name, other in others:
        differ = [key for key in {**one, **other} if one.get(key) != other.get(key)]
        if differ:
            shown = "; ".join(f"{key} {one.get(key)} and {other.get(key)}" for key in differ[:_SHOWN])
            more = f" and {len(differ) - _SHOWN} more" if len(differ) > _SHOWN else ""
            raise ConfigError(
                f"datasets={_listed(cfg.datasets)}: method {cfg.method.name} would be built differently for "
                f"{first} and {name}: {shown}{more}. Set them alike, or their dataset's own setting, as in "
                f"parts.{name}.cube_mm=200"
            )


def _shared(cfg: DictConfig) -> Iterable[tuple[str, Any]]:
    """Dotted name and value of all that the parts of a mixture must have in common."""
    content: Any = OmegaConf.to_container(cfg, resolve=True)
    method = {k: v for k, v in content["method"].items() if k not in ("inputs", "protocol")}
    left = {k: v for k, v in content.items() if k not in ("dataset", "datasets", "parts", "method")}
    return _leaves({**left, "method": method})


def _leaves(node: Any, prefix: str = "") -> Iterable[tuple[str, Any]]:
    for name, child in node.items():
        yield from (
            _leaves(child, f"{prefix}{name}.") if isinstance(child, Mapping) else [(f"{prefix}{name}", child)]
        )


def part_configs(cfg: DictConfig) -> dict[str, DictConfig]:
    """Of every part the configuration it would have alone; empty for a configuration of one dataset.

    Raises:
        ConfigError: if ``datasets`` names a part the configuration does not have.
    """
    if not cfg.get("datasets"):
        return {}
    if not cfg.parts:
        raise ConfigError(
            f"datasets={_listed(cfg.datasets)}: this run has one dataset, {cfg.dataset.name}; start a new "
            "experiment with init_from=KEY datasets=[…], or score it elsewhere with test.py key=KEY dataset=…"
        )
    whole: Any = OmegaConf.to_container(cfg, resolve=True)
    views = {}
    for name in flat_names(whole["datasets"]):
        if name not in whole["parts"]:
            raise ConfigError(
                f"datasets={_listed(cfg.datasets)}: {unknown('part', name, whole['parts'])}; a saved run "
                "keeps its datasets, of which some can be left out; test.py key=KEY dataset=… scores another"
            )
        part = dict(whole["parts"][name])
        method = {**whole["method"], "inputs": part.pop("inputs"), "protocol": None}
        views[name] = OmegaConf.create(
            {**whole, "dataset": part, "method": method, "parts": {}, "datasets": None}
        )
    return views


def flat_names(datasets: Any) -> list[str]:
    """Names of the parts in their order, whatever groups they are in.

    Example:
        >>> flat_names(["human36m", ["mpii", "mscoco"]])
        ['human36m', 'mpii', 'mscoco']
    """
    return [str(name) for entry in datasets for name in (entry if isinstance(entry, list) else [entry])]


def grouped(names: Sequence[str | Sequence[str]], mix: str) -> list[list[str]]:
    """Names of parts, in the groups that a mixture makes equally long.

    Args:
        names: of the parts; with ``same_len`` and ``same_len_3d2d`` those of an inner list form one group.
        mix: one of :data:`MIXES`.
    Raises:
        ConfigError: for another mix, or inner lists where nothing is made equally long.
    Example:
        >>> grouped(["human36m", ["mpii", "mscoco"]], "same_len")
        [['human36m'], ['mpii', 'mscoco']]
        >>> grouped(["stb", "rhd"], "concat")
        [['stb', 'rhd']]
    """
    if mix not in MIXES:
        raise ConfigError(unknown("mix", mix, MIXES))
    if mix != "concat":
        return [[name] if isinstance(name, str) else list(name) for name in names]
    nested = [name for name in names if not isinstance(name, str)]
    if nested:
        raise ConfigError(f"datasets with inner lists such as {list(nested[0])} need mix=same_len")
    return [[str(name) for name in names]]


def dataset_name(cfg: DictConfig) -> str:
    """What a configuration's data are called: the dataset, or the parts of a mixture.

    Example:
        >>> dataset_name(OmegaConf.create({"dataset": {"name": "msra"}, "datasets": ["msra", "nyu"]}))
        'msra + nyu'
    """
    return " + ".join(dataset_names(cfg))


def dataset_names(cfg: DictConfig) -> list[str]:
    """Names of a configuration's datasets: one, or the parts of a mixture.

    Example:
        >>> dataset_names(OmegaConf.create({"dataset": {"name": "msra"}, "datasets": None}))
        ['msra']
    """
    if not cfg.get("datasets"):
        return [str(cfg.dataset.name)]
    return flat_names(OmegaConf.to_container(cfg.datasets))


def spread(key: str, parts: Mapping[str, Any]) -> list[str]:
    """All keys of a saved mixture that a changed key means.

    ``dataset.root`` is that of every part; ``dataset`` itself repeats the first part.

    Example:
        >>> spread("dataset.root", {"stb": {}, "rhd": {}}), spread("parts.stb.root", {"stb": {}, "rhd": {}})
        (['parts.stb.root', 'parts.rhd.root', 'dataset.root'], ['parts.stb.root', 'dataset.root'])
    """
    head, _, inner = key.partition(".")
    if parts and head == "dataset":
        return [*(f"{_PREFIX}{name}.{inner}" for name in parts), key]
    first = f"{_PREFIX}{next(iter(parts), '')}."
    return [key, f"dataset.{key.removeprefix(first)}"] if parts and key.startswith(first) else [key]


def _literal(value: Any) -> str:
    """A value as an override writes it."""
    if isinstance(value, list):
        return f"[{','.join(map(_literal, value))}]"
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}"'
    return {None: "null", True: "true", False: "false"}.get(value, str(value))


def _listed(datasets: Any) -> str:
    """As the command line writes it."""
    plain = OmegaConf.to_container(datasets) if OmegaConf.is_config(datasets) else datasets
    return str(plain).replace("'", "").replace(" ", "")
