"""Joint sets of SMPL-X, SMPL, MANO and FLAME, and the order of their pose parameters.

Names follow the rest of the package: ``left_index_mcp`` is what the model's publishers call L_Index_1, and
``..._tip`` their ..._4. Points of the face have names that say their side, so that mirroring goes by name.
The joint of the skull that SMPL-X calls Head is ``head_joint``: datasets mean another point by ``head``.
"""

from __future__ import annotations

import numpy as np

from carpus.skeletons.hand import FINGER_SHADES, WRIST_COLOUR
from carpus.skeletons.skeleton import Colour, Skeleton, from_chains

SIDES = ("left", "right")
_FILE_FINGERS = ("index", "middle", "little", "ring", "thumb")
_FINGERS = ("thumb", "index", "middle", "ring", "little")
_BONES, _PARTS = ("mcp", "pip", "dip"), ("mcp", "pip", "dip", "tip")

BODY_22 = (
    *("pelvis", "left_hip", "right_hip", "spine_1", "left_knee", "right_knee", "spine_2"),
    *("left_ankle", "right_ankle", "spine_3", "left_foot", "right_foot", "neck"),
    *("left_collar", "right_collar", "head_joint", "left_shoulder", "right_shoulder"),
    *("left_elbow", "right_elbow", "left_wrist", "right_wrist"),
)
"""The joints SMPL and SMPL-X share, in their order."""


def _numbered(part: str, count: int) -> list[str]:
    return [f"{part}_{number}" for number in range(1, count + 1)]


FACE_51 = (
    *(f"right_brow_{number}" for number in range(1, 6)),
    *(f"left_brow_{number}" for number in range(5, 0, -1)),
    *_numbered("nose_bridge", 4),
    *("right_nostril_1", "right_nostril_2", "nose_base", "left_nostril_2", "left_nostril_1"),
    *_numbered("right_lid", 6),
    *(f"left_lid_{number}" for number in (4, 3, 2, 1, 6, 5)),
    *("right_mouth_1", "right_mouth_2", "right_mouth_3", "mouth_top"),
    *("left_mouth_3", "left_mouth_2", "left_mouth_1"),
    *("left_mouth_5", "left_mouth_4", "mouth_bottom", "right_mouth_4", "right_mouth_5"),
    *("right_lip_1", "right_lip_2", "lip_top", "left_lip_2", "left_lip_1"),
    *("left_lip_3", "lip_bottom", "right_lip_3"),
)
"""Brows, nose, eyes and mouth: the inner 51 of the usual 68 points of a face, in their order."""

CONTOUR_17 = (
    *(f"right_jawline_{number}" for number in range(1, 9)),
    "chin",
    *(f"left_jawline_{number}" for number in range(8, 0, -1)),
)
"""The outline of the jaw from the person's right ear to the left one."""

SURFACE_HEAD = ("nose", "right_eye", "left_eye", "right_ear", "left_ear")
_FEET = [f"{side}_{part}" for side in SIDES for part in ("big_toe", "small_toe", "heel")]


def _fingers(side: str, order: tuple[str, ...], parts: tuple[str, ...]) -> list[str]:
    return [f"{side}_{finger}_{part}" for finger in order for part in parts]


_COLOURS: dict[str, tuple[Colour, ...]] = {
    f"{side}_{finger}": FINGER_SHADES[finger] for side in SIDES for finger in _FINGERS
}
_LIMBS = {
    "right": {"arm": FINGER_SHADES["thumb"][2], "leg": FINGER_SHADES["little"][2]},
    "left": {"arm": FINGER_SHADES["index"][2], "leg": FINGER_SHADES["ring"][2]},
}
_ARM, _LEG = ("shoulder", "elbow", "wrist", "collar", "hand"), ("hip", "knee", "ankle", "foot", "heel")
for _side, _limb in _LIMBS.items():
    _COLOURS |= {f"{_side}_{part}": (_limb["arm"],) for part in _ARM}
    _COLOURS |= {f"{_side}_{part}": (_limb["leg"],) for part in (*_LEG, "big_toe", "small_toe")}
_FACE_COLOUR: Colour = (120, 120, 200)


def _face_chains() -> list[str]:
    """Every point of the face hangs on the nose, lines along brows, lids, lips and jaw."""
    return [
        f"nose {' '.join(FACE_51[10:14])}",
        f"nose_bridge_4 {' '.join(FACE_51[16:13:-1])}",
        f"nose_base {' '.join(FACE_51[17:19])}",
        f"nose_bridge_1 {' '.join(FACE_51[4::-1])}",
        f"nose_bridge_1 {' '.join(FACE_51[5:10])}",
        *(f"nose_bridge_2 {' '.join(FACE_51[first : first + 6])}" for first in (19, 25)),
        f"nose_base mouth_top {' '.join(FACE_51[33:30:-1])}",
        f"mouth_top {' '.join(FACE_51[35:38])} {' '.join(FACE_51[38:40])} mouth_bottom",
        f"right_mouth_1 {' '.join(FACE_51[42:40:-1])}",
        f"mouth_top lip_top {' '.join(FACE_51[44:42:-1])} right_lip_3 lip_bottom",
        f"lip_top {' '.join(FACE_51[46:49])}",
        f"mouth_bottom chin {' '.join(CONTOUR_17[7::-1])}",
        f"chin {' '.join(CONTOUR_17[9:])}",
    ]


def chains(names: tuple[str, ...], lines: list[str]) -> list[str]:
    """Lines of joint names without the joints that a set lacks; neighbours of a gap are joined.

    Args:
        names: joints of the set.
        lines: as :func:`~carpus.skeletons.skeleton.from_chains` takes them, with joints of every set.
    """
    return [line for text in lines if " " in (line := " ".join(n for n in text.split() if n in names))]


def _limb_lines(side: str) -> list[str]:
    return [
        f"pelvis {side}_hip {side}_knee {side}_ankle {side}_foot {side}_big_toe",
        f"{side}_ankle {side}_heel",
        f"{side}_ankle {side}_foot {side}_small_toe",
        f"neck {side}_collar {side}_shoulder {side}_elbow {side}_wrist {side}_hand",
        *(
            " ".join([f"{side}_wrist", *(f"{side}_{finger}_{part}" for part in _PARTS)])
            for finger in _FINGERS
        ),
        f"nose {side}_eye {side}_ear",
        f"head_joint {side}_eyeball",
        f"{side}_eye {side}_eye_of_face",
    ]


BODY_LINES = [
    "pelvis spine_1 spine_2 spine_3 neck head_joint nose",
    "head_joint jaw_joint",
    *(line for side in SIDES for line in _limb_lines(side)),
    *_face_chains(),
]
"""How joints of all sets hang together, from the pelvis outwards."""


def joint_set(name: str, joints: list[str], lines: list[str] | None = None) -> Skeleton:
    """A joint set of people with the package's colours.

    Args:
        name: short name.
        joints: in their order.
        lines: chains of joints; those of SMPL-X by default.
    """
    return from_chains(
        name, joints, chains(tuple(joints), BODY_LINES if lines is None else lines), _COLOURS, _FACE_COLOUR
    )


SMPLX_144 = joint_set(
    "smplx_144",
    [
        *BODY_22,
        *("jaw_joint", "left_eyeball", "right_eyeball"),
        *(joint for side in SIDES for joint in _fingers(side, _FILE_FINGERS, _BONES)),
        *SURFACE_HEAD,
        *_FEET,
        *(f"{side}_{finger}_tip" for side in SIDES for finger in _FINGERS),
        *FACE_51,
        *CONTOUR_17,
    ],
)
"""Everything the SMPL-X layer gives: 55 centres of rotation, 21 vertices, 68 points of the face."""

_BODY_25 = [
    *("pelvis", "left_hip", "right_hip", "left_knee", "right_knee", "left_ankle", "right_ankle", "neck"),
    *("left_shoulder", "right_shoulder", "left_elbow", "right_elbow", "left_wrist", "right_wrist"),
    *_FEET,
    *("left_ear", "right_ear", "left_eye", "right_eye", "nose"),
]
_HANDS_40 = [joint for side in SIDES for joint in _fingers(side, _FINGERS, _PARTS)]
_FACE_72 = ["jaw_joint", "head_joint", "left_eye_of_face", "right_eye_of_face", *FACE_51, *CONTOUR_17]

SMPLX_137 = joint_set("smplx_137", [*_BODY_25, *_HANDS_40, *_FACE_72])
"""The joints Hand4Whole is trained on: body 0..24, left hand 25..44, right hand 45..64, face 65..136."""

SMPLX_65 = joint_set("smplx_65", [*_BODY_25, *_HANDS_40])
"""Those of them whose places in the image the network finds: body and hands."""

BODY_25 = joint_set("body_25", _BODY_25)
"""The 25 joints of the body alone."""

BODY_JOINTS, LEFT_HAND_JOINTS = slice(0, 25), slice(25, 45)
RIGHT_HAND_JOINTS, FACE_JOINTS = slice(45, 65), slice(65, 137)
"""Parts of :data:`SMPLX_137`."""

_SAME = {"left_eye_of_face": "left_eye", "right_eye_of_face": "right_eye"}
SUPERVISION_INDEX = np.array([SMPLX_144.index(_SAME.get(joint, joint)) for joint in SMPLX_137.joints])
"""``(137,)`` place of each joint of :data:`SMPLX_137` in :data:`SMPLX_144`; the eyes are taken twice."""

SMPL_24 = joint_set("smpl_24", [*BODY_22, "left_hand", "right_hand"])
"""The centres of rotation of SMPL."""

_KNUCKLES = [f"{side}_{finger}_mcp" for side in SIDES for finger in _FINGERS[1:]]
SMPL_33 = joint_set(
    "smpl_33",
    [*_BODY_25[:14], *_KNUCKLES, *("nose", "left_eye", "right_eye", "left_ear", "right_ear"), *_FEET],
)
"""The joints Pose2Pose's body is trained on; 14 centres of rotation and 19 vertices."""

SMPL_33_VERTICES = {
    **dict(zip(_KNUCKLES, (2274, 2270, 2293, 2173, 5595, 5675, 5636, 5655), strict=True)),
    **{"nose": 331, "left_eye": 2802, "right_eye": 6262, "left_ear": 3489, "right_ear": 3990},
    **dict(zip(_FEET, (3292, 3313, 3468, 6691, 6713, 6858), strict=True)),
}
"""Vertices of SMPL that are joints of :data:`SMPL_33`."""

MANO_16 = from_chains(
    "mano_16",
    ["wrist", *(f"{finger}_{part}" for finger in _FILE_FINGERS for part in _BONES)],
    [" ".join(["wrist", *(f"{finger}_{part}" for part in _BONES)]) for finger in _FILE_FINGERS],
    FINGER_SHADES,
    WRIST_COLOUR,
)
"""The centres of rotation in MANO files. The 21 joints trained on are in the order of ``SNAP``."""

FLAME_73 = joint_set(
    "flame_73",
    ["neck", "head_joint", "jaw_joint", "left_eyeball", "right_eyeball", *FACE_51, *CONTOUR_17],
    [
        *("neck head_joint jaw_joint", "head_joint left_eyeball", "head_joint right_eyeball"),
        *("head_joint nose_bridge_1 nose_bridge_2 nose_bridge_3 nose_bridge_4", *_face_chains()[1:]),
    ],
)
"""Everything the FLAME layer gives: 5 centres of rotation (the root lies in the neck), 51 + 17 points."""
