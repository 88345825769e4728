"""Tiny published trees of every depth dataset, and a dataset made of one."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from types import SimpleNamespace

import cv2
import h5py
import numpy as np
import pytest
from scipy.io import savemat

from carpus.data.centers import write_centers
from carpus.data.dataset import Dataset
from carpus.data.depth_images import encode_depth
from carpus.data.sources import HANDS17, ICVL, ITOP, MSRA, NYU
from carpus.data.sources.msra import GESTURES
from carpus.data.splits import LeaveOneSubjectOut


def blob(source, rng, center_mm=None):
    """A joint cloud in Carpus' frame, whole-mm depth ``(H, W)`` around it."""
    width, height = source.image_size
    center = np.array([0.0, 0.0, 350.0]) + rng.uniform(-20, 20, 3) if center_mm is None else center_mm
    joints = (center + rng.uniform(-40, 40, (len(source.skeleton), 3))).astype(np.float32)
    u, v = source.camera.project(center[None])[0]
    depth = np.zeros((height, width), np.float32)
    rows, cols = int(v), int(u)
    depth[rows - 12 : rows + 12, cols - 12 : cols + 12] = np.rint(center[2] + rng.uniform(-9, 9, (24, 24)))
    return joints, depth


def published(source, joints):
    """Joints in the published frame and unit."""
    return np.asarray(joints, np.float64) * (1, -1 if source.y_up else 1, 1) / source.unit_mm


def write_msra(root: Path, subjects=range(3), frames=1, seed=0, centers: Path | None = None):
    """A tree whose subjects stand 150 mm apart; returns joints per subject ``(n, 21, 3)``."""
    rng = np.random.default_rng(seed)
    truth = {}
    for s in subjects:
        truth[s] = []
        for g in GESTURES:
            folder = root / f"P{s}" / g
            folder.mkdir(parents=True)
            lines = [str(frames)]
            for frame in range(frames):
                joints, depth = blob(MSRA, rng, np.array([0, 10.0, 250 + 150.0 * s]) + rng.uniform(-5, 5, 3))
                truth[s].append(joints)
                (folder / f"{frame:06d}_depth.bin").write_bytes(encode_depth(depth, "msra_bin"))
                lines.append(" ".join(f"{x:.4f}" for x in (published(MSRA, joints) * (1, 1, -1)).ravel()))
            (folder / "joint.txt").write_text("\n".join(lines) + "\n")
        truth[s] = np.array(truth[s])
    if centers is not None:
        for fold in subjects:
            train = np.concatenate([truth[s] for s in subjects if s != fold])
            for mode, joints in (("train", train), ("test", truth[fold])):
                mid = (joints.min(1) + joints.max(1)) / 2
                write_centers(centers / f"center_{mode}_{fold}_refined.txt", published(MSRA, mid))
    return truth


def write_icvl(root: Path, train=5, test=(3, 2), seed=0):
    rng = np.random.default_rng(seed)
    truth = {"train": [], "test": []}
    files = [("train", "Training", "labels.txt", "a/image", train)]
    files += [
        ("test", "Testing", f"test_seq_{i + 1}.txt", f"seq_{i + 1}/image", n) for i, n in enumerate(test)
    ]
    for split, folder, labels, stem, count in files:
        lines = []
        for i in range(count):
            joints, depth = blob(ICVL, rng)
            name = f"{stem}_{i:04d}.png"
            path = root / folder / "Depth" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(encode_depth(depth, "png16_mm"))
            lines.append(
                f"{name} " + " ".join(f"{x:.4f}" for x in ICVL.camera.xyz_to_uvd(joints).ravel()) + " "
            )
            truth[split].append(joints)
        (root / folder / labels).write_text("\n".join(lines) + "\n")
    return {split: np.array(joints) for split, joints in truth.items()}


def write_nyu(root: Path, counts=None, seed=0):
    rng = np.random.default_rng(seed)
    truth = {}
    for split, count in (counts or {"train": 4, "test": 3}).items():
        (root / split).mkdir(parents=True)
        joints36 = rng.uniform(-40, 40, (count, 36, 3)) + np.array([0, 0, 700])
        for i in range(count):
            _, depth = blob(NYU, rng, np.array([0, 0, 700.0]))
            (root / split / f"depth_1_{i + 1:07d}.png").write_bytes(encode_depth(depth, "nyu_png"))
        stack = np.stack([joints36, joints36 + 1, joints36 + 2])
        savemat(root / split / "joint_data.mat", {"joint_xyz": stack, "joint_uvd": stack})
        truth[split] = joints36
    return truth


def write_hands17(root: Path, train=4, test=3, seed=0):
    rng = np.random.default_rng(seed)
    truth, lines = [], []
    for folder in ("training/images", "frame/images"):
        (root / folder).mkdir(parents=True)
    for i in range(train):
        joints, depth = blob(HANDS17, rng)
        truth.append(joints)
        (root / "training/images" / f"image_D{i + 1:08d}.png").write_bytes(encode_depth(depth, "png16_mm"))
        numbers = [f"{x:.4f}" for x in joints.ravel()]
        lines.append(f"image_D{i + 1:08d}.png\t" + "\t".join(numbers[:30]) + " " + "  ".join(numbers[30:]))
    (root / "training/Training_Annotation.txt").write_text("\n".join(lines) + "\n")
    for i in range(test):
        _, depth = blob(HANDS17, rng)
        (root / "frame/images" / f"image_D{i + 1:08d}.png").write_bytes(encode_depth(depth, "png16_mm"))
    names = [f"image_D{i + 1:08d}.png\t10.0 20.0\t100.0 120.0" for i in range(test)]
    (root / "frame/BoundingBox.txt").write_text("\n".join(names) + "\n")
    return np.array(truth)


def write_itop(root: Path, counts=None, view="side", dtype=np.float16, seed=0):
    rng = np.random.default_rng(seed)
    root.mkdir(parents=True, exist_ok=True)
    truth = {}
    for split, count in (counts or {"train": 4, "test": 3}).items():
        items = [blob(ITOP, rng, np.array([0, 0, 3000.0])) for _ in range(count)]
        joints, depth = np.array([i[0] for i in items]), np.array([i[1] for i in items])
        with h5py.File(root / f"ITOP_{view}_{split}_depth_map.h5", "w") as file:
            file["data"] = (depth / 1000).astype(dtype)
        with h5py.File(root / f"ITOP_{view}_{split}_labels.h5", "w") as file:
            file["real_world_coordinates"] = published(ITOP, joints).astype(np.float32)
            file["is_valid"] = np.array([i != 1 for i in range(count)], np.uint8)
            file["id"] = np.array([f"00_{i:05d}".encode() for i in range(count)])
            file["segmentation"] = np.full((count, 240, 320), -1, np.int8)
        truth[split] = joints
    return truth


@pytest.fixture
def tiny():
    """Writers of tiny trees."""
    cv2.setNumThreads(0)
    return SimpleNamespace(
        msra=write_msra,
        icvl=write_icvl,
        nyu=write_nyu,
        hands17=write_hands17,
        itop=write_itop,
        published=published,
    )


@pytest.fixture
def msra(tmp_path, tiny):
    """A packed-on-demand MSRA of three subjects with centre files, and a function that varies it."""
    truth = tiny.msra(tmp_path / "tree", frames=2, centers=tmp_path / "center")

    def make(test_subject=0, **changes) -> Dataset:
        arguments = {
            "name": "msra",
            "root": tmp_path / "tree",
            "source": partial(MSRA, subjects=(0, 1, 2)),
            "splits": LeaveOneSubjectOut(test_subject=test_subject),
            "packs": tmp_path / "packs",
            "cube_mm": 200.0,
            "depth_range_mm": (100, 700),
            "center_dir": tmp_path / "center",
        }
        return Dataset(**{**arguments, **changes})

    make.truth, make.folder = truth, tmp_path
    return make
