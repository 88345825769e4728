"""A tree in RHD's COCO-like form of the two real frames in tests/samples/rhd.

python tests/real_rhd.py data/rhd_real
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

SAMPLES = Path(__file__).parent / "samples" / "rhd"
FOLDERS = {"train": "training", "test": "evaluation"}


def make_rhd_tree(root: Path) -> Path:
    """The frames with their annotation as the only ones of both published splits; no masks, no depth."""
    for split, folder in FOLDERS.items():
        target = root / "annotations" / f"rhd_{split}.json"
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(SAMPLES / "annotations_mmpose.json", target)
        shutil.copytree(SAMPLES / "training" / "color", root / folder / "color", dirs_exist_ok=True)
    return root


if __name__ == "__main__":
    make_rhd_tree(Path(sys.argv[1]))
