"""Hourglasses: down to a few cells and up again with skips, with one or more ways up."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from carpus.errors import ConfigError
from carpus.nets.blocks.preact import preact_blocks

_SKIP, _DOWN, _UP, _BOTTOM = range(4)


class Hourglass(nn.Module):
    """One way down, ``branches`` ways up with skips of their own.

    With two branches this is BiHand's bisected hourglass under the names of its published weights,
    ``hg.<level>.<skip|down|up|bottom as 0..3>.<branch>.<block>``; with one branch, the plain hourglass.

    Args:
        channels: width everywhere.
        branches: ways up.
        depth: times the sides are halved.
        blocks: residual blocks per step.
    Raises:
        ConfigError: if a size is below 1.
    """

    def __init__(self, channels: int, branches: int = 2, depth: int = 4, blocks: int = 1) -> None:
        super().__init__()
        sizes = {"channels": channels, "branches": branches, "depth": depth, "blocks": blocks}
        if min(sizes.values()) < 1:
            raise ConfigError(f"Hourglass: {', '.join(f'{k}={v}' for k, v in sizes.items())} must be >= 1")
        self.depth = depth
        self.hg = nn.ModuleList()
        for level in range(depth):
            counts = [branches, 1, branches] + ([branches] if level == 0 else [])
            self.hg.append(
                nn.ModuleList(
                    nn.ModuleList(preact_blocks(channels, blocks) for _ in range(count)) for count in counts
                )
            )

    def forward(self, x: Tensor) -> tuple[list[Tensor], Tensor]:
        """The ways' ends, and the bottom.

        Args:
            x: ``(B, C, H, W)`` with sides that are multiples of 2 to the power of ``depth``.
        Returns:
            ``branches`` maps ``(B, C, H, W)``, and the coarsest one ``(B, C, H / 2^depth, W / 2^depth)``.
        """
        skips: list[list[Tensor]] = []
        for level in reversed(range(self.depth)):
            skips.append([block(x) for block in self._slot(level, _SKIP)])
            x = self._slot(level, _DOWN)[0](F.max_pool2d(x, 2))
        ways = [block(x) for block in self._slot(0, _BOTTOM)]
        for level in range(self.depth):
            ways = [block(way) for block, way in zip(self._slot(level, _UP), ways, strict=True)]
            ways = [
                skip + F.interpolate(way, scale_factor=2.0, mode="nearest")
                for skip, way in zip(skips.pop(), ways, strict=True)
            ]
        return ways, x

    def _slot(self, level: int, slot: int) -> nn.ModuleList:
        return self.hg[level][slot]  # type: ignore[index,return-value]
