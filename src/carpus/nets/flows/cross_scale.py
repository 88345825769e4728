"""Cross-scale flows: three maps of halving size, each transformed by what all of them say."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from carpus.errors import ConfigError
from carpus.nets.flows.couplings import in_weight_type, sum_per_sample, wide
from carpus.nets.flows.permutation import ChannelPermutation, PermSeed, permutation_stream

SCALES = 3
LARGEST = 1e6
"""Outputs of a coupling are kept within ± this."""
Maps = Sequence[Tensor]
"""Three maps ``(B, C, H, W)``, ``(B, C, H/2, W/2)``, ``(B, C, H/4, W/4)``."""


class CrossScaleSubnet(nn.Module):
    """Two convolutions per scale; the second also hears the hidden maps of the neighbouring scales.

    Each output is multiplied by a learned number that starts at zero.

    Args:
        channels: width of each input map.
        out: width of each output map.
        hidden: hidden width.
        kernel: odd side of all kernels.
        slope: of the leaky ReLU.
    """

    def __init__(self, channels: int, out: int, hidden: int, kernel: int = 3, slope: float = 0.1) -> None:
        super().__init__()
        if kernel % 2 == 0:
            raise ConfigError(f"kernel {kernel} of a cross-scale flow: it must be odd to keep the map's size")
        self.slope, pad = slope, kernel // 2
        for i in range(SCALES):
            self.register_parameter(f"gamma{i}", nn.Parameter(torch.zeros(1)))
        for i in range(SCALES):
            self.add_module(f"conv_scale{i}_0", nn.Conv2d(channels, hidden, kernel, padding=pad))
        for i in range(SCALES):
            self.add_module(f"conv_scale{i}_1", nn.Conv2d(hidden, out, kernel, padding=pad))
        self.up_conv10 = nn.Conv2d(hidden, out, kernel, padding=pad)
        self.up_conv21 = nn.Conv2d(hidden, out, kernel, padding=pad)
        self.down_conv01 = nn.Conv2d(hidden, out, kernel, stride=2, padding=pad)
        self.down_conv12 = nn.Conv2d(hidden, out, kernel, stride=2, padding=pad)

    def forward(self, maps: Maps) -> list[Tensor]:
        """Three maps of ``channels`` to three maps of ``out``, at least float32."""
        hidden = [
            F.leaky_relu(self._conv(f"conv_scale{i}_0", in_weight_type(x, self.up_conv10.weight)), self.slope)
            for i, x in enumerate(maps)
        ]
        out = [self._conv(f"conv_scale{i}_1", h) for i, h in enumerate(hidden)]
        out[0] = out[0] + self.up_conv10(twice(hidden[1]))
        out[1] = out[1] + self.down_conv01(hidden[0]) + self.up_conv21(twice(hidden[2]))
        out[2] = out[2] + self.down_conv12(hidden[1])
        return [wide(x) * getattr(self, f"gamma{i}") for i, x in enumerate(out)]

    def _conv(self, name: str, x: Tensor) -> Tensor:
        return self.get_submodule(name)(x)


def twice(x: Tensor) -> Tensor:
    """Both sides doubled, bilinear."""
    return F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)


class CrossScaleCoupling(nn.Module):
    """Affine coupling of both halves of three maps at once.

    The second halves of all scales give scale and shift of the first halves, then the new first halves those
    of the second. Rudolph et al., *Fully Convolutional Cross-Scale-Flows for Image-based Defect Detection*
    (WACV 2022); the log scale is ``clamp · 0.636 · atan(s / clamp)``.

    Args:
        channels: C of each map; the second half has the odd channel.
        hidden: hidden width of the subnets.
        kernel: odd side of their kernels.
        clamp: about the largest log scale.
    """

    def __init__(self, channels: int, hidden: int = 1024, kernel: int = 3, clamp: float = 3.0) -> None:
        super().__init__()
        if channels < 2:
            raise ConfigError(f"a flow over {channels} channel cannot be split; it takes at least 2 channels")
        first, second = self.widths = (channels // 2, channels - channels // 2)
        self.clamp = clamp
        self.s1 = CrossScaleSubnet(first, 2 * second, hidden, kernel)
        self.s2 = CrossScaleSubnet(second, 2 * first, hidden, kernel)

    def forward(self, maps: Maps) -> tuple[list[Tensor], list[Tensor]]:
        """Three maps to three of the same shapes, and the log-determinant ``(B,)`` of each map."""
        first, second = self._split(maps)
        first, log_det1 = self._move(first, self.s2(second))
        second, log_det2 = self._move(second, self.s1(first))
        joined = [torch.cat(parts, 1).clamp(-LARGEST, LARGEST) for parts in zip(first, second, strict=True)]
        return joined, [a + b for a, b in zip(log_det1, log_det2, strict=True)]

    def inverse(self, maps: Maps) -> tuple[list[Tensor], list[Tensor]]:
        """Undo :meth:`forward`; log-determinants are those of the way back."""
        first, second = self._split(maps)
        second, log_det2 = self._move_back(second, self.s1(first))
        first, log_det1 = self._move_back(first, self.s2(second))
        joined = [torch.cat(parts, 1) for parts in zip(first, second, strict=True)]
        return joined, [a + b for a, b in zip(log_det1, log_det2, strict=True)]

    def _split(self, maps: Maps) -> tuple[list[Tensor], list[Tensor]]:
        check_sizes(maps)
        pairs = [wide(x).split(self.widths, 1) for x in maps]
        return [p[0] for p in pairs], [p[1] for p in pairs]

    def _log_scale(self, raw: Tensor) -> Tensor:
        return self.clamp * 0.636 * torch.atan(raw / self.clamp)

    def _move(self, maps: Maps, raw: Maps) -> tuple[list[Tensor], list[Tensor]]:
        affine = [r.chunk(2, 1) for r in raw]
        scales = [self._log_scale(s) for s, _ in affine]
        moved = [torch.addcmul(t, x, s.exp()) for x, s, (_, t) in zip(maps, scales, affine, strict=True)]
        return moved, [sum_per_sample(s) for s in scales]

    def _move_back(self, maps: Maps, raw: Maps) -> tuple[list[Tensor], list[Tensor]]:
        affine = [r.chunk(2, 1) for r in raw]
        scales = [self._log_scale(s) for s, _ in affine]
        moved = [(x - t) * (-s).exp() for x, s, (_, t) in zip(maps, scales, affine, strict=True)]
        return moved, [-sum_per_sample(s) for s in scales]


class CrossScalePermutation(nn.Module):
    """One fixed permutation of channels per scale, drawn scale after scale from one stream.

    Args:
        channels: C of each map.
        seed: seed, or the stream to draw from.
    """

    def __init__(self, channels: int, seed: PermSeed = 0) -> None:
        super().__init__()
        stream = permutation_stream(seed)
        self.scales = nn.ModuleList(ChannelPermutation(channels, stream) for _ in range(SCALES))

    def forward(self, maps: Maps) -> list[Tensor]:
        """Three maps to three of the same shapes."""
        return [permute(x) for permute, x in zip(self.scales, maps, strict=True)]

    def inverse(self, maps: Maps) -> list[Tensor]:
        """Undo :meth:`forward`."""
        return [permute.inverse(x) for permute, x in zip(self.scales, maps, strict=True)]


class CrossScaleFlow(nn.Module):
    """Blocks of permutation and cross-scale coupling (CS-Flow, Rudolph et al., WACV 2022).

    The published loss of its result is ``flow_nll(z, log_det, "mean")``.

    Args:
        channels: C of each of the three maps; 304 is published.
        kernels: odd side per block.
        hidden: hidden width of the subnets.
        clamp: about the largest log scale of a coupling.
        perm_seed: block i permutes by the stream of ``perm_seed + i``; 0 is published.
    """

    def __init__(
        self,
        channels: int,
        kernels: Sequence[int] = (3, 3, 3, 5),
        hidden: int = 1024,
        clamp: float = 3.0,
        perm_seed: int = 0,
    ) -> None:
        super().__init__()
        self.permutations = nn.ModuleList(
            CrossScalePermutation(channels, perm_seed + i) for i in range(len(kernels))
        )
        self.couplings = nn.ModuleList(CrossScaleCoupling(channels, hidden, k, clamp) for k in kernels)

    def forward(self, maps: Maps) -> tuple[list[Tensor], list[Tensor]]:
        """Three maps to three latents of the same shapes, and per scale the log-determinant ``(B,)``.

        Only the sum over the scales is the log-determinant of the whole.
        """
        log_dets = [torch.zeros((), device=x.device) for x in maps]
        for permute, couple in zip(self.permutations, self.couplings, strict=True):
            maps, parts = couple(permute(maps))
            log_dets = [a + b for a, b in zip(log_dets, parts, strict=True)]
        return list(maps), log_dets

    def inverse(self, maps: Maps) -> tuple[list[Tensor], list[Tensor]]:
        """Undo :meth:`forward`; log-determinants are those of the way back."""
        log_dets = [torch.zeros((), device=x.device) for x in maps]
        for permute, couple in zip(reversed(self.permutations), reversed(self.couplings), strict=True):
            maps, parts = couple.inverse(maps)
            maps = permute.inverse(maps)
            log_dets = [a + b for a, b in zip(log_dets, parts, strict=True)]
        return list(maps), log_dets

    def trace(self, x: Maps) -> Iterator[tuple[str, list[Tensor]]]:
        """Each block's name, three maps and three log-determinants, for those who look inside."""
        maps = x
        for i, (permute, couple) in enumerate(zip(self.permutations, self.couplings, strict=True)):
            maps, log_dets = couple(permute(maps))
            yield f"step {i} of {len(self.couplings)}", [*maps, *log_dets]


def check_sizes(maps: Maps) -> None:
    """Refuse maps whose sides do not halve from one to the next.

    Raises:
        ConfigError: naming the sizes.
    """
    sizes = [tuple(x.shape[2:]) for x in maps]
    if len(sizes) != SCALES or any(a != (2 * b[0], 2 * b[1]) for a, b in pairwise(sizes)):
        shown = ", ".join(f"{h}x{w}" for h, w in sizes)
        raise ConfigError(f"a cross-scale flow takes three maps whose sides halve (24, 12, 6); got {shown}")
