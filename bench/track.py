"""Speed of tracking a depth stream: milliseconds per stage, and the locator against a plain formulation.

python bench/track.py [--frames N] [--methods depth_cr/super_edt2m,v2v] [--device cuda] [--json FILE]

Networks are untrained: their speed is that of trained ones. The plain locator works on whole arrays as the
rule is written down; both run on the same frames in the same run.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import torch

from carpus.data.streams import open_stream
from carpus.engine.build import build_module
from carpus.engine.config import compose_config, save_config
from carpus.engine.estimator import HandEstimator
from carpus.engine.folder import RunFolder
from carpus.engine.track import TrackOptions, track
from carpus.geometry import Camera
from carpus.geometry.locator import locate_hand
from carpus.synthetic.stream import make_stream

LIMIT_MS = 15.0
"""What one locator call may take on one core."""
METHODS = ("depth_cr/base_clean", "depth_cr/super_edt2m", "v2v")
KEY = "abcd00000"


def plain_locator(depth_mm: np.ndarray, camera: Camera) -> np.ndarray | None:
    """The rule as it is written down, with whole arrays and one decomposition per slice."""
    smooth = cv2.bilateralFilter(depth_mm.astype(np.float32), 5, 30, 30)
    values = smooth.ravel()
    front = np.sort(np.partition(values[values > 100.01], 10)[:11])[9]
    if front > 480:
        return None
    chosen = (front - 0.01 < values) & (values < front + 120)
    row, col = np.unravel_index(np.nonzero(chosen)[0], smooth.shape)
    z = values[chosen].astype(float)
    points = np.stack([(col - camera.cx) / camera.fx * z, (row - camera.cy) / camera.fy * z, z], -1)
    edges = np.linspace(z.max(), z.min(), 13)
    slices = [points[(z < a) & (z >= b)] for a, b in pairwise(edges)]
    extent = [np.linalg.svd(s - s.mean(0), full_matrices=False)[1][0] if len(s) > 3 else 0 for s in slices]
    wrist = next((i for i in range(1, 12) if extent[i] > 1.1 * extent[i - 1]), 0)
    upper = points[z < edges[wrist]].mean(0)
    return upper + 0.2 * (upper - slices[wrist].mean(0))


def best_ms(run: Callable[[], object], repeats: int) -> float:
    """Milliseconds of the best run; what other processes do only ever adds time."""
    times = []
    for _ in range(repeats):
        begin = time.perf_counter()
        run()
        times.append(1e3 * (time.perf_counter() - begin))
    return min(times)


def before_a_wall(depth_mm: np.ndarray, behind_mm: float) -> np.ndarray:
    """The frame with a slightly tilted wall that far behind the front of the hand."""
    tilt = np.linspace(0, 8, depth_mm.size).reshape(depth_mm.shape)
    wall = depth_mm[depth_mm > 0].min() + behind_mm + tilt
    return np.where(depth_mm > 0, np.minimum(depth_mm, wall), wall).astype(np.float32)


def measure_locator(frames: Sequence[np.ndarray], camera: Camera) -> dict[str, dict[str, float]]:
    """Best time per frame, the mean over frames, of both locators; and how far their centres are apart."""
    found = {}
    # The second wall lies within the depth of a hand: every pixel is a point of the prior.
    for name, behind in {"hand alone": 700.0, "hand at a wall": 100.0}.items():
        images = [before_a_wall(frame, behind) for frame in frames]
        locate_hand(images[0], camera)
        pairs = [(locate_hand(image, camera).center_mm, plain_locator(image, camera)) for image in images]
        apart = [float(np.abs(a - b).max()) for a, b in pairs if a is not None and b is not None]
        ours = float(np.mean([best_ms(lambda i=i: locate_hand(i, camera), 5) for i in images]))
        plain = float(np.mean([best_ms(lambda i=i: plain_locator(i, camera), 3) for i in images]))
        found[name] = {"ms": ours, "limit_ms": LIMIT_MS, "plain_ms": plain, "ratio": plain / ours}
        found[name]["apart_mm"] = max(apart)
    return found


def untrained(method: str, logs: Path) -> RunFolder:
    """A run with the weights a training would begin with."""
    run = RunFolder(logs / KEY).create()
    cfg = compose_config([f"method={method}", "dataset=hands17"])
    save_config(cfg, run.config_file)
    torch.save({"state_dict": build_module(cfg).state_dict(), "global_step": 0}, run.last)
    return run


def measure_pipeline(method: str, stream: Path, device: str) -> dict[str, float]:
    """Mean milliseconds per stage, and frames per second, of the whole command without pictures."""
    with tempfile.TemporaryDirectory() as folder:
        logs = Path(folder)
        run = untrained(method, logs)
        HandEstimator.from_run(KEY, logs, device).warm_up(open_stream(stream).info)
        track(TrackOptions(KEY, stream, device=device, out=run.path / "out"), logs)
        summary = json.loads((run.path / "out" / "summary.json").read_text())
    return {**summary["mean_ms"], "frames_per_s": summary["frames_per_s"], "warm_up_s": summary["warm_up_s"]}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--frames", type=int, default=30)
    parser.add_argument("--methods", default=",".join(METHODS))
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory() as folder:
        stream = make_stream(Path(folder) / "stream", args.frames)
        opened = open_stream(stream)
        frames = [frame.depth_mm for frame in opened]
        found = {"locator": measure_locator(frames, opened.info.camera)}
        for name, row in found["locator"].items():
            print(
                f"locator, {name}: {row['ms']:.2f} ms (limit {row['limit_ms']:.0f}), plain "
                f"{row['plain_ms']:.1f} ms: {row['ratio']:.1f} x, centres {row['apart_mm']:.1g} mm apart"
            )
        for method in args.methods.split(","):
            found[method] = row = measure_pipeline(method, stream, args.device)
            stages = ", ".join(f"{k} {v:.1f}" for k, v in row.items() if not k.endswith("_s"))
            print(f"{method}: {stages} ms; {row['frames_per_s']:.1f} frames/s")
    if args.json:
        args.json.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
