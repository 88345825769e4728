"""The flow step that the figure of 2DHandFlow draws: ActNorm, permutation and two affine couplings."""

from __future__ import annotations

from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

from carpus.nets.flows.couplings import (
    conv_subnet,
    halves,
    per_channel_log_det,
    run_subnet,
    sum_per_sample,
    wide,
)
from carpus.nets.flows.permutation import ChannelPermutation, PermSeed

SMALLEST_STD = 1e-2
"""Dead channels are amplified by no more than its inverse."""


class ActNorm(nn.Module):
    """Scale and offset per channel that start where the first training batch has mean 0 and deviation 1.

    Kingma & Dhariwal, *Glow* (2018). The statistics of that batch stand in buffers beside a learned scale and
    offset that start neutral: the function is Glow's, but nothing overwrites a parameter in mid-training, so
    sharded parameters, moving averages and optimisers see nothing unusual. Processes pool their statistics,
    so all of them start alike; every process must run the first training batch. Until then, and so in a
    validation before training, the layer is the identity. A batch that is not finite is not learned from.

    Args:
        channels: C.
    """

    mean: Tensor
    log_std: Tensor
    initialised: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        shape = (1, channels, 1, 1)
        self.log_scale = nn.Parameter(torch.zeros(shape))
        self.offset = nn.Parameter(torch.zeros(shape))
        self.register_buffer("mean", torch.zeros(shape))
        self.register_buffer("log_std", torch.zeros(shape))
        self.register_buffer("initialised", torch.tensor(False))
        # The flag again as a plain bool: asking the buffer would wait for the device in every step.
        self._ready = False

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """``(B, C, H, W)`` to the same shape and the log-determinant ``(B,)``."""
        x = wide(x)
        if self.training and not self._ready:
            self._learn(x)
        log_gain = wide(self.log_scale) - self.log_std
        y = (x - self.mean) * log_gain.exp() + self.offset
        return y, per_channel_log_det(log_gain, x)

    def inverse(self, y: Tensor) -> tuple[Tensor, Tensor]:
        """Undo :meth:`forward`; never learns from what it is given."""
        log_gain = wide(self.log_scale) - self.log_std
        x = (wide(y) - self.offset) * (-log_gain).exp() + self.mean
        return x, -per_channel_log_det(log_gain, y)

    @torch.compiler.disable
    @torch.no_grad()
    def _learn(self, x: Tensor) -> None:
        values = x.transpose(0, 1).flatten(1)
        count = values.new_full((1,), values.shape[1])
        total = pooled(torch.cat((values.sum(1), count)))
        mean = total[:-1] / total[-1]
        deviation = (pooled((values - mean[:, None]).square().sum(1)) / total[-1]).sqrt()
        if bool(torch.isfinite(deviation).all()):
            self.mean.copy_(mean.view_as(self.mean))
            self.log_std.copy_(deviation.clamp(min=SMALLEST_STD).log().view_as(self.log_std))
            self.initialised.fill_(True)
            self._ready = True

    def _load_from_state_dict(self, state_dict: dict[str, Tensor], prefix: str, *rest: Any) -> None:
        super()._load_from_state_dict(state_dict, prefix, *rest)
        flag = state_dict.get(f"{prefix}initialised")
        if flag is not None and not flag.is_meta:
            self._ready = bool(flag)


def pooled(values: Tensor) -> Tensor:
    """Sum over all processes; the values themselves where there is one."""
    if dist.is_available() and dist.is_initialized():
        dist.all_reduce(values)
    return values


class GlowStep(nn.Module):
    """One invertible step that updates both halves of the channels.

    In the order of the figure::

        x = permute(actnorm(x))      x2' = x2 · exp(s1(x1)) + t1(x1)      x1' = x1 · exp(s2(x2')) + t2(x2')

    Kingma & Dhariwal, *Glow: Generative Flow with Invertible 1×1 Convolutions* (2018), with a fixed
    permutation in the place of the learned one; the couplings are those of Dinh et al., *Density estimation
    using Real NVP* (2017). The last convolutions start at zero, so couplings start as the identity.

    Args:
        channels: C, at least 2; the first half has the odd channel.
        kernel: odd side of both convolutions of a subnet.
        hidden_ratio: hidden width over the width of the half that a subnet reads.
        clamp: bound of the log scale, approached smoothly: ``clamp · tanh(s / clamp)``, which leaves small
            scales alone; None is the figure's plain exponential, which can overflow when training diverges.
        perm_seed: seed of the permutation, or a stream that several steps share.
    """

    def __init__(
        self,
        channels: int,
        kernel: int = 3,
        hidden_ratio: float = 1.0,
        clamp: float | None = None,
        perm_seed: PermSeed = 0,
    ) -> None:
        super().__init__()
        self.widths, self.clamp = halves(channels), clamp
        first, second = self.widths
        self.norm = ActNorm(channels)
        self.permutation = ChannelPermutation(channels, perm_seed)
        self.subnet1 = conv_subnet(first, 2 * second, kernel, hidden_ratio)
        self.subnet2 = conv_subnet(second, 2 * first, kernel, hidden_ratio)
        for subnet in (self.subnet1, self.subnet2):
            nn.init.zeros_(subnet[-1].get_parameter("weight"))
            nn.init.zeros_(subnet[-1].get_parameter("bias"))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """``(B, C, H, W)`` to the same shape and the log-determinant ``(B,)``."""
        x, log_det = self.norm(x)
        x1, x2 = self.permutation(x).split(self.widths, 1)
        log_scale2, shift = self._affine(self.subnet1, x1)
        x2 = torch.addcmul(shift, x2, log_scale2.exp())
        log_scale1, shift = self._affine(self.subnet2, x2)
        x1 = torch.addcmul(shift, x1, log_scale1.exp())
        return torch.cat((x1, x2), 1), log_det + sum_per_sample(log_scale1) + sum_per_sample(log_scale2)

    def inverse(self, y: Tensor) -> tuple[Tensor, Tensor]:
        """Undo :meth:`forward`; the log-determinant ``(B,)`` is that of the way back."""
        x1, x2 = wide(y).split(self.widths, 1)
        log_scale1, shift = self._affine(self.subnet2, x2)
        x1 = (x1 - shift) * (-log_scale1).exp()
        log_scale2, shift = self._affine(self.subnet1, x1)
        x2 = (x2 - shift) * (-log_scale2).exp()
        x, log_det = self.norm.inverse(self.permutation.inverse(torch.cat((x1, x2), 1)))
        return x, log_det - sum_per_sample(log_scale1) - sum_per_sample(log_scale2)

    def _affine(self, subnet: nn.Sequential, x: Tensor) -> tuple[Tensor, Tensor]:
        log_scale, shift = run_subnet(subnet, x).chunk(2, 1)
        return log_scale if self.clamp is None else self.clamp * (log_scale / self.clamp).tanh(), shift
