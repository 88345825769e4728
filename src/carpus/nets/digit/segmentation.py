"""The part segmentation head of DIGIT and the features made of its answer."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from carpus.errors import ConfigError, unknown
from carpus.nets.digit.blocks import DoubleConv, Up

PART_FEATURES = ("logits", "softmax", "argmax")


class Upsampler(nn.Module):
    """Features of twice the resolution.

    Args:
        channels: width of the input.
        out: width of the output; between lies a quarter of it.
    """

    def __init__(self, channels: int, out: int) -> None:
        super().__init__()
        self.up1 = Up(channels, out // 4, out)

    def forward(self, x: Tensor) -> Tensor:
        """``(B, C, H, W)`` to ``(B, out, 2H, 2W)``."""
        return self.up1(x)


class SegmentationHead(nn.Module):
    """Part logits at twice the resolution of the features.

    Args:
        channels: width of the features.
        classes: background and parts.
        width: features per pixel before the logits.
    """

    def __init__(self, channels: int, classes: int, width: int = 64) -> None:
        super().__init__()
        self.upsampler = Upsampler(channels, width)
        self.segm_net = DoubleConv(width, classes, classes, linear=True)

    def forward(self, features: Tensor) -> Tensor:
        """``(B, C, H, W)`` to logits ``(B, classes, 2H, 2W)``."""
        return self.segm_net(self.upsampler(features))


class HandSegmenter(nn.Module):
    """The segmentation head under its published name.

    Args:
        channels: width of the features.
        classes: background and parts.
        width: features per pixel before the logits.
    """

    def __init__(self, channels: int, classes: int, width: int = 64) -> None:
        super().__init__()
        self.segm_head = SegmentationHead(channels, classes, width)

    def forward(self, features: Tensor) -> Tensor:
        """``(B, C, H, W)`` to logits ``(B, classes, 2H, 2W)``."""
        return self.segm_head(features)


def part_volume(logits: Tensor, kind: str = "logits") -> Tensor:
    """What of the part logits the pose sees.

    Args:
        logits: ``(B, C, H, W)``.
        kind: ``logits`` as the published program and weights, ``softmax`` as its paper says, or ``argmax``,
            which lets no gradient of the pose into the segmentation.
    Returns:
        ``(B, C, H, W)``.
    Raises:
        ConfigError: for another kind.
    Example:
        >>> part_volume(torch.tensor([[[[1.0]], [[3.0]]]]), "argmax").flatten().tolist()
        [0.0, 1.0]
    """
    if kind == "logits":
        return logits
    if kind == "softmax":
        return logits.softmax(1)
    if kind == "argmax":
        return torch.zeros_like(logits).scatter_(1, logits.argmax(1, keepdim=True), 1.0)
    raise ConfigError(unknown("part_feature", kind, PART_FEATURES))
