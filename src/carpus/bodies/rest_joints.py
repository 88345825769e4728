"""Rest joints and trees of the stand-in models: metres, x to the person's left, y up, z forward."""

from __future__ import annotations

import numpy as np

MANO_PARENTS = (-1, 0, 1, 2, 0, 4, 5, 0, 7, 8, 0, 10, 11, 0, 13, 14)
"""Wrist, then three joints each of index, middle, little, ring and thumb."""

MANO_FINGERS = ("index", "middle", "little", "ring", "thumb")
"""The order of the fingers in MANO files."""

LEFT_WRIST = np.array([0.68, 0.10, -0.06])

LEFT_HAND = np.array(
    [
        [[0.780, 0.100, -0.030], [0.812, 0.100, -0.028], [0.836, 0.100, -0.026]],
        [[0.785, 0.104, -0.054], [0.820, 0.104, -0.054], [0.848, 0.104, -0.054]],
        [[0.765, 0.092, -0.098], [0.785, 0.092, -0.104], [0.803, 0.092, -0.109]],
        [[0.778, 0.100, -0.078], [0.810, 0.100, -0.082], [0.835, 0.100, -0.085]],
        [[0.705, 0.085, -0.030], [0.732, 0.078, -0.008], [0.758, 0.072, 0.010]],
    ]
)
"""``(5, 3, 3)`` finger joints of the left hand, from the palm outwards."""

LEFT_TIPS = np.array(
    [
        [0.858, 0.100, -0.024],
        [0.872, 0.104, -0.054],
        [0.820, 0.092, -0.113],
        [0.858, 0.100, -0.088],
        [0.780, 0.068, 0.024],
    ]
)
"""``(5, 3)`` finger tips of the left hand."""


def left_hand_joints() -> np.ndarray:
    """``(16, 3)`` joints of the left MANO stand-in, wrist at the origin."""
    return np.concatenate([np.zeros((1, 3)), (LEFT_HAND - LEFT_WRIST).reshape(-1, 3)])


def left_hand_tips() -> np.ndarray:
    """``(5, 3)`` finger tips of the left MANO stand-in, in the order of its fingers."""
    return LEFT_TIPS - LEFT_WRIST


BODY = np.array(
    [
        *([0.00, -0.35, 0.00], [0.07, -0.44, 0.00], [-0.07, -0.44, 0.00], [0.00, -0.24, -0.02]),
        *([0.11, -0.82, 0.00], [-0.11, -0.82, 0.00], [0.00, -0.10, -0.01], [0.10, -1.23, -0.03]),
        *([-0.10, -1.23, -0.03], [0.00, -0.04, 0.01], [0.13, -1.29, 0.09], [-0.13, -1.29, 0.09]),
        *([0.00, 0.13, -0.03], [0.05, 0.06, -0.02], [-0.05, 0.06, -0.02], [0.00, 0.29, 0.01]),
        *([0.17, 0.10, -0.03], [-0.17, 0.10, -0.03], [0.43, 0.09, -0.05], [-0.43, 0.09, -0.05]),
        *([0.68, 0.10, -0.06], [-0.68, 0.10, -0.06]),
    ]
)
"""``(22, 3)`` joints that SMPL and SMPL-X share, pelvis to wrists."""

BODY_PARENTS = (-1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19)
FACE = np.array([[0.0, 0.27, 0.02], [0.03, 0.34, 0.07], [-0.03, 0.34, 0.07]])
"""``(3, 3)`` jaw, left and right eye of SMPL-X."""

SMPL_HANDS = np.array([[0.76, 0.10, -0.06], [-0.76, 0.10, -0.06]])
HEAD_ROOT = np.array([[0.0, 0.225, 0.005], [0.0, 0.255, 0.0]])
"""``(2, 3)`` root and neck of FLAME in the space of SMPL-X."""

HUMAN36M_JOINTS = np.array(
    [
        [0.0, -0.38, 0.0],
        *([-0.11, -0.44, 0.0], [-0.11, -0.82, 0.0], [-0.10, -1.23, -0.03]),
        *([0.11, -0.44, 0.0], [0.11, -0.82, 0.0], [0.10, -1.23, -0.03]),
        *([0.0, -0.14, -0.01], [0.0, 0.13, -0.03], [0.0, 0.30, 0.05], [0.0, 0.44, 0.01]),
        *([0.17, 0.10, -0.03], [0.43, 0.09, -0.05], [0.68, 0.10, -0.06]),
        *([-0.17, 0.10, -0.03], [-0.43, 0.09, -0.05], [-0.68, 0.10, -0.06]),
    ]
)
"""``(17, 3)`` where Human3.6M would mark a body; its hips lie wider than SMPL-X's."""

LANDMARKS = {
    "nose": (0.0, 0.31, 0.11),
    "leye": (0.03, 0.34, 0.09),
    "reye": (-0.03, 0.34, 0.09),
    "lear": (0.075, 0.31, 0.0),
    "rear": (-0.075, 0.31, 0.0),
    "LBigToe": (0.10, -1.31, 0.17),
    "LSmallToe": (0.17, -1.31, 0.15),
    "LHeel": (0.10, -1.31, -0.08),
    "RBigToe": (-0.10, -1.31, 0.17),
    "RSmallToe": (-0.17, -1.31, 0.15),
    "RHeel": (-0.10, -1.31, -0.08),
}
"""Where the vertices lie that smplx adds to the joints, by its names for them."""
