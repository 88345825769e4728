"""``carpus models``: the 28 models of the depth CR family, as their publishers list them."""

from __future__ import annotations

import argparse

from carpus.commands.common import out

EXAMPLE = "example:\n  carpus models"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Nothing to choose."""


def run(arguments: argparse.Namespace) -> None:
    """Print name, module and label of every model; needs no data."""
    from carpus.nets.depth_cr import COMPOSITIONS, composition

    out("Currently implemented model list:")
    for name in COMPOSITIONS:
        model = composition(name)
        out(f"{model.name}  -->  {model.module} :  {model.label}")
