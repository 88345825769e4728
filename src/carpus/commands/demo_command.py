"""``carpus demo``: joints and pictures of your own depth images."""

from __future__ import annotations

import argparse
from pathlib import Path

from carpus.commands.common import add_logs, logs_folder, numbers, out

EXAMPLE = """examples:
  carpus demo 2e8c frame.png --camera 588.036865,587.075073,320,240 --coding nyu_png
  carpus demo 2e8c recordings/ --camera 241.42,241.42,160,120 --out pictures"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Run, images, camera, centre."""
    parser.add_argument("key", help="experiment key or a unique prefix")
    parser.add_argument(
        "images", type=Path, help="depth image, or a folder of them: .png (mm or NYU's coding), .bin, .npy"
    )
    parser.add_argument("--camera", help="fx,fy,cx,cy in pixels (default: the camera of the run's dataset)")
    parser.add_argument(
        "--coding", default=None, help="png16_mm | nyu_png | msra_bin | npy_mm | npy_m (default: by content)"
    )
    parser.add_argument("--center", help="x,y,z of the hand in mm, y down (default: found by centre of mass)")
    parser.add_argument("--range", dest="depth_range", help="near,far in mm where the hand is looked for")
    parser.add_argument(
        "--refine", type=int, default=2, help="how often a found centre moves to the middle of the joints"
    )
    parser.add_argument(
        "--out", type=Path, default=None, help="folder for joints and pictures (default: beside the run)"
    )
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    add_logs(parser)


def run(arguments: argparse.Namespace) -> None:
    """Write joints and pictures, print where."""
    from carpus.engine.demo import DemoOptions, demo

    options = DemoOptions(
        key=arguments.key,
        images=arguments.images,
        camera=numbers("--camera", arguments.camera, 4),
        coding=arguments.coding,
        center_mm=numbers("--center", arguments.center, 3),
        depth_range_mm=numbers("--range", arguments.depth_range, 2),
        refine=arguments.refine,
        out=arguments.out,
        device=arguments.device,
    )
    for line in demo(options, logs_folder(arguments)):
        out(line)
