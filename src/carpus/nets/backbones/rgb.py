"""RGB backbones by name: an image in, a feature map at a quarter of its size out."""

from __future__ import annotations

import difflib

import timm
import torch
from torch import Tensor, nn

from carpus.errors import ConfigError
from carpus.nets.backbones.hrnet import HRNet
from carpus.nets.backbones.pyramid import Pyramid

_IMAGENET_MEAN, _IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class Normalised(nn.Module):
    """A backbone behind ImageNet's mean and standard deviation.

    Args:
        backbone: whose weights were trained on normalised images.
    """

    stride = 4
    mean: Tensor
    std: Tensor

    def __init__(self, backbone: HRNet | Pyramid) -> None:
        super().__init__()
        self.backbone = backbone
        self.name, self.channels = backbone.name, backbone.channels
        self.register_buffer("mean", torch.tensor(_IMAGENET_MEAN)[:, None, None], persistent=False)
        self.register_buffer("std", torch.tensor(_IMAGENET_STD)[:, None, None], persistent=False)

    def forward(self, image: Tensor) -> Tensor:
        """``(B, 3, H, W)`` in [0, 1] to ``(B, C, H/4, W/4)``."""
        return self.backbone((image - self.mean) / self.std)


RgbBackbone = HRNet | Pyramid | Normalised
"""What offers ``name``, ``channels`` and ``stride`` 4."""


def rgb_backbone(
    name: str = "hrnet_w32",
    channels: int | None = None,
    init_std: float | None = 0.001,
    normalise: bool = False,
) -> RgbBackbone:
    """A backbone with random weights; :func:`carpus.nets.backbones.pretrained.load_imagenet` fills it.

    Args:
        name: any timm model with features at strides 4 to 32: ``hrnet_w32``, ``hrnet_w18``, ``resnet50``, ….
        channels: width C of the map; None is an HRNet's own width and 64 for others. An HRNet has no other.
        init_std: standard deviation of an HRNet's convolution weights; None keeps timm's rule.
        normalise: subtract ImageNet's mean and divide by its deviation first; DIGIT does not.
    Raises:
        ConfigError: for a name timm does not know, or a width the network does not have.
    Example:
        >>> with torch.device("meta"):
        ...     net = rgb_backbone("resnet18", channels=16)
        >>> net(torch.zeros(1, 3, 64, 96, device="meta")).shape
        torch.Size([1, 16, 16, 24])
    """
    check_known(name)
    if name.startswith("hrnet"):
        net: HRNet | Pyramid = HRNet(name, init_std)
        if channels not in (None, net.channels):
            raise ConfigError(
                f"backbone {name} has {net.channels} channels, channels={channels} is asked for: set "
                "channels=null, or take an HRNet of that width"
            )
    else:
        net = Pyramid(name, 64 if channels is None else channels)
    return Normalised(net) if normalise else net


def check_known(name: str) -> None:
    """Refuse a name that is no timm model.

    Raises:
        ConfigError: with the nearest names that are.
    """
    if not timm.is_model(name.split(".")[0]):
        close = difflib.get_close_matches(name, timm.list_models(), n=3, cutoff=0.5)
        hint = f"did you mean {' or '.join(close)}? " if close else ""
        raise ConfigError(f"unknown backbone '{name}': {hint}Any name of timm.list_models() is allowed")
