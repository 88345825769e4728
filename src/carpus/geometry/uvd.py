"""Places in a crop and a depth box around a hand's root, each axis from 0 to 1, and their camera space."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

MASS_EPSILON = 1e-6
"""What BiHand adds to the mass of a volume before dividing by it."""


@dataclass(frozen=True)
class UvdBox:
    """What u, v and d from 0 to 1 stand for.

    Lengths of root, bone and points share one unit; the answers have it too.

    Args:
        crop_px: side of the square crop that u and v run over.
        depth_bones: depth of the box, in lengths of the hand's reference bone.
        nearest_bones: where it begins, relative to the root.
    Example:
        >>> root, bone = torch.tensor([[0.0, 0.0, 500.0]]), torch.tensor([[100.0]])
        >>> camera = torch.tensor([[256.0, 256.0, 128.0, 128.0]])
        >>> UvdBox().to_camera(torch.tensor([[[0.5, 0.5, 0.5], [1.0, 0.5, 0.75]]]), root, bone, camera)
        tensor([[[  0.0000,   0.0000, 500.0000],
                 [287.5000,   0.0000, 575.0000]]])
    """

    crop_px: float = 256.0
    depth_bones: float = 3.0
    nearest_bones: float = -1.5

    def to_camera(self, uvd: Tensor, root: Tensor, bone: Tensor, camera: Tensor) -> Tensor:
        """Camera space of points in the box.

        Args:
            uvd: ``(B, J, 3)``.
            root: ``(B, 3)``, of which the depth is used.
            bone: ``(B, 1)`` length of the reference bone.
            camera: of the crop, ``(B, 4)`` fx, fy, cx, cy or ``(B, 3, 3)``.
        Returns:
            ``(B, J, 3)``.
        """
        focal, centre = _intrinsics(camera)
        depth = (uvd[..., 2:] * self.depth_bones + self.nearest_bones) * bone[:, None] + root[:, None, 2:]
        return torch.cat(((uvd[..., :2] * self.crop_px - centre) / focal * depth, depth), -1)

    def from_camera(self, points: Tensor, root: Tensor, bone: Tensor, camera: Tensor) -> Tensor:
        """The inverse of :meth:`to_camera`: points ``(B, J, 3)`` in front of the camera, in the box."""
        focal, centre = _intrinsics(camera)
        pixels = points[..., :2] / points[..., 2:] * focal + centre
        bones = (points[..., 2:] - root[:, None, 2:]) / bone[:, None]
        return torch.cat((pixels / self.crop_px, (bones - self.nearest_bones) / self.depth_bones), -1)


def expected_uvd(volume: Tensor) -> Tensor:
    """Mean place under volumes that sum to 1, cell i of n standing for i / n.

    Args:
        volume: ``(*, D, H, W)`` of any precision.
    Returns:
        ``(*, 3)`` u, v, d from 0 to below 1, in float32 or wider.
    Example:
        >>> volume = torch.zeros(1, 2, 4, 4)
        >>> volume[0, 1, 2, 3] = 1.0
        >>> expected_uvd(volume)
        tensor([[0.7500, 0.5000, 0.5000]])
    """
    return _moments(volume)[0]


def mean_uvd(mass: Tensor, eps: float = MASS_EPSILON) -> Tensor:
    """Mean place of the mass of volumes, without a second volume that would sum to 1.

    Args:
        mass: ``(*, D, H, W)``, not negative, of any precision.
        eps: added to each volume's mass before dividing by it.
    Returns:
        ``(*, 3)`` u, v, d from 0 to below 1, in float32 or wider.
    Example:
        >>> mass = torch.zeros(1, 2, 4, 4)
        >>> mass[0, 1, 2, 3] = 5.0
        >>> mean_uvd(mass)
        tensor([[0.7500, 0.5000, 0.5000]])
    """
    moments, total = _moments(mass)
    return moments / (total + eps)[..., None]


def _moments(mass: Tensor) -> tuple[Tensor, Tensor]:
    """First moments ``(*, 3)`` in u, v, d and the sum ``(*)`` of volumes ``(*, D, H, W)``."""
    # Sums of a quarter of a million half-precision numbers must not be kept in half precision.
    dtype = torch.promote_types(mass.dtype, torch.float32)
    depth, plane = mass.sum((-2, -1), dtype=dtype), mass.sum(-3, dtype=dtype)
    moments = []
    for marginal in (plane.sum(-2), plane.sum(-1), depth):
        index = torch.arange(marginal.shape[-1], dtype=dtype, device=mass.device)
        moments.append((marginal * (index / marginal.shape[-1])).sum(-1))
    return torch.stack(moments, -1), depth.sum(-1)


def _intrinsics(camera: Tensor) -> tuple[Tensor, Tensor]:
    """Focal lengths and principal point, each ``(B, 1, 2)``."""
    if camera.shape[-2:] == (3, 3):
        focal, centre = camera[..., (0, 1), (0, 1)], camera[..., :2, 2]
    else:
        focal, centre = camera[..., :2], camera[..., 2:]
    return focal[:, None], centre[:, None]
