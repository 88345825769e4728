"""Surfaces of revolution that figures and things are built from."""

from __future__ import annotations

import numpy as np

from carpus.synthetic.two_hands.mesh import FINGER_MM, Mesh, ring_faces

TROUSERS, HAIR, THING = 2, 3, 4
"""Materials beside those of :mod:`~carpus.synthetic.two_hands.mesh`."""
MATERIALS = 5


def limb(
    start: np.ndarray,
    end: np.ndarray,
    radii_mm: np.ndarray,
    sides: int = 12,
    flat: float = 1.0,
    steps: np.ndarray | None = None,
) -> np.ndarray:
    """Rings ``(R, S, 3)`` from a point to another.

    Args:
        start, end: ``(3,)`` mm.
        radii_mm: ``(R,)``.
        sides: points of a ring.
        flat: depth of the rings along z as a part of their width, where the axis is upright.
        steps: ``(R,)`` how far along each ring is, 0..1; evenly spaced unless given.
    """
    axis = (end - start) / np.linalg.norm(end - start)
    first = np.cross(axis, (0.0, 0.0, 1.0) if abs(axis[2]) < 0.9 else (0.0, -1.0, 0.0))
    first /= np.linalg.norm(first)
    angle = np.linspace(0, 2 * np.pi, sides, endpoint=False)
    circle = np.cos(angle)[:, None] * first + flat * np.sin(angle)[:, None] * np.cross(axis, first)
    part = (np.linspace(0, 1, len(radii_mm)) if steps is None else steps)[:, None, None]
    return start * (1 - part) + end * part + np.asarray(radii_mm)[:, None, None] * circle


def tube(rings: np.ndarray, material: int) -> Mesh:
    """A surface through rings ``(R, S, 3)``, painted in mm across and along it."""
    count, sides = rings.shape[:2]
    faces = ring_faces(np.arange(count * sides).reshape(count, sides))
    middle = rings.mean(1)
    paint = np.zeros((count, sides, 5))
    paint[..., :3] = rings - middle[:, None]
    along = np.append(0, np.linalg.norm(np.diff(middle, axis=0), axis=1).cumsum())
    paint[..., 1], paint[..., 3] = along[:, None], FINGER_MM
    return Mesh(rings.reshape(-1, 3), faces, paint.reshape(-1, 5), np.full(len(faces), material, np.int8))


def ball(middle: np.ndarray, radii_mm: np.ndarray, material: int) -> Mesh:
    """An ellipsoid.

    Args:
        middle: ``(3,)`` mm.
        radii_mm: ``(3,)`` along x, y and z.
        material: of all its faces.
    """
    height = np.cos(np.linspace(0.04, np.pi - 0.04, 9))
    angle = np.linspace(0, 2 * np.pi, 14, endpoint=False)
    width = np.sqrt(1 - height**2)[:, None]
    unit = np.stack(
        [width * np.cos(angle), np.repeat(-height[:, None], 14, 1), width * np.sin(angle)], axis=-1
    )
    return tube(middle + unit * radii_mm, material)
