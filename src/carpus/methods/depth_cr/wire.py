"""Mostly empty maps on their way from a loader process to the device: a bit per cell and the filled cells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import numpy as np
import torch
from torch import Tensor

from carpus.types import Inputs, Ragged

QUANTISED = MappingProxyType({"tsdf3": 0.3})
"""Types sent as int8, value by value, and their largest absolute value: a third of the grid is filled."""


def compact(name: str, values: np.ndarray, kind: str = "") -> Inputs:
    """An array as what is worth sending.

    Args:
        name: under which :func:`expand` finds it.
        values: ``(*S, K)``, channels last; a cell is empty where all its channels are 0.
        kind: prepared type; see :data:`QUANTISED`.
    Returns:
        ``<name>_mask`` uint8, one bit per cell, and ``<name>_rows``, ragged ``(filled, K)``.
    """
    largest = QUANTISED.get(kind)
    rows = values.reshape(-1, 1 if largest else values.shape[-1])
    if largest:
        rows = np.rint(rows * (127 / largest)).astype(np.int8)
    filled = rows.any(axis=1)
    return {f"{name}_mask": np.packbits(filled), f"{name}_rows": Ragged(rows[filled])}


def expand(batch: Mapping[str, Tensor], name: str, shape: Sequence[int], kind: str = "") -> Tensor:
    """The arrays of a batch, channels first.

    Args:
        batch: holds what :func:`compact` made.
        name: of the array.
        shape: ``(*S, K)`` of one sample.
        kind: prepared type, as given to :func:`compact`.
    Returns:
        ``(B, K, *S)`` float32.
    Example:
        >>> sent = compact("map", np.array([[[0.0], [2.0]], [[0.0], [3.0]]], np.float32))
        >>> batch = {"map_mask": torch.from_numpy(sent["map_mask"])[None]}
        >>> batch["map_rows"] = torch.from_numpy(sent["map_rows"].values)
        >>> expand(batch, "map", (2, 2, 1)).tolist()
        [[[[0.0, 2.0], [0.0, 3.0]]]]
    """
    bits, rows = batch[f"{name}_mask"], batch[f"{name}_rows"].float()
    if kind in QUANTISED:
        rows = rows * (QUANTISED[kind] / 127)
    total, width = int(np.prod(shape)), rows.shape[1]
    weights = torch.arange(7, -1, -1, device=bits.device, dtype=torch.uint8)
    filled = ((bits[..., None] >> weights) & 1).flatten(1)[:, : total // width].bool()
    values = rows.new_zeros(len(bits), total // width, width)
    values[filled] = rows
    return values.view(len(bits), *shape).movedim(-1, 1).contiguous()
