"""The blocks the depth networks are written in, for images (``dim`` 2) and volumes (``dim`` 3).

c is the width of a block's input; residual blocks keep it, reducing blocks double it and halve the sides.
Sub-modules are created in the order of the published weights.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from carpus.nets.depth_cr.layers import conv, halving_pool, up_conv

Chain = list[tuple[int, int | tuple[int, int]]]
"""Output width and kernel of layers in sequence."""


class ConvPool(nn.Sequential):
    """3ᵈ convolution to twice the width, then pooling.

    Args:
        dim: 2 or 3.
        channels: width of the input.
    """

    def __init__(self, dim: int, channels: int) -> None:
        super().__init__(conv(dim, channels, 2 * channels, 3), halving_pool(dim))


class _Branches(nn.Module):
    """Parallel chains of layers whose outputs are mixed linearly and added to the input."""

    def __init__(self, dim: int, channels: int, chains: list[Chain]) -> None:
        super().__init__()
        self.branches = nn.ModuleList(_chain(dim, channels, chain) for chain in chains)
        mixed = sum(chain[-1][0] for chain in chains)
        self.mixup = conv(dim, mixed, channels, 1, linear=True)

    def forward(self, x: Tensor) -> Tensor:
        """``(B, c, *)`` to the same shape."""
        return F.relu(x + self.mixup(torch.cat([branch(x) for branch in self.branches], 1)))


class Residual(_Branches):
    """``res``: a narrow branch of small kernels beside a 1ᵈ branch.

    Args:
        dim: 2 or 3; the volume form is narrower and has a full kernel.
        channels: width.
    """

    def __init__(self, dim: int, channels: int) -> None:
        half = channels // 2
        spatial: Chain = (
            [(half, 1), (half, (1, 3)), (half, (3, 1))] if dim == 2 else [(half // 2, 1), (half, 3)]
        )
        super().__init__(dim, channels, [[(half, 1)], spatial])


class Inception32(_Branches):
    """``b32``: three branches with zero, one and two 3ᵈ kernels.

    Args:
        dim: 2 or 3.
        channels: width, a multiple of 4.
    """

    def __init__(self, dim: int, channels: int) -> None:
        half, quarter = channels // 2, channels // 4
        chains: list[Chain] = [
            [(quarter, 1)],
            [(quarter, 1), (quarter, 3)],
            [(quarter, 1), (half, 3), (half, 3)],
        ]
        super().__init__(dim, channels, chains)


class InceptionCross(_Branches):
    """``b16`` and ``b8``: a row and a column kernel in sequence beside a 1×1 branch.

    Args:
        channels: width, a multiple of 4.
        edge: length of the kernels, 7 or 3.
    """

    def __init__(self, channels: int, edge: int) -> None:
        half, quarter = channels // 2, channels // 4
        super().__init__(2, channels, [[(half, 1)], [(quarter, 1), (half, (1, edge)), (half, (edge, 1))]])


class Reduce(nn.Module):
    """``R``: pooling and two strided branches side by side; twice the width, half the sides.

    Args:
        dim: 2 or 3.
        channels: width of the input, a multiple of 4.
    """

    def __init__(self, dim: int, channels: int) -> None:
        super().__init__()
        half, quarter = channels // 2, channels // 4
        self.pool = halving_pool(dim)
        self.short = nn.Sequential(conv(dim, channels, quarter, 1), conv(dim, quarter, half, 3, stride=2))
        self.long = nn.Sequential(
            conv(dim, channels, quarter, 1),
            conv(dim, quarter, quarter, 3),
            conv(dim, quarter, half, 3, stride=2),
        )

    def forward(self, x: Tensor) -> Tensor:
        """``(B, c, *)`` to ``(B, 2c, */2)``."""
        return torch.cat([self.pool(x), self.short(x), self.long(x)], 1)


class Hourglass(nn.Module):
    """``hgN``: down N times, up again, with a residual block on every level; widths double going down.

    Args:
        dim: 2 or 3.
        channels: width.
        depth: number of levels N.
    """

    def __init__(self, dim: int, channels: int, depth: int) -> None:
        super().__init__()
        self.skip = Residual(dim, channels)
        self.pool = halving_pool(dim)
        self.down = Residual(dim, channels)
        self.widen = conv(dim, channels, 2 * channels, 1)
        self.inner: nn.Module = Hourglass(dim, 2 * channels, depth - 1) if depth > 1 else nn.Identity()
        self.narrow = conv(dim, 2 * channels, channels, 1)
        self.up = Residual(dim, channels)
        self.unpool = up_conv(dim, channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        """``(B, c, *)`` to the same shape."""
        low = self.widen(self.down(self.pool(x)))
        return self.skip(x) + self.unpool(self.up(self.narrow(self.inner(low))))


def _chain(dim: int, channels: int, widths: Chain) -> nn.Sequential:
    layers = []
    for width, kernel in widths:
        layers.append(conv(dim, channels, width, kernel))
        channels = width
    return nn.Sequential(*layers)
