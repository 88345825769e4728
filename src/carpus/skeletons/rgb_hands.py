"""Joint sets of RHD, STB and FreiHAND, in the order their publishers store them.

All name the same 21 points, so that :meth:`~carpus.skeletons.Skeleton.permutation` leads from each to each.
The base of the thumb is called ``thumb_mcp``, although it is the carpometacarpal joint.
"""

from __future__ import annotations

from dataclasses import replace

from carpus.skeletons.hand import FINGER_SHADES, WRIST_COLOUR
from carpus.skeletons.interhand import pair_of
from carpus.skeletons.skeleton import Skeleton, from_chains

_FINGERS = ("thumb", "index", "middle", "ring", "little")
_OUTWARDS = ("mcp", "pip", "dip", "tip")
_CHAINS = [" ".join(["wrist", *(f"{finger}_{part}" for part in _OUTWARDS)]) for finger in _FINGERS]


def _hand(name: str, fingers: tuple[str, ...], parts: tuple[str, ...]) -> Skeleton:
    joints = ["wrist", *(f"{finger}_{part}" for finger in fingers for part in parts)]
    return from_chains(name, joints, _CHAINS, FINGER_SHADES, WRIST_COLOUR)


SNAP = _hand("snap", _FINGERS, _OUTWARDS)
"""Wrist, then thumb, index, middle, ring, little, each from its base outwards: what BiHand and 2DHandFlow use
inside."""

FREIHAND_HAND = replace(SNAP, name="freihand")
"""The order of :data:`SNAP`."""

RHD_HAND = _hand("rhd", _FINGERS, _OUTWARDS[::-1])
"""Either hand: wrist, then every finger from its tip inwards."""

RHD_BOTH = pair_of("rhd_both", RHD_HAND)
"""Right hand, then left hand, as in every pair here; the publisher stores the left one first."""

STB_HAND = _hand("stb", _FINGERS[::-1], _OUTWARDS)
"""Wrist (or palm centre, see the source), then little finger to thumb, each from its base outwards."""
