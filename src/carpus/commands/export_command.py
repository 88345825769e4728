"""``carpus export``: a dataset's annotation in the form other programs read."""

from __future__ import annotations

import argparse
from pathlib import Path

from carpus.commands.common import add_overrides, compose_dataset, out, progress_line
from carpus.errors import ConfigError

EXAMPLE = """examples:
  carpus export rhd --split train --out rhd_train.json dataset.root=/mnt/RHD
  carpus export rhd_synthetic --split test --out rhd_test.json

The file is mmpose's: one annotation per picture, of the hand that shows more pixels."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Dataset, split, file."""
    parser.add_argument("dataset", help="name of a dataset in conf/dataset with RHD's tree")
    parser.add_argument("--split", default="train", help="train | test as published (default: train)")
    parser.add_argument("--out", type=Path, required=True, help="the file to write")
    add_overrides(parser)


def run(arguments: argparse.Namespace) -> None:
    """Write the file."""
    from carpus.data.sources.rhd import RHD, export_coco

    _, dataset = compose_dataset(arguments.dataset, list(arguments.overrides))
    if getattr(dataset, "source_type", None) is not RHD:
        raise ConfigError(f"{arguments.dataset} has no export; there is one for trees of RHD (dataset=rhd)")
    if arguments.split not in RHD.splits:
        raise ConfigError(f"--split {arguments.split}: {' or '.join(RHD.splits)}")
    dataset.tree.make()
    count = export_coco(dataset.root, arguments.split, arguments.out, progress_line("pictures"))
    out(f"{count:,} pictures of {arguments.dataset} {arguments.split} in {arguments.out}")
