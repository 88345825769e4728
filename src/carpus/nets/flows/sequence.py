"""A chain of flow steps over one feature map."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import torch
from torch import Tensor, nn

from carpus.errors import ConfigError, unknown
from carpus.nets.flows.all_in_one import AllInOneStep
from carpus.nets.flows.glow import GlowStep
from carpus.nets.flows.permutation import PermSeed, permutation_stream

KERNELS = {"3x3": (3,), "alternate": (3, 1)}
"""Sides of the kernels of steps 0, 1, …, repeated."""
BLOCKS = {"allinone": (AllInOneStep, 2.0), "glow2": (GlowStep, None)}
"""Step class and the clamp it is published with."""


class FlowSequence(nn.Module):
    """Steps one after the other; log-determinants add up.

    As in FastFlow (Yu et al., 2021, *FastFlow: Unsupervised Anomaly Detection and Localization via 2D
    Normalizing Flows*), which alternates 3×3 and 1×1 subnets. Names are those of FrEIA's sequences.

    Args:
        channels: C of the map, odd ones included.
        steps: length of the chain; 0: the latent is the map itself, to see what flows are worth.
        kernels: ``3x3`` in every step, or ``alternate``: 3×3, 1×1, 3×3, …
        hidden_ratio: hidden width of a subnet over its input's.
        clamp: bound of the log scales; None is the block's own: 2 for ``allinone``, unbounded for ``glow2``.
        block: ``allinone`` (what 2DHandFlow runs) or ``glow2`` (what its figure draws).
        perm_seed: seed of all permutations, which are drawn in the order of the steps. Several chains that
            share one ``numpy.random.RandomState`` draw what published code draws after seeding NumPy with it.
    """

    def __init__(
        self,
        channels: int,
        steps: int = 8,
        *,
        kernels: Literal["3x3", "alternate"] = "3x3",
        hidden_ratio: float = 1.0,
        clamp: float | None = None,
        block: Literal["allinone", "glow2"] = "allinone",
        perm_seed: PermSeed = 0,
    ) -> None:
        super().__init__()
        if kernels not in KERNELS:
            raise ConfigError(unknown("kernels of a flow", kernels, KERNELS))
        if block not in BLOCKS:
            raise ConfigError(unknown("block of a flow", block, BLOCKS))
        if steps < 0:
            raise ConfigError(f"steps={steps} of a flow: 0 (features stay as they are) or more are needed")
        self.channels = channels
        sides, (step, usual_clamp) = KERNELS[kernels], BLOCKS[block]
        bound, stream = usual_clamp if clamp is None else clamp, permutation_stream(perm_seed)
        self.module_list = nn.ModuleList(
            step(channels, sides[i % len(sides)], hidden_ratio, bound, stream) for i in range(steps)
        )

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Features to latent.

        Args:
            x: ``(B, C, H, W)``.
        Returns:
            z ``(B, C, H, W)`` and log|det ∂z/∂x| ``(B,)``, at least float32.
        """
        log_det = torch.zeros(len(x), dtype=torch.float32, device=x.device)
        for step in self.module_list:
            x, part = step(x)
            log_det = log_det + part
        return x, log_det

    def inverse(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Latent to features.

        Args:
            z: ``(B, C, H, W)``.
        Returns:
            x ``(B, C, H, W)`` and log|det ∂x/∂z| ``(B,)``, the forward one negated.
        """
        log_det = torch.zeros(len(z), dtype=torch.float32, device=z.device)
        for step in reversed(self.module_list):
            z, part = step.inverse(z)
            log_det = log_det + part
        return z, log_det

    def trace(self, x: Tensor) -> Iterator[tuple[str, list[Tensor]]]:
        """Each step's name, output ``(B, C, H, W)`` and log-determinant ``(B,)``, to look inside."""
        for i, step in enumerate(self.module_list):
            x, log_det = step(x)
            yield f"step {i} of {len(self.module_list)}", [x, log_det]
