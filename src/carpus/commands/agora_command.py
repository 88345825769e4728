"""``carpus agora``: data frames to annotation, crops of large pictures, faults of result files."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from carpus.commands.common import add_overrides, compose_dataset, out, progress_line
from carpus.errors import ConfigError, DataError, unknown

if TYPE_CHECKING:
    from carpus.data.agora_bodies import JointBodies

STEPS = ("parse", "crops", "check")

EXAMPLE = """examples:
  carpus agora parse dataset.root=/mnt/AGORA paths.body_models=/mnt/body_models --processes 8
  carpus agora crops dataset.root=/mnt/AGORA --processes 8
  carpus agora parse --split validation --frames /mnt/AGORA/Cam --fits /mnt/AGORA --overlays 20
  carpus agora crops --split test          of the boxes in AGORA_test_bbox.json
  carpus agora check --results predictions.zip          before the server refuses it

parse writes AGORA_<split>.json, smplx_params_cam, cam_params and gt_joints; pandas is not needed. crops
writes images_3840x2160/<folder>_crop. Interrupted, the same command continues."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Step, splits, where things are, processes."""
    parser.add_argument(
        "step",
        help="parse (data frames to annotation) | crops (of the large pictures) | check (result files)",
    )
    parser.add_argument(
        "--dataset", default="agora", help="name of a dataset in conf/dataset (default: agora)"
    )
    parser.add_argument(
        "--split", metavar="A,B", help="train, validation, test (default: those that are there)"
    )
    parser.add_argument(
        "--frames", type=Path, default=None, help="folder of the data frames (default: search)"
    )
    parser.add_argument(
        "--fits", type=Path, default=None, help="folder that holds smplx_gt (default: search)"
    )
    parser.add_argument(
        "--vertices", action="store_true", help="parse: keep the meshes of the data frames, too"
    )
    parser.add_argument("--invalid", action="store_true", help="crops: also of people that are not scored")
    parser.add_argument(
        "--overlays", type=int, default=8, help="parse: pictures to check, per split (default 8)"
    )
    parser.add_argument("--processes", type=int, default=1, help="parsers, or readers of large pictures")
    parser.add_argument("--force", action="store_true", help="make also what is there")
    parser.add_argument("--results", type=Path, help="check: archive or folder of result files")
    parser.add_argument("--model", default="smplx", help="check: smplx (default) or smpl")
    parser.add_argument(
        "--standin", action="store_true", help="stand-in bodies where there are no SMPL-X files"
    )
    add_overrides(parser)


def run(arguments: argparse.Namespace) -> None:
    """Parse, or make crops, of the wanted splits."""
    if arguments.step not in STEPS:
        raise ConfigError(unknown("step of carpus agora", arguments.step, STEPS))
    for name, least in (("processes", 1), ("overlays", 0)):
        if getattr(arguments, name) < least:
            raise ConfigError(f"--{name} {getattr(arguments, name)}: at least {least} is needed")
    if arguments.step == "check":
        _check(arguments)
        return
    from carpus.data.agora_layout import base_folder

    cfg, dataset = compose_dataset(arguments.dataset, list(arguments.overrides))
    if dataset.source_type.name != "agora":
        raise ConfigError(
            f"{arguments.dataset} is {dataset.source_type.name}; agora or agora_synthetic is needed"
        )
    dataset.tree.make()
    base = base_folder(Path(dataset.root))
    if arguments.step == "crops":
        _crop(arguments, base)
        return
    wanted, places = cfg.dataset, cfg.paths
    standin = arguments.standin or bool(wanted.get("standin", False))
    _parse(arguments, base, Path(wanted.get("body_models", places.body_models)), standin)


def _parse(arguments: argparse.Namespace, base: Path, models: Path, standin: bool) -> None:
    from carpus.data.agora_bodies import JointBodies
    from carpus.data.agora_parse import parse_split
    from carpus.data.agora_rows import FitFiles

    frames = _all_frames(arguments, base)
    try:
        # Before anything is read that takes long.
        bodies = JointBodies(models, standin=standin)
    except DataError as error:
        raise DataError(str(error).replace("(standin=True)", "(--standin)")) from error
    for split, paths in frames.items():
        near = [base, base.parent, paths[0].parent, paths[0].parents[1]]
        summary = parse_split(
            base,
            split,
            paths,
            FitFiles([arguments.fits] if arguments.fits else list(dict.fromkeys(near))),
            bodies,
            vertices=arguments.vertices,
            processes=arguments.processes,
            force=arguments.force,
            progress=progress_line(f"{split} pictures"),
        )
        out("\n".join(summary.lines()))
        _overlays(base, split, bodies, arguments.overlays)


def _all_frames(arguments: argparse.Namespace, base: Path) -> dict[str, list[Path]]:
    """Data frames by split: of the wanted ones, else of those that have some."""
    from carpus.data.agora_layout import find_frames

    wanted = _splits(arguments, ("train", "val"))
    found = {split: _frames(arguments, base, split) for split in wanted or ("train", "val")}
    for split, paths in found.items():
        if not paths and (wanted or not any(found.values())):
            find_frames(base, split, arguments.frames)
    return {split: paths for split, paths in found.items() if paths}


def _frames(arguments: argparse.Namespace, base: Path, split: str) -> list[Path]:
    """Data frames of a split; none where there are none."""
    from carpus.data.agora_layout import find_frames

    try:
        return find_frames(base, split, arguments.frames)
    except DataError as error:
        if str(error).startswith("no data frame"):
            return []
        raise


def _overlays(base: Path, split: str, bodies: JointBodies, count: int) -> None:
    from carpus.data.agora_check import draw_checks

    if count and (drawn := draw_checks(base, split, bodies, count)):
        out(f"{split}: look at {drawn[0].parent} ({len(drawn)} pictures): skeletons must lie on people")


def _crop(arguments: argparse.Namespace, base: Path) -> None:
    from carpus.data.agora_crops import make_crops
    from carpus.data.agora_layout import TEST_BOXES, annotation_names

    files = {split: annotation_names(split) for split in ("train", "val")} | {"test": (TEST_BOXES,)}
    present = [split for split, names in files.items() if any((base / name).is_file() for name in names)]
    splits = _splits(arguments, tuple(files)) or present
    if not splits:
        raise DataError(
            f"{base} has neither an AGORA_train.json nor {TEST_BOXES}; run carpus agora parse first"
        )
    for split in splits:
        summary = make_crops(
            base,
            split,
            invalid=arguments.invalid,
            processes=arguments.processes,
            force=arguments.force,
            progress=progress_line(f"{split} pictures"),
        )
        out("\n".join(summary.lines()))


def _splits(arguments: argparse.Namespace, allowed: tuple[str, ...]) -> list[str]:
    from carpus.data.agora_layout import check_split

    words = [word.strip() for word in (arguments.split or "").split(",") if word.strip()]
    return [check_split(word, allowed) for word in words]


def _check(arguments: argparse.Namespace) -> None:
    """Say what the server would refuse or misread."""
    from carpus.data.results.agora_check import check_agora_results

    if arguments.results is None:
        raise ConfigError("check: name the archive or folder with --results FILE")
    faults = check_agora_results(arguments.results, arguments.model)
    if faults:
        raise DataError("\n".join([f"{arguments.results}: {len(faults)} faults", *faults]))
    out(f"{arguments.results}: nothing that AGORA's server would refuse")
