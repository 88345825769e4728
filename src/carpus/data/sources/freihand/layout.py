"""Where FreiHAND keeps its files, and how many pictures it has."""

from __future__ import annotations

from pathlib import Path

PUBLISHED = {"train": "training", "test": "evaluation"}
"""The publisher's names of the splits."""
POSES = {"train": 32_560, "test": 3_960}
"""Labels of a split."""
VERSIONS = {"train": 4, "test": 1}
"""Pictures of every label: the same hand before four backgrounds."""
COUNTS = {split: POSES[split] * VERSIONS[split] for split in POSES}
SIZE_WH = (224, 224)
KINDS = ("K", "xyz", "scale", "mano", "verts")
"""Label files; ``K`` is always there, the others where they are published."""

_COCO = {
    "train": ("annotations/freihand_train.json", "freihand_train.json", "annotations_mmpose.json"),
    "test": ("annotations/freihand_test.json", "freihand_test.json"),
}


def labels(root: Path, split: str, kind: str) -> Path:
    """One of the publisher's JSON files.

    Example:
        >>> labels(Path("d"), "train", "xyz").as_posix()
        'd/training_xyz.json'
    """
    return root / f"{PUBLISHED[split]}_{kind}.json"


def picture(split: str, number: int, kind: str = "rgb") -> str:
    """Path of a picture or a mask below the root.

    Example:
        >>> picture("test", 7)
        'evaluation/rgb/00000007.jpg'
    """
    return f"{PUBLISHED[split]}/{kind}/{number:08d}.jpg"


def coco_files(root: Path, split: str) -> list[Path]:
    """Where mmpose's form of the annotation may be."""
    return [root / name for name in _COCO[split]]


def annotation(root: Path, split: str) -> Path:
    """The intrinsics of the publisher's form, or else a COCO-like file; the former where there is neither."""
    published = labels(root, split, "K")
    if published.is_file():
        return published
    return next((path for path in coco_files(root, split) if path.is_file()), published)


def find_pictures(root: Path, split: str, names: list[str]) -> list[str]:
    """Paths below the root of pictures that a COCO file names, with or without their folder."""
    own = "" if "/" in names[0] else f"{PUBLISHED[split]}/rgb/"
    there = next((folder for folder in ("", own) if (root / f"{folder}{names[0]}").is_file()), own)
    return [f"{there}{name}" for name in names]
