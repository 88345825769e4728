"""The networks of Hand4Whole and Pose2Pose, and what lies between them and a body model."""

from carpus.nets.hand4whole.hand_space import (
    into_box,
    joints_in_body,
    out_of_box,
    projection_in_boxes,
    targets_in_boxes,
)
from carpus.nets.hand4whole.net import PARTS, Hand4WholeNet
from carpus.nets.hand4whole.pose2pose import Pose2PoseBody, Pose2PoseFace, Pose2PoseHand
from carpus.nets.hand4whole.posed import SMPLX_PARAMETERS, BodyLayer, PosedBody, part_relative, posed_part
from carpus.nets.hand4whole.resnet import ResNet
from carpus.nets.hand4whole.sizes import PersonSizes, VirtualCamera

__all__ = [
    "PARTS",
    "SMPLX_PARAMETERS",
    "BodyLayer",
    "Hand4WholeNet",
    "PersonSizes",
    "Pose2PoseBody",
    "Pose2PoseFace",
    "Pose2PoseHand",
    "PosedBody",
    "ResNet",
    "VirtualCamera",
    "into_box",
    "joints_in_body",
    "out_of_box",
    "part_relative",
    "posed_part",
    "projection_in_boxes",
    "targets_in_boxes",
]
