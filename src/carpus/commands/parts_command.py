"""``carpus parts``: part masks and fit errors of InterHand2.6M's images."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from carpus.commands.common import add_overrides, compose_dataset, out, progress_line
from carpus.errors import ConfigError, DataError, unknown

if TYPE_CHECKING:
    from carpus.data.packed_dataset import AnyDataset
    from carpus.data.part_masks import PartChoice

SPLITS = ("train", "val", "test")

EXAMPLE = """examples:
  carpus parts interhand26m dataset.root=/mnt/InterHand --processes 8
  carpus parts interhand26m --split val --capture 0 --camera 400262,410001
  carpus parts interhand26m --split train --seq ROM01_No_Interaction_2_Hand --limit 100
  carpus parts interhand26m_synthetic                 with the stand-in hands its pictures show

Masks go to segm_32.lmdb of the tree, fit errors to cache/meta_dict_<split>.pkl. Interrupted, the same
command continues."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Dataset, which images, processes."""
    parser.add_argument("dataset", help="name of a dataset in conf/dataset with InterHand2.6M's tree")
    parser.add_argument("--split", metavar="A,B", help="train, val, test (default: those that are there)")
    parser.add_argument("--capture", metavar="N,M", help="captures by number (default: all)")
    parser.add_argument("--seq", metavar="A,B", help="sequences by name (default: all)")
    parser.add_argument("--camera", metavar="A,B", help="cameras such as 400262 (default: all)")
    parser.add_argument("--limit", type=int, default=None, help="at most so many images of each split")
    parser.add_argument("--processes", type=int, default=1, help="renderers; about 100 images/s each")
    parser.add_argument("--force", action="store_true", help="render also what is there")
    parser.add_argument("--standin", action="store_true", help="stand-in hands where there are no MANO files")
    add_overrides(parser)


def run(arguments: argparse.Namespace) -> None:
    """Render what is missing, and tell how well the hands are fitted."""
    splits, choice = _splits(arguments), _choice(arguments)
    cfg, dataset = compose_dataset(arguments.dataset, list(arguments.overrides))
    _check_dataset(arguments.dataset, dataset)
    dataset.tree.make()
    root = Path(dataset.root)
    from carpus.data.part_masks import BODY_MODELS, make_part_masks

    own = root / BODY_MODELS
    models = own if own.is_dir() else Path(cfg.paths.body_models)
    for split in splits or _present(root):
        try:
            summary = make_part_masks(
                root,
                split,
                models,
                choice,
                standin=arguments.standin,
                processes=arguments.processes,
                force=arguments.force,
                progress=progress_line(f"{split} parts"),
            )
        except DataError as error:
            raise DataError(str(error).replace("(standin=True)", "(--standin)")) from error
        out("\n".join(summary.lines()))


def _splits(arguments: argparse.Namespace) -> list[str]:
    splits = _words(arguments.split)
    for split in splits:
        if split not in SPLITS:
            raise ConfigError(unknown("--split", split, SPLITS))
    return splits


def _choice(arguments: argparse.Namespace) -> PartChoice:
    """The images asked for."""
    from carpus.data.part_masks import PartChoice

    captures = _words(arguments.capture)
    if not all(capture.isdigit() for capture in captures):
        raise ConfigError(f"--capture {arguments.capture}: give numbers separated by commas")
    for name in ("limit", "processes"):
        value = getattr(arguments, name)
        if value is not None and value < 1:
            raise ConfigError(f"--{name} {value}: at least 1 is needed")
    return PartChoice(
        [int(capture) for capture in captures],
        _words(arguments.seq),
        _words(arguments.camera),
        arguments.limit,
    )


def _words(text: str | None) -> list[str]:
    return [word.strip() for word in (text or "").split(",") if word.strip()]


def _check_dataset(name: str, dataset: AnyDataset) -> None:
    published = dataset.source_type.name
    if published != "interhand26m":
        raise ConfigError(
            f"{name} is {published}: part masks are rendered from the MANO fits of interhand26m, or its twin "
            "interhand26m_synthetic"
        )


def _present(root: Path) -> list[str]:
    """Splits whose annotation is there."""
    found = [split for split in SPLITS if (root / "annotations" / split).is_dir()]
    if not found:
        raise DataError(f"{root / 'annotations'} has none of the folders {', '.join(SPLITS)}")
    return found
