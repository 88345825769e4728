"""Eight synthetic frames through a model's own inputs, targets, losses and decoder, again and again."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import torch

from carpus.data.dataset import Dataset
from carpus.data.sources import HANDS17
from carpus.data.splits import Published
from carpus.methods.depth_cr.inputs import DepthCRInputs
from carpus.methods.depth_cr.module import DepthCR
from carpus.nets.depth_cr import Composition, NetSpec, reestimate_statistics
from carpus.synthetic import make
from carpus.types import Batch, collate

CUBE_MM = 240.0
RANGE_MM = (100.0, 1060.0)
FRAMES = 8


def narrow(spec: NetSpec, divisor: int = 4) -> NetSpec:
    """A network of the same layers with fewer channels; the localisers have a fixed form."""
    if spec.head == "anchors":
        return spec
    fewer = lambda text: re.sub(r"([CP])(\d+)", lambda m: f"{m[1]}{int(m[2]) // divisor}", text)  # noqa: E731
    return replace(spec, stem=fewer(spec.stem), tail=fewer(spec.tail), width=spec.width // divisor)


@cache
def dataset(folder: Path, center_source: str = "gt") -> Dataset:
    """Synthetic HANDS 2017 frames."""
    return Dataset(
        "hands17_overfit",
        folder / "tree",
        HANDS17,
        Published(val_fraction=0.1),
        folder / "packs",
        CUBE_MM,
        RANGE_MM,
        center_source=center_source,
        synth=lambda out: make("hands17", out, frames=16, subjects=4, seed=3),
    )


def batch_of(model: Composition, folder: Path, train: bool = True) -> Batch:
    """The first eight frames as a collated batch."""
    samples = dataset(folder).open("train")
    inputs = DepthCRInputs(model, CUBE_MM, RANGE_MM)
    rng = np.random.default_rng(0)
    records = [samples[i] for i in range(FRAMES)]
    return collate([(record.key, inputs(record, rng, train)) for record in records])


def module_of(model: Composition, preset: str = "balanced", decay: float = 0.9) -> DepthCR:
    """The model without drop-out: what is learnt by heart needs none."""
    torch.manual_seed(0)
    return DepthCR(
        model, 21, CUBE_MM, RANGE_MM, losses={}, optimizer=torch.optim.Adam, preset=preset,
        batch_size=FRAMES, dropout=0.0, norm_decay=decay, watch_step=0,
    )  # fmt: skip


def train(module: DepthCR, batch: Batch, steps: int, lr: float = 2e-3) -> list[float]:
    """Weighted loss of every step."""
    optimizer = torch.optim.Adam(module.parameters(), lr)
    prepared = module.prepare(batch)
    history = []
    module.train()
    for _ in range(steps):
        outputs = module(prepared)
        terms = module.losses(outputs, prepared)
        loss = torch.stack([module.terms[name].weight * value for name, value in terms.items()]).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        history.append(float(loss.detach()))
    return history


def error_mm(module: DepthCR, batch: Batch) -> float:
    """Mean error in evaluation mode, its statistics taken from the same frames."""
    prepared = module.prepare(batch)
    reestimate_statistics(module.net, [prepared["net_input"]])
    module.eval()
    with torch.no_grad():
        joints = module.decode(module(prepared), prepared).joints_cam_mm
    return float((joints - prepared["joints_cam_mm"]).norm(dim=-1).mean())
