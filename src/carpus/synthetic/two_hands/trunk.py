"""The person behind the hands: chest, upper arms, neck and head."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from carpus.synthetic.two_hands.mesh import FINGER_MM, SHIRT, SKIN, Mesh, joined, ring_faces
from carpus.synthetic.two_hands.studio import MIDDLE_MM

_HEIGHT_MM = np.array([-330.0, -300.0, -255.0, -190.0, -80.0, 60.0, 200.0, 330.0, 460.0])
_WIDTH_MM = np.array([45.0, 60.0, 150.0, 185.0, 180.0, 165.0, 160.0, 172.0, 175.0])
_DEPTH_MM = np.array([45.0, 55.0, 75.0, 105.0, 120.0, 118.0, 112.0, 118.0, 120.0])
"""Half width and half depth of the chest, from the neck down."""

_SIDES = {"right": np.array([-1.0, 1.0, 1.0]), "left": np.ones(3)}
_SHOULDER_MM, _HANGING_ELBOW_MM = np.array([165.0, -235.0, 0.0]), np.array([235.0, 110.0, 30.0])
_UPPER_ARM_MM = np.array([66.0, 58.0, 52.0, 50.0, 30.0])
_DOWN = np.array([0.0, 1.0, 0.0])


def trunk_mesh(size: float, elbows_mm: Mapping[str, np.ndarray], behind_mm: float) -> Mesh:
    """A person in a shirt who faces the first camera.

    Args:
        size: factor of everything.
        elbows_mm: side to ``(3,)``; a side that is not given has its arm hanging down.
        behind_mm: how far the chest's middle is behind the place of the hands.
    """
    middle = MIDDLE_MM + np.array([0.0, 0.0, behind_mm])
    meshes = [_tube(middle + size * _chest(), SHIRT)]
    for side, mirror in _SIDES.items():
        elbow = elbows_mm.get(side, middle + size * mirror * _HANGING_ELBOW_MM)
        shoulder = middle + size * mirror * _SHOULDER_MM
        meshes.append(_tube(_limb(shoulder, elbow, size * _UPPER_ARM_MM), SHIRT))
    neck = middle + size * np.array([0.0, -300.0, -5.0])
    head = neck + size * np.array([0.0, -190.0, -30.0])
    meshes.append(_tube(_limb(neck + 60 * _DOWN, neck - 90 * _DOWN, np.full(4, 55.0)), SKIN))
    radii = np.array([5.0, 58, 74, 78, 70, 50, 5])
    meshes.append(_tube(_limb(head + 95 * _DOWN, head - 110 * _DOWN, radii), SKIN))
    return joined(meshes)


def _chest() -> np.ndarray:
    """``(R, 36, 3)`` rings, flatter in front than an ellipse."""
    angle = np.linspace(0, 2 * np.pi, 37)[:-1]
    across = np.sign(np.cos(angle)) * np.abs(np.cos(angle)) ** 0.8
    height = np.broadcast_to(_HEIGHT_MM[:, None], (len(_HEIGHT_MM), len(angle)))
    return np.stack([_WIDTH_MM[:, None] * across, height, _DEPTH_MM[:, None] * np.sin(angle)], axis=-1)


def _limb(start: np.ndarray, end: np.ndarray, radii: np.ndarray) -> np.ndarray:
    """``(R, 14, 3)`` rings of given radii from start to end."""
    axis = (end - start) / np.linalg.norm(end - start)
    one = np.cross(axis, [0.3, 0.1, 1.0])
    one /= np.linalg.norm(one)
    angle = np.linspace(0, 2 * np.pi, 15)[:-1]
    circle = np.cos(angle)[:, None] * one + np.sin(angle)[:, None] * np.cross(axis, one)
    steps = np.linspace(0, 1, len(radii))[:, None, None]
    return start * (1 - steps) + end * steps + radii[:, None, None] * circle


def _tube(rings: np.ndarray, material: int) -> Mesh:
    """A surface through rings ``(R, S, 3)``; its pattern hangs straight down, as seen from the front."""
    count, sides = rings.shape[:2]
    faces = ring_faces(np.arange(count * sides).reshape(count, sides))
    middle = rings.mean(1)
    paint = np.zeros((count, sides, 5))
    paint[..., :3] = rings - middle[:, None]
    down = np.append(0, np.linalg.norm(np.diff(middle, axis=0), axis=1).cumsum())
    paint[..., 1], paint[..., 3] = down[:, None], FINGER_MM
    return Mesh(rings.reshape(-1, 3), faces, paint.reshape(-1, 5), np.full(len(faces), material, np.int8))
