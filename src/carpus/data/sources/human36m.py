"""Human3.6M in the form its NeuralAnnot fits are published for: one set of JSON files per subject."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
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
)
from carpus.data.whole_body_fits import Fits, chosen_fits, collect_fits, of_limbs, remedy_of
from carpus.data.whole_body_people import Layout, People, concatenate, read_people
from carpus.data.whole_body_source import find_file, image_layout_wh, there, with_usable_boxes
from carpus.errors import ConfigError
from carpus.skeletons import HUMAN36M as JOINTS
from carpus.skeletons import Skeleton
from carpus.types import Field

SUBJECTS = {"train": (1, 5, 6, 7, 8), "test": (9, 11)}
TEST_CAMERA = 4
_NUMBERS = ("subject", "action_idx", "subaction_idx", "cam_idx", "frame_idx")
_IMAGES: Layout = {"image_wh": ("q", 2), **dict.fromkeys(_NUMBERS, ("q", 1))}
_KINDS = ("data", "camera", "joint_3d")
_FITS = {"smplx": "SMPLX_NeuralAnnot", "smpl": "SMPL_NeuralAnnot"}
_CAMERA = ("R", "t", "f", "c")


class Human36M(WorldPeople):
    """A person with 17 joints in millimetres, camera, and a fit in the world.

    Subjects 1, 5, 6, 7, 8 train; 9 and 11 test, seen by camera 4 alone. Fits of SMPL-X count without the
    rotations of ankles and wrists, and without toes and heels. Keys are the picture's path below ``images``
    without its ending and the annotation's id.

    Args:
        root: the tree with ``annotations`` and ``images``.
        split: ``train`` or ``test``.
        images: ``packed`` or ``tree``.
        train_every: every how many frames is used for training (50 frames per second).
        test_every: for the test.
        fits: model of the training people's fits, ``smplx`` or ``smpl``; False for none. Test people never
            have any.
    Raises:
        DataError: naming the file and the entry at fault.
        ConfigError: for a step that is not positive, or fits of another model.
    """

    name: ClassVar[str] = "human36m"
    skeleton: ClassVar[Skeleton] = JOINTS
    splits: ClassVar[tuple[str, ...]] = ("train", "test")
    about_counts: ClassVar[Mapping[str, int]] = {"train": 310_000}

    def __init__(
        self,
        root: str | Path,
        split: str,
        images: str = "packed",
        train_every: int = 5,
        test_every: int = 64,
        fits: str | bool = "smplx",
    ) -> None:
        super().__init__(root, split, images)
        self.every = {"train": train_every, "test": test_every}[split]
        if self.every < 1:
            raise ConfigError(f"dataset.{split}_every={self.every}: every how many frames; 1 or more")
        model, self.made_with = chosen_fits(fits, self.name), {"fits": fits}
        self._base = "images/"
        self._people = with_usable_boxes(concatenate([self._read(subject) for subject in SUBJECTS[split]]))
        files = {kind: [self._file(subject, kind) for subject in SUBJECTS[split]] for kind in _KINDS}
        self._cameras = collect_cameras(self._entries(files["camera"], 1, lambda names: names), _CAMERA)
        self._joints = collect_joints(self._entries(files["joint_3d"], 3, self._sampled), len(JOINTS))
        self._fits, self._masks = self._read_fits(model), of_limbs(model or "smplx")
        subject, action, subaction, camera, frame = (self._people.of_image(name) for name in _NUMBERS)
        self._join(
            code_of(subject, camera),
            _frame_code(subject, action, subaction, frame),
            (files["camera"][0].parent, files["joint_3d"][0].parent),
        )

    @classmethod
    def annotation_files(cls, root: Path, split: str) -> list[Path]:
        """All files of the split's subjects that exist."""
        kinds = (*_KINDS, *_FITS.values())
        return [file for s in SUBJECTS[split] for kind in kinds for file in there(root, *_places(s, kind))]

    def columns(self, index: int) -> dict[str, Column]:
        """Also ``subject``, ``action``, ``camera`` and ``frame``."""
        image = int(self._people.people["image"][index])
        numbers = {name: int(self._people.images[name][image]) for name in _NUMBERS}
        return {
            **super().columns(index),
            "subject": numbers["subject"],
            "action": numbers["action_idx"],
            "camera": numbers["cam_idx"],
            "frame": numbers["frame_idx"],
        }

    def _fields(self, index: int) -> dict[str, Field]:
        columns = self.columns(index)
        return {**super()._fields(index), **{name: columns[name] for name in ("subject", "action", "frame")}}

    def _file(self, subject: int, kind: str) -> Path:
        return find_file(self.root, *_places(subject, kind), hint=NO_FITS if kind in _FITS.values() else "")

    def _read_fits(self, model: str | None) -> Fits | None:
        """Fits of all training subjects, as they are sampled."""
        if model is None or self.split != "train":
            return None
        files = [self._file(subject, _FITS[model]) for subject in SUBJECTS[self.split]]
        entries = self._entries(files, 3, self._sampled)
        return collect_fits(files[0], model, entries, remedy=remedy_of(model))

    def _read(self, subject: int) -> People:
        """The sampled people of a subject."""
        test = self.split == "test"

        def image(item: Any) -> dict[str, Any] | None:
            if int(item["frame_idx"]) % self.every or (test and int(item["cam_idx"]) != TEST_CAMERA):
                return None
            return {"image_wh": image_layout_wh(item), **{name: int(item[name]) for name in _NUMBERS}}

        return read_people(self._file(subject, "data"), _IMAGES, image, {"bbox_xywh_px": ("f", 4)}, _person)

    def _sampled(self, names: Names) -> Names | None:
        return names if names[-1] % self.every == 0 else None

    def _entries(
        self, files: list[Path], depth: int, wanted: Callable[[Names], Names | None]
    ) -> Iterator[tuple[int, str, Any]]:
        """Entries of the files of all subjects, numbered by subject and names."""
        for subject, file in zip(SUBJECTS[self.split], files, strict=True):

            def code(names: Names, subject: int = subject) -> int | None:
                chosen = wanted(names)
                if chosen is None:
                    return None
                return int(code_of(subject, *chosen) if depth == 1 else _frame_code(subject, *chosen))

            yield from stream_entries(file, depth, code)


def _frame_code(subject: Any, action: Any, subaction: Any, frame: Any) -> Any:
    return code_of((subject << 10 | action) << 4 | subaction, frame)


def _places(subject: int, kind: str) -> tuple[str, ...]:
    name = f"Human36M_subject{subject}_{kind}.json"
    return (f"annotations/{name}", name)


def _person(item: Any) -> dict[str, Any]:
    return {"bbox_xywh_px": item["bbox"]}
