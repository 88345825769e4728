"""Joints as mean places of volumes over a crop and a depth box around the hand's root."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from carpus.geometry.uvd import UvdBox, expected_uvd, mean_uvd

__all__ = ["Uvd", "UvdBox", "expected_uvd", "mean_uvd"]


@dataclass(frozen=True)
class Uvd(UvdBox):
    """Encode joints as places in the box, decode volumes or places.

    Args:
        crop_px, depth_bones, nearest_bones: see :class:`~carpus.geometry.uvd.UvdBox`.
    Example:
        >>> import torch
        >>> codec, root, bone = Uvd(), torch.tensor([[0.0, 0.0, 500.0]]), torch.tensor([[100.0]])
        >>> camera = torch.tensor([[256.0, 256.0, 128.0, 128.0]])
        >>> joints = torch.tensor([[[8.0, -9.0, 520.0]]])
        >>> codec.decode(codec.encode(joints, root, bone, camera), root, bone, camera).round()
        tensor([[[  8.,  -9., 520.]]])
    """

    def encode(self, joints: Tensor, root: Tensor, bone: Tensor, camera: Tensor) -> Tensor:
        """Places ``(B, J, 3)`` of joints ``(B, J, 3)``; see :meth:`UvdBox.from_camera`."""
        return self.from_camera(joints, root, bone, camera)

    def decode(self, found: Tensor, root: Tensor, bone: Tensor, camera: Tensor) -> Tensor:
        """Camera-space joints ``(B, J, 3)``.

        Args:
            found: places ``(B, J, 3)``, or volumes ``(B, J, D, H, W)`` of non-negative mass.
            root, bone, camera: see :meth:`UvdBox.to_camera`.
        """
        uvd = mean_uvd(found) if found.ndim == 5 else found
        return self.to_camera(uvd, root, bone, camera)
