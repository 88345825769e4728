"""InterHand2.6M v1.0 at 5 frames per second: one split of the published tree."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np

from carpus.data.rgb_images import check_picture
from carpus.data.rgb_source import RgbSource, column_of, plain_counts
from carpus.data.sources.base import Column, read_bytes
from carpus.data.sources.interhand26m import layout
from carpus.data.sources.interhand26m.annotations import INTERACTING, read_annotations
from carpus.data.sources.interhand26m.fit_errors import read_fit_errors
from carpus.data.sources.interhand26m.records import FrameBlock, make_block
from carpus.data.sources.interhand26m.rootnet import read_rootnet
from carpus.data.sources.interhand26m.skeleton_file import check_skeleton
from carpus.data.sources.interhand26m.tables import (
    Frames,
    pair_code,
    read_cameras,
    read_fits,
    read_joints,
)
from carpus.data.store import Store
from carpus.errors import DataError
from carpus.skeletons import INTERHAND, Skeleton
from carpus.types import Record

log = logging.getLogger(__name__)

_BLOCK = 256


class InterHand26M(RgbSource):
    """Both hands in millimetres, boxes, camera, hand type, and the fitted MANO hands.

    Single-hand images come first, then interacting ones, each in the order of the file. Keys are the paths
    below ``images`` without their ending: ``train/Capture0/ROM01/cam400262/image0000``. A hand whose wrist is
    not valid is invalid as a whole.

    Args:
        root: the tree with ``annotations`` and ``images``.
        split: ``train``, ``val`` or ``test``.
        images: ``packed``, or anything else to leave the pictures where they are.
    Raises:
        DataError: naming the file and the image, camera or frame at fault.
    """

    name: ClassVar[str] = "interhand26m"
    skeleton: ClassVar[Skeleton] = INTERHAND
    splits: ClassVar[tuple[str, ...]] = layout.SPLITS
    expected_counts: ClassVar[Mapping[str, int]] = {
        split: layout.SINGLE[split] + layout.INTERACTING[split] for split in layout.SPLITS
    }
    image_lmdb: ClassVar[str | None] = layout.IMAGE_LMDB
    mask_places: ClassVar[tuple[str, ...]] = layout.MASKS
    given_splits: ClassVar[Mapping[str, tuple[str, ...]]] = {"rootnet": ("val", "test")}

    def __init__(self, root: str | Path, split: str, images: str = "packed") -> None:
        super().__init__(root, split, images)
        if (table := layout.skeleton_file(self.root)).is_file():
            check_skeleton(table)
        self._images = read_annotations(self.root, split)
        kinds = self._images.hand_types
        both = kinds == INTERACTING
        self._order = np.concatenate([np.flatnonzero(~both), np.flatnonzero(both)])
        self._cameras = read_cameras(layout.annotation_file(self.root, split, "camera"))
        self._joints = read_joints(layout.annotation_file(self.root, split, "joint_3d"))
        self._camera_row = self._find_cameras()
        self._joint_row = self._find_joints()
        self._fits, self._fitted = self._find_fits()
        self._block: FrameBlock | None = None

    @classmethod
    def annotation_files(cls, root: Path, split: str) -> list[Path]:
        """JSON files and the table of joints; DIGIT's pickles where a JSON file is not there."""
        kinds = ("data", "camera", "joint_3d", "MANO_NeuralAnnot")
        files = {kind: layout.annotation_file(root, split, kind) for kind in kinds}
        if not files["data"].is_file():
            files["data"] = layout.data_pickle(root, split)
        if not files["MANO_NeuralAnnot"].is_file():
            files["MANO_NeuralAnnot"] = layout.meta_pickle(root, split)
        return [path for path in (*files.values(), layout.skeleton_file(root)) if path.is_file()]

    @classmethod
    def image_key(cls, image: str) -> str:
        """The path below ``images``."""
        return image.removeprefix(f"{layout.IMAGES}/")

    @classmethod
    def given_file(cls, root: Path, given: str, split: str) -> Path:
        """RootNet's output."""
        del given
        return layout.rootnet_file(root / "rootnet_output", split)

    @classmethod
    def read_given(cls, path: Path, store: Store) -> np.ndarray:
        """Boxes and depths of RootNet's output."""
        return read_rootnet(path, store)

    @classmethod
    def fit_errors_file(cls, root: Path, split: str) -> Path:
        """DIGIT's ``meta_dict``."""
        return layout.meta_pickle(root, split)

    @classmethod
    def read_fit_errors(cls, path: Path, store: Store) -> np.ndarray:
        """Fit errors of ``meta_dict``."""

        def find(name: str) -> int | None:
            try:
                return store.position(name.rsplit(".", 1)[0])
            except KeyError:
                return None

        return read_fit_errors(path, len(store), find)

    @classmethod
    def count_line(cls, split: str, counts: Sequence[int]) -> tuple[str, bool]:
        """Single-hand and interacting images, beside those of v1.0."""
        found, published = tuple(counts), (layout.SINGLE[split], layout.INTERACTING[split])
        text = f"{cls.name} {split}: {plain_counts(found)} = {sum(found):,} images (one hand + interacting)"
        if found == published:
            return text, True
        first = layout.FIRST_RELEASE[split]
        hint = "; this is v0.0" if sum(found) == first else ""
        return (
            f"{text}; v1.0 at 5 fps has {plain_counts(published)} = {sum(published):,}, a difference of "
            f"{sum(found) - sum(published):+,}{hint}. Scores are comparable with published ones only on v1.0",
            False,
        )

    @classmethod
    def describe(cls, store: Store) -> dict[str, int | float | str]:
        """Images of one hand and of two, and how many have fitted hands, beside the published numbers."""
        split = store.folder.name
        single, both = np.bincount(column_of(store, "group"), minlength=2).tolist()
        fitted = column_of(store, "fitted").astype(bool)
        frames = pair_code(column_of(store, "capture")[fitted], column_of(store, "frame")[fitted])
        return {
            "one hand": f"{single:,} (published {layout.SINGLE[split]:,})",
            "interacting": f"{both:,} (published {layout.INTERACTING[split]:,})",
            "fitted images": f"{int(fitted.sum()):,} (published {layout.FITTED_IMAGES[split]:,})",
            "fitted frames": f"{len(np.unique(frames)):,} (published {layout.FITTED_FRAMES[split]:,})",
            "fits of the label's hands": f"{int(column_of(store, 'mano_valid').sum()):,}",
        }

    @property
    def group_counts(self) -> tuple[int, ...]:
        """Images of one hand, images of interacting hands."""
        both = int((self._images.hand_types == INTERACTING).sum())
        return len(self._images) - both, both

    @property
    def lines(self) -> int:
        """Number of images."""
        return len(self._images)

    def __len__(self) -> int:
        return len(self._images)

    def __getitem__(self, index: int) -> Record:
        row = int(self._order[index])
        name = f"{self.split}/{self._images.names[row]}"
        image = f"{layout.IMAGES}/{name}"
        fields = self._block_of(index).fields(index)
        sequence = self._images.sequences[self._images.numbers["sequence"][row]]
        images: dict[str, bytes] = {}
        if self.images == "packed":
            images["rgb"] = read_bytes(self.root / image)
            check_picture(images["rgb"])
        return Record(name.rsplit(".", 1)[0], images, {"image": image, "seq": sequence, **fields})

    def columns(self, index: int) -> dict[str, Column]:
        """``line`` in the file, ``group`` (0 one hand, 1 interacting), ids, and whether fits match."""
        row = int(self._order[index])
        numbers, fitted = self._images.numbers, self._fitted[row]
        return {
            "line": row,
            "group": int(self._images.hand_types[row] == INTERACTING),
            "annot_id": int(numbers["id"][row]),
            "capture": int(numbers["capture"][row]),
            "frame": int(numbers["frame_idx"][row]),
            "hand_type": int(self._images.hand_types[row]),
            "fitted": int(fitted.any()),
            "mano_valid": int(self._block_of(index).mano_valid(index)),
        }

    def locate(self, index: int) -> str:
        """The file and the image's id and name."""
        return self._images.locate(int(self._order[index]))

    def _block_of(self, index: int) -> FrameBlock:
        """Values of the records around one, computed together; packing asks for them in order."""
        start = index - index % _BLOCK
        if self._block is None or self._block.start != start:
            rows = self._order[start : start + _BLOCK]
            world = self._joints.values[self._joint_row[rows]]
            fits = None if self._fits is None else self._fits.values[self._fit_rows(rows)]
            cameras = self._camera_row[rows]
            self._block = make_block(
                start, rows, self._images, self._cameras, cameras, world, self._fitted[rows], fits
            )
        return self._block

    def _fit_rows(self, rows: np.ndarray) -> np.ndarray:
        assert self._fits is not None
        numbers = self._images.numbers
        # Row -1, the last, stands for a frame without a fit: ``fitted`` says that it does not count.
        return self._fits.rows(numbers["capture"][rows], numbers["frame_idx"][rows])

    def _find_cameras(self) -> np.ndarray:
        """``(N,)`` rows of the images' cameras."""
        numbers = self._images.numbers
        pairs = np.stack([numbers["capture"], numbers["camera"]], 1)
        distinct, first, inverse = np.unique(pairs, axis=0, return_index=True, return_inverse=True)
        rows = []
        for (capture, camera), row in zip(distinct.tolist(), first.tolist(), strict=True):
            try:
                rows.append(self._cameras.row(capture, camera))
            except DataError as error:
                raise DataError(f"{error}; {self._images.locate(row)} needs it") from None
        return np.array(rows, np.int32)[inverse.reshape(-1)]

    def _find_joints(self) -> np.ndarray:
        """``(N,)`` rows of the images' joints."""
        numbers = self._images.numbers
        rows = self._joints.rows(numbers["capture"], numbers["frame_idx"])
        missing = np.flatnonzero(rows < 0)
        if missing.size:
            row = int(missing[0])
            raise DataError(
                f"{self._joints.path}: capture {numbers['capture'][row]} has no frame "
                f"{numbers['frame_idx'][row]}; {self._images.locate(row)} needs it ({len(missing):,} images "
                "have no joints)"
            )
        return rows.astype(np.int32)

    def _find_fits(self) -> tuple[Frames | None, np.ndarray]:
        """The fitted hands, and ``(N, 2)`` bool which of them an image has."""
        path = layout.annotation_file(self.root, self.split, "MANO_NeuralAnnot")
        numbers, images = self._images.numbers, self._images
        if path.is_file():
            fits = read_fits(path)
            rows = fits.rows(numbers["capture"], numbers["frame_idx"])
            if not len(fits.values):
                return None, np.zeros((len(images), 2), bool)
            return fits, np.isfinite(fits.values[rows, :, 0]) & (rows >= 0)[:, None]
        if (errors := layout.meta_pickle(self.root, self.split)).is_file():
            place = {f"{self.split}/{images.names[row]}": row for row in range(len(images))}
            return None, np.isfinite(read_fit_errors(errors, len(images), place.get))
        log.warning("%s is missing: no image has MANO hands, and no part mask counts", path)
        return None, np.zeros((len(images), 2), bool)
