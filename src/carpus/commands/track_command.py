"""``carpus track``: joints of the hand in every frame of a depth stream."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from carpus.commands.common import add_logs, logs_folder, numbers, out, progress_line

EXAMPLE = """examples:
  carpus track 2e8c recordings/stream_20260101_120000 --overlay mp4
  carpus track 2e8c stack.npz --camera 475.06,475.06,315.9,245.3 --every 2
  carpus track 2e8c frame/images --locator box --boxes frame/BoundingBox.txt
  carpus track none recordings/stream --overlay png        only locate the hand
  carpus track 2e8c realsense --mirror --gain 0.8 --record recordings"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Run, stream, locator, output."""
    parser.add_argument("key", help="experiment key, a unique prefix, or a .ckpt file; none to locate only")
    parser.add_argument(
        "stream",
        type=Path,
        help="folder of image_D<number>.png with camera.json or of HANDS 2017, .npz, .npy, .png; realsense",
    )
    _add_reading(parser)
    _add_locating(parser)
    _add_output(parser)
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument("--precision", default="32", help="32 | bf16-mixed | 16-mixed")
    add_logs(parser)


def _add_reading(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--camera", help="fx,fy,cx,cy in pixels (default: the stream's own)")
    parser.add_argument("--unit", type=float, help="millimetres per stored unit (default: the stream's own)")
    parser.add_argument(
        "--range", dest="depth_range", help="near,far in mm: valid depth (default: the stream's)"
    )
    parser.add_argument("--gain", type=float, default=1.0, help="factor on every depth")
    parser.add_argument("--mirror", action="store_true", help="exchange left and right, cx with them")
    parser.add_argument("--start", type=int, default=0, help="first frame")
    parser.add_argument("--stop", type=int, default=None, help="frame before which to stop")
    parser.add_argument("--every", type=int, default=1, help="take every k-th frame")


def _add_locating(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--locator", default=None, help="shape_prior | mean | box | truth | model")
    parser.add_argument("--boxes", type=Path, help="lines of name, left, top, width, height, for box")
    parser.add_argument(
        "--truth", type=Path, help="joints.npz or HANDS 2017 annotation, for truth and for errors"
    )
    parser.add_argument("--localiser", help="key of a localiser's run, for model")
    parser.add_argument("--reach", type=float, default=480.0, help="farthest front of a hand in mm")
    parser.add_argument(
        "--smooth",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="filter the centre over the frames (default: with shape_prior, mean and model)",
    )


def _add_output(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--overlay", help="png | mp4 | gif: pictures (default: none)")
    parser.add_argument("--views", action="store_true", help="the cube's three views beside each picture")
    parser.add_argument("--record", type=Path, help="folder that gets a new, time-stamped recording")
    parser.add_argument("--record-to", type=Path, help="folder that becomes the recording")
    parser.add_argument("--overwrite", action="store_true", help="--record-to may replace a recording")
    parser.add_argument("--out", type=Path, default=None, help="folder for results (default: beside the run)")


def run(arguments: argparse.Namespace) -> None:
    """Track, then print what was found, how fast, and where it is."""
    from carpus.data.streams import StreamOptions
    from carpus.engine.track import TrackOptions, track
    from carpus.geometry import Camera

    camera = numbers("--camera", arguments.camera, 4)
    read = StreamOptions(
        camera=Camera(*camera) if camera else None,
        unit_mm=arguments.unit,
        gain=arguments.gain,
        mirror=arguments.mirror,
        start=arguments.start,
        stop=arguments.stop,
        every=arguments.every,
        z_range_mm=numbers("--range", arguments.depth_range, 2),
    )
    options = TrackOptions(
        key=arguments.key,
        stream=arguments.stream,
        read=read,
        locator=arguments.locator or _implied(arguments),
        boxes=arguments.boxes,
        truth=arguments.truth,
        localiser=arguments.localiser,
        reach_mm=arguments.reach,
        smooth=arguments.smooth,
        overlay=arguments.overlay,
        views=arguments.views,
        record=arguments.record,
        record_to=arguments.record_to,
        overwrite=arguments.overwrite,
        out=arguments.out,
        device=arguments.device,
        precision=arguments.precision,
    )
    for line in track(options, logs_folder(arguments), _progress()):
        out(line)


def _progress() -> Callable[[int, int], None]:
    """Progress whose clock starts with the first frame, after the network was loaded."""
    started: list[Callable[[int, int], None]] = []

    def show(done: int, total: int) -> None:
        if started:
            started[0](done, total)
        else:
            started.append(progress_line("frames"))

    return show


def _implied(arguments: argparse.Namespace) -> str:
    """The locator that the other options make sense with."""
    return "box" if arguments.boxes else "model" if arguments.localiser else "shape_prior"
