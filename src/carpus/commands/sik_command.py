"""``carpus sik``: joints a lifting network finds in a dataset, to train the hand-model stage on."""

from __future__ import annotations

import argparse
from pathlib import Path

from carpus.commands.common import add_logs, add_overrides, compose_dataset, logs_folder, out, progress_line

EXAMPLE = """examples:
  carpus sik 2e8c rhd --split train --epochs 100 --out data/sik_offline --device cuda
  carpus sik 2e8c rhd --split test --out data/sik_offline
  python train.py method=handflow2d/sik_offline dataset=sik_offline dataset.sets=[rhd] init_from=77d1"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Run, dataset, how often to look, where to write."""
    parser.add_argument("key", help="experiment key of a run of handflow2d/lift, or a unique prefix")
    parser.add_argument("dataset", help="name of a dataset in conf/dataset")
    parser.add_argument("--split", default="train", help="split of the dataset (default: train)")
    parser.add_argument(
        "--epochs", type=int, default=None, help="looks at every training picture (default: 100)"
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=None,
        help="the file, ending in .pkl, or its folder (default: result/sik_offline of the run)",
    )
    parser.add_argument("--set", dest="name", default=None, help="stb or rhd (default: the dataset's name)")
    parser.add_argument("--batch-size", type=int, default=32, help="pictures per forward pass")
    parser.add_argument("--workers", type=int, default=2, help="loader processes")
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument("--force", action="store_true", help="replace a file that is complete")
    add_overrides(parser)
    add_logs(parser)


def run(arguments: argparse.Namespace) -> None:
    """Write the file, print where it is and how good its joints are."""
    from carpus.engine.folder import RunFolder
    from carpus.engine.keys import find_run
    from carpus.engine.sik_offline import LiftedHands, SikJob, write_sik

    found = RunFolder(find_run(arguments.key, logs_folder(arguments)))
    # What is drawn for training pictures is that of the hand-model stage, not of the run.
    cfg, dataset = compose_dataset(arguments.dataset, ["method=handflow2d/sik", *arguments.overrides])
    lifted = LiftedHands(found, cfg.dataset, cfg.augment, arguments.device)
    job = SikJob(
        split=arguments.split,
        epochs=arguments.epochs,
        name=arguments.name,
        out=arguments.out or found.result / "sik_offline",
        batch_size=arguments.batch_size,
        workers=arguments.workers,
        force=arguments.force,
    )
    file = write_sik(lifted, dataset, job, progress_line("looked at"))
    without = f", {file.skipped:,} without a full label left out" if file.skipped else ""
    out(f"{file.path}: {file.hands:,} hands, {file.error_mm:.1f} mm from the true joints{without}")
    out(f"use it with dataset=sik_offline {file.settings}")
