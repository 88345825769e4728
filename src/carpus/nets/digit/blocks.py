"""Convolution blocks of DIGIT, under the names of the published weights."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class DoubleConv(nn.Module):
    """Twice a 3×3 convolution, batch normalisation and ReLU.

    Args:
        channels: width of the input.
        middle: width between.
        out: width of the output.
        linear: end with the second convolution, without normalisation and ReLU.
    """

    def __init__(self, channels: int, middle: int, out: int, linear: bool = False) -> None:
        super().__init__()
        layers = [nn.Conv2d(channels, middle, 3, padding=1), nn.BatchNorm2d(middle), nn.ReLU(inplace=True)]
        layers.append(nn.Conv2d(middle, out, 3, padding=1))
        if not linear:
            layers += [nn.BatchNorm2d(out), nn.ReLU(inplace=True)]
        self.double_conv = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        """``(B, C, H, W)`` to ``(B, out, H, W)``."""
        return self.double_conv(x)


class Down(nn.Module):
    """Half the sides, then a double convolution.

    Args:
        channels: width of the input.
        out: width of the output.
    """

    def __init__(self, channels: int, out: int) -> None:
        super().__init__()
        self.maxpool_conv = nn.Sequential(nn.MaxPool2d(2), DoubleConv(channels, out, out))

    def forward(self, x: Tensor) -> Tensor:
        """``(B, C, H, W)`` to ``(B, out, H/2, W/2)``."""
        return self.maxpool_conv(x)


class Up(nn.Module):
    """Twice the sides, beside a skip if there is one, then a double convolution.

    Args:
        channels: width of input and skip together.
        middle: width between the convolutions.
        out: width of the output.
    """

    def __init__(self, channels: int, middle: int, out: int) -> None:
        super().__init__()
        self.up = nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True)
        self.conv = DoubleConv(channels, middle, out)

    def forward(self, x: Tensor, skip: Tensor | None = None) -> Tensor:
        """``(B, C, H, W)`` and a skip ``(B, S, 2H, 2W)`` to ``(B, out, 2H, 2W)``."""
        x = self.up(x)
        return self.conv(x if skip is None else torch.cat((skip, x), 1))


class OutConv(nn.Module):
    """A linear 1×1 convolution.

    Args:
        channels: width of the input.
        out: width of the output.
    """

    def __init__(self, channels: int, out: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, out, 1)

    def forward(self, x: Tensor) -> Tensor:
        """``(B, C, H, W)`` to ``(B, out, H, W)``."""
        return self.conv(x)


class UNet(nn.Module):
    """Mixes image and part features: three levels down and up again, the width of the input kept.

    Args:
        channels: width of input and output.
        width: width of the finest level; 64 is published.
    """

    def __init__(self, channels: int, width: int = 64) -> None:
        super().__init__()
        w1, w2, w4 = width, 2 * width, 4 * width
        self.inc = DoubleConv(channels, w1, w1)
        self.down1 = Down(w1, w2)
        self.down2 = Down(w2, w4)
        self.down3 = Down(w4, w4)
        self.up1 = Up(2 * w4, w4, w2)
        self.up2 = Up(2 * w2, w2, w1)
        self.up3 = Up(2 * w1, w1, w1)
        self.outc = OutConv(w1, channels)

    def forward(self, x: Tensor) -> Tensor:
        """``(B, C, H, W)`` with sides that are multiples of 8 to the same shape, unbounded."""
        fine = self.inc(x)
        mid = self.down1(fine)
        coarse = self.down2(mid)
        x = self.up1(self.down3(coarse), coarse)
        return self.outc(self.up3(self.up2(x, mid), fine))
