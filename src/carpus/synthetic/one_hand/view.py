"""Cameras that look at a place."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from carpus.geometry.camera import Camera
from carpus.render import rasterize
from carpus.render.zbuffer import ZBuffer
from carpus.synthetic.two_hands.mesh import Mesh

_NEAR_MM = 60.0


@dataclass(frozen=True)
class View:
    """A camera somewhere in the world.

    Args:
        camera: intrinsics, the centre of the first pixel at (0, 0).
        size_wh: width and height in pixels.
        rotation: ``(3, 3)`` world to camera.
        position_mm: ``(3,)`` camera centre in the world.
    """

    camera: Camera
    size_wh: tuple[int, int]
    rotation: np.ndarray
    position_mm: np.ndarray

    def to_camera(self, world_mm: np.ndarray) -> np.ndarray:
        """Points ``(*, 3)`` of the world in the camera's frame."""
        return (world_mm - self.position_mm) @ self.rotation.T

    def draw(self, mesh: Mesh, barycentric: bool = True) -> ZBuffer:
        """What every pixel sees of a surface."""
        points = self.to_camera(mesh.vertices)
        return rasterize(
            points, mesh.faces, self.camera, self.size_wh, near=_NEAR_MM, barycentric=barycentric
        )

    def smaller(self, factor: int) -> View:
        """The same view with fewer pixels."""
        lens = self.camera
        small = Camera(lens.fx / factor, lens.fy / factor, lens.cx / factor, lens.cy / factor)
        width, height = self.size_wh
        return replace(self, camera=small, size_wh=(width // factor, height // factor))


def look_at(position_mm: np.ndarray, target_mm: np.ndarray, roll_deg: float = 0.0) -> np.ndarray:
    """``(3, 3)`` world to camera of a camera that looks at a point, upright but for its roll.

    Args:
        position_mm, target_mm: ``(3,)`` in the world, which is y-down.
        roll_deg: turn about the line of sight.
    """
    forward = target_mm - position_mm
    forward /= np.linalg.norm(forward)
    down = np.array([0.0, 1.0, 0.0]) if abs(forward[1]) < 0.97 else np.array([0.0, 0.0, 1.0])
    right = np.cross(down, forward)
    right /= np.linalg.norm(right)
    roll = np.radians(roll_deg)
    turned = np.cos(roll) * right + np.sin(roll) * np.cross(forward, right)
    return np.stack([turned, np.cross(forward, turned), forward])


def sample_direction(front: float, rng: np.random.Generator) -> np.ndarray:
    """``(3,)`` unit vector from which a camera may look.

    Args:
        front: 0 any direction is as likely as any other; 1 only such from before the person.
        rng: source of randomness.
    """
    while True:
        direction = rng.normal(0, 1, 3)
        direction /= np.linalg.norm(direction)
        # The person looks along -z.
        if abs(direction[1]) < 0.9 and rng.uniform() < 1 - front * (1 + direction[2]) / 2:
            return direction
