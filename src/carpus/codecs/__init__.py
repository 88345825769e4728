"""Pairs of encode and decode: what a network sees or is asked for, and what joints that means."""

from carpus.codecs.hand25d import Hand25D, HandPose
from carpus.codecs.hand_depth import DepthTargets, HandDepth
from carpus.codecs.heatmap2d import Heatmap2D, HeatmapTargets, Keypoints
from carpus.codecs.occupancy import Occupancy
from carpus.codecs.volume import Decoded, GaussianVolume, TrilinearVolume, VolumeCodec, soft_argmax

__all__ = [
    "Decoded",
    "DepthTargets",
    "GaussianVolume",
    "Hand25D",
    "HandDepth",
    "HandPose",
    "Heatmap2D",
    "HeatmapTargets",
    "Keypoints",
    "Occupancy",
    "TrilinearVolume",
    "VolumeCodec",
    "soft_argmax",
]
