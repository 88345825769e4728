"""One look for every picture: palette, axes without chart junk, labels, atomic writing."""

from __future__ import annotations

import colorsys
import io
import os
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import numpy as np
from matplotlib import get_data_path
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image, ImageDraw, ImageFont

from carpus.skeletons.skeleton import Colour

INK, MUTED, GRID, PAPER = "#20242c", "#6b7078", "#e7e3da", "#fffefb"
SERIES = ("#0d6f86", "#d96b27", "#5b4bb5", "#b3324b", "#4f8a3a", "#8a6a2f")
TRUTH_GREY = "#4a4f57"


def figure(width: float = 8.0, height: float = 5.0) -> Figure:
    """An empty figure of that many inches, made without pyplot's global state."""
    return Figure(figsize=(width, height), dpi=120, facecolor=PAPER, layout="constrained")


def tidy(ax: Axes, title: str = "", x: str = "", y: str = "", grid: str = "both") -> Axes:
    """Give axes the house style: title at the left, light grid behind, no box."""
    ax.set_facecolor(PAPER)
    ax.set_title(title, loc="left", color=INK, fontsize=12, fontweight="bold", pad=10)
    ax.set_xlabel(x, color=MUTED, fontsize=10)
    ax.set_ylabel(y, color=MUTED, fontsize=10)
    ax.tick_params(colors=MUTED, labelsize=9, length=0)
    for side, spine in ax.spines.items():
        spine.set_visible(side == "bottom")
        spine.set_color(GRID)
    if grid:
        ax.grid(visible=True, axis=grid, color=GRID, linewidth=0.8)  # type: ignore[arg-type]
    ax.set_axisbelow(True)
    return ax


def legend(ax: Axes, **options: object) -> None:
    """A legend without a frame."""
    ax.legend(frameon=False, fontsize=9, labelcolor=INK, **options)  # type: ignore[arg-type]


def readable(colour: Colour, limit: float = 0.5) -> str:
    """A skeleton colour dark enough for a thin line on a light page.

    Args:
        colour: RGB 0..255.
        limit: largest relative luminance, 0..1.
    Returns:
        ``#rrggbb``.
    Example:
        >>> readable((255, 0, 0)), readable((230, 230, 0))
        ('#ff0000', '#898900')
    """
    hue, saturation, value = colorsys.rgb_to_hsv(*(channel / 255 for channel in colour))
    # Darkened alone, the pale shades of a finger would all turn grey.
    vivid = colorsys.hsv_to_rgb(hue, min(1.0, 1.4 * saturation), value)
    luminance = 0.2126 * vivid[0] + 0.7152 * vivid[1] + 0.0722 * vivid[2]
    factor = min(1.0, limit / max(luminance, 1e-6))
    red, green, blue = (round(255 * factor * channel) for channel in vivid)
    return hex_colour((red, green, blue))


def hex_colour(colour: Colour) -> str:
    """``#rrggbb`` of RGB 0..255."""
    return "#" + "".join(f"{max(0, min(255, int(c))):02x}" for c in colour)


@cache
def font(size: int, bold: bool = False) -> ImageFont.FreeTypeFont:
    """DejaVu Sans, which matplotlib brings along, so that pictures look alike everywhere."""
    name = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
    return ImageFont.truetype(Path(get_data_path()) / "fonts" / "ttf" / name, size)


def caption(picture: np.ndarray, texts: Iterable[tuple[float, str]], height: int = 34) -> np.ndarray:
    """Put a strip with text above a picture.

    Args:
        picture: ``(H, W, 3)`` uint8.
        texts: (left end as a share of the width, text) pairs.
        height: of the strip, pixels.
    Returns:
        ``(H + height, W, 3)`` uint8.
    """
    rows, columns = picture.shape[:2]
    canvas = Image.new("RGB", (columns, rows + height), PAPER)
    canvas.paste(Image.fromarray(picture), (0, height))
    pen = ImageDraw.Draw(canvas)
    for share, text in texts:
        pen.text((share * columns + 10, height / 2), text, fill=INK, font=font(14), anchor="lm")
    return np.asarray(canvas)


def encode_image(picture: np.ndarray, kind: str = "png", quality: int = 86) -> bytes:
    """``(H, W, 3)`` uint8 as the bytes of a ``png`` or ``jpeg`` file."""
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, format=kind, quality=quality, optimize=True)
    return buffer.getvalue()


def write_bytes(path: Path, data: bytes) -> Path:
    """Write a file so that it is there completely or not at all; folders are made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        part.write_bytes(data)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return path


def save_figure(fig: Figure, path: Path) -> Path:
    """Write a figure as PNG, atomically."""
    buffer = io.BytesIO()
    fig.savefig(buffer, format="png", facecolor=fig.get_facecolor())
    return write_bytes(path, buffer.getvalue())


def figure_image(fig: Figure) -> np.ndarray:
    """A figure as ``(H, W, 3)`` uint8, for tests and for pages."""
    buffer = io.BytesIO()
    fig.savefig(buffer, format="png", facecolor=fig.get_facecolor())
    return np.asarray(Image.open(buffer).convert("RGB"))
