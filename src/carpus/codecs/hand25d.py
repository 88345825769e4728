"""2.5D of two hands in a crop: pixel and wrist-relative depth per joint, and one depth between the wrists.

Targets and answers are in cells: x and y run over the crop, depth over a box around the wrist, each from 0
to the number of cells, so that a wrist has the depth cells / 2. A flipped sample's ``image_to_crop`` contains
the mirror; what is a right hand in its crop is a left hand in its image.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from carpus.codecs.soft_argmax import CELL_CENTRE, mean_index, soft_max
from carpus.errors import ConfigError
from carpus.skeletons import HandPair, get_skeleton


class HandPose(NamedTuple):
    """Decoded hands of B samples.

    ``joints_cam_mm`` ``(B, J, 3)``; ``joints_px`` ``(B, J, 2)`` in the full image; ``rel_root_depth_mm``
    ``(B,)`` left minus right wrist.
    """

    joints_cam_mm: Tensor
    joints_px: Tensor
    rel_root_depth_mm: Tensor


@dataclass(frozen=True)
class Hand25D:
    """Targets in cells from joints in the camera frame, and back.

    Args:
        crop_px: side of the square crop.
        cells: cells per axis of the maps and of the depth box.
        depth_box_mm: depth of the box around each wrist; joints outside it do not count.
        root_box_mm: range of the depth between the wrists.
        root_bins: bins of that range.
        beta: factor on map values before the soft-max.
        skeleton: both hands, or their name.
    Raises:
        ConfigError: if a size is not positive or the skeleton is not a pair of hands.
    """

    crop_px: int = 256
    cells: int = 64
    depth_box_mm: float = 400.0
    root_box_mm: float = 400.0
    root_bins: int = 64
    beta: float = 1.0
    skeleton: HandPair | str = "interhand26m"

    def __post_init__(self) -> None:
        sizes = {name: getattr(self, name) for name in ("crop_px", "cells", "root_bins")}
        sizes |= {name: getattr(self, name) for name in ("depth_box_mm", "root_box_mm", "beta")}
        wrong = {name: value for name, value in sizes.items() if not value > 0}
        if wrong:
            raise ConfigError(f"Hand25D: {', '.join(f'{k}={v}' for k, v in wrong.items())} must be positive")
        if not isinstance(self.pair, HandPair):
            raise ConfigError(
                f"Hand25D: the skeleton {self.pair.name} is one hand; a pair of hands is needed"
            )

    @property
    def pair(self) -> HandPair:
        """The skeleton."""
        return get_skeleton(self.skeleton) if isinstance(self.skeleton, str) else self.skeleton  # type: ignore[return-value]

    def depth_cells(self, depth_mm: Tensor) -> Tensor:
        """Wrist-relative depth ``(*)`` in cells.

        Example:
            >>> Hand25D().depth_cells(torch.tensor([-200.0, 0.0, 100.0]))
            tensor([ 0., 32., 48.])
        """
        return (depth_mm / (self.depth_box_mm / 2) + 1) / 2 * self.cells

    def root_cells(self, depth_mm: Tensor) -> Tensor:
        """Left minus right wrist depth ``(*)`` in bins."""
        return (depth_mm / (self.root_box_mm / 2) + 1) / 2 * self.root_bins

    def root_mm(self, bins: Tensor) -> Tensor:
        """The inverse of :meth:`root_cells`.

        Example:
            >>> Hand25D().root_mm(torch.tensor([32.0, 40.0]))
            tensor([ 0., 50.])
        """
        return (bins / self.root_bins * 2 - 1) * (self.root_box_mm / 2)

    def encode(
        self,
        joints_cam_mm: Tensor,
        joint_valid: Tensor,
        hand_type: Tensor,
        camera: Tensor,
        image_to_crop: Tensor,
        flipped: Tensor | None = None,
    ) -> dict[str, Tensor]:
        """Targets of a batch.

        Args:
            joints_cam_mm: ``(B, J, 3)``; values at invalid joints do not matter.
            joint_valid: ``(B, J)`` bool or 0/1; a hand without a valid wrist is invalid as a whole.
            hand_type: ``(B, 2)`` right, left: 1 where present.
            camera: ``(B, 4)`` fx, fy, cx, cy.
            image_to_crop: ``(B, 2, 3)`` pixel to crop pixel, a mirror included.
            flipped: ``(B,)`` bool, samples whose crop is mirrored; None for none.
        Returns:
            :meth:`targets`, and ``hand_type_target`` ``(B, 2)`` float.
        """
        pair = self.pair
        valid = joint_valid.bool() & joint_valid.bool()[:, list(pair.root_of)]
        in_crop = affine(image_to_crop, project(joints_cam_mm, camera))
        joints = torch.cat((in_crop, joints_cam_mm[..., 2:]), -1)
        if flipped is not None:
            joints, valid = _swap(joints, pair.mirror, flipped), _swap(valid, pair.mirror, flipped)
            hand_type = _swap(hand_type, (1, 0), flipped)
        valid = valid & ((joints[..., :2] >= 0) & (joints[..., :2] < self.crop_px)).all(-1)
        right, left = pair.roots
        both = valid[:, right] & valid[:, left] & hand_type.bool().all(-1)
        between = joints[:, left, 2] - joints[:, right, 2]
        targets = self.targets(joints, valid, between[:, None], both[:, None])
        return targets | {"hand_type_target": hand_type.to(joints.dtype)}

    def targets(
        self, joints_crop: Tensor, valid: Tensor, rel_root_depth_mm: Tensor, root_valid: Tensor
    ) -> dict[str, Tensor]:
        """Targets of joints that are in the crop already.

        Args:
            joints_crop: ``(B, J, 3)`` crop pixels and depth in the camera frame in mm.
            valid: ``(B, J)`` bool.
            rel_root_depth_mm: ``(B, 1)`` left minus right wrist.
            root_valid: ``(B, 1)`` bool.
        Returns:
            ``joints_target`` ``(B, J, 3)`` in cells with ``joints_target_valid`` ``(B, J)`` bool, and
            ``rel_root_target`` ``(B, 1)`` in bins with ``rel_root_target_valid`` ``(B, 1)`` bool.
        """
        wrist = joints_crop[:, list(self.pair.root_of), 2]
        z = self.depth_cells(joints_crop[..., 2] - wrist)
        between = self.root_cells(rel_root_depth_mm)
        return {
            "joints_target": torch.cat(
                (joints_crop[..., :2] * (self.cells / self.crop_px), z[..., None]), -1
            ),
            "joints_target_valid": valid & (z >= 0) & (z < self.cells),
            "rel_root_target": between,
            "rel_root_target_valid": root_valid & (between >= 0) & (between < self.root_bins),
        }

    def joints_of(self, heatmap: Tensor, depth_map: Tensor) -> Tensor:
        """Joints ``(B, J, 3)`` in cells, of maps ``(B, J, H, W)`` of any precision.

        x and y are the mean cell under the soft-max of the heat map, z the mean of the depth map under it.
        """
        mass = soft_max(heatmap, 2, self.beta)
        # Sums of products: a matrix product would run in half precision under autocast.
        z = (mass * depth_map).sum((-2, -1))
        y, x = (mean_index(mass, 2) + CELL_CENTRE).unbind(-1)
        return torch.stack((x, y, z), -1)

    def rel_root_of(self, logits: Tensor) -> Tensor:
        """Depth between the wrists ``(B, 1)`` in bins: the mean bin under the soft-max of ``(B, bins)``."""
        return mean_index(soft_max(logits, 1, 1.0), 1)

    def decode(
        self,
        joints: Tensor,
        rel_root: Tensor,
        camera: Tensor,
        image_to_crop: Tensor,
        root_depth_mm: Tensor,
        flipped: Tensor | None = None,
    ) -> HandPose:
        """Hands in the camera frame of the full image; a mirror is undone.

        Args:
            joints: ``(B, J, 3)`` in cells.
            rel_root: ``(B, 1)`` in bins.
            camera: ``(B, 4)`` fx, fy, cx, cy.
            image_to_crop: ``(B, 2, 3)``, a mirror included.
            root_depth_mm: ``(B, 2)`` depth of the right and the left wrist.
            flipped: ``(B,)`` bool, or None.
        """
        between = self.root_mm(rel_root[:, 0])
        if flipped is not None:
            joints = _swap(joints, self.pair.mirror, flipped)
            between = torch.where(flipped, -between, between)
        pixels, z = self.to_image(joints, invert_affine(image_to_crop))
        return HandPose(self.unproject(pixels, z, camera, root_depth_mm), pixels, between)

    def to_image(self, joints: Tensor, crop_to_image: Tensor) -> tuple[Tensor, Tensor]:
        """Pixels ``(B, J, 2)`` and wrist-relative depth ``(B, J)`` in mm of joints ``(B, J, 3)`` in cells."""
        pixels = affine(crop_to_image, joints[..., :2] * (self.crop_px / self.cells))
        return pixels, (joints[..., 2] / self.cells * 2 - 1) * (self.depth_box_mm / 2)

    def unproject(self, pixels: Tensor, z_mm: Tensor, camera: Tensor, root_depth_mm: Tensor) -> Tensor:
        """Camera-space joints ``(B, J, 3)``.

        Args:
            pixels: ``(B, J, 2)``.
            z_mm: ``(B, J)`` depth relative to the wrist of the joint's hand.
            camera: ``(B, 4)``.
            root_depth_mm: ``(B, 2)`` depth of the right and the left wrist.
        """
        depth = (z_mm + root_depth_mm[:, list(self.pair.hand_of)])[..., None]
        return torch.cat(((pixels - camera[:, None, 2:]) / camera[:, None, :2] * depth, depth), -1)


def related_root_depths(root_depth_mm: Tensor, rel_root_depth_mm: Tensor, related: Tensor) -> Tensor:
    """Wrist depths ``(B, 2)`` to place exported hands at: the left one follows the right where it can.

    Args:
        root_depth_mm: ``(B, 2)`` given depth of the right and the left wrist.
        rel_root_depth_mm: ``(B,)`` predicted, left minus right.
        related: ``(B,)`` bool: images of interacting hands.
    Example:
        >>> given = torch.tensor([[900.0, 700.0]])
        >>> related_root_depths(given, torch.tensor([-50.0]), torch.tensor([True]))
        tensor([[900., 850.]])
    """
    right, left = root_depth_mm.unbind(-1)
    return torch.stack((right, torch.where(related, right + rel_root_depth_mm, left)), -1)


def project(points_cam_mm: Tensor, camera: Tensor) -> Tensor:
    """Pixels ``(B, N, 2)`` of points ``(B, N, 3)`` under cameras ``(B, 4)``; not finite at depth 0.

    Example:
        >>> project(torch.tensor([[[10.0, 0.0, 500.0]]]), torch.tensor([[1000.0, 1000.0, 160.0, 120.0]]))
        tensor([[[180., 120.]]])
    """
    return points_cam_mm[..., :2] / points_cam_mm[..., 2:] * camera[:, None, :2] + camera[:, None, 2:]


def affine(matrix: Tensor, pixels: Tensor) -> Tensor:
    """Pixels ``(B, N, 2)`` under maps ``(B, 2, 3)``."""
    # Written out: as a matrix product it would run in half precision under autocast.
    return (pixels[..., None, :] * matrix[:, None, :, :2]).sum(-1) + matrix[:, None, :, 2]


def invert_affine(matrix: Tensor) -> Tensor:
    """The inverse ``(B, 2, 3)`` of maps ``(B, 2, 3)``, solved in float64.

    Example:
        >>> invert_affine(torch.tensor([[[2.0, 0.0, 10.0], [0.0, 4.0, 0.0]]]))
        tensor([[[ 0.5000,  0.0000, -5.0000],
                 [ 0.0000,  0.2500,  0.0000]]])
    """
    (a, b, c), (d, e, f) = (row.unbind(-1) for row in matrix.double().unbind(-2))
    determinant = a * e - b * d
    rows = (
        torch.stack((e, -b, b * f - c * e), -1) / determinant[..., None],
        torch.stack((-d, a, c * d - a * f), -1) / determinant[..., None],
    )
    return (torch.stack(rows, -2) + 0.0).to(matrix.dtype)


def _swap(values: Tensor, partner: Sequence[int], flipped: Tensor) -> Tensor:
    """Values ``(B, J, *)`` with partners exchanged in flipped samples."""
    where = flipped.bool().view(-1, *(1,) * (values.ndim - 1))
    return torch.where(where, values[:, list(partner)], values)
