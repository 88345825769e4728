"""What methods of whole bodies and of single parts look at: crop, joints, depth boxes, units of targets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from torch import Tensor

from carpus.errors import ConfigError, unknown
from carpus.skeletons.rgb_hands import SNAP
from carpus.skeletons.skeleton import Skeleton
from carpus.skeletons.whole_body import (
    FACE_JOINTS,
    FLAME_73,
    LEFT_HAND_JOINTS,
    RIGHT_HAND_JOINTS,
    SMPL_33,
    SMPLX_137,
)
from carpus.skeletons.whole_body_pose import POSE_ORDERS

MODEL_ROTATIONS = {kind: len(order) for kind, order in POSE_ORDERS.items()}
"""Rotations in a family's pose; three numbers each."""

EXPRESSIVE = ("smplx", "flame")
"""Families whose faces have an expression."""


@dataclass(frozen=True)
class PartLayout:
    """What one method looks at and how its targets are measured.

    Args:
        name: ``whole_body``, ``body``, ``hand`` or ``face``.
        crop_hw: height and width of the crop.
        cells_dhw: cells of the heat maps along depth, height and width; targets are in cells.
        joints: the joints trained on.
        model: family of the body model, ``smplx``, ``smpl``, ``mano`` or ``flame``.
        root_of: for every joint the one its place in space is measured from.
        depth_box_m: for every joint the depth of the box around that one.
        flat_depth_cells: depth that joints without 3D get; None for that of their root. Losses mask it.
    """

    name: str
    crop_hw: tuple[int, int]
    cells_dhw: tuple[int, int, int]
    joints: Skeleton
    model: str
    root_of: tuple[int, ...]
    depth_box_m: tuple[float, ...]
    flat_depth_cells: float | None = None

    def __post_init__(self) -> None:
        if self.model not in POSE_ORDERS:
            raise ConfigError(unknown("body model", self.model, POSE_ORDERS))
        lengths = {len(self.joints), len(self.root_of), len(self.depth_box_m)}
        if len(lengths) != 1:
            raise ConfigError(
                f"layout {self.name}: joints, root_of and depth_box_m differ in length: {lengths}"
            )

    @property
    def one_hand(self) -> bool:
        """Whether a record is one hand, and crops of left hands are mirrored."""
        return self.model == "mano"

    @property
    def has_parts(self) -> bool:
        """Whether hands and face have boxes."""
        return self.model == "smplx"

    @property
    def rotations(self) -> int:
        """Rotations of a pose."""
        return MODEL_ROTATIONS[self.model]

    def to_cells(self, crop_px: Tensor) -> Tensor:
        """Crop pixels ``(*, 2)`` in cells.

        Example:
            >>> import torch
            >>> LAYOUTS["whole_body"].to_cells(torch.tensor([384.0, 256.0]))
            tensor([6., 4.])
        """
        (height, width), (_, rows, columns) = self.crop_hw, self.cells_dhw
        return crop_px * crop_px.new_tensor((columns / width, rows / height))

    def depth_cells(self, depth_m: Tensor) -> Tensor:
        """Depths ``(*, J)`` in metres, relative to the joint that each is measured from, in cells.

        Example:
            >>> import torch
            >>> LAYOUTS["hand"].depth_cells(torch.full((21,), 0.075))[0]
            tensor(6.)
        """
        box = depth_m.new_tensor(self.depth_box_m)
        return (depth_m / (box / 2) + 1) / 2 * self.cells_dhw[0]

    def relative(self, joints: Tensor) -> Tensor:
        """Joints ``(*, J, C)`` measured from the one each belongs to; a root from itself or its own root."""
        return joints - joints[..., list(self.root_of), :]


def _roots_of_whole_body() -> tuple[tuple[int, ...], tuple[float, ...]]:
    """Body from the pelvis (wrists and neck too), fingers from their wrist, face from the neck."""
    roots, boxes = [SMPLX_137.index("pelvis")] * len(SMPLX_137), [2.0] * len(SMPLX_137)
    of_parts = {"left_wrist": LEFT_HAND_JOINTS, "right_wrist": RIGHT_HAND_JOINTS, "neck": FACE_JOINTS}
    for root, joints in of_parts.items():
        count = joints.stop - joints.start
        roots[joints], boxes[joints] = [SMPLX_137.index(root)] * count, [0.3] * count
    return tuple(roots), tuple(boxes)


def whole_body_layout(
    crop_hw: tuple[int, int] = (512, 384), cells_dhw: tuple[int, int, int] = (8, 8, 6)
) -> PartLayout:
    """The layout of whole bodies, of another size if wanted.

    Args:
        crop_hw, cells_dhw: see :class:`PartLayout`.
    """
    roots = _roots_of_whole_body()
    return PartLayout("whole_body", crop_hw, cells_dhw, SMPLX_137, "smplx", *roots, flat_depth_cells=0.0)


def one_root_layout(
    name: str,
    crop_hw: tuple[int, int],
    cells_dhw: tuple[int, int, int],
    joints: Skeleton,
    model: str,
    depth_box_m: float,
) -> PartLayout:
    """A layout whose joints are all measured from the first.

    Args:
        name, crop_hw, cells_dhw, joints, model: see :class:`PartLayout`.
        depth_box_m: depth of the box around the first joint.
    """
    count = len(joints)
    return PartLayout(name, crop_hw, cells_dhw, joints, model, (0,) * count, (depth_box_m,) * count)


LAYOUTS = {
    layout.name: layout
    for layout in (
        whole_body_layout(),
        one_root_layout("body", (256, 192), (8, 8, 6), SMPL_33, "smpl", 2.0),
        one_root_layout("hand", (256, 256), (8, 8, 8), SNAP, "mano", 0.3),
        one_root_layout("face", (256, 192), (8, 8, 6), FLAME_73, "flame", 0.3),
    )
}
"""The published layouts: whole bodies of Hand4Whole; body, hand and face of Pose2Pose."""


def get_layout(layout: PartLayout | str) -> PartLayout:
    """A layout, or the published one of that name.

    Raises:
        ConfigError: naming the nearest one that exists.
    """
    if isinstance(layout, PartLayout):
        return layout
    if layout not in LAYOUTS:
        raise ConfigError(unknown("part", layout, LAYOUTS))
    return LAYOUTS[layout]


def resized(part: PartLayout | str, crop_hw: tuple[int, int], depth_cells: int | None = None) -> PartLayout:
    """A layout of another crop, with a cell for as many pixels as before.

    Args:
        part: a layout or the name of a published one.
        crop_hw: height and width of the crop.
        depth_cells: layers of the heat maps; None keeps them.
    Raises:
        ConfigError: if the crop has no whole number of cells.
    Example:
        >>> resized("whole_body", (256, 192)).cells_dhw
        (8, 4, 3)
    """
    known = get_layout(part)
    depth, *cells = known.cells_dhw
    strides = [side // count for side, count in zip(known.crop_hw, cells, strict=True)]
    if len(crop_hw) != 2 or any(a < b or a % b for a, b in zip(crop_hw, strides, strict=True)):
        raise ConfigError(
            f"crop_hw {list(crop_hw)} of part {known.name} must be multiples of {strides[0]} and {strides[1]}"
        )
    rows, columns = (side // stride for side, stride in zip(crop_hw, strides, strict=True))
    wanted = (depth_cells or depth, rows, columns)
    return replace(known, crop_hw=(crop_hw[0], crop_hw[1]), cells_dhw=wanted)


def in_box(cells: Tensor, cells_dhw: Sequence[int]) -> Tensor:
    """Which joints ``(*, J, 3)``, in cells along width, height and depth, lie in the heat maps' box.

    Returns:
        ``(*, J)`` bool.
    Example:
        >>> import torch
        >>> in_box(torch.tensor([[0.0, 7.9, 0.0], [6.0, 1.0, 1.0]]), (8, 8, 6))
        tensor([ True, False])
    """
    depth, height, width = cells_dhw
    return ((cells >= 0) & (cells < cells.new_tensor((width, height, depth)))).all(-1)
