"""RHD's values of part masks, and the labels used here for the same parts."""

from __future__ import annotations

import numpy as np

from carpus.bodies.hand_parts import PART_NAMES

RHD_VALUES = 34
RHD_PERSON = 1
"""What is neither hand nor background."""
RHD_FIRST = {"left": 2, "right": 18}
"""The first of the sixteen values of a hand."""
RHD_PARTS = (
    *(
        f"{finger}_{part}"
        for finger in ("thumb", "index", "middle", "ring", "pinky")
        for part in ("tip", "mid", "base")
    ),
    "palm",
)
"""Parts of a hand in the order of its values."""

_FIRST_LABEL = {"right": 1, "left": 1 + len(PART_NAMES)}


def _rhd_to_labels() -> np.ndarray:
    table = np.zeros(RHD_VALUES, np.uint8)
    for side, first in RHD_FIRST.items():
        for number, part in enumerate(RHD_PARTS):
            table[first + number] = _FIRST_LABEL[side] + PART_NAMES.index(part)
    return table


def _labels_to_rhd() -> np.ndarray:
    table = np.zeros(1 + 2 * len(PART_NAMES), np.uint8)
    table[RHD_TO_LABELS[RHD_PERSON + 1 :]] = np.arange(RHD_PERSON + 1, RHD_VALUES)
    return table


RHD_TO_LABELS = _rhd_to_labels()
"""``(34,)`` uint8: label of every value; background and person are both 0."""
LABELS_TO_RHD = _labels_to_rhd()
"""``(33,)`` uint8: value of every label; background stays 0."""
