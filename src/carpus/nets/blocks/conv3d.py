"""Volumetric blocks: convolution, residual and up-sampling, each with batch normalisation."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn


class ConvNormAct3d(nn.Module):
    """Convolution that keeps the edge, normalisation, ReLU.

    Args:
        channels_in, channels_out: feature maps.
        kernel: odd edge of the kernel.
    """

    def __init__(self, channels_in: int, channels_out: int, kernel: int) -> None:
        super().__init__()
        self.conv = nn.Conv3d(channels_in, channels_out, kernel, padding=(kernel - 1) // 2)
        self.norm = nn.BatchNorm3d(channels_out)

    def forward(self, x: Tensor) -> Tensor:
        """``(B, Cin, D, H, W)`` to ``(B, Cout, D, H, W)``."""
        return F.relu(self.norm(self.conv(x)), inplace=True)


class Residual3d(nn.Module):
    """Two 3³ convolutions beside a skip, which is a normalised 1³ convolution where the channels change.

    Args:
        channels_in, channels_out: feature maps.
    """

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv3d(channels_in, channels_out, 3, padding=1)
        self.norm1 = nn.BatchNorm3d(channels_out)
        self.conv2 = nn.Conv3d(channels_out, channels_out, 3, padding=1)
        self.norm2 = nn.BatchNorm3d(channels_out)
        self.skip_conv: nn.Module = nn.Identity()
        self.skip_norm: nn.Module = nn.Identity()
        if channels_in != channels_out:
            self.skip_conv = nn.Conv3d(channels_in, channels_out, 1)
            self.skip_norm = nn.BatchNorm3d(channels_out)

    def forward(self, x: Tensor) -> Tensor:
        """``(B, Cin, D, H, W)`` to ``(B, Cout, D, H, W)``."""
        branch = F.relu(self.norm1(self.conv1(x)), inplace=True)
        branch = self.norm2(self.conv2(branch))
        return F.relu(branch + self.skip_norm(self.skip_conv(x)), inplace=True)


class UpConv3d(nn.Module):
    """Transposed convolution that doubles the edge, normalisation, ReLU.

    Args:
        channels_in, channels_out: feature maps.
    """

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__()
        self.conv = nn.ConvTranspose3d(channels_in, channels_out, 2, stride=2)
        self.norm = nn.BatchNorm3d(channels_out)

    def forward(self, x: Tensor) -> Tensor:
        """``(B, Cin, D, H, W)`` to ``(B, Cout, 2D, 2H, 2W)``."""
        return F.relu(self.norm(self.conv(x)), inplace=True)
