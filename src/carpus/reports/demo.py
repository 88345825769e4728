"""What ``carpus demo`` leaves: overlays, a page with the hands in 3D, and the joints as JSON and text."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from carpus.geometry.camera import Camera
from carpus.reports.draw import overlay
from carpus.reports.page import ReportMeta, render_page
from carpus.reports.payload import cloud, data_uri, pack_cloud, plain, skeleton_data
from carpus.reports.style import encode_image, write_bytes
from carpus.skeletons import Skeleton

_IMAGE_SUFFIX = re.compile(r"\.(png|bin|npy|npz|jpe?g|tiff?)$", re.IGNORECASE)
MOST_ON_PAGE = 60
"""A longer sequence is shown on the page by that many frames, evenly spaced; files hold all of them."""


@dataclass(frozen=True)
class DemoFrame:
    """One image and what the method sees in it.

    Args:
        name: file name or key.
        image: ``(H, W)`` float32 depth in mm, 0 = none, or ``(H, W, 3)`` uint8 RGB.
        joints_cam_mm: ``(J, 3)`` camera frame, y down.
        camera: of the image.
        center_mm: ``(3,)`` centre of the cube the method looked into.
        scores: ``(J,)`` or None.
    """

    name: str
    image: np.ndarray
    joints_cam_mm: np.ndarray
    camera: Camera
    center_mm: np.ndarray
    scores: np.ndarray | None = None


def write_demo(
    out_dir: Path, frames: Sequence[DemoFrame], skeleton: Skeleton, meta: ReportMeta, size: int = 640
) -> dict[str, Path]:
    """Write pictures and numbers of demo frames, each file complete or absent.

    Args:
        out_dir: gets ``<name>_overlay.png`` for every frame, ``hand.html``, ``joints.json``, ``joints.txt``.
        frames: at least one.
        skeleton: of the joints.
        meta: what the page says; its ``cube_mm`` bounds the points that are shown.
        size: edge of an overlay in pixels.
    Returns:
        ``page``, ``json``, ``text`` and, under its name, every overlay.
    Raises:
        ValueError: without a frame.
    """
    if not frames:
        raise ValueError("there is no image to draw: give at least one frame")
    written: dict[str, Path] = {}
    for frame, stem in zip(frames, _stems(frames), strict=True):
        picture = _draw(frame, skeleton, meta.cube_mm, size)
        written[frame.name] = write_bytes(out_dir / f"{stem}_overlay.png", encode_image(picture))
    written["json"] = write_joints_json(out_dir / "joints.json", frames, skeleton)
    joints = np.stack([frame.joints_cam_mm for frame in frames])
    written["text"] = write_joints_text(out_dir / "joints.txt", joints)
    chosen = np.unique(np.linspace(0, len(frames) - 1, min(len(frames), MOST_ON_PAGE)).round().astype(int))
    samples = [_sample(frames[i], i, skeleton, meta.cube_mm) for i in chosen]
    data = {
        "frames": len(frames),
        "skeleton": skeleton_data(skeleton),
        "scores": None,
        "cards": _cards(frames, skeleton),
        "samples": samples,
        "history": [],
        "viewpoint": [],
    }
    written["page"] = write_bytes(out_dir / "hand.html", render_page(meta, data, []).encode("utf-8"))
    return written


def write_joints_json(path: Path, frames: Sequence[DemoFrame], skeleton: Skeleton) -> Path:
    """Joints of every frame with names, space and unit, in millimetres and in pixels."""
    entries: list[dict[str, Any]] = [
        {
            "name": frame.name,
            "camera": plain(frame.camera.to_array(), 6),
            "center_mm": plain(np.asarray(frame.center_mm), 4),
            "joints_cam_mm": plain(frame.joints_cam_mm, 4),
            "joints_px": plain(frame.camera.project(frame.joints_cam_mm), 3),
            **({} if frame.scores is None else {"scores": plain(frame.scores, 4)}),
        }
        for frame in frames
    ]
    head = {
        "skeleton": skeleton.name,
        "joints": list(skeleton.joints),
        "space": "camera: x right, y down, z forward; pixels: (column, row), first pixel centre at (0, 0)",
        "unit": "mm",
        "camera": "fx, fy, cx, cy",
    }
    text = json.dumps({**head, "frames": entries}, indent=1, allow_nan=False)
    return write_bytes(path, (text + "\n").encode("utf-8"))


def write_joints_text(path: Path, joints_cam_mm: np.ndarray) -> Path:
    """One line per frame, 3J numbers ``x y z`` with four decimals, single spaces, no header.

    Args:
        path: of the file.
        joints_cam_mm: ``(N, J, 3)`` in the space the reader expects; Carpus' own is y down.
    """
    lines = (
        " ".join(f"{value:.4f}" for value in row) for row in joints_cam_mm.reshape(len(joints_cam_mm), -1)
    )
    return write_bytes(path, ("\n".join(lines) + "\n").encode("ascii"))


def _draw(frame: DemoFrame, skeleton: Skeleton, cube_mm: float, size: int) -> np.ndarray:
    return overlay(frame.image, frame.joints_cam_mm, frame.camera, skeleton, cube_mm=cube_mm, size=size)


def _sample(frame: DemoFrame, index: int, skeleton: Skeleton, cube_mm: float) -> dict[str, Any]:
    """A frame as the page's viewer takes it."""
    center = np.asarray(frame.center_mm, dtype=np.float64)
    picture = data_uri(_draw(frame, skeleton, cube_mm, 480))
    sample = {
        "key": frame.name,
        "index": int(index),
        "group": "frame",
        "pred": plain(frame.joints_cam_mm, 2),
        "target": None,
        "valid": [True] * len(skeleton),
        "center": plain(center, 2),
        "pair": picture,
    }
    if frame.image.ndim == 2:
        points = cloud(frame.image, frame.camera, center, cube_mm, most=6000)
        sample["cloud"] = pack_cloud(points, center)
    return sample


def _cards(frames: Sequence[DemoFrame], skeleton: Skeleton) -> list[dict[str, Any]]:
    depth = float(np.nanmean([frame.joints_cam_mm[:, 2].mean() for frame in frames]))
    return [
        {"name": "images", "value": f"{len(frames):,}", "main": True},
        {"name": "joints", "value": str(len(skeleton)), "unit": skeleton.name},
        {"name": "mean distance from the camera", "value": f"{depth:.0f}", "unit": "mm"},
    ]


def _stems(frames: Sequence[DemoFrame]) -> list[str]:
    """File names of frames: safe characters, no two alike."""
    seen: dict[str, int] = {}
    stems = []
    for frame in frames:
        name = _IMAGE_SUFFIX.sub("", frame.name)
        stem = re.sub(r"[^\w.-]+", "_", name).strip("._") or "frame"
        seen[stem] = seen.get(stem, 0) + 1
        stems.append(stem if seen[stem] == 1 else f"{stem}_{seen[stem]}")
    return stems
