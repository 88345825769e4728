"""Loss functions: a pure function and a thin class that finds its tensors in outputs and batch."""

from carpus.losses.volume import CoordinateL1, VolumeCrossEntropy, VolumeMSE

__all__ = ["CoordinateL1", "VolumeCrossEntropy", "VolumeMSE"]
