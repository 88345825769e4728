"""Hands without place and size, and the directions of their bones."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor

from carpus.skeletons import SNAP

ROOT = SNAP.index("middle_mcp")
"""The joint hands are centred on; its distance from the wrist is their size."""

_CHILDREN = [child for _, child in SNAP.bones]
_PARENTS = [parent for parent, _ in SNAP.bones]
_SMALLEST_BONE = 1e-5
_EPSILON = 1e-5


class Shape(NamedTuple):
    """Hands of B samples without place and size.

    ``joints`` ``(B, 21, 3)`` about the root in reference bones; ``chain`` ``(B, 20, 3)`` unit vectors from
    each joint's parent, in the order of the joints behind the wrist; ``lengths`` ``(B, 20, 1)`` of those
    bones in reference bones; ``bone`` ``(B, 1)`` the reference bone in the unit of the joints.
    """

    joints: Tensor
    chain: Tensor
    lengths: Tensor
    bone: Tensor


def reference_bone(joints: Tensor) -> Tensor:
    """Distance ``(B, 1)`` of the middle finger's base from the wrist, of joints ``(B, 21, 3)``."""
    return (joints[:, ROOT] - joints[:, SNAP.root]).norm(dim=-1, keepdim=True)


def shape_of(joints: Tensor, root: Tensor | None = None, eps: float = _EPSILON) -> Shape:
    """Place and size taken off.

    Args:
        joints: ``(B, 21, 3)`` in the order of :data:`~carpus.skeletons.SNAP`, any unit.
        root: ``(B, 3)`` to centre on; None for the joints' own.
        eps: added to the length of a bone before its vector is divided by it; 1e-5 is what BiHand's networks
            get, 0 what its dataset gives.
    Example:
        >>> import torch
        >>> found = shape_of(torch.arange(63.0).reshape(1, 21, 3) * torch.tensor([1.0, 0.0, 0.0]), eps=0.0)
        >>> found.joints[0, :2], found.chain.shape
        (tensor([[-1.0000,  0.0000,  0.0000],
            [-0.8889,  0.0000,  0.0000]]), torch.Size([1, 20, 3]))
    """
    bone = reference_bone(joints)
    centre = joints[:, ROOT] if root is None else root
    scaled = (joints - centre[:, None]) / bone.clamp_min(_SMALLEST_BONE)[:, None]
    vectors = scaled[:, _CHILDREN] - scaled[:, _PARENTS]
    lengths = vectors.norm(dim=-1, keepdim=True)
    return Shape(scaled, vectors / (lengths + eps), lengths, bone)
