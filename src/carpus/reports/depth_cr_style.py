"""How the depth CR publication draws: skeletons, depth, maps over depth, squares on the image.

Positions are (row, col) in the coordinates of the axes; a picture of side S covers 0 to S both ways.
"""

from __future__ import annotations

import colorsys

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from carpus.geometry.cube import VOID
from carpus.reports.style import INK, PAPER
from carpus.skeletons import Skeleton

RGB = tuple[float, float, float]
CHAIN_COLOURS: dict[str, RGB] = {
    "wrist": (0, 1, 1),
    "thumb": (1, 0, 1),
    "index": (0, 0, 1),
    "middle": (0, 1, 0),
    "ring": (1, 1, 0),
    "little": (1, 0, 0),
}
"""Colour of a finger, or of NYU's two wrist joints, by what its joints' names start with."""
BLACK: RGB = (0, 0, 0)
SQUARE_COLOURS = {"centre": "orange", "near": "red", "far": "lime"}
"""Sections of the cube whose squares are drawn on the image."""
_DARK = 0.3
_NEAR, _FAR = 0.8, 0.15


def empty_figure(width: float, height: float) -> Figure:
    """A figure of that many inches at the default resolution."""
    return Figure(figsize=(width, height), dpi=100, facecolor=PAPER, layout="constrained")


def chains(skeleton: Skeleton) -> list[tuple[list[int], RGB]]:
    """Joints from the root to every tip, and the colour of that finger.

    Example:
        >>> from carpus.skeletons import HANDS17
        >>> chains(HANDS17)[0]
        ([0, 1, 6, 7, 8], (1, 0, 1))
    """
    found = []
    for tip in skeleton.tips:
        line = [tip]
        while skeleton.parents[line[-1]] >= 0:
            line.append(skeleton.parents[line[-1]])
        red, green, blue = (channel / 255 for channel in skeleton.colours[tip])
        colour = CHAIN_COLOURS.get(skeleton.joints[tip].split("_")[0], (red, green, blue))
        found.append((line[::-1], colour))
    return found


def shades(colour: RGB, count: int) -> list[RGB]:
    """``count`` colours from a dark one of lightness 0.3 to the full colour.

    Example:
        >>> [tuple(round(c, 2) for c in shade) for shade in shades((1, 0, 0), 2)]
        [(0.6, 0.0, 0.0), (1.0, 0.0, 0.0)]
    """
    hue, light, saturation = colorsys.rgb_to_hls(*colour)
    return [
        colorsys.hls_to_rgb(hue, value, saturation) for value in np.linspace(_DARK, light, count).tolist()
    ]


def draw_pose(ax: Axes, rowcol: np.ndarray, skeleton: Skeleton, ink: RGB | None = None) -> None:
    """Wrist dot, one line per finger from the wrist to the tip, shaded dots.

    Args:
        ax: axes that show a picture already; their limits stay.
        rowcol: ``(J, 2)``; NaN joints are left out.
        skeleton: of the joints.
        ink: one colour for everything: black is how truth lies beside a prediction.
    """
    ax.autoscale(enable=False)
    row, col = rowcol[:, 0], rowcol[:, 1]
    for line, colour in chains(skeleton):
        ax.plot(col[line], row[line], color=ink or colour, linewidth=2, zorder=3)
        dots = [ink] * (len(line) - 1) if ink else shades(colour, len(line) - 1)
        ax.scatter(col[line[1:]], row[line[1:]], s=24, c=dots, zorder=4)
    ax.scatter(col[skeleton.root], row[skeleton.root], s=40, color=ink or BLACK, zorder=5)


def darkness(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """Depth for the reversed bone colour map: near dark, far light, empty lightest.

    Args:
        values: ``(H, W)``; up to ``low`` nothing is there.
        low, high: near and far end.
    Returns:
        ``(H, W)``, 0 where empty, else from 0.8 (near) down to 0.15 (far).
    """
    share = np.clip((values - low) / (high - low), 0, 1)
    return np.where(values > low, _NEAR + (_FAR - _NEAR) * share, 0.0)


def show_image(ax: Axes, dark: np.ndarray, title: str = "") -> None:
    """An image ``(H, W)`` of :func:`darkness`, pixel (0, 0) covering 0 to 1 both ways."""
    height, width = dark.shape
    ax.imshow(dark, cmap="bone_r", vmin=0, vmax=1, extent=(0, width, height, 0), interpolation="nearest")
    ax.set_title(title, color=INK, fontsize=11)
    ax.set_xticks([])
    ax.set_yticks([])


def show_crop(ax: Axes, crop: np.ndarray, title: str = "") -> None:
    """A prepared view ``(C, C)`` of unit depth, 0 where empty."""
    show_image(ax, darkness(crop, VOID, 1.0), title)


def map_colours() -> ListedColormap:
    """Jet that fades out towards 0: alpha is the root of 0 … 0.99."""
    colours = mpl.colormaps["jet"](np.linspace(0, 1, 256))
    colours[:, 3] = np.sqrt(np.linspace(0, 0.99, 256))
    return ListedColormap(colours, name="jet_fading")


def show_map(ax: Axes, values: np.ndarray, side: float, title: str = "", signed: bool = False) -> None:
    """A map ``(S, S)`` over what the axes show, with a colour bar of 5 % of the width at the right.

    Args:
        ax: axes of a picture of that side, or empty ones.
        values: the map; signed ones are blue and red about 0.
        side: edge of the picture below, whatever S is.
        title: of the axes.
        signed: whether values have a sign.
    """
    high = float(np.abs(values).max()) or 1.0
    shown = ax.imshow(
        values,
        cmap="coolwarm" if signed else map_colours(),
        vmin=-high if signed else 0,
        vmax=high,
        extent=(0, side, side, 0),
        interpolation="nearest",
        zorder=2,
    )
    ax.set_title(title, color=INK, fontsize=11)
    ax.set_xticks([])
    ax.set_yticks([])
    bar = ax.figure.colorbar(shown, cax=ax.inset_axes((1.02, 0, 0.05, 1)))
    bar.ax.tick_params(labelsize=7)


def draw_arrows(ax: Axes, direction: np.ndarray, there: np.ndarray, side: float) -> None:
    """Directions in the picture's plane, one arrow per pixel of a map.

    Args:
        ax: axes of a picture of that side.
        direction: ``(S, S, 3)`` unit vectors x, y, z.
        there: ``(S, S)`` bool, pixels with an arrow.
        side: edge of the picture.
    """
    row, col = np.nonzero(there)
    scale = side / len(there)
    across, down = direction[row, col, 0], direction[row, col, 1]
    # The axis points down the picture, as y does.
    ax.quiver(
        *((col + 0.5) * scale, (row + 0.5) * scale, across, down),
        angles="xy",
        scale_units="xy",
        scale=1 / (1.5 * scale),
        width=0.003,
        color=INK,
        zorder=3,
    )


def draw_square(ax: Axes, square: np.ndarray, colour: str) -> None:
    """A square ``(3,)`` side, row, col on the image."""
    side, row, col = (float(v) for v in square)
    ax.add_patch(Rectangle((col, row), side, side, fill=False, edgecolor=colour, linewidth=1.6, zorder=3))
