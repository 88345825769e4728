"""Pose2Pose: the body, one hand or the head alone, with features at joints as Hand4Whole has them."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from carpus.errors import ConfigError
from carpus.nets.hand4whole.blocks import linear_layers, pointwise, start_head
from carpus.nets.hand4whole.heads import (
    BODY_ROTATIONS,
    CAMERA,
    EXPRESSION,
    FEATURES,
    HAND_ROTATIONS,
    ROTATION,
    SHAPE,
    PositionNet,
)
from carpus.nets.hand4whole.resnet import ResNet
from carpus.nets.hand4whole.rotation import axis_angle_from_matrix, matrix_from_6d
from carpus.nets.hand4whole.sampling import sample_features
from carpus.nets.hand4whole.sizes import VirtualCamera

_STRIDE = 32


class RotationNet(nn.Module):
    """Rotations from the features at joints, shape and camera from all features.

    Args:
        channels: width of the features.
        joints: whose features are sampled.
        rotations: without the root.
        features: width of what is sampled.
    """

    def __init__(self, channels: int, joints: int, rotations: int, features: int = FEATURES) -> None:
        super().__init__()
        self.conv = pointwise(channels, features, normed=True)
        self.root_pose_out = linear_layers([joints * (features + 3), ROTATION])
        self.pose_out = linear_layers([joints * (features + 3), rotations * ROTATION])
        self.shape_out = linear_layers([channels, SHAPE])
        self.cam_out = linear_layers([channels, CAMERA])
        start_head(self)

    def forward(self, features: Tensor, joints: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Rotations ``(B, 1 + R, 6)``, shape, camera of ``(B, C, H, W)`` and joints ``(B, J, 3)``."""
        pooled = features.mean((2, 3))
        shape, camera = self.shape_out(pooled), self.cam_out(pooled)
        sampled = torch.cat((sample_features(self.conv(features), joints), joints), -1).flatten(1)
        numbers = torch.cat((self.root_pose_out(sampled), self.pose_out(sampled)), 1)
        return numbers.unflatten(1, (-1, ROTATION)), shape, camera


class HeadRegressor(nn.Module):
    """Everything about a head from all its features.

    Args:
        channels: width of the features.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.pose_out = linear_layers([channels, 2 * ROTATION])
        self.shape_out = linear_layers([channels, SHAPE])
        self.expr_out = linear_layers([channels, EXPRESSION])
        self.cam_out = linear_layers([channels, CAMERA])
        start_head(self)

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Rotations ``(B, 2, 6)`` of root and jaw, shape, expression, camera of ``(B, C, H, W)``."""
        pooled = features.mean((2, 3))
        numbers = self.pose_out(pooled).unflatten(1, (-1, ROTATION))
        return numbers, self.shape_out(pooled), self.expr_out(pooled), self.cam_out(pooled)


class _Part(nn.Module):
    """What the three networks share: a backbone, the image's size and the virtual camera."""

    def __init__(
        self, backbone: ResNet, image_hw: tuple[int, int], depth_cells: int, focal_px: float, size_m: float
    ) -> None:
        super().__init__()
        height, width = (int(side) for side in image_hw)
        if min(height, width) < _STRIDE or height % _STRIDE or width % _STRIDE or depth_cells < 1:
            raise ConfigError(
                f"{type(self).__name__}: image_hw {list(image_hw)} must be two multiples of {_STRIDE}, "
                f"depth_cells {depth_cells} at least 1"
            )
        self.image_hw, self.depth_cells = (height, width), depth_cells
        cells = height // _STRIDE, width // _STRIDE
        self.camera = VirtualCamera(self.image_hw, cells, focal_px, size_m)
        self.backbone = backbone

    def _features(self, image: Tensor) -> Tensor:
        if image.ndim != 4 or tuple(image.shape[1:]) != (3, *self.image_hw):
            raise ValueError(
                f"{type(self).__name__}: input of shape {tuple(image.shape)}; (B, 3, {self.image_hw[0]}, "
                f"{self.image_hw[1]}) is needed"
            )
        return self.backbone(image)


class _Jointed(_Part):
    """Body or hand: joints first, then rotations from the features at them."""

    model: str
    joints: int
    rotations: int
    parts: tuple[str, str]

    def _build(self, features: int) -> None:
        channels = self.backbone.channels
        self.position_net = PositionNet(channels, self.joints, self.depth_cells)
        self.rotation_net = RotationNet(channels, self.joints, self.rotations, features)

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        """One body or hand per image.

        Args:
            image: ``(B, 3, H, W)`` RGB in [0, 1], not normalised.
        Returns:
            ``joint_img`` ``(B, J, 3)`` in cells; ``root_pose`` ``(B, 3)`` and ``body_pose`` ``(B, 69)`` or
            ``hand_pose`` ``(B, 45)`` axis times angle in radians, together ``smpl_pose`` ``(B, 72)`` or
            ``mano_pose`` ``(B, 48)``, as matrices ``smpl_rotation`` ``(B, 24, 3, 3)`` or ``mano_rotation``
            ``(B, 16, 3, 3)``; ``shape`` ``(B, 10)``; ``cam_trans`` ``(B, 3)`` metres.
        Raises:
            ValueError: if the image is of another shape.
        """
        features = self._features(image)
        _, joints = self.position_net(features)
        numbers, shape, camera = self.rotation_net(features, joints.detach())
        rotation = self._completed(matrix_from_6d(numbers))
        pose = axis_angle_from_matrix(rotation)
        return {
            "joint_img": joints,
            self.parts[0]: pose[:, 0],
            self.parts[1]: pose[:, 1:].flatten(1),
            f"{self.model}_pose": pose.flatten(1),
            f"{self.model}_rotation": rotation,
            "shape": shape.float(),
            "cam_trans": self.camera.translation(camera),
        }

    def _completed(self, rotation: Tensor) -> Tensor:
        return rotation


class Pose2PoseBody(_Jointed):
    """SMPL of a body from a 256×192 crop; hands stay as in the rest pose.

    Args:
        backbone: ResNet-50 is published.
        image_hw: height and width of the crop.
        depth_cells: layers of the heat maps.
        features: width of what rotations are read from.
        focal_px: of the virtual camera.
        size_m: of a person.
    """

    model, joints, rotations, parts = "smpl", 25, BODY_ROTATIONS, ("root_pose", "body_pose")

    def __init__(
        self,
        backbone: ResNet,
        image_hw: tuple[int, int] = (256, 192),
        depth_cells: int = 8,
        features: int = FEATURES,
        focal_px: float = 5000.0,
        size_m: float = 2.5,
    ) -> None:
        super().__init__(backbone, image_hw, depth_cells, focal_px, size_m)
        self._build(features)

    def _completed(self, rotation: Tensor) -> Tensor:
        still = torch.eye(3, device=rotation.device).expand(len(rotation), 2, 3, 3)
        return torch.cat((rotation, still), 1)


class Pose2PoseHand(_Jointed):
    """MANO of a right hand from a 256×256 crop; left hands are mirrored before.

    Args:
        backbone: ResNet-50 is published.
        image_hw: height and width of the crop.
        depth_cells: layers of the heat maps.
        features: width of what rotations are read from.
        focal_px: of the virtual camera.
        size_m: of a hand with some room.
    """

    model, joints, rotations, parts = "mano", 21, HAND_ROTATIONS, ("root_pose", "hand_pose")

    def __init__(
        self,
        backbone: ResNet,
        image_hw: tuple[int, int] = (256, 256),
        depth_cells: int = 8,
        features: int = FEATURES,
        focal_px: float = 5000.0,
        size_m: float = 0.4,
    ) -> None:
        super().__init__(backbone, image_hw, depth_cells, focal_px, size_m)
        self._build(features)


class Pose2PoseFace(_Part):
    """FLAME of a head from a 256×192 crop.

    Args:
        backbone: ResNet-50 is published.
        image_hw: height and width of the crop.
        focal_px: of the virtual camera.
        size_m: of a head with some room.
    """

    def __init__(
        self,
        backbone: ResNet,
        image_hw: tuple[int, int] = (256, 192),
        focal_px: float = 5000.0,
        size_m: float = 0.4,
    ) -> None:
        super().__init__(backbone, image_hw, 1, focal_px, size_m)
        self.regressor = HeadRegressor(backbone.channels)

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        """One head per image.

        Args:
            image: ``(B, 3, H, W)`` RGB in [0, 1], not normalised.
        Returns:
            ``root_pose`` and ``jaw_pose`` ``(B, 3)`` axis times angle in radians, as matrices
            ``flame_rotation`` ``(B, 2, 3, 3)``; ``shape`` and ``expr`` ``(B, 10)``; ``cam_trans`` ``(B, 3)``
            metres.
        Raises:
            ValueError: if the image is of another shape.
        """
        numbers, shape, expression, camera = self.regressor(self._features(image))
        rotation = matrix_from_6d(numbers)
        pose = axis_angle_from_matrix(rotation)
        return {
            "root_pose": pose[:, 0],
            "jaw_pose": pose[:, 1],
            "flame_rotation": rotation,
            "shape": shape.float(),
            "expr": expression.float(),
            "cam_trans": self.camera.translation(camera),
        }
