"""``carpus demo``: joints, meshes and pictures of your own depth images and photographs."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from carpus.commands.common import add_logs, logs_folder, numbers, out, progress_line
from carpus.errors import ConfigError

if TYPE_CHECKING:
    from carpus.engine.demo import DemoOptions, PhotoOptions
    from carpus.engine.demo_people import PeopleOptions

EXAMPLE = """examples:
  carpus demo 2e8c frame.png --camera 588.036865,587.075073,320,240 --coding nyu_png
  carpus demo 2e8c recordings/ --camera 241.42,241.42,160,120 --out pictures
  carpus demo 77d1 photo.jpg --bbox 812,340,620,580
  carpus demo 77d1 photos/ --bbox-file boxes.json --camera 1400,1400,959.5,539.5 --wrist-depth 610,650
  carpus demo a71f person.jpg --bbox 320,80,410,900
  carpus demo a71f street/ --detector torchvision --all-persons
  carpus demo 5b0c hand.jpg --bbox 90,60,240,230 --hand left

Which options apply depends on what the run's method reads: depth images, photographs of
hands, or photographs of people, hands or faces that a body model is fitted to."""

DEPTH = {"coding": "--coding", "center": "--center", "depth_range": "--range", "refine": "--refine"}
BOXES = {"bbox": "--bbox", "bbox_file": "--bbox-file", "tight": "--tight", "hand": "--hand"}
HANDS = {"wrist_depth": "--wrist-depth", "pictures": "--pictures"}
PEOPLE = {"detector": "--detector", "all_persons": "--all-persons"}


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
    _add_people(parser.add_argument_group("photographs of people"))


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
        help="x,y,width,height in pixels around a hand or two, or a person; again for more (--bbox=-5,… if x "
        "is negative)",
    )
    group.add_argument("--bbox-file", type=Path, help='JSON: {"name.jpg": [x, y, width, height], …}')
    group.add_argument(
        "--tight",
        action="store_true",
        default=None,
        help="do not enlarge boxes by 1.25; they are brought to the aspect of the method's crop",
    )
    group.add_argument("--wrist-depth", help="right,left in mm, with --camera (default: by an adult's size)")
    group.add_argument(
        "--hand",
        help="auto | right | left | both: hands to tell and draw (default: auto); for methods that fit one "
        "hand: right | left (default: right)",
    )
    group.add_argument(
        "--pictures", type=int, help="of how many boxes DIGIT's five pictures are drawn (default: 16)"
    )


def _add_people(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--detector",
        metavar="FILE",
        help="find people with torchvision's Faster R-CNN: file of its weights, or the word torchvision for "
        "those in its cache",
    )
    group.add_argument(
        "--all-persons",
        action="store_true",
        default=None,
        help="all that the detector finds (default: the surest)",
    )


def run(arguments: argparse.Namespace) -> None:
    """Write joints, meshes and pictures, print where."""
    from carpus.engine.demo import demo, reads

    logs = logs_folder(arguments)
    kind = reads(arguments.key, logs)
    if kind == "rgb_hand":
        _refuse(arguments, DEPTH, "depth images, but this run reads photographs")
        _refuse(arguments, PEOPLE, "photographs of people, but this run reads hands")
        lines = _demo_hands(arguments, logs)
    elif kind == "whole_body":
        _refuse(arguments, DEPTH, "depth images, but this run reads photographs")
        _refuse(arguments, HANDS, "runs that read a pair of hands, but this one fits a body model")
        _refuse(arguments, {"camera": "--camera"}, "other runs: this one has a virtual camera of its own")
        lines = _demo_people(arguments, logs)
    else:
        _refuse(arguments, BOXES | HANDS | PEOPLE, f"photographs, but this run reads {kind}")
        lines = demo(_depth_options(arguments), logs)
    for line in lines:
        out(line)


def _demo_hands(arguments: argparse.Namespace, logs: Path) -> list[str]:
    from carpus.engine.demo_rgb import demo_photos
    from carpus.engine.folder import RunFolder
    from carpus.engine.keys import find_run

    run_folder = RunFolder(find_run(arguments.key, logs))
    return demo_photos(run_folder, _photo_options(arguments), progress_line("demo"))


def _demo_people(arguments: argparse.Namespace, logs: Path) -> list[str]:
    from carpus.engine.demo_people import demo_people
    from carpus.engine.folder import RunFolder
    from carpus.engine.keys import find_run

    run_folder = RunFolder(find_run(arguments.key, logs))
    return demo_people(run_folder, _people_options(arguments), progress_line("demo"))


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


def _people_options(arguments: argparse.Namespace) -> PeopleOptions:
    from carpus.engine.demo_people import PeopleOptions

    return PeopleOptions(
        images=arguments.images,
        boxes=tuple(numbers("--bbox", text, 4) for text in arguments.bbox or ()),
        box_file=arguments.bbox_file,
        enlarge=1.0 if arguments.tight else None,
        hand=arguments.hand,
        detector=arguments.detector,
        all_persons=bool(arguments.all_persons),
        out=arguments.out,
        device=arguments.device,
    )
