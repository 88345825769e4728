"""``carpus synth``: a small world in a dataset's own on-disk format."""

from __future__ import annotations

import argparse
from pathlib import Path

from carpus.commands.common import out, progress_line

EXAMPLE = """examples:
  carpus synth msra --out data/msra_synthetic --frames 10 --seed 0
  carpus synth stream --out data/stream --frames 150 --motion pointing"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Dataset, folder, size and seed."""
    known = "msra | icvl | nyu | hands17 | itop | interhand26m | rhd | stb | freihand | sik1m | sik_offline"
    known += " | human36m | mscoco | mpii | mpi_inf_3dhp | pw3d | ehf | ffhq | agora"
    parser.add_argument("dataset", help=f"{known} | stream")
    parser.add_argument("--out", type=Path, required=True, help="folder to make; must not exist")
    parser.add_argument(
        "--frames",
        type=int,
        default=None,
        help="MSRA: frames per gesture and subject; a stream: all frames; elsewhere: training frames",
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--motion", default="pointing", help="of a stream: pointing (forearm behind the hand) | frontal"
    )


def run(arguments: argparse.Namespace) -> None:
    """Write the tree."""
    from carpus.synthetic import make

    size = {} if arguments.frames is None else {"frames": arguments.frames}
    if arguments.dataset == "stream":
        from carpus.synthetic.stream import JOINTS_FILE, make_stream

        progress = progress_line("frames")
        folder = make_stream(
            arguments.out, seed=arguments.seed, motion=arguments.motion, progress=progress, **size
        )
        out(f"stream in {folder}, its true joints in {JOINTS_FILE}; use it with carpus track KEY {folder}")
        return
    make(arguments.dataset, arguments.out, seed=arguments.seed, progress=progress_line("frames"), **size)
    use = f"dataset={arguments.dataset} dataset.root={arguments.out}"
    out(f"{arguments.dataset} tree in {arguments.out}; use it with {use}")
