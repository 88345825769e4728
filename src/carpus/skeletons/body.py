"""Joint sets of the depth body datasets, in their published order."""

from __future__ import annotations

from carpus.skeletons.hand import FINGER_SHADES, WRIST_COLOUR
from carpus.skeletons.skeleton import from_chains

ITOP = from_chains(
    "itop",
    [
        *("head", "neck", "right_shoulder", "left_shoulder", "right_elbow", "left_elbow"),
        *("right_hand", "left_hand", "torso", "right_hip", "left_hip"),
        *("right_knee", "left_knee", "right_foot", "left_foot"),
    ],
    [
        "head neck right_shoulder right_elbow right_hand",
        "neck left_shoulder left_elbow left_hand",
        "neck torso right_hip right_knee right_foot",
        "torso left_hip left_knee left_foot",
    ],
    {
        "head": ((255, 178, 102),),
        **{
            f"right_{part}": (c,)
            for part, c in zip(("shoulder", "elbow", "hand"), FINGER_SHADES["thumb"][1:], strict=True)
        },
        **{
            f"left_{part}": (c,)
            for part, c in zip(("shoulder", "elbow", "hand"), FINGER_SHADES["index"][1:], strict=True)
        },
        **{
            f"right_{part}": (c,)
            for part, c in zip(("hip", "knee", "foot"), FINGER_SHADES["little"][1:], strict=True)
        },
        **{
            f"left_{part}": (c,)
            for part, c in zip(("hip", "knee", "foot"), FINGER_SHADES["ring"][1:], strict=True)
        },
    },
    WRIST_COLOUR,
)
