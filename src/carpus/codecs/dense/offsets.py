"""Closeness and direction from places in space to joints, the common part of ``udir2`` and ``vxudir``."""

from __future__ import annotations

import numpy as np
from numba import njit

NEAREST_MM = 0.01
"""Smaller distances count as this one, so that a direction always exists."""


def write_directions(
    places_mm: np.ndarray, rows: np.ndarray, joints_cam_mm: np.ndarray, reach_mm: float, out: np.ndarray
) -> None:
    """Fill rows of a map with closeness and unit direction to every joint.

    With o = joint - place and r = its length, between 0.01 mm and the reach, closeness is (reach - r) / reach
    and direction o / r. Joints that are not finite leave zeros.

    Args:
        places_mm: ``(n, 3)``.
        rows: ``(n,)`` row of ``out`` per place.
        joints_cam_mm: ``(J, 3)``.
        reach_mm: distance at which closeness is 0, the side of the cube.
        out: ``(rows, 4J)`` float32, zeros: J closeness, then 3J directions joint by joint; written in place.
    """
    _write_directions(places_mm, rows, np.asarray(joints_cam_mm, np.float64), float(reach_mm), out)


def write_offsets(
    places_mm: np.ndarray, rows: np.ndarray, joints_cam_mm: np.ndarray, out: np.ndarray
) -> None:
    """Fill rows of a map ``(rows, 3J)`` with the vectors in mm from a place to every joint; in place."""
    offsets = np.asarray(joints_cam_mm, np.float64)[None] - places_mm[:, None]
    out[rows] = np.where(np.isfinite(offsets), offsets, 0.0).reshape(len(rows), -1)


@njit(cache=True)
def _write_directions(places, rows, joints, reach, out):  # noqa: ANN001, ANN202
    """The loop of :func:`write_directions`."""
    J = len(joints)
    for k in range(len(rows)):
        row = out[rows[k]]
        for j in range(J):
            x = joints[j, 0] - places[k, 0]
            y = joints[j, 1] - places[k, 1]
            z = joints[j, 2] - places[k, 2]
            r = np.sqrt(x * x + y * y + z * z)
            if not np.isfinite(r):
                continue
            r = min(max(r, NEAREST_MM), reach)
            row[j] = (reach - r) / reach
            row[J + 3 * j] = x / r
            row[J + 3 * j + 1] = y / r
            row[J + 3 * j + 2] = z / r
