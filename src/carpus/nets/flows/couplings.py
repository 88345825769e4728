"""What affine coupling layers share: the halves, their subnet, and the number formats they compute in."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from carpus.errors import ConfigError


def wide(x: Tensor) -> Tensor:
    """At least float32: maps and log-determinants of a flow are never kept in half precision."""
    return x.to(torch.promote_types(x.dtype, torch.float32))


def halves(channels: int) -> tuple[int, int]:
    """Widths of the two parts; the first one has the odd channel.

    Raises:
        ConfigError: for fewer than two channels.
    Example:
        >>> halves(7)
        (4, 3)
    """
    if channels < 2:
        raise ConfigError(f"a flow over {channels} channel cannot be split; it takes at least 2 channels")
    return channels - channels // 2, channels // 2


def conv_subnet(channels: int, out: int, kernel: int, hidden_ratio: float = 1.0) -> nn.Sequential:
    """Convolution to ``floor(hidden_ratio · channels)``, ReLU, convolution; both with bias and the same size.

    Args:
        channels: width of the input.
        out: width of the output.
        kernel: odd side of both kernels.
        hidden_ratio: hidden width over ``channels``.
    Raises:
        ConfigError: for an even kernel or no hidden channel.
    """
    hidden = int(channels * hidden_ratio)
    if kernel % 2 == 0 or kernel < 1:
        raise ConfigError(f"kernel {kernel} of a flow: it must be odd to keep the size of the map")
    if hidden < 1:
        raise ConfigError(
            f"hidden_ratio {hidden_ratio} of {channels} channels leaves no hidden channel; "
            f"give at least {1 / channels:.2g}"
        )
    return nn.Sequential(
        nn.Conv2d(channels, hidden, kernel, padding=kernel // 2),
        nn.ReLU(),
        nn.Conv2d(hidden, out, kernel, padding=kernel // 2),
    )


def in_weight_type(x: Tensor, weight: Tensor) -> Tensor:
    """The map as a subnet takes it: half precision only if the weights themselves are kept so.

    Under autocast the weights are float32 and autocast decides.
    """
    return x.to(weight.dtype) if weight.dtype.itemsize < 4 else x


def run_subnet(subnet: nn.Sequential, x: Tensor) -> Tensor:
    """``(B, C, H, W)`` to ``(B, out, H, W)``, at least float32 whatever the convolutions computed in."""
    return wide(subnet(in_weight_type(x, subnet[0].weight)))


def sum_per_sample(values: Tensor) -> Tensor:
    """``(B, *)`` to ``(B,)``."""
    return values.flatten(1).sum(1)


def per_channel_log_det(log_scale: Tensor, x: Tensor) -> Tensor:
    """Log-determinant of a scale per channel: ``(1, C, 1, 1)`` at every position of ``x`` ``(B, C, H, W)``.

    Returns:
        ``(B,)``.
    """
    return (log_scale.sum() * (x.shape[2] * x.shape[3])).expand(len(x))
