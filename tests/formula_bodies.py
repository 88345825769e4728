"""The closed-form body models of the golden files: real counts, trees and keys, content from a hash.

Their README, section 2, has the recipe. ``write_formula_models`` writes files of the published schema.
"""

from __future__ import annotations

import functools
import pickle
from pathlib import Path

import numpy as np
import scipy.sparse

from carpus.bodies.models import KINDS, BodyModel, checked
from carpus.bodies.rest_joints import (
    BODY,
    FACE,
    LANDMARKS,
    LEFT_HAND,
    LEFT_TIPS,
    MANO_PARENTS,
    SMPL_HANDS,
    left_hand_joints,
    left_hand_tips,
)
from carpus.skeletons.whole_body_datasets import FINGER_TIP_VERTICES
from carpus.skeletons.whole_body_pose import PARENTS_55

MASK = 0xFFFFFFFF
MIRROR = np.array([-1.0, 1.0, 1.0])
TURN = np.tile([1.0, -1.0, -1.0], 15)
SCALE = {"neutral": 1.0, "male": 1.03, "female": 0.97}
SEEDS = {"smplx": 100, "smpl": 200, "mano": 300, "flame": 400}
FINGERS = ("index", "middle", "little", "ring", "thumb")
FLAME_PARENTS = (-1, 0, 1, 1, 1)
FLAME_REST = np.array([[0, 0, 0], [0, 0.1, 0], [0, 0.12, 0.02], [0.03, 0.17, 0.07], [-0.03, 0.17, 0.07]])
# (vertex, owner) by the name of the place.
HEAD_AND_FEET = {
    **{"nose": (9120, 15), "reye": (9929, 15), "leye": (9448, 15), "rear": (616, 15), "lear": (6, 15)},
    **{"LBigToe": (5770, 10), "LSmallToe": (5780, 10), "LHeel": (8846, 7)},
    **{"RBigToe": (8463, 11), "RSmallToe": (8474, 11), "RHeel": (8635, 8)},
}
MANO_TIPS = {"thumb": (744, 745), "index": (320, 317), "middle": (443, 445)}
MANO_TIPS |= {"ring": (554, 556), "little": (671, 673)}
J14_COLUMNS = (8, 5, 2, 1, 4, 7, 21, 19, 17, 16, 18, 20, 12, 15)


def pm(seed, shape):
    """Numbers in -1..1 from a hash of their index."""
    count = int(np.prod(shape))
    x = (np.arange(count, dtype=np.uint64) + 0x9E3779B9 * (seed + 1)) & MASK
    x ^= x >> np.uint64(16)
    x = x * 0x85EBCA6B & MASK
    x ^= x >> np.uint64(13)
    x = x * 0xC2B2AE35 & MASK
    x ^= x >> np.uint64(16)
    return (2.0 * (x / 2.0**32) - 1).reshape(shape)


def _rest(kind):
    """Joints, parents and radii."""
    right = (LEFT_HAND * MIRROR).reshape(-1, 3)
    if kind == "smplx":
        joints = np.concatenate([BODY, FACE, LEFT_HAND.reshape(-1, 3), right])
        return joints, PARENTS_55, np.repeat([0.05, 0.02, 0.006], [22, 3, 30])
    if kind == "smpl":
        return np.concatenate([BODY, SMPL_HANDS]), (*PARENTS_55[:22], 20, 21), np.full(24, 0.05)
    if kind == "mano":
        return left_hand_joints() * MIRROR, MANO_PARENTS, np.full(16, 0.006)
    return FLAME_REST, FLAME_PARENTS, np.array([0.03, 0.05, 0.03, 0.01, 0.01])


def _overrides(kind):
    """(vertex, owner, place) of the vertices that lie elsewhere."""
    found = []
    if kind == "smplx":
        found = [(vertex, owner, LANDMARKS[name]) for name, (vertex, owner) in HEAD_AND_FEET.items()]
        for side, first, sign in (("left", 25, np.ones(3)), ("right", 40, MIRROR)):
            for row, finger in enumerate(FINGERS):
                vertex = FINGER_TIP_VERTICES[side][finger]
                found.append((vertex, first + 3 * row + 2, LEFT_TIPS[row] * sign))
    if kind == "mano":
        for row, finger in enumerate(FINGERS):
            place = left_hand_tips()[row] * MIRROR
            found += [(vertex, 3 * row + 3, place) for vertex in MANO_TIPS[finger]]
    return found


def _surface(kind):
    """Everything but the bases, which are large."""
    count, faces = KINDS[kind].vertices, KINDS[kind].faces
    joints, parents, radii = _rest(kind)
    number, parents = len(joints), np.array(parents)
    owner = np.arange(count) % number
    vertices = joints[owner] + radii[owner, None] * pm(SEEDS[kind], (count, 3))
    free = np.ones(count, bool)
    for vertex, joint, place in _overrides(kind):
        vertices[vertex], owner[vertex], free[vertex] = place, joint, False
    weights = np.zeros((count, number))
    weights[np.arange(count), owner] = np.where(owner == 0, 1.0, 0.8)
    weights[np.arange(count), parents[owner]] += np.where(owner == 0, 0.0, 0.2)
    regressor = np.zeros((number, count))
    for k in range(number):
        regressor[k, np.flatnonzero((owner == k) & free)[:8]] = 1 / 8
    j = np.arange(faces)
    tree = np.stack([parents, np.arange(number)]).astype(np.int64).astype(np.uint32)
    return {
        "v_template": vertices,
        "f": np.stack([(j + step * number) % count for step in range(3)], 1).astype(np.uint32),
        "J_regressor": regressor,
        "weights": weights,
        "kintree_table": tree,
    }


@functools.cache
def _bases(kind):
    count, joints, columns = KINDS[kind].vertices, KINDS[kind].joints, KINDS[kind].shape_columns
    seed = SEEDS[kind]
    return {
        "shapedirs": 0.01 * pm(seed + 1, (count, 3, columns)),
        "posedirs": 1e-4 * pm(seed + 2, (count, 3, 9 * (joints - 1))),
    }


def _landmarks(kind):
    first, step = (15, 55) if kind == "smplx" else (1, 5)
    row, column = np.mgrid[:79, :17]
    names = ("lmk_faces_idx", "lmk_bary_coords") if kind == "smplx" else ("lmk_face_idx", "lmk_b_coords")
    static = (first + step * (np.arange(51) + 1), np.tile([0.5, 0.3, 0.2], (51, 1)))
    dynamic = (first + step * (60 + column + row % 7), np.tile([0.2, 0.3, 0.5], (79, 17, 1)))
    return dict(zip(names, static, strict=True)), dict(zip(names, dynamic, strict=True))


def _hands(kind, variant):
    """Mean poses and components."""
    mean = 0.1 * np.sin(0.7 * np.arange(45) + 0.3)
    if kind == "mano":
        return {"hands_mean": mean if variant == "left" else mean * TURN, "hands_components": np.eye(45)}
    means = {"hands_meanl": mean, "hands_meanr": mean * TURN}
    return means | {f"hands_components{side}": np.eye(45) for side in "lr"}


@functools.cache
def _content(kind, variant):
    content = _surface(kind) | _bases(kind)
    content["v_template"] = content["v_template"] * SCALE.get(variant, 1.0)
    if variant == "left":
        content["v_template"] = content["v_template"] * MIRROR
        content["shapedirs"] = content["shapedirs"] * MIRROR[:, None]
    content["J"] = content["J_regressor"] @ content["v_template"]
    if kind in ("mano", "smplx"):
        content |= _hands(kind, variant)
    if kind == "smplx":
        static, dynamic = _landmarks(kind)
        content |= static | {f"dynamic_{key}": value for key, value in dynamic.items()}
    return content


def formula_content(kind, variant):
    """The keys of a formula model's file, root parent 4294967295 and regressor dense."""
    return dict(_content(kind, variant))


def formula_model(kind: str, variant: str) -> BodyModel:
    """A formula model as it is after reading."""
    return checked(kind, variant, _content(kind, variant), f"formula model {kind} {variant}")


def formula_companions(kind):
    """The files beside a family's models."""
    if kind == "smplx":
        j14 = np.zeros((14, 10475))
        for row, first in enumerate(J14_COLUMNS):
            j14[row, first + 55 * np.arange(8)] = 1 / 8
        hands = {"left_hand": np.arange(4000, 4778), "right_hand": np.arange(7000, 7778)}
        return {
            "MANO_SMPLX_vertex_ids.pkl": hands,
            "SMPL-X__FLAME_vertex_ids.npy": np.arange(1, 10046, 2),
            "SMPLX_to_J14.pkl": j14,
        }
    if kind == "flame":
        static, dynamic = _landmarks(kind)
        return {"flame_static_embedding.pkl": static, "flame_dynamic_embedding.npy": dynamic}
    return {}


def write_formula_models(folder: Path, kinds=("smplx", "smpl", "mano", "flame"), variants=None) -> Path:
    """The tree of model files that the golden values were made with; the bases of SMPL-X as float32."""
    for kind in kinds:
        (folder / kind).mkdir(parents=True, exist_ok=True)
        for variant, name in KINDS[kind].names.items():
            if variants is not None and variant not in (*variants, "left", "right"):
                continue
            content = formula_content(kind, variant)
            if kind == "smplx":
                content["posedirs"] = content["posedirs"].astype(np.float32)
                np.savez(folder / kind / f"{name}.npz", **content)
                continue
            content["J_regressor"] = scipy.sparse.csc_matrix(content["J_regressor"])
            (folder / kind / f"{name}.pkl").write_bytes(pickle.dumps(content))
        for name, value in formula_companions(kind).items():
            if name.endswith(".npy"):
                np.save(folder / kind / name, value, allow_pickle=True)
            else:
                (folder / kind / name).write_bytes(pickle.dumps(value))
    return folder
