"""Errors of two hands: relative to their wrists, between their wrists, and which of them are there."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from carpus.metrics.functional.errors import full_mask, joint_errors


def root_relative(joints: Tensor, root_of: Sequence[int]) -> Tensor:
    """Joints ``(B, J, 3)`` in float64, each minus the root of its hand.

    Args:
        joints: in any unit.
        root_of: for every joint the index of its root, :attr:`~carpus.skeletons.HandPair.root_of`.
    Example:
        >>> root_relative(torch.tensor([[[5.0], [3.0]]]), [1, 1]).flatten().tolist()
        [2.0, 0.0]
    """
    exact = joints.double()
    return exact - exact[:, list(root_of)]


def at_depth(points_cam_mm: Tensor, depth_mm: Tensor) -> Tensor:
    """Points moved along their viewing rays.

    Args:
        points_cam_mm: ``(*, 3)`` camera space.
        depth_mm: ``(*)`` their new depth.
    Returns:
        ``(*, 3)`` float64.
    Example:
        >>> at_depth(torch.tensor([10.0, 0.0, 500.0]), torch.tensor(1000.0)).tolist()
        [20.0, 0.0, 1000.0]
    """
    exact, depth = points_cam_mm.double(), depth_mm.double()[..., None]
    z = exact[..., 2:]
    # A point in the camera's centre has no ray: it stays on the optical axis.
    xy = torch.where(z == 0, 0.0, exact[..., :2] / torch.where(z == 0, 1.0, z)) * depth
    return torch.cat((xy, depth), -1)


def relative_root_errors(roots: Tensor, target: Tensor) -> Tensor:
    """Length of the difference between predicted and true vector from the right to the left root.

    Args:
        roots: ``(B, 2, 3)`` predicted right and left root in camera space.
        target: same shape, true.
    Returns:
        ``(B,)`` float64 in the unit of the arguments.
    """
    return joint_errors(roots[:, 1] - roots[:, 0], target[:, 1] - target[:, 0])


def mrrpe(roots: Tensor, target: Tensor, valid: Tensor | None = None) -> Tensor:
    """Mean relative root position error.

    Args:
        roots: ``(B, 2, 3)`` predicted right and left root in camera space.
        target: same shape, true.
        valid: ``(B,)`` bool: interacting hands whose roots are both annotated; None for all.
    Returns:
        Scalar float64; NaN if nothing is valid.
    Example:
        >>> mrrpe(torch.tensor([[[0.0, 0.0, 9.0], [3.0, 4.0, 9.0]]]), torch.zeros(1, 2, 3))
        tensor(5., dtype=torch.float64)
    """
    errors = relative_root_errors(roots.double(), target.double())
    return errors[full_mask(errors, valid)].mean()


def handedness_correct(hand_type_prob: Tensor, hand_type: Tensor) -> Tensor:
    """Which samples have both presences right: strictly above 0.5 where a hand is, below where none is.

    Args:
        hand_type_prob: ``(B, 2)`` right, left.
        hand_type: ``(B, 2)``, 1 where present.
    Returns:
        ``(B,)`` bool.
    Example:
        >>> handedness_correct(torch.tensor([[0.9, 0.5], [0.9, 0.1]]), torch.tensor([[1, 0], [1, 0]]))
        tensor([False,  True])
    """
    present = hand_type.bool()
    return torch.where(present, hand_type_prob > 0.5, hand_type_prob < 0.5).all(-1)


def handedness_accuracy(hand_type_prob: Tensor, hand_type: Tensor, valid: Tensor | None = None) -> Tensor:
    """Share of samples with both presences right.

    Args:
        hand_type_prob: ``(B, 2)`` right, left.
        hand_type: ``(B, 2)``, 1 where present.
        valid: ``(B,)`` bool: samples whose hand type is annotated; None for all.
    Returns:
        Scalar float64, 0..1; NaN if nothing is valid.
    """
    correct = handedness_correct(hand_type_prob, hand_type).double()
    return correct[full_mask(correct, valid)].mean()
