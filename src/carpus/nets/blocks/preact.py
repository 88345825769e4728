"""The residual block of stacked hourglasses: normalisation and activation before each convolution."""

from __future__ import annotations

from torch import Tensor, nn


class PreactBottleneck(nn.Module):
    """Three times normalisation, ReLU and a convolution (1×1, 3×3, 1×1) beside a skip.

    Entries of the state dict have the names of the published hourglass weights.

    Args:
        channels_in: width of the input.
        channels_out: width of the output; where it differs, the skip is a 1×1 convolution of the raw input.
    """

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__()
        middle = max(1, (channels_out if channels_out >= channels_in else channels_in) // 2)
        self.bn1 = nn.BatchNorm2d(channels_in)
        self.conv1 = nn.Conv2d(channels_in, middle, 1)
        self.bn2 = nn.BatchNorm2d(middle)
        self.conv2 = nn.Conv2d(middle, middle, 3, padding=1)
        self.bn3 = nn.BatchNorm2d(middle)
        self.conv3 = nn.Conv2d(middle, channels_out, 1)
        self.relu = nn.ReLU(inplace=True)
        self.conv4 = nn.Conv2d(channels_in, channels_out, 1) if channels_in != channels_out else None

    def forward(self, x: Tensor) -> Tensor:
        """``(B, Cin, H, W)`` to ``(B, Cout, H, W)``."""
        branch = self.conv1(self.relu(self.bn1(x)))
        branch = self.conv2(self.relu(self.bn2(branch)))
        branch = self.conv3(self.relu(self.bn3(branch)))
        return branch + (x if self.conv4 is None else self.conv4(x))


def preact_blocks(channels: int, count: int) -> nn.Sequential:
    """A row of blocks of one width.

    Args:
        channels: width.
        count: blocks.
    """
    return nn.Sequential(*(PreactBottleneck(channels, channels) for _ in range(count)))
