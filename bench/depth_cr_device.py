"""Where the maps of the depth CR family are best made: in a loader process or on the device, for a batch.

python bench/depth_cr_device.py [--batch 50] [--device cuda] [--json FILE]

Per model: milliseconds per frame in a worker (decoding, preparing, packing), bytes sent, milliseconds a frame
on the device (unpacking a batch). Then ``udir2`` as one writes it for a device, over a batch, against the
worker's compiled function.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from carpus.data.dataset import Dataset
from carpus.data.prepared import parse_key, prepare
from carpus.data.sources import HANDS17
from carpus.data.splits import Published
from carpus.methods.depth_cr.inputs import DepthCRInputs
from carpus.methods.depth_cr.module import DepthCR
from carpus.nets.depth_cr import COMPOSITIONS
from carpus.synthetic import make
from carpus.types import Ragged, collate

MODELS = ("base_clean", "super_edt2m", "super_ov3edt2m", "voxel_regre", "direc_tsdf", "base_regre")
CUBE_MM, RANGE_MM = 240.0, (100.0, 1060.0)


def best_ms(run: Callable[[], object], repeats: int, device: str) -> float:
    """Milliseconds of the best run."""
    times = []
    for _ in range(repeats + 1):
        begin = time.perf_counter()
        run()
        if device == "cuda":
            torch.cuda.synchronize()
        times.append(1e3 * (time.perf_counter() - begin))
    return min(times[1:])


def frames(folder: Path, count: int) -> list:
    """Records of synthetic HANDS 2017."""
    dataset = Dataset(
        "hands17",
        folder / "tree",
        HANDS17,
        Published(val_fraction=0.5),
        folder / "packs",
        CUBE_MM,
        RANGE_MM,
        center_source="gt",
        synth=lambda out: make("hands17", out, frames=2 * count, seed=0),
    )
    samples = dataset.open("train")
    return [samples[i] for i in range(count)]


def of_model(name: str, records: list, device: str) -> dict[str, float]:
    """Worker and device time and bytes of one model."""
    model = COMPOSITIONS[name]
    inputs = DepthCRInputs(model, CUBE_MM, RANGE_MM)
    module = DepthCR(model, 21, CUBE_MM, RANGE_MM, {}, torch.optim.Adam).to(device)
    rng = np.random.default_rng(0)
    worker = best_ms(lambda: [inputs(r, rng, True) for r in records], 3, "cpu") / len(records)
    sent = [inputs(r, rng, True) for r in records]
    size = sum(np.asarray(v.values if isinstance(v, Ragged) else v).nbytes for s in sent for v in s.values())
    batch = collate([(r.key, s) for r, s in zip(records, sent, strict=True)]).to(device)
    unpack = best_ms(lambda: module.prepare(batch), 5, device) / len(records)
    return {"worker_ms": worker, "kB": size / 1e3 / len(records), "device_ms": unpack}


def udir2_on_device(image: Tensor, joints: Tensor, center: Tensor, half: float = 120.0) -> Tensor:
    """Closeness and direction maps ``(B, 4J, 32, 32)`` of clean views ``(B, 128, 128)``."""
    view = image[:, ::4, ::4]
    axis = torch.arange(32, device=image.device) / 32
    row, col = torch.meshgrid(axis, axis, indexing="ij")
    normal = torch.stack((2 * col.expand_as(view) - 1, 2 * row.expand_as(view) - 1, view), -1)
    offset = joints[:, :, None, None] - (normal * half + center[:, None, None])[:, None]
    distance = offset.norm(dim=-1).clamp(0.01, 2 * half)
    filled = (view >= 1e-4)[:, None]
    near = (1 - distance / (2 * half)) * filled
    unit = offset / distance[..., None] * filled[..., None]
    return torch.cat((near, unit.movedim(-1, 2).flatten(1, 2)), 1)


def udir2(records: list, device: str) -> dict[str, float]:
    """The same maps by the worker's function and over a batch on the device, and how far they are apart."""
    inputs = DepthCRInputs(COMPOSITIONS["super_dist2"], CUBE_MM, RANGE_MM)
    views = [inputs.frame(r) for r in records]
    key, clean = parse_key("udir2_32"), parse_key("clean_128")
    images = [prepare(f, [clean])[clean.name] for f in views]
    known = [{clean: image} for image in images]
    worker = best_ms(lambda: [prepare(f, [key], k) for f, k in zip(views, known, strict=True)], 5, "cpu")
    tensors = [
        torch.from_numpy(np.stack(a)).float().to(device)
        for a in (images, [f.joints_cam_mm for f in views], [f.cube.center for f in views])
    ]
    batch = best_ms(lambda: udir2_on_device(*tensors), 5, device)
    made = np.stack([prepare(f, [key], k)[key.name] for f, k in zip(views, known, strict=True)])
    apart = float(np.abs(udir2_on_device(*tensors).cpu().numpy() - np.moveaxis(made, -1, 1)).max())
    return {"worker_ms": worker / len(views), "device_ms": batch / len(views), "largest_difference": apart}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--batch", type=int, default=50)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as name:
        records = frames(Path(name), args.batch)
        rows = {model: of_model(model, records, args.device) for model in MODELS}
        maps = udir2(records, args.device)
    print(f"per frame, batch {args.batch}, device {args.device}")
    for model, row in rows.items():
        print(
            f"{model:16s} worker {row['worker_ms']:6.2f} ms, {row['kB']:6.1f} kB sent, "
            f"device {row['device_ms']:6.3f} ms"
        )
    ratio = maps["device_ms"] / maps["worker_ms"]
    print(
        f"udir2_32: worker {maps['worker_ms']:.3f} ms, on the device {maps['device_ms']:.3f} ms, "
        f"{ratio:.1f} times the worker's; apart by {maps['largest_difference']:.1e}"
    )
    if args.json:
        args.json.write_text(json.dumps({"device": args.device, **rows, "udir2_32": maps}, indent=1) + "\n")


if __name__ == "__main__":
    main()
