"""Skinning weights, joint regressors and bases of the stand-in models, from surface and joints alone."""

from __future__ import annotations

import numpy as np
from scipy.optimize import nnls
from scipy.spatial import KDTree

_RESIDUAL_M = 3e-4
MIRROR = np.array([-1.0, 1.0, 1.0])
_CANDIDATES = (36, 150, 600, 2400)


def offsets_from_segments(points: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """Vectors from the nearest point of line segments to points.

    Args:
        points: ``(V, 3)``.
        starts, ends: ``(S, 3)``.
    Returns:
        ``(V, S, 3)`` in the unit of the points.
    Example:
        >>> points = np.array([[0.0, 2.0, 0.0], [5.0, 0.0, 0.0]])
        >>> offsets_from_segments(points, np.zeros((1, 3)), np.eye(1, 3))
        array([[[0., 2., 0.]], [[4., 0., 0.]]])
    """
    along = ends - starts
    square = np.maximum((along**2).sum(-1), 1e-18)
    at = np.clip(((points[:, None] - starts) * along).sum(-1) / square, 0, 1)
    return points[:, None] - (starts + at[..., None] * along)


def skin_weights(
    distances: np.ndarray, owners: np.ndarray, joints: int, falloff: float, allowed: np.ndarray | None = None
) -> np.ndarray:
    """Weights that fall off with the distance to a joint's bones; at most four per vertex.

    Args:
        distances: ``(V, S)`` from vertices to bones.
        owners: ``(S,)`` joint that moves each bone.
        joints: number of joints J.
        falloff: standard deviation of the Gaussian, in the unit of the distances.
        allowed: ``(V, J)`` joints a vertex may follow; all by default.
    Returns:
        ``(V, J)`` rows that sum to 1.
    """
    nearest = np.full((len(distances), joints), np.inf)
    for joint in range(joints):
        if (owners == joint).any():
            nearest[:, joint] = distances[:, owners == joint].min(1)
    if allowed is not None:
        nearest[~allowed] = np.inf
    closest = nearest.min(1, keepdims=True)
    weights = np.exp((closest**2 - nearest**2) / (2 * falloff**2))
    fourth = np.sort(weights, axis=1)[:, -4, None]
    weights[weights < fourth * (1 - 1e-6)] = 0  # equally near joints on either side stay together
    return weights / weights.sum(1, keepdims=True)


def joint_regressor(vertices: np.ndarray, joints: np.ndarray) -> np.ndarray:
    """Non-negative rows that sum to one and give the joints as means of vertices.

    Nearest vertices alone fail for joints deep inside a body; the set is widened until a joint is met.

    Args:
        vertices: ``(V, 3)`` metres.
        joints: ``(J, 3)`` inside the surface.
    Returns:
        ``(J, V)``.
    Raises:
        ValueError: for a joint outside the convex hull of the vertices.
    """
    rows = np.zeros((len(joints), len(vertices)))
    residual = np.inf
    for row, joint in zip(rows, joints, strict=True):
        order = np.linalg.norm(vertices - joint, axis=1).argsort(kind="stable")
        sets = [order[:36], *(order[:: max(1, len(order) // count)] for count in _CANDIDATES[1:]), order]
        for chosen in sets:
            solution, residual = _convex(vertices[chosen] - joint)
            if residual < _RESIDUAL_M:
                row[chosen] = solution
                break
        else:
            raise ValueError(f"joint_regressor: {joint} is {residual * 1000:.1f} mm outside the vertices")
    return rows


def even_regressor(vertices: np.ndarray, joints: np.ndarray) -> np.ndarray:
    """:func:`joint_regressor` of a body that mirrors itself: left and right rows mirror each other, too.

    Args:
        vertices: ``(V, 3)`` metres, x to the side.
        joints: ``(J, 3)`` inside the surface.
    Returns:
        ``(J, V)``.
    """
    other = KDTree(vertices).query(vertices * MIRROR)[1]
    partner = KDTree(joints).query(joints * MIRROR)[1]
    rows = joint_regressor(vertices, joints)
    return (rows + rows[partner][:, other]) / 2


def even_waves(vertices: np.ndarray, columns: int, height: float, rng: np.random.Generator) -> np.ndarray:
    """:func:`waves` that are the same on both sides of a body.

    Args:
        vertices: ``(V, 3)`` metres, x to the side.
        columns: how many fields.
        height: their largest amplitude in metres.
        rng: source of directions and phases.
    Returns:
        ``(V, 3, columns)``.
    """
    both = waves(np.concatenate([vertices, vertices * MIRROR]), columns, height, rng)
    here, there = np.split(both, 2)
    return (here + there * MIRROR[:, None]) / 2


def _convex(offsets: np.ndarray) -> tuple[np.ndarray, float]:
    """Weights of a mean of ``(n, 3)`` offsets that is as near to zero as can be, and its length."""
    system = np.vstack([offsets.T, np.full(len(offsets), 1.0)])
    solution, _ = nnls(system, np.array([0.0, 0, 0, 1]))
    solution /= solution.sum()
    return solution, float(np.linalg.norm(solution @ offsets))


def waves(vertices: np.ndarray, columns: int, height: float, rng: np.random.Generator) -> np.ndarray:
    """Smooth displacements over a surface.

    Args:
        vertices: ``(V, 3)`` metres.
        columns: how many fields.
        height: their amplitude in metres.
        rng: source of directions and phases.
    Returns:
        ``(V, 3, columns)``.
    """
    size = np.ptp(vertices, axis=0).max()
    direction = rng.normal(0, 2.5 / size, (3, 3 * columns))
    phase = rng.uniform(0, 2 * np.pi, 3 * columns)
    return height * np.sin(vertices @ direction + phase).reshape(len(vertices), 3, columns)
