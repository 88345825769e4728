"""Weights and inputs of the network fixtures of handflow2d; their README states the formula."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import numpy as np
import torch

T4 = 1e-4
T5 = 1e-5


@cache
def layout(path: Path) -> dict[str, list]:
    """Per network the ordered list of [key, shape, kind]."""
    return json.loads(path.read_text())


def uniform(k: int, count: int, salt: int) -> np.ndarray:
    """Numbers in [-0.5, 0.5) of entry k."""
    mask = np.uint64(0xFFFFFFFF)
    j = np.arange(1, count + 1, dtype=np.uint64)
    h = (j * np.uint64(2654435761) + np.uint64((k + 1) * 2246822519 + salt * 374761393)) & mask
    for shift, factor in ((15, 2246822519), (13, 3266489917)):
        h ^= h >> np.uint64(shift)
        h = (h * np.uint64(factor)) & mask
    h ^= h >> np.uint64(16)
    return h / 2.0**32 - 0.5


def entry(k: int, key: str, shape: list[int], kind: str, salt: int) -> torch.Tensor:
    """Entry k of a state dict."""
    if kind == "zero":
        return torch.zeros(shape, dtype=torch.int64)
    if kind in {"perm", "perminv"}:
        step, count = int(key.split(".module_list.")[1].split(".")[0]), shape[0]
        matrix = torch.zeros(count, count)
        rows = torch.arange(count)
        matrix[rows, (5 * rows + 3 + step) % count] = 1
        return (matrix if kind == "perm" else matrix.T).reshape(shape).contiguous()
    u = uniform(k, int(np.prod(shape)), salt)
    value = {
        "conv": lambda: u * np.sqrt(12) * np.sqrt(1 / np.prod(shape[1:])),
        "norm": lambda: 1 + 0.2 * u,
        "var": lambda: 1 + 0.4 * u,
        "small": lambda: 0.1 * u,
        "gscale": lambda: 9.986524 + 0.5 * u,
    }[kind]()
    return torch.from_numpy(value.reshape(shape).astype(np.float32))


def formula_state(spec: list, salt: int) -> dict[str, torch.Tensor]:
    """State dict of a network's list."""
    return {key: entry(k, key, shape, kind, salt) for k, (key, shape, kind) in enumerate(spec)}


def image(salt: int, side: int = 256) -> torch.Tensor:
    """``(1, 3, side, side)``."""
    c, y, x = np.meshgrid(*(np.arange(n, dtype=np.float64) for n in (3, side, side)), indexing="ij")
    value = np.sin(0.031 * x + 0.017 * y + c + salt) + 0.5 * np.cos(0.11 * x - 0.07 * y * (c + 1))
    return torch.from_numpy(value.astype(np.float32))[None]


def flow_image(path: Path) -> torch.Tensor:
    """Image of a flow network's case: that of the seed network's case, whatever the salt of its weights."""
    beside = path.with_name(path.name.replace("net_flow_resnet18", "net_seednet"))
    beside = beside if beside.exists() else next(iter(path.parent.glob("net_seednet_forward*.npz")), None)
    return image(1 if beside is None else int(np.load(beside)["salt"]))


def lift_inputs(salt: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Heat maps, mask and features of LiftNet."""
    s = salt - 10
    i, y, x = np.meshgrid(*(np.arange(n, dtype=np.float64) for n in (21, 64, 64)), indexing="ij")
    maps = np.exp(-((x - (7 + 2 * i)) ** 2 + (y - (50 - 2 * i)) ** 2) / 8)
    c, y, x = np.meshgrid(*(np.arange(n, dtype=np.float64) for n in (256, 64, 64)), indexing="ij")
    mask, features = np.sin(0.1 * x[:1] + 0.05 * y[:1] + s), np.sin(0.02 * c + 0.09 * x - 0.04 * y + s)
    return tuple(torch.from_numpy(v.astype(np.float32))[None] for v in (maps, mask, features))  # type: ignore[return-value]


def deviation(found: torch.Tensor | np.ndarray, expected: np.ndarray) -> float:
    """Largest error over max(1, largest magnitude), the measure of the README's tolerances."""
    found, expected = np.asarray(found, np.float64), np.asarray(expected, np.float64)
    assert found.shape == expected.shape
    return float(np.abs(found - expected).max() / max(1.0, np.abs(expected).max()))


def stats(x: torch.Tensor) -> np.ndarray:
    """Sum, sum of magnitudes, smallest, largest."""
    x = x.double()
    return torch.stack((x.sum(), x.abs().sum(), x.min(), x.max())).numpy()


def leaf_calls(net: torch.nn.Module, *inputs: torch.Tensor) -> list:
    """[name, kind, output shape without batch] of every leaf in call order."""
    calls = []

    def hook(name):
        def keep(module, _, output):
            calls.append([name, type(module).__name__, list(output.shape[1:])])

        return keep

    for name, module in net.named_modules():
        if not list(module.children()):
            module.register_forward_hook(hook(name))
    net(*inputs)
    return calls
