"""Loss functions: a pure function and a thin class that finds its tensors in outputs and batch."""

from carpus.losses.digit import BoneL2, HandTypeBCE, JointL1, PartCrossEntropy, RelRootL1
from carpus.losses.volume import CoordinateL1, VolumeCrossEntropy, VolumeMSE

__all__ = [
    "BoneL2",
    "CoordinateL1",
    "HandTypeBCE",
    "JointL1",
    "PartCrossEntropy",
    "RelRootL1",
    "VolumeCrossEntropy",
    "VolumeMSE",
]
