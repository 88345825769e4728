"""Loss functions: a pure function and a thin class that finds its tensors in outputs and batch."""

from carpus.losses.digit import BoneL2, HandTypeBCE, JointL1, PartCrossEntropy, RelRootL1
from carpus.losses.handflow2d import DepthSmoothL1, FlowNLL, HeatmapMSE, JointMSE, MaskBCE
from carpus.losses.handflow2d_sik import BoneLengthMSE, QuatCos, QuatL2, QuatNorm, ShapeReg, SikJointMSE
from carpus.losses.volume import CoordinateL1, VolumeCrossEntropy, VolumeMSE

__all__ = [
    "BoneL2",
    "BoneLengthMSE",
    "CoordinateL1",
    "DepthSmoothL1",
    "FlowNLL",
    "HandTypeBCE",
    "HeatmapMSE",
    "JointL1",
    "JointMSE",
    "MaskBCE",
    "PartCrossEntropy",
    "QuatCos",
    "QuatL2",
    "QuatNorm",
    "RelRootL1",
    "ShapeReg",
    "SikJointMSE",
    "VolumeCrossEntropy",
    "VolumeMSE",
]
