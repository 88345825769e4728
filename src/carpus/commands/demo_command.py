"""``carpus demo``: joints and pictures of your own depth images and photographs."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from carpus.commands.common import add_logs, logs_folder, numbers, out, progress_line
from carpus.errors import ConfigError

if TYPE_CHECKING:
    from carpus.engine.demo import DemoOptions, PhotoOptions

EXAMPLE = """examples:
  carpus demo 2e8c frame.png --camera 588.036865,587.075073,320,240 --coding nyu_png
  carpus demo 2e8c recordings/ --camera 241.42,241.42,160,120 --out pictures
  carpus demo 77d1 photo.jpg --bbox 812,340,620,580
  carpus demo 77d1 photos/ --bbox-file boxes.json --camera 1400,1400,959.5,539.5 --wrist-depth 610,650

Which options apply depends on what the run's method reads: depth images or photographs."""

DEPTH = {"coding": "--coding", "center": "--center", "depth_range": "--range", "refine": "--refine"}
PHOTOS = {
    "bbox": "--bbox",
    "bbox_file": "--bbox-file",
    "tight": "--tight",
    "wrist_depth": "--wrist-depth",
    "hand": "--hand",
    "pictures": "--pictures",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Run, images, camera, where the hand is."""
    parser.add_argument("key", help="experiment key or a unique prefix")
    parser.add_argument(
        "images",
        type=Path,
        help="image or folder: depth as .png (mm or NYU's coding), .bin, .npy; photographs as .jpg, .png, …",
    )
    parser.add_argument(
        "--camera", help="fx,fy,cx,cy in pixels (default: depth: of the run's dataset; photographs: unknown)"
    )
    parser.add_argument(
        "--out", type=Path, default=None, help="folder for joints and pictures (default: beside the run)"
    )
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    add_logs(parser)
    _add_depth(parser.add_argument_group("depth images"))
    _add_photos(parser.add_argument_group("photographs"))


def _add_depth(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--coding", help="png16_mm | nyu_png | msra_bin | npy_mm | npy_m (default: by content)"
    )
    group.add_argument("--center", help="x,y,z of the hand in mm, y down (default: found by centre of mass)")
    group.add_argument("--range", dest="depth_range", help="near,far in mm where the hand is looked for")
    group.add_argument(
        "--refine", type=int, help="how often a found centre moves to the middle of the joints (default: 2)"
    )


def _add_photos(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--bbox",
        action="append",
        help="x,y,width,height in pixels around a hand or two; again for more (--bbox=-5,… if x is negative)",
    )
    group.add_argument("--bbox-file", type=Path, help='JSON: {"name.jpg": [x, y, width, height], …}')
    group.add_argument(
        "--tight",
        action="store_true",
        default=None,
        help="do not enlarge boxes by 1.25; they are made square",
    )
    group.add_argument("--wrist-depth", help="right,left in mm, with --camera (default: by an adult's size)")
    group.add_argument("--hand", help="auto | right | left | both: hands to tell and draw (default: auto)")
    group.add_argument(
        "--pictures", type=int, help="of how many boxes DIGIT's five pictures are drawn (default: 16)"
    )


def run(arguments: argparse.Namespace) -> None:
    """Write joints and pictures, print where."""
    from carpus.engine.demo import demo, reads

    logs = logs_folder(arguments)
    kind = reads(arguments.key, logs)
    if kind == "rgb_hand":
        from carpus.engine.demo_rgb import demo_photos
        from carpus.engine.folder import RunFolder
        from carpus.engine.keys import find_run

        _refuse(arguments, DEPTH, "depth images, but this run reads photographs")
        run_folder = RunFolder(find_run(arguments.key, logs))
        lines = demo_photos(run_folder, _photo_options(arguments), progress_line("demo"))
    else:
        _refuse(arguments, PHOTOS, f"photographs, but this run reads {kind}")
        lines = demo(_depth_options(arguments), logs)
    for line in lines:
        out(line)


def _refuse(arguments: argparse.Namespace, options: dict[str, str], why: str) -> None:
    """Stop where options are given that would do nothing."""
    given = [option for name, option in options.items() if getattr(arguments, name) is not None]
    if given:
        raise ConfigError(f"{', '.join(given)}: for {why}")


def _depth_options(arguments: argparse.Namespace) -> DemoOptions:
    from carpus.engine.demo import DemoOptions

    return DemoOptions(
        key=arguments.key,
        images=arguments.images,
        camera=numbers("--camera", arguments.camera, 4),
        coding=arguments.coding,
        center_mm=numbers("--center", arguments.center, 3),
        depth_range_mm=numbers("--range", arguments.depth_range, 2),
        refine=2 if arguments.refine is None else arguments.refine,
        out=arguments.out,
        device=arguments.device,
    )


def _photo_options(arguments: argparse.Namespace) -> PhotoOptions:
    from carpus.data.own_photos import ENLARGE
    from carpus.engine.demo import PhotoOptions

    return PhotoOptions(
        images=arguments.images,
        boxes=tuple(numbers("--bbox", text, 4) for text in arguments.bbox or ()),
        box_file=arguments.bbox_file,
        enlarge=1.0 if arguments.tight else ENLARGE,
        camera=numbers("--camera", arguments.camera, 4),
        wrists_mm=numbers("--wrist-depth", arguments.wrist_depth, 2),
        hand=arguments.hand or "auto",
        pictures=16 if arguments.pictures is None else arguments.pictures,
        out=arguments.out,
        device=arguments.device,
    )
