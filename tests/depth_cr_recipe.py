"""The published recipe of reproducible weights, and where the published stages are in our networks."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch

from carpus.nets.depth_cr.layers import weight_layers

HERE = Path(__file__).parent / "golden" / "depth_cr"

# Which modules the published stage names stand for, in their published order.
STAGES = {
    "base_clean": "stem.1 stem.2 stem.3 stem.4 head",
    "ortho3view": "stem.1 stem.2 stem.3 stem.4 head",
    "base_clean_inres": "stem.1 stem.2 stem.6 stem.7 stem.11 stem.12 stem.16 head",
    "base_clean_hg": "stem.1 stem.2 " + "".join(f"stem.{i} " for i in (4, 6, 8, *range(10, 16))) + "head",
    "super_edt2": "stem.1 stem.2 stem.4 stages.0 stages.1 tail.0 tail.1 head",
    "super_dist2": "stem.1 stem.2 stem.4 stages.0 stages.1 tail.0 tail.1 head",
    "super_udir2": "stem.1 stem.3 stages.0 stages.1 tail.0 tail.1 head",
    "dense_regre": "stem.1 stem.2 stem.4 stages.0 stages.1",
    "super_ov3edt2": "stem.1 stem.2 stem.4 stages.0 stages.1 tail.0 tail.1 head",
    "base_conv3": "stem.1 stem.2 stem.3 head",
    "direc_tsdf": "stem.1 stem.2 stem.3 head",
    "base_conv3_inres": "stem.1 stem.5 stem.6 stem.10 stem.11 stem.15 head",
    "super_dist3": "stem.1 stem.2 stages.0 stages.1 tail.0 tail.1 head",
    "super_vxhit": "stem.1 stem.3 stages.0 stages.1 tail.0 tail.1 head",
    "voxel_detect": "stem.1 stem.3 stages.0 stages.1",
    "voxel_regre": "stem.1 stem.3 stages.0 stages.1 tail.0 head",
    "voxel_offset": "stem.1 stem.3 stages.0 stages.1",
    "super_edt3": "stem.2 stages.0 stages.1 tail.0 head",
}


def golden_json(folder: Path, name: str) -> dict:
    """A description from the folder of the case, or the repository's where the folder has none."""
    path = folder / name
    return json.loads((path if path.exists() else HERE / name).read_text())


def recipe_base(path: Path, data) -> int:
    """First seed of the weights of a case."""
    if "base" in data:
        return int(data["base"])
    return int(golden_json(path.parent, "README_models.json")["weight_recipe"]["base"])


def model_of(path: Path) -> str:
    """Model name in a file name, whatever stands behind it."""
    stem = path.stem.removeprefix("models_forward_")
    return max((name for name in STAGES if stem.startswith(name)), key=len)


def to_tf(weight: torch.Tensor) -> torch.Tensor:
    """A weight in the published layout: spatial axes, then what PyTorch has second, then first."""
    return weight.permute(*range(2, weight.ndim), 1, 0)


def fill(net: torch.nn.Module, base: int) -> None:
    """Weights, shifts, biases and running statistics of every layer by the recipe."""
    for i, (_, layer) in enumerate(weight_layers(net)):
        random = np.random.RandomState(base + i)
        shape = tuple(to_tf(layer.weight).shape)
        limit = np.sqrt(3.0 / np.prod(shape[:-1]))
        kernel = torch.from_numpy(random.uniform(-limit, limit, shape).astype(np.float32))
        # The layout swap is its own inverse up to the position of the spatial axes.
        layer.weight.data = kernel.permute(-1, -2, *range(kernel.ndim - 2)).contiguous()
        channels = shape[-2] if layer.trim else shape[-1]

        def draw(low, high, size=channels, random=random):
            return torch.from_numpy(random.uniform(low, high, size).astype(np.float32))

        if layer.norm is None:
            layer.layer.bias.data = draw(-0.1, 0.1)
        else:
            layer.norm.shift.data = draw(-0.1, 0.1)
            layer.norm.running_mean = draw(-0.1, 0.1)
            layer.norm.running_var = draw(0.5, 1.5)


def network_input(x: np.ndarray) -> torch.Tensor:
    """Channels-first network input of a stored channels-last one."""
    return torch.from_numpy(x.astype(np.float32) / np.float32(255)).movedim(-1, 1).contiguous()


def subsample(x: torch.Tensor) -> np.ndarray:
    """What the files keep of an activation: channels last, every k-th value, at most 1024."""
    flat = (x.movedim(1, -1) if x.ndim > 2 else x).reshape(-1)
    return flat[:: max(1, len(flat) // 1024)][:1024].detach().numpy()
