"""The losses of Pose2Pose, as in :mod:`carpus.losses.hand4whole`, for a body, a hand or a head alone."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from carpus.errors import ConfigError, unknown
from carpus.losses.hand4whole import (
    EVERY_JOINT,
    Tensors,
    absolute,
    image_joints,
    joint_cam,
    joint_proj,
    model_image_joints,
    model_joint_cam,
    named_term,
    parameters,
    rotations,
)
from carpus.nets.hand4whole.rotation import matrix_from_axis_angle
from carpus.skeletons.whole_body import BODY_25, SMPL_33

MODELS = {"body": "smpl", "hand": "mano", "face": "flame"}
"""The body model of each part; its name begins the names of its targets."""


def part_terms(part: str, rot_loss: str = "l1") -> dict[str, Callable[[Tensors, Tensors], Tensor]]:
    """The terms of a part, each a function of outputs and targets to the differences of every element.

    Args:
        part: ``body``, ``hand`` or ``face``.
        rot_loss: ``l1`` of axis-angle numbers (published) or ``matrix``.
    Raises:
        ConfigError: for an unknown part or kind.
    """
    if part not in MODELS:
        raise ConfigError(unknown("part", part, MODELS))
    model = MODELS[part]
    pose = rotations(model, rot_loss)
    shared = {
        f"{model}_shape": parameters("shape", f"{model}_shape"),
        "joint_proj": joint_proj,
        "joint_cam": joint_cam,
        f"{model}_joint_cam": model_joint_cam(model),
    }
    if part == "face":
        turns = {
            f"flame_{name}_pose": _head_turn(i, name, rot_loss) for i, name in enumerate(("root", "jaw"))
        }
        return {**turns, "flame_expr": parameters("expr", "flame_expr"), **shared}
    index = EVERY_JOINT if part == "hand" else _FOUND
    return {
        "joint_img": image_joints(index),
        f"{model}_joint_img": model_image_joints(model, index),
        f"{model}_pose": pose,
        **shared,
    }


_FOUND = torch.tensor([SMPL_33.index(joint) for joint in BODY_25.joints])


class PartL1:
    """The mean of one term of :func:`part_terms` for a prepared batch.

    Args:
        part: ``body``, ``hand`` or ``face``.
        term: its name.
        rot_loss: of poses: ``l1`` (published) or ``matrix``.
    Raises:
        ConfigError: for an unknown name.
    """

    def __init__(self, part: str, term: str, rot_loss: str = "l1") -> None:
        self.term = named_term(term, part_terms(part, rot_loss))

    def __call__(self, outputs: Tensors, batch: Tensors) -> Tensor:
        """Scalar loss."""
        return self.term(outputs, batch).mean()


def _head_turn(place: int, name: str, rot_loss: str) -> Callable[[Tensors, Tensors], Tensor]:
    """The term of the head's root or jaw; ``(B,)`` validity each."""

    def term(outputs: Tensors, targets: Tensors) -> Tensor:
        target, valid = targets[f"flame_{name}_pose"], targets[f"flame_{name}_pose_valid"]
        if rot_loss == "l1":
            return absolute(outputs[f"{name}_pose"], target, valid[:, None])
        clean = torch.where(valid[:, None] != 0, target, 0.0).float()
        return absolute(
            outputs["flame_rotation"][:, place], matrix_from_axis_angle(clean), valid[:, None, None]
        )

    return term
