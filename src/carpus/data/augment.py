"""Augmentation draws: what changes from sample to sample and epoch to epoch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from carpus.errors import ConfigError
from carpus.geometry.voxels import VolumeTransform


@dataclass(frozen=True)
class NoAugmentation:
    """Every sample as it is."""

    noise_mm: float = 0.0
    max_drop: float = 0.0

    def draw(self, rng: np.random.Generator, slack: int) -> VolumeTransform:
        """The identity: scale 1, angle 0, the grid in the middle of the virtual one."""
        del rng
        return identity_transform(slack)


@dataclass(frozen=True)
class VolumeAugmentation:
    """Random scale, in-plane turn and shift of a volume, in this order of drawing.

    Args:
        scale_percent: interval of the size; 80 to 120 is published.
        invert_scale: scale by 100 / size instead of size / 100 (the integral variant of the PyTorch port).
        angle_deg: the angle is uniform in [-angle_deg, angle_deg).
        shift: use the grid's slack, uniform per axis; False keeps the grid in the middle.
        whole_shift: whole voxels 0 … slack, both included (torch7).
        noise_mm: uniform noise of ±noise_mm per point and axis; off in the published runs.
        max_drop: drop a share of the points, uniform in [0, max_drop); off in the published runs.
    Raises:
        ConfigError: if an interval is empty or negative.
    Example:
        >>> moved = VolumeAugmentation().draw(np.random.default_rng(0), slack=8)
        >>> bool(0.8 <= moved.scale < 1.2), moved.shift.shape
        (True, (3,))
    """

    scale_percent: tuple[float, float] = (80.0, 120.0)
    invert_scale: bool = False
    angle_deg: float = 40.0
    shift: bool = True
    whole_shift: bool = False
    noise_mm: float = 0.0
    max_drop: float = 0.0

    def __post_init__(self) -> None:
        low, high = self.scale_percent
        if not 0 < low <= high:
            raise ConfigError(f"augment.scale_percent [{low}, {high}]: needs 0 < low <= high, in percent")
        if self.angle_deg < 0 or self.noise_mm < 0 or not 0 <= self.max_drop < 1:
            raise ConfigError(
                f"augment: angle_deg {self.angle_deg} and noise_mm {self.noise_mm} must be >= 0 and "
                f"max_drop {self.max_drop} in [0, 1)"
            )

    def draw(self, rng: np.random.Generator, slack: int) -> VolumeTransform:
        """One sample's transform.

        Args:
            rng: the sample's own generator.
            slack: voxels by which the virtual grid exceeds the grid.
        Returns:
            ``scale`` ``()``, ``angle_rad`` ``()``, ``shift`` ``(3,)`` voxels, float64.
        """
        percent = rng.uniform(*self.scale_percent)
        angle_rad = np.deg2rad(rng.uniform(-self.angle_deg, self.angle_deg))
        shift = self._shift(rng, slack)
        scale = 100.0 / percent if self.invert_scale else percent / 100.0
        return VolumeTransform(np.asarray(scale), np.asarray(angle_rad), shift)

    def _shift(self, rng: np.random.Generator, slack: int) -> np.ndarray:
        if not self.shift:
            return identity_transform(slack).shift
        if self.whole_shift:
            return rng.integers(0, slack, size=3, endpoint=True).astype(np.float64)
        return rng.uniform(0.0, slack, size=3)


@dataclass(frozen=True)
class CubeMove:
    """One draw of :class:`CubeAugmentation`.

    Args:
        shift_mm: ``(3,)`` of the cube's centre.
        scale: of what the cube holds, about its new centre.
        angle_rad: turn in the image plane about it.
    """

    shift_mm: np.ndarray
    scale: float
    angle_rad: float

    def apply(self, points_mm: np.ndarray, center_mm: np.ndarray) -> np.ndarray:
        """Points ``(*, 3)`` turned and scaled about the cube's new centre ``(3,)``.

        Example:
            >>> move = CubeMove(np.zeros(3), 2.0, np.pi / 2)
            >>> move.apply(np.array([[1.0, 0.0, 5.0]]), np.array([0.0, 0.0, 4.0])).round(6) + 0.0
            array([[0., 2., 6.]])
        """
        cosine, sine = np.cos(self.angle_rad), np.sin(self.angle_rad)
        turn = np.array([[cosine, -sine, 0.0], [sine, cosine, 0.0], [0.0, 0.0, 1.0]])
        return (points_mm - center_mm) @ (self.scale * turn.T) + center_mm

    @property
    def reach(self) -> float:
        """Half side of the cube, per half side, that holds all points which may come to lie inside."""
        return float(np.sqrt(2) / self.scale) if self.angle_rad else 1 / self.scale


@dataclass(frozen=True)
class CubeAugmentation:
    """Random place of the cube, and turn and size of what it holds; joints move along.

    Args:
        shift_mm: the cube's centre moves by up to this much along each axis.
        scale_percent: interval of the size.
        angle_deg: the angle is uniform in [-angle_deg, angle_deg).
    Raises:
        ConfigError: if an interval is empty or negative.
    """

    shift_mm: float = 10.0
    scale_percent: tuple[float, float] = (90.0, 110.0)
    angle_deg: float = 180.0

    def __post_init__(self) -> None:
        low, high = self.scale_percent
        if not 0 < low <= high:
            raise ConfigError(f"augment.scale_percent [{low}, {high}]: needs 0 < low <= high, in percent")
        if self.angle_deg < 0 or self.shift_mm < 0:
            raise ConfigError(f"augment: angle_deg {self.angle_deg}, shift_mm {self.shift_mm}: must be >= 0")

    @property
    def turns(self) -> bool:
        """Whether more than the place of the cube changes."""
        return self.angle_deg > 0 or tuple(self.scale_percent) != (100.0, 100.0)

    def draw(self, rng: np.random.Generator) -> CubeMove:
        """One sample's move from its own generator."""
        shift = rng.uniform(-self.shift_mm, self.shift_mm, 3)
        percent = rng.uniform(*self.scale_percent)
        return CubeMove(shift, percent / 100, float(np.deg2rad(rng.uniform(-self.angle_deg, self.angle_deg))))


def identity_transform(slack: int) -> VolumeTransform:
    """The transform that changes nothing: scale 1, angle 0, shift slack / 2."""
    return VolumeTransform(np.asarray(1.0), np.asarray(0.0), np.full(3, slack / 2))


def legacy_draw(rng: np.random.RandomState, slack: int = 8) -> tuple[float, float, np.ndarray]:
    """The draws of the PyTorch port from NumPy's old generator, for comparison with it.

    Returns:
        Size in percent, angle in radians, shift ``(3,)`` in voxels.
    """
    percent = 80.0 + 40.0 * rng.rand()
    angle_rad = np.deg2rad(-40.0 + 80.0 * rng.rand())
    return percent, float(angle_rad), slack * rng.rand(3)
