"""A picture of people and what is known of it: joints in the camera's frame, who is seen, boxes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from carpus.bodies.standin_smpl import smplx_body
from carpus.geometry.camera import Camera
from carpus.render.zbuffer import ZBuffer
from carpus.skeletons import SMPLX_144
from carpus.synthetic.one_hand.view import View
from carpus.synthetic.people.figure import Figure, Fit
from carpus.synthetic.people.looks import ROLES

PARTS = ("left_hand", "right_hand", "face")
"""Parts of a person that have boxes of their own, in the order of records."""

PART_JOINTS = {
    "left_hand": [*range(25, 40), *range(66, 71)],
    "right_hand": [*range(40, 55), *range(71, 76)],
    "face": list(range(76, 144)),
}
"""Places of their joints among the 144."""

_SEAT = ROLES.index("seat")
_MARGIN, _FACE_MARGIN = 1.15, 1.1
# How deep a joint of a person lies below its skin and clothes, mm.
_DEPTH = np.full(len(SMPLX_144), 32.0)
_DEPTH[:22], _DEPTH[[0, 1, 2, 3, 6, 9, 12, 13, 14, 15]], _DEPTH[22:25] = 85.0, 180.0, 130.0
_DEPTH[60:66], _DEPTH[[20, 21]] = 60.0, 55.0


@dataclass(frozen=True)
class Seen:
    """One person of a picture.

    Args:
        number: among the picture's people.
        figure: the person in the world.
        fit: its numbers in the camera's frame.
        vertices_m: ``(10475, 3)`` of the undressed body in the camera's frame.
        joints_m: ``(144, 3)`` there, in the order of :data:`~carpus.skeletons.SMPLX_144`.
        joints_px: ``(144, 2)``; NaN behind the camera.
        visible: ``(144,)`` bool: in the picture, and nothing else is before it.
        mask: ``(H, W)`` bool where it is seen.
        camera: intrinsics.
        size_wh: of the picture.
    """

    number: int
    figure: Figure
    fit: Fit
    vertices_m: np.ndarray
    joints_m: np.ndarray
    joints_px: np.ndarray
    visible: np.ndarray
    mask: np.ndarray
    camera: Camera
    size_wh: tuple[int, int]

    @cached_property
    def pixels(self) -> int:
        """How many pixels it has."""
        return int(self.mask.sum())

    def box(self) -> np.ndarray:
        """``(4,)`` x, y, width, height around the pixels it is seen in."""
        rows, cols = np.flatnonzero(self.mask.any(1)), np.flatnonzero(self.mask.any(0))
        if not len(rows):
            return np.zeros(4)
        return np.array([cols[0], rows[0], cols[-1] - cols[0] + 1, rows[-1] - rows[0] + 1], np.float64)

    def part_box(self, part: str) -> np.ndarray:
        """``(4,)`` x, y, width, height around a part's surface, a little enlarged, seen or not.

        Args:
            part: one of :data:`PARTS`.
        """
        points = self.part_px(part)
        low, high = points.min(0), points.max(0)
        size = (_FACE_MARGIN if part == "face" else _MARGIN) * (high - low)
        return np.concatenate([0.5 * (low + high - size), size])

    def part_px(self, part: str) -> np.ndarray:
        """``(n, 2)`` pixels of a part's surface: a hand's vertices, the points of the face."""
        if part == "face":
            return self.joints_px[76:]
        return self.camera.project(self.vertices_m[smplx_body().pieces[part]])

    def part_visible(self, part: str) -> float:
        """Share of a part's joints that are visible."""
        return float(self.visible[PART_JOINTS[part]].mean())


@dataclass(frozen=True)
class Shot:
    """A picture.

    Args:
        image: ``(H, W, 3)`` uint8 RGB.
        view: the camera.
        figures: who is there.
        buffer: what every pixel sees of people and things.
        owners: ``(F,)`` number of the person a face belongs to.
        roles: ``(F,)`` what it is.
    """

    image: np.ndarray
    view: View
    figures: tuple[Figure, ...]
    buffer: ZBuffer
    owners: np.ndarray
    roles: np.ndarray

    @cached_property
    def people(self) -> list[Seen]:
        """Everybody, as the camera has it."""
        face = self.buffer.face
        owner = np.append(np.where(self.roles == _SEAT, -1, self.owners), -1)[face]
        return [self._seen(number, figure, owner == number) for number, figure in enumerate(self.figures)]

    def _seen(self, number: int, figure: Figure, mask: np.ndarray) -> Seen:
        view = self.view
        fit = figure.fit.seen_from(view.rotation, view.position_mm / 1000)
        joints = fit.joints_m()
        pixels = view.camera.project(joints)
        visible = self._visible(joints, pixels, mask)
        body = fit.body().vertices_m
        return Seen(number, figure, fit, body, joints, pixels, visible, mask, view.camera, view.size_wh)

    def _visible(self, joints_m: np.ndarray, pixels: np.ndarray, mask: np.ndarray) -> np.ndarray:
        """``(144,)`` bool: the person itself is seen there, not much nearer than the joint lies."""
        width, height = self.view.size_wh
        inside = (pixels > -0.5) & (pixels < np.array([width, height]) - 0.5)
        there = inside.all(1) & (joints_m[:, 2] > 0)
        cols, rows = np.rint(np.where(there[:, None], pixels, 0)).astype(int).T
        near = np.zeros(len(pixels), bool)
        depth = 1000 * joints_m[:, 2]
        # Joints at an outline are within a pixel of their person.
        for down, right in ((0, 0), (0, 1), (0, -1), (1, 0), (-1, 0)):
            at = np.clip(rows + down, 0, height - 1), np.clip(cols + right, 0, width - 1)
            near |= mask[at] & (self.buffer.depth[at] > depth - _DEPTH)
        return there & near
