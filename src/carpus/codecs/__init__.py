"""Pairs of encode and decode: what a network sees or is asked for, and what joints that means."""

from carpus.codecs.occupancy import Occupancy
from carpus.codecs.volume import Decoded, GaussianVolume, TrilinearVolume, VolumeCodec, soft_argmax

__all__ = ["Decoded", "GaussianVolume", "Occupancy", "TrilinearVolume", "VolumeCodec", "soft_argmax"]
