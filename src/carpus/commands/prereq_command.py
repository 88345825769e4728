"""``carpus prereq``: the prepared data a depth CR model needs."""

from __future__ import annotations

import argparse

from carpus.commands.common import out

EXAMPLE = "example:\n  carpus prereq super_edt2m"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which model."""
    parser.add_argument("model", help="a name of `carpus models`")


def run(arguments: argparse.Namespace) -> None:
    """Print the names in the published form; needs no data."""
    from carpus.data.prepared import prereq_text

    out(prereq_text(arguments.model))
