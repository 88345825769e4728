"""The records of one split of RGB hands, completed with what is kept beside the store."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from carpus.data.records import Mapped
from carpus.data.rgb_files import Files, LmdbFiles
from carpus.data.rgb_source import RgbSource
from carpus.data.samples import Samples
from carpus.data.store import Store
from carpus.errors import ConfigError, DataError
from carpus.types import Field, Record


@dataclass(frozen=True)
class Beside:
    """What completes a store's records.

    Args:
        source: the dataset's class, which knows how things are called.
        pictures: where pictures are that are not packed.
        masks: part masks, or None.
        given: ``(N, 6)`` square boxes and wrist depths of another program, or None for the true ones.
        fit_errors_mm: ``(N, 2)`` of the fitted hands, right and left, or None.
        max_fit_error_mm: masks of worse fits do not count.
        bad_labels: what happens to mask values that name no part.
    """

    source: type[RgbSource]
    pictures: Files | None = None
    masks: Files | None = None
    given: Mapped | None = None
    fit_errors_mm: Mapped | None = None
    max_fit_error_mm: float = np.inf
    bad_labels: str = "error"

    def complete(self, position: int, record: Record) -> Record:
        """The record with its picture, its mask where it has one, and the wanted box and depths."""
        images, fields = dict(record.images), dict(record.fields)
        image = str(fields["image"])
        fields["bad_labels"] = self.bad_labels
        if "rgb" not in images:
            images["rgb"] = self._picture(record.key, image)
            fields["rgb_coding"] = "exchanged" if isinstance(self.pictures, LmdbFiles) else "standard"
        counts = bool(fields.get("segm_valid", True)) and self._fits_well(position)
        if counts and self.masks is not None and "segm" not in images:
            mask = self.masks.get(self.source.mask_key(image))
            if mask is not None:
                images["segm"] = mask
        fields["segm_valid"] = int(counts and "segm" in images)
        if self.given is not None:
            fields |= self._given(position)
        return Record(record.key, images, fields)

    def picture_name(self, image: str) -> str:
        """Name of a picture where it is."""
        return self.source.image_key(image) if isinstance(self.pictures, LmdbFiles) else image

    def _picture(self, key: str, image: str) -> bytes:
        if self.pictures is None:
            raise DataError(
                f"'{key}' was packed without its picture; set dataset.images=tree or lmdb, or pack again"
            )
        name = self.picture_name(image)
        data = self.pictures.get(name)
        if data is None:
            raise DataError(
                f"{self.pictures.path} has no picture '{name}', which '{key}' needs; complete it, or set "
                "dataset.images to where all pictures are (packed, tree or lmdb)"
            )
        return data

    def _fits_well(self, position: int) -> bool:
        if self.fit_errors_mm is None:
            return True
        return not (self.fit_errors_mm.array[position] > self.max_fit_error_mm).any()

    def _given(self, position: int) -> dict[str, Field]:
        assert self.given is not None
        values = np.array(self.given.array[position])
        return {"crop_xywh_px": values[:4], "root_depth_mm": values[4:]}


class RgbSamples(Samples):
    """A selection of a store's records; cheap to open, to pickle and to fork.

    Args:
        split: the split's name, for messages.
        store: the packed records.
        index: ``(n,)`` positions in the store.
        beside: what completes a record.
    """

    def __init__(self, split: str, store: Store, index: Mapped, beside: Beside) -> None:
        # Never read: these samples have boxes instead.
        super().__init__(split, store, index, Mapped(store.folder / "centers" / "none.npy"))
        self.beside = beside

    def __getitem__(self, index: int) -> Record:
        """The completed record."""
        position = self._at(index)
        return self.beside.complete(position, self.store[position])

    def centers_mm(self) -> np.ndarray:
        """Pictures have no centre.

        Raises:
            ConfigError: always.
        """
        raise ConfigError(f"{self.store.meta['dataset']} has RGB images: their crops have boxes, no centre")
