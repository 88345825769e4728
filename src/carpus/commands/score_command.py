"""``carpus score``: third-party prediction files against ground truth."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from carpus.commands.common import out

EXAMPLE = """examples:
  carpus score A2J_NYU.txt nyu_keypointsUVD_test.mat --protocol nyu
  carpus score predict_super_edt2m truth.txt --protocol hands17 --metric legacy"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Two files and a protocol."""
    parser.add_argument(
        "predictions", type=Path, help=".txt, .txt.gz, .mat, .npz, .npy, .h5 or predict_<model>"
    )
    parser.add_argument("ground_truth", type=Path, help="same kinds")
    parser.add_argument("--protocol", required=True, help="nyu | icvl | msra | hands17 | itop")
    parser.add_argument(
        "--space", choices=["uvd", "xyz"], default=None, help="of the predictions (default: detected)"
    )
    parser.add_argument(
        "--metric", default="euclid", help="euclid (mm), or legacy: also what the depth CR program logs"
    )
    parser.add_argument("--camera", help="fx,fy,cx,cy in pixels for legacy (default: the dataset's)")
    parser.add_argument(
        "--drop-last",
        action="store_true",
        help="without the truth's last frame, which that program leaves out",
    )
    parser.add_argument("--json", type=Path, default=None, help="also write every number and curve here")


def run(arguments: argparse.Namespace) -> None:
    """Print the table."""
    from carpus.metrics.score_table import score_table
    from carpus.metrics.scoring import score

    report = score(
        arguments.predictions,
        arguments.ground_truth,
        arguments.protocol,
        space=arguments.space,
        metric=arguments.metric,
        camera=None if arguments.camera is None else _numbers(arguments.camera),
        drop_last=arguments.drop_last,
    )
    out(score_table(report))
    if arguments.json:
        arguments.json.write_text(json.dumps(report.as_dict(), indent=2) + "\n")


def _numbers(text: str) -> list[float]:
    """Numbers between commas."""
    from carpus.errors import ConfigError

    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        raise ConfigError(f"--camera takes four numbers fx,fy,cx,cy, not '{text}'") from None
