"""``carpus import``: published weights become an experiment that test and demo accept by key."""

from __future__ import annotations

import argparse
from pathlib import Path

from carpus.commands.common import add_overrides, out

EXAMPLE = """example:
  carpus import checkpoint_epoch14.pth --method v2v --dataset msra
  python test.py key=<the key it prints> eval_on=test"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """File, method, dataset."""
    parser.add_argument("file", type=Path, help="published checkpoint")
    parser.add_argument("--method", required=True, help="whose layout the file has, such as v2v")
    parser.add_argument("--dataset", default=None, help="dataset the weights were trained on")
    add_overrides(parser)


def run(arguments: argparse.Namespace) -> None:
    """Make the run folder and print its key."""
    from carpus.engine.importing import import_run

    run_folder, notes = import_run(arguments.file, arguments.method, arguments.dataset, arguments.overrides)
    out("\n".join(notes))
    logs = run_folder.path.parent
    where = "" if str(logs) == "logs" else f" paths.logs={logs}"
    out(f"imported as {run_folder.key}\n  python test.py key={run_folder.key} eval_on=test{where}")
