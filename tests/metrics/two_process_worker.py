"""What each of two processes runs; a module of its own so that a spawned process can import it."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from torch import distributed

from carpus.errors import CarpusError
from carpus.metrics.collector import PredictionCollector
from carpus.metrics.protocols.base import Protocol
from carpus.metrics.protocols.depth import DepthHandProtocol, ItopProtocol
from carpus.types import Batch, Predictions

COUNT = 7
BATCH = 2


def split(joints: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Predicted and true joints (7, J, 3) and their mask, the same in every process."""
    generator = torch.Generator().manual_seed(3)
    target = torch.randn(COUNT, joints, 3, generator=generator) * 80 + torch.tensor([0.0, 0.0, 400.0])
    off = torch.randn(COUNT, joints, 3, generator=generator) * 15
    return target + off, target, torch.rand(COUNT, joints, generator=generator) > 0.2


def batches(joints: int, index: list[int]) -> list[tuple[Predictions, Batch]]:
    """The samples ``index`` of the split in batches."""
    predicted, target, valid = split(joints)
    made = []
    for chosen in torch.tensor(index, dtype=torch.int64).split(BATCH) if index else []:
        keys = [f"frame{i}" for i in chosen.tolist()]
        tensors = {
            "joints_cam_mm": target[chosen],
            "joint_valid": valid[chosen],
            "center_mm": target[chosen].mean(dim=1),
            "camera": torch.tensor([[241.42, 241.42, 160.0, 120.0]]).expand(len(chosen), 4),
            "index": chosen,
            "subject": chosen % 3,
        }
        made.append((Predictions(keys, joints_cam_mm=predicted[chosen]), Batch(keys, tensors)))
    return made


def protocols() -> dict[str, tuple[Protocol, int]]:
    """Protocols under test and their numbers of joints."""
    return {"hand": (DepthHandProtocol("msra", seen_subjects=[0]), 21), "itop": (ItopProtocol(), 15)}


def score_share(name: str, index: list[int]) -> dict[str, float]:
    """Values of a fresh protocol fed with some samples."""
    protocol, joints = protocols()[name]
    for predictions, batch in batches(joints, index):
        protocol.update(predictions, batch)
    return dict(protocol.compute())


def collect(index: list[int]) -> str | list[str] | None:
    """Keys in gathered order, or the error's message."""
    collector = PredictionCollector(COUNT)
    for predictions, batch in batches(21, index):
        collector.update(predictions, batch)
    try:
        collected = collector.gather()
    except CarpusError as error:
        return str(error)
    return None if collected is None else collected.keys.tolist()


def work(rank: int, folder: str) -> None:
    """One of two processes: each takes every second sample; then one of them takes all."""
    torch.set_num_threads(1)
    distributed.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=2)
    everything = list(range(COUNT))
    found = {
        "hand": score_share("hand", everything[rank::2]),
        "itop": score_share("itop", everything[rank::2]),
        "one_sided": score_share("hand", everything if rank == 0 else []),
        "keys": collect(everything[rank::2]),
        "keys_one_sided": collect([] if rank == 0 else everything),
        "repeated": collect(everything[rank::2] + [0] * rank),
    }
    Path(folder, f"rank{rank}.json").write_text(json.dumps(found))
    distributed.destroy_process_group()
