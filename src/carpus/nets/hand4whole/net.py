"""The network of Hand4Whole: body, hands and face of one person from one crop."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from carpus.errors import ConfigError
from carpus.nets.hand4whole.boxes import (
    FACE_EXTENSION,
    HAND_EXTENSION,
    cut_out,
    every_second_pixel,
    is_thin,
    restore_box,
)
from carpus.nets.hand4whole.heads import (
    FEATURES,
    BodyRotationNet,
    BoxNet,
    FaceRegressor,
    HandRotationNet,
    PositionNet,
)
from carpus.nets.hand4whole.mirror import mirror_axis_angle, mirror_cells, mirror_matrix
from carpus.nets.hand4whole.resnet import ResNet
from carpus.nets.hand4whole.rotation import axis_angle_from_matrix, matrix_from_6d
from carpus.nets.hand4whole.sizes import PersonSizes
from carpus.skeletons.whole_body import BODY_25, SMPLX_65

BODY_JOINTS = len(BODY_25)
HAND_JOINTS = (len(SMPLX_65) - BODY_JOINTS) // 2
PARTS = ("lhand", "rhand", "face")
# The first joints of index, middle, ring and little finger.
_KNUCKLES = slice(4, HAND_JOINTS, 4)


class Hands(NamedTuple):
    """Both hands, the mirror of the left one undone.

    Args:
        joints: left, right ``(B, 20, 3)`` in cells of their crops.
        rotations: left, right ``(B, 15, 3, 3)``.
        poses: left, right ``(B, 15, 3)`` axis times angle, radians.
        features: left, right ``(B, C, h, w)``.
    """

    joints: tuple[Tensor, Tensor]
    rotations: tuple[Tensor, Tensor]
    poses: tuple[Tensor, Tensor]
    features: tuple[Tensor, Tensor]


class HandRoI(nn.Module):
    """Features of both hands' crops.

    Args:
        backbone: one for both hands.
        side_px: of the crops.
    """

    def __init__(self, backbone: nn.Module, side_px: int) -> None:
        super().__init__()
        self.backbone, self.side_px = backbone, side_px

    def forward(self, image: Tensor, left: Tensor, right: Tensor) -> Tensor:
        """Features of all left hands, mirrored, then of all right ones.

        Args:
            image: ``(B, 3, H, W)``.
            left: ``(B, 4)`` boxes in pixels of the image.
            right: of the right hands.
        Returns:
            ``(2B, C, h, w)``.
        """
        crops = cut_out(image, torch.cat((left, right)), self.side_px)
        lefts, rights = crops.chunk(2)
        return self.backbone(torch.cat((lefts.flip(3), rights)))


class FaceRoI(nn.Module):
    """Features of the face's crop.

    Args:
        backbone: of the face.
        side_px: of the crop.
    """

    def __init__(self, backbone: nn.Module, side_px: int) -> None:
        super().__init__()
        self.backbone, self.side_px = backbone, side_px

    def forward(self, image: Tensor, box: Tensor) -> Tensor:
        """Image ``(B, 3, H, W)`` and box ``(B, 4)`` in its pixels to ``(B, C, h, w)``."""
        return self.backbone(cut_out(image, box, self.side_px))


class Hand4WholeNet(nn.Module):
    """SMPL-X parameters, image joints and part boxes of one person.

    The entries of its state dict have the names of the published weights, without their ``module.``.

    Args:
        backbone: of the body; ResNet-50 is published.
        hand_backbone: of both hands; ResNet-50.
        face_backbone: of the face; ResNet-18.
        sizes: of crops and maps.
        features: width of what rotations are read from; 512 is published.
        box_width: channels of the box network's maps; 256 is published.
        exact_mirror: mirror joints of the left hand exactly to the pixel; published weights expect the other.
    """

    def __init__(
        self,
        backbone: ResNet,
        hand_backbone: ResNet,
        face_backbone: ResNet,
        sizes: PersonSizes | None = None,
        features: int = FEATURES,
        box_width: int = 256,
        exact_mirror: bool = False,
    ) -> None:
        super().__init__()
        sizes = sizes or PersonSizes()
        if min(features, box_width) < 1:
            raise ConfigError(f"Hand4WholeNet: features {features} and box_width {box_width} must be >= 1")
        body, hand, depth = backbone.channels, hand_backbone.channels, sizes.depth_cells
        self.sizes, self.mirror_px = sizes, sizes.hand_px if exact_mirror else None
        self.backbone = backbone
        self.body_position_net = PositionNet(body, BODY_JOINTS, depth)
        self.body_rotation_net = BodyRotationNet(body, hand, BODY_JOINTS, features)
        self.box_net = BoxNet(body, BODY_JOINTS * depth, box_width)
        self.hand_roi_net = HandRoI(hand_backbone, sizes.hand_px)
        self.hand_position_net = PositionNet(hand, HAND_JOINTS, depth)
        self.hand_rotation_net = HandRotationNet(hand, HAND_JOINTS, features)
        self.face_roi_net = FaceRoI(face_backbone, sizes.face_px)
        self.face_regressor = FaceRegressor(face_backbone.channels)

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        """One person per image.

        Args:
            image: ``(B, 3, H, W)`` RGB in [0, 1], not normalised; 512×384 is published.
        Returns:
            Parameters of SMPL-X: ``root_pose`` ``(B, 3)``, ``body_pose`` ``(B, 63)``, ``lhand_pose`` and
            ``rhand_pose`` ``(B, 45)``, ``jaw_pose`` ``(B, 3)`` axis times angle in radians, ``shape`` and
            ``expr`` ``(B, 10)``; ``smplx_pose`` ``(B, 159)`` all of them together and ``smplx_rotation``
            ``(B, 53, 3, 3)`` as matrices; ``cam_trans`` ``(B, 3)`` metres.

            In cells of the heat maps: ``joint_img`` ``(B, 65, 3)``, hands in cells of their own crops;
            ``lhand_bbox_center``, ``lhand_bbox_size`` and those of ``rhand`` and ``face``, ``(B, 2)`` each.

            ``lhand_bbox``, ``rhand_bbox``, ``face_bbox`` ``(B, 4)``: corners of what was cut out, pixels of
            the body's image (half the crop), without gradient; ``thin_boxes`` ``(B, 3)`` bool: those that
            show nothing.
        Raises:
            ValueError: if the image is not of the sizes' shape.
        """
        if image.ndim != 4 or tuple(image.shape[1:]) != (3, *self.sizes.crop_hw):
            raise ValueError(
                f"Hand4WholeNet: input of shape {tuple(image.shape)}; (B, 3, "
                f"{self.sizes.crop_hw[0]}, {self.sizes.crop_hw[1]}) is needed"
            )
        features = self.backbone(every_second_pixel(image))
        mass, body_joints = self.body_position_net(features)
        boxes = self._boxes(*self.box_net(features, mass.detach()))
        cut = {part: 2 * boxes[f"{part}_bbox"] for part in PARTS}
        hands = self._hands(self.hand_roi_net(image, cut["lhand"], cut["rhand"]))
        face = self.face_regressor(self.face_roi_net(image, cut["face"]))
        pose, shape, camera = self._pose(features, body_joints, hands, face[1])
        return {
            **pose,
            **boxes,
            "shape": shape.float(),
            "expr": face[0].float(),
            "cam_trans": self.sizes.camera.translation(camera),
            "joint_img": torch.cat((body_joints, *hands.joints), 1),
            "thin_boxes": torch.stack([is_thin(box) for box in cut.values()], 1),
        }

    def _boxes(self, centers: Tensor, sizes: Tensor) -> dict[str, Tensor]:
        """Boxes in cells, and as what is cut out."""
        extensions = dict(zip(PARTS, (HAND_EXTENSION, HAND_EXTENSION, FACE_EXTENSION), strict=True))
        boxes: dict[str, Tensor] = {}
        for i, part in enumerate(PARTS):
            center, size = centers[:, i], sizes[:, i]
            restored = restore_box(center, size, self.sizes.camera, extensions[part])
            boxes |= {f"{part}_bbox_center": center, f"{part}_bbox_size": size}
            boxes[f"{part}_bbox"] = restored.detach()
        return boxes

    def _hands(self, features: Tensor) -> Hands:
        """Joints and rotations of ``(2B, C, h, w)`` left features, mirrored, and right ones."""
        _, joints = self.hand_position_net(features)
        numbers = self.hand_rotation_net(features, joints.detach())
        rotations = matrix_from_6d(numbers.unflatten(1, (-1, 6)))
        poses = axis_angle_from_matrix(rotations)
        (left, right), (left_rotation, right_rotation) = joints.chunk(2), rotations.chunk(2)
        (left_pose, right_pose), (left_features, right_features) = poses.chunk(2), features.chunk(2)
        columns = self.sizes.hand_cells[2]
        return Hands(
            (mirror_cells(left, columns, self.mirror_px), right),
            (mirror_matrix(left_rotation), right_rotation),
            (mirror_axis_angle(left_pose), right_pose),
            (left_features.flip(3), right_features),
        )

    def _pose(
        self, features: Tensor, joints: Tensor, hands: Hands, jaw: Tensor
    ) -> tuple[dict[str, Tensor], Tensor, Tensor]:
        """All rotations by name, shape, camera."""
        knuckles = [hand[:, _KNUCKLES].detach() for hand in hands.joints]
        root, body, shape, camera = self.body_rotation_net(
            features, joints.detach(), hands.features[0], knuckles[0], hands.features[1], knuckles[1]
        )
        trunk = matrix_from_6d(torch.cat((root, body), 1).unflatten(1, (-1, 6)))
        face = matrix_from_6d(jaw)[:, None]
        axes = axis_angle_from_matrix(trunk), axis_angle_from_matrix(face)
        pose = {
            "root_pose": axes[0][:, 0],
            "body_pose": axes[0][:, 1:].flatten(1),
            "lhand_pose": hands.poses[0].flatten(1),
            "rhand_pose": hands.poses[1].flatten(1),
            "jaw_pose": axes[1].flatten(1),
        }
        pose["smplx_pose"] = torch.cat(list(pose.values()), 1)
        pose["smplx_rotation"] = torch.cat((trunk, *hands.rotations, face), 1)
        return pose, shape, camera
