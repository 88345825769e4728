"""Any convolutional timm network as one feature map at a quarter of the image."""

from __future__ import annotations

import timm
import torch.nn.functional as F
from torch import Tensor, nn

from carpus.errors import ConfigError

_LEVELS = (4, 8, 16, 32)


class Pyramid(nn.Module):
    """Features of four resolutions, each brought to one width and added from the coarsest down.

    Args:
        name: a timm model that gives features at strides 4, 8, 16 and 32, such as ``resnet50``.
        channels: width of the map.
    Raises:
        ConfigError: if the model's features are of other strides or not in channels-first order.
    """

    stride = 4

    def __init__(self, name: str, channels: int = 64) -> None:
        super().__init__()
        net = timm.create_model(name, pretrained=False, features_only=True)
        strides = net.feature_info.reduction()
        order = str(getattr(net, "output_fmt", "NCHW")).removeprefix("Format.")
        if not set(_LEVELS) <= set(strides) or order != "NCHW":
            raise ConfigError(
                f"backbone {name} gives {order} features at strides {', '.join(map(str, strides))}; NCHW at "
                f"{', '.join(map(str, _LEVELS))} is needed: choose a convolutional one, such as resnet50"
            )
        self.name, self.channels = name, channels
        self.features = net
        # The last of several features of one stride has seen most of the network.
        self.levels = [len(strides) - 1 - strides[::-1].index(level) for level in _LEVELS]
        widths = net.feature_info.channels()
        self.lateral = nn.ModuleList(nn.Conv2d(widths[level], channels, 1) for level in self.levels)
        self.smooth = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels), nn.ReLU()
        )

    def forward(self, image: Tensor) -> Tensor:
        """``(B, 3, H, W)`` to ``(B, C, H/4, W/4)``."""
        features = self.features(image)
        maps = [lateral(features[level]) for lateral, level in zip(self.lateral, self.levels, strict=True)]
        x = maps[-1]
        for finer in reversed(maps[:-1]):
            x = finer + F.interpolate(x, size=finer.shape[-2:], mode="bilinear", align_corners=False)
        return self.smooth(x)
