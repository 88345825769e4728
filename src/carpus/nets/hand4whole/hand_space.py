"""Hands are compared in their own box: from cells of the body's heat map to cells of the hand's, and back."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from carpus.nets.hand4whole.sizes import PersonSizes, times
from carpus.skeletons.whole_body import FACE_JOINTS, LEFT_HAND_JOINTS, RIGHT_HAND_JOINTS

HAND_JOINTS = {"lhand": LEFT_HAND_JOINTS, "rhand": RIGHT_HAND_JOINTS}
"""Hands among the 137 joints and among the 65 whose places the network finds."""
_SMALLEST_CELLS = 1e-6


def into_box(xy: Tensor, box: Tensor, sizes: PersonSizes) -> Tensor:
    """Places in a hand's box.

    Args:
        xy: ``(B, J, 2)`` in cells of the body's heat map.
        box: ``(B, 4)`` x, y, x, y in pixels of the body's image, as restored.
        sizes: of crops and maps.
    Returns:
        ``(B, J, 2)`` in cells of the hand's heat map; far outside for a box of almost no size.
    Example:
        >>> into_box(torch.tensor([[[3.0, 4.0]]]), torch.tensor([[64.0, 96.0, 128.0, 160.0]]), PersonSizes())
        tensor([[[4., 4.]]])
    """
    corner, side = _in_cells(box, sizes)
    return times((xy - corner) / side, _hand_cells_xy(sizes))


def out_of_box(xy: Tensor, box: Tensor, sizes: PersonSizes) -> Tensor:
    """The inverse of :func:`into_box`."""
    corner, side = _in_cells(box, sizes)
    columns, rows = _hand_cells_xy(sizes)
    return times(xy, (1 / columns, 1 / rows)) * side + corner


def joints_in_body(joint_img: Tensor, boxes: Mapping[str, Tensor], sizes: PersonSizes) -> Tensor:
    """The network's joints, all in cells of the body's heat map.

    Args:
        joint_img: ``(B, 65, 3)``, hands in cells of their own.
        boxes: with ``lhand_bbox`` and ``rhand_bbox`` ``(B, 4)``.
        sizes: of crops and maps.
    Returns:
        ``(B, 65, 3)``.
    """
    moved = joint_img.clone()
    for hand, part in HAND_JOINTS.items():
        moved[:, part, :2] = out_of_box(joint_img[:, part, :2], boxes[f"{hand}_bbox"], sizes)
    return moved


def targets_in_boxes(
    targets: Mapping[str, Tensor], boxes: Mapping[str, Tensor], sizes: PersonSizes
) -> dict[str, Tensor]:
    """Targets of the hands' joints in the boxes the network predicted.

    What lies outside the box counts as truncated and costs nothing.

    Args:
        targets: with ``joint_img`` ``(B, 137, 3)`` in cells of the body's heat map, ``joint_trunc``
            ``(B, 137, 1)``, 1 where the joint lies in the map, and ``smplx_joint_img`` and
            ``smplx_joint_trunc`` alike.
        boxes: with ``lhand_bbox`` and ``rhand_bbox`` ``(B, 4)``, restored, without gradient.
        sizes: of crops and maps.
    Returns:
        New tensors of those four names; nothing is changed in place.
    """
    made: dict[str, Tensor] = {}
    columns, rows = _hand_cells_xy(sizes)
    deeper = sizes.hand_cells[0] / sizes.body_cells[0]
    for kind in ("", "smplx_"):
        joints, trunc = targets[f"{kind}joint_img"].clone(), targets[f"{kind}joint_trunc"].clone()
        for hand, part in HAND_JOINTS.items():
            xy = into_box(joints[:, part, :2], boxes[f"{hand}_bbox"], sizes)
            x, y = xy.unbind(-1)
            inside = (x >= 0) & (x < columns) & (y >= 0) & (y < rows)
            joints[:, part] = torch.cat((xy, joints[:, part, 2:] * deeper), -1)
            trunc[:, part] = trunc[:, part] * inside[..., None]
        made |= {f"{kind}joint_img": joints, f"{kind}joint_trunc": trunc}
    return made


def projection_in_boxes(
    joint_proj: Tensor, targets: Mapping[str, Tensor], boxes: Mapping[str, Tensor], sizes: PersonSizes
) -> Tensor:
    """Projected joints as they are compared: hands in their boxes, and hands and face moved onto the targets.

    So hands and face are trained on pose up to a shift in the image. The shift takes part in the gradient.

    Args:
        joint_proj: ``(B, 137, 2)`` in cells of the body's heat map.
        targets: of :func:`targets_in_boxes`.
        boxes: with ``lhand_bbox`` and ``rhand_bbox`` ``(B, 4)``.
        sizes: of crops and maps.
    Returns:
        ``(B, 137, 2)``.
    """
    wanted, seen = targets["joint_img"][..., :2], targets["joint_trunc"] == 1
    parts = [
        (into_box(joint_proj[:, part], boxes[f"{hand}_bbox"], sizes), part)
        for hand, part in HAND_JOINTS.items()
    ]
    parts.append((joint_proj[:, FACE_JOINTS], FACE_JOINTS))
    body = joint_proj[:, : LEFT_HAND_JOINTS.start]
    moved = [xy + _shift(xy, wanted[:, part], seen[:, part]) for xy, part in parts]
    return torch.cat((body, *moved), 1)


def _shift(found: Tensor, wanted: Tensor, seen: Tensor) -> Tensor:
    """``(B, 1, 2)`` mean difference over the joints ``seen``, 0 if there are none."""
    difference = torch.where(seen, wanted - found, 0.0)
    return difference.sum(1, keepdim=True) / seen.sum(1, keepdim=True).clamp(min=1)


def _in_cells(box: Tensor, sizes: PersonSizes) -> tuple[Tensor, Tensor]:
    """First corner and sides of boxes, ``(B, 1, 2)`` in cells of the body's heat map."""
    corners = sizes.camera.in_cells(box.unflatten(-1, (2, 2)))
    side = corners[:, 1:] - corners[:, :1]
    # A side of exactly 0 would make gradients of masked joints NaN.
    return corners[:, :1], torch.where(side.abs() < _SMALLEST_CELLS, _SMALLEST_CELLS, side)


def _hand_cells_xy(sizes: PersonSizes) -> tuple[float, float]:
    return float(sizes.hand_cells[2]), float(sizes.hand_cells[1])
