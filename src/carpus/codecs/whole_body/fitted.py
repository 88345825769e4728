"""Fitted body models of a batch in its cameras: joints and meshes before augmentation, poses after it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor

from carpus.codecs.whole_body.joints import CropPlace, swapped
from carpus.codecs.whole_body.layout import EXPRESSIVE, PartLayout
from carpus.geometry.person_rotations import (
    compose,
    matrix_to_quaternion,
    mirrored_rotation,
    rotated_points,
    turn_about_z,
)
from carpus.skeletons.whole_body import SMPL_33, SMPLX_137, SUPERVISION_INDEX
from carpus.skeletons.whole_body_pose import pose_mirror

GENDERS = ("neutral", "male", "female")
"""What ``gender`` 0, 1, 2 means."""
LARGEST_SHAPE = 3.0
"""A fit with a larger shape coefficient is taken for a failure: its shape is trained towards zero."""


class Mesh(Protocol):
    """What a layer gives, in metres."""

    @property
    def vertices_m(self) -> Tensor:
        """``(B, V, 3)``."""
        ...

    @property
    def joints_m(self) -> Tensor:
        """``(B, J, 3)``."""
        ...


class Models(Protocol):
    """Layers of body models, see :class:`carpus.bodies.library.BodyModels`."""

    def mixed(self, kind: str, variants: list[str], **arguments: Tensor | None) -> Mesh:
        """Meshes of a batch whose rows are of different genders or sides."""
        ...

    def layer(self, kind: str, variant: str, device: torch.device | str = "cpu") -> Any:
        """The layer of one model on a device."""
        ...


class Fit(NamedTuple):
    """Body models of B samples in their cameras, nothing augmented.

    ``joints_m`` ``(B, J, 3)`` in the order of the layout or, of another family, of its layer; ``vertices_m``
    ``(B, V, 3)``; ``pose`` ``(B, R, 3)`` whose first rotation leads to the camera.
    """

    joints_m: Tensor
    vertices_m: Tensor
    pose: Tensor


def fit_of(
    models: Models, kind: str, batch: Mapping[str, Tensor], prefix: str, use_gender: bool = True
) -> Fit:
    """The fitted models of a batch, as their cameras see them.

    A fit in the world is moved by the camera's rotation and translation. A layer turns a body about its root
    joint, not about the origin, so the root is moved by itself.

    Args:
        models: the layers.
        kind: ``smplx``, ``smpl``, ``mano`` or ``flame``.
        batch: ``<prefix>_pose``, ``_shape``, ``_trans_m`` and, with a face, ``_expr``; ``model_rotation``,
            ``model_translation_m``; ``gender``, or ``hand_type`` of hands.
        prefix: of those names.
        use_gender: False takes the neutral model for everybody.
    """
    pose = batch[f"{prefix}_pose"].float().unflatten(1, (-1, 3))
    rotation = batch["model_rotation"].float()
    pose = torch.cat((compose(matrix_to_quaternion(rotation), pose[:, 0])[:, None], pose[:, 1:]), 1)
    arguments = {"shape": batch[f"{prefix}_shape"].float(), "trans_m": batch[f"{prefix}_trans_m"].float()}
    if kind in EXPRESSIVE:
        arguments["expr"] = batch[f"{prefix}_expr"].float()
    mesh = models.mixed(kind, _variants(kind, batch, use_gender), pose=pose.flatten(1), **arguments)
    root = mesh.joints_m[:, :1]
    moved = rotated_points(root, rotation) + batch["model_translation_m"].float()[:, None] - root
    return Fit(mesh.joints_m + moved, mesh.vertices_m + moved, pose)


def layout_joints(models: Models, layout: PartLayout, mesh: Fit) -> Tensor:
    """The layout's joints ``(B, J, 3)`` of posed models.

    SMPL's joints for methods of bodies alone are taken from the mesh by the neutral model's regressor,
    whatever the gender, as published.
    """
    if layout.joints == SMPLX_137:
        return mesh.joints_m[:, SUPERVISION_INDEX.tolist()]
    if layout.joints == SMPL_33:
        return models.layer("smpl", "neutral", mesh.vertices_m.device).joints_33(mesh.vertices_m)
    return mesh.joints_m


def augmented_pose(kind: str, pose: Tensor, place: CropPlace) -> Tensor:
    """Poses ``(B, R, 3)`` as the crops show them: mirrored with sides exchanged, and the root turned.

    Args:
        kind: family of the model.
        pose: whose first rotation leads to the camera.
        place: of the crops.
    Returns:
        ``(B, R, 3)`` axis-angle; the root's angle is at most pi.
    """
    flipped = place.flipped.bool()
    partner = pose_mirror(kind).tolist()
    mirrored = swapped(pose, partner, flipped)
    mirrored = torch.where(flipped[:, None, None], mirrored_rotation(mirrored), mirrored)
    root = compose(turn_about_z(-place.turn_deg.float()), mirrored[:, 0])
    return torch.cat((root[:, None], mirrored[:, 1:]), 1)


def trained_shape(shape: Tensor) -> Tensor:
    """Shapes ``(B, 10)`` to train towards: zero where a coefficient is larger than any person's.

    Example:
        >>> trained_shape(torch.tensor([[1.0, -2.0], [1.0, -3.5]]))
        tensor([[ 1., -2.],
                [ 0.,  0.]])
    """
    failed = (shape.abs() > LARGEST_SHAPE).any(-1, keepdim=True)
    return torch.where(failed, torch.zeros_like(shape), shape)


def _variants(kind: str, batch: Mapping[str, Tensor], use_gender: bool) -> list[str]:
    """Which model each sample's fit is of."""
    if kind == "mano":
        return ["left" if left else "right" for left in batch["hand_type"][:, 1].tolist()]
    if not use_gender:
        return ["neutral"] * len(batch["gender"])
    return [GENDERS[number] for number in batch["gender"].tolist()]
