"""The stand-ins of SMPL-X, SMPL and FLAME: what their files hold."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import scipy.sparse
from smplx.vertex_ids import vertex_ids

from carpus.bodies.rest_joints import (
    BODY,
    BODY_PARENTS,
    FACE,
    HEAD_ROOT,
    HUMAN36M_JOINTS,
    LEFT_HAND,
    SMPL_HANDS,
)
from carpus.bodies.standin_body import MIRROR, PARTS, BodySurface, head_surface, smpl_surface, smplx_surface
from carpus.bodies.standin_face import landmark_tables, place_landmarks
from carpus.bodies.standin_mano import TURN, left_hand
from carpus.bodies.standin_rig import even_regressor, even_waves, offsets_from_segments, skin_weights

_FALLOFF_M = 0.02
_SCALE = {"neutral": 1.0, "male": 1.03, "female": 0.97}
_FINGERS = (0, 1, 2, 0, 4, 5, 0, 7, 8, 0, 10, 11, 0, 13, 14)
_SMPLX_PARENTS = (
    *BODY_PARENTS,
    *(15, 15, 15),
    *(20 if parent == 0 else 24 + parent for parent in _FINGERS),
    *(21 if parent == 0 else 39 + parent for parent in _FINGERS),
)
_SMPL_PARENTS = (*BODY_PARENTS, 20, 21)
_FLAME_PARENTS = (-1, 0, 1, 1, 1)
# Joints a part may follow; those of the right side are the next numbers.
_FOLLOWS = {
    "trunk": (0, 1, 2, 3, 6, 9, 13, 14),
    "neck": (9, 12, 15),
    "head": (12, 15, 22),
    "collar": (9, 13, 16),
    "upper_arm": (13, 16, 18),
    "forearm": (16, 18, 20),
    "thigh": (0, 1, 4),
    "shin": (1, 4, 7),
    "foot": (7, 10),
    "hand": (20, 22),
}
_SINGLE = {0, 3, 6, 9, 12, 15}
_ENDS = {10: (0.13, -1.295, 0.16), 11: (-0.13, -1.295, 0.16), 15: (0.0, 0.43, 0.01)}
_SMPL_ENDS = {22: (0.87, 0.10, -0.055), 23: (-0.87, 0.10, -0.055)}
_JAW_END = (0.0, 0.235, 0.085)
_EXPRESSIONS = 10
J14 = (8, 5, 2, 1, 4, 7, 21, 19, 17, 16, 18, 20, 12, 15)
"""The 14 evaluated joints among those of SMPL-X: ankles to hips, wrists to shoulders, neck, head."""


def smplx_content(variant: str, seed: int) -> dict[str, Any]:
    """The keys of the SMPL-X stand-in's file.

    Args:
        variant: ``neutral``, ``male`` or ``female``.
        seed: of the waves in its shape basis.
    """
    surface, hand = smplx_body(), left_hand(seed)
    right = (LEFT_HAND * MIRROR).reshape(-1, 3)
    joints = np.concatenate([BODY, FACE, LEFT_HAND.reshape(-1, 3), right])
    weights = np.zeros((len(surface.vertices), len(joints)))
    weights[:, :23] = _weights(surface, joints[:23], _SMPLX_PARENTS[:23], {**_ENDS, 22: _JAW_END})
    for side, wrist, first in (("left", 20, 25), ("right", 21, 40)):
        ids = surface.pieces[f"{side}_hand"]
        weights[ids] = 0
        weights[np.ix_(ids, np.array([wrist, *range(first, first + 15)]))] = hand["weights"]
    face = np.zeros(len(surface.vertices))
    face[surface.pieces["head"]] = weights[surface.pieces["head"]][:, [15, 22]].sum(1)
    shapes = [_shapes(surface, joints[:23], seed), _expressions(surface.vertices, face, seed)]
    content = _common(surface.vertices, surface.faces, joints, _SMPLX_PARENTS, weights, variant)
    static, dynamic = landmark_tables(content["v_template"] / _SCALE[variant], surface)
    return content | {
        "shapedirs": np.concatenate(shapes, axis=-1).astype(np.float32),
        **{f"hands_components{side}": np.eye(45) * sign for side, sign in (("l", 1.0), ("r", TURN))},
        **{f"hands_mean{side}": hand["hands_mean"] * sign for side, sign in (("l", 1.0), ("r", TURN))},
        **{f"hands_coeffs{side}": np.zeros((1554, 45), np.float32) for side in "lr"},
        "lmk_faces_idx": static[0],
        "lmk_bary_coords": static[1],
        "dynamic_lmk_faces_idx": dynamic[0],
        "dynamic_lmk_bary_coords": dynamic[1],
        "part2num": {name: number for number, name in enumerate(PARTS)},
        "joint2num": {f"joint{number}": number for number in range(len(joints))},
        "vt": np.zeros((11313, 2), np.float32),
        "ft": np.zeros((len(surface.faces), 3), np.uint32),
    }


def smpl_content(variant: str, seed: int) -> dict[str, Any]:
    """The keys of the SMPL stand-in's file.

    Args:
        variant: ``neutral``, ``male`` or ``female``.
        seed: of the waves in its shape basis.
    """
    surface = smpl_surface(vertex_ids["smplh"])
    joints = np.concatenate([BODY, SMPL_HANDS])
    weights = _weights(surface, joints, _SMPL_PARENTS, {**_ENDS, **_SMPL_ENDS})
    content = _common(surface.vertices, surface.faces, joints, _SMPL_PARENTS, weights, variant)
    return content | {
        "shapedirs": _shapes(surface, joints, seed),
        "J_regressor": scipy.sparse.csc_matrix(content["J_regressor"]),
    }


def flame_content(variant: str, seed: int) -> dict[str, Any]:
    """The keys of the FLAME stand-in's file.

    Args:
        variant: ``neutral``, ``male`` or ``female``.
        seed: of the waves in its shape basis.
    """
    vertices, faces = head_surface(smplx_body())
    joints = np.concatenate([HEAD_ROOT, FACE])
    bones = np.array([HEAD_ROOT[0], HEAD_ROOT[1], FACE[0]]), np.array([HEAD_ROOT[1], _ENDS[15], _JAW_END])
    distances = np.linalg.norm(offsets_from_segments(vertices, *bones), axis=-1)
    weights = skin_weights(distances, np.arange(3), 5, _FALLOFF_M)
    content = _common(vertices - HEAD_ROOT[0], faces, joints - HEAD_ROOT[0], _FLAME_PARENTS, weights, variant)
    shapes = even_waves(vertices, _EXPRESSIONS, 2e-3, np.random.default_rng(seed))
    shapes[..., 0] = 0.04 * (vertices - HEAD_ROOT[0])
    expressions = _expressions(vertices, weights[:, 1:3].sum(1), seed)
    return content | {
        "shapedirs": np.concatenate([shapes, expressions], axis=-1),
        "J_regressor": scipy.sparse.csc_matrix(content["J_regressor"]),
    }


@lru_cache(maxsize=1)
def smplx_body() -> BodySurface:
    """The surface that the SMPL-X and FLAME stand-ins share."""
    return smplx_surface(vertex_ids["smplx"])


def _common(
    vertices: np.ndarray,
    faces: np.ndarray,
    joints: np.ndarray,
    parents: tuple[int, ...],
    weights: np.ndarray,
    variant: str,
) -> dict[str, Any]:
    """The keys that all three families have, at a gender's size."""
    regressor = even_regressor(vertices, joints)
    template = vertices * _SCALE[variant]
    tree = np.stack([np.array(parents), np.arange(len(joints))])
    return {
        "v_template": template,
        "f": faces.astype(np.uint32),
        "posedirs": np.zeros((*template.shape, 9 * (len(joints) - 1)), np.float32),
        "J_regressor": regressor,
        "J": regressor @ template,
        "kintree_table": tree.astype(np.int64).astype(np.uint32),
        "weights": weights,
        "bs_style": "lbs",
        "bs_type": "lrotmin",
        "standin": True,
    }


def _bones(
    joints: np.ndarray, parents: tuple[int, ...], ends: dict[int, tuple[float, float, float]]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Starts, ends and moving joints of all bones; a joint without child and end is a point."""
    pairs = [(parent, joints[child]) for child, parent in enumerate(parents) if parent >= 0]
    pairs += [(joint, np.array(end)) for joint, end in ends.items()]
    pairs += [(joint, joints[joint]) for joint in set(range(len(joints))) - {owner for owner, _ in pairs}]
    owners = np.array([owner for owner, _ in pairs])
    return joints[owners], np.array([end for _, end in pairs]), owners


def _weights(
    surface: BodySurface,
    joints: np.ndarray,
    parents: tuple[int, ...],
    ends: dict[int, tuple[float, float, float]],
) -> np.ndarray:
    """``(V, J)``: every part follows its own few joints."""
    starts, stops, owners = _bones(joints, parents, ends)
    allowed = np.zeros((len(surface.vertices), len(joints)), bool)
    for number, name in enumerate(PARTS):
        role = name.removeprefix("left_").removeprefix("right_")
        shift = int("right_" in name)
        follows = [j + shift * (j not in _SINGLE) for j in _FOLLOWS[role]]
        allowed[np.ix_(surface.part == number, [j for j in follows if j < len(joints)])] = True
    distances = np.linalg.norm(offsets_from_segments(surface.vertices, starts, stops), axis=-1)
    return skin_weights(distances, owners, len(joints), _FALLOFF_M, allowed)


def _shapes(surface: BodySurface, joints: np.ndarray, seed: int) -> np.ndarray:
    """``(V, 3, 10)`` per unit of a coefficient: size, girth, legs, arms, then gentle waves."""
    vertices = surface.vertices
    starts, stops, _ = _bones(joints, (*BODY_PARENTS, *[0] * 9)[: len(joints)], _ENDS)
    away = offsets_from_segments(vertices, starts, stops)
    distance = np.linalg.norm(away, axis=-1)
    nearest = distance < distance.min(1, keepdims=True) + 1e-9  # several where bones of both sides are
    outwards = (away * nearest[..., None]).sum(1) / nearest.sum(1)[:, None]
    shapes = np.zeros((*vertices.shape, 10))
    shapes[..., 0] = 0.04 * (vertices - joints[0])
    shapes[..., 1] = 0.10 * outwards
    shapes[:, 1, 2] = 0.05 * np.minimum(vertices[:, 1] - joints[1, 1], 0)
    shapes[:, 0, 3] = 0.05 * np.sign(vertices[:, 0]) * np.maximum(np.abs(vertices[:, 0]) - joints[16, 0], 0)
    shapes[..., 4:] = even_waves(vertices, 6, 3e-3, np.random.default_rng(seed))
    return shapes


def _expressions(vertices: np.ndarray, face: np.ndarray, seed: int) -> np.ndarray:
    """``(V, 3, 10)`` waves where a vertex belongs to the head."""
    return even_waves(vertices, _EXPRESSIONS, 2e-3, np.random.default_rng(seed + 1)) * face[:, None, None]


def companions() -> dict[str, Any]:
    """The files beside the models, by place: vertex numbers, landmarks, joint regressors."""
    surface, small = smplx_body(), smpl_surface(vertex_ids["smplh"])
    hands = {side: surface.pieces[side].astype(np.int64) for side in ("left_hand", "right_hand")}
    vertices, faces = head_surface(surface)
    static, dynamic = place_landmarks(vertices, faces, np.arange(len(faces)))
    return {
        "smplx/MANO_SMPLX_vertex_ids.pkl": {**hands, "standin": True},
        "smplx/SMPL-X__FLAME_vertex_ids.npy": surface.pieces["head"].astype(np.int64),
        "smplx/SMPLX_to_J14.pkl": even_regressor(surface.vertices, BODY)[list(J14)],
        "flame/flame_static_embedding.pkl": _embedding(static),
        "flame/flame_dynamic_embedding.npy": _embedding(dynamic),
        "Human36M/J_regressor_h36m_smplx.npy": even_regressor(surface.vertices, HUMAN36M_JOINTS),
        "Human36M/J_regressor_h36m_smpl.npy": even_regressor(small.vertices, HUMAN36M_JOINTS),
    }


def _embedding(table: tuple[np.ndarray, np.ndarray]) -> dict[str, Any]:
    return {"lmk_face_idx": table[0], "lmk_b_coords": table[1], "standin": True}
