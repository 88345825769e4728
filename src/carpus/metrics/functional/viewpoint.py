"""Error against the viewing angle, in bins of two degrees."""

from __future__ import annotations

import torch
from torch import Tensor

from carpus.metrics.functional.errors import frame_errors

YAW_RANGE_DEG = (-40, 40)
PITCH_RANGE_DEG = (-10, 90)
BIN_DEG = 2


def bin_centers_deg(range_deg: tuple[int, int], device: torch.device | None = None) -> Tensor:
    """Angles ``(K,)`` int64 the bins of a range stand for.

    Example:
        >>> bin_centers_deg((-4, 4))
        tensor([-4, -2,  0,  2,  4])
    """
    return torch.arange(range_deg[0], range_deg[1] + 1, BIN_DEG, device=device)


def viewpoint_sums(
    errors: Tensor, angles_deg: Tensor, range_deg: tuple[int, int], valid: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Sum of frame errors and number of frames in every bin; frames outside the range are left out.

    A frame belongs to bin b if 2 · round(angle / 2) = b, where halves go to the even neighbour.

    Args:
        errors: ``(B, J)`` joint errors; a frame counts with its mean over valid joints.
        angles_deg: ``(B,)`` yaw or pitch.
        range_deg: first and last bin.
        valid: ``(B, J)`` bool, or None for all.
    Returns:
        ``(K,)`` float64 and ``(K,)`` int64.
    """
    mean, _, counted = frame_errors(errors, valid)
    low, high = range_deg
    bins = (high - low) // BIN_DEG + 1
    cell = (torch.round(angles_deg.double() / BIN_DEG) - low // BIN_DEG).nan_to_num(-1)
    used = counted & (cell >= 0) & (cell < bins)
    cell = cell.clamp(0, bins - 1).long()
    sums = torch.zeros(bins, dtype=torch.float64, device=errors.device)
    sums.index_add_(0, cell, torch.where(used, mean.double(), 0.0))
    counts = torch.zeros(bins, dtype=torch.int64, device=errors.device)
    counts.index_add_(0, cell, used.long())
    return sums, counts


def viewpoint_curve(
    errors: Tensor, angles_deg: Tensor, range_deg: tuple[int, int], valid: Tensor | None = None
) -> Tensor:
    """Mean frame error in every bin of :func:`bin_centers_deg`; arguments of :func:`viewpoint_sums`.

    Returns:
        ``(K,)`` float64; NaN for an empty bin.
    Example:
        >>> viewpoint_curve(torch.tensor([[4.0], [6.0]]), torch.tensor([0.9, 1.0]), (0, 2))
        tensor([5., nan], dtype=torch.float64)
    """
    sums, counts = viewpoint_sums(errors, angles_deg, range_deg, valid)
    return sums / counts
