"""AGORA: people of one split, as crops of the large pictures or in the small ones."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import ClassVar

import numpy as np

from carpus.data.agora_layout import (
    CROP_HW,
    RESOLUTIONS,
    SCALE,
    TEST_BOXES,
    annotation_names,
    base_folder,
    crop_name,
    find_picture,
)
from carpus.data.sources.agora.labels import (
    PART_BOXES,
    read_affine,
    read_camera,
    read_labels,
    read_params,
    read_test_boxes,
    read_truth,
)
from carpus.data.sources.base import Column
from carpus.data.store import Store
from carpus.data.whole_body_people import People
from carpus.data.whole_body_source import WholeBodySource, there
from carpus.errors import ConfigError, DataError, unknown
from carpus.geometry.agora_camera import PUBLISHED_WH, camera_in_crop
from carpus.geometry.person_boxes import clip_box, xyxy_of
from carpus.skeletons import SMPLX_137, SMPLX_144, Skeleton
from carpus.skeletons.whole_body_pose import SMPLX_POSE
from carpus.types import Field

_LOG = logging.getLogger(__name__)

VERTICES = ("none", "val", "all")
"""Whose records have the true mesh; 126 kB each."""
_POSE = ("global_orient", "body_pose", "left_hand_pose", "right_hand_pose", "jaw_pose")


class AGORA(WholeBodySource):
    """A person in a scene: parameters and joints in the camera, boxes of hands and face, how much is hidden.

    Keys are ``train_0/<large picture without ending>/<number of the person>``. Joints are those the publisher
    makes with the person's own body model, children included; parameters describe children as adults and, as
    they are trained on, neutral bodies.

    Args:
        root: the tree, parsed by ``carpus agora parse``; ``carpus agora crops`` made the crops.
        split: ``train``, ``val`` (published: validation) or ``test``, whose people are a detector's boxes.
        images: ``packed`` or ``tree``.
        resolution: ``2160x3840``: the picture is a person's crop of the large one; ``720x1280``: the whole
            small one.
        invalid: also people that are not scored: hidden to more than 90 %, or marked so.
        gendered: targets are made with the body of the person's gender instead of the neutral one.
        vertices: one of :data:`VERTICES`; only where the data frames' meshes were kept.
    Raises:
        DataError: naming the file and the entry at fault, and the command that makes it.
    """

    name: ClassVar[str] = "agora"
    skeleton: ClassVar[Skeleton] = SMPLX_144
    splits: ClassVar[tuple[str, ...]] = ("train", "val", "test")

    def __init__(
        self,
        root: str | Path,
        split: str,
        images: str = "packed",
        resolution: str = "2160x3840",
        invalid: bool = False,
        gendered: bool = False,
        vertices: str = "none",
    ) -> None:
        super().__init__(root, split, images)
        for option, value, allowed in (
            ("resolution", resolution, tuple(RESOLUTIONS)),
            ("vertices", vertices, VERTICES),
        ):
            if value not in allowed:
                raise ConfigError(unknown(f"dataset.{option}", value, allowed))
        self.resolution, self.gendered = resolution, gendered
        self.vertices = vertices in ("all", split)
        self._folder = base_folder(self.root)
        self._prefix = "" if self._folder == self.root else f"{self._folder.name}/"
        found = read_test_boxes(self._folder) if split == "test" else None
        self._found = found or read_labels(self._folder, split, invalid=invalid)
        people = self._found.people
        self._people = people if self.crops else people.keep(_in_small_picture(people))

    @classmethod
    def annotation_files(cls, root: Path, split: str) -> list[Path]:
        """The list of people, which also says what it was parsed from; of the test split the boxes."""
        base = base_folder(root)
        return there(base, *((TEST_BOXES,) if split == "test" else annotation_names(split)))

    @classmethod
    def describe(cls, store: Store) -> dict[str, int | float | str]:
        """How many annotated people are not among the records, and why."""
        left = int(store.meta["lines"]) - len(store)
        return {"left out": f"{left:,} (hidden to more than 90 %, or marked as not valid)"}

    @property
    def crops(self) -> bool:
        """Whether pictures are crops of the large ones."""
        return self.resolution == "2160x3840"

    @property
    def left_out(self) -> int:
        """How many annotated people are not among the records."""
        return self._people.left_out

    def __len__(self) -> int:
        return len(self._people)

    def columns(self, index: int) -> dict[str, Column]:
        """``line``, ``group`` 0, ids of image, annotation and person; but of tests ``kid``, ``occlusion``."""
        people = self._people.people
        found: dict[str, Column] = {
            "line": index,
            "group": 0,
            "image_id": int(self._people.images["id"][people["image"][index]]),
            "annot_id": int(people["id"][index]),
            "person_id": int(people["person_id"][index]),
        }
        if self.split != "test":
            found |= {"kid": bool(people["kid"][index]), "occlusion": float(people["occlusion"][index])}
        return found

    def locate(self, index: int) -> str:
        """The list, the person and the picture."""
        return self._people.locate(index)

    def _key(self, index: int) -> str:
        found = self._found
        return f"{found.folder(index)}/{found.stem(index)}/{self._people.people['person_id'][index]}"

    def _fields(self, index: int) -> dict[str, Field]:
        image, to_image, size = self._picture(index)
        people = self._people.people
        box = people["bbox_xywh_px"][index]
        fields: dict[str, Field] = {
            "image": f"{self._prefix}{image}",
            "image_wh": np.array(size, np.int64),
            "bbox_xywh_px": np.array([0, 0, *size], np.float32) if self.crops else _moved_box(box, to_image),
            "box_ready": int(self.crops),
            "published_to_image": to_image,
            "published_bbox_xywh_px": box.copy(),
            "person_id": int(people["person_id"][index]),
            "annot_id": int(people["id"][index]),
        }
        return fields if self.split == "test" else fields | self._labels(index, to_image)

    def _picture(self, index: int) -> tuple[str, np.ndarray, tuple[int, int]]:
        """Path of the picture below the base folder, ``(2, 3)`` from the large picture's pixels, its size."""
        large = self._people.name(index)
        if not self.crops:
            shrink = np.array([[1 / SCALE, 0, 0], [0, 1 / SCALE, 0]])
            size = PUBLISHED_WH[0] // SCALE, PUBLISHED_WH[1] // SCALE
            small = self._found.small[self._found.image_row(index)]
            return find_picture(self._folder, small), shrink, size
        person = int(self._people.people["person_id"][index])
        image = find_picture(self._folder, crop_name(large, person))
        beside = (self._folder / image).with_suffix(".json")
        if not beside.is_file():
            raise DataError(
                f"{beside} is missing: the crop of person {person} in {large}. Make crops with carpus agora "
                "crops, or take the small pictures with dataset.resolution=720x1280"
            )
        affine, size = read_affine(beside)
        if size != (CROP_HW[1], CROP_HW[0]):
            raise DataError(
                f"{beside}: the crop is {size[0]} x {size[1]}; {CROP_HW[1]} x {CROP_HW[0]} are read"
            )
        return image, affine, size

    def _labels(self, index: int, to_image: np.ndarray) -> dict[str, Field]:
        people = self._people.people
        text = int(people["text"][index])
        camera = camera_in_crop(read_camera(self._folder / self._found.cameras[text]), to_image)
        fit = read_params(self._folder / self._found.params[text])
        boxes, valid = self._part_boxes(index, to_image)
        gender = int(people["gender"][index])
        return {
            "camera": camera,
            "model": "smplx",
            "model_pose": np.concatenate([fit[name] for name in _POSE]).astype(np.float32),
            "model_shape": fit["betas"].astype(np.float32),
            "model_expr": fit["expression"].astype(np.float32),
            "model_trans_m": fit["transl"].astype(np.float32),
            "model_camera": camera.copy(),
            "model_part_valid": np.ones(4, bool),
            "model_pose_valid": np.ones(len(SMPLX_POSE), bool),
            "model_joint_valid": np.ones(len(SMPLX_137), bool),
            "joints_from_model": 1,
            "gender": gender if self.gendered else 0,
            "person_gender": gender,
            "kid": int(people["kid"][index]),
            "occlusion": float(people["occlusion"][index]),
            "is_valid": int(people["is_valid"][index]),
            "part_boxes_xyxy_px": boxes,
            "part_box_valid": valid,
            **self._truth(index, to_image),
        }

    def _part_boxes(self, index: int, to_image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """``(3, 4)`` boxes in the picture and which of them are there.

        Boxes in crops are cut as if the crop were as large as the picture, as they were published.
        """
        size = PUBLISHED_WH if self.crops else np.array(PUBLISHED_WH) // SCALE
        published = np.stack([self._people.people[name][index] for name in PART_BOXES])
        boxes = clip_box(_moved_box(published, to_image), size)
        valid = np.asarray(np.isfinite(boxes).all(axis=1))
        return np.where(valid[:, None], xyxy_of(boxes), 0).astype(np.float32), valid

    def _truth(self, index: int, to_image: np.ndarray) -> dict[str, Field]:
        """Published joints, and the mesh where it is wanted."""
        name = self._found.truth[self._found.image_row(index)]
        if not name:
            return {}
        content = read_truth(self._folder / name)
        person = int(self._people.people["person_id"][index])
        if person >= len(content["gt_joints_2d"]):
            raise DataError(f"{self._folder / name}: no person {person}; run carpus agora parse --force")
        pixels, joints = (content[f"gt_joints_{size}d"][person] for size in (2, 3))
        fields: dict[str, Field] = {
            "joints_px": _filled(pixels @ to_image[:, :2].T + to_image[:, 2]),
            "joints_cam_mm": _filled(1000.0 * joints),
            "joint_valid": np.arange(len(SMPLX_144)) < len(joints),
        }
        if self.vertices:
            if "gt_verts" not in content:
                raise DataError(
                    f"{self._folder / name} has no meshes: parse with carpus agora parse --vertices, or set "
                    "dataset.vertices=none"
                )
            fields["vertices_m"] = content["gt_verts"][person].astype(np.float32)
        return fields


def _in_small_picture(people: People) -> np.ndarray:
    """``(N,)`` bool: people whose box lies in the picture, not beside it; crops have no such limit."""
    small = np.array(PUBLISHED_WH) // SCALE
    usable = np.asarray(np.isfinite(clip_box(people.people["bbox_xywh_px"] / SCALE, small)).all(axis=1))
    if not usable.all():
        _LOG.warning(
            "%s: %d people left out, whose box lies outside their picture", people.path, (~usable).sum()
        )
    return usable


def _moved_box(box_xywh: np.ndarray, affine: np.ndarray) -> np.ndarray:
    """Boxes ``(*, 4)`` under a map that neither turns nor shears."""
    scale = np.array([affine[0, 0], affine[1, 1]])
    return np.concatenate([box_xywh[..., :2] * scale + affine[:, 2], box_xywh[..., 2:] * scale], -1).astype(
        np.float32
    )


def _filled(joints: np.ndarray) -> np.ndarray:
    """The published joints and zeros for the outline of the face, which is not published."""
    padded = np.zeros((len(SMPLX_144), joints.shape[-1]), np.float32)
    padded[: len(joints)] = joints
    return padded
