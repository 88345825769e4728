"""Errors of body joints as metrics: the 14 that Human3.6M and 3DPW are scored on."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from carpus.metrics.functional.mesh_error import rooted_error, similarity_error
from carpus.metrics.mesh import NamedMeans
from carpus.skeletons.whole_body_datasets import HUMAN36M, HUMAN36M_SCORED

SCORED_FIGURES = ("mpjpe", "pa_mpjpe", "mpvpe", "pa_mpvpe")
_PELVIS = HUMAN36M.index("pelvis")


def scored_errors(joints: Tensor, target: Tensor) -> dict[str, Tensor]:
    """Errors of the 14 joints relative to the pelvis, and after a similarity transform.

    Args:
        joints: ``(B, 17, 3)`` predicted, in the order of Human3.6M.
        target: ``(B, 17, 3)`` true.
    Returns:
        ``mpjpe`` and ``pa_mpjpe``, ``(B,)`` float64 each, in the unit of the joints.
    """
    kept = list(HUMAN36M_SCORED)
    some, true = joints[:, kept], target[:, kept]
    return {
        "mpjpe": rooted_error(some, true, joints[:, _PELVIS], target[:, _PELVIS]),
        "pa_mpjpe": similarity_error(some, true),
    }


def pelvis_mesh_errors(vertices: Tensor, target: Tensor, joints: Tensor, true: Tensor) -> dict[str, Tensor]:
    """Errors of meshes relative to the pelvis of Human3.6M, and after a similarity transform.

    Args:
        vertices: ``(B, V, 3)`` predicted.
        target: ``(B, V, 3)`` true.
        joints: ``(B, 17, 3)`` of the predicted meshes, in the order of Human3.6M.
        true: ``(B, 17, 3)`` of the true ones.
    Returns:
        ``mpvpe`` and ``pa_mpvpe``, ``(B,)`` float64 each, in the unit of the vertices.
    """
    return {
        "mpvpe": rooted_error(vertices, target, joints[:, _PELVIS], true[:, _PELVIS]),
        "pa_mpvpe": similarity_error(vertices, target),
    }


class BodyJointErrors(NamedMeans):
    """Mean errors of Human3.6M's 14 joints and, where they are given, of meshes.

    Args:
        suffix: of the names of the figures.
    Example:
        >>> import torch
        >>> joints = torch.randn(1, 17, 3, generator=torch.Generator().manual_seed(0))
        >>> metric = BodyJointErrors()
        >>> metric.update(joints + 5, joints)
        >>> {name: round(value, 3) for name, value in metric.named(metric.compute()).items()}
        {'mpjpe': 0.0, 'pa_mpjpe': 0.0}
    """

    def __init__(self, suffix: str = "", **kwargs: Any) -> None:
        super().__init__([f"{name}{suffix}" for name in SCORED_FIGURES], **kwargs)
        self.suffix = suffix

    def update(  # type: ignore[override]
        self,
        joints: Tensor,
        target: Tensor,
        valid: Tensor | None = None,
        meshes: tuple[Tensor, Tensor] | None = None,
    ) -> None:
        """Add samples.

        Args:
            joints: ``(B, 17, 3)`` predicted, in the order of Human3.6M.
            target: ``(B, 17, 3)`` true.
            valid: ``(B,)`` bool, or None for all.
            meshes: ``(B, V, 3)`` predicted and true.
        """
        errors = scored_errors(joints, target)
        if meshes is not None:
            errors |= pelvis_mesh_errors(*meshes, joints, target)
        super().update({f"{name}{self.suffix}": value for name, value in errors.items()}, valid)
