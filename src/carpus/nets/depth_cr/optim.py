"""Adam in the form the published networks were trained with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.optim.optimizer import ParamsT


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
