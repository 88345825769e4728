"""Lens and sensor: what a camera writes for the light that reaches it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numba import njit

_TILE = 509
_LEVELS = 16384
_FAST_PNG = [cv2.IMWRITE_PNG_STRATEGY, cv2.IMWRITE_PNG_STRATEGY_HUFFMAN_ONLY]
"""Half the time for a few per cent more bytes: pictures with noise have no repetitions to find."""


@dataclass(frozen=True)
class Tone:
    """How a camera is set.

    Args:
        exposure: factor of brightness.
        gains: ``(3,)`` of the channels.
        gamma: exponent from light to pixel value.
        blur_px: standard deviation of the lens' blur.
        noise: standard deviation of a mid-grey pixel, of 255.
        vignette: how much darker the corners are.
    """

    exposure: float
    gains: np.ndarray
    gamma: float = 0.45
    blur_px: float = 0.5
    noise: float = 1.5
    vignette: float = 0.1


def sample_tone(rng: np.random.Generator, noise: tuple[float, float] = (0.8, 2.5)) -> Tone:
    """A camera's random settings.

    Args:
        rng: source of randomness.
        noise: its smallest and largest value.
    """
    return Tone(
        float(rng.uniform(0.85, 1.25)),
        np.clip(rng.normal(1, 0.05, 3), 0.85, 1.15),
        float(rng.uniform(0.42, 0.5)),
        float(rng.uniform(0.35, 0.65)),
        float(rng.uniform(*noise)),
        float(rng.uniform(0.02, 0.16)),
    )


def developed(light: np.ndarray, tone: Tone, rng: np.random.Generator) -> np.ndarray:
    """The picture of some light.

    Args:
        light: ``(H, W, 3)`` float32 0..1.
        tone: the camera's settings.
        rng: of the noise.
    Returns:
        ``(H, W, 3)`` uint8 RGB.
    """
    blurred = cv2.GaussianBlur(light, (0, 0), tone.blur_px)
    made = np.empty(light.shape, np.uint8)
    gains = np.float32(tone.exposure * tone.gains)
    value = 255 * np.linspace(0, 1, _LEVELS + 1) ** tone.gamma
    # Brighter pixels are noisier.
    table = np.stack([value + 0.5, tone.noise * (0.4 + 0.6 * np.sqrt(value / 128))], axis=1)
    start = rng.integers(0, _TILE, 2)
    _develop(blurred, gains, table.astype(np.float32), np.float32(tone.vignette), _grain(), start, made)
    return made


def encode_png(image: np.ndarray) -> bytes:
    """PNG bytes of ``(H, W, 3)`` uint8 RGB or ``(H, W)`` uint8."""
    if image.ndim == 3:
        return cv2.imencode(".png", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), _FAST_PNG)[1].tobytes()
    return cv2.imencode(".png", image)[1].tobytes()


def encode_jpeg(image: np.ndarray, quality: int = 92) -> bytes:
    """JPEG bytes of ``(H, W, 3)`` uint8 RGB."""
    found = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    return cv2.imencode(".jpg", found, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()


@lru_cache(maxsize=1)
def _grain() -> np.ndarray:
    """``(T, T, 3)`` noise of unit variance; every picture uses it from another place on."""
    return np.random.default_rng(20).standard_normal((_TILE, _TILE, 3), np.float32)


@njit(cache=True, nogil=True)
def _develop(light, gains, table, vignette, grain, start, made):  # noqa: ANN001, ANN202
    """Fill ``made`` ``(H, W, 3)`` uint8; ``table`` has pixel value and noise of every level of light."""
    height, width, _ = light.shape
    for row in range(height):
        y, at_row = 2.0 * row / (height - 1) - 1, (row + start[0]) % _TILE
        for col in range(width):
            x, at_col = 2.0 * col / (width - 1) - 1, (col + start[1]) % _TILE
            fall = np.float32(_LEVELS * (1 - vignette * (x * x + y * y)))
            for k in range(3):
                level = min(max(light[row, col, k] * gains[k] * fall, np.float32(0)), np.float32(_LEVELS))
                nearest = int(level + np.float32(0.5))
                value = table[nearest, 0] + table[nearest, 1] * grain[at_row, at_col, k]
                made[row, col, k] = int(min(max(value, np.float32(0)), np.float32(255)))
