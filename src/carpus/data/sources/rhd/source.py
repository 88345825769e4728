"""RHD: one split of the published tree, one hand or both per picture."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

import numpy as np

from carpus.data.part_codes import RHD_FIRST, RHD_PERSON, RHD_VALUES
from carpus.data.rgb_images import check_picture, mask_values, picture_size
from carpus.data.rgb_source import RgbSource, column_of
from carpus.data.sources.base import Column, read_bytes
from carpus.data.sources.hand_fields import box_fields, depth_fields
from carpus.data.sources.rhd import layout
from carpus.data.sources.rhd.annotations import read_annotations
from carpus.data.store import Store
from carpus.errors import ConfigError, DataError, unknown
from carpus.skeletons import RHD_HAND, Skeleton
from carpus.types import Field, Record

HANDS = ("dominant", "both")
"""``dominant``: the hand with more pixels in the mask, the left one if it has strictly more; ``both``: a
pair."""
_SIDES = ("right", "left")


class RHD(RgbSource):
    """Rendered hands in millimetres, part masks, depth; the publisher's pickle or mmpose's COCO-like form.

    With ``hands="dominant"`` joints are those of one hand in the published order
    (:data:`carpus.skeletons.RHD_HAND`); with ``hands="both"`` those of the right and then the left
    (:data:`carpus.skeletons.RHD_BOTH`), a hand without a pixel in the mask being absent. All joints of a hand
    that is there are valid; ``joint_visible`` says which are seen.

    Args:
        root: the tree, or the folder it lies in.
        split: ``train`` (published: training) or ``test`` (evaluation).
        images: ``packed``, or anything else to leave the pictures where they are; masks and depth are packed.
        hands: one of :data:`HANDS`.
        depth: pack depth images; False does without them.
    Raises:
        DataError: naming the file and the picture at fault.
    """

    name: ClassVar[str] = "rhd"
    skeleton: ClassVar[Skeleton] = RHD_HAND
    splits: ClassVar[tuple[str, ...]] = tuple(layout.PUBLISHED)
    expected_counts: ClassVar[Mapping[str, int]] = layout.COUNTS

    def __init__(
        self,
        root: str | Path,
        split: str,
        images: str = "packed",
        hands: str = "dominant",
        depth: bool = True,
    ) -> None:
        super().__init__(root, split, images)
        if hands not in HANDS:
            raise ConfigError(unknown("dataset.hands", hands, HANDS))
        self.hands, self.depth = hands, depth
        self._labels = read_annotations(self.root, split)
        self._last: tuple[int, np.ndarray] | None = None

    @classmethod
    def annotation_files(cls, root: Path, split: str) -> list[Path]:
        """The pickle, or else the COCO-like file."""
        path = layout.annotation(root, split)
        return [path] if path.is_file() else []

    @classmethod
    def describe(cls, store: Store) -> dict[str, int | float | str]:
        """How many pictures show which hand."""
        counts = np.bincount(column_of(store, "side"), minlength=3)
        names = ("right hands", "left hands", "both hands")
        return {name: f"{int(count):,}" for name, count in zip(names, counts, strict=True) if count}

    @property
    def group_counts(self) -> tuple[int, ...]:
        """All pictures are one group."""
        return (len(self),)

    @property
    def lines(self) -> int:
        """Number of pictures."""
        return len(self._labels)

    def __len__(self) -> int:
        return len(self._labels)

    def __getitem__(self, index: int) -> Record:
        labels, image = self._labels, self._labels.images[index]
        images = self._files(index, image)
        present = self._present(index, images.get("segm"))
        self._last = index, present
        fields: dict[str, Field] = {
            "image": image,
            "camera": labels.camera[index],
            "image_wh": self._size(images),
            **self._hand_fields(index, present),
            "image_id": int(labels.ids[index]),
        }
        if "segm" in images:
            fields |= {"segm_coding": "rhd", "segm_valid": 1}
        if "depth" in images:
            fields["depth_coding"] = "rhd_png"
        return Record(f"{layout.PUBLISHED[self.split]}/{Path(image).stem}", images, fields)

    def columns(self, index: int) -> dict[str, Column]:
        """``line`` in published order, ``group`` 0, ``side`` (0 right, 1 left, 2 both), ``image_id``."""
        if self._last is None or self._last[0] != index:
            self._last = index, self[index].fields["hand_type"]  # type: ignore[assignment]
        assert self._last is not None
        right, left = (bool(there) for there in self._last[1])
        side = 2 if right and left else int(left)
        return {"line": index, "group": 0, "side": side, "image_id": int(self._labels.ids[index])}

    def locate(self, index: int) -> str:
        """The annotation file and the picture."""
        return self._labels.locate(index)

    def _files(self, index: int, image: str) -> dict[str, bytes]:
        """Picture, mask and depth, each a whole file and all of one size."""
        wanted = {"rgb": image} if self.images == "packed" else {}
        found: dict[str, bytes] = {}
        for name, kind in (("segm", "mask"), *((("depth", "depth"),) if self.depth else ())):
            path = layout.beside(image, kind)
            if self._labels.masked or (self.root / path).is_file():
                wanted[name] = path
        sizes = {}
        for name, path in wanted.items():
            try:
                found[name] = read_bytes(self.root / path)
                sizes[path] = picture_size(found[name])
            except DataError as error:
                hint = "; dataset.depth=false does without depth" if name == "depth" else ""
                raise DataError(f"{self._named(str(error), path)}{hint}") from None
        if len(set(sizes.values())) > 1:
            told = ", ".join(f"{path} {width} x {height}" for path, (width, height) in sizes.items())
            raise DataError(f"files of one picture differ in size: {told}")
        return found

    def _named(self, message: str, path: str) -> str:
        """A message that says which file it is about."""
        return message if str(self.root / path) in message else f"{self.root / path}: {message}"

    def _size(self, images: Mapping[str, bytes]) -> np.ndarray:
        size = next((picture_size(data) for data in images.values()), layout.SIZE_WH)
        return np.array(size, np.int64)

    def _present(self, index: int, mask: bytes | None) -> np.ndarray:
        """``(2,)`` bool right, left: which hands the record tells of."""
        labelled = self._labels.labelled[index]
        pixels = (
            None
            if mask is None
            else self._hand_pixels(mask, layout.beside(self._labels.images[index], "mask"))
        )
        if self.hands == "both":
            seen = pixels > 0 if pixels is not None else self._labels.visible[index].any(1)
            if (labelled & seen).any():
                return labelled & seen
        if labelled.all():
            size = pixels if pixels is not None else self._spans(index)
            return np.array([size[1] <= size[0], size[1] > size[0]])
        return labelled.copy()

    def _hand_pixels(self, mask: bytes, path: str) -> np.ndarray:
        """``(2,)`` pixels of the right and the left hand."""
        try:
            check_picture(mask)
            counts = np.bincount(mask_values(mask).ravel(), minlength=RHD_VALUES)
        except DataError as error:
            raise DataError(self._named(str(error), path)) from None
        if len(counts) > RHD_VALUES:
            raise DataError(
                f"{self.root / path}: the mask has the value {len(counts) - 1}; {RHD_PERSON} is the person, "
                f"{RHD_PERSON + 1} to {RHD_VALUES - 1} are parts of the hands"
            )
        return np.array([counts[RHD_FIRST[side] : RHD_FIRST[side] + 16].sum() for side in _SIDES])

    def _spans(self, index: int) -> np.ndarray:
        """``(2,)`` areas of the hands' keypoint boxes."""
        return np.ptp(self._labels.joints_px[index], axis=1).prod(1)

    def _hand_fields(self, index: int, present: np.ndarray) -> dict[str, Field]:
        """Joints of the hand, or of both, and what is made of them."""
        labels = self._labels
        chosen = slice(None) if self.hands == "both" else slice(int(present[1]), int(present[1]) + 1)
        points = labels.joints_mm[index, chosen].reshape(-1, 3)
        pixels = labels.joints_px[index, chosen].reshape(-1, 2)
        visible = labels.visible[index, chosen].reshape(-1)
        valid = np.repeat(present[chosen], len(RHD_HAND))
        wrists = tuple(range(0, len(points), len(RHD_HAND)))
        return {
            **depth_fields(points, wrists, present),
            "joints_px": pixels,
            "joint_valid": valid,
            "joint_visible": visible & valid,
            "hand_type": present,
            "hand_type_valid": 1,
            **box_fields(pixels, valid, visible),
        }
