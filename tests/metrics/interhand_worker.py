"""InterHand2.6M samples in a known order, and what each of two processes makes of its share."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from torch import distributed

from carpus.metrics.protocols.interhand import InterHandProtocol
from carpus.types import Batch, Predictions

COUNT = 11


def samples(count: int = COUNT, seed: int = 0, mask_side: int = 16) -> tuple[dict, dict]:
    """Predictions and truth of random hands; a third each right, left and interacting."""
    draw = torch.Generator().manual_seed(seed)
    target = torch.randn(count, 42, 3, generator=draw) * 60 + torch.tensor([0.0, 0.0, 1000.0])
    kind = torch.arange(count) % 3
    hand_type = torch.stack((kind != 1, kind != 0), -1).float()
    valid = hand_type.bool().repeat_interleave(21, 1) & (torch.rand(count, 42, generator=draw) > 0.1)
    truth = {
        "joints_cam_mm": target,
        "joint_valid": valid,
        "hand_type": hand_type,
        "hand_type_valid": torch.rand(count, generator=draw) > 0.1,
        "root_depth_mm": target[:, [20, 41], 2] + 5 * torch.randn(count, 2, generator=draw),
        "segm_target": torch.randint(0, 33, (count, mask_side, mask_side), generator=draw),
        "segm_valid": torch.rand(count, generator=draw) > 0.3,
    }
    predicted = {
        "joints_cam_mm": target + 10 * torch.randn(count, 42, 3, generator=draw),
        "hand_type_prob": (hand_type + 0.4 * torch.randn(count, 2, generator=draw)).clamp(0, 1),
        "rel_root_depth_mm": target[:, 41, 2] - target[:, 20, 2] + torch.randn(count, generator=draw),
        "segm_labels": torch.where(
            torch.rand(count, mask_side, mask_side, generator=draw) > 0.5, truth["segm_target"], 0
        ),
    }
    return predicted, truth


def score(index: list[int], batch_size: int = 2) -> dict[str, float]:
    """Values of a fresh protocol fed with some samples."""
    predicted, truth = samples()
    protocol = InterHandProtocol(segm_tolerance=1)
    for chosen in torch.tensor(index, dtype=torch.int64).split(batch_size) if index else []:
        keys = [f"image{i}" for i in chosen.tolist()]
        batch = Batch(keys, {name: value[chosen] for name, value in truth.items()})
        protocol.update(Predictions(keys, **{name: v[chosen] for name, v in predicted.items()}), batch)
    return protocol.compute()


def work(rank: int, folder: str) -> None:
    """One of two processes: each takes every second sample; then one of them takes all."""
    torch.set_num_threads(1)
    distributed.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=2)
    everything = list(range(COUNT))
    found = {"shared": score(everything[rank::2]), "one_sided": score(everything if rank == 0 else [])}
    Path(folder, f"rank{rank}.json").write_text(json.dumps(found))
    distributed.destroy_process_group()
