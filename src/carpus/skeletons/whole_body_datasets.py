"""Joint sets of the datasets of whole bodies, in their published order, and the sets they are scored on."""

from __future__ import annotations

import re

from carpus.skeletons.skeleton import Skeleton
from carpus.skeletons.whole_body import BODY_LINES, CONTOUR_17, FACE_51, SIDES, joint_set

_TRUNK = [
    *("pelvis torso neck head head_top", "pelvis torso thorax neck"),
    *(f"neck {side}_shoulder {side}_elbow {side}_wrist" for side in SIDES),
    *(f"pelvis {side}_hip {side}_knee {side}_ankle" for side in SIDES),
]


def _side(side: str, *parts: str) -> list[str]:
    return [f"{side}_{part}" for part in parts]


HUMAN36M = joint_set(
    "human36m",
    [
        "pelvis",
        *_side("right", "hip", "knee", "ankle"),
        *_side("left", "hip", "knee", "ankle"),
        *("torso", "neck", "head", "head_top"),
        *_side("left", "shoulder", "elbow", "wrist"),
        *_side("right", "shoulder", "elbow", "wrist"),
    ],
    _TRUNK,
)
"""The 17 joints of Human3.6M, which its regressors of SMPL and SMPL-X give too."""

HUMAN36M_SCORED = (1, 2, 3, 4, 5, 6, 8, 10, 11, 12, 13, 14, 15, 16)
"""The 14 of them that Human3.6M and 3DPW are scored on."""

MPII = joint_set(
    "mpii",
    [
        *_side("right", "ankle", "knee", "hip"),
        *_side("left", "hip", "knee", "ankle"),
        *("pelvis", "thorax", "neck", "head_top"),
        *_side("right", "wrist", "elbow", "shoulder"),
        *_side("left", "shoulder", "elbow", "wrist"),
    ],
    _TRUNK,
)
"""The 16 joints of MPII."""

MPI_INF_3DHP = joint_set(
    "mpi_inf_3dhp",
    [
        *("head_top", "neck"),
        *_side("right", "shoulder", "elbow", "wrist"),
        *_side("left", "shoulder", "elbow", "wrist"),
        *_side("right", "hip", "knee", "ankle"),
        *_side("left", "hip", "knee", "ankle"),
        *("pelvis", "torso", "head"),
    ],
    _TRUNK,
)
"""The 17 joints of MPI-INF-3DHP."""

_FINGERS = ("thumb", "index", "middle", "ring", "little")


def _coco_hand(side: str) -> list[str]:
    parts = ("mcp", "pip", "dip", "tip")
    return [
        f"{side}_wrist_of_hand",
        *(f"{side}_{finger}_{part}" for finger in _FINGERS for part in parts),
    ]


def _coco_lines() -> list[str]:
    """SMPL-X's chains, with the fingers on the hand's own wrist and shoulders and nose on the pelvis."""
    return [
        *(re.sub(r"^(left|right)_wrist ", r"\1_wrist_of_hand ", line) for line in BODY_LINES),
        *("pelvis nose", "pelvis left_shoulder", "pelvis right_shoulder"),
        *(f"{side}_wrist {side}_wrist_of_hand" for side in SIDES),
    ]


MSCOCO = joint_set(
    "mscoco",
    [
        "nose",
        *(f"{side}_{part}" for part in ("eye", "ear", "shoulder", "elbow", "wrist") for side in SIDES),
        *(f"{side}_{part}" for part in ("hip", "knee", "ankle") for side in SIDES),
        "pelvis",
        *_side("left", "big_toe", "small_toe", "heel"),
        *_side("right", "big_toe", "small_toe", "heel"),
        *(joint for side in SIDES for joint in _coco_hand(side)),
        *CONTOUR_17,
        *FACE_51,
    ],
    _coco_lines(),
)
"""COCO-WholeBody's 133 points and the pelvis, put after the 17 of COCO: the middle of the hips."""

LSP_14 = joint_set(
    "lsp_14",
    [
        *_side("right", "ankle", "knee", "hip"),
        *_side("left", "hip", "knee", "ankle"),
        *_side("right", "wrist", "elbow", "shoulder"),
        *_side("left", "shoulder", "elbow", "wrist"),
        *("neck", "head"),
    ],
    [
        *("neck head", *(f"neck {side}_shoulder {side}_elbow {side}_wrist" for side in SIDES)),
        *(f"neck {side}_hip {side}_knee {side}_ankle" for side in SIDES),
    ],
)
"""The 14 joints EHF is scored on, in the order of Leeds Sports Pose; a regressor of SMPL-X gives them."""

LSP_14_IN_SMPLX = (8, 5, 2, 1, 4, 7, 21, 19, 17, 16, 18, 20, 12, 15)
"""The joints of SMPL-X they lie next to."""

FINGER_TIP_VERTICES = {
    "left": {"thumb": 5361, "index": 4933, "middle": 5058, "ring": 5169, "little": 5286},
    "right": {"thumb": 8079, "index": 7669, "middle": 7794, "ring": 7905, "little": 8022},
}
"""Vertices of SMPL-X at the finger tips."""

_FIRST_JOINTS = {
    "left": {"wrist": 20, "thumb": 37, "index": 25, "middle": 28, "ring": 34, "little": 31},
    "right": {"wrist": 21, "thumb": 52, "index": 40, "middle": 43, "ring": 49, "little": 46},
}


def hand_regressor_rows(side: str) -> list[tuple[str, int]]:
    """What the 21 joints of a hand of SMPL-X are, in the order of ``SNAP``: how EHF scores hands.

    Args:
        side: ``left`` or ``right``.
    Returns:
        ``("joint", row of the joint regressor)`` or ``("vertex", vertex)`` per joint.
    Example:
        >>> hand_regressor_rows("left")[:5]
        [('joint', 20), ('joint', 37), ('joint', 38), ('joint', 39), ('vertex', 5361)]
    """
    first, rows = _FIRST_JOINTS[side], [("joint", _FIRST_JOINTS[side]["wrist"])]
    for finger in _FINGERS:
        rows += [("joint", first[finger] + step) for step in range(3)]
        rows.append(("vertex", FINGER_TIP_VERTICES[side][finger]))
    return rows


DATASET_SETS: tuple[Skeleton, ...] = (HUMAN36M, MPII, MPI_INF_3DHP, MSCOCO, LSP_14)
