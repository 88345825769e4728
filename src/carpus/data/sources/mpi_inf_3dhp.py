"""MPI-INF-3DHP in the form its NeuralAnnot fits are published for: a choice of frames and views."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from carpus.data.sources.base import Column
from carpus.data.sources.mscoco.body import NO_FITS
from carpus.data.sources.world_people import (
    Names,
    WorldPeople,
    code_of,
    collect_cameras,
    collect_joints,
    stream_entries,
    stream_fits,
)
from carpus.data.whole_body_fits import chosen_fits, of_limbs
from carpus.data.whole_body_people import Layout, read_people
from carpus.data.whole_body_source import find_file, image_layout_wh, there, with_usable_boxes
from carpus.errors import ConfigError
from carpus.skeletons import MPI_INF_3DHP as JOINTS
from carpus.skeletons import Skeleton
from carpus.types import Field

_NUMBERS = ("subject_idx", "seq_idx", "cam_idx", "frame_idx")
_IMAGES: Layout = {"image_wh": ("q", 2), **dict.fromkeys(_NUMBERS, ("q", 1))}
_FILES = {
    "people": ("MPI-INF-3DHP_1k.json",),
    "joints": ("MPI-INF-3DHP_joint_3d.json",),
    "cameras": ("MPI-INF-3DHP_camera_1k.json",),
    "smplx": ("MPI-INF-3DHP_SMPLX_NeuralAnnot.json", "MPI-INF-3DHP_SMPL_NeuralAnnot.json"),
    "smpl": ("MPI-INF-3DHP_SMPL_NeuralAnnot.json",),
}
_FOLDERS = ("data/", "", "annotations/")
_CAMERA = ("R", "t", "focal", "princpt")


class MPIINF3DHP(WorldPeople):
    """A person with 17 joints in millimetres, camera, and a fit in the world.

    Fits of SMPL-X count without the rotations of ankles and wrists, and without toes and heels; their file
    may have the other model's name, as one description has it. Keys are
    ``S1/Seq1/<file name without ending>/<annotation's id>``.

    Args:
        root: the tree with ``data/MPI-INF-3DHP_1k.json``, or its folder ``data``.
        split: ``train``.
        images: ``packed`` or ``tree``.
        every: every how many frames is used (25 frames per second).
        fits: model of the fits, ``smplx`` or ``smpl``; False for none.
    Raises:
        DataError: naming the file and the entry at fault.
        ConfigError: for a step that is not positive, or fits of another model.
    """

    name: ClassVar[str] = "mpi_inf_3dhp"
    skeleton: ClassVar[Skeleton] = JOINTS
    splits: ClassVar[tuple[str, ...]] = ("train",)
    about_counts: ClassVar[Mapping[str, int]] = {}

    def __init__(
        self,
        root: str | Path,
        split: str,
        images: str = "packed",
        every: int = 3,
        fits: str | bool = "smplx",
    ) -> None:
        super().__init__(root, split, images)
        model, self.made_with = chosen_fits(fits, self.name), {"fits": fits}
        if every < 1:
            raise ConfigError(f"dataset.every={every}: every how many frames; 1 or more")
        self.every = every
        path = find_file(self.root, *_places("people"))
        self._base = f"{path.parent.relative_to(self.root)}/images_1k/".removeprefix("./")
        self._people = with_usable_boxes(read_people(path, _IMAGES, self._image_row, _BOX, _person))
        files = {kind: find_file(self.root, *_places(kind)) for kind in ("cameras", "joints")}
        subject, sequence, camera, frame = (self._people.of_image(name) for name in _NUMBERS)
        self._cameras = collect_cameras(stream_entries(files["cameras"], 3, lambda n: _code(*n)), _CAMERA)
        self._joints = collect_joints(stream_entries(files["joints"], 3, self._sampled), len(JOINTS))
        self._fits, self._masks = None, of_limbs(model or "smplx")
        if model is not None:
            file = find_file(self.root, *_places(model), hint=NO_FITS)
            self._fits = stream_fits(file, model, 3, self._sampled)
        frames = _code(subject, sequence, frame)
        self._join(_code(subject, sequence, camera), frames, (files["cameras"], files["joints"]))

    @classmethod
    def annotation_files(cls, root: Path, split: str) -> list[Path]:
        """Those that exist."""
        # A file of the other model's name serves both.
        return list(dict.fromkeys(file for kind in _FILES for file in there(root, *_places(kind))))

    def columns(self, index: int) -> dict[str, Column]:
        """Also ``subject``, ``sequence``, ``camera`` and ``frame``."""
        image = int(self._people.people["image"][index])
        subject, sequence, camera, frame = (int(self._people.images[name][image]) for name in _NUMBERS)
        own: dict[str, Column] = {"subject": subject, "sequence": sequence, "camera": camera, "frame": frame}
        return {**super().columns(index), **own}

    def _fields(self, index: int) -> dict[str, Field]:
        columns = self.columns(index)
        return {**super()._fields(index), **{name: columns[name] for name in ("subject", "frame")}}

    def _image_row(self, item: Any) -> dict[str, Any] | None:
        if int(item["frame_idx"]) % self.every:
            return None
        return {"image_wh": image_layout_wh(item), **{name: int(item[name]) for name in _NUMBERS}}

    def _sampled(self, names: Names) -> int | None:
        return int(_code(*names)) if names[-1] % self.every == 0 else None

    def _sequence(self, index: int) -> str:
        image = int(self._people.people["image"][index])
        subject, sequence = (self._people.images[name][image] for name in _NUMBERS[:2])
        return f"S{subject}/Seq{sequence}"

    def _image(self, index: int) -> str:
        return f"{self._base}{self._sequence(index)}/imageSequence/{self._people.name(index)}"

    def _key(self, index: int) -> str:
        return f"{self._sequence(index)}/{super()._key(index)}"


_BOX: Layout = {"bbox_xywh_px": ("f", 4)}


def _code(subject: Any, sequence: Any, last: Any) -> Any:
    return code_of(subject << 8 | sequence, last)


def _places(kind: str) -> tuple[str, ...]:
    return tuple(f"{folder}{name}" for name in _FILES[kind] for folder in _FOLDERS)


def _person(item: Any) -> dict[str, Any]:
    return {"bbox_xywh_px": item["bbox"]}
