"""A plausible hand, its depth image and predictions of a whole split, small enough for tests."""

from __future__ import annotations

import numpy as np
import pytest

from carpus.metrics.collector import Collected
from carpus.reports.build import ReportMeta
from carpus.skeletons import MSRA

CAMERA = np.array([241.42, 241.42, 160.0, 120.0])
# Direction of each finger in the palm plane (degrees from up), length of its metacarpal and its bones.
FINGERS = {
    "index": (-14, 88, (42, 25, 20)),
    "middle": (-2, 86, (46, 29, 21)),
    "ring": (10, 80, (42, 27, 20)),
    "little": (23, 74, (33, 20, 18)),
    "thumb": (-58, 46, (42, 32, 25)),
}


def make_hand(rng: np.random.Generator) -> np.ndarray:
    """``(21, 3)`` millimetres in MSRA order: fingers bend towards the camera, the whole hand turned."""
    joints = [np.zeros(3)]
    for angle, metacarpal, bones in FINGERS.values():
        a = np.deg2rad(angle + rng.normal(0, 3))
        out, bend = np.array([np.sin(a), -np.cos(a), 0.0]), 0.0
        joints.append(out * metacarpal)
        curl = rng.uniform(0, 0.75)
        for bone in bones:
            bend += curl
            joints.append(joints[-1] + bone * (np.cos(bend) * out + np.sin(bend) * np.array([0, 0, -1.0])))
    yaw, pitch, roll = rng.normal(0, (0.35, 0.3, 0.5))
    cy, sy, cp, sp, cr, sr = (
        np.cos(yaw),
        np.sin(yaw),
        np.cos(pitch),
        np.sin(pitch),
        np.cos(roll),
        np.sin(roll),
    )
    turn = (
        np.array([[cr, -sr, 0], [sr, cr, 0], [0, 0, 1]])
        @ np.array([[1, 0, 0], [0, cp, -sp], [0, sp, cp]])
        @ np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    )
    place = np.array([rng.uniform(-40, 40), rng.uniform(10, 60), rng.uniform(330, 420)])
    return (np.array(joints) @ turn.T + place).astype(np.float32)


def make_depth(joints: np.ndarray) -> np.ndarray:
    """``(240, 320)`` float32 depth of spheres along the bones, 0 = background."""
    bones = np.array(MSRA.bones)
    t = np.linspace(0, 1, 10)[:, None, None]
    wrist = (bones[:, 0] == 0)[None, :]
    centres = (joints[bones[:, 0]] * (1 - t) + joints[bones[:, 1]] * t).reshape(-1, 3)
    radii = (np.where(wrist, 13.0, 9.0) * np.ones((10, 1))).reshape(-1)
    knuckles = joints[[1, 5, 9, 13]]
    s = np.linspace(0.15, 1, 8)[:, None, None]
    web = (np.linspace(knuckles[:-1], knuckles[1:], 4)[None] * s[..., None]).reshape(-1, 3)
    web = web + (joints[0] * (1 - s[..., None]) + np.zeros((8, 4, 3, 3))).reshape(-1, 3)
    centres, radii = np.concatenate([centres, web]), np.concatenate([radii, np.full(len(web), 12.0)])
    fx, fy, cx, cy = CAMERA
    v, u = np.mgrid[0:240, 0:320].astype(np.float32)
    depth = np.full((240, 320), np.inf, np.float32)
    for (x, y, z), radius in zip(centres, radii, strict=True):
        du, dv = (u - (fx * x / z + cx)) * z / fx, (v - (fy * y / z + cy)) * z / fy
        inside = radius**2 - du**2 - dv**2
        depth = np.where(inside > 0, np.minimum(depth, z - np.sqrt(inside.clip(0))), depth)
    return np.where(np.isfinite(depth), depth, 0).astype(np.float32)


def make_collected(count: int, seed: int = 0) -> Collected:
    rng = np.random.default_rng(seed)
    target = np.stack([make_hand(rng) for _ in range(count)])
    depth = np.array([1.0, *[1.0, 1.2, 1.5, 2.1] * 5])[None, :, None]
    size = rng.gamma(2.2, 1.7, (count, 1, 1))
    pred = target + rng.normal(0, 1, target.shape) * depth * size + rng.normal(0, 1, (count, 1, 3)) * size
    low, high = target.min(axis=1), target.max(axis=1)
    return Collected(
        keys=np.array([f"P3/{1 + i % 9}/{i:06d}" for i in range(count)]),
        joints_cam_mm=pred.astype(np.float32),
        target_cam_mm=target,
        joint_valid=np.ones((count, 21), bool),
        center_mm=((low + high) / 2).astype(np.float32),
        camera=np.tile(CAMERA, (count, 1)),
    )


@pytest.fixture(scope="session")
def collected() -> Collected:
    """60 frames; the last joint of frame 0 has no ground truth."""
    made = make_collected(60)
    made.joint_valid[0, 20] = False
    return made


@pytest.fixture(scope="session")
def depth_of(collected):
    """Depth image of sample i."""
    return lambda i: make_depth(collected.target_cam_mm[i])


@pytest.fixture(scope="session")
def meta() -> ReportMeta:
    return ReportMeta(
        key="2e8c5136b",
        method="v2v",
        dataset="msra_synthetic",
        split="test",
        command="python train.py method=v2v dataset=msra_synthetic loss=integral",
        date="2026-01-31 12:00",
        commit="abc1234",
        seed=1,
        checkpoint="model_dump/last.ckpt",
        center_source="com",
        baseline_mm=31.4,
    )


@pytest.fixture(scope="session")
def history() -> list[dict]:
    """Rows as Lightning's CSV log gives them: most cells empty."""
    rows: list[dict] = []
    for step in range(0, 400, 10):
        rows.append(
            {"epoch": step // 100, "step": step, "train/loss": 4 * np.exp(-step / 90) + 0.3, "val/loss": ""}
        )
        if step % 100 == 90:
            rows.append(
                {
                    "epoch": step // 100,
                    "step": step,
                    "train/loss": "",
                    "val/loss": 4 * np.exp(-step / 80) + 0.5,
                }
            )
            rows.append({"epoch": step // 100, "step": step, "val/mean_mm": 40 * np.exp(-step / 150) + 8})
    return rows
