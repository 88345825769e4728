"""``carpus surgery``: checkpoints between the stages of Hand4Whole."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from carpus.commands.common import out

if TYPE_CHECKING:
    from carpus.weights.hand4whole_surgery import Surgery

EXAMPLE = """examples:
  carpus surgery convert-simple body_pose_resnet_50_256x192.pth.tar --out snapshot_0.pth.tar
  carpus surgery merge-hand snapshot_6_all.pth.tar snapshot_12_hand.pth.tar --out snapshot_0.pth.tar
  carpus surgery reset-epoch snapshot_6.pth.tar --out snapshot_0.pth.tar
  python train.py experiment=h4w_stage3 load_from=snapshot_0.pth.tar

Files may be of the published programs (*.pth.tar) or of runs (logs/<key>/model_dump/*.ckpt); what is written
is of the kind of the first file. Start a training from a written .ckpt with init_from=FILE."""

OPERATIONS = {
    "convert-simple": ("a 2D pose network becomes the body's backbone, before stage 1", ("file",)),
    "merge-hand": ("a hand network's backbone becomes that of the hands, before stage 3", ("file", "hand")),
    "reset-epoch": ("the epoch becomes 0, before training on AGORA", ("file",)),
}
_HELP = {"file": "the checkpoint", "hand": "checkpoint of Pose2Pose's hand"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What to do, with which files."""
    operations = parser.add_subparsers(dest="operation", metavar="OPERATION", required=True)
    for name, (text, files) in OPERATIONS.items():
        sub = operations.add_parser(name, help=text, description=text)
        for file in files:
            sub.add_argument(file, type=Path, help=_HELP[file])
        sub.add_argument("--out", type=Path, required=True, help="file to write")
        sub.add_argument("--overwrite", action="store_true", help="replace the file if it exists")


def run(arguments: argparse.Namespace) -> None:
    """Write the new checkpoint and say what became of every tensor."""
    from carpus.weights.hand4whole_files import write_checkpoint

    done = _operate(arguments)
    write_checkpoint(done.content, arguments.out, arguments.overwrite)
    out(f"{done.describe()}\nwritten {arguments.out}")


def _operate(arguments: argparse.Namespace) -> Surgery:
    from carpus.weights import hand4whole_surgery as surgery

    if arguments.operation == "merge-hand":
        return surgery.merge_hand(arguments.file, arguments.hand)
    if arguments.operation == "convert-simple":
        return surgery.convert_simple(arguments.file)
    return surgery.reset_epoch(arguments.file)
