"""``carpus centers``: a localiser's centre files for a dataset."""

from __future__ import annotations

import argparse
from pathlib import Path

from carpus.commands.common import (
    add_logs,
    add_overrides,
    compose_dataset,
    depth_only,
    logs_folder,
    out,
    progress_line,
)

EXAMPLE = """examples:
  carpus centers 2e8c hands17 --out data/centers/hands17
  python train.py method=v2v dataset=hands17 dataset.center_dir=data/centers/hands17
  carpus centers 2e8c nyu dataset.root=/mnt/nyu --out data/centers/nyu --device cuda"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Localiser, dataset, where to write."""
    parser.add_argument("key", help="experiment key of a localiser, or a unique prefix")
    parser.add_argument("dataset", help="name of a dataset in conf/dataset")
    parser.add_argument(
        "--out",
        type=Path,
        default=None,
        help="folder of the centre files (default: result/centers of the run)",
    )
    parser.add_argument("--batch-size", type=int, default=32, help="frames per forward pass")
    parser.add_argument("--workers", type=int, default=2, help="loader processes")
    parser.add_argument(
        "--least-score", type=float, default=float("-inf"), help="below it a frame counts as without a hand"
    )
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    add_overrides(parser)
    add_logs(parser)


def run(arguments: argparse.Namespace) -> None:
    """Write the files, print where and how good they are."""
    from carpus.engine.folder import RunFolder
    from carpus.engine.keys import find_run
    from carpus.engine.locating import HandLocator, write_center_files

    run_folder = RunFolder(find_run(arguments.key, logs_folder(arguments)))
    locator = HandLocator(run_folder, arguments.device, arguments.least_score)
    dataset = depth_only(compose_dataset(arguments.dataset, list(arguments.overrides))[1], "centres")
    folder = arguments.out or run_folder.result / "centers" / arguments.dataset
    progress, sizes = progress_line("located"), (arguments.batch_size, arguments.workers)
    for file in write_center_files(locator, dataset, folder, progress, *sizes):
        error = "" if file.error_mm is None else f", {file.error_mm:.1f} mm from the middle of the joints"
        out(f"{file.path}: {file.lines:,} lines, {file.invalid:,} invalid{error}")
    out(f"use them with dataset.center_source=file dataset.center_dir={folder}")
