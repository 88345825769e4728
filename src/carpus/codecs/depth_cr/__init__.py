"""From the outputs of a depth network to joints in the camera frame, or to the hand's cube."""

from carpus.codecs.depth_cr.anchors import FrameAnchors, Located, SceneAnchors
from carpus.codecs.depth_cr.decoders import (
    CenteredJoints,
    DecodedJoints,
    JointDecoder,
    PixelDirections,
    VoxelArgmax,
    VoxelDirections,
    joint_decoder,
)

__all__ = [
    "CenteredJoints",
    "DecodedJoints",
    "FrameAnchors",
    "JointDecoder",
    "Located",
    "PixelDirections",
    "SceneAnchors",
    "VoxelArgmax",
    "VoxelDirections",
    "joint_decoder",
]
