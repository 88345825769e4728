"""A hand that goes over into its forearm, and what is painted on both."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from carpus.bodies.rest_joints import MANO_FINGERS
from carpus.bodies.standin import standin_model
from carpus.bodies.topology import WRIST_RING
from carpus.synthetic.two_hands.fingers import FINGERS, fingers_of, rotation_between
from carpus.synthetic.two_hands.mesh import FINGER_MM, SHIRT, SKIN, Mesh, ring_faces

_RING = np.array(WRIST_RING)
_RINGS = 14
_STEPS = np.linspace(0, 1, _RINGS + 1)[1:] ** 1.15
"""Where the forearm's rings are, as a part of the way to the elbow."""

_RADIUS_MM = np.interp(_STEPS, (0.0, 0.15, 0.5, 0.8, 1.0), (25.0, 27.0, 39.0, 43.0, 40.0))
_SLEEVE_MM = 5.0
_THICK_M, _ROUND_M = 0.012, 0.004


def arm_mesh(side: str, hand_mm: np.ndarray, elbow_mm: np.ndarray, sleeve: float) -> Mesh:
    """Hand and forearm without a seam: the forearm begins with the hand's last ring of vertices.

    Args:
        side: ``right`` or ``left``.
        hand_mm: ``(778, 3)`` in the world.
        elbow_mm: ``(3,)``.
        sleeve: share of the forearm that cloth covers, from the elbow.
    """
    covered = 1 - sleeve < _STEPS
    rings, lengths_mm = _forearm(hand_mm, elbow_mm, covered)
    hand_faces = np.asarray(standin_model("mano", "right").faces)
    fresh = len(hand_mm) + np.arange(_RINGS * len(_RING)).reshape(_RINGS, -1)
    faces = np.concatenate([hand_faces, ring_faces(np.concatenate([_RING[None], fresh]))])
    skin = np.full(len(hand_faces), SKIN)
    arm = np.repeat(np.where(covered, SHIRT, SKIN), 2 * len(_RING))
    return Mesh(
        np.concatenate([hand_mm, rings.reshape(-1, 3)]),
        faces if side == "right" else faces[:, [1, 0, 2]],
        np.concatenate([hand_paint(), _arm_paint(lengths_mm)]),
        np.concatenate([skin, arm]).astype(np.int8),
    )


@lru_cache(maxsize=1)
def hand_paint() -> np.ndarray:
    """``(778, 5)`` of :class:`Mesh` for either hand."""
    arrays = standin_model("mano", "left").arrays
    weights, fingers = np.asarray(arrays["weights"]), fingers_of(np.zeros(10))
    place = np.asarray(arrays["v_template"]) - fingers.wrist
    tip, back = np.full(len(place), FINGER_MM), place[:, 1] / _THICK_M
    owner = weights[:, 1:].reshape(-1, 5, 3).sum(-1).argmax(1)
    for row, finger in enumerate(FINGERS):
        own = (weights[:, 0] < 0.5) & (owner == MANO_FINGERS.index(finger))
        flexion, _, along = fingers.axes[row]
        offset = place[own] - fingers.heads[row, 3]
        tip[own] = np.clip(2 - 1000 * offset @ along, 0, FINGER_MM)
        across = offset - np.outer(offset @ along, along)
        length = np.maximum(np.linalg.norm(across, axis=1), 1e-6)
        back[own] = across @ np.cross(along, flexion) / length * np.minimum(length / _ROUND_M, 1)
    return np.column_stack([1000 * place, tip, np.clip(back, -1, 1)])


def _arm_paint(lengths_mm: np.ndarray) -> np.ndarray:
    """``(R * 16, 5)`` of the forearm's rings, at a length each behind the wrist."""
    angle = np.tile(np.arange(len(_RING)) * 2 * np.pi / len(_RING), len(lengths_mm))
    along = np.repeat(-lengths_mm, len(_RING))
    no_finger = np.full(len(along), FINGER_MM)
    return np.column_stack([along, 30 * np.cos(angle), 30 * np.sin(angle), no_finger, 0 * along])


def _forearm(hand_mm: np.ndarray, elbow_mm: np.ndarray, covered: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rings ``(R, 16, 3)`` from behind the wrist to the elbow, and how far along each is, ``(R,)`` mm."""
    wrist = hand_mm[_RING].mean(0)
    offset = hand_mm[_RING] - wrist
    normal = np.cross(offset, np.roll(offset, -1, 0)).sum(0)
    back = normal / np.linalg.norm(normal)
    # The side of the ring's plane on which the hand is not.
    back = -back if back @ (hand_mm.mean(0) - wrist) > 0 else back
    middle, forward = _bow(wrist, back, elbow_mm)
    offset -= np.outer(offset @ back, back)
    length = np.linalg.norm(offset, axis=1, keepdims=True)
    radius = (_RADIUS_MM + _SLEEVE_MM * covered)[:, None, None]
    part = np.minimum(_STEPS * 2.2, 1)[:, None, None]
    around = offset * (1 - part) + offset / length * radius * part
    turns = np.stack([rotation_between(back, direction) for direction in forward])
    reach_mm = float(np.linalg.norm(elbow_mm - wrist))
    return middle[:, None] + np.einsum("rij,rsj->rsi", turns, around), reach_mm * _STEPS


def _bow(wrist: np.ndarray, back: np.ndarray, elbow: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Middles ``(R, 3)`` of a forearm that leaves the hand straight, and its directions ``(R, 3)``."""
    way = elbow - wrist
    points = np.stack([wrist, wrist + 0.25 * np.linalg.norm(way) * back, elbow - 0.35 * way, elbow])
    left, gone = 1 - _STEPS, _STEPS
    weights = np.stack([left**3, 3 * gone * left**2, 3 * gone**2 * left, gone**3], axis=1)
    middle = weights @ points
    forward = np.gradient(np.concatenate([wrist[None], middle]), axis=0)[1:]
    return middle, forward / np.linalg.norm(forward, axis=1, keepdims=True)
