"""A small tree of AGORA, all scene kinds, whose pictures say where every pixel is instead of showing people."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from carpus.data.agora_layout import LARGE, SMALL
from carpus.geometry.agora_camera import PUBLISHED_WH
from carpus.synthetic import agora
from carpus.synthetic.agora_scene import Scene

STEP = 16
"""Pixels of the large picture per grey level: red counts columns, green rows."""


def ramp() -> dict[str, np.ndarray]:
    """Large and small picture, RGB."""
    width, height = PUBLISHED_WH
    large = np.zeros((height, width, 3), np.uint8)
    large[..., 0] = np.arange(width) / STEP
    large[..., 1] = (np.arange(height) / STEP)[:, None]
    return {LARGE: large, SMALL: cv2.resize(large, (1280, 720), interpolation=cv2.INTER_AREA)}


def write_tree(root: Path, frames: int, seed: int = 0) -> Path:
    """The synthetic tree, without rendering."""
    pictures = ramp()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Scene, "pictures", lambda self, rng: pictures)
        agora.write(root, frames, 8, seed, None)
    return root


def forget_parsed(root: Path) -> None:
    """Take away what ``carpus agora`` wrote."""
    import shutil

    for folder in ("smplx_params_cam", "cam_params", "gt_joints"):
        shutil.rmtree(root / "data" / folder, ignore_errors=True)
    for path in [*(root / "data").glob("AGORA_*n.json"), *(root / "data").glob("images_*/*_crop/*")]:
        path.unlink()
