"""Part masks of two hands: 0 background, 1 to 16 the right hand's parts, 17 to 32 the left's."""

from __future__ import annotations

import torch
from torch import Tensor

from carpus.errors import DataError

PARTS_PER_HAND = 16
CLASSES = 1 + 2 * PARTS_PER_HAND


def swap_hands(labels: Tensor) -> Tensor:
    """Labels ``(*)`` of the mirrored image: each part becomes the other hand's; twice is the identity.

    Raises:
        DataError: for labels that name no part.
    Example:
        >>> swap_hands(torch.tensor([0, 1, 16, 17, 32]))
        tensor([ 0, 17, 32,  1, 16])
    """
    if labels.numel() and not (int(labels.min()) >= 0 and int(labels.max()) < CLASSES):
        raise DataError(
            f"part labels from {int(labels.min())} to {int(labels.max())}: 0 to {CLASSES - 1} are allowed"
        )
    right = (labels > 0) & (labels <= PARTS_PER_HAND)
    left = labels > PARTS_PER_HAND
    return torch.where(right, labels + PARTS_PER_HAND, torch.where(left, labels - PARTS_PER_HAND, labels))
