"""Where RHD keeps its files, and how many pictures it has."""

from __future__ import annotations

from pathlib import Path

FOLDER = "RHD_published_v2"
PUBLISHED = {"train": "training", "test": "evaluation"}
"""The publisher's names of the splits."""
COUNTS = {"train": 41_258, "test": 2_728}
SIZE_WH = (320, 320)

_COCO = {
    "train": ("annotations/rhd_train.json", "rhd_train.json", "annotations_mmpose.json"),
    "test": ("annotations/rhd_test.json", "rhd_test.json"),
}


def prefix(root: Path) -> str:
    """What stands before ``training/`` in paths below the root: the archive's own folder, or nothing."""
    return f"{FOLDER}/" if (root / FOLDER).is_dir() else ""


def picture(root: Path, split: str, number: int) -> str:
    """Path of a picture below the root.

    Example:
        >>> picture(Path("nowhere"), "train", 7)
        'training/color/00007.png'
    """
    return f"{prefix(root)}{PUBLISHED[split]}/color/{number:05d}.png"


def beside(picture: str, kind: str) -> str:
    """The mask or the depth that belongs to a picture.

    Args:
        picture: its path below the root.
        kind: ``mask`` or ``depth``.
    Example:
        >>> beside("training/color/00007.png", "mask")
        'training/mask/00007.png'
    """
    path = Path(picture)
    folder = path.parent.parent if path.parent.name == "color" else path.parent
    return (folder / kind / path.name).as_posix()


def pickle_file(root: Path, split: str) -> Path:
    """The publisher's annotation."""
    name = PUBLISHED[split]
    return root / f"{prefix(root)}{name}" / f"anno_{name}.pickle"


def coco_files(root: Path, split: str) -> list[Path]:
    """Where mmpose's form of the annotation may be."""
    places = [root / name for name in _COCO[split]]
    return places + ([root / FOLDER / name for name in _COCO[split]] if prefix(root) else [])


def annotation(root: Path, split: str) -> Path:
    """The annotation file there is; the publisher's where there are both, or none."""
    published = pickle_file(root, split)
    if published.is_file():
        return published
    return next((path for path in coco_files(root, split) if path.is_file()), published)


def find_pictures(root: Path, split: str, names: list[str]) -> list[str]:
    """Paths below the root of pictures that a COCO file names, with or without their folder.

    Args:
        root: the tree.
        split: ``train`` or ``test``.
        names: as written in the file.
    """
    folders = ("", prefix(root), f"{prefix(root)}{PUBLISHED[split]}/color/")
    there = next(
        (f for f in folders if (root / f"{f}{names[0]}").is_file()), folders[-1 if "/" not in names[0] else 1]
    )
    return [f"{there}{name}" for name in names]
