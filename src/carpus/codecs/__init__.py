"""Pairs of encode and decode: what a network sees or is asked for, and what joints that means."""

from carpus.codecs.hand25d import Hand25D, HandPose
from carpus.codecs.occupancy import Occupancy
from carpus.codecs.volume import Decoded, GaussianVolume, TrilinearVolume, VolumeCodec, soft_argmax

__all__ = [
    "Decoded",
    "GaussianVolume",
    "Hand25D",
    "HandPose",
    "Occupancy",
    "TrilinearVolume",
    "VolumeCodec",
    "soft_argmax",
]
