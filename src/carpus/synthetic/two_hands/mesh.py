"""Surfaces with what shading needs beside their shape."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

SKIN, SHIRT = 0, 1
FINGER_MM = 90.0
"""Where a finger ends, measured from its tip; what is further away is no finger."""


@dataclass(frozen=True)
class Mesh:
    """A surface with what its pixels are painted from.

    Args:
        vertices: ``(V, 3)`` mm in the world.
        faces: ``(F, 3)``.
        paint: ``(V, 5)``: place on the skin or cloth in mm ``(3)``; distance to the finger's tip in mm (from
            :data:`FINGER_MM` on: no finger); 1 on the back of the hand, -1 on the palm's side.
        material: ``(F,)`` int8 :data:`SKIN` or :data:`SHIRT`.
        casters: how many of the faces, from the first on, throw shadows.
    """

    vertices: np.ndarray
    faces: np.ndarray
    paint: np.ndarray
    material: np.ndarray
    casters: int = 0


def joined(meshes: list[Mesh], casters: int = 0) -> Mesh:
    """Several surfaces as one.

    Args:
        meshes: in their order.
        casters: how many of them, from the first on, throw shadows.
    """
    starts = np.cumsum([0, *(len(mesh.vertices) for mesh in meshes[:-1])])
    return Mesh(
        np.concatenate([mesh.vertices for mesh in meshes]),
        np.concatenate([mesh.faces + start for mesh, start in zip(meshes, starts, strict=True)]),
        np.concatenate([mesh.paint for mesh in meshes]),
        np.concatenate([mesh.material for mesh in meshes]),
        sum(len(mesh.faces) for mesh in meshes[:casters]),
    )


def ring_faces(loops: np.ndarray) -> np.ndarray:
    """``(F, 3)`` faces between consecutive loops ``(R, S)`` of vertex numbers."""
    near, far = loops[:-1], loops[1:]
    before, far_before = np.roll(near, 1, axis=1), np.roll(far, 1, axis=1)
    return np.stack([before, near, far_before, near, far, far_before], axis=-1).reshape(-1, 3)
