"""Learning-rate schedules in the form published networks were trained with."""

from __future__ import annotations

import torch


class StepEvery(torch.optim.lr_scheduler.LambdaLR):
    """The rate times gamma every so many epochs; stepped once per epoch.

    With ``early``, each drop comes one epoch sooner, as where PyTorch's StepLR is made with ``last_epoch=0``:
    2DHandFlow and BiHand were trained so.

    Args:
        optimizer: whose rates are scaled.
        every: epochs between two drops.
        gamma: factor of one drop.
        early: whether the drops come in the epochs every - 1, 2 every - 1, …, counted from 0.
    Raises:
        ValueError: if ``every`` is not positive.
    Example:
        >>> optimizer = torch.optim.SGD([torch.zeros(1)], lr=1.0)
        >>> schedule, rates = StepEvery(optimizer, every=2, gamma=0.5, early=True), []
        >>> for _ in range(5):
        ...     rates += schedule.get_last_lr()
        ...     optimizer.step(); schedule.step()
        >>> rates
        [1.0, 0.5, 0.5, 0.25, 0.25]
    """

    interval = "epoch"

    def __init__(
        self, optimizer: torch.optim.Optimizer, every: int, gamma: float = 0.1, early: bool = False
    ) -> None:
        if every < 1:
            raise ValueError(f"every={every}: at least one epoch must lie between two drops")
        super().__init__(optimizer, lambda epoch: gamma ** ((epoch + int(early)) // every))
