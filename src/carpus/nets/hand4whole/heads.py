"""The networks behind the backbones of Hand4Whole, under the names of the published weights."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from carpus.nets.hand4whole.blocks import deconv_layers, linear_layers, pointwise, start_head
from carpus.nets.hand4whole.sampling import mean_cell, sample_features, soft_max

FEATURES = 512
ROTATION = 6
SHAPE, EXPRESSION, CAMERA = 10, 10, 3
BODY_ROTATIONS, HAND_ROTATIONS = 21, 15
KNUCKLES = 4
_BOX_WIDTH, _BOX_STEPS = 256, 3


class PositionNet(nn.Module):
    """Joints as the mean of a volume each.

    Args:
        channels: width of the features.
        joints: their number J.
        depth: layers D of the volumes.
    """

    def __init__(self, channels: int, joints: int, depth: int = 8) -> None:
        super().__init__()
        self.depth = depth
        self.conv = pointwise(channels, joints * depth, normed=False)
        start_head(self)

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """``(B, C, H, W)`` to mass ``(B, J, D, H, W)`` that sums to 1 and joints ``(B, J, 3)`` in cells."""
        mass = soft_max(self.conv(features).unflatten(1, (-1, self.depth)), 3)
        return mass, mean_cell(mass, 3)


class HandRotationNet(nn.Module):
    """Rotations of the fingers from the features at their joints.

    Args:
        channels: width of the features.
        joints: of one hand.
        features: width of what is sampled.
    """

    def __init__(self, channels: int, joints: int = 20, features: int = FEATURES) -> None:
        super().__init__()
        self.hand_conv = pointwise(channels, features, normed=True)
        self.hand_pose_out = linear_layers([joints * (features + 3), HAND_ROTATIONS * ROTATION])
        start_head(self)

    def forward(self, features: Tensor, joints: Tensor) -> Tensor:
        """Features ``(B, C, H, W)`` and joints ``(B, J, 3)`` in their cells to ``(B, 90)``."""
        return self.hand_pose_out(_at_joints(self.hand_conv(features), joints).flatten(1))


class BodyRotationNet(nn.Module):
    """Rotations of root and body, shape and camera; knuckles of both hands help the wrists.

    Args:
        channels: width of the body's features.
        hand_channels: width of the hands' features.
        joints: of the body.
        features: width of what is sampled.
    """

    def __init__(self, channels: int, hand_channels: int, joints: int = 25, features: int = FEATURES) -> None:
        super().__init__()
        self.body_conv = pointwise(channels, features, normed=True)
        self.lhand_conv = pointwise(hand_channels, features, normed=True)
        self.rhand_conv = pointwise(hand_channels, features, normed=True)
        everything = (joints + 2 * KNUCKLES) * (features + 3)
        self.root_pose_out = linear_layers([everything, ROTATION])
        self.body_pose_out = linear_layers([everything, BODY_ROTATIONS * ROTATION])
        self.shape_out = linear_layers([channels, SHAPE])
        self.cam_out = linear_layers([channels, CAMERA])
        start_head(self)

    def forward(
        self,
        features: Tensor,
        joints: Tensor,
        left: Tensor,
        left_knuckles: Tensor,
        right: Tensor,
        right_knuckles: Tensor,
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Root and body rotations, shape, camera.

        Args:
            features: ``(B, C, H, W)`` of the body.
            joints: ``(B, J, 3)`` in their cells.
            left: ``(B, C', h, w)`` features of the left hand as it is, not mirrored; ``right`` likewise.
            left_knuckles: ``(B, 4, 3)`` index, middle, ring and little finger in the hand's cells.
            right: features of the right hand.
            right_knuckles: of the right hand.
        Returns:
            ``(B, 6)``, ``(B, 126)``, ``(B, 10)``, ``(B, 3)``.
        """
        pooled = features.mean((2, 3))
        shape, camera = self.shape_out(pooled), self.cam_out(pooled)
        sampled = torch.cat(
            (
                _at_joints(self.body_conv(features), joints),
                _at_joints(self.lhand_conv(left), left_knuckles),
                _at_joints(self.rhand_conv(right), right_knuckles),
            ),
            1,
        ).flatten(1)
        return self.root_pose_out(sampled), self.body_pose_out(sampled), shape, camera


class BoxNet(nn.Module):
    """Centres and sizes of left hand, right hand and face, in cells of the body's heat map.

    Args:
        channels: width of the body's features.
        volume: channels of the joints' volumes, joints times layers.
        width: of the maps between.
    """

    def __init__(self, channels: int, volume: int = 200, width: int = _BOX_WIDTH) -> None:
        super().__init__()
        self.deconv = deconv_layers([channels + volume, *[width] * _BOX_STEPS])
        self.bbox_center = pointwise(width, 3, normed=False)
        self.lhand_size = linear_layers([width, width, 2])
        self.rhand_size = linear_layers([width, width, 2])
        self.face_size = linear_layers([width, width, 2])
        start_head(self)

    def forward(self, features: Tensor, mass: Tensor) -> tuple[Tensor, Tensor]:
        """Boxes of left hand, right hand and face.

        Args:
            features: ``(B, C, H, W)``.
            mass: ``(B, J, D, H, W)`` of the joints.
        Returns:
            Centres and sizes, each ``(B, 3, 2)`` x, y in cells.
        """
        maps = self.deconv(torch.cat((features, mass.flatten(1, 2).to(features.dtype)), 1))
        centers = mean_cell(soft_max(self.bbox_center(maps), 2), 2)
        found = sample_features(maps, centers.detach()).unbind(1)
        branches: Sequence[nn.Module] = (self.lhand_size, self.rhand_size, self.face_size)
        sizes = torch.stack([branch(x) for branch, x in zip(branches, found, strict=True)], 1)
        return centers / 2**_BOX_STEPS, sizes.float()


class FaceRegressor(nn.Module):
    """Expression and jaw from the face's features as a whole.

    Args:
        channels: width of the features.
    """

    def __init__(self, channels: int = 512) -> None:
        super().__init__()
        self.expr_out = linear_layers([channels, EXPRESSION])
        self.jaw_pose_out = linear_layers([channels, ROTATION])
        start_head(self)

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """``(B, C, H, W)`` to expression ``(B, 10)`` and jaw ``(B, 6)``."""
        pooled = features.mean((2, 3))
        return self.expr_out(pooled), self.jaw_pose_out(pooled)


def _at_joints(features: Tensor, joints: Tensor) -> Tensor:
    """Features at joints beside the joints themselves, ``(B, J, C + 3)``."""
    return torch.cat((sample_features(features, joints), joints), -1)
