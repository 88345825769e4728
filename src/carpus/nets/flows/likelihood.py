"""Latent priors, the negative log-likelihood of a flow, and samples from it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal, Protocol

import torch
from torch import Tensor, nn

from carpus.errors import ConfigError, unknown
from carpus.nets.flows.couplings import sum_per_sample, wide

HALF_LOG_TWO_PI = 0.5 * math.log(2 * math.pi)
NORMALISE = ("sum", "mean", "per_dim", "bits_per_dim")


class Prior(Protocol):
    """A distribution of latents."""

    def energy(self, z: Tensor) -> Tensor:
        """Negative log-density of ``(B, C, H, W)`` less ``½ ln 2π`` per dimension: ``(B,)``."""
        ...

    def sample(
        self, shape: Sequence[int], temperature: float = 1.0, generator: torch.Generator | None = None
    ) -> Tensor:
        """Latents of a shape ``(B, C, H, W)``, their deviation multiplied by ``temperature``."""
        ...


class StandardNormal(nn.Module):
    """Independent normal values of mean 0 and deviation 1.

    Example:
        >>> StandardNormal().energy(torch.ones(2, 3, 1, 1))
        tensor([1.5000, 1.5000])
    """

    anchor: Tensor

    def __init__(self) -> None:
        super().__init__()
        # Samples are made where the module lives.
        self.register_buffer("anchor", torch.zeros(()), persistent=False)

    def energy(self, z: Tensor) -> Tensor:
        """Half the squared norm: ``(B, C, H, W)`` to ``(B,)``."""
        return 0.5 * sum_per_sample(wide(z).square())

    def sample(
        self, shape: Sequence[int], temperature: float = 1.0, generator: torch.Generator | None = None
    ) -> Tensor:
        """``temperature`` times normal values of a shape ``(B, C, H, W)``."""
        return temperature * normal_like(self.anchor, shape, generator)


class DiagonalNormal(nn.Module):
    """Independent normal values with learned means and deviations; it starts as the standard normal.

    Args:
        shape: what is learned: ``(C, 1, 1)`` for one pair per channel, ``(C, H, W)`` for one per value.
    """

    def __init__(self, shape: Sequence[int]) -> None:
        super().__init__()
        self.mean = nn.Parameter(torch.zeros(1, *shape))
        self.log_std = nn.Parameter(torch.zeros(1, *shape))

    def energy(self, z: Tensor) -> Tensor:
        """``(B, C, H, W)`` to ``(B,)``."""
        log_std = wide(self.log_std)
        distance = (wide(z) - self.mean) * (-log_std).exp()
        return sum_per_sample(0.5 * distance.square() + log_std)

    def sample(
        self, shape: Sequence[int], temperature: float = 1.0, generator: torch.Generator | None = None
    ) -> Tensor:
        """Values of a shape ``(B, C, H, W)`` around the means; temperature 0 gives the means."""
        noise = normal_like(self.mean, shape, generator)
        return self.mean + temperature * wide(self.log_std).exp() * noise


def normal_like(anchor: Tensor, shape: Sequence[int], generator: torch.Generator | None) -> Tensor:
    """Standard normal values, at least float32, on the device of ``anchor``."""
    kind = torch.promote_types(anchor.dtype, torch.float32)
    return torch.randn(*shape, dtype=kind, device=anchor.device, generator=generator)


def dimensions(z: Tensor | Sequence[Tensor]) -> int:
    """Values per sample, all scales together.

    Example:
        >>> dimensions([torch.zeros(2, 64, 64, 64), torch.zeros(2, 128, 32, 32), torch.zeros(2, 256, 16, 16)])
        458752
    """
    return sum(math.prod(one.shape[1:]) for one in ([z] if isinstance(z, Tensor) else z))


def normalise_nll(total: Tensor, dims: int, normalise: str) -> Tensor:
    """Another face of a summed negative log-likelihood, so that it is computed once and logged twice.

    Args:
        total: what :func:`flow_nll` gives for ``sum``.
        dims: values per sample, see :func:`dimensions`.
        normalise: as for :func:`flow_nll`.
    Raises:
        ConfigError: for an unknown name.
    Example:
        >>> normalise_nll(torch.tensor(50.0), 100, "per_dim")
        tensor(1.4189)
    """
    if normalise not in NORMALISE:
        raise ConfigError(unknown("normalisation of a flow's likelihood", normalise, NORMALISE))
    if normalise == "sum":
        return total
    if normalise == "mean":
        return total / dims
    nats = total / dims + HALF_LOG_TWO_PI
    return nats if normalise == "per_dim" else nats / math.log(2)


def flow_nll(
    z: Tensor | Sequence[Tensor],
    log_det: Tensor | Sequence[Tensor],
    normalise: Literal["sum", "mean", "per_dim", "bits_per_dim"] = "sum",
    prior: Prior | Sequence[Prior] | None = None,
) -> Tensor:
    """Negative log-likelihood of what a flow was given, averaged over the batch and summed over scales.

    Args:
        z: latent ``(B, C, H, W)``, or one per scale.
        log_det: log-determinant ``(B,)``, or one per scale.
        normalise: ``sum``: ``½ Σ z² − log|det|`` (2DHandFlow's, without the constant); ``mean``: that over
            the dimensions (CS-Flow's); ``per_dim``: in nats per dimension, constant included, comparable
            between sizes; ``bits_per_dim``: the same in bits.
        prior: of the latents, one for all or one per scale; None is the standard normal.
    Returns:
        Scalar, at least float32.
    Raises:
        ConfigError: for an unknown ``normalise``.
    Example:
        >>> flow_nll(torch.ones(2, 3, 4, 4), torch.tensor([1.0, 3.0]))
        tensor(22.)
    """
    maps = [z] if isinstance(z, Tensor) else list(z)
    priors = [prior] * len(maps) if not isinstance(prior, Sequence) else list(prior)
    total = -torch.stack([log_det] if isinstance(log_det, Tensor) else list(log_det)).sum(0).mean()
    for one, its in zip(maps, priors, strict=True):
        energy = 0.5 * sum_per_sample(wide(one).square()) if its is None else its.energy(one)
        total = total + energy.mean()
    return normalise_nll(total, dimensions(maps), normalise)
