"""The network of DIGIT."""

from carpus.nets.digit.net import DigitNet
from carpus.nets.digit.segmentation import PART_FEATURES, part_volume

__all__ = ["PART_FEATURES", "DigitNet", "part_volume"]
