"""A studio around a person: a dome of colour and grey cameras, lamps, and what each camera sees behind."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from carpus.geometry.camera import Camera

MIDDLE_MM = np.array([0.0, 0.0, 1050.0])
"""Where the hands are; the world is the frame of a camera in front of the person."""

PORTRAIT, LANDSCAPE = (334, 512), (512, 334)
_FOCAL_PX = 1270.0
_COLOUR, _GREY = 400000, 410000


@dataclass(frozen=True)
class StudioCamera:
    """One camera of a capture.

    Args:
        name: published name, six digits: 400xxx is colour, 410xxx grey.
        size_wh: width and height in pixels.
        camera: intrinsics and place.
        gains: ``(3,)`` of the colour channels.
        exposure: factor of brightness.
        gamma: exponent from light to pixel value.
        blur_px: standard deviation of the lens' blur.
        noise: standard deviation of a mid-grey pixel, of 255.
    """

    name: str
    size_wh: tuple[int, int]
    camera: Camera
    gains: np.ndarray
    exposure: float
    gamma: float
    blur_px: float
    noise: float

    @property
    def grey(self) -> bool:
        """Whether its three channels are equal."""
        return self.name.startswith("41")

    @property
    def rotation(self) -> np.ndarray:
        """``(3, 3)`` world to camera."""
        return np.asarray(self.camera.rotation)

    @property
    def position_mm(self) -> np.ndarray:
        """``(3,)`` camera centre in the world."""
        return np.asarray(self.camera.position_mm)

    def to_camera(self, world_mm: np.ndarray) -> np.ndarray:
        """Points ``(*, 3)`` of the world in the camera's frame."""
        return (world_mm - self.position_mm) @ self.rotation.T


@dataclass(frozen=True)
class Light:
    """The lamps of a capture.

    Args:
        directions: ``(L, 3)`` unit vectors towards the lamps, in the world.
        power: ``(L,)``.
        ambient: light from everywhere.
    """

    directions: np.ndarray
    power: np.ndarray
    ambient: float


def sample_cameras(count: int, rng: np.random.Generator) -> list[StudioCamera]:
    """A capture's cameras on a dome in front of the person, about two in five of them grey.

    Args:
        count: how many.
        rng: source of randomness.
    """
    numbers = rng.choice(np.arange(2, 480), count, replace=False)
    tint = rng.uniform(0.85, 1.15, 3) * rng.uniform((0.9, 0.95, 0.65), (1.05, 1.1, 1.0))
    cameras = []
    for index, number in enumerate(sorted(int(n) for n in numbers)):
        grey = index % 5 in (1, 3)
        landscape = rng.uniform() < (0.5 if grey else 0.15)
        size = LANDSCAPE if landscape else PORTRAIT
        gains = np.ones(3) if grey else tint * rng.normal(1.0, 0.03, 3)
        cameras.append(
            StudioCamera(
                f"{(_GREY if grey else _COLOUR) + number:06d}",
                size,
                _sample_place(size, rng),
                gains,
                exposure=float(rng.uniform(0.75, 1.25)),
                gamma=float(rng.uniform(0.55, 0.75) if grey else rng.uniform(0.6, 0.85)),
                blur_px=float(rng.uniform(0.45, 0.8)),
                noise=float(rng.uniform(1.0, 3.0)),
            )
        )
    return cameras


def sample_light(rng: np.random.Generator) -> Light:
    """Three to five lamps above and in front, none of them hard."""
    count = int(rng.integers(3, 6))
    azimuth, height = rng.uniform(-1.4, 1.4, count), rng.uniform(-0.1, 1.1, count)
    towards = np.stack(
        [np.sin(azimuth) * np.cos(height), -np.sin(height), -np.cos(azimuth) * np.cos(height)], axis=1
    )
    power = rng.dirichlet(np.full(count, 2.0)) * rng.uniform(0.75, 1.0)
    return Light(towards, power, float(rng.uniform(0.2, 0.4)))


def sample_background(camera: StudioCamera, rng: np.random.Generator) -> np.ndarray:
    """``(H, W, 3)`` float32 light 0..1 behind the person: a dark studio, a wall or a cluttered room.

    Args:
        camera: whose view it is.
        rng: source of randomness.
    """
    width, height = camera.size_wh
    kind = rng.choice(3, p=(0.45, 0.25, 0.3))
    base = (
        rng.uniform(0.0, 0.02, 3) if kind == 0 else rng.uniform(0.08, 0.5) * rng.dirichlet((30, 30, 30)) * 3
    )
    slope = cv2.resize(rng.uniform(0.6, 1.3, (3, 3, 1)).astype(np.float32), (width, height))
    image = (base.astype(np.float32) * slope[..., None]).astype(np.float32)
    if kind == 2:
        _add_clutter(image, rng)
    stains = rng.normal(0, 0.015 if kind else 0.002, (height // 24, width // 24, 1)).astype(np.float32)
    image += cv2.resize(stains, (width, height), interpolation=cv2.INTER_CUBIC)[..., None]
    if kind == 0 or rng.uniform() < 0.3:
        _add_lamps(image, rng)
    return np.clip(image, 0, 1)


def _sample_place(size_wh: tuple[int, int], rng: np.random.Generator) -> Camera:
    """Lens and place of a camera that looks at the hands, nearly upright."""
    azimuth, height = np.radians(rng.uniform(-70, 70)), np.radians(np.clip(rng.normal(8, 18), -22, 48))
    away = np.array([np.sin(azimuth) * np.cos(height), -np.sin(height), -np.cos(azimuth) * np.cos(height)])
    position = MIDDLE_MM + rng.uniform(980, 1220) * away
    forward = MIDDLE_MM + rng.normal(0, 10, 3) - position
    forward /= np.linalg.norm(forward)
    roll = np.radians(rng.normal(0, 4))
    right = np.cross([np.sin(roll), np.cos(roll), 0.0], forward)
    right /= np.linalg.norm(right)
    rotation = _as_written(np.stack([right, np.cross(forward, right), forward]))
    fx, fy = _as_written(_FOCAL_PX + rng.normal(0, 8) + rng.normal(0, 0.3, 2))
    cx, cy = _as_written((np.array(size_wh) - 1) / 2 + rng.normal(0, 12, 2))
    x, y, z = _as_written(position)
    return Camera(fx, fy, cx, cy, rotation=tuple(map(tuple, rotation)), position_mm=(x, y, z))


def _as_written(values: np.ndarray) -> list:
    """Numbers as the files hold them, in single precision: what is drawn must be what is written."""
    return np.float32(values).tolist()


def _add_lamps(image: np.ndarray, rng: np.random.Generator) -> None:
    """Small bright lamps with a halo and the star of an aperture."""
    height, width = image.shape[:2]
    rows, cols = np.mgrid[-24:25, -24:25].astype(np.float32)
    distance = np.hypot(rows, cols)
    angle = np.arctan2(rows, cols)
    star = np.exp(-distance / 5) * np.abs(np.cos(3 * angle + rng.uniform(0, 3))) ** 24
    spot = np.clip(5.5 - distance, 0, 1) + 0.25 * np.exp(-((distance / 8) ** 2)) + 0.8 * star
    for _ in range(int(rng.integers(2, 9))):
        v, u = int(rng.integers(0, height)), int(rng.integers(0, width))
        top, left = max(0, v - 24), max(0, u - 24)
        bottom, right = min(height, v + 25), min(width, u + 25)
        part = spot[top - v + 24 : bottom - v + 24, left - u + 24 : right - u + 24]
        colour = rng.uniform((0.9, 0.8, 0.7), (1.0, 1.0, 1.0)).astype(np.float32)
        image[top:bottom, left:right] += rng.uniform(0.5, 1.3) * part[..., None] * colour


def _add_clutter(image: np.ndarray, rng: np.random.Generator) -> None:
    """Boxes and round things, out of focus."""
    height, width = image.shape[:2]
    for _ in range(int(rng.integers(4, 14))):
        colour = (rng.uniform(0.02, 0.7) * rng.dirichlet((5, 5, 5)) * 3).tolist()
        centre = rng.uniform(0, 1, 2) * (width, height)
        size = rng.uniform(15, 130, 2)
        if rng.uniform() < 0.6:
            box = cv2.boxPoints((centre.tolist(), size.tolist(), float(rng.normal(0, 12))))
            cv2.fillConvexPoly(image, np.rint(box).astype(np.int32), colour)
        else:
            cv2.ellipse(image, (centre.tolist(), size.tolist(), float(rng.uniform(0, 180))), colour, -1)
    image[:] = cv2.GaussianBlur(image, (0, 0), float(rng.uniform(1.0, 5.0)))
