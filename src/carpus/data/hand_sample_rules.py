"""What the sample of one hand depends on beside its record: the published habits, and their corrections."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from carpus.errors import ConfigError, unknown

SIDES = ("right", "left")
WARPS = ("bilinear", "nearest")
COLOUR_ON = ("crop", "image")
COLOUR_STEPS = ("brightness", "saturation", "hue", "contrast")


@dataclass(frozen=True)
class HandRules:
    """Switches of the sample preparation; the defaults are the corrected ones.

    Args:
        hand_side: every hand is shown as this one, ``right`` or ``left``; the other is mirrored.
        flip_minus_one: a mirrored column is width - 1 - u, where the mirrored picture shows it; False:
            width - u, as published.
        flip_intrinsics: mirror the principal point, too; False, as published, leaves it, so that joints
            project beside the keypoints of a mirrored picture wherever it is not in the middle.
        warp: ``bilinear`` samples colour between the pixels, the first pixel's centre being (0, 0);
            ``nearest``, as published, takes the pixel under the point, the first pixel reaching from (0, 0)
            to (1, 1). Depth and masks are never blended.
        round_kp: cut keypoints of the crop to whole pixels, as published.
        colour_on: ``crop`` changes the colours of the crop, ``image``, as published, those of the whole
            picture, which takes longer where that is larger.
        crop_px: side of the crop.
        map_px: side of depth map and silhouette.
    Raises:
        ConfigError: for an unknown choice.
    """

    hand_side: str = "right"
    flip_minus_one: bool = True
    flip_intrinsics: bool = True
    warp: str = "bilinear"
    round_kp: bool = False
    colour_on: str = "crop"
    crop_px: int = 256
    map_px: int = 64

    def __post_init__(self) -> None:
        for name, allowed in (("hand_side", SIDES), ("warp", WARPS), ("colour_on", COLOUR_ON)):
            if getattr(self, name) not in allowed:
                raise ConfigError(unknown(name, str(getattr(self, name)), allowed))
        if self.crop_px < 1 or self.map_px < 1:
            raise ConfigError(f"crop_px={self.crop_px} and map_px={self.map_px} must be positive")


FIXED = HandRules()
FAITHFUL = HandRules(
    flip_minus_one=False, flip_intrinsics=False, warp="nearest", round_kp=True, colour_on="image"
)
PRESETS = {"fixed": FIXED, "faithful": FAITHFUL}


class ColourDraw(NamedTuple):
    """One sample's colours; the default changes nothing.

    Args:
        blur_px: radius in pixels of the published picture.
        brightness, saturation, contrast: factors.
        hue: share of the colour circle.
        order: places of :data:`COLOUR_STEPS` in the order in which they are applied.
    """

    blur_px: float = 0.0
    brightness: float = 1.0
    saturation: float = 1.0
    hue: float = 0.0
    contrast: float = 1.0
    order: tuple[int, ...] = (0, 1, 2, 3)


class HandDraw(NamedTuple):
    """One sample's augmentation; the default changes nothing.

    Args:
        shift: ``(2,)`` shares of the crop's side in the picture, by which its centre moves.
        scale: factor on that side.
        turn_rad: angle by which picture and joints turn.
        colour: what happens to the colours; None leaves them.
    """

    shift: tuple[float, float] = (0.0, 0.0)
    scale: float = 1.0
    turn_rad: float = 0.0
    colour: ColourDraw | None = None


@dataclass(frozen=True)
class HandAugmentation:
    """The published augmentation of one hand's crop; the numbers are settings.

    Args:
        centre_jitter: largest share of the crop's side by which its centre moves, uniform along each axis.
        scale_jitter: the side grows or shrinks by this share times a normal number, cut at ± this share.
        turn_deg: the angle is uniform in ± this.
        blur_px: the blur's radius is uniform between 0 and this.
        brightness, saturation, contrast: factors are uniform in 1 ± this.
        hue: the turn of the colour circle is uniform in ± this share of it.
    Raises:
        ConfigError: for a range that makes no sense.
    Example:
        >>> draw = HandAugmentation().draw(np.random.default_rng(0))
        >>> max(map(abs, draw.shift)) <= 0.2, 0.8 <= draw.scale <= 1.2, abs(draw.turn_rad) <= np.pi / 2
        (True, True, True)
    """

    centre_jitter: float = 0.2
    scale_jitter: float = 0.2
    turn_deg: float = 90.0
    blur_px: float = 0.5
    brightness: float = 0.5
    saturation: float = 0.5
    hue: float = 0.15
    contrast: float = 0.5

    def __post_init__(self) -> None:
        limits = {"scale_jitter": 1.0, "hue": 0.5, "turn_deg": 180.0}
        for name, value in vars(self).items():
            limit = limits.get(name, np.inf)
            if not 0 <= value <= limit or (name == "scale_jitter" and value == limit):
                raise ConfigError(f"augment.{name}={value}: 0 to {limit:g} is allowed")

    def draw(self, rng: np.random.Generator) -> HandDraw:
        """One sample's augmentation from its own generator; the order of the draws is the published one."""
        shift = rng.uniform(-1, 1, 2) * self.centre_jitter
        part = self.scale_jitter
        scale = float(np.clip(1 + part * rng.standard_normal(), 1 - part, 1 + part))
        turn_rad = float(np.deg2rad(rng.uniform(-self.turn_deg, self.turn_deg)))
        return HandDraw((float(shift[0]), float(shift[1])), scale, turn_rad, self._colour(rng))

    def _colour(self, rng: np.random.Generator) -> ColourDraw:
        blur_px = rng.random() * self.blur_px
        factors = [
            rng.uniform(max(0.0, 1 - part), 1 + part)
            for part in (self.brightness, self.contrast, self.saturation)
        ]
        hue = rng.uniform(-self.hue, self.hue)
        order = tuple(int(step) for step in rng.permutation(len(COLOUR_STEPS)))
        return ColourDraw(blur_px, factors[0], factors[2], hue, factors[1], order)


class NoHandAugmentation:
    """Every hand as it is."""

    def draw(self, rng: np.random.Generator) -> HandDraw:
        """The draw that changes nothing."""
        del rng
        return HandDraw()
