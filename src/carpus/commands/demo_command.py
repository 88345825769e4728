"""``carpus demo``: joints, meshes and pictures of your own depth images, photographs and videos."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from carpus.commands.common import add_logs, logs_folder, numbers, out, progress_line
from carpus.errors import ConfigError

if TYPE_CHECKING:
    from carpus.engine.demo import DemoOptions
    from carpus.engine.demo_options import ClipOptions

EXAMPLE = """examples:
  carpus demo 2e8c frame.png --camera 588.036865,587.075073,320,240 --coding nyu_png
  carpus demo 2e8c recordings/ --camera 241.42,241.42,160,120 --out pictures
  carpus demo 77d1 photo.jpg --bbox 812,340,620,580
  carpus demo 77d1 photos/ --bbox-file boxes.json --camera 1400,1400,959.5,539.5 --wrist-depth 610,650
  carpus demo a71f person.jpg --bbox 320,80,410,900
  carpus demo a71f street/ --detector torchvision --all-persons
  carpus demo 5b0c hand.jpg --bbox 90,60,240,230 --hand left
  carpus demo 77d1 clip.mp4 --bbox 812,340,620,580 --smooth
  carpus demo a71f clip.mov --detector torchvision --every 2 --frames 100:400

Which options apply depends on what the run's method reads: depth images, pictures of
hands, or pictures of people, hands or faces that a body model is fitted to."""

DEPTH = {"coding": "--coding", "center": "--center", "depth_range": "--range", "refine": "--refine"}
BOXES = {"bbox": "--bbox", "bbox_file": "--bbox-file", "tight": "--tight", "hand": "--hand"}
HANDS = {"wrist_depth": "--wrist-depth", "pictures": "--pictures"}
FILES = {"pictures": "--pictures"}
PEOPLE = {"detector": "--detector", "all_persons": "--all-persons"}
FILTER = {"min_cutoff": "--min-cutoff", "beta": "--beta"}
VIDEO = {"every": "--every", "frames": "--frames", "smooth": "--smooth", **FILTER}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Run, images, camera, where the hand is."""
    parser.add_argument("key", help="experiment key or a unique prefix")
    parser.add_argument(
        "images",
        type=Path,
        help="image or folder: depth as .png (mm or NYU's coding), .bin, .npy; photographs as .jpg, .png, …; "
        "or a video: .mp4, .avi, .mov, .mkv, .webm",
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
    _add_photos(parser.add_argument_group("photographs and videos"))
    _add_people(parser.add_argument_group("photographs and videos of people"))
    _add_video(parser.add_argument_group("videos"))


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
    group.add_argument(
        "--bbox-file",
        type=Path,
        help='JSON: {"name.jpg": [x, y, width, height], …}; for a video {"0": […], "25": […], …} by frame',
    )
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
        "those in its cache, fetched if need be; none: take whole pictures (default, without boxes: "
        "torchvision if the cache has its weights, else none)",
    )
    group.add_argument(
        "--all-persons",
        action="store_true",
        default=None,
        help="all that the detector finds (default: the surest)",
    )


def _add_video(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--every", type=int, metavar="N", help="take every Nth frame (default: 1)")
    group.add_argument("--frames", metavar="A:B", help="from frame A, counted from 0, to before B")
    group.add_argument(
        "--smooth", action="store_true", default=None, help="filter results over time by the 1 euro filter"
    )
    group.add_argument(
        "--min-cutoff",
        type=float,
        metavar="HZ",
        help="with --smooth: cutoff of what rests; lower: less jitter, more lag (default: 1)",
    )
    group.add_argument(
        "--beta",
        type=float,
        help="with --smooth: Hz added for a speed of one box a second; higher: less lag (default: 5)",
    )


def run(arguments: argparse.Namespace) -> None:
    """Write joints, meshes and pictures, print where."""
    from carpus.engine.demo import demo, reads

    logs = logs_folder(arguments)
    kind = reads(arguments.key, logs)
    _refuse_by_ending(arguments)
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
        _refuse(arguments, BOXES | HANDS | PEOPLE | VIDEO, f"photographs, but this run reads {kind}")
        lines = demo(_depth_options(arguments), logs)
    for line in lines:
        out(line)


def _demo_hands(arguments: argparse.Namespace, logs: Path) -> list[str]:
    from carpus.engine.demo_options import PhotoOptions
    from carpus.engine.demo_rgb import demo_photos
    from carpus.engine.folder import RunFolder
    from carpus.engine.keys import find_run

    options = PhotoOptions(
        **_shared_options(arguments),
        camera=numbers("--camera", arguments.camera, 4),
        wrists_mm=numbers("--wrist-depth", arguments.wrist_depth, 2),
        hand=arguments.hand or "auto",
        pictures=16 if arguments.pictures is None else arguments.pictures,
    )
    return demo_photos(RunFolder(find_run(arguments.key, logs)), options, progress_line("demo"))


def _demo_people(arguments: argparse.Namespace, logs: Path) -> list[str]:
    from carpus.engine.demo_options import PeopleOptions
    from carpus.engine.demo_people import demo_people
    from carpus.engine.folder import RunFolder
    from carpus.engine.keys import find_run

    options = PeopleOptions(
        **_shared_options(arguments),
        hand=arguments.hand,
        detector=arguments.detector,
        all_persons=bool(arguments.all_persons),
    )
    return demo_people(RunFolder(find_run(arguments.key, logs)), options, progress_line("demo"))


def _refuse_by_ending(arguments: argparse.Namespace) -> None:
    """Stop where options do nothing for a video, or for anything else."""
    from carpus.data.own_videos import SUFFIXES, is_video

    if is_video(arguments.images):
        _refuse(arguments, FILES, f"photographs; of {arguments.images.name} a film is drawn")
    else:
        _refuse(arguments, VIDEO, f"videos ({', '.join(SUFFIXES)}), not for {arguments.images.name}")


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


def _shared_options(arguments: argparse.Namespace) -> dict[str, Any]:
    """What pictures of hands and of people have in common."""
    return {
        "images": arguments.images,
        "boxes": tuple(numbers("--bbox", text, 4) for text in arguments.bbox or ()),
        "box_file": arguments.bbox_file,
        "enlarge": 1.0 if arguments.tight else None,
        "out": arguments.out,
        "device": arguments.device,
        "clip": _clip_options(arguments),
    }


def _clip_options(arguments: argparse.Namespace) -> ClipOptions:
    from carpus.engine.demo_options import ClipOptions
    from carpus.geometry.one_euro import OneEuroSettings

    if not arguments.smooth:
        _refuse(arguments, FILTER, "the filter of --smooth, which is not given")
    usual = OneEuroSettings()
    try:
        settings = OneEuroSettings(
            usual.min_cutoff_hz if arguments.min_cutoff is None else arguments.min_cutoff,
            usual.beta if arguments.beta is None else arguments.beta,
        )
    except ValueError as error:
        raise ConfigError(f"--min-cutoff, --beta: {error}") from None
    first, stop = _frame_range(arguments.frames)
    return ClipOptions(
        1 if arguments.every is None else arguments.every,
        first,
        stop,
        settings if arguments.smooth else None,
    )


def _frame_range(text: str | None) -> tuple[int, int | None]:
    """``A:B`` as numbers; either may be left out."""
    first, colon, stop = (text or ":").partition(":")
    if not colon or any(word and not word.isdecimal() for word in (first, stop)):
        raise ConfigError(f"--frames {text}: give FIRST:STOP, counted from 0, such as 100:400, 100: or :400")
    return int(first or 0), int(stop) if stop else None
