"""RGB hands in a known order, and what each of two processes makes of its share."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from torch import distributed

from carpus.metrics.protocols.rgb_hand import RgbHandProtocol
from carpus.types import Batch, Predictions

COUNT = 11
CAMERA = torch.tensor([600.0, 590.0, 320.0, 240.0])


def samples(count: int = COUNT, seed: int = 0, both: bool = False) -> tuple[dict, dict]:
    """Predictions and truth of random hands; every second one a left hand, or both in each picture."""
    draw = torch.Generator().manual_seed(seed)
    target = torch.randn(count, 42, 3, generator=draw) * 40 + torch.tensor([20.0, -30.0, 700.0])
    hand_type = torch.stack((torch.arange(count) % 2 == 0, torch.arange(count) % 2 == 1), -1) | both
    valid = hand_type.repeat_interleave(21, 1) & (torch.rand(count, 42, generator=draw) > 0.05)
    pixels = target[..., :2] / target[..., 2:] * CAMERA[:2] + CAMERA[2:]
    truth = {
        "joints_cam_mm": target,
        "joints_px": pixels,
        "joint_valid": valid,
        "joint_visible": torch.rand(count, 42, generator=draw) > 0.2,
        "camera": CAMERA.expand(count, 4),
        "hand_type": hand_type,
    }
    predicted = {
        "joints_cam_mm": target + 12 * torch.randn(count, 42, 3, generator=draw),
        "joints_px": pixels + 6 * torch.randn(count, 42, 2, generator=draw),
    }
    return predicted, truth


def score(index: list[int], batch_size: int = 2, keep_rows: int = 8192) -> dict[str, float]:
    """Values of a fresh protocol fed with some samples."""
    predicted, truth = samples()
    protocol = RgbHandProtocol("rhd", keep_rows=keep_rows)
    for chosen in torch.tensor(index, dtype=torch.int64).split(batch_size) if index else []:
        keys = [f"image{i}" for i in chosen.tolist()]
        batch = Batch(keys, {name: value[chosen] for name, value in truth.items()})
        protocol.update(Predictions(keys, **{name: v[chosen] for name, v in predicted.items()}), batch)
    return protocol.compute()


def work(rank: int, folder: str) -> None:
    """One of two processes: each takes every second sample; then one of them takes all; then few are kept."""
    torch.set_num_threads(1)
    distributed.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=2)
    everything = list(range(COUNT))
    found = {
        "shared": score(everything[rank::2]),
        "one_sided": score(everything if rank == 0 else []),
        "few_kept": score(everything if rank == 0 else [], keep_rows=3),
    }
    Path(folder, f"rank{rank}.json").write_text(json.dumps(found))
    distributed.destroy_process_group()
