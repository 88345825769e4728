"""Camera-space joints, pixels and boxes of many images at once, and the fields of one record."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from carpus.data.sources.interhand26m.annotations import Annotations
from carpus.data.sources.interhand26m.tables import Cameras, split_fit
from carpus.geometry.crops import square_box
from carpus.skeletons import INTERHAND
from carpus.types import Field

ENLARGE = 1.25
"""Of the published box, after it was made square."""
_NEAR_ZERO = 1e-8
_PRESENT = np.array([[1, 0], [0, 1], [1, 1]], bool)
"""Right, left, for the hand types right, left, interacting."""


@dataclass(frozen=True)
class FrameBlock:
    """Values of consecutive records.

    Args:
        start: index of the first record.
        values: name to ``(n, …)``, the same fields for all.
        fitted: ``(n, 2)`` bool, right and left: which hands have a fitted model.
        fits: ``(n, 2, 61)`` float32, or None.
    """

    start: int
    values: dict[str, np.ndarray]
    fitted: np.ndarray
    fits: np.ndarray | None

    def mano_valid(self, index: int) -> bool:
        """Whether exactly the hands of the label have a fitted model."""
        return bool(self.values["mano_valid"][index - self.start])

    def fields(self, index: int) -> dict[str, Field]:
        """Fields of a record."""
        row = index - self.start
        fields: dict[str, Field] = {
            name: value[row] if value.ndim > 1 else value[row].item() for name, value in self.values.items()
        }
        fields["mano_fitted"] = self.fitted[row]
        fields["segm_valid"] = fields["mano_valid"]
        if self.fits is not None and self.fitted[row].any():
            fit = np.where(self.fitted[row][:, None], self.fits[row], np.float32(0))
            fields |= split_fit(fit)
        return fields


def make_block(
    start: int,
    rows: np.ndarray,
    images: Annotations,
    cameras: Cameras,
    camera_rows: np.ndarray,
    world_mm: np.ndarray,
    fitted: np.ndarray,
    fits: np.ndarray | None,
) -> FrameBlock:
    """Fields of some images.

    Args:
        start: index of the first record.
        rows: ``(n,)`` their places in the annotation file.
        images: the annotation.
        cameras: all cameras.
        camera_rows: ``(n,)``.
        world_mm: ``(n, 42, 3)``.
        fitted: ``(n, 2)`` bool.
        fits: ``(n, 2, 61)`` float32, or None.
    """
    rotation, position = cameras.rotation[camera_rows], cameras.position_mm[camera_rows]
    joints = to_camera(world_mm, rotation, position)
    focal, principal = cameras.focal_px[camera_rows], cameras.principal_px[camera_rows]
    pixels = joints[..., :2] / (joints[..., 2:] + _NEAR_ZERO) * focal[:, None] + principal[:, None]
    kinds, numbers = images.hand_types[rows], images.numbers
    right, left = INTERHAND.roots
    boxes = images.boxes[rows]
    return FrameBlock(
        start,
        {
            "camera": np.concatenate([focal, principal], 1),
            "camera_rotation": rotation,
            "camera_position_mm": position,
            "image_wh": np.stack([numbers["width"][rows], numbers["height"][rows]], 1),
            "bbox_xywh_px": boxes,
            "crop_xywh_px": square_box(boxes, ENLARGE),
            "joints_cam_mm": joints.astype(np.float32),
            "joints_px": pixels.astype(np.float32),
            "joint_valid": valid_with_root(images.joint_valid(rows)),
            "hand_type": _PRESENT[kinds],
            "hand_type_valid": images.hand_type_valid[rows].astype(np.int64),
            "root_depth_mm": joints[:, [right, left], 2].astype(np.float32),
            "mano_valid": (fitted == _PRESENT[kinds]).all(1).astype(np.int64),
            "capture": numbers["capture"][rows],
            "cam": numbers["camera"][rows],
            "frame": numbers["frame_idx"][rows],
            "subject": numbers["subject"][rows],
            "annot_id": numbers["id"][rows],
        },
        fitted,
        fits,
    )


def to_camera(world_mm: np.ndarray, rotation: np.ndarray, position_mm: np.ndarray) -> np.ndarray:
    """World points in the camera's frame, float64 mm.

    Args:
        world_mm: ``(n, J, 3)``.
        rotation: ``(n, 3, 3)`` world to camera.
        position_mm: ``(n, 3)`` camera centre in the world.
    Example:
        >>> to_camera(np.array([[[1.0, 2.0, 3.0]]]), np.eye(3)[None], np.array([[1.0, 0.0, -7.0]]))
        array([[[ 0.,  2., 10.]]])
    """
    return (world_mm.astype(np.float64) - position_mm[:, None]) @ rotation.transpose(0, 2, 1)


def to_world(cam_mm: np.ndarray, rotation: np.ndarray, position_mm: np.ndarray) -> np.ndarray:
    """The inverse of :func:`to_camera`."""
    return np.linalg.solve(rotation, cam_mm.transpose(0, 2, 1)).transpose(0, 2, 1) + position_mm[:, None]


def valid_with_root(valid: np.ndarray) -> np.ndarray:
    """``(n, 42)`` bool, all joints of a hand without a valid wrist taken out."""
    return valid & valid[:, list(INTERHAND.root_of)]
