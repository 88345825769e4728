"""The panels of a sanity picture: which prepared type is shown how, and where."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from carpus.data.prepared import Frame, Key, parse_key, prepare
from carpus.errors import DataError
from carpus.geometry.cube import VIEW_AXES, clip_square
from carpus.reports.depth_cr_style import (
    SQUARE_COLOURS,
    darkness,
    draw_arrows,
    draw_pose,
    draw_square,
    empty_figure,
    show_crop,
    show_image,
    show_map,
)
from carpus.skeletons import Skeleton

Panel = Callable[[Axes], None] | None
Rows = list[list[Panel]]
PANEL_INCHES = 5.0
GRIDS = ("pcnt3", "vxhit", "truncd", "tsdf3", "vxudir", "vxedt", "pose_hit", "vxoff")
"""Prepared types that are volumes."""
_MAPS, _VIEW_MAPS = ("edt2", "edt2m", "hmap2", "udir2"), ("ov3dist2", "ov3edt2", "ov3edt2m")
_VIEW_NAMES = ("front", "side", "top")
_TSDF_AXES = "yxz"


def shown_joints(skeleton: Skeleton) -> list[int]:
    """The two joints whose maps are shown: tips of the little and the index finger.

    Example:
        >>> from carpus.skeletons import HANDS17, ITOP
        >>> shown_joints(HANDS17), shown_joints(ITOP)
        ([20, 11], [14, 7])
    """
    names = ("little_tip", "index_tip")
    if all(name in skeleton.joints for name in names):
        return [skeleton.index(name) for name in names]
    return [len(skeleton) - 1, len(skeleton) // 2]


def on_image(frame: Frame, joints_cam_mm: np.ndarray) -> np.ndarray:
    """``(J, 2)`` row and col of joints on the image, whose first pixel covers 0 to 1."""
    return frame.camera.project(joints_cam_mm)[:, ::-1] + 0.5


def in_crop(key: Key, frame: Frame, joints_cam_mm: np.ndarray, view: int = 0) -> np.ndarray:
    """``(J, 2)`` row and col of joints in a prepared crop of a key's type and side."""
    if key.type == "crop2":
        side, row, col = np.floor(clip_square(frame.cube.square(frame.camera), frame.image_size))
        return (on_image(frame, joints_cam_mm) - (row, col)) / max(side, 1.0) * key.crop_side
    return frame.cube.view(joints_cam_mm, view)[0] * key.crop_side


def show_frame(ax: Axes, frame: Frame, title: str) -> None:
    """The image with the squares of the cube's centre, near and far face."""
    show_image(ax, darkness(frame.depth_mm.astype(np.float64), *frame.depth_range_mm), title)
    half = frame.cube.half_mm
    for offset, colour in zip((0.0, -half, half), SQUARE_COLOURS.values(), strict=True):
        if frame.cube.center_mm[2] + offset > 0:
            draw_square(ax, frame.cube.square(frame.camera, offset) + np.array([0, 0.5, 0.5]), colour)


class Sheet:
    """A grid of panels for one frame.

    Args:
        frame: image, cube and joints.
        skeleton: of the joints.
        prepared: names of prepared types.
        arrays: what exists of them, by name; the rest is computed.
    """

    def __init__(
        self,
        frame: Frame,
        skeleton: Skeleton,
        prepared: Sequence[str],
        arrays: Mapping[str, np.ndarray] | None = None,
    ) -> None:
        if frame.joints not in (0, len(skeleton)):
            raise DataError(f"the frame has {frame.joints} joints, skeleton {skeleton.name} {len(skeleton)}")
        self.frame, self.skeleton = frame, skeleton
        keys = [parse_key(name) for name in prepared]
        self.crop = self._crop_of(keys)
        views = any(key.type in _VIEW_MAPS for key in keys) and self.crop.type != "ortho3"
        self.crop = Key("ortho3", 0, 128) if views else self.crop
        # Maps lie over the front view; the perspective crop does not fit them.
        self.under = Key("clean", 0, 128) if self.crop.type == "crop2" else self.crop
        self.keys = [key for key in keys if key.type in (*_MAPS, *_VIEW_MAPS, *GRIDS)]
        known = {parse_key(name): values for name, values in (arrays or {}).items()}
        self.arrays = prepare(frame, [self.crop, self.under, *self.keys], known)

    @staticmethod
    def _crop_of(keys: Sequence[Key]) -> Key:
        """The crop of the first row: three views, else the clean or the perspective crop."""
        for name in ("ortho3", "clean", "crop2"):
            found = [key for key in keys if key.type == name]
            if found:
                return found[0]
        return Key("clean", 0, 128)

    def figure(self, title: str) -> Figure:
        """All panels, rows filled up at the left."""
        rows = self.rows(title)
        columns = max(len(row) for row in rows)
        fig = empty_figure(PANEL_INCHES * columns, PANEL_INCHES * len(rows))
        axes = np.asarray(fig.subplots(len(rows), columns, squeeze=False))
        for line, row in zip(axes, rows, strict=True):
            panels = (
                row + [None] * (columns - len(row)) if row is rows[0] else [None] * (columns - len(row)) + row
            )
            for ax, panel in zip(line, panels, strict=True):
                if panel is None:
                    ax.set_axis_off()
                else:
                    panel(ax)
        return fig

    def rows(self, title: str) -> Rows:
        """The panels row by row."""
        views = range(3) if self.crop.type == "ortho3" else range(1)
        crops: list[Panel] = [partial(self._crop_panel, view=view) for view in views]
        found: Rows = [[partial(self._frame_panel, title=f"{title} - {self.frame.index}"), *crops]]
        for key in self.keys:
            make = self._map_rows if key.type in (*_MAPS, *_VIEW_MAPS) else self._slice_rows
            found += make(key)
        return found

    def _map_rows(self, key: Key) -> Rows:
        shown = shown_joints(self.skeleton)
        if key.type in _VIEW_MAPS:
            return [[partial(self._map_panel, key=key, joint=j, view=v) for v in range(3)] for j in shown]
        return [[partial(self._map_panel, key=key, joint=j, view=0) for j in shown]]

    def _slice_rows(self, key: Key) -> Rows:
        shown = shown_joints(self.skeleton)
        channels = [(shown[0], c) for c in range(3)] if key.type == "tsdf3" else [(j, j) for j in shown]
        return [
            [partial(self._slice_panel, key=key, joint=j, channel=c, view=v) for v in range(3)]
            for j, c in channels
        ]

    def _frame_panel(self, ax: Axes, title: str) -> None:
        show_frame(ax, self.frame, title)
        self._pose(ax, on_image(self.frame, self.frame.joints_cam_mm))

    def _crop_panel(self, ax: Axes, view: int) -> None:
        image = self.arrays[self.crop.name]
        name = "" if image.ndim == 2 else f", {_VIEW_NAMES[view]}"
        show_crop(ax, image if image.ndim == 2 else image[..., view], f"test storage read{name}")
        self._pose(ax, in_crop(self.crop, self.frame, self.frame.joints_cam_mm, view))

    def _pose(self, ax: Axes, rowcol: np.ndarray) -> None:
        if self.frame.joints:
            draw_pose(ax, rowcol, self.skeleton)

    def _map_panel(self, ax: Axes, key: Key, joint: int, view: int) -> None:
        values, J = self.arrays[key.name], len(self.skeleton)
        under = self.arrays[self.under.name]
        show_crop(ax, under if under.ndim == 2 else under[..., view])
        name = f", {_VIEW_NAMES[view]}" if key.type in _VIEW_MAPS else ""
        title = f"{key.published}: {self.skeleton.joints[joint]}{name}"
        show_map(ax, values[..., view * J + joint], self.under.crop_side, title)
        if key.type == "udir2":
            direction = values[..., J + 3 * joint : J + 3 * joint + 3]
            draw_arrows(ax, direction, values[..., joint] > 0, self.under.crop_side)

    def _slice_panel(self, ax: Axes, key: Key, joint: int, channel: int, view: int) -> None:
        """The slice of a volume through a joint (the cube's centre without joints) that a view looks at."""
        volume = self._volume(key, channel)
        side = len(volume)
        cube, J = self.frame.cube, self.frame.joints
        at = self.frame.joints_cam_mm[joint] if J else cube.center
        cell = np.clip(cube.cells(at, side), 0, side - 1)
        row, col = VIEW_AXES[view]
        normal = 3 - row - col
        part = np.moveaxis(volume, (row, col), (0, 1))[..., cell[normal]]
        along = f" along {_TSDF_AXES[channel]}" if key.type == "tsdf3" else ""
        where = self.skeleton.joints[joint] if J else "the centre"
        title = f"{key.published}{along}: {_VIEW_NAMES[view]} through {where}"
        show_map(ax, part, side, title, signed=key.type == "tsdf3")
        ax.plot(*(cube.to_unit(at)[[col, row]] * side), "k+", markersize=12, zorder=4)

    def _volume(self, key: Key, channel: int) -> np.ndarray:
        """``(S, S, S)`` of one channel: a joint's closeness, or length of its vectors, or a direction."""
        values = self.arrays[key.name]
        if key.type == "vxoff":
            return np.linalg.norm(values[..., 3 * channel : 3 * channel + 3], axis=-1)
        return values[..., channel] if values.ndim == 4 else values
