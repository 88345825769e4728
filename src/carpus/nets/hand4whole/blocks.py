"""Rows of layers of Hand4Whole, under the names of the published weights."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from torch import nn


def linear_layers(widths: Sequence[int]) -> nn.Sequential:
    """Linear layers with ReLU between them, none behind the last.

    Args:
        widths: of the input, between the layers, of the output.
    """
    layers: list[nn.Module] = []
    for channels, out in itertools.pairwise(widths):
        layers += [nn.Linear(channels, out), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers[:-1])


def pointwise(channels: int, out: int, normed: bool) -> nn.Sequential:
    """A 1×1 convolution with bias.

    Args:
        channels: width of the input.
        out: width of the output.
        normed: whether batch normalisation and ReLU follow.
    """
    layers: list[nn.Module] = [nn.Conv2d(channels, out, 1)]
    return nn.Sequential(*layers, *([nn.BatchNorm2d(out), nn.ReLU(inplace=True)] if normed else []))


def deconv_layers(widths: Sequence[int]) -> nn.Sequential:
    """Transposed 4×4 convolutions that double the sides, each with batch normalisation and ReLU.

    Args:
        widths: of the input, between the layers, of the output.
    """
    layers: list[nn.Module] = []
    for channels, out in itertools.pairwise(widths):
        conv = nn.ConvTranspose2d(channels, out, 4, stride=2, padding=1, bias=False)
        layers += [conv, nn.BatchNorm2d(out), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers)


def start_head(head: nn.Module) -> None:
    """The published random weights of everything behind a backbone: near 0, biases 0.

    So boxes start in the middle of the map with almost no size, and the camera in the middle of its range.

    Args:
        head: changed in place.
    """
    for layer in head.modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
            nn.init.normal_(layer.weight, std=0.001)
        elif isinstance(layer, nn.Linear):
            nn.init.normal_(layer.weight, std=0.01)
        elif isinstance(layer, nn.BatchNorm2d):
            nn.init.ones_(layer.weight)
        if getattr(layer, "bias", None) is not None:
            nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
