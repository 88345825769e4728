"""Pictures of things in space: three orthogonal views, heat-map projections, voxels, the posed 3D plot."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from carpus.reports.style import GRID, INK, MUTED, PAPER, TRUTH_GREY, figure, hex_colour, tidy
from carpus.skeletons import Skeleton

# Panel title, horizontal axis, vertical axis; axes are x, y, z = 0, 1, 2 and y points down.
_PANELS = (("front", 0, 1), ("side", 2, 1), ("top", 0, 2))
_LETTER = "xyz"


def orthogonal_views(
    joints_cam_mm: np.ndarray,
    skeleton: Skeleton,
    *,
    target_cam_mm: np.ndarray | None = None,
    valid: np.ndarray | None = None,
    points_cam_mm: np.ndarray | None = None,
) -> Figure:
    """A hand from the front, the side and the top, to one scale.

    Args:
        joints_cam_mm: ``(J, 3)`` prediction.
        skeleton: of the joints.
        target_cam_mm: ``(J, 3)`` ground truth, drawn thin and grey, or None.
        valid: ``(J,)`` bool, ground-truth joints that exist.
        points_cam_mm: ``(P, 3)`` measured points, or None.
    """
    fig = figure(10.5, 3.9)
    everything = np.concatenate([a for a in (joints_cam_mm, target_cam_mm, points_cam_mm) if a is not None])
    low, high = np.nanmin(everything, axis=0), np.nanmax(everything, axis=0)
    middle, reach = (low + high) / 2, float((high - low).max()) / 2 + 12
    for ax, (title, h, v) in zip(fig.subplots(1, 3), _PANELS, strict=True):
        tidy(ax, title, f"{_LETTER[h]} (mm)", f"{_LETTER[v]} (mm)")
        if points_cam_mm is not None:
            ax.scatter(points_cam_mm[:, h], points_cam_mm[:, v], s=1.2, color="#cfc6b2", linewidths=0)
        if target_cam_mm is not None:
            _flat_skeleton(ax, target_cam_mm[:, [h, v]], skeleton, valid, TRUTH_GREY)
        _flat_skeleton(ax, joints_cam_mm[:, [h, v]], skeleton, None, None)
        ax.set_xlim(middle[h] - reach, middle[h] + reach)
        # y grows downwards in the picture; seen from the top, what is near lies below.
        ax.set_ylim(middle[v] + reach * (1 if v == 1 else -1), middle[v] - reach * (1 if v == 1 else -1))
        ax.set_aspect("equal")
    return fig


def _flat_skeleton(
    ax: Axes, joints: np.ndarray, skeleton: Skeleton, valid: np.ndarray | None, mono: str | None
) -> None:
    """Bones and dots of ``(J, 2)`` joints."""
    keep = np.ones(len(skeleton), bool) if valid is None else valid
    for parent, child in skeleton.bones:
        if keep[parent] and keep[child]:
            colour = mono or hex_colour(skeleton.colours[child])
            pair = joints[[parent, child]].T
            if mono is None:
                ax.plot(*pair, color=INK, linewidth=4.4, solid_capstyle="round", zorder=2)
            ax.plot(*pair, color=colour, linewidth=1.2 if mono else 3, solid_capstyle="round", zorder=2)
    colours = [mono or hex_colour(c) for c in np.array(skeleton.colours)[keep]]
    ax.scatter(
        *joints[keep].T, s=8 if mono else 26, c=colours, edgecolors=mono or INK, linewidths=0.6, zorder=3
    )


def heatmap_projections(
    heatmaps: np.ndarray,
    *,
    cells: np.ndarray | None = None,
    skeleton: Skeleton | None = None,
    title: str = "",
) -> Figure:
    """Largest value of 3D heat maps along each axis.

    Args:
        heatmaps: ``(J, X, Y, Z)`` or ``(X, Y, Z)``, indexed [x][y][z]; several joints are drawn together.
        cells: ``(J, 3)`` positions in cells (first cell's centre at 0) to mark, or None.
        skeleton: colours of the marks.
        title: of the whole figure.
    """
    volume = heatmaps.max(axis=0) if heatmaps.ndim == 4 else heatmaps
    fig = figure(10.5, 3.9)
    fig.suptitle(title, color=INK, fontsize=12, x=0.01, ha="left")
    top = float(volume.max()) or 1.0
    for ax, (name, h, v) in zip(fig.subplots(1, 3), _PANELS, strict=True):
        tidy(ax, f"{name}: largest along {_LETTER[3 - h - v]}", _LETTER[h], _LETTER[v], grid="")
        flat = volume.max(axis=3 - h - v)
        picture = flat.T if h < v else flat
        ax.imshow(picture, cmap="magma", vmin=0, vmax=top, origin="upper" if v == 1 else "lower")
        if cells is not None:
            colours = [hex_colour(c) for c in skeleton.colours] if skeleton else "white"
            ax.scatter(cells[:, h], cells[:, v], s=22, c=colours, edgecolors="white", linewidths=0.7)
            ax.set_xlim(-0.5, picture.shape[1] - 0.5)
    fig.colorbar(fig.axes[0].images[0], ax=fig.axes[:3], shrink=0.7, pad=0.01).ax.tick_params(
        labelsize=8, colors=MUTED
    )
    return fig


def voxel_views(
    occupancy: np.ndarray, *, cells: np.ndarray | None = None, skeleton: Skeleton | None = None
) -> Figure:
    """A voxel grid in space and its three projections.

    Args:
        occupancy: ``(X, Y, Z)``, non-zero = occupied, indexed [x][y][z].
        cells: ``(J, 3)`` joints in voxels, or None.
        skeleton: draws the joints' bones and colours.
    """
    fig = figure(13, 3.8)
    grid = fig.add_gridspec(1, 4, width_ratios=(1.25, 1, 1, 1))
    where = np.argwhere(occupancy != 0)
    if where.size == 0:
        where = np.zeros((0, 3), np.int64)
    space: Any = fig.add_subplot(grid[0], projection="3d")
    _frame(space, f"{len(where):,} of {occupancy.size:,} voxels")
    size = max(1.5, 4.5e4 / occupancy.shape[0] ** 2)
    space.scatter(-where[:, 2], where[:, 0], -where[:, 1], c=where[:, 2], cmap="copper", s=size, marker="s",
                  linewidths=0, alpha=0.9 if cells is None else 0.3, zorder=1)  # fmt: skip
    if cells is not None and skeleton is not None:
        _space_skeleton(space, cells, skeleton, None)
    _equal_box(space, np.array([[0, 0, 0], occupancy.shape]))
    for column, (name, h, v) in enumerate(_PANELS, start=1):
        ax = tidy(fig.add_subplot(grid[column]), name, _LETTER[h], _LETTER[v], grid="")
        flat = (occupancy != 0).sum(axis=3 - h - v)
        ax.imshow(flat.T if h < v else flat, cmap="bone_r", origin="upper" if v == 1 else "lower")
    return fig


def posed_plot(
    joints_cam_mm: np.ndarray,
    skeleton: Skeleton,
    *,
    target_cam_mm: np.ndarray | None = None,
    back_plane: np.ndarray | None = None,
) -> Figure:
    """The published 3D picture: hand in front of its depth crop, seen from azimuth 62°, elevation 7°.

    Args:
        joints_cam_mm: ``(J, 3)``.
        skeleton: of the joints.
        target_cam_mm: ``(J, 3)`` in grey, or None.
        back_plane: ``(H, W, 3)`` uint8 square picture of the depth crop behind the hand, or None.
    """
    fig = figure(6, 6)
    ax: Any = fig.add_subplot(projection="3d")
    _frame(ax, "")
    both = joints_cam_mm if target_cam_mm is None else np.concatenate([joints_cam_mm, target_cam_mm])
    low, high = np.nanmin(both, axis=0), np.nanmax(both, axis=0)
    middle, reach = (low + high) / 2, float((high - low).max()) / 2 + 20
    if back_plane is not None:
        _paper(ax, back_plane, middle, reach)
    if target_cam_mm is not None:
        _space_skeleton(ax, target_cam_mm, skeleton, TRUTH_GREY)
    _space_skeleton(ax, joints_cam_mm, skeleton, None)
    _equal_box(ax, np.stack([middle - reach, middle + reach]))
    return fig


def _paper(ax: Any, picture: np.ndarray, middle: np.ndarray, reach: float) -> None:
    """The depth crop as a plane at the far end."""
    small = picture[:: max(1, len(picture) // 96), :: max(1, len(picture) // 96)] / 255.0
    rows, columns = small.shape[:2]
    x = np.linspace(middle[0] - reach, middle[0] + reach, columns + 1)
    y = np.linspace(middle[1] - reach, middle[1] + reach, rows + 1)
    across, down = np.meshgrid(x, y)
    far = np.full_like(across, -(middle[2] + reach))
    look = {"rstride": 1, "cstride": 1, "shade": False, "antialiased": False, "zorder": -1}
    ax.plot_surface(far, across, -down, facecolors=small, **look)


def _space_skeleton(ax: Any, joints: np.ndarray, skeleton: Skeleton, mono: str | None) -> None:
    points = np.stack([-joints[:, 2], joints[:, 0], -joints[:, 1]], axis=1)
    for parent, child in skeleton.bones:
        colour = mono or hex_colour(skeleton.colours[child])
        ax.plot(
            *points[[parent, child]].T,
            color=colour,
            linewidth=1.4 if mono else 3.4,
            solid_capstyle="round",
            zorder=4,
        )
    colours = [mono or hex_colour(c) for c in skeleton.colours]
    edge = mono or INK
    ax.scatter(*points.T, s=8 if mono else 30, c=colours, depthshade=False, edgecolors=edge, linewidths=0.6,
               zorder=5)  # fmt: skip


def _frame(ax: Any, title: str) -> None:
    """The published point of view, panes without lines."""
    ax.view_init(elev=7, azim=62 - 90)  # the published azimuth counts from -y, matplotlib's from x
    ax.set_title(title, loc="left", color=INK, fontsize=11)
    ax.set_facecolor(PAPER)
    ax.computed_zorder = False  # the far plane must stay behind the hand
    ax.grid(visible=False)
    for axis, name in ((ax.xaxis, "z"), (ax.yaxis, "x"), (ax.zaxis, "y")):
        axis.set_pane_color((1, 1, 1, 0))
        axis.line.set_color(GRID)
        axis.set_ticklabels([])
        axis.set_label_text(name, color=MUTED, fontsize=9)


def _equal_box(ax: Any, corners: np.ndarray) -> None:
    """Same scale on all axes; ``corners`` ``(2, 3)`` low and high in camera space."""
    low, high = corners
    ax.set_xlim(-high[2], -low[2])
    ax.set_ylim(low[0], high[0])
    ax.set_zlim(-high[1], -low[1])
    ax.set_box_aspect((1, 1, 1))
