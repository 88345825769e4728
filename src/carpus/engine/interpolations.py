"""What followed from what in a saved configuration: ``interpolations.yaml`` beside ``config.yaml``."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from carpus.errors import ConfigError

_REFERENCE = re.compile(r"\$\{(?:oc\.select:)?([^${}:,]+)")


def links_file(file: Path) -> Path:
    """Where a saved configuration's interpolations are."""
    return file.with_name("interpolations.yaml")


def write_links(cfg: DictConfig, file: Path) -> None:
    """Keep the interpolations of a configuration; one that was resolved before leaves the file as it is.

    Args:
        cfg: not resolved.
        file: of the resolved configuration.
    """
    from carpus.engine.folder import write_text

    leaves = _leaves(OmegaConf.to_container(cfg))
    links = {name: text for name, text in leaves if isinstance(text, str) and "${" in text}
    if links:
        write_text(links_file(file), OmegaConf.to_yaml(OmegaConf.create({"links": links})))


def follow_links(cfg: DictConfig, file: Path, changed: Sequence[str], replaced: Collection[str] = ()) -> None:
    """Give what was interpolated from a changed key its new value, unless it was changed itself.

    Args:
        cfg: saved configuration, changed in place and resolved.
        file: where it was saved.
        changed: dotted keys.
        replaced: top-level keys with new content, whose own interpolations are not those of the file.
    Raises:
        ConfigError: naming the key whose ``${…}`` leads nowhere now.
    """
    saved: Any = OmegaConf.to_container(OmegaConf.load(links_file(file)))
    links = {name: text for name, text in saved["links"].items() if name.partition(".")[0] not in replaced}
    named, queue = set(changed), list(changed)
    while queue:
        key = queue.pop()
        for name, text in links.items():
            if name not in named and any(_related(ref, key) for ref in _references(text)):
                OmegaConf.update(cfg, name, text)
                named.add(name)
                queue.append(name)
    try:
        OmegaConf.resolve(cfg)
    except OmegaConfBaseException as error:
        raise ConfigError(f"{error.full_key}: {str(error).splitlines()[0]}") from None


def _references(text: str) -> list[str]:
    """Dotted names an interpolation reads.

    Example:
        >>> _references("${dataset.sets.${dataset.hands}.joints} ${oc.select:dataset.models,${paths.models}}")
        ['dataset.sets', 'dataset.hands', 'dataset.models', 'paths.models']
    """
    return [reference.rstrip(".") for reference in _REFERENCE.findall(text)]


def _related(one: str, other: str) -> bool:
    """Whether two dotted names are the same, or one lies inside the other."""
    inner, outer = sorted((one, other), key=len, reverse=True)
    return inner == outer or inner.startswith((f"{outer}.", f"{outer}["))


def _leaves(node: Any, prefix: str = "") -> Iterable[tuple[str, Any]]:
    """Dotted name and value of everything that is no mapping."""
    for name, child in node.items():
        key = f"{prefix}{name}"
        yield from _leaves(child, f"{key}.") if isinstance(child, Mapping) else [(key, child)]
