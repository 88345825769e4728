"""Trees of the real frames in tests/samples/mscoco and tests/samples/mpii, in their publishers' layouts.

python tests/real_people.py data/people_real
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

SAMPLES = Path(__file__).parent / "samples"


def make_people_trees(root: Path) -> dict[str, Path]:
    """``mscoco``, whose frames stand in both splits, and ``mpii``; without fits of a body model."""
    coco, mpii = root / "mscoco", root / "mpii"
    annotation = SAMPLES / "mscoco" / "annotations" / "coco_wholebody_val_v1.0.json"
    for split in ("train", "val"):
        target = coco / "annotations" / f"coco_wholebody_{split}_v1.0.json"
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(annotation, target)
        pictures = coco / "images" / f"{split}2017"
        shutil.copytree(SAMPLES / "mscoco" / "val2017", pictures, dirs_exist_ok=True)
    shutil.copytree(SAMPLES / "mpii", mpii, dirs_exist_ok=True)
    return {"mscoco": coco, "mpii": mpii}


if __name__ == "__main__":
    make_people_trees(Path(sys.argv[1]))
