"""Adam in the form the published networks were trained with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.optim.optimizer import ParamsT

from carpus.nets.depth_cr.training import learning_rate


class EpsHatAdam(torch.optim.Adam):
    """Adam whose ε stands beside the uncorrected root: lr · √(1-β₂ᵗ)/(1-β₁ᵗ) · m / (√v + ε).

    PyTorch adds ε to the corrected root, which makes the first steps of tiny gradients larger by up to the
    ratio of ε to the gradient.

    Args:
        params: parameters or groups of them.
        lr: learning rate.
        betas: decay of the two averages.
        eps: ε of the formula.
    """

    def __init__(
        self,
        params: ParamsT,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
    ) -> None:
        super().__init__(params, lr=lr, betas=betas, eps=eps)
        for group in self.param_groups:
            group.setdefault("eps_hat", eps)

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """One step; see :class:`torch.optim.Adam`."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            steps = [int(self.state[p]["step"]) for p in group["params"] if "step" in self.state[p]]
            t = 1 + max(steps, default=0)
            # The same formula, written with the corrected root that PyTorch divides by.
            group["eps"] = group.get("eps_hat", group["eps"]) / (1 - group["betas"][1] ** t) ** 0.5
        super().step()
        return loss


class Staircase(torch.optim.lr_scheduler.LambdaLR):
    """The rate falls by a factor every so many samples, down to a floor; stepped once per optimiser step.

    Args:
        optimizer: whose rates are scaled.
        decay: factor of one stair.
        every_frames: samples between two stairs.
        batch_size: samples per optimiser step.
        floor: smallest rate.
    Example:
        >>> optimizer = torch.optim.SGD([torch.zeros(1)], lr=1e-3)
        >>> schedule = Staircase(optimizer, every_frames=100, batch_size=50)
        >>> for _ in range(2):
        ...     optimizer.step(); schedule.step()
        >>> schedule.get_last_lr()
        [0.00094]
    """

    interval = "step"

    def __init__(
        self,
        optimizer: torch.optim.Optimizer,
        decay: float = 0.94,
        every_frames: int = 1_000_000,
        batch_size: int = 50,
        floor: float = 1e-6,
    ) -> None:
        every = max(1, every_frames // batch_size)
        super().__init__(
            optimizer,
            [
                lambda step, lr=group["lr"]: learning_rate(step, every, lr, decay, floor) / lr
                for group in optimizer.param_groups
            ],
        )
