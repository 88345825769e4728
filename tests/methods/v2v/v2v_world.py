"""Small depth records and hands for the tests of V2V."""

from __future__ import annotations

import numpy as np
import torch

from carpus.data.depth_images import encode_depth
from carpus.types import Record

CAMERA = np.array([241.42, 241.42, 160.0, 120.0])


def sphere_depth(center_mm, radius_mm=70.0, shape=(240, 320), camera=CAMERA, background_mm=0.0):
    """Front of a sphere, in whole millimetres."""
    v, u = np.indices(shape)
    rays = np.stack([(u - camera[2]) / camera[0], (v - camera[3]) / camera[1], np.ones(shape)], -1)
    a, b = (rays**2).sum(-1), rays @ center_mm
    inside = b**2 - a * (center_mm @ center_mm - radius_mm**2)
    depth = np.where(inside > 0, (b - np.sqrt(np.maximum(inside, 0))) / a, background_mm)
    return np.round(depth).astype(np.float32)


def record_of(depth_mm, center_mm, camera=CAMERA, joints=None, coding="png16_mm", key="a"):
    """A record as a depth source makes it."""
    joints = center_mm + np.array([[0, 0, -60], [30, -20, -40.0]]) if joints is None else joints
    fields = {
        "camera": camera,
        "depth_coding": coding,
        "center_mm": np.float32(center_mm),
        "joints_cam_mm": np.float32(joints),
        "joint_valid": np.ones(len(joints), bool),
    }
    return Record(key, {"depth": encode_depth(depth_mm, coding)}, fields)


def random_hand(rng):
    """21 joints (wrist, five chains of four) within about 80 mm of the middle."""
    spread = np.deg2rad(np.array([-50, -20, 0, 20, 40]) + rng.uniform(-8, 8, 5))
    aim = np.stack([np.sin(spread), -np.cos(spread), rng.uniform(-0.5, 0.5, 5)], -1)
    aim /= np.linalg.norm(aim, axis=-1, keepdims=True)
    reach = np.cumsum(rng.uniform([50, 18, 14, 12], [60, 26, 20, 18], (5, 4)), -1)
    fingers = (aim[:, None] * reach[..., None]).reshape(20, 3)
    joints = np.concatenate([np.zeros((1, 3)), fingers])
    turn, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    return (joints - joints.mean(0)) @ turn


def hand_points(joints, rng, per_bone=80, thickness_mm=5.0):
    """Points scattered around the bones."""
    parents = [-1, *(0 if i % 4 == 0 else i for i in range(20))]
    bones = np.array([(parents[j], j) for j in range(1, 21)])
    t = rng.uniform(0, 1, (20, per_bone, 1))
    points = joints[bones[:, 0], None] * (1 - t) + joints[bones[:, 1], None] * t
    return (points + rng.normal(scale=thickness_mm, size=points.shape)).reshape(-1, 3)


def hand_batch(count=8, seed=0):
    """Points, lengths, joints and centres of synthetic hands as tensors."""
    rng = np.random.default_rng(seed)
    center = np.array([0.0, 0.0, 350.0])
    joints = np.stack([random_hand(rng) for _ in range(count)])
    points = np.concatenate([hand_points(j, rng) for j in joints]) + center
    lengths = torch.full((count,), len(points) // count)
    tensors = (torch.from_numpy(a).float() for a in (points, joints + center, np.tile(center, (count, 1))))
    points, joints, center = tensors
    return points, lengths, joints, center
