"""Places of the peaks of 2D maps, from whole cells to fractions of one; all work on every map at once."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from carpus.codecs.soft_argmax import CELL_CENTRE, soft_argmax_nd

LOWEST = 1e-4
"""Values below this share of a map's peak count as this much in its logarithm."""


class Peaks(NamedTuple):
    """Cells ``(B, J, 2)`` u, v with the centre of the first at 0, and the values there ``(B, J)``."""

    cells: Tensor
    values: Tensor


def peaks(maps: Tensor) -> Peaks:
    """The largest cell of every map ``(B, J, H, W)``; NaN, both, for a map that is not finite there.

    Example:
        >>> maps = torch.zeros(1, 1, 3, 4)
        >>> maps[0, 0, 2, 1] = 0.5
        >>> peaks(maps)
        Peaks(cells=tensor([[[1., 2.]]]), values=tensor([[0.5000]]))
    """
    # Half precision counts whole numbers up to 2048 only, fewer than a map has cells.
    values, index = _exact(maps).flatten(2).max(-1)
    width = maps.shape[-1]
    cells = torch.stack((index % width, index // width), -1).to(values.dtype)
    # A diverged network must not end in joints that look like any other.
    broken = ~torch.isfinite(values)
    return Peaks(cells.masked_fill(broken[..., None], torch.nan), values.masked_fill(broken, torch.nan))


def positive_peaks(maps: Tensor) -> Peaks:
    """:func:`peaks` with the cell (0, 0) for a map without a positive value, as published."""
    found = peaks(maps)
    return Peaks(found.cells.masked_fill((found.values <= 0)[..., None], 0.0), found.values)


def quarter_shift(maps: Tensor, cells: Tensor) -> Tensor:
    """A quarter of a cell from the peak towards its larger neighbour, per axis.

    Args:
        maps: ``(B, J, H, W)``.
        cells: ``(B, J, 2)`` of :func:`peaks`.
    Returns:
        ``(B, J, 2)``; 0 where both neighbours are equal and along an axis at whose end the peak is.
    Example:
        >>> maps = torch.tensor([[[[0.0, 1.0, 0.5, 0.0]]]])
        >>> quarter_shift(maps, peaks(maps).cells)
        tensor([[[0.2500, 0.0000]]])
    """
    sides = torch.tensor([(-1, 0), (1, 0), (0, -1), (0, 1)], device=maps.device)
    left, right, above, below = _around(maps, cells, sides).unbind(-1)
    slope = torch.stack((right - left, below - above), -1)
    return torch.where(_inside(maps, cells, 1), 0.25 * slope.sign(), 0.0)


def taylor_shift(maps: Tensor, cells: Tensor, blur: int = 11) -> Tensor:
    """From the peak to the top of the parabola through the logarithm of the map (DARK).

    Exact for a Gaussian. At most one cell per axis; 0 where the map has no top there, or the peak is within
    two cells of the border.

    Args:
        maps: ``(B, J, H, W)``.
        cells: ``(B, J, 2)`` of :func:`peaks`.
        blur: width in cells of the Gaussian filter that goes first; odd, 1 for none.
    Returns:
        ``(B, J, 2)``.
    """
    near = _smooth_patch(maps, cells, blur)
    floor = LOWEST * near[..., 2:3, 2:3]
    log = torch.maximum(near, floor).clamp_min(torch.finfo(near.dtype).tiny).log()
    (above2, above, here, below, below2) = log[..., 2].unbind(-1)
    (left2, left, _, right, right2) = log[..., 2, :].unbind(-1)
    gu, gv = (right - left) / 2, (below - above) / 2
    guu, gvv = (left2 - 2 * here + right2) / 4, (above2 - 2 * here + below2) / 4
    guv = (log[..., 1, 1] - log[..., 1, 3] - log[..., 3, 1] + log[..., 3, 3]) / 4
    determinant = guu * gvv - guv * guv
    top = (determinant > 0) & (guu < 0)
    safe = torch.where(top, determinant, 1.0)
    shift = torch.stack((guv * gv - gvv * gu, guv * gu - guu * gv), -1) / safe[..., None]
    usable = top[..., None] & _inside(maps, cells, 2).all(-1, keepdim=True)
    return torch.where(usable, shift.clamp(-1.0, 1.0), 0.0)


def _smooth_patch(maps: Tensor, cells: Tensor, blur: int) -> Tensor:
    """``(B, J, 5, 5)`` rows and columns around cells, of the maps under a filter ``blur`` cells wide."""
    reach = blur // 2 + 2
    side = torch.arange(-reach, reach + 1, device=maps.device)
    patch = _around(maps, cells, torch.stack(torch.meshgrid(side, side, indexing="xy"), -1).flatten(0, 1))
    patch = patch.unflatten(-1, (len(side), len(side)))
    taps = gaussian_taps(blur, patch.dtype, maps.device)
    smooth = patch.new_zeros(5, len(side))
    for row in range(5):
        smooth[row, row : row + blur] = taps
    # Written out: as matrix products they would run in half precision under autocast.
    rows = (smooth[:, :, None] * patch[..., None, :, :]).sum(-2)
    return (rows[..., None, :] * smooth).sum(-1)


def gaussian_taps(width: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    """A Gaussian filter ``(width,)`` of sum 1; sigma 0.15 width + 0.35, as OpenCV derives it from the width.

    Example:
        >>> gaussian_taps(3, torch.float32, torch.device("cpu"))
        tensor([0.2390, 0.5220, 0.2390])
    """
    place = torch.arange(width, dtype=dtype, device=device) - width // 2
    taps = torch.exp(-0.5 * (place / (0.15 * width + 0.35)).square())
    return taps / taps.sum()


def mean_cells(maps: Tensor, values: Tensor, beta: float = 20.0) -> Tensor:
    """Mean cell ``(B, J, 2)`` u, v under the soft-max of ``beta`` times map over peak.

    Args:
        maps: ``(B, J, H, W)``.
        values: ``(B, J)`` of :func:`peaks`; maps without a positive one are taken as they are.
        beta: the larger, the closer to the largest cell; below 15 the background draws joints to the middle.
    """
    scale = torch.where(values > 0, values, 1.0)[..., None, None]
    return (soft_argmax_nd(_exact(maps) / scale, 2, beta) - CELL_CENTRE).flip(-1)


def _around(maps: Tensor, cells: Tensor, offsets: Tensor) -> Tensor:
    """Values ``(B, J, K)`` at offsets ``(K, 2)`` u, v from cells; 0 beyond the border."""
    height, width = maps.shape[-2:]
    u, v = (cells.nan_to_num().long()[..., None, :] + offsets).unbind(-1)
    inside = (u >= 0) & (u < width) & (v >= 0) & (v < height)
    index = v.clamp(0, height - 1) * width + u.clamp(0, width - 1)
    found = _exact(maps.flatten(2).gather(2, index.flatten(2)).view(index.shape))
    return torch.where(inside, found, 0.0)


def _inside(maps: Tensor, cells: Tensor, margin: int) -> Tensor:
    """``(B, J, 2)`` bool: at least ``margin`` cells lie on either side along the axis."""
    last = torch.tensor(maps.shape[:-3:-1], device=maps.device) - 1
    return (cells >= margin) & (cells <= last - margin)


def _exact(maps: Tensor) -> Tensor:
    return maps.to(torch.promote_types(maps.dtype, torch.float32))
