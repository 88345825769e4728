"""Both hands over the crop and in space: ``_2d_2p5d_views`` and ``_2d_cam_views``."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from carpus.reports.digit_frame import SHOWN_2D, SHOWN_3D, DigitFrame
from carpus.reports.digit_style import DARK, DIMMED, Sheet, bone_colour, draw_hands, placed, scaled
from carpus.reports.style import GRID, MUTED, PAPER, hex_colour
from carpus.skeletons import HandPair

WIDTH, HEIGHT = 1456, 1000
_TILE, _COLUMN, _TOP, _ROW = 344, 364, 112, 446
_AXES_LEFT, _AXES_SIDE = 46, 310
_UNITS = {"cells": "cells", "cam": "mm"}
_HEAD_CELLS = "2.5D: crop pixels and depth to each wrist, in cells"
_AXES = ("x", "z", "−y")


@dataclass(frozen=True)
class View:
    """A direction to look at space from; axes 0, 1, 2 are x, z and −y.

    Args:
        title: of the view.
        across, up: the axes of the picture.
        towards: the axis that points at the viewer.
        mirrored: whether ``across`` grows to the left.
    """

    title: str
    across: int
    up: int
    towards: int
    mirrored: bool = False

    def flat(self, points: np.ndarray) -> np.ndarray:
        """Points ``(*, 3)`` of x, z and −y in the picture, ``(*, 2)`` to the right and up."""
        across = -points[..., self.across] if self.mirrored else points[..., self.across]
        return np.stack([across, points[..., self.up]], -1)

    def nearness(self, points: np.ndarray) -> np.ndarray:
        """``(*)``: what has more is nearer to the viewer."""
        return points[..., self.towards]


VIEWS = (
    View("azimuth 0°, from the right", across=1, up=2, towards=0),
    View("azimuth 90°, from behind", across=0, up=2, towards=1, mirrored=True),
    View("from the top", across=0, up=1, towards=2),
)
"""As matplotlib counts azimuths: the viewer stands on +x, then on +z; the third looks down."""


@dataclass(frozen=True)
class _Hands:
    """Joints ``(J, 3)`` and the ``(J,)`` of them that are drawn in the picture and in space."""

    pixels: np.ndarray
    points: np.ndarray
    flat: np.ndarray
    deep: np.ndarray


def views_picture(frame: DigitFrame, space: str) -> np.ndarray:
    """The crop with the true hands above the predicted ones, beside them three views of each in space.

    The axes of all views have the limits of the true joints, of the predicted ones where there is no truth.

    Args:
        frame: the image.
        space: ``cells``: as the network answers; ``cam``: millimetres in the camera's frame.
    Returns:
        ``(1000, 1456, 3)`` uint8.
    """
    truth, predicted = _hands(frame, space)
    head = _HEAD_CELLS if space == "cells" else frame.space
    sheet = Sheet(WIDTH, HEIGHT, frame.name, head)
    views = _space((truth, predicted), frame.skeleton, _limits(truth or predicted), _UNITS[space])
    sheet.put(views, _COLUMN, _TOP - 40)
    sheet.text(12, 50, _told(frame), 13, MUTED)
    above = "Crop" if truth is None else "Truth"
    for row, (name, hands) in enumerate(((above, truth), ("Prediction", predicted))):
        top = _TOP + row * _ROW
        sheet.text(12, top - 20, name, 15, bold=True)
        sheet.put(_picture(frame, hands), 12, top)
        if hands is None:
            sheet.text((WIDTH + _COLUMN) / 2, top + _TILE / 2, "there is no truth", 15, MUTED, anchor="mm")
    below = _TOP + _ROW + _TILE + 18
    right, left = frame.present
    sheet.text(12, below, f"probability: right hand {right:.2f}, left hand {left:.2f}", 13, MUTED)
    sheet.text(12, below + 20, _errors(truth, predicted, _UNITS[space]), 13, MUTED)
    return sheet.pixels


def _told(frame: DigitFrame) -> str:
    """Which joints are drawn, in words."""
    if frame.truth is None:
        return "Drawn are the hands that the network says are there."
    return "Drawn are the joints whose truth is known, of truth and prediction alike."


def _errors(truth: _Hands | None, predicted: _Hands, unit: str) -> str:
    """How far off the joints drawn are, in words."""
    if truth is None or not truth.deep.any():
        return ""
    flat = np.linalg.norm(truth.pixels - predicted.pixels, axis=-1)[truth.flat]
    deep = np.linalg.norm(truth.points - predicted.points, axis=-1)[truth.deep]
    return (
        f"mean distance {flat.mean() if flat.size else np.nan:.1f} px in the crop, {deep.mean():.1f} {unit}"
    )


def _hands(frame: DigitFrame, space: str) -> tuple[_Hands | None, _Hands]:
    """Truth, if there is one, and prediction."""
    flat, deep = frame.validity("cells") > SHOWN_2D, frame.validity(space) > SHOWN_3D
    own = frame.joints_cells if space == "cells" else frame.joints_cam_mm
    predicted = _Hands(frame.joints_px(frame.joints_cells), own, flat, deep)
    truth = frame.truth
    if truth is None:
        return None, predicted
    known = truth.joints_cells if space == "cells" else truth.joints_cam_mm
    return _Hands(frame.joints_px(truth.joints_cells), known, flat, deep), predicted


def _picture(frame: DigitFrame, hands: _Hands | None) -> np.ndarray:
    """The crop with both hands."""
    tile = scaled(frame.crop, _TILE)
    if hands is None:
        return tile
    scale = _TILE / frame.crop.shape[0]
    return draw_hands(tile, placed(hands.pixels, scale), hands.flat, scale, frame.skeleton)


def _limits(hands: _Hands) -> np.ndarray:
    """``(2, 3)`` low and high end of x, z and −y: one length for all, so that nothing is distorted."""
    points = to_axes(hands.points[hands.deep])
    points = points[np.isfinite(points).all(-1)]
    if not len(points):
        points = np.zeros((1, 3))
    low, high = points.min(0), points.max(0)
    half = max(float((high - low).max()) / 2 * 1.15, 1.0)
    return np.stack([(low + high) / 2 - half, (low + high) / 2 + half])


def to_axes(points: np.ndarray) -> np.ndarray:
    """Points ``(*, 3)`` as x, z and −y."""
    return np.stack([points[..., 0], points[..., 2], -points[..., 1]], -1)


def _space(rows: tuple[_Hands | None, ...], skeleton: HandPair, limits: np.ndarray, unit: str) -> np.ndarray:
    """All views, a row of three per entry; read from the canvas before the figure goes."""
    width, height = WIDTH - _COLUMN, len(rows) * _ROW
    fig = Figure(figsize=(width / 100, height / 100), dpi=100, facecolor=PAPER)
    canvas = FigureCanvasAgg(fig)
    for row, hands in enumerate(rows):
        for column, view in enumerate(VIEWS if hands is not None else ()):
            left, bottom = column * _COLUMN + _AXES_LEFT, height - row * _ROW - 40 - _AXES_SIDE
            side = (_AXES_SIDE / width, _AXES_SIDE / height)
            ax = fig.add_axes((left / width, bottom / height, *side))
            _frame(ax, view, limits, unit)
            assert hands is not None
            _draw(ax, view, hands, skeleton)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()


def _draw(ax: Axes, view: View, hands: _Hands, skeleton: HandPair) -> None:
    """Bones and joints, far ones first."""
    points = to_axes(hands.points)
    flat, near = view.flat(points), view.nearness(points)
    there = hands.deep & np.isfinite(points).all(-1)
    bones = [bone for bone in skeleton.bones if there[list(bone)].all()]
    lines, inks, widths = [], [], []
    for parent, child in sorted(bones, key=lambda bone: near[list(bone)].mean()):
        lines += [flat[[parent, child]]] * 2
        inks += [hex_colour(DARK), hex_colour(bone_colour(skeleton, parent, DIMMED))]
        widths += [3.6, 2.4]
    ax.add_collection(LineCollection(lines, colors=inks, linewidths=widths, capstyle="round"))
    shown = np.flatnonzero(there)
    shown = shown[np.argsort(near[shown])]
    dots = [hex_colour(bone_colour(skeleton, int(joint), DIMMED)) for joint in shown]
    ax.scatter(*flat[shown].T, s=17, c=dots, edgecolors=hex_colour(DARK), linewidths=0.6, zorder=3)


def _frame(ax: Axes, view: View, limits: np.ndarray, unit: str) -> None:
    """Square axes of one scale, light and without a box."""
    ax.set_title(view.title, loc="left", color=MUTED, fontsize=9.5, pad=8)
    ax.set_facecolor("#f7f5ef")
    low, high = view.flat(limits)
    ax.set_xlim(*sorted((low[0], high[0])))
    ax.set_ylim(low[1], high[1])
    if view.mirrored:
        ax.xaxis.set_major_formatter(lambda value, _: f"{0 - value:g}".replace("-", "−"))
    ax.set_xlabel(f"{_AXES[view.across]} ({unit})", color=MUTED, fontsize=8, labelpad=2)
    ax.set_ylabel(f"{_AXES[view.up]} ({unit})", color=MUTED, fontsize=8, labelpad=0)
    ax.tick_params(colors=MUTED, labelsize=7.5, length=0, pad=3)
    ax.grid(visible=True, color=GRID, linewidth=0.8)
    ax.set_axisbelow(True)
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_locator(MaxNLocator(5, integer=True))
    for spine in ax.spines.values():
        spine.set_visible(False)
