"""What hands and faces of the people of MS COCO share."""

from __future__ import annotations

from abc import abstractmethod
from pathlib import Path
from typing import ClassVar

import numpy as np

from carpus.data.sources.mscoco import layout
from carpus.data.sources.mscoco.body import NO_FITS
from carpus.data.whole_body_fits import Fits, all_of
from carpus.data.whole_body_people import People
from carpus.data.whole_body_source import PeopleSource, find_file, there, with_usable_boxes


class CocoParts(PeopleSource):
    """Parts of people in pixels, and their fits with a camera of their own; validation images have no fits.

    Args:
        root: the tree with ``annotations`` and ``images/train2017`` …
        split: ``train`` or ``val``.
        images: ``packed`` or ``tree``.
        fits: whether training records have fits.
    Raises:
        DataError: naming the file and the entry at fault.
    """

    splits: ClassVar[tuple[str, ...]] = ("train", "val")
    model: ClassVar[str]
    """Of the fits."""
    plural: ClassVar[str]
    """What the records are called in messages."""

    def __init__(self, root: str | Path, split: str, images: str = "packed", fits: bool = True) -> None:
        super().__init__(root, split, images)
        self._base = layout.picture_folder(self.root, split)
        self._people = with_usable_boxes(
            self._read(find_file(self.root, *layout.annotation_names(split))), self.plural
        )
        self._masks = all_of(self.model)
        self._fits: Fits | None = None
        if fits and split == "train":
            codes = self._codes(self._people)
            self._fits = self._read_fits(
                find_file(self.root, *layout.fit_names(self.model), hint=NO_FITS), codes
            )
            self._fit_rows = self._fits.rows(codes)

    @classmethod
    def annotation_files(cls, root: Path, split: str) -> list[Path]:
        """Key points, and the fits of training records."""
        fits = there(root, *layout.fit_names(cls.model)) if split == "train" else []
        return [*there(root, *layout.annotation_names(split)), *fits]

    @staticmethod
    @abstractmethod
    def _read(path: Path) -> People:
        """One entry per part that is there."""

    @staticmethod
    @abstractmethod
    def _codes(people: People) -> np.ndarray:
        """``(N,)`` numbers by which fits are found."""

    @staticmethod
    @abstractmethod
    def _read_fits(path: Path, codes: np.ndarray) -> Fits:
        """The fits of these numbers."""

    def _key(self, index: int) -> str:
        return f"{self.split}2017/{super()._key(index)}"
