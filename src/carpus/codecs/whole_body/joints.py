"""Joints in the camera frame and the image as targets of a crop: mirrored, turned, measured in cells."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from carpus.codecs.hand25d import affine
from carpus.codecs.whole_body.layout import PartLayout, in_box
from carpus.geometry.person_rotations import turned_points


class CropPlace(NamedTuple):
    """How B crops lie in their images.

    ``image_to_crop`` ``(B, 2, 3)`` published pixel to crop pixel, a mirror included; ``flipped`` ``(B,)``
    bool; ``turn_deg`` ``(B,)``.
    """

    image_to_crop: Tensor
    flipped: Tensor
    turn_deg: Tensor


class JointTargets(NamedTuple):
    """Targets of B samples with J joints.

    ``img`` ``(B, J, 3)`` in cells along width, height, depth; ``cam`` ``(B, J, 3)`` metres; ``valid`` and
    ``trunc`` ``(B, J, 1)`` float 0 or 1: labelled, and labelled within the heat maps' box.
    """

    img: Tensor
    cam: Tensor
    valid: Tensor
    trunc: Tensor


def joint_targets(
    layout: PartLayout,
    joints_px: Tensor,
    depth_cells: Tensor,
    joints_m: Tensor,
    valid: Tensor,
    place: CropPlace,
) -> JointTargets:
    """Targets of joints whose depth is in cells already.

    Args:
        layout: crop, joints and cells.
        joints_px: ``(B, J, 2)`` in the published image.
        depth_cells: ``(B, J)``.
        joints_m: ``(B, J, 3)`` relative to their roots, in the camera frame.
        valid: ``(B, J)`` bool or 0/1.
        place: of the crops.
    """
    partner, flipped = layout.joints.mirror, place.flipped.bool()
    crop = layout.to_cells(affine(place.image_to_crop, joints_px))
    # Far behind a camera nothing has a place in its image; masks cannot take a NaN away.
    crop = torch.nan_to_num(torch.cat((crop, depth_cells[..., None]), -1), 0.0, 0.0, 0.0)
    img = swapped(crop, partner, flipped)
    cam = swapped(mirrored_points(joints_m, flipped), partner, flipped)
    counts = swapped(valid.bool(), partner, flipped)
    trunc = counts & in_box(img, layout.cells_dhw)
    cam = turned_points(cam, -place.turn_deg)
    return JointTargets(img, cam, counts[..., None].to(img.dtype), trunc[..., None].to(img.dtype))


def dataset_targets(
    layout: PartLayout,
    joints_px: Tensor,
    joints_cam_mm: Tensor,
    valid: Tensor,
    known: Tensor,
    is_3d: Tensor,
    place: CropPlace,
) -> JointTargets:
    """Targets of a dataset's own joints, brought to the layout's by name before.

    Args:
        layout: crop, joints, cells and depth boxes.
        joints_px: ``(B, J, 2)``.
        joints_cam_mm: ``(B, J, 3)``; anything where ``is_3d`` is false.
        valid: ``(B, J)`` bool.
        known: ``(B, J)`` bool, whether the dataset has such a joint; targets of others are 0.
        is_3d: ``(B,)`` bool, samples with joints in space.
        place: of the crops.
    """
    joints_m = layout.relative(joints_cam_mm) / 1000 * is_3d[:, None, None]
    depth = layout.depth_cells(joints_m[..., 2])
    if layout.flat_depth_cells is not None:
        depth = torch.where(is_3d[:, None], depth, layout.flat_depth_cells)
    made = joint_targets(layout, joints_px, depth, joints_m, valid, place)
    there = swapped(known.bool(), layout.joints.mirror, place.flipped.bool())[..., None].to(made.img.dtype)
    return JointTargets(made.img * there, made.cam * there, made.valid * there, made.trunc * there)


def swapped(values: Tensor, partner: Sequence[int], flipped: Tensor) -> Tensor:
    """Values ``(B, J, *)`` with left and right exchanged in mirrored samples.

    Example:
        >>> swapped(torch.tensor([[1.0, 2.0], [1.0, 2.0]]), (1, 0), torch.tensor([True, False]))
        tensor([[2., 1.],
                [1., 2.]])
    """
    where = flipped.view(-1, *(1,) * (values.ndim - 1))
    return torch.where(where, values[:, list(partner)], values)


def mirrored_points(points: Tensor, flipped: Tensor) -> Tensor:
    """Points ``(B, N, 3)`` with x negated in mirrored samples.

    Example:
        >>> mirrored_points(torch.ones(1, 1, 3), torch.tensor([True]))
        tensor([[[-1.,  1.,  1.]]])
    """
    sign = torch.where(flipped, -1.0, 1.0).to(points.dtype)
    return torch.cat((points[..., :1] * sign[:, None, None], points[..., 1:]), -1)
