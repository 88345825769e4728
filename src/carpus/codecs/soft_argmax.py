"""Mean cells of maps of any number of axes under the soft-max of their values."""

from __future__ import annotations

import torch
from torch import Tensor

CELL_CENTRE = 0.5
"""Added to the mean index of a map, not to targets, as published: an answer of x means the target x."""


def mean_index(mass: Tensor, dims: int) -> Tensor:
    """Mean index over the last axes of weights that sum to 1 over them.

    Args:
        mass: ``(*, n₁, …)`` with ``dims`` axes to average over.
        dims: their number k.
    Returns:
        ``(*, k)``, in the order of the axes.
    Example:
        >>> mean_index(torch.tensor([[0.0, 0.25, 0.0], [0.0, 0.0, 0.75]]), 2)
        tensor([0.7500, 1.7500])
    """
    axes = range(-dims, 0)
    means = []
    for axis in axes:
        others = tuple(other for other in axes if other != axis)
        margin = mass.sum(others) if others else mass
        index = torch.arange(mass.shape[axis], dtype=mass.dtype, device=mass.device)
        means.append((margin * index).sum(-1))
    return torch.stack(means, -1)


def soft_argmax_nd(values: Tensor, dims: int, beta: float = 1.0) -> Tensor:
    """Mean cell ``(*, dims)``, cell i standing for i + 1/2, under the soft-max of ``beta`` times values.

    Args:
        values: ``(*, n₁, …)`` of any precision, with ``dims`` axes to average over.
        dims: their number k.
        beta: factor on the values.
    """
    return mean_index(soft_max(values, dims, beta), dims) + CELL_CENTRE


def soft_max(values: Tensor, dims: int, beta: float) -> Tensor:
    """Soft-max over the last ``dims`` axes, in float32 or wider."""
    dtype = torch.promote_types(values.dtype, torch.float32)
    flat = torch.softmax(beta * values.to(dtype).flatten(-dims), -1)
    return flat.unflatten(-1, tuple(values.shape[-dims:]))
