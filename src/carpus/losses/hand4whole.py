"""The losses of Hand4Whole: absolute differences, averaged over every element, masked ones included.

So a batch with few annotated joints pulls less, as published. Everything is in the units of the targets:
metres, radians, cells of heat maps; hands are compared in their predicted boxes, see
:meth:`carpus.nets.hand4whole.posed.PosedBody.compared`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from carpus.errors import ConfigError, unknown
from carpus.nets.hand4whole.rotation import matrix_from_axis_angle
from carpus.skeletons.whole_body import SMPLX_65

ROTATION_LOSSES = ("l1", "matrix")
Tensors = Mapping[str, Tensor]
EVERY_JOINT = slice(None)


def absolute(found: Tensor, target: Tensor, valid: Tensor) -> Tensor:
    """Absolute differences, 0 where nothing is annotated, whatever stands there.

    Args:
        found: ``(B, *)`` of any precision.
        target: same shape.
        valid: 0/1, of a shape that broadcasts.
    Returns:
        ``(B, *)`` float32 or wider.
    Example:
        >>> absolute(torch.tensor([[1.0, 2.0]]), torch.tensor([[3.0, torch.nan]]), torch.tensor([[1, 0]]))
        tensor([[2., 0.]])
    """
    wide = torch.promote_types(found.dtype, torch.float32)
    weight = valid.to(wide).expand(found.shape)
    used = weight != 0
    # Before the difference, so that neither it nor its gradient is NaN where a target is.
    difference = torch.where(used, found.to(wide), 0.0) - torch.where(used, target.to(wide), 0.0)
    return difference.abs() * weight


def pose_map(pose: Tensor, target: Tensor, valid: Tensor) -> Tensor:
    """Differences of axis-angle numbers, as published.

    Args:
        pose: ``(B, 3R)`` radians.
        target: same shape.
        valid: ``(B, 3R)`` 0/1.
    Returns:
        ``(B, 3R)``.
    """
    return absolute(pose, target, valid)


def rotation_map(rotation: Tensor, target: Tensor, valid: Tensor) -> Tensor:
    """Differences of rotation matrices, which do not jump where the angle passes pi.

    Args:
        rotation: ``(B, R, 3, 3)`` predicted.
        target: ``(B, 3R)`` axis times angle, radians.
        valid: ``(B, 3R)`` 0/1; of a rotation the first number counts.
    Returns:
        ``(B, R, 3, 3)``.
    """
    known = valid.unflatten(1, (-1, 3))[..., :1, None]
    clean = torch.where(known.flatten(2) != 0, target.unflatten(1, (-1, 3)), 0.0)
    return absolute(rotation, matrix_from_axis_angle(clean.float()), known)


def rotations(model: str, rot_loss: str = "l1") -> Callable[[Tensors, Tensors], Tensor]:
    """The pose term of a body model.

    Args:
        model: ``smplx``, ``smpl``, ``mano``, …; begins the names of outputs and targets.
        rot_loss: ``l1`` of axis-angle numbers (published) or ``matrix``.
    Raises:
        ConfigError: for another kind.
    """
    if rot_loss not in ROTATION_LOSSES:
        raise ConfigError(unknown("rot_loss", rot_loss, ROTATION_LOSSES))

    def term(outputs: Tensors, targets: Tensors) -> Tensor:
        target, valid = targets[f"{model}_pose"], targets[f"{model}_pose_valid"]
        if rot_loss == "l1":
            return pose_map(outputs[f"{model}_pose"], target, valid)
        return rotation_map(outputs[f"{model}_rotation"], target, valid)

    return term


def parameters(name: str, target: str) -> Callable[[Tensors, Tensors], Tensor]:
    """The term of shape, expression or another vector that is known as a whole or not at all.

    Args:
        name: of the output ``(B, n)``.
        target: of the target ``(B, n)``; its ``…_valid`` is ``(B,)``.
    """

    def term(outputs: Tensors, targets: Tensors) -> Tensor:
        return absolute(outputs[name], targets[target], targets[f"{target}_valid"][:, None])

    return term


def joint_cam(outputs: Tensors, targets: Tensors) -> Tensor:
    """``(B, J, 3)`` metres, against the dataset's joints, where these are in space."""
    valid = targets["joint_valid"] * targets["is_3D"][:, None, None]
    return absolute(outputs["joint_cam"], targets["joint_cam"], valid)


def model_joint_cam(model: str) -> Callable[[Tensors, Tensors], Tensor]:
    """``(B, J, 3)`` metres, against the joints of the fitted body model.

    Args:
        model: begins the names of its targets.
    """

    def term(outputs: Tensors, targets: Tensors) -> Tensor:
        valid = targets[f"{model}_joint_valid"]
        return absolute(outputs["joint_cam"], targets[f"{model}_joint_cam"], valid)

    return term


def joint_proj(outputs: Tensors, targets: Tensors) -> Tensor:
    """``(B, J, 2)`` cells, of projected joints against the dataset's."""
    return absolute(outputs["joint_proj"], targets["joint_img"][..., :2], targets["joint_trunc"])


def image_joints(index: Tensor | slice = EVERY_JOINT) -> Callable[[Tensors, Tensors], Tensor]:
    """``(B, J, 3)`` cells, of the network's joints against the dataset's; depth only where it is known.

    Args:
        index: ``(J,)`` those of the targets' joints that the network finds.
    """

    def term(outputs: Tensors, targets: Tensors) -> Tensor:
        target, valid = _taken(targets["joint_img"], index), _taken(targets["joint_trunc"], index)
        deep = valid * targets["is_3D"][:, None, None].to(valid.dtype)
        found = outputs["joint_img"]
        return absolute(found, target, torch.cat((valid.expand(*valid.shape[:2], 2), deep), -1))

    return term


def model_image_joints(
    model: str, index: Tensor | slice = EVERY_JOINT
) -> Callable[[Tensors, Tensors], Tensor]:
    """``(B, J, 3)`` cells, of the network's joints against those of the fitted body model.

    Args:
        model: begins the names of its targets.
        index: see :func:`image_joints`.
    """

    def term(outputs: Tensors, targets: Tensors) -> Tensor:
        target, valid = (_taken(targets[f"{model}_joint_{kind}"], index) for kind in ("img", "trunc"))
        return absolute(outputs["joint_img"], target, valid)

    return term


def box(part: str) -> Callable[[Tensors, Tensors], Tensor]:
    """``(B, 2)`` cells: difference of the centres plus difference of the sizes.

    Args:
        part: ``lhand``, ``rhand`` or ``face``.
    """

    def term(outputs: Tensors, targets: Tensors) -> Tensor:
        valid = targets[f"{part}_bbox_valid"][:, None]
        names = (f"{part}_bbox_center", f"{part}_bbox_size")
        center, size = (absolute(outputs[name], targets[name], valid) for name in names)
        return center + size

    return term


def whole_body_terms(rot_loss: str = "l1") -> dict[str, Callable[[Tensors, Tensors], Tensor]]:
    """The terms of Hand4Whole, each a function of outputs and targets to the differences of every element.

    Args:
        rot_loss: see :func:`rotations`.
    Raises:
        ConfigError: for an unknown ``rot_loss``.
    """
    return {
        "smplx_pose": rotations("smplx", rot_loss),
        "smplx_shape": parameters("shape", "smplx_shape"),
        "smplx_expr": parameters("expr", "smplx_expr"),
        "joint_cam": joint_cam,
        "smplx_joint_cam": model_joint_cam("smplx"),
        **{f"{part}_bbox": box(part) for part in ("lhand", "rhand", "face")},
        "joint_proj": joint_proj,
        "joint_img": image_joints(_FOUND),
        "smplx_joint_img": model_image_joints("smplx", _FOUND),
    }


# Body and hands are the first of the 137 joints.
_FOUND = slice(0, len(SMPLX_65))


class WholeBodyL1:
    """The mean of one term of :func:`whole_body_terms` for a prepared batch.

    Args:
        term: its name.
        rot_loss: of ``smplx_pose``: ``l1`` (published) or ``matrix``.
    Raises:
        ConfigError: for an unknown name.
    """

    def __init__(self, term: str, rot_loss: str = "l1") -> None:
        self.term = named_term(term, whole_body_terms(rot_loss))

    def __call__(self, outputs: Tensors, batch: Tensors) -> Tensor:
        """Scalar loss."""
        return self.term(outputs, batch).mean()


def named_term(
    name: str, terms: Mapping[str, Callable[[Tensors, Tensors], Tensor]]
) -> Callable[[Tensors, Tensors], Tensor]:
    """The term of that name.

    Raises:
        ConfigError: naming those that exist.
    """
    if name not in terms:
        raise ConfigError(unknown("loss term", name, terms))
    return terms[name]


def _taken(values: Tensor, index: Tensor | slice) -> Tensor:
    return values[:, index if isinstance(index, slice) else index.to(values.device)]
