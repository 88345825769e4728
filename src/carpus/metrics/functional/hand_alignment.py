"""Errors of hands after the alignments that RGB results are published with."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from carpus.errors import ConfigError, unknown
from carpus.geometry.alignment import align_similarity
from carpus.metrics.functional.errors import full_mask, joint_errors

HAND_ALIGNMENTS = ("none", "root", "root_scale", "procrustes")
"""``none``: camera space; ``root``: the root moved onto the true one; ``root_scale``: that, and a reference
bone given its true length; ``procrustes``: the similarity transform with the least squared error."""

_SMALLEST_BONE = 1e-9


class HandErrors(NamedTuple):
    """Errors ``(N, J)`` float64 and which of them count, ``(N, J)`` bool."""

    errors: Tensor
    valid: Tensor


def hand_errors(
    joints: Tensor,
    target: Tensor,
    valid: Tensor | None = None,
    align: str = "none",
    root: int = 0,
    bone: tuple[int, int] | None = None,
) -> HandErrors:
    """Errors of hands brought onto their truth as far as ``align`` allows.

    Args:
        joints: ``(N, J, C)`` predicted, one hand each.
        target: ``(N, J, C)`` true.
        valid: ``(N, J)`` bool; None for all. Where the root, or an end of the reference bone, is needed and
            not valid, the hand does not count; a similarity transform needs three valid joints and is
            fitted to those alone.
        align: one of :data:`HAND_ALIGNMENTS`.
        root: joint that ``root`` and ``root_scale`` bring to its true place.
        bone: ends of the reference bone of ``root_scale``.
    Raises:
        ConfigError: for an unknown alignment, or ``root_scale`` without a bone.
    Example:
        >>> target = torch.tensor([[[0.0, 0.0, 500.0], [0.0, 100.0, 500.0], [0.0, 150.0, 500.0]]])
        >>> joints = 2 * target + 7
        >>> found = [hand_errors(joints, target, None, how, 1, (0, 1)).errors for how in HAND_ALIGNMENTS]
        >>> [round(float(errors[0, 0])) for errors in found]
        [507, 100, 0, 0]
    """
    if align not in HAND_ALIGNMENTS:
        raise ConfigError(unknown("alignment", align, HAND_ALIGNMENTS))
    if align == "root_scale" and bone is None:
        raise ConfigError("alignment root_scale needs the two ends of a reference bone")
    known = full_mask(target[..., 0], valid)
    found = torch.where(known[..., None], joints.double(), 0.0)
    true = torch.where(known[..., None], target.double(), 0.0)
    if align == "procrustes":
        return _fitted(found, true, known)
    if align != "none":
        found, true = found - found[:, root, None], true - true[:, root, None]
        known = known & known[:, root, None]
    if align == "root_scale" and bone is not None:
        known = known & known[:, list(bone)].all(-1, keepdim=True)
        found = found * (_length(true, bone) / _length(found, bone).clamp_min(_SMALLEST_BONE))
    return HandErrors(joint_errors(found, true), known)


def _length(joints: Tensor, bone: tuple[int, int]) -> Tensor:
    return (joints[:, bone[0]] - joints[:, bone[1]]).norm(dim=-1)[:, None, None]


def _fitted(joints: Tensor, target: Tensor, valid: Tensor) -> HandErrors:
    # At the centroid of the others a point pulls at neither rotation nor scale nor shift.
    share = valid[..., None].double() / valid.sum(-1).clamp_min(1)[:, None, None]
    joints, target = (
        torch.where(valid[..., None], points, (points * share).sum(1, keepdim=True))
        for points in (joints, target)
    )
    enough = valid & (valid.sum(-1) >= 3)[:, None]
    return HandErrors(joint_errors(align_similarity(joints, target), target), enough)
