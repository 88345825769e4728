"""Speed of V2V's sample preparation, targets and training step, as ratios measured in one run.

python bench/v2v.py                     everything at full size (about two minutes on 2 cores)
python bench/v2v.py --only prepare      without the training steps
python bench/v2v.py --json v2v.json     also write the figures
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import torch

from carpus.codecs import GaussianVolume, Occupancy
from carpus.data.augment import VolumeAugmentation
from carpus.data.depth_images import encode_depth
from carpus.geometry.voxels import VoxelGrid
from carpus.losses.volume import volume_mse
from carpus.methods.v2v.inputs import V2VInputs
from carpus.methods.v2v.module import transform_of, unproject_ragged
from carpus.methods.v2v.net import V2VNet
from carpus.types import Record, collate

CAMERA = np.array([241.42, 241.42, 160.0, 120.0])
CENTER = np.array([20.0, -15.0, 350.0])
GRID = VoxelGrid(200.0)
JOINTS = 21


def race(rounds: int, **contenders: Callable[[], object]) -> dict[str, float]:
    """Shortest milliseconds of each contender.

    They take turns, and only the best round counts: what other processes do only ever adds time.
    """
    best = dict.fromkeys(contenders, float("inf"))
    for round_ in range(rounds + 1):
        for name, fn in contenders.items():
            start = time.perf_counter()
            fn()
            if round_:
                best[name] = min(best[name], 1e3 * (time.perf_counter() - start))
    return best


def hand_record() -> Record:
    """A bumpy blob of a hand's size in an MSRA-sized frame, with 21 joints."""
    v, u = np.indices((240, 320))
    x, y = (u - 174.0) / 55, (v - 110.0) / 55
    depth = np.where(
        x**2 + y**2 < 1, 350 - 50 * np.sqrt(np.maximum(0, 1 - x**2 - y**2)) + 8 * np.sin(u / 5), 0
    )
    joints = CENTER + np.random.default_rng(0).uniform(-60, 60, (JOINTS, 3))
    fields = {
        "camera": CAMERA,
        "depth_coding": "png16_mm",
        "center_mm": np.float32(CENTER),
        "joints_cam_mm": np.float32(joints),
        "joint_valid": np.ones(JOINTS, bool),
    }
    return Record("a", {"depth": encode_depth(np.float32(np.round(depth)), "png16_mm")}, fields)


class Baseline:
    """The published recipe: every pixel in float64, whole volumes, every cell of every map."""

    def __init__(self, depth_mm: np.ndarray, joints: np.ndarray) -> None:
        self.depth_mm, self.joints = np.where(depth_mm > 0, depth_mm, 700.0), joints
        self.cells = np.stack(np.meshgrid(*[np.arange(44.0)] * 3, indexing="ij"))

    def points(self) -> np.ndarray:
        """One point per pixel of the whole image ``(H W, 3)``."""
        v, u = np.indices(self.depth_mm.shape)
        x, y = (u - CAMERA[2]) / CAMERA[0] * self.depth_mm, (v - CAMERA[3]) / CAMERA[1] * self.depth_mm
        return np.stack([x, y, self.depth_mm], -1).reshape(-1, 3)

    def occupancy(self) -> np.ndarray:
        """The input volume."""
        index = np.trunc(self.coordinates(self.points())).astype(int)
        index = index[((index >= 0) & (index < 88)).all(-1)]
        volume = np.zeros((1, 88, 88, 88))
        volume[0, index[:, 0], index[:, 1], index[:, 2]] = 1
        return volume

    def targets(self) -> np.ndarray:
        """All maps."""
        goal = self.coordinates(self.joints) / 2
        square = [((self.cells + 0.5 - g[:, None, None, None]) ** 2).sum(0) for g in goal]
        return np.stack([np.exp(-s / (2 * 1.7**2)) for s in square])

    @staticmethod
    def coordinates(points: np.ndarray, scale: float = 0.9, angle: float = 0.3) -> np.ndarray:
        """Voxel coordinates with an augmentation."""
        moved = (points - CENTER) / 100.0 * 44 * scale
        turn = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
        return moved @ turn.T + 48 - 4


def bench_preparation(repeats: int, batch_size: int) -> dict[str, float]:
    """Milliseconds per sample: the recipe, a worker's share and the device's share."""
    record, augment = hand_record(), VolumeAugmentation()
    make = V2VInputs(GRID, augment)
    depth = make._decode(record.images["depth"], "png16_mm")
    old = Baseline(depth, record.fields["joints_cam_mm"].astype(np.float64))
    batch = collate([(str(i), make(record, np.random.default_rng(i), True)) for i in range(batch_size)])
    occupancy, codec = Occupancy(GRID), GaussianVolume(GRID)

    def on_device() -> None:
        moves = transform_of(batch)
        points = unproject_ragged(batch["pixels"], batch["depth"], batch["depth_length"], batch["camera"])
        occupancy.encode(points, batch["depth_length"], batch["center_mm"], moves)
        codec.encode(batch["joints_cam_mm"], batch["center_mm"], moves)

    best = race(
        repeats,
        recipe=lambda: (old.occupancy(), old.targets()),
        worker=lambda: make(record, np.random.default_rng(0), True),
        device=on_device,
    )
    device = best["device"] / batch_size
    return {
        "recipe_ms": best["recipe"],
        "worker_ms": best["worker"],
        "device_ms": device,
        "recipe_over_ours": best["recipe"] / (best["worker"] + device),
        "sample_kB": sum(batch[n].nbytes for n in ("pixels", "depth")) / batch_size / 1e3,
    }


def bench_targets(repeats: int, batch_size: int) -> dict[str, float]:
    """The same float32 maps from three profiles and from every cell."""
    codec = GaussianVolume(GRID)
    joints = torch.rand(batch_size, JOINTS, 3) * 120 - 60
    center = torch.zeros(batch_size, 3)
    index = torch.arange(44) + 0.5

    def dense() -> torch.Tensor:
        x, y, z = (GRID.to_voxels(joints, center[:, None]) / 2).unbind(-1)
        shape = (*joints.shape[:2], 1, 1, 1)
        square = (
            (index[:, None, None] - x.view(shape)) ** 2
            + (index[:, None] - y.view(shape)) ** 2
            + (index - z.view(shape)) ** 2
        )
        return torch.exp(square / (-2 * 1.7**2))

    separable = codec.encode(joints, center)["heatmap_target"]
    torch.testing.assert_close(dense(), separable, atol=1e-5, rtol=1e-4)
    best = race(repeats, dense=dense, separable=lambda: codec.encode(joints, center))
    return {
        "dense_ms": best["dense"] / batch_size,
        "separable_ms": best["separable"] / batch_size,
        "dense_over_separable": best["dense"] / best["separable"],
    }


def bench_step(repeats: int, batch_size: int) -> dict[str, float]:
    """A full-size training step in two precisions and two memory formats."""
    volume = (torch.rand(batch_size, 1, 88, 88, 88) > 0.99).float()
    joints, center = torch.rand(batch_size, JOINTS, 3) * 120 - 60, torch.zeros(batch_size, 3)
    target = GaussianVolume(GRID).encode(joints, center)["heatmap_target"]
    steps = {}
    for precision in ("32", "bf16-mixed"):
        for layout in ("plain", "channels_last_3d"):
            net = V2VNet(JOINTS)
            if layout != "plain":
                net = net.to(memory_format=torch.channels_last_3d)
            optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
            context = torch.autocast("cpu", torch.bfloat16) if precision != "32" else nullcontext()

            def step(net=net, optimizer=optimizer, context=context) -> None:
                with context:
                    loss = volume_mse(net(volume), target)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()

            steps[f"{precision} {layout}"] = step
    found = {name: ms / batch_size for name, ms in race(repeats, **steps).items()}
    base = found["32 plain"]
    ratios = {f"{name} gain": base / value for name, value in found.items()}
    return {f"{name} ms": value for name, value in found.items()} | ratios


def main() -> None:
    """Parse, measure, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", choices=["prepare", "targets", "step"])
    parser.add_argument("--repeats", type=int, default=10)
    parser.add_argument("--batch", type=int, default=1, help="samples per batch of prepare and targets")
    parser.add_argument("--step-batch", type=int, default=1, help="samples per training step")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    jobs = {
        "prepare": lambda: bench_preparation(args.repeats, args.batch),
        "targets": lambda: bench_targets(args.repeats, args.batch),
        "step": lambda: bench_step(min(args.repeats, 4), args.step_batch),
    }
    threads, report = torch.get_num_threads(), {}
    for name in (name for name in jobs if args.only in (None, name)):
        # Small work is compared on one thread, where a busy machine disturbs least.
        torch.set_num_threads(threads if name == "step" else 1)
        report[name] = jobs[name]()
    for name, figures in report.items():
        print(name)
        for label, value in figures.items():
            print(f"  {label:32s} {value:9.2f}")
    if args.json:
        args.json.write_text(json.dumps({"threads": threads, **report}, indent=1) + "\n")


if __name__ == "__main__":
    main()
