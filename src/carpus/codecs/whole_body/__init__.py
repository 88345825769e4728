"""Targets of whole bodies, and of bodies, hands and faces alone, in the published units."""

from carpus.codecs.whole_body.codec import PersonCodec, place_of
from carpus.codecs.whole_body.fitted import Fit, Models
from carpus.codecs.whole_body.joints import CropPlace, JointTargets
from carpus.codecs.whole_body.layout import (
    LAYOUTS,
    PartLayout,
    get_layout,
    one_root_layout,
    whole_body_layout,
)

__all__ = [
    "LAYOUTS",
    "CropPlace",
    "Fit",
    "JointTargets",
    "Models",
    "PartLayout",
    "PersonCodec",
    "get_layout",
    "one_root_layout",
    "place_of",
    "whole_body_layout",
]
