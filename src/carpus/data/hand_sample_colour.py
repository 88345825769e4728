"""Blur, brightness, saturation, hue and contrast of 8-bit pictures as Pillow and torchvision have them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PIL import Image, ImageEnhance, ImageFilter

from carpus.data.hand_sample_rules import COLOUR_STEPS, ColourDraw


def recoloured(
    image: np.ndarray, draw: ColourDraw, zoom: float = 1.0, inside: np.ndarray | None = None
) -> np.ndarray:
    """A picture blurred, then its colours changed, in the drawn order.

    Args:
        image: ``(H, W, 3)`` uint8, red first.
        draw: what to do.
        zoom: pixels of this picture per pixel of the published one; the blur's radius grows with it.
        inside: ``(H, W)`` bool, which pixels show the published picture: the others do not count for the
            contrast and stay black. None for all.
    Returns:
        A new picture of the same shape.
    """
    picture = Image.fromarray(image)
    if draw.blur_px > 0:
        picture = picture.filter(ImageFilter.GaussianBlur(draw.blur_px * zoom))
    steps: dict[str, Callable[[Image.Image], Image.Image]] = {
        "brightness": lambda p: ImageEnhance.Brightness(p).enhance(draw.brightness),
        "saturation": lambda p: ImageEnhance.Color(p).enhance(draw.saturation),
        "hue": lambda p: _hue(p, draw.hue),
        "contrast": lambda p: _contrast(p, draw.contrast, inside),
    }
    for step in draw.order:
        picture = steps[COLOUR_STEPS[step]](picture)
    found = np.asarray(picture)
    return found if inside is None else np.where(inside[..., None], found, np.uint8(0))


def _hue(picture: Image.Image, share: float) -> Image.Image:
    """Turned by a share of the colour circle, in steps of a 255th."""
    hue, saturation, value = picture.convert("HSV").split()
    turned = np.asarray(hue) + np.uint8(int(share * 255) & 255)
    return Image.merge("HSV", (Image.fromarray(turned), saturation, value)).convert("RGB")


def _contrast(picture: Image.Image, factor: float, inside: np.ndarray | None) -> Image.Image:
    """Away from, or towards, the mean brightness."""
    if inside is None or not inside.any():
        return ImageEnhance.Contrast(picture).enhance(factor)
    mean = int(np.asarray(picture.convert("L"))[inside].mean() + 0.5)
    return Image.blend(Image.new("RGB", picture.size, (mean, mean, mean)), picture, factor)
