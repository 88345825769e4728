"""From the latent maps of a flow to the one map that heat maps and mask are read from."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from carpus.errors import ConfigError, unknown

HEADS = ("linear", "deconv")
SCALES = ("last", "all")
_DECONV_CHANNELS = 256
_DOUBLINGS = 2


class LinearNeck:
    """Latent maps resized and put side by side, without weights.

    Args:
        channels: width of each latent map that is used.
        map_px: side of the answer.
    """

    def __init__(self, channels: Sequence[int], map_px: int) -> None:
        self.channels, self.map_px = sum(channels), map_px

    def __call__(self, latents: Sequence[Tensor]) -> Tensor:
        """Maps ``(B, Cᵢ, Hᵢ, Wᵢ)`` to ``(B, sum of Cᵢ, map_px, map_px)``."""
        maps = [resized(latent, self.map_px) for latent in latents]
        return maps[0] if len(maps) == 1 else torch.cat(maps, 1)


class DeconvNeck(nn.Module):
    """Two learnt doublings of the coarsest map, each beside the next finer one where that is used.

    Args:
        channels: width of each latent map that is used, from the finest to the coarsest.
        map_px: side of the answer.
        width: of the doublings.
    """

    def __init__(self, channels: Sequence[int], map_px: int, width: int = _DECONV_CHANNELS) -> None:
        super().__init__()
        *finer, wide = channels
        self.map_px, self.up = map_px, nn.ModuleList()
        for _ in range(_DOUBLINGS):
            deconv = nn.ConvTranspose2d(wide, width, 4, stride=2, padding=1, bias=False)
            self.up.append(nn.Sequential(deconv, nn.BatchNorm2d(width), nn.ReLU(inplace=True)))
            wide = width + (finer.pop() if finer else 0)
        self.channels = wide

    def forward(self, latents: Sequence[Tensor]) -> Tensor:
        """Maps ``(B, Cᵢ, Hᵢ, Wᵢ)``, the coarsest last, to ``(B, C, map_px, map_px)``."""
        *finer, x = latents
        for up in self.up:
            x = up(x)
            if finer:
                x = torch.cat((x, resized(finer.pop(), x.shape[-1])), 1)
        return resized(x, self.map_px)


def make_neck(head: str, scales: str, channels: Sequence[int], map_px: int) -> LinearNeck | DeconvNeck:
    """The neck of a head's name.

    Args:
        head: ``linear`` (published) or ``deconv``.
        scales: ``last`` (published) for the last of the latent maps, or ``all``.
        channels: width of every latent map.
        map_px: side of the answer.
    Raises:
        ConfigError: for another name.
    """
    if scales not in SCALES:
        raise ConfigError(unknown("scales", scales, SCALES))
    if head not in HEADS:
        raise ConfigError(unknown("head", head, HEADS))
    used = channels if scales == "all" else channels[-1:]
    return (LinearNeck if head == "linear" else DeconvNeck)(used, map_px)


def resized(x: Tensor, side: int) -> Tensor:
    """Maps ``(B, C, H, W)`` as ``(B, C, side, side)``, bilinear between pixel centres."""
    if x.shape[-2:] == (side, side):
        return x
    return F.interpolate(x, size=(side, side), mode="bilinear", align_corners=False)
