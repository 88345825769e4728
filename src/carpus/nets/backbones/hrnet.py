"""HRNet from timm, cut to what a feature map at a quarter of the image needs."""

from __future__ import annotations

import timm
import torch
from torch import Tensor, nn

from carpus.errors import ConfigError

_STEM = ("conv1", "bn1", "act1", "conv2", "bn2", "act2", "layer1")
_STAGES = (2, 3, 4)


class HRNet(nn.Module):
    """The highest-resolution branch of a high-resolution network.

    Entries of the state dict have the names of the publisher's and of timm's files; the fusions into the
    other branches of the last module, and the classifier, are not built.

    Args:
        name: a timm model, ``hrnet_w32``.
        init_std: standard deviation of the convolution weights, as published; None keeps timm's rule.
    Raises:
        ConfigError: if the timm model is no HRNet.
    """

    stride = 4

    def __init__(self, name: str = "hrnet_w32", init_std: float | None = 0.001) -> None:
        super().__init__()
        full = timm.create_model(name, pretrained=False)
        if not hasattr(full, "transition3"):
            raise ConfigError(f"{name} is no HRNet: choose hrnet_w18, hrnet_w32, hrnet_w48, …")
        for part in _STEM:
            self.add_module(part, full.get_submodule(part))
        for stage in _STAGES:
            for part in (f"transition{stage - 1}", f"stage{stage}"):
                self.add_module(part, full.get_submodule(part))
        last = self.stage4[-1]
        last.fuse_layers = nn.ModuleList([last.fuse_layers[0]])
        self.name = name
        self.channels: int = last.get_num_in_chs()[0]
        if init_std is not None:
            self._initialise(init_std)

    def forward(self, image: Tensor) -> Tensor:
        """``(B, 3, H, W)`` with sides that are multiples of 32 to ``(B, C, H/4, W/4)``."""
        x = image
        for part in _STEM:
            x = self.get_submodule(part)(x)
        branches = [x]
        for stage in _STAGES:
            transition = self.get_submodule(f"transition{stage - 1}")
            branches = self.get_submodule(f"stage{stage}")(
                [
                    branches[i] if isinstance(step, nn.Identity) else step(branches[-1])
                    for i, step in enumerate(transition)
                ]
            )
        return branches[0]

    @torch.no_grad()
    def _initialise(self, std: float) -> None:
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.normal_(module.weight, std=std)
