"""A small tree of AGORA, all scene kinds, whose pictures say where a pixel is instead of showing people."""

from __future__ import annotations

import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from carpus.data.agora_layout import LARGE, SMALL, picture_name
from carpus.geometry.agora_camera import PUBLISHED_WH
from carpus.synthetic import agora

STEP = 16
"""Pixels of the large picture per grey level: red counts columns, green rows."""
FRAMES, SUBJECTS, SEED = 7, 8, 0


def ramp() -> dict[str, bytes]:
    """PNG files of the large and of the small picture."""
    width, height = PUBLISHED_WH
    large = np.zeros((height, width, 3), np.uint8)
    large[..., 2] = np.arange(width) / STEP
    large[..., 1] = (np.arange(height) / STEP)[:, None]
    small = cv2.resize(large, (1280, 720), interpolation=cv2.INTER_AREA)
    return {
        size: cv2.imencode(".png", image)[1].tobytes() for size, image in ((LARGE, large), (SMALL, small))
    }


def write_tree(root: Path) -> Path:
    """The synthetic tree, without rendering."""
    pictures = ramp()

    def write_pictures(base, folder, scene, rng):
        for size, data in pictures.items():
            path = base / picture_name(size, folder, scene.name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(agora, "_write_pictures", write_pictures)
        agora.write(root, FRAMES, SUBJECTS, SEED, None)
    return root


def shared_tree(factory: pytest.TempPathFactory) -> Path:
    """One tree for all tests of a run; they must not change it."""
    root = factory.getbasetemp() / "agora_tree"
    return root if root.exists() else write_tree(root)


def unparsed_copy(root: Path, target: Path, pictures: bool = False) -> Path:
    """Data frames and fits of a tree alone, or with its pictures but without crops."""
    names = ["Cam", "smplx_gt", *(("images_3840x2160", "images_1280x720") if pictures else ())]
    for name in names:
        shutil.copytree(root / "data" / name, target / "data" / name, ignore=shutil.ignore_patterns("*_crop"))
    return target
