"""``carpus score``: third-party prediction files against ground truth."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from carpus.commands.common import out

EXAMPLE = """example:
  carpus score A2J_NYU.txt nyu_keypointsUVD_test.mat --protocol nyu"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Two files and a protocol."""
    parser.add_argument("predictions", type=Path, help=".txt, .txt.gz, .mat, .npz, .npy or .h5")
    parser.add_argument("ground_truth", type=Path, help="same kinds")
    parser.add_argument("--protocol", required=True, help="nyu | icvl | msra | hands17 | itop")
    parser.add_argument(
        "--space", choices=["uvd", "xyz"], default=None, help="of the predictions (default: detected)"
    )
    parser.add_argument("--json", type=Path, default=None, help="also write every number and curve here")


def run(arguments: argparse.Namespace) -> None:
    """Print the table."""
    from carpus.metrics.score_table import score_table
    from carpus.metrics.scoring import score

    report = score(arguments.predictions, arguments.ground_truth, arguments.protocol, space=arguments.space)
    out(score_table(report))
    if arguments.json:
        arguments.json.write_text(json.dumps(report.as_dict(), indent=2) + "\n")
