"""``carpus deps``: which prepared data of the depth CR family is made from which."""

from __future__ import annotations

import argparse

from carpus.commands.common import out
from carpus.errors import ConfigError, unknown

EXAMPLE = "example:\n  carpus deps hands17"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which dataset."""
    parser.add_argument("dataset", help="a depth dataset, such as hands17")


def run(arguments: argparse.Namespace) -> None:
    """Print the graph in the published form; needs no data."""
    from carpus.data import sources
    from carpus.data.prepared import deps_text

    classes = (getattr(sources, name) for name in sources.__all__)
    names = [cls.name for cls in classes if getattr(cls, "kind", "") == "depth" and hasattr(cls, "name")]
    if arguments.dataset.split("_")[0] not in names:
        raise ConfigError(unknown("depth dataset", arguments.dataset, names))
    out(deps_text(arguments.dataset))
