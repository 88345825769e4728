"""Where STB keeps its files, and its two rigs of cameras."""

from __future__ import annotations

import re
from pathlib import Path

from carpus.errors import DataError, unknown
from carpus.geometry.camera import Camera

BACKGROUNDS = tuple(f"B{number}" for number in range(1, 7))
SEQUENCES = tuple(f"{background}{kind}" for background in BACKGROUNDS for kind in ("Counting", "Random"))
"""Six backgrounds, each with two kinds of gestures."""
FRAMES = 1_500
"""Of every sequence."""

SK_COLOUR = Camera(607.92271, 607.88192, 314.78337, 236.42484)
"""Colour camera of the RealSense F200."""
SK_TURN = (0.00531, -0.01196, 0.00301)
"""Rotation vector from the frame of the colour camera to that of the depth camera …"""
SK_SHIFT_MM = (-24.0381, -0.4563, -1.2326)
"""… and what is added after turning."""
BB = Camera(822.79041, 822.79041, 318.47345, 250.31296)
"""Either camera of the Bumblebee2."""
BB_BASELINE_MM = 120.054

CAMERAS = {"sk": ("SK", "SK_color"), "bb_left": ("BB", "BB_left"), "bb_right": ("BB", "BB_right")}
"""Whose labels and whose pictures a camera has."""
DEPTH = "SK_depth_seg"
"""The hand's depth as the colour camera sees it; BiHand's supplement."""

_LABELS = re.compile(r"(.+)_(SK|BB)\.mat")
_SEQUENCE_LIKE = re.compile(r"B\d")


def pictures(root: Path) -> str:
    """What stands before a sequence's folder in paths below the root: both known layouts."""
    return "images/" if (root / "images").is_dir() else ""


def labels(root: Path, sequence: str, rig: str) -> Path:
    """A label file.

    Args:
        root: the tree.
        sequence: one of :data:`SEQUENCES`.
        rig: ``SK`` or ``BB``.
    """
    return root / "labels" / f"{sequence}_{rig}.mat"


def sequences(root: Path) -> list[str]:
    """The sequences whose pictures are there, in published order.

    Raises:
        DataError: naming a folder or label file of a sequence that STB does not have.
    """
    folder = root / pictures(root)
    own = bool(pictures(root))
    found = sorted(path.name for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []
    # Without a folder of their own, sequences stand beside other things.
    found = [name for name in found if own or _SEQUENCE_LIKE.match(name)]
    named = {name: folder / name for name in found}
    for path in sorted((root / "labels").glob("*.mat")):
        match = _LABELS.fullmatch(path.name)
        named.setdefault(match[1] if match else path.stem, path)
    for name, path in named.items():
        if name not in SEQUENCES:
            raise DataError(f"{path}: {unknown('sequence of STB', name, SEQUENCES)}")
    return [name for name in SEQUENCES if name in found]
