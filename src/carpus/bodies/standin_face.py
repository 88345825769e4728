"""Landmarks of the stand-in face: 51 on it, and a contour of 17 that goes with the turn of the head."""

from __future__ import annotations

import numpy as np
from scipy.spatial import KDTree

from carpus.bodies.standin_body import HEAD_AXES, HEAD_CENTRE, BodySurface

_YAWS = 79
_FRONT = 39
_CANDIDATES = 12
Table = tuple[np.ndarray, np.ndarray]


def landmark_tables(vertices: np.ndarray, surface: BodySurface) -> tuple[Table, Table]:
    """Faces and barycentric weights of the landmarks.

    Args:
        vertices: ``(V, 3)`` of the SMPL-X stand-in at neutral size.
        surface: its surface.
    Returns:
        Static ``(51,)`` int64 and ``(51, 3)``; dynamic ``(79, 17)`` and ``(79, 17, 3)``: rows 0..39 for turns
        of 0..39 degrees, then of -1..-39.
    """
    head = np.zeros(len(vertices), bool)
    head[surface.pieces["head"]] = True
    chosen = np.flatnonzero(head[surface.faces].all(1))
    return place_landmarks(vertices, surface.faces, chosen)


def place_landmarks(vertices: np.ndarray, faces: np.ndarray, chosen: np.ndarray) -> tuple[Table, Table]:
    """The same for any mesh that holds the head.

    Args:
        vertices: ``(V, 3)``, the head where :data:`HEAD_CENTRE` has it.
        faces: ``(F, 3)``.
        chosen: numbers of the faces that belong to the head.
    """
    static = _on_faces(vertices, faces, chosen, _layout())
    turns = np.radians(np.append(np.arange(_FRONT + 1), -np.arange(1, _FRONT + 1)))
    ids, bary = _on_faces(vertices, faces, chosen, _contour(turns).reshape(-1, 3))
    return static, (ids.reshape(_YAWS, 17), bary.reshape(_YAWS, 17, 3))


def _layout() -> np.ndarray:
    """``(51, 3)`` brows, nose, eyes and mouth on the ellipsoid, in the usual order of the inner 51 of 68."""
    brow = np.stack([np.linspace(-0.056, -0.014, 5), 0.362 + np.array([0, 5, 7, 6, 3]) / 1000], axis=1)
    bridge = np.stack([np.zeros(4), np.linspace(0.345, 0.315, 4)], axis=1)
    nostrils = np.stack([np.linspace(-0.014, 0.014, 5), 0.303 - np.array([0, 2, 3, 2, 0]) / 1000], axis=1)
    eye = _ring(6, (-0.031, 0.342), (0.014, 0.006))
    right_eye = eye * (-1, 1)
    mouth = [_ring(12, (0, 0.272), (0.027, 0.012)), _ring(8, (0, 0.272), (0.019, 0.005))]
    other_brow = (brow * (-1, 1))[::-1]
    flat = np.concatenate([brow, other_brow, bridge, nostrils, eye, right_eye[[3, 2, 1, 0, 5, 4]], *mouth])
    inside = ((flat - HEAD_CENTRE[:2]) / HEAD_AXES[:2]) ** 2
    return np.column_stack([flat, HEAD_CENTRE[2] + HEAD_AXES[2] * np.sqrt(1 - inside.sum(1))])


def _ring(count: int, centre: tuple[float, float], size: tuple[float, float]) -> np.ndarray:
    """``(count, 2)`` points of an ellipse, from its corner on the person's right over the top."""
    angle = np.pi - np.arange(count) * 2 * np.pi / count
    return np.array(centre) + np.array(size) * np.stack([np.cos(angle), np.sin(angle)], axis=1)


def _contour(turns: np.ndarray) -> np.ndarray:
    """``(79, 17, 3)`` jaw lines from ear to ear; a turned head shows the outline of the side turned away."""
    around = np.radians(np.linspace(-85, 85, 17)) + 0.5 * turns[:, None]
    up = -0.9 + 0.75 * np.abs(np.linspace(-1, 1, 17)) ** 1.5
    flat = np.sqrt(1 - up**2)
    unit = np.stack(
        [flat * np.sin(around), np.broadcast_to(up, around.shape), flat * np.cos(around)], axis=-1
    )
    return HEAD_CENTRE + HEAD_AXES * unit


def _on_faces(vertices: np.ndarray, faces: np.ndarray, chosen: np.ndarray, points: np.ndarray) -> Table:
    """The nearest face of each point and the weights of the nearest place on it."""
    corners = vertices[faces[chosen]]
    near = np.asarray(KDTree(corners.mean(1)).query(points, k=_CANDIDATES)[1])
    weights = _weights_on(corners[near], points[:, None])
    away = np.linalg.norm((weights[..., None] * corners[near]).sum(2) - points[:, None], axis=-1)
    best = (np.arange(len(points)), away.argmin(1))
    return chosen[near[best]].astype(np.int64), weights[best]


def _weights_on(corners: np.ndarray, points: np.ndarray) -> np.ndarray:
    """``(..., 3)`` barycentric weights of points on triangles ``(..., 3, 3)``, kept inside them."""
    one, two = corners[..., 1, :] - corners[..., 0, :], corners[..., 2, :] - corners[..., 0, :]
    to = points - corners[..., 0, :]
    square_one, mixed, square_two = (one * one).sum(-1), (one * two).sum(-1), (two * two).sum(-1)
    side_one, side_two = (one * to).sum(-1), (two * to).sum(-1)
    area = square_one * square_two - mixed**2
    v = (square_two * side_one - mixed * side_two) / area
    w = (square_one * side_two - mixed * side_one) / area
    weights = np.clip(np.stack([1 - v - w, v, w], axis=-1), 0, 1)
    return weights / weights.sum(-1, keepdims=True)
