"""Speed of metrics and result files against plain loops: ``python bench/metrics.py [--json FILE]``."""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from carpus.data.results import read_table, write_table
from carpus.metrics.protocols.depth import DepthHandProtocol
from carpus.types import Batch, Predictions

FRAMES, JOINTS, BATCH = 8252, 14, 64
THRESHOLDS = (10, 20, 30, 40, 50, 80)


def seconds(run: Callable[[], object], repeats: int = 3) -> float:
    """The best of a few runs."""
    best = float("inf")
    for _ in range(repeats):
        begin = time.perf_counter()
        run()
        best = min(best, time.perf_counter() - begin)
    return best


def by_loops(joints: np.ndarray, target: np.ndarray) -> dict[str, float]:
    """Mean error and success rates as evaluation scripts compute them: frame by frame, joint by joint."""
    errors = [
        [float(np.linalg.norm(p - t)) for p, t in zip(a, b, strict=True)]
        for a, b in zip(joints, target, strict=True)
    ]
    values = {"mean_error_mm": float(np.mean(errors))}
    for at in THRESHOLDS:
        values[f"max_frame_success@{at}mm"] = 100 * sum(max(frame) <= at for frame in errors) / len(errors)
    return values


def by_protocol(joints: torch.Tensor, target: torch.Tensor) -> dict[str, float]:
    """The same through the protocol, in batches."""
    protocol = DepthHandProtocol("nyu", THRESHOLDS)
    valid = torch.ones(joints.shape[:2], dtype=torch.bool)
    for one, other, mask in zip(joints.split(BATCH), target.split(BATCH), valid.split(BATCH), strict=True):
        keys = [""] * len(one)
        batch = Batch(keys, {"joints_cam_mm": other, "joint_valid": mask})
        protocol.update(Predictions(keys, joints_cam_mm=one), batch)
    return protocol.compute()


def read_by_loops(path: Path) -> np.ndarray:
    """A text file number by number."""
    return np.array([[float(token) for token in line.split()] for line in path.read_text().splitlines()])


def measure() -> dict[str, float]:
    """Every figure in one run."""
    rng = np.random.default_rng(0)
    target = rng.normal(0, 50, (FRAMES, JOINTS, 3)).astype(np.float32)
    joints = target + rng.normal(0, 6, target.shape).astype(np.float32)
    one, other = torch.from_numpy(joints), torch.from_numpy(target)
    slow, fast = by_loops(joints, target), by_protocol(one, other)
    for name, value in slow.items():
        if abs(fast[name] - value) > 1e-3:
            raise SystemExit(f"{name}: {fast[name]} by the protocol, {value} by loops")
    found = {
        "protocol_s": seconds(lambda: by_protocol(one, other)),
        "protocol_loops_s": seconds(lambda: by_loops(joints, target), 1),
    }
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "result.txt")
        found["write_s"] = seconds(lambda: write_table(path, target.reshape(FRAMES, -1)))
        found["read_s"] = seconds(lambda: read_table(path, 3 * JOINTS))
        found["read_loops_s"] = seconds(lambda: read_by_loops(path))
    found["protocol_ratio"] = found["protocol_loops_s"] / found["protocol_s"]
    found["read_ratio"] = found["read_loops_s"] / found["read_s"]
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, help="also write the figures here")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    found = measure()
    print(f"{FRAMES} frames x {JOINTS} joints, batches of {BATCH}, one thread")
    for name in ("protocol", "read"):
        fast, slow = found[f"{name}_s"], found[f"{name}_loops_s"]
        print(f"{name:10} {fast:.3f} s, loops {slow:.3f} s: {slow / fast:.1f} x")
    print(f"{'write':10} {found['write_s']:.3f} s")
    if arguments.json:
        arguments.json.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
