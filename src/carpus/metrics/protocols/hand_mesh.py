"""What protocols of one hand's mesh share: its true joints in MANO's order, and hands seen in a mirror."""

from __future__ import annotations

import torch
from torch import Tensor

from carpus.bodies.library import BodyModels
from carpus.errors import DataError
from carpus.metrics.functional.mesh_error import regress
from carpus.metrics.mesh_tables import MANO_VERTICES, Array, regressor
from carpus.skeletons import INTERHAND, INTERHAND_HAND, SNAP
from carpus.types import Batch

ORDERS = {"snap": SNAP, "interhand": INTERHAND_HAND}
"""Orders of the 21 joints of one hand: MANO's and FreiHAND's, and InterHand2.6M's."""
_FROM_PAIR = INTERHAND_HAND.permutation(to=SNAP)


class HandRegressor:
    """Joints of MANO's meshes in the order wrist, thumb, index, middle, ring, little, each to its tip.

    Args:
        given: ``(21, 778)`` weights or a file of them; or body models, whose right hand is asked when needed.
    Raises:
        DataError: for another shape.
    """

    def __init__(self, given: BodyModels | Array) -> None:
        self._models = given if isinstance(given, BodyModels) else None
        self._weights: Tensor | None = None
        if not isinstance(given, BodyModels):
            self._weights = regressor(given, "hand regressor", len(SNAP), MANO_VERTICES)

    def weights(self, device: torch.device) -> Tensor:
        """``(21, 778)`` float64 on a device."""
        if self._weights is None:
            assert self._models is not None
            self._weights = self._models.mano("right").joint_regressor.double()
        self._weights = self._weights.to(device)
        return self._weights

    def __call__(self, vertices: Tensor) -> Tensor:
        """``(B, 21, 3)`` float64 joints of meshes ``(B, 778, 3)``, in their unit."""
        return regress(self.weights(vertices.device), vertices)

    def wrists(self, vertices: Tensor) -> Tensor:
        """``(B, 1, 3)`` the first of them."""
        return regress(self.weights(vertices.device)[:1], vertices)


def unmirrored(points: Tensor, mirrored: Tensor) -> Tensor:
    """Points of hands that were seen in a mirror, with x negated: joints or vertices, relative to a root.

    A method for right hands sees left ones in a mirrored picture and answers with right ones. Their absolute
    place depends on the picture's camera; what is relative to the wrist is mirrored exactly.

    Args:
        points: ``(B, N, 3)`` in a camera frame.
        mirrored: ``(B,)`` bool: which samples were seen in a mirror.
    Example:
        >>> unmirrored(torch.tensor([[[1.0, 2.0, 3.0]]]), torch.tensor([True]))
        tensor([[[-1.,  2.,  3.]]])
    """
    sign = points.new_tensor([-1.0, 1.0, 1.0])
    return torch.where(mirrored.bool()[:, None, None], points * sign, points)


def unmirrored_pose(axis_angle: Tensor, mirrored: Tensor) -> Tensor:
    """Rotations of hands that were seen in a mirror, as the other hand's: y and z of each are negated.

    Args:
        axis_angle: ``(B, 3 R)`` axis-angle of R rotations.
        mirrored: ``(B,)`` bool.
    Example:
        >>> unmirrored_pose(torch.tensor([[1.0, 2.0, 3.0]]), torch.tensor([True]))
        tensor([[ 1., -2., -3.]])
    """
    sign = axis_angle.new_tensor([1.0, -1.0, -1.0]).repeat(axis_angle.shape[1] // 3)
    return torch.where(mirrored.bool()[:, None], axis_angle * sign, axis_angle)


def left_hands(batch: Batch) -> Tensor:
    """Which samples are left hands, ``(B,)`` bool, by ``hand_type`` right, left; none without it."""
    if "hand_type" not in batch:
        return torch.zeros(batch.size, dtype=torch.bool)
    hand_type = batch["hand_type"].bool()
    return hand_type[:, 1] & ~hand_type[:, 0]


def true_hand_joints(batch: Batch, order: str = "snap") -> tuple[Tensor, Tensor] | None:
    """True joints of one hand in MANO's order and which are valid; None for a batch without.

    Args:
        batch: offers ``joints_cam_mm`` ``(B, 21, 3)`` in ``order`` or ``(B, 42, 3)`` as a pair of hands of
            which ``hand_type`` names one, and ``joint_valid``.
        order: one of :data:`ORDERS`.
    Returns:
        ``(B, 21, 3)`` and ``(B, 21)`` bool.
    Raises:
        DataError: for another number of joints.
    """
    if "joints_cam_mm" not in batch:
        return None
    joints = batch["joints_cam_mm"]
    valid = torch.ones_like(joints[..., 0], dtype=torch.bool)
    if "joint_valid" in batch:
        valid = batch["joint_valid"].bool().reshape(valid.shape)
    if joints.shape[1] == len(INTERHAND):
        half = left_hands(batch).to(joints.device).long()
        rows = torch.arange(len(joints), device=joints.device)
        joints = joints.reshape(-1, 2, len(SNAP), 3)[rows, half][:, _FROM_PAIR]
        return joints, valid.reshape(-1, 2, len(SNAP))[rows, half][:, _FROM_PAIR]
    if joints.shape[1] != len(SNAP):
        raise DataError(
            f"the batch has joints {tuple(joints.shape)}; a hand is scored by 21, or by 42 of a pair"
        )
    index = ORDERS[order].permutation(to=SNAP)
    return joints[:, index], valid[:, index]
