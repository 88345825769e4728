"""Pictures of single frames in the depth CR publication's style: what was prepared, what was detected."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from carpus.data.prepared import Frame, parse_key, prepare
from carpus.errors import DataError
from carpus.reports.depth_cr_panels import GRIDS, PANEL_INCHES, Sheet, in_crop, on_image, show_frame
from carpus.reports.depth_cr_style import BLACK, chains, draw_pose, empty_figure, show_crop
from carpus.reports.style import INK, save_figure
from carpus.skeletons import Skeleton

FrameOf = Callable[[int], Frame]
"""Row of the test split to its frame."""


def sanity_figure(
    frame: Frame,
    skeleton: Skeleton,
    prepared: Sequence[str],
    arrays: Mapping[str, np.ndarray] | None = None,
    title: str = "test image",
) -> Figure:
    """What a model reads of a frame, beside the frame.

    The first row has the image with skeleton and the cube's squares (orange at its centre, red at its near
    face, lime at its far face) and the prepared crop, or the three views. Below stand the maps of two joints;
    maps of directions have arrows, and volumes are shown in slices through those joints.

    Args:
        frame: image, cube and joints.
        skeleton: of the joints.
        prepared: names of the model's input and guide, such as ``clean_128``, ``edt2m_32``.
        arrays: what a store holds of them, by name; the rest is computed.
        title: what the frame's number stands behind.
    Raises:
        ConfigError: for a name that is no prepared type.
        DataError: if a type needs joints and the frame has none.
    """
    return Sheet(frame, skeleton, prepared, arrays).figure(title)


def volume_figure(frame: Frame, skeleton: Skeleton, side: int = 64) -> Figure:
    """The occupied cells of the cube in three dimensions, with the skeleton."""
    cells = prepare(frame, [f"pcnt3_{side}"])[f"pcnt3_{side}"]
    centers = frame.cube.cell_centers(side)
    x, y, z = (centers[index, axis] for axis, index in enumerate(np.nonzero(cells)))
    fig = empty_figure(8, 8)
    ax = fig.add_subplot(projection="3d", computed_zorder=False)
    near, half = frame.cube.center_mm[2] - frame.cube.half_mm, frame.cube.half_mm
    dots: dict[str, Any] = {"s": (220 / side) ** 2, "alpha": 0.5, "zorder": 1}
    # The far end of the colour map is too pale on paper.
    ax.scatter(x, z, -y, c=z, cmap="bone", vmin=near, vmax=near + 3 * half, **dots)  # type: ignore[arg-type]
    if frame.joints:
        at = frame.joints_cam_mm
        for line, colour in chains(skeleton):
            ax.plot(at[line, 0], at[line, 2], -at[line, 1], color=colour, marker="o", zorder=3)
        root = at[skeleton.root]
        ax.plot([root[0]], [root[2]], [-root[1]], color=BLACK, marker="o", zorder=4)
    ax.set_title(f"test image - {frame.index}", color=INK, fontsize=11)
    _cube_axes(ax, frame)
    return fig


def _cube_axes(ax: Any, frame: Frame) -> None:
    """Three-dimensional axes that show exactly the cube: x to the right, z to the back, y up."""
    x, y, z = frame.cube.center_mm
    for name, middle in (("x", x), ("y", z), ("z", -y)):
        getattr(ax, f"set_{name}lim")(middle - frame.cube.half_mm, middle + frame.cube.half_mm)
    ax.set_box_aspect((1, 1, 1))
    ax.set_xlabel("x (mm)")
    ax.set_ylabel("z (mm)")
    ax.set_zlabel("-y (mm)")
    ax.view_init(elev=15, azim=-70)


def write_sanity_pictures(
    folder: Path | str,
    name: str,
    frame: Frame,
    skeleton: Skeleton,
    prepared: Sequence[str],
    arrays: Mapping[str, np.ndarray] | None = None,
) -> list[Path]:
    """Write ``draw_<name>_<id>.png`` and, for models that read volumes, ``draw3d_<name>_<id>.png``.

    Args:
        folder: is made if need be.
        name: of the model.
        frame: its number is the id.
        skeleton: of the joints.
        prepared: names of the model's input and guide.
        arrays: what a store holds of them, by name; the rest is computed.
    Returns:
        the files.
    """
    keys = [parse_key(one) for one in prepared]
    figures = {"draw": sanity_figure(frame, skeleton, prepared, arrays)}
    grids = [key for key in keys if key.type in GRIDS]
    if grids:
        sides = [key.crop_side or key.map_side for key in grids]
        figures["draw3d"] = volume_figure(frame, skeleton, min(*sides, 64))
    return [
        save_figure(fig, Path(folder) / f"{kind}_{name}_{frame.index}.png") for kind, fig in figures.items()
    ]


def comparison_figure(
    frame: Frame, joints_cam_mm: np.ndarray, skeleton: Skeleton, crop: str = "clean_128"
) -> Figure:
    """Truth black, prediction ``(J, 3)`` coloured, over the image and over the prepared crop."""
    fig = empty_figure(2 * PANEL_INCHES, PANEL_INCHES)
    left, right = fig.subplots(1, 2)
    key = parse_key(crop)
    show_frame(left, frame, f"test image - {frame.index}")
    show_crop(right, prepare(frame, [key])[key.name], "truth black, prediction coloured")
    for ax, place in ((left, on_image), (right, partial(in_crop, key))):
        if frame.joints:
            draw_pose(ax, place(frame, frame.joints_cam_mm), skeleton, BLACK)
        draw_pose(ax, place(frame, joints_cam_mm), skeleton)
    return fig


def detection_figure(
    rows: Sequence[int],
    frame_of: FrameOf,
    joints_cam_mm: np.ndarray,
    skeleton: Skeleton,
    crop: str = "clean_128",
) -> Figure:
    """Test rows over their prepared crops, truth above and prediction below, 20 × 10 inches for four.

    Args:
        rows: rows of the test split.
        frame_of: row to frame, with its true joints.
        joints_cam_mm: ``(m, J, 3)`` predictions of the whole split.
        skeleton: of the joints.
        crop: the prepared crop below.
    """
    key = parse_key(crop)
    fig = empty_figure(PANEL_INCHES * max(len(rows), 1), 2 * PANEL_INCHES)
    axes = np.asarray(fig.subplots(2, len(rows), squeeze=False))
    for column, row in enumerate(rows):
        frame = frame_of(row)
        image = prepare(frame, [key])[key.name]
        shown = ((frame.joints_cam_mm, f"test image - {row}"), (joints_cam_mm[row], "prediction"))
        for ax, (joints, title) in zip(axes[:, column], shown, strict=True):
            show_crop(ax, image, title)
            if len(joints):
                draw_pose(ax, in_crop(key, frame, np.asarray(joints, np.float64)), skeleton)
    return fig


def write_detection_picture(
    folder: Path | str,
    name: str,
    frame_of: FrameOf,
    joints_cam_mm: np.ndarray,
    skeleton: Skeleton,
    seed: int = 0,
    count: int = 4,
    crop: str = "clean_128",
) -> Path:
    """Write ``detection_<name>_<k>.png``: random test rows as truth and as prediction.

    Args:
        folder: is made if need be.
        name: of the model.
        frame_of: row of the test split to its frame.
        joints_cam_mm: ``(m, J, 3)`` predictions of the whole split.
        skeleton: of the joints.
        seed: of the choice; the same seed shows the same rows.
        count: number of rows.
        crop: the prepared crop below.
    Returns:
        the file; k is the row of the last one within the split, not the frame's number.
    Raises:
        DataError: if there are no predictions.
    """
    if not len(joints_cam_mm):
        raise DataError(f"there is no prediction of {name} to draw")
    chosen = np.random.default_rng(seed).choice(
        len(joints_cam_mm), min(count, len(joints_cam_mm)), replace=False
    )
    rows = [int(row) for row in chosen]
    fig = detection_figure(rows, frame_of, joints_cam_mm, skeleton, crop)
    return save_figure(fig, Path(folder) / f"detection_{name}_{rows[-1]}.png")
