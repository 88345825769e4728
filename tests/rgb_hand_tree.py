"""Small published trees of RHD, STB and FreiHAND: the mini trees of the golden files, and invented ones."""

from __future__ import annotations

import json
import pickle
import shutil
from pathlib import Path

import cv2
import numpy as np
from scipy.io import savemat

from carpus.data.rgb_dataset import RgbDataset
from golden_cases import HERE

MINI = HERE / "golden" / "handflow2d" / "mini_data"
SAMPLES = HERE / "samples"
CAMERA = np.array([[300.0, 0, 112], [0, 310.0, 100], [0, 0, 1]])


def copy_mini(name: str, root: Path) -> Path:
    """A copy of ``RHD`` or ``STB`` that a test may damage."""
    return Path(shutil.copytree(MINI / name, root))


def copy_samples(name: str, root: Path) -> Path:
    """A copy of the real frames of ``rhd``, ``freihand`` or ``stb``."""
    return Path(shutil.copytree(SAMPLES / name, root))


def open_dataset(source, root: Path, packs: Path, splits, **options) -> RgbDataset:
    """A dataset made of a tree."""
    return RgbDataset(getattr(source, "name", "rgb"), root, source, packs, splits, **options)


def rhd_entry(seed: int = 0) -> dict:
    """One picture's annotation as RHD publishes it: left hand first, metres."""
    rng = np.random.default_rng(seed)
    points = rng.uniform(-0.05, 0.05, (42, 3)) + np.array([0.0, 0.0, 0.6])
    points[:21, 0] -= 0.06
    points[21:, 0] += 0.06
    k = np.array([[300.0, 0, 160], [0, 300.0, 160], [0, 0, 1]], np.float32)
    uv = points[:, :2] / points[:, 2:] * 300 + 160
    seen = (rng.random(42) < 0.7).astype(float)
    return {
        "uv_vis": np.column_stack([uv, seen]).astype(np.float32),
        "xyz": points.astype(np.float32),
        "K": k,
    }


def rhd_mask(left: int, right: int, size: int = 320) -> np.ndarray:
    """A mask with so many pixels of either hand, spread over all their parts."""
    mask = np.zeros((size, size), np.uint8)
    mask[-10:] = 1
    for first, count in ((2, left), (18, right)):
        rows = mask[:150] if first == 2 else mask[150:300]
        rows.reshape(-1)[:count] = first + np.arange(count) % 16
    return mask


def write_rhd(root: Path, masks: list[np.ndarray], split: str = "training") -> dict:
    """A tree with one picture per mask; returns the annotation."""
    content = {number: rhd_entry(number) for number in range(len(masks))}
    for kind in ("color", "mask", "depth"):
        (root / split / kind).mkdir(parents=True)
    for number, mask in enumerate(masks):
        grey = np.full((*mask.shape, 3), 40 + number, np.uint8)
        cv2.imwrite(str(root / split / "color" / f"{number:05d}.png"), grey)
        cv2.imwrite(str(root / split / "depth" / f"{number:05d}.png"), grey)
        cv2.imwrite(str(root / split / "mask" / f"{number:05d}.png"), mask)
    (root / split / f"anno_{split}.pickle").write_bytes(pickle.dumps(content, protocol=2))
    return content


def write_stb(root: Path, frames: dict[str, int], images: str = "images", rigs=("SK", "BB")) -> dict:
    """A tree of small pictures without depth; returns published joints ``(N, 21, 3)`` by sequence and rig."""
    rng, truth = np.random.default_rng(0), {}
    (root / "labels").mkdir(parents=True)
    for name, count in frames.items():
        folder = root / images / name
        folder.mkdir(parents=True)
        for rig in rigs:
            joints = rng.uniform(-60, 60, (count, 21, 3)) + np.array([0, 0, 600.0])
            truth[name, rig] = joints
            savemat(root / "labels" / f"{name}_{rig}.mat", {"handPara": joints.transpose(2, 1, 0)})
            kinds = ("SK_color",) if rig == "SK" else ("BB_left", "BB_right")
            for kind in kinds:
                for frame in range(count):
                    picture = np.full((48, 64, 3), 10 * frame, np.uint8)
                    cv2.imwrite(str(folder / f"{kind}_{frame}.png"), picture)
    return truth


def _cloud(rng, shape) -> np.ndarray:
    """Points 70 cm before the camera."""
    return rng.uniform(-0.06, 0.06, shape) + np.array([0, 0, 0.7])


def write_freihand(
    root: Path, split: str, poses: int, versions: int = 4, leave_out: tuple[str, ...] = ()
) -> dict:
    """The publisher's form; returns the content of its JSON files."""
    rng = np.random.default_rng(len(split))
    content = {
        "K": [CAMERA.tolist()] * poses,
        "xyz": _cloud(rng, (poses, 21, 3)).tolist(),
        "scale": rng.uniform(0.02, 0.03, poses).tolist(),
        "mano": rng.normal(0, 1, (poses, 1, 61)).tolist(),
        "verts": _cloud(rng, (poses, 778, 3)).tolist(),
    }
    for kind, value in content.items():
        if kind not in leave_out:
            (root / f"{split}_{kind}.json").write_text(json.dumps(value))
    for kind, count in (("rgb", poses * versions), ("mask", poses)):
        folder = root / split / kind
        if kind in leave_out:
            continue
        folder.mkdir(parents=True)
        for number in range(count):
            image = np.full((224, 224, 3), 20 + number, np.uint8)
            if kind == "mask":
                image[:] = 0
                image[60:160, 70:150] = 255
            cv2.imwrite(str(folder / f"{number:08d}.jpg"), image)
    return content
