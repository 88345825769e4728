"""InterHand2.6M as single hands with MANO fits, as Pose2Pose trains on it."""

from __future__ import annotations

from array import array
from pathlib import Path
from typing import ClassVar

import numpy as np

from carpus.data.sources.base import Column
from carpus.data.sources.interhand26m import layout
from carpus.data.sources.interhand26m.annotations import HAND_TYPES, Annotations, read_annotations
from carpus.data.sources.interhand26m.records import to_camera, valid_with_root
from carpus.data.sources.interhand26m.tables import Cameras, Frames, read_cameras, read_fits, read_joints
from carpus.data.whole_body_fits import all_of
from carpus.data.whole_body_source import WholeBodySource
from carpus.errors import DataError
from carpus.geometry.person_boxes import box_of_points, clip_box
from carpus.skeletons import INTERHAND_HAND, Skeleton
from carpus.types import Field

SIDES = ("right", "left")
VIEWS = 10
_ENLARGE = 1.5
_BLOCK = 4096
_JOINTS = len(INTERHAND_HAND)
_PRESENT = {"right": (True, False), "left": (False, True), "interacting": (True, True)}


class InterHand26MHands(WholeBodySource):
    """One hand: 21 joints in millimetres, camera, and a MANO fit in the world.

    Every image gives one record per hand that it shows and whose wrist is valid, right before left. The box
    is 1.5 times that of the valid joints. Training takes about ten views of every sequence. Keys are the
    picture's path below ``images`` without its ending, and the side.

    Args:
        root: the tree with ``annotations`` and ``images``.
        split: ``train``, ``val`` or ``test``.
        images: ``packed`` or ``tree``.
        views: about how many cameras of a training sequence are used, spread over their names; 0 for all.
    Raises:
        DataError: naming the file and the image, camera or frame at fault.
    """

    name: ClassVar[str] = "interhand26m_mano"
    page: ClassVar[str] = "interhand26m"
    skeleton: ClassVar[Skeleton] = INTERHAND_HAND
    splits: ClassVar[tuple[str, ...]] = layout.SPLITS

    def __init__(self, root: str | Path, split: str, images: str = "packed", views: int = VIEWS) -> None:
        super().__init__(root, split, images)
        self._images = read_annotations(self.root, split)
        self._cameras = read_cameras(layout.annotation_file(self.root, split, "camera"))
        self._joints = read_joints(layout.annotation_file(self.root, split, "joint_3d"))
        self._fits = read_fits(layout.annotation_file(self.root, split, "MANO_NeuralAnnot"))
        rows = np.arange(len(self._images))
        if split == "train" and views:
            rows = rows[chosen_views(self._images, views)]
        self._row, self._side, self._boxes, self._annotated = _hands(
            self._images, self._cameras, self._joints, rows
        )
        self._masks = all_of("mano")

    @classmethod
    def annotation_files(cls, root: Path, split: str) -> list[Path]:
        """The four JSON files, those that exist."""
        kinds = ("data", "camera", "joint_3d", "MANO_NeuralAnnot")
        return [path for kind in kinds if (path := layout.annotation_file(root, split, kind)).is_file()]

    @property
    def left_out(self) -> int:
        """Hands without a valid wrist, or whose box lies outside the picture."""
        return self._annotated - len(self)

    def __len__(self) -> int:
        return len(self._row)

    def columns(self, index: int) -> dict[str, Column]:
        """``line`` among the records, ``group`` 0, ids, capture and frame, and the side (0 right, 1 left)."""
        row, numbers = int(self._row[index]), self._images.numbers
        return {
            "line": index,
            "group": 0,
            "image_id": int(numbers["id"][row]),
            "capture": int(numbers["capture"][row]),
            "frame": int(numbers["frame_idx"][row]),
            "side": int(self._side[index]),
        }

    def locate(self, index: int) -> str:
        """The file and the image's id and name."""
        return self._images.locate(int(self._row[index]))

    def _key(self, index: int) -> str:
        name = self._images.names[int(self._row[index])].rsplit(".", 1)[0]
        return f"{self.split}/{name}/{SIDES[int(self._side[index])]}"

    def _fields(self, index: int) -> dict[str, Field]:
        row, side = int(self._row[index]), int(self._side[index])
        numbers = self._images.numbers
        capture, frame = int(numbers["capture"][row]), int(numbers["frame_idx"][row])
        camera, joints, pixels, valid = _joints_of(
            self._images, self._cameras, self._joints, np.array([row]), np.array([side])
        )
        rotation, position = self._cameras.rotation[camera[0]], self._cameras.position_mm[camera[0]]
        intrinsics = np.concatenate(
            [self._cameras.focal_px[camera[0]], self._cameras.principal_px[camera[0]]]
        )
        fields: dict[str, Field] = {
            "image": f"{layout.IMAGES}/{self.split}/{self._images.names[row]}",
            "image_wh": np.array([numbers["width"][row], numbers["height"][row]]),
            "bbox_xywh_px": self._boxes[index].copy(),
            "box_ready": 0,
            "hand_type": np.array([side == 0, side == 1]),
            "camera": intrinsics,
            "joints_cam_mm": joints[0].astype(np.float32),
            "joints_px": pixels[0].astype(np.float32),
            "joint_valid": valid[0],
            "interacting": int(HAND_TYPES[self._images.hand_types[row]] == "interacting"),
            "capture": capture,
            "frame": frame,
        }
        fit = self._fits.rows(np.array([capture]), np.array([frame]))[0] if len(self._fits.values) else -1
        if fit < 0 or not np.isfinite(values := self._fits.values[fit, side]).all():
            return fields
        return fields | {
            "model": "mano",
            "model_pose": values[:48].copy(),
            "model_shape": values[48:58].copy(),
            "model_trans_m": values[58:].copy(),
            "model_pose_valid": self._masks.pose.copy(),
            "model_joint_valid": self._masks.joints.copy(),
            "model_camera": intrinsics.copy(),
            "model_rotation": rotation.copy(),
            "model_translation_m": -(rotation @ position) / 1000,
            "gender": 0,
        }


def chosen_views(images: Annotations, views: int) -> np.ndarray:
    """Which images are seen by every (number of cameras // views)-th camera of their sequence, by name.

    Args:
        images: the annotation; the cameras of a sequence are those that it names.
        views: of sequences with fewer cameras all are taken.
    Returns:
        ``(N,)`` bool.
    """
    numbers = images.numbers
    keys = np.stack([numbers["capture"], numbers["sequence"], numbers["camera"]], 1)
    distinct, inverse = np.unique(keys, axis=0, return_inverse=True)
    wanted = np.zeros(len(distinct), bool)
    _, first = np.unique(distinct[:, :2], axis=0, return_index=True)
    for start, end in zip(first, [*first[1:], len(distinct)], strict=True):
        by_name = sorted(range(start, end), key=lambda place: f"cam{distinct[place, 2]}")
        wanted[by_name[:: max(1, len(by_name) // views)]] = True
    return wanted[inverse.reshape(-1)]


def _hands(
    images: Annotations, cameras: Cameras, joints: Frames, rows: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
    """Image, side and box of every hand that can be used, and how many are annotated.

    Returns:
        ``(H,)`` int32 rows, ``(H,)`` int8 sides, ``(H, 4)`` float32 boxes, and their number before some were
        left out.
    """
    kept, sides, boxes, annotated = array("i"), array("b"), array("f"), 0
    present = np.array([_PRESENT[kind] for kind in HAND_TYPES])
    for start in range(0, len(rows), _BLOCK):
        block = rows[start : start + _BLOCK]
        place, side = np.nonzero(present[images.hand_types[block]])
        row = block[place]
        _, _, pixels, valid = _joints_of(images, cameras, joints, row, side)
        box = box_of_points(pixels, valid, _ENLARGE)
        size = np.stack([images.numbers["width"][row], images.numbers["height"][row]], 1)
        usable = valid.any(1) & np.isfinite(clip_box(np.nan_to_num(box), size)).all(1)
        annotated += len(row)
        kept.frombytes(row[usable].astype(np.int32).tobytes())
        sides.frombytes(side[usable].astype(np.int8).tobytes())
        boxes.frombytes(box[usable].astype(np.float32).tobytes())
    return (
        np.array(kept, np.int32),
        np.array(sides, np.int8),
        np.array(boxes, np.float32).reshape(-1, 4),
        annotated,
    )


def _joints_of(
    images: Annotations, cameras: Cameras, frames: Frames, rows: np.ndarray, sides: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Camera rows ``(n,)``, joints ``(n, 21, 3)`` mm and ``(n, 21, 2)`` px, and which are valid ``(n, 21)``.

    Raises:
        DataError: naming the first image without camera or joints.
    """
    numbers = images.numbers
    found = frames.rows(numbers["capture"][rows], numbers["frame_idx"][rows])
    if (lost := np.flatnonzero(found < 0)).size:
        row = int(rows[lost[0]])
        raise DataError(
            f"{frames.path}: capture {numbers['capture'][row]} has no frame {numbers['frame_idx'][row]}; "
            f"{images.locate(row)} needs it"
        )
    pairs = zip(numbers["capture"][rows].tolist(), numbers["camera"][rows].tolist(), strict=True)
    camera = np.array([cameras.row(*pair) for pair in pairs], np.int64)
    each, of_hand = np.arange(len(rows))[:, None], sides[:, None] * _JOINTS + np.arange(_JOINTS)
    valid = valid_with_root(images.joint_valid(rows))[each, of_hand]
    world = frames.values[found][each, of_hand]
    joints = to_camera(world, cameras.rotation[camera], cameras.position_mm[camera])
    safe = np.where(valid[..., None], joints, 1.0)
    focal, principal = cameras.focal_px[camera], cameras.principal_px[camera]
    return camera, safe, safe[..., :2] / safe[..., 2:] * focal[:, None] + principal[:, None], valid
