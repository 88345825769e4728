"""What a depth sensor adds: noise that grows with distance, whole millimetres, holes."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np


@dataclass(frozen=True)
class SensorNoise:
    """A depth sensor's faults.

    Args:
        sigma_mm_at_1m: standard deviation of the depth at one metre; it grows with the square of depth.
        smooth_px: size of the patches in which the noise is alike.
        border_drop: share of pixels lost at depth edges.
        grazing_deg: surfaces seen at a flatter angle than this lose pixels.
        drop: share of pixels lost anywhere.
        step_mm: depths are multiples of this.
    """

    sigma_mm_at_1m: float = 6.0
    smooth_px: int = 3
    border_drop: float = 0.3
    grazing_deg: float = 82.0
    drop: float = 0.002
    step_mm: float = 1.0

    def apply(self, depth_mm: np.ndarray, focal_px: float, rng: np.random.Generator) -> np.ndarray:
        """The image a sensor with these faults would give.

        Args:
            depth_mm: ``(H, W)`` true depth, 0 = nothing.
            focal_px: focal length, for the angle between ray and surface.
            rng: source of randomness.
        Returns:
            ``(H, W)`` float32, 0 = no measurement, multiples of ``step_mm`` elsewhere.
        """
        depth = depth_mm.astype(np.float32)
        seen = depth > 0
        rows, cols = np.flatnonzero(seen.any(axis=1)), np.flatnonzero(seen.any(axis=0))
        result = np.zeros_like(depth)
        if rows.size == 0:
            return result
        # Everything happens in the box around what is seen: most of a hand image is empty.
        box = (slice(rows[0], rows[-1] + 1), slice(cols[0], cols[-1] + 1))
        inside = depth[box]
        spread = self.sigma_mm_at_1m * (inside / 1000.0) ** 2
        noisy = inside + spread * self._patches(inside.shape, rng)
        noisy = np.maximum(np.rint(noisy / self.step_mm), 1.0) * self.step_mm
        result[box] = np.where(seen[box] & ~self._lost(inside, focal_px, rng), noisy, 0.0)
        return result

    def _patches(self, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
        """Unit variance noise, half of it alike over a few pixels."""
        fine = rng.standard_normal(shape, np.float32)
        if self.smooth_px < 2:
            return fine
        size = (self.smooth_px, self.smooth_px)
        coarse = self.smooth_px * cv2.blur(rng.standard_normal(shape, np.float32), size)
        return np.float32(np.sqrt(0.5)) * (fine + coarse)

    def _lost(self, depth: np.ndarray, focal_px: float, rng: np.random.Generator) -> np.ndarray:
        """Pixels without a measurement: at depth edges, on grazing surfaces, anywhere by chance."""
        padded = cv2.copyMakeBorder(depth, 1, 1, 1, 1, cv2.BORDER_REPLICATE)
        du = 0.5 * np.abs(padded[1:-1, 2:] - padded[1:-1, :-2])
        dv = 0.5 * np.abs(padded[2:, 1:-1] - padded[:-2, 1:-1])
        slope = np.maximum(du, dv) * focal_px / np.maximum(depth, 1.0)
        draws = rng.random(depth.shape, np.float32)
        return (draws < self.drop) | (
            (slope > np.tan(np.radians(self.grazing_deg))) & (draws < self.border_drop)
        )
