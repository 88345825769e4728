"""The records of one split of people, with the pictures that stay in the published tree."""

from __future__ import annotations

import numpy as np

from carpus.data.packing import BATCH, Damage, Progress
from carpus.data.records import Mapped
from carpus.data.rgb_files import Files
from carpus.data.rgb_images import check_picture
from carpus.data.samples import Samples
from carpus.data.store import Store
from carpus.errors import ConfigError, DataError
from carpus.types import Record


class PersonSamples(Samples):
    """A selection of a store's records; cheap to open, to pickle and to fork.

    Args:
        split: the split's name, for messages.
        store: the packed records.
        index: ``(n,)`` positions in the store.
        pictures: where pictures are that are not packed.
    """

    def __init__(self, split: str, store: Store, index: Mapped, pictures: Files | None) -> None:
        # Never read: people have boxes instead.
        super().__init__(split, store, index, Mapped(store.folder / "centers" / "none.npy"))
        self.pictures = pictures

    def __getitem__(self, index: int) -> Record:
        """The record with its picture ``rgb``."""
        return with_picture(self.store[self._at(index)], self.pictures)

    def centers_mm(self) -> np.ndarray:
        """People have no centre.

        Raises:
            ConfigError: always.
        """
        raise ConfigError(f"{self.store.meta['dataset']} has pictures of people: they have boxes, no centre")


def with_picture(record: Record, pictures: Files | None) -> Record:
    """The record with its picture.

    Raises:
        DataError: naming the picture that is missing.
    """
    if "rgb" in record.images:
        return record
    image = str(record.fields["image"])
    if pictures is None:
        raise DataError(f"'{record.key}' was packed without its picture; set dataset.images=tree")
    data = pictures.get(image)
    if data is None:
        raise DataError(
            f"{pictures.path / image} is missing, which '{record.key}' needs; complete the tree, or set "
            "dataset.root"
        )
    return Record(record.key, {**record.images, "rgb": data}, record.fields)


def damaged_pictures(store: Store, pictures: Files | None, progress: Progress | None = None) -> list[Damage]:
    """Read every picture that lies beside a store; they are not decoded.

    Args:
        store: the packed records.
        pictures: None where the store holds them.
        progress: called with (done, total).
    Returns:
        What is missing or cut off.
    """
    damaged: list[Damage] = []
    if pictures is None:
        return damaged
    for position in range(len(store)):
        record = store[position]
        try:
            check_picture(with_picture(record, pictures).images["rgb"])
        except DataError as error:
            image = str(pictures.path / str(record.fields["image"]))
            reason = str(error) if image in str(error) else f"{image}: {error}"
            damaged.append(Damage(position, record.key, reason))
        if progress and (position % BATCH == 0 or position == len(store) - 1):
            progress(position + 1, len(store))
    return damaged
