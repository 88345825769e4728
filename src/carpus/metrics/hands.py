"""Errors of two hands as metrics."""

from __future__ import annotations

from typing import Any, NamedTuple

from torch import Tensor

from carpus.metrics.base import MeanMetric
from carpus.metrics.functional.errors import full_mask, joint_errors, masked_sums
from carpus.metrics.functional.hands import handedness_correct, relative_root_errors, root_relative
from carpus.skeletons import HandPair


class GroupedErrors(NamedTuple):
    """Mean error of every joint ``(J,)`` float64 over all images, those of one hand and those of two."""

    all: Tensor
    single: Tensor
    interacting: Tensor


class HandJointErrors(MeanMetric):
    """Mean error of every joint relative to its wrist, for one hand and for two interacting ones apart.

    Args:
        skeleton: the joints of both hands.
    Example:
        >>> import torch
        >>> from carpus.skeletons import INTERHAND
        >>> metric = HandJointErrors(INTERHAND)
        >>> joints = torch.zeros(1, 42, 3)
        >>> joints[0, 0, 0] = 6.0
        >>> metric.update(joints, torch.zeros(1, 42, 3), torch.tensor([True]))
        >>> found = metric.compute()
        >>> found.all[0].item(), found.interacting[0].item(), found.single[0].item()
        (6.0, 6.0, nan)
    """

    higher_is_better = False

    def __init__(self, skeleton: HandPair, **kwargs: Any) -> None:
        super().__init__(2, len(skeleton), **kwargs)
        self.root_of = skeleton.root_of

    def update(
        self, joints: Tensor, target: Tensor, interacting: Tensor, valid: Tensor | None = None
    ) -> None:
        """Add samples.

        Args:
            joints: ``(B, J, 3)`` predicted, in camera space.
            target: ``(B, J, 3)`` true.
            interacting: ``(B,)`` bool: images of both hands.
            valid: ``(B, J)`` bool, or None for all; a hand needs its wrist.
        """
        errors = joint_errors(root_relative(joints, self.root_of), root_relative(target, self.root_of))
        known = full_mask(errors, valid)
        known = known & known[:, list(self.root_of)]
        for group, members in enumerate((~interacting, interacting)):
            total, count = masked_sums(errors, known & members[:, None])
            self.total[group] += total
            self.count[group] += count

    def compute(self) -> GroupedErrors:  # type: ignore[override]
        """Means per joint; NaN where nothing was valid."""
        single, interacting = self.total / self.count
        return GroupedErrors(self.total.sum(0) / self.count.sum(0), single, interacting)


class RelativeRootError(MeanMetric):
    """Mean error of the vector from the right to the left wrist (MRRPE).

    Example:
        >>> import torch
        >>> metric = RelativeRootError()
        >>> metric.update(torch.tensor([[[0.0, 0.0, 9.0], [3.0, 4.0, 9.0]]]), torch.zeros(1, 2, 3))
        >>> metric.compute()
        tensor(5., dtype=torch.float64)
    """

    higher_is_better = False

    def update(self, roots: Tensor, target: Tensor, valid: Tensor | None = None) -> None:
        """Add samples: ``(B, 2, 3)`` predicted and true right and left wrists, ``(B,)`` bool."""
        errors = relative_root_errors(roots.double(), target.double())
        mask = full_mask(errors, valid)
        self.add_masked(errors, mask)


class Handedness(MeanMetric):
    """Share of samples in which the presence of both hands is right.

    Example:
        >>> import torch
        >>> metric = Handedness()
        >>> metric.update(torch.tensor([[0.9, 0.6], [0.9, 0.1]]), torch.tensor([[1, 0], [1, 0]]))
        >>> metric.compute()
        tensor(0.5000, dtype=torch.float64)
    """

    higher_is_better = True

    def update(self, hand_type_prob: Tensor, hand_type: Tensor, valid: Tensor | None = None) -> None:
        """Add samples: ``(B, 2)`` probabilities and truth, right and left; ``(B,)`` bool."""
        correct = handedness_correct(hand_type_prob, hand_type)
        self.add_masked(correct.double(), full_mask(correct, valid))
