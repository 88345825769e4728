"""The stand-in of MANO: what its files hold."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse

from carpus.bodies.rest_joints import MANO_PARENTS, left_hand_joints, left_hand_tips
from carpus.bodies.standin_hand import HandSurface, hand_surface
from carpus.bodies.standin_rig import joint_regressor, offsets_from_segments, skin_weights, waves

_FALLOFF_M = 0.006
_FLEXION = ((0.12, 0.22, 0.15), (0.18, 0.28, 0.18), (0.24, 0.30, 0.20), (0.22, 0.30, 0.20))
_THUMB_MEAN = ((0.10, 0.10, -0.05), (0.05, 0.10, -0.08), (0.05, 0.12, -0.10))
_MIRROR = np.array([-1.0, 1.0, 1.0])
TURN = np.tile([1.0, -1.0, -1.0], 15)
"""``(45,)`` factors that mirror the axis-angle of a hand's fingers."""


def mano_content(variant: str, seed: int) -> dict[str, Any]:
    """The keys of the stand-in's file.

    Args:
        variant: ``right`` or ``left``.
        seed: of the waves in its shape and pose bases.
    """
    left = left_hand(seed)
    return _file_form(_mirrored(left) if variant == "right" else left)


def left_hand(seed: int) -> dict[str, Any]:
    """The left MANO stand-in, before it gets the types of a file.

    Args:
        seed: of the waves in its shape and pose bases.
    """
    surface, joints = hand_surface(), left_hand_joints()
    rng = np.random.default_rng(seed)
    regressor = joint_regressor(surface.vertices, joints)
    return {
        "v_template": surface.vertices,
        "f": surface.faces,
        "shapedirs": _hand_shapes(surface.vertices, rng),
        "posedirs": waves(surface.vertices, 135, 1e-4, rng),
        "J_regressor": regressor,
        "J": regressor @ surface.vertices,
        "weights": _hand_weights(surface, joints),
        "hands_mean": _hand_mean(),
        "hands_components": np.eye(45),
    }


def _hand_shapes(vertices: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """``(778, 3, 10)`` per unit of a coefficient: size, length, width, thickness, then gentle waves."""
    shapes = np.empty((*vertices.shape, 10))
    shapes[..., 0] = 0.045 * vertices
    for column, axis in ((1, 0), (2, 2), (3, 1)):
        shapes[..., column] = 0.03 * vertices * np.eye(3)[axis]
    shapes[..., 4:] = waves(vertices, 6, 6e-4, rng)
    return shapes


def _hand_weights(surface: HandSurface, joints: np.ndarray) -> np.ndarray:
    """``(778, 16)``: a finger follows its own bones, the palm the wrist and the first bones."""
    fingers = joints[1:].reshape(5, 3, 3)
    chains = np.concatenate([fingers, left_hand_tips()[:, None]], axis=1)
    starts = np.concatenate([np.zeros((4, 3)), chains[:, :-1].reshape(-1, 3)])
    ends = np.concatenate([fingers[:4, 0], chains[:, 1:].reshape(-1, 3)])
    owners = np.concatenate([np.zeros(4, int), np.arange(1, 16)])
    allowed = np.zeros((len(surface.vertices), 16), bool)
    allowed[:, 0] = True
    allowed[:, 1::3] = (surface.finger == -1)[:, None]
    for finger in range(5):
        allowed[surface.finger == finger, 1 + 3 * finger : 4 + 3 * finger] = True
    distances = np.linalg.norm(offsets_from_segments(surface.vertices, starts, ends), axis=-1)
    return skin_weights(distances, owners, 16, _FALLOFF_M, allowed)


def _hand_mean() -> np.ndarray:
    """``(45,)`` axis-angle of a relaxed left hand."""
    fingers = [[(0.0, 0.0, -angle) for angle in angles] for angles in _FLEXION]
    return np.array([*fingers, _THUMB_MEAN]).reshape(-1)


def _mirrored(hand: dict[str, Any]) -> dict[str, Any]:
    """The other hand: x negated; turns keep their x, the features of the pose basis follow their matrices."""
    element = np.tile(np.outer(_MIRROR, _MIRROR).ravel(), 15)
    return hand | {
        "v_template": hand["v_template"] * _MIRROR,
        "f": hand["f"][:, [1, 0, 2]],
        "shapedirs": hand["shapedirs"] * _MIRROR[:, None],
        "posedirs": hand["posedirs"] * _MIRROR[:, None] * element,
        "J": hand["J"] * _MIRROR,
        "hands_mean": hand["hands_mean"] * TURN,
        "hands_components": hand["hands_components"] * TURN,
    }


def _file_form(hand: dict[str, Any]) -> dict[str, Any]:
    """Types and further keys as the published pickles have them."""
    parents = np.array(MANO_PARENTS, np.int64).astype(np.uint32)
    return hand | {
        "f": hand["f"].astype(np.uint32),
        "J_regressor": scipy.sparse.csc_matrix(hand["J_regressor"]),
        "kintree_table": np.stack([parents, np.arange(16, dtype=np.uint32)]),
        "hands_coeffs": np.zeros((1554, 45)),
        "betas": np.zeros(10),
        "bs_style": "lbs",
        "bs_type": "lrotmin",
        "standin": True,
    }
