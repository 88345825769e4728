"""Networks that find the hand's cube in a whole frame or scene, in their repaired form."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from carpus.nets.depth_cr.layers import conv, dense, flatten_channels_last, halving_pool


class Localizer2(nn.Module):
    """Finds the cube in a frame of 256² pixels: a logit and three offsets for each of 8² cells.

    Args:
        dropout: share of features dropped before the dense layers, in training.
    """

    def __init__(self, dropout: float = 0.5) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            conv(2, 1, 8, 3),
            conv(2, 8, 8, 3, stride=2),
            nn.MaxPool2d(3, 1, 1),
            *(
                block
                for width in (8, 16, 32, 64)
                for block in (conv(2, width, 2 * width, 3), halving_pool(2))
            ),
        )
        self.logits = _branch(64, dropout)
        self.anchors = _branch(192, dropout)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """``(B, 1, 256, 256)`` to ``anchors`` ``(B, 256)``: 64 logits, then 3 numbers per cell, row-major."""
        x = self.stem(x)
        return {"anchors": torch.cat([self.logits(x), self.anchors(x)], 1)}


class Localizer3(nn.Module):
    """Finds the cube in a scene of 32³ cells: a score and four numbers for each of 8³ cells.

    Args:
        dropout: share of features dropped before the dense layer, in training.
    """

    def __init__(self, dropout: float = 0.5) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            conv(3, 1, 16, 3),
            conv(3, 16, 32, 3, stride=2),
            nn.MaxPool3d(3, 1, 1),
            conv(3, 32, 64, 3),
            halving_pool(3),
            nn.MaxPool3d(5, 3),
            conv(3, 64, 128, 1),
            conv(3, 128, 256, 2, valid=True),
        )
        self.dropout = nn.Dropout(dropout)
        self.out = dense(256, 8**3 * 5, linear=True)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """``(B, 1, 32, 32, 32)`` to ``anchors`` ``(B, 2560)``: 512 scores, then 4 numbers per cell."""
        return {"anchors": self.out(self.dropout(flatten_channels_last(self.stem(x))))}


class _FlattenLast(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return flatten_channels_last(x)


def _branch(outputs: int, dropout: float) -> nn.Sequential:
    return nn.Sequential(
        conv(2, 128, 16, 1),
        conv(2, 16, 16, 8),
        nn.Dropout(dropout),
        _FlattenLast(),
        dense(16 * 8 * 8, outputs, linear=True),
    )
