"""Numbers that every MANO mesh shares: counts, the wrist's hole, finger tips."""

from __future__ import annotations

VERTICES = 778
FACES = 1538

WRIST_RING = (108, 79, 78, 121, 214, 215, 279, 239, 234, 92, 38, 122, 118, 117, 119, 120)
"""Vertices around the hole at the wrist, in the order in which a fan closes the right hand outwards."""

FINGER_TIPS = {"thumb": 745, "index": 317, "middle": 445, "ring": 556, "little": 673}
"""The vertex taken for each finger tip by the published 21-joint sets."""

BESIDE_TIPS = {"thumb": 744, "index": 320, "middle": 443, "ring": 554, "little": 671}
"""Vertices beside the tips, which the smplx package lists as tips."""
