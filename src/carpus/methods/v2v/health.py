"""Safeguards of a training that is known to fail silently: batch size, learning rate, a dead network."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from carpus.errors import CarpusError, ConfigError, unknown

LR_RULES = ("keep", "linear", "sqrt")
ACTIONS = ("warn", "stop", "off")


@dataclass(frozen=True)
class BatchRule:
    """What to do when the effective batch is not the one a recipe was tuned for.

    Large batches with the published rate end at 180 mm instead of 13, so a difference is never silent.

    Args:
        low, high: global batch sizes the recipe is known to work with.
        lr_rule: ``keep`` the rate, or scale it ``linear`` or with the ``sqrt`` of batch / nearest bound.
        min_per_device: smallest batch a device may normalise over.
    """

    low: int = 8
    high: int = 12
    lr_rule: str = "keep"
    min_per_device: int = 4

    def __post_init__(self) -> None:
        if self.lr_rule not in LR_RULES:
            raise ConfigError(unknown("lr_rule", self.lr_rule, LR_RULES))

    def lr_factor(self, batch: int) -> float:
        """Factor on the learning rate for a global batch.

        Example:
            >>> BatchRule(lr_rule="linear").lr_factor(48), BatchRule().lr_factor(48)
            (4.0, 1.0)
        """
        ratio = batch / min(max(batch, self.low), self.high)
        return {"keep": 1.0, "linear": ratio, "sqrt": math.sqrt(ratio)}[self.lr_rule]

    def complaints(self, batch: int) -> list[str]:
        """Sentences to warn with about a global batch; none if it is a proven one."""
        if self.low <= batch <= self.high:
            return []
        return [
            f"the effective batch is {batch}; V2V is known to train with {self.low} to {self.high}, and "
            f"large batches have ended far from the optimum. lr_rule={self.lr_rule} multiplies the learning "
            f"rate by {self.lr_factor(batch):g}"
        ]


@dataclass
class HealthCheck:
    """After ``steps`` steps the heat-map loss must lie below that of an answer which has learnt nothing.

    Args:
        steps: when to look.
        window: how many last steps are averaged.
        action: ``warn``, ``stop`` with an error, or ``off``.
    """

    steps: int = 200
    window: int = 20
    action: str = "warn"
    _losses: list[Tensor] = field(default_factory=list, repr=False)
    _idle: list[Tensor] = field(default_factory=list, repr=False)
    _judged: bool = field(default=False, repr=False)

    def __post_init__(self) -> None:
        if self.action not in ACTIONS:
            raise ConfigError(unknown("health action", self.action, ACTIONS))

    def watches(self, step: int) -> bool:
        """Whether the 0-based training step is one of those that are averaged."""
        waiting = self.action != "off" and not self._judged
        return waiting and self.steps - self.window <= step < self.steps

    def observe(self, step: int, loss: Tensor, idle: Tensor, net: nn.Module) -> dict[str, Tensor]:
        """Add a watched step; at the last one judge, and return what is to be logged.

        Raises:
            CarpusError: if the network has learnt nothing and ``action`` is ``stop``.
        """
        self._losses.append(loss.detach())
        self._idle.append(idle.detach())
        if step + 1 < self.steps:
            return {}
        ratio = torch.stack(self._losses).mean() / torch.stack(self._idle).mean()
        self._judged = True
        statistics = norm_statistics(net)
        if not float(ratio) < 1.0:
            self._complain(float(ratio), statistics)
        return {"health/loss_over_idle": ratio, **{f"health/{k}": v for k, v in statistics.items()}}

    def _complain(self, ratio: float, statistics: dict[str, Tensor]) -> None:
        listed = ", ".join(f"{name} {float(value):.3g}" for name, value in statistics.items())
        text = (
            f"after {self.steps} steps the heat-map loss is {ratio:.2f} times that of an answer that has "
            "learnt nothing (it should be below 1). Check the batch size (8 to 12), the learning rate and "
            f"the centres. Batch normalisation: {listed}"
        )
        if self.action == "stop":
            raise CarpusError(text)
        warnings.warn(text, stacklevel=3)


def norm_statistics(net: nn.Module) -> dict[str, Tensor]:
    """Smallest and largest running variance, largest running mean and smallest weight of all batch norms."""
    norms = [m for m in net.modules() if isinstance(m, nn.BatchNorm3d) and m.running_var is not None]
    if not norms:
        return {}
    variances = torch.cat([m.running_var for m in norms])
    means = torch.cat([m.running_mean for m in norms])
    gammas = torch.cat([m.weight.detach() for m in norms])
    return {
        "bn_var_min": variances.min(),
        "bn_var_max": variances.max(),
        "bn_mean_max": means.abs().max(),
        "bn_gamma_min": gammas.abs().min(),
    }
