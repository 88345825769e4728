"""One hand's values as those of a pair of hands."""

from __future__ import annotations

import torch
from torch import Tensor

from carpus.skeletons import INTERHAND, INTERHAND_HAND, SNAP

_ORDER = SNAP.permutation(to=INTERHAND_HAND).tolist()


def as_pairs(values: Tensor, left: Tensor) -> Tensor:
    """Values of one hand's joints at its side of a pair.

    Args:
        values: ``(B, 21)`` or ``(B, 21, D)`` in the order of :data:`~carpus.skeletons.SNAP`.
        left: ``(B,)`` bool, which hand it is.
    Returns:
        ``(B, 42)`` or ``(B, 42, D)`` in the order of :data:`~carpus.skeletons.INTERHAND`; zero for the other
        hand.
    Example:
        >>> pair = as_pairs(torch.ones(2, 21), torch.tensor([False, True]))
        >>> pair[:, (0, 21)].tolist()
        [[1.0, 0.0], [0.0, 1.0]]
    """
    count = INTERHAND.joints_per_hand
    hand = values[:, _ORDER]
    side = torch.stack((~left, left), 1)
    sides = side[(...,) + (None,) * (hand.ndim - 1)]
    return (hand[:, None] * sides).reshape(len(values), 2 * count, *values.shape[2:])
