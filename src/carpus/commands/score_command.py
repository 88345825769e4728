"""``carpus score``: third-party prediction files against ground truth."""

from __future__ import annotations

import argparse
import json
import math
from pathlib import Path
from typing import Any

from carpus.commands.common import out

EXAMPLE = """examples:
  carpus score A2J_NYU.txt nyu_keypointsUVD_test.mat --protocol nyu
  carpus score predict_super_edt2m truth.txt --protocol hands17 --metric legacy
  carpus score predictions.zip data/agora/annotations --protocol agora --body-models human_model_files
  carpus score pred.json data/freihand --protocol freihand"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Two files and a protocol."""
    parser.add_argument(
        "predictions", type=Path, help=".txt, .txt.gz, .mat, .npz, .npy, .h5 or predict_<model>"
    )
    parser.add_argument(
        "ground_truth", type=Path, help="same kinds; AGORA: folder of *_withjv.pkl; FreiHAND: its tree"
    )
    parser.add_argument(
        "--protocol", required=True, help="nyu | icvl | msra | hands17 | itop | agora | freihand"
    )
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
    parser.add_argument("--model", default="smplx", help="agora: smplx | smpl")
    parser.add_argument("--body-models", type=Path, default=None, help="agora: folder of the body models")
    parser.add_argument("--body-vertices", type=Path, default=None, help="agora: its list of body vertices")


def run(arguments: argparse.Namespace) -> None:
    """Print the table."""
    work = {"agora": _agora, "freihand": _freihand}.get(arguments.protocol, _joints)
    table, content = work(arguments)
    out(table)
    if arguments.json:
        arguments.json.write_text(json.dumps(_without_nan(content), indent=2) + "\n")


def _joints(arguments: argparse.Namespace) -> tuple[str, Any]:
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
    return score_table(report), report.as_dict()


def _agora(arguments: argparse.Namespace) -> tuple[str, Any]:
    """People of AGORA by its official evaluation."""
    from carpus.bodies.library import BodyModels
    from carpus.data.results.agora_format import check_model
    from carpus.errors import ConfigError
    from carpus.metrics.agora import AgoraTables
    from carpus.metrics.agora.files import score_agora_files
    from carpus.metrics.agora.table import agora_table

    if arguments.body_models is None:
        raise ConfigError("protocol agora needs --body-models, the folder of the body models")
    models, truth = BodyModels(arguments.body_models), arguments.ground_truth
    tables = AgoraTables.of_models(models, check_model(arguments.model), arguments.body_vertices)
    frames = sorted(truth.glob("*_withjv.pkl")) if truth.is_dir() else [truth]
    report = score_agora_files(arguments.predictions, frames, tables, models)
    return agora_table(report), report.as_dict()


def _freihand(arguments: argparse.Namespace) -> tuple[str, Any]:
    """Hands of FreiHAND by its official evaluation."""
    from carpus.metrics.freihand_scoring import score_freihand

    values = score_freihand(arguments.predictions, arguments.ground_truth)
    return "\n".join(f"{name:<20} {value:9.4f}" for name, value in values.items()), values


def _without_nan(content: Any) -> Any:
    """NaN, what nothing was found for, is no JSON."""
    if isinstance(content, dict):
        return {name: _without_nan(value) for name, value in content.items()}
    if isinstance(content, list | tuple):
        return [_without_nan(value) for value in content]
    return None if isinstance(content, float) and math.isnan(content) else content


def _numbers(text: str) -> list[float]:
    """Numbers between commas."""
    from carpus.errors import ConfigError

    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        raise ConfigError(f"--camera takes four numbers fx,fy,cx,cy, not '{text}'") from None
