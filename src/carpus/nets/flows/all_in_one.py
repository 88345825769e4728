"""The flow step that 2DHandFlow runs: coupling, global affine and permutation in one."""

from __future__ import annotations

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from carpus.nets.flows.couplings import (
    conv_subnet,
    halves,
    per_channel_log_det,
    run_subnet,
    sum_per_sample,
    wide,
)
from carpus.nets.flows.permutation import ChannelPermutation, PermSeed, index_from_matrix

UNIT_SCALE = 2 * math.log(math.exp(5) - 1)
"""The raw global scale whose softplus is one."""
DAMPING = 0.1
"""What the raw output of the subnet is multiplied by, since its last layer does not start at zero."""


class AllInOneStep(nn.Module):
    """One invertible step: the second half of the channels is scaled and shifted by what the first half says.

    With ``a = 0.1 · subnet(x1)``, split into ``a_s`` and ``a_t``::

        s = clamp · tanh(a_s)        x2' = x2 · exp(s) + a_t
        g = 0.1 · softplus(G, β=½)   y = permute((x1, x2') · g + o)

    Ardizzone et al., *Analyzing Inverse Problems with Invertible Neural Networks* (2019), in the form of the
    all-in-one block of FrEIA 0.2, which is what FastFlow (Yu et al., 2021) and 2DHandFlow use. The argument
    of tanh is not divided by ``clamp``; FrEIA after August 2023 does that. Names are those of the published
    weights, whose ``w_perm`` matrices are read as indices.

    The maps and log-determinants are float32 or float64, also under autocast, where only the convolutions use
    half precision. There the inverse is as exact as the rounding of the convolutions' input lets it be.

    Args:
        channels: C, at least 2; the first half has the odd channel.
        kernel: odd side of both convolutions.
        hidden_ratio: hidden width over the width of the first half.
        clamp: bound of the log scale.
        perm_seed: seed of the permutation, or a stream that several steps share.
    """

    def __init__(
        self,
        channels: int,
        kernel: int = 3,
        hidden_ratio: float = 1.0,
        clamp: float = 2.0,
        perm_seed: PermSeed = 0,
    ) -> None:
        super().__init__()
        self.widths, self.clamp = halves(channels), clamp
        self.global_scale = nn.Parameter(torch.full((1, channels, 1, 1), UNIT_SCALE))
        self.global_offset = nn.Parameter(torch.zeros(1, channels, 1, 1))
        self.permutation = ChannelPermutation(channels, perm_seed)
        self.subnet = conv_subnet(self.widths[0], 2 * self.widths[1], kernel, hidden_ratio)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """``(B, C, H, W)`` to the same shape and the log-determinant ``(B,)``."""
        x1, x2 = wide(x).split(self.widths, 1)
        log_scale, shift = self._affine(x1)
        joined = torch.cat((x1, torch.addcmul(shift, x2, log_scale.exp())), 1)
        gain = self._gain()
        log_det = sum_per_sample(log_scale) + per_channel_log_det(gain.log(), x)
        return self.permutation(torch.addcmul(wide(self.global_offset), joined, gain)), log_det

    def inverse(self, y: Tensor) -> tuple[Tensor, Tensor]:
        """Undo :meth:`forward`; the log-determinant ``(B,)`` is that of the way back."""
        gain = self._gain()
        joined = (self.permutation.inverse(wide(y)) - self.global_offset) / gain
        x1, x2 = joined.split(self.widths, 1)
        log_scale, shift = self._affine(x1)
        log_det = sum_per_sample(log_scale) + per_channel_log_det(gain.log(), y)
        return torch.cat((x1, (x2 - shift) * (-log_scale).exp()), 1), -log_det

    def _gain(self) -> Tensor:
        return 0.1 * F.softplus(wide(self.global_scale), beta=0.5)

    def _affine(self, x1: Tensor) -> tuple[Tensor, Tensor]:
        raw, shift = (DAMPING * run_subnet(self.subnet, x1)).chunk(2, 1)
        return self.clamp * raw.tanh(), shift

    def _load_from_state_dict(self, state_dict: dict[str, Tensor], prefix: str, *rest: Any) -> None:
        """Read the permutation of published weights: two fixed matrices that hold the same indices."""
        matrix = state_dict.pop(f"{prefix}w_perm", None)
        state_dict.pop(f"{prefix}w_perm_inv", None)
        if matrix is not None:
            state_dict[f"{prefix}permutation.index"] = index_from_matrix(matrix, f"{prefix}w_perm")
        super()._load_from_state_dict(state_dict, prefix, *rest)
