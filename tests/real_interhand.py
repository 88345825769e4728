"""A tree in InterHand2.6M's published layout of the three real frames in tests/samples/interhand2.6m.

python tests/real_interhand.py data/interhand_real
"""

from __future__ import annotations

import sys
from pathlib import Path

from interhand_tree import load_samples, picture_of, write_json, write_pictures, write_skeleton


def make_interhand_tree(root: Path) -> Path:
    """The frames with their published annotation as the only ones of every split; there is no MANO fit."""
    content = load_samples()
    pairs = zip(content["data"]["images"], content["data"]["annotations"], strict=True)
    shown = [(image, truth) for image, truth in pairs if picture_of(image) is not None]
    content["data"] = {"images": [i for i, _ in shown], "annotations": [t for _, t in shown]}
    write_skeleton(root)
    for split in ("train", "val", "test"):
        write_json(root, split, content)
        write_pictures(root, content["data"], split)
    return root


if __name__ == "__main__":
    make_interhand_tree(Path(sys.argv[1]))
