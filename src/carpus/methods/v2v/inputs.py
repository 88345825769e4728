"""One depth record to the pixels that can fall into its cube."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from carpus.data.augment import NoAugmentation, VolumeAugmentation
from carpus.data.depth_images import decode_depth
from carpus.data.fields import center_of, truth_of
from carpus.errors import ConfigError, unknown
from carpus.geometry.voxels import VolumeTransform, VoxelGrid
from carpus.types import Inputs, Ragged, Record

BACKGROUNDS = ("drop", "plane")
MAX_BYTES = 256_000
"""A sample above this is thinned to one pixel per voxel, which changes no voxel."""

_CORNERS = np.array([[i, j, k] for i in (0, 1) for j in (0, 1) for k in (0, 1)], dtype=np.float64)


class V2VInputs:
    """Decodes a depth image, draws the augmentation and ships the pixels that can lie in the cube.

    Per sample: ``pixels`` ragged ``(N, 2)`` (u, v), int16 without noise, and ``depth`` ragged ``(N,)`` mm,
    int16 where all values are whole; ``aug_scale`` ``()``, ``aug_angle`` ``()`` rad, ``aug_shift`` ``(3,)``
    voxels; ``camera`` ``(4,)`` and ``center_mm`` ``(3,)`` float32; and what the record offers of
    ``joints_cam_mm`` ``(J, 3)`` and ``joint_valid`` ``(J,)``.

    Args:
        grid: the voxel grid.
        augment: what is drawn for training samples; None for nothing.
        pixel_offset: added to the pixel indices; 1 for weights of the PyTorch port, -1 for torch7 on MSRA.
        background: ``drop`` pixels without a measurement, or put them on a ``plane`` as the references do.
        background_mm: depth of that plane.
        decode: from bytes and their coding to ``(H, W)`` float32 mm, 0 where nothing was measured.
    Raises:
        ConfigError: if ``background`` is unknown or the plane has no depth.
    """

    def __init__(
        self,
        grid: VoxelGrid,
        augment: VolumeAugmentation | NoAugmentation | None = None,
        pixel_offset: int = 0,
        background: str = "drop",
        background_mm: float | None = None,
        decode: Callable[[bytes, str], np.ndarray] = decode_depth,
    ) -> None:
        if background not in BACKGROUNDS:
            raise ConfigError(unknown("background", background, BACKGROUNDS))
        if background == "plane" and not background_mm:
            raise ConfigError(
                "background 'plane' needs background_mm, the depth of the plane (dataset.depth_range_mm)"
            )
        self.grid = grid
        self.augment = NoAugmentation() if augment is None else augment
        self.pixel_offset = pixel_offset
        self.plane_mm = background_mm if background == "plane" else None
        self._decode = decode

    def __call__(self, record: Record, rng: np.random.Generator, train: bool) -> Inputs:
        """Arrays of one sample; the same generator state gives the same arrays."""
        depth_mm = self._decode(record.images["depth"], str(record.fields["depth_coding"]))
        camera = np.asarray(record.fields["camera"], dtype=np.float64)
        center_mm = center_of(record)
        augment = self.augment if train else NoAugmentation()
        transform = augment.draw(rng, self.grid.slack)
        pixels, depth = self._pixels_in_reach(depth_mm, camera, center_mm, transform)
        pixels, depth = _drop(pixels, depth, augment.max_drop, rng)
        pixels, depth = _jitter(pixels, depth, camera, augment.noise_mm, rng)
        pixels, depth = self._thin(pixels, depth, camera, center_mm, transform)
        inputs: Inputs = {
            "pixels": Ragged(pixels),
            "depth": Ragged(_compact(depth)),
            "camera": camera.astype(np.float32),
            "center_mm": center_mm.astype(np.float32),
            "aug_scale": np.asarray(transform.scale, np.float32),
            "aug_angle": np.asarray(transform.angle_rad, np.float32),
            "aug_shift": np.asarray(transform.shift, np.float32),
        }
        return inputs | truth_of(record)

    def _pixels_in_reach(
        self, depth_mm: np.ndarray, camera: np.ndarray, center_mm: np.ndarray, transform: VolumeTransform
    ) -> tuple[np.ndarray, np.ndarray]:
        """Pixels ``(N, 2)`` int16 and depths ``(N,)`` of what may fall into the transformed cube."""
        # The margin holds the truncated face and everything the rule torch7 rounds.
        corners = self.grid.to_camera(_CORNERS * (self.grid.size + 8) - 4, center_mm, transform)
        low, high = corners.min(0), corners.max(0)
        u0, v0, u1, v1 = self._rectangle(low, high, camera, depth_mm.shape)
        crop = depth_mm[v0:v1, u0:u1]
        if self.plane_mm is not None:
            crop = np.where(crop > 0, crop, np.float32(self.plane_mm))
        rows, columns = np.nonzero((crop > max(low[2], 0.0)) & (crop < high[2]))
        pixels = np.stack((columns + (u0 + self.pixel_offset), rows + (v0 + self.pixel_offset)), -1)
        return pixels.astype(np.int16), crop[rows, columns]

    def _rectangle(
        self, low: np.ndarray, high: np.ndarray, camera: np.ndarray, shape: tuple[int, ...]
    ) -> tuple[int, int, int, int]:
        """Column and row bounds (half open) of a box's projection; all if it reaches the camera."""
        height, width = shape
        if low[2] <= 1.0:
            return 0, 0, width, height
        focal, middle = camera[:2], camera[2:] - self.pixel_offset
        slopes = np.stack((low[:2] / low[2], low[:2] / high[2], high[:2] / low[2], high[:2] / high[2]))
        first = np.floor(slopes.min(0) * focal + middle)
        last = np.ceil(slopes.max(0) * focal + middle) + 1
        u0, v0 = np.clip(first, 0, (width, height)).astype(int)
        u1, v1 = np.clip(last, 0, (width, height)).astype(int)
        return int(u0), int(v0), int(u1), int(v1)

    def _thin(
        self,
        pixels: np.ndarray,
        depth: np.ndarray,
        camera: np.ndarray,
        center_mm: np.ndarray,
        transform: VolumeTransform,
    ) -> tuple[np.ndarray, np.ndarray]:
        """One pixel per occupied voxel, if the sample were too large otherwise."""
        if pixels.nbytes + _compact(depth).nbytes <= MAX_BYTES:
            return pixels, depth
        points = _unproject(pixels, depth, camera)
        index = self.grid.voxel_index(self.grid.to_voxels(points, center_mm, transform))
        inside = np.flatnonzero(((index >= 0) & (index < self.grid.size)).all(-1))
        i, j, k = index[inside].astype(np.int64).T
        _, first = np.unique((i * self.grid.size + j) * self.grid.size + k, return_index=True)
        kept = inside[np.sort(first)]
        return pixels[kept], depth[kept]


def _unproject(pixels: np.ndarray, depth: np.ndarray, camera: np.ndarray) -> np.ndarray:
    rays = (pixels - camera[2:]) / camera[:2]
    return np.concatenate((rays * depth[:, None], depth[:, None]), -1)


def _drop(
    pixels: np.ndarray, depth: np.ndarray, max_drop: float, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    if not max_drop:
        return pixels, depth
    kept = rng.uniform(size=len(depth)) >= rng.uniform(0.0, max_drop)
    return pixels[kept], depth[kept]


def _jitter(
    pixels: np.ndarray, depth: np.ndarray, camera: np.ndarray, noise_mm: float, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    if not noise_mm:
        return pixels, depth
    points = _unproject(pixels, depth, camera) + rng.uniform(-noise_mm, noise_mm, size=(len(depth), 3))
    moved = points[:, :2] / points[:, 2:] * camera[:2] + camera[2:]
    return moved.astype(np.float32), points[:, 2].astype(np.float32)


def _compact(depth: np.ndarray) -> np.ndarray:
    """The same values as int16 if all are whole and fit."""
    whole = depth.astype(np.int16)
    return whole if np.array_equal(whole, depth) else depth.astype(np.float32)
