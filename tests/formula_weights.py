"""Weights that follow from each entry's name and shape alone, so that no weight file has to be shipped."""

from __future__ import annotations

import zlib

import numpy as np
import torch
from torch import Tensor


def generator(name: str) -> np.random.RandomState:
    """The stream that belongs to a name; NumPy's old generator never changes."""
    return np.random.RandomState(zlib.crc32(name.encode()))


def value_of(name: str, shape: tuple[int, ...]) -> np.ndarray:
    """One entry of a state dict."""
    if name.endswith("num_batches_tracked"):
        return np.zeros(shape, np.int64)
    normal, vector = generator(name).standard_normal(shape), len(shape) < 2
    if name.endswith("running_var"):
        value = 1 + 0.1 * np.abs(normal)
    elif name.endswith("running_mean"):
        value = 0.1 * normal
    elif vector:
        value = 0.1 * normal + (1 if name.endswith("weight") else 0)
    else:
        value = normal / np.sqrt(np.prod(shape[1:]))
    return value.astype(np.float32)


def formula_state(keys: list) -> dict[str, Tensor]:
    """State dict of an ordered list of (name, shape)."""
    return {name: torch.from_numpy(np.array(value_of(name, tuple(shape)))) for name, shape in keys}


def formula_image(name: str, shape: tuple[int, ...]) -> Tensor:
    """Input in [0, 1) that belongs to a name and a shape."""
    return torch.from_numpy(generator(name).random_sample(shape).astype(np.float32))
