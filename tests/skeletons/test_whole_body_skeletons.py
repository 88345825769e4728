"""The joint sets of whole bodies: published orders, mirrors and the ways between them."""

from __future__ import annotations

import re

import numpy as np
import pytest

from carpus.skeletons import (
    BODY_25,
    FLAME_73,
    HUMAN36M,
    LSP_14,
    MANO_16,
    MPI_INF_3DHP,
    MPII,
    MSCOCO,
    SMPL_24,
    SMPL_33,
    SMPLX_65,
    SMPLX_137,
    SMPLX_144,
    SUPERVISION_INDEX,
    convert_joints,
    get_skeleton,
    matching,
)
from carpus.skeletons.whole_body_datasets import LSP_14_IN_SMPLX, hand_regressor_rows
from carpus.skeletons.whole_body_pose import PARENTS_55, POSE_PARTS, SMPLX_POSE, pose_mirror

EVERY = (
    *(SMPLX_144, SMPLX_137, SMPLX_65, BODY_25, SMPL_24, SMPL_33, MANO_16, FLAME_73),
    *(HUMAN36M, MPII, MPI_INF_3DHP, MSCOCO, LSP_14),
)
# The publishers' names.
HAND = "Thumb_1 Thumb_2 Thumb_3 Thumb_4 Index_1 Index_2 Index_3 Index_4 Middle_1 Middle_2 Middle_3 Middle_4 "
HAND += "Ring_1 Ring_2 Ring_3 Ring_4 Pinky_1 Pinky_2 Pinky_3 Pinky_4"
BODY = (
    "Pelvis L_Hip R_Hip L_Knee R_Knee L_Ankle R_Ankle Neck L_Shoulder R_Shoulder L_Elbow R_Elbow L_Wrist "
    "R_Wrist L_Big_toe L_Small_toe L_Heel R_Big_toe R_Small_toe R_Heel L_Ear R_Ear L_Eye R_Eye Nose"
)
FACE = [f"Face_{k}" for k in range(1, 73)]


def sided(text, side):
    return " ".join(f"{side}_{name}" for name in text.split())


PUBLISHED = {
    "smplx_137": " ".join([BODY, sided(HAND, "L"), sided(HAND, "R"), *FACE]),
    "human36m": "Pelvis R_Hip R_Knee R_Ankle L_Hip L_Knee L_Ankle Torso Neck Head Head_top L_Shoulder "
    "L_Elbow L_Wrist R_Shoulder R_Elbow R_Wrist",
    "mpii": "R_Ankle R_Knee R_Hip L_Hip L_Knee L_Ankle Pelvis Thorax Neck Head_top R_Wrist R_Elbow "
    "R_Shoulder L_Shoulder L_Elbow L_Wrist",
    "mpi_inf_3dhp": "Head_top Neck R_Shoulder R_Elbow R_Wrist L_Shoulder L_Elbow L_Wrist R_Hip R_Knee "
    "R_Ankle L_Hip L_Knee L_Ankle Pelvis Torso Head",
    "mscoco": "Nose L_Eye R_Eye L_Ear R_Ear L_Shoulder R_Shoulder L_Elbow R_Elbow L_Wrist R_Wrist L_Hip "
    "R_Hip L_Knee R_Knee L_Ankle R_Ankle Pelvis L_Big_toe L_Small_toe L_Heel R_Big_toe R_Small_toe R_Heel "
    + " ".join(["L_Wrist_Hand", sided(HAND, "L"), "R_Wrist_Hand", sided(HAND, "R"), *FACE[55:], *FACE[4:55]]),
    "lsp_14": "R_Ankle R_Knee R_Hip L_Hip L_Knee L_Ankle R_Wrist R_Elbow R_Shoulder L_Shoulder L_Elbow "
    "L_Wrist Neck Head",
}
FACE_PAIRS = (
    "(67,68)(69,78)(70,77)(71,76)(72,75)(73,74)(83,87)(84,86)(88,97)(89,96)(90,95)(91,94)(92,99)(93,98)"
    "(100,106)(101,105)(102,104)(107,111)(108,110)(112,116)(113,115)(117,119)(120,136)(121,135)(122,134)"
    "(123,133)(124,132)(125,131)(126,130)(127,129)"
)
PAIRS = {
    "smplx_137": "(1,2)(3,4)(5,6)(8,9)(10,11)(12,13)(14,17)(15,18)(16,19)(20,21)(22,23)"
    + "".join(f"({25 + i},{45 + i})" for i in range(20))
    + FACE_PAIRS,
    "human36m": "(1,4)(2,5)(3,6)(14,11)(15,12)(16,13)",
    "mpii": "(0,5)(1,4)(2,3)(10,15)(11,14)(12,13)",
    "mpi_inf_3dhp": "(2,5)(3,6)(4,7)(8,11)(9,12)(10,13)",
    "mscoco": "(1,2)(3,4)(5,6)(7,8)(9,10)(11,12)(13,14)(15,16)(18,21)(19,22)(20,23)"
    + "".join(f"({24 + i},{45 + i})" for i in range(21))
    + "(66,82)(67,81)(68,80)(69,79)(70,78)(71,77)(72,76)(73,75)(83,92)(84,91)(85,90)(86,89)(87,88)(97,101)"
    "(98,100)(102,111)(103,110)(104,109)(105,108)(106,113)(107,112)(114,120)(115,119)(116,118)(121,125)"
    "(122,124)(126,130)(127,129)(131,133)",
    "smpl_33": "(1,2)(3,4)(5,6)(8,9)(10,11)(12,13)(14,18)(15,19)(16,20)(17,21)(23,24)(25,26)(27,30)(28,31)"
    "(29,32)",
    "flame_73": "(3,4)(5,14)(6,13)(7,12)(8,11)(9,10)(19,23)(20,22)(24,33)(25,32)(26,31)(27,30)(28,35)(29,34)"
    "(36,42)(37,41)(38,40)(43,47)(44,46)(48,52)(49,51)(53,55)(56,72)(57,71)(58,70)(59,69)(60,68)(61,67)"
    "(62,66)(63,65)",
    "lsp_14": "(0,5)(1,4)(2,3)(6,11)(7,10)(8,9)",
}


def ours(name):
    """The package's name of a published one."""
    if name.startswith("Face_"):
        return SMPLX_137.joints[64 + int(name[5:])]
    name = re.sub(r"^([LR])_", lambda m: {"L": "left_", "R": "right_"}[m[1]], name).replace("Pinky", "little")
    name = re.sub(r"_([1-4])$", lambda m: "_" + ("mcp", "pip", "dip", "tip")[int(m[1]) - 1], name)
    return name.lower().replace("wrist_hand", "wrist_of_hand")


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_order_is_the_published_one(name):
    assert list(get_skeleton(name).joints) == [ours(joint) for joint in PUBLISHED[name].split()]


@pytest.mark.parametrize("name", PAIRS)
def test_the_mirror_is_the_published_one(name):
    skeleton = get_skeleton(name)
    expected = np.arange(len(skeleton))
    for one, two in re.findall(r"\((\d+),(\d+)\)", PAIRS[name]):
        expected[[int(one), int(two)]] = int(two), int(one)
    assert list(skeleton.mirror) == expected.tolist()


@pytest.mark.parametrize("skeleton", EVERY, ids=lambda s: s.name)
def test_sets_are_sound_trees_whose_mirror_undoes_itself(skeleton):
    assert get_skeleton(skeleton.name) is skeleton
    assert len(set(skeleton.joints)) == len(skeleton)
    mirror = np.array(skeleton.mirror)
    assert (mirror[mirror] == np.arange(len(skeleton))).all()
    for joint, side, partner in zip(skeleton.joints, skeleton.sides, mirror, strict=True):
        assert (skeleton.joints[partner] == joint) == (side == "none"), joint
    for joint in range(len(skeleton)):
        steps = 0
        while skeleton.parents[joint] >= 0:
            joint, steps = skeleton.parents[joint], steps + 1
            assert steps < len(skeleton)


def test_the_supervision_set_lies_where_published_in_the_layers_output():
    index = SUPERVISION_INDEX.tolist()
    assert index[:14] == [0, 1, 2, 4, 5, 7, 8, 12, 16, 17, 18, 19, 20, 21]
    assert index[14:25] == [60, 61, 62, 63, 64, 65, 59, 58, 57, 56, 55]
    left, right = index[25:45], index[45:65]
    assert left[:8] + left[12:] == [37, 38, 39, 66, 25, 26, 27, 67, 34, 35, 36, 69, 31, 32, 33, 70]
    assert left[8:12] == [28, 29, 30, 68]
    assert right == [r + (15 if r < 55 else 5) for r in left]
    assert index[65:69] == [22, 15, 57, 56]
    assert index[69:] == [*range(76, 127), *range(127, 144)]
    assert list(SMPLX_65.joints) == list(SMPLX_137.joints[:65])
    mirrored = np.array(SMPLX_144.mirror)[SUPERVISION_INDEX]
    assert (mirrored == SUPERVISION_INDEX[np.array(SMPLX_137.mirror)]).all()


def test_rotations_are_in_the_published_order():
    assert len(SMPLX_POSE) == 53
    assert [SMPLX_144.index(joint) for joint in SMPLX_POSE] == [*range(22), *range(25, 55), 22]
    assert POSE_PARTS["rhand"] == slice(37, 52)
    expected = np.arange(53)
    for one, two in re.findall(r"\((\d+),(\d+)\)", "(1,2)(4,5)(7,8)(10,11)(13,14)(16,17)(18,19)(20,21)"):
        expected[[int(one), int(two)]] = int(two), int(one)
    expected[22:52] = [*range(37, 52), *range(22, 37)]
    assert pose_mirror("smplx").tolist() == expected.tolist()
    assert pose_mirror("smpl").tolist() == [*expected[:22], 23, 22]
    assert pose_mirror("mano").tolist() == list(range(16))
    assert pose_mirror("flame").tolist() == [0, 1]
    parts = ("mcp", "pip", "dip")
    assert list(SMPLX_POSE[22:25]) == [f"left_index_{part}" for part in parts]
    assert list(SMPLX_POSE[28:31]) == [f"left_little_{part}" for part in parts]
    assert len(PARENTS_55) == 55


@pytest.mark.parametrize(
    ("skeleton", "lost"),
    [
        (HUMAN36M, {"torso", "head", "head_top"}),
        (MPII, {"thorax", "head_top"}),
        (MPI_INF_3DHP, {"torso", "head", "head_top"}),
        (MSCOCO, {"left_wrist_of_hand", "right_wrist_of_hand"}),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_datasets_lose_the_published_joints_alone(skeleton, lost):
    values = np.random.default_rng(0).random((3, len(skeleton), 2))
    made, known = convert_joints(values, skeleton, SMPLX_137)
    back = {joint for joint in skeleton.joints if joint not in SMPLX_137.joints}
    assert back == lost
    assert known.sum() == len(skeleton) - len(lost)
    assert not made[:, ~known].any()
    np.testing.assert_array_equal(made[:, known], values[:, matching(skeleton, SMPLX_137)[known]])
    with pytest.raises(ValueError, match=rf"\(3, {len(skeleton) - 1}, 2\) given"):
        convert_joints(values[:, 1:], skeleton, SMPLX_137)


def test_the_face_of_flame_is_that_of_coco():
    from_coco = matching(MSCOCO, FLAME_73)
    assert from_coco[5:].tolist() == [*range(66 + 17, 66 + 68), *range(66, 66 + 17)]
    assert (from_coco[:5] == -1).all()


def test_hands_and_lsp_are_rows_of_the_regressor():
    left = [row for _, row in hand_regressor_rows("left")]
    assert left == [
        *(20, 37, 38, 39, 5361, 25, 26, 27, 4933, 28, 29, 30, 5058, 34, 35, 36, 5169, 31, 32, 33, 5286)
    ]
    right = [row for _, row in hand_regressor_rows("right")]
    assert right[::4][1:] == [8079, 7669, 7794, 7905, 8022]
    assert [r - 15 for kind, r in hand_regressor_rows("right")[1:] if kind == "joint"] == [
        r for kind, r in hand_regressor_rows("left")[1:] if kind == "joint"
    ]
    assert [SMPLX_144.joints[j] for j in LSP_14_IN_SMPLX[:12]] == list(LSP_14.joints[:12])
