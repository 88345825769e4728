"""What changes from sample to sample in crops of RGB hands: place, size, angle, side and colour."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from carpus.errors import ConfigError


@dataclass(frozen=True)
class RgbDraw:
    """One sample's augmentation; the default changes nothing.

    Args:
        shift: ``(2,)`` shares of the box's width and height.
        scale: factor on the box.
        turn_deg: angle by which the box is turned.
        flip: mirror the image left to right, so that a right hand becomes a left one.
        colour: ``(3,)`` factors on red, green, blue.
    """

    shift: tuple[float, float] = (0.0, 0.0)
    scale: float = 1.0
    turn_deg: float = 0.0
    flip: bool = False
    colour: tuple[float, float, float] = (1.0, 1.0, 1.0)


class _Random(NamedTuple):
    """Where numbers come from: geometry and chance had different generators in the published program."""

    uniform: Callable[[float, float], float]
    normal: Callable[[], float]
    chance: Callable[[], float]
    tint: Callable[[float, float], float]


@dataclass(frozen=True)
class RgbAugmentation:
    """The published augmentation of crops of interacting hands; the numbers are settings.

    Args:
        shift: largest share of the box by which it moves, uniform to either side.
        scale: the box grows or shrinks by this share times a normal number cut at ±1.
        turn_deg: it turns by this angle times a normal number cut at ±2 …
        turn_chance: … in this share of the samples.
        flip_chance: share of the samples that are mirrored.
        colour: factors on red, green and blue are uniform in 1 ± this.
    Raises:
        ConfigError: for a negative range or a chance outside 0 to 1.
    Example:
        >>> draw = RgbAugmentation().draw(np.random.default_rng(0))
        >>> abs(draw.shift[0]) <= 0.15, 0.75 <= draw.scale <= 1.25, abs(draw.turn_deg) <= 90
        (True, True, True)
    """

    shift: float = 0.15
    scale: float = 0.25
    turn_deg: float = 45.0
    turn_chance: float = 0.6
    flip_chance: float = 0.5
    colour: float = 0.2

    def __post_init__(self) -> None:
        for name in ("shift", "scale", "turn_deg", "colour"):
            if getattr(self, name) < 0:
                raise ConfigError(f"augment.{name}={getattr(self, name)} must not be negative")
        for name in ("turn_chance", "flip_chance"):
            if not 0 <= getattr(self, name) <= 1:
                raise ConfigError(f"augment.{name}={getattr(self, name)} must be from 0 to 1")
        if self.scale >= 1 or self.colour > 1:
            raise ConfigError(f"augment: scale={self.scale} must be below 1 and colour={self.colour} up to 1")

    def draw(self, rng: np.random.Generator) -> RgbDraw:
        """One sample's augmentation from its own generator."""
        return self._draw(_Random(rng.uniform, rng.standard_normal, rng.random, rng.uniform))

    def published_draw(self, numbers: np.random.RandomState, chances: random.Random) -> RgbDraw:
        """The published program's draw from NumPy's old and Python's generator, for comparison with it."""
        return self._draw(_Random(numbers.uniform, numbers.randn, chances.random, chances.uniform))

    def _draw(self, rng: _Random) -> RgbDraw:
        """The order is the published one: which generator gives the next number depends on it."""
        shift = (float(rng.uniform(-self.shift, self.shift)), float(rng.uniform(-self.shift, self.shift)))
        scale = 1 + self.scale * _cut(rng.normal(), 1.0)
        turn_deg = self.turn_deg * _cut(rng.normal(), 2.0) if rng.chance() <= self.turn_chance else 0.0
        flip = rng.chance() <= self.flip_chance
        red, green, blue = (float(rng.tint(1 - self.colour, 1 + self.colour)) for _ in range(3))
        return RgbDraw(shift, scale, turn_deg, flip, (red, green, blue))


class NoRgbAugmentation:
    """Every crop as the box says."""

    def draw(self, rng: np.random.Generator) -> RgbDraw:
        """The draw that changes nothing."""
        del rng
        return RgbDraw()


def tinted(crops: Tensor, colour: Tensor) -> Tensor:
    """Network inputs of a batch of crops: colour factors applied, cut, scaled to [0, 1], channels first.

    Done for the whole batch where the network runs: a worker would spend a quarter of its time on it, or
    round the result to 8 bits.

    Args:
        crops: ``(B, H, W, 3)`` uint8, red first.
        colour: ``(B, 3)`` factors.
    Returns:
        ``(B, 3, H, W)`` float32.
    Example:
        >>> grey = torch.full((1, 1, 1, 3), 204, dtype=torch.uint8)
        >>> tinted(grey, torch.tensor([[1.0, 0.5, 2.0]])).flatten()
        tensor([0.8000, 0.4000, 1.0000])
    """
    factor = colour.to(crops.device, torch.float32)[:, :, None, None]
    return crops.permute(0, 3, 1, 2).to(torch.float32).mul_(factor).clamp_(0, 255).div_(255)


def _cut(value: float, limit: float) -> float:
    return float(np.clip(value, -limit, limit))
