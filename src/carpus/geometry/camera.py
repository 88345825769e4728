"""The pinhole camera every dataset shares."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor

Array = TypeVar("Array", np.ndarray, Tensor)


@dataclass(frozen=True)
class Camera:
    """Pinhole intrinsics in pixels, with optional lens distortion and world pose.

    A negative ``fy`` describes a frame whose y axis points up; sources convert such frames on reading, so
    inside Carpus ``fy`` is positive and y points down.

    Args:
        fx, fy: focal lengths.
        cx, cy: principal point; the centre of the first pixel is (0, 0).
        distortion: k1, k2, k3, p1, p2 of the radial-tangential model, or None.
        rotation: ``(3, 3)`` world-to-camera rotation, or None.
        position_mm: ``(3,)`` camera centre in the world, or None.
    """

    fx: float
    fy: float
    cx: float
    cy: float
    distortion: tuple[float, float, float, float, float] | None = None
    rotation: tuple[tuple[float, ...], ...] | None = None
    position_mm: tuple[float, float, float] | None = None

    def to_array(self) -> np.ndarray:
        """``(4,)`` float64 fx, fy, cx, cy, the form records store."""
        return np.array([self.fx, self.fy, self.cx, self.cy])

    @classmethod
    def from_array(cls, values: np.ndarray) -> Camera:
        """The camera of a record's ``camera`` field ``(4,)``."""
        fx, fy, cx, cy = (float(v) for v in values)
        return cls(fx, fy, cx, cy)

    def project(self, points_cam_mm: Array) -> Array:
        """Pixels of camera-space points.

        Args:
            points_cam_mm: ``(*, 3)`` x right, y down, z forward.
        Returns:
            ``(*, 2)`` (u, v); NaN where z <= 0.
        Example:
            >>> Camera(241.42, 241.42, 160.0, 120.0).project(np.array([[0.0, 0.0, 400.0]]))
            array([[160., 120.]])
        """
        z: Any = points_cam_mm[..., 2]
        z = torch.where(z > 0, z, torch.nan) if isinstance(z, Tensor) else np.where(z > 0, z, np.nan)
        qx, qy = points_cam_mm[..., 0] / z, points_cam_mm[..., 1] / z
        if self.distortion is not None:
            qx, qy = distort(qx, qy, self.distortion)
        return _stack(qx * self.fx + self.cx, qy * self.fy + self.cy)

    def unproject(self, pixels: Array, depth_mm: Array) -> Array:
        """Camera-space points of pixels with depth; lens distortion is not inverted.

        Args:
            pixels: ``(*, 2)`` (u, v).
            depth_mm: ``(*)``.
        Returns:
            ``(*, 3)`` millimetres (or the unit of the depth).
        Raises:
            ValueError: if the camera has lens distortion.
        Example:
            >>> Camera(241.42, 241.42, 160.0, 120.0).unproject(np.array([160.0, 120.0]), np.array(400.0))
            array([  0.,   0., 400.])
        """
        if self.distortion is not None:
            raise ValueError("unproject: undistort the pixels first, this camera has lens distortion")
        x = (pixels[..., 0] - self.cx) / self.fx * depth_mm
        y = (pixels[..., 1] - self.cy) / self.fy * depth_mm
        return _stack(x, y, depth_mm)

    def uvd_to_xyz(self, uvd: Array) -> Array:
        """``(*, 3)`` (u, v, depth) to ``(*, 3)`` camera space."""
        return self.unproject(uvd[..., :2], uvd[..., 2])

    def xyz_to_uvd(self, xyz: Array) -> Array:
        """``(*, 3)`` camera space to ``(*, 3)`` (u, v, depth); u, v are NaN where z <= 0."""
        pixels = self.project(xyz)
        return _stack(pixels[..., 0], pixels[..., 1], xyz[..., 2])


def distort(
    qx: Array, qy: Array, coefficients: tuple[float, float, float, float, float]
) -> tuple[Array, Array]:
    """Radial-tangential lens model on normalised coordinates ``(*)`` (x/z, y/z): k1, k2, k3, p1, p2."""
    k1, k2, k3, p1, p2 = coefficients
    r2 = qx * qx + qy * qy
    radial = 1 + k1 * r2 + k2 * r2**2 + k3 * r2**3 + 2 * (p1 * qy + p2 * qx)
    return qx * radial + p2 * r2, qy * radial + p1 * r2


def _stack(*columns: Any) -> Any:
    """Join coordinate arrays ``(*)`` along a new last axis."""
    return torch.stack(columns, dim=-1) if isinstance(columns[0], Tensor) else np.stack(columns, axis=-1)
