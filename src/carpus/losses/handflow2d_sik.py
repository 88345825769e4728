"""The losses of BiHand's inverse kinematics: rotations, posed joints, shape, bone lengths.

All are computed in float32 or wider.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from carpus.geometry.rotations import normalise_quaternion
from carpus.skeletons import Skeleton, get_skeleton

Outputs = Mapping[str, Any]


def quat_norm(quat: Tensor) -> Tensor:
    """100 times the mean square of (length - 1), of quaternions as the network gives them.

    Args:
        quat: ``(*, 4)``.
    Returns:
        Scalar.
    Example:
        >>> quat_norm(torch.tensor([[2.0, 0.0, 0.0, 0.0]]))
        tensor(100.)
    """
    return 100 * (_float(quat).norm(dim=-1) - 1).square().mean()


def quat_l2(quat: Tensor, target: Tensor) -> Tensor:
    """Mean square difference of normalised quaternions; -q costs more than q, although the same rotation.

    Args:
        quat: ``(*, 4)`` w, x, y, z of any length.
        target: same shape, of length 1.
    Returns:
        Scalar.
    """
    return F.mse_loss(normalise_quaternion(_float(quat)), target)


def quat_cos(quat: Tensor, target: Tensor) -> Tensor:
    """Mean distance of the real part of target · quat⁻¹ from 1: the cosine of half the angle between them.

    Args:
        quat: ``(*, 4)`` w, x, y, z of any length.
        target: same shape, of length 1.
    Returns:
        Scalar from 0 to 2.
    Example:
        >>> turn = torch.tensor([[0.8, 0.6, 0.0, 0.0]])
        >>> quat_cos(3 * turn, turn)
        tensor(0.)
    """
    # The real part of a product with a conjugate is the inner product.
    return ((normalise_quaternion(_float(quat)) * target).sum(-1) - 1).abs().mean()


def sik_joint_mse_mm(joints_rs: Tensor, target_rs: Tensor, bone_mm: Tensor) -> Tensor:
    """Mean square difference in mm² of root-relative joints, both times the true reference bone.

    Args:
        joints_rs: ``(B, J, 3)`` in reference bones.
        target_rs: same shape.
        bone_mm: ``(B, 1)`` length of the true reference bone.
    Returns:
        Scalar.
    """
    return ((_float(joints_rs) - target_rs) * bone_mm[..., None]).square().mean()


def shape_reg(beta: Tensor) -> Tensor:
    """10 times the mean square of the shape coefficients ``(B, 10)``."""
    return 10 * _float(beta).square().mean()


def bone_length_mse(joints: Tensor, lengths: Tensor, skeleton: Skeleton) -> Tensor:
    """Mean square difference of bone lengths.

    Args:
        joints: ``(B, J, 3)`` predicted, in the order of ``skeleton``.
        lengths: ``(B, J - 1, 1)`` true lengths of ``skeleton.bones``, the same unit.
        skeleton: whose bones are meant.
    Returns:
        Scalar.
    """
    parents, children = zip(*skeleton.bones, strict=True)
    exact = _float(joints)
    found = (exact[:, list(children)] - exact[:, list(parents)]).norm(dim=-1, keepdim=True)
    return F.mse_loss(found, lengths)


class QuatNorm:
    """:func:`quat_norm` of ``outputs["quat"]``."""

    def __call__(self, outputs: Outputs, batch: Mapping[str, Tensor]) -> Tensor:
        """Scalar loss; the batch plays no part."""
        del batch
        return quat_norm(outputs["quat"])


class QuatL2:
    """:func:`quat_l2` of ``outputs["quat"]`` and ``batch["quat_target"]``."""

    def __call__(self, outputs: Outputs, batch: Mapping[str, Tensor]) -> Tensor:
        """Scalar loss of a prepared batch."""
        return quat_l2(outputs["quat"], batch["quat_target"])


class QuatCos:
    """:func:`quat_cos` of ``outputs["quat"]`` and ``batch["quat_target"]``."""

    def __call__(self, outputs: Outputs, batch: Mapping[str, Tensor]) -> Tensor:
        """Scalar loss of a prepared batch."""
        return quat_cos(outputs["quat"], batch["quat_target"])


class SikJointMSE:
    """:func:`sik_joint_mse_mm` of ``outputs["jointRS"]``, ``batch["joints_rs_target"]``, ``["bone_mm"]``."""

    def __call__(self, outputs: Outputs, batch: Mapping[str, Tensor]) -> Tensor:
        """Scalar loss of a prepared batch."""
        return sik_joint_mse_mm(outputs["jointRS"], batch["joints_rs_target"], batch["bone_mm"])


class ShapeReg:
    """:func:`shape_reg` of ``outputs["beta"]``."""

    def __call__(self, outputs: Outputs, batch: Mapping[str, Tensor]) -> Tensor:
        """Scalar loss; the batch plays no part."""
        del batch
        return shape_reg(outputs["beta"])


class BoneLengthMSE:
    """:func:`bone_length_mse` of ``outputs["jointRS"]`` and ``batch["kin_len_target"]``.

    Args:
        skeleton: order of the joints, by name.
    """

    def __init__(self, skeleton: str = "snap") -> None:
        self.skeleton = get_skeleton(skeleton)

    def __call__(self, outputs: Outputs, batch: Mapping[str, Tensor]) -> Tensor:
        """Scalar loss of a prepared batch."""
        return bone_length_mse(outputs["jointRS"], batch["kin_len_target"], self.skeleton)


def _float(values: Tensor) -> Tensor:
    return values.to(torch.promote_types(values.dtype, torch.float32))
