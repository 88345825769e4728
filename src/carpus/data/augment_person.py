"""What changes from sample to sample in crops of people and their parts: size, angle, colour and side."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from carpus.data.augment_rgb import RgbDraw
from carpus.errors import ConfigError


@dataclass(frozen=True)
class PersonAugmentation:
    """The published augmentation of crops of people; the numbers are settings.

    Args:
        scale: the box grows or shrinks by this share times a normal number cut at ±1.
        turn_deg: it turns by this angle times a normal number cut at ±2 …
        turn_chance: … in this share of the samples.
        colour: factors on red, green and blue are uniform in 1 ± this.
        flip_chance: share of the samples that are mirrored (hands: see
            :class:`~carpus.data.person_inputs.PersonInputs`).
    Raises:
        ConfigError: for a negative range or a chance outside 0 to 1.
    Example:
        >>> draw = PersonAugmentation().draw(np.random.default_rng(0))
        >>> 0.75 <= draw.scale <= 1.25, abs(draw.turn_deg) <= 60, draw.shift
        (True, True, (0.0, 0.0))
    """

    scale: float = 0.25
    turn_deg: float = 30.0
    turn_chance: float = 0.6
    colour: float = 0.2
    flip_chance: float = 0.5

    def __post_init__(self) -> None:
        for name in ("scale", "turn_deg", "colour"):
            if getattr(self, name) < 0:
                raise ConfigError(f"augment.{name}={getattr(self, name)} must not be negative")
        for name in ("turn_chance", "flip_chance"):
            if not 0 <= getattr(self, name) <= 1:
                raise ConfigError(f"augment.{name}={getattr(self, name)} must be from 0 to 1")
        if self.scale >= 1 or self.colour > 1:
            raise ConfigError(f"augment: scale={self.scale} must be below 1 and colour={self.colour} up to 1")

    def draw(self, rng: np.random.Generator) -> RgbDraw:
        """One sample's augmentation from its own generator."""
        return self._draw(rng.standard_normal, rng.random)

    def published_draw(self, numbers: np.random.RandomState, chances: random.Random) -> RgbDraw:
        """The published program's draw from NumPy's old and Python's generator, for comparison with it."""
        return self._draw(numbers.standard_normal, chances.random)

    def _draw(self, normal: Callable[[], float], chance: Callable[[], float]) -> RgbDraw:
        """The order is the published one: which generator gives the next number depends on it."""
        scale = 1 + self.scale * float(np.clip(normal(), -1, 1))
        turned = chance() <= self.turn_chance
        turn_deg = self.turn_deg * float(np.clip(normal(), -2, 2)) if turned else 0.0
        lowest, highest = 1 - self.colour, 1 + self.colour
        red, green, blue = (lowest + (highest - lowest) * chance() for _ in range(3))
        return RgbDraw(
            scale=scale, turn_deg=turn_deg, flip=chance() <= self.flip_chance, colour=(red, green, blue)
        )
