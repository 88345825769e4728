"""What a published tree of RGB images of hands must offer beside records."""

from __future__ import annotations

import hashlib
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np

from carpus.data.sources.base import Source
from carpus.data.store import Store
from carpus.errors import ConfigError, DataError

IMAGES = ("packed", "tree", "lmdb")
"""``packed``: the store holds them; ``tree``: they stay where they are published; ``lmdb``: they stay in the
database another program made of them."""


class RgbSource(Source):
    """RGB images with one hand or two.

    Records have the field ``image``, the picture's path below the root, and ``crop_xywh_px``, the square box
    methods crop; with ``images=packed`` also the picture itself as ``rgb``. Columns have ``line``, the number
    of the image in published order, and ``group``, by which splits are ordered.

    Args:
        root: the published tree.
        split: one of :attr:`splits`.
        images: ``packed``, or anything else to leave the pictures where they are.
    """

    kind: ClassVar[str] = "rgb_hand"
    selectors: ClassVar[tuple[str, ...]] = ("root", "split", "images")
    image_lmdb: ClassVar[str | None] = None
    """Database of the pictures, below the root, if the dataset is known to have one."""
    mask_places: ClassVar[tuple[str, ...]] = ()
    """Databases or folders of part masks, below the root: the first that exists is used."""
    given_splits: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    """Names of programs whose boxes and wrist depths are read, and the splits they exist for."""
    made_with: Mapping[str, Any] = MappingProxyType({})
    """Those of the constructor's options that decide which annotation files are read."""

    def __init__(self, root: str | Path, split: str, images: str = "packed") -> None:
        super().__init__(root, split)
        self.images = images

    @classmethod
    def image_key(cls, image: str) -> str:
        """Name of a picture in a database, of its path below the root."""
        return image

    @classmethod
    def mask_key(cls, image: str) -> str:
        """Name of a picture's part mask."""
        return f"{cls.image_key(image).rsplit('.', 1)[0]}.png"

    @classmethod
    def given_file(cls, root: Path, given: str, split: str) -> Path:
        """The file of another program's boxes and wrist depths.

        Raises:
            ConfigError: if the dataset has none.
        """
        raise ConfigError(f"{cls.name} has no file of {given}; its boxes and depths are the true ones")

    @classmethod
    def read_given(cls, path: Path, store: Store) -> np.ndarray:
        """``(N, 6)`` float32 of such a file for all records: square box, depth of right and left wrist."""
        raise ConfigError(f"{cls.name} reads no boxes of other programs, such as {path}")

    @classmethod
    def fit_errors_file(cls, root: Path, split: str) -> Path:
        """The file that says how well a hand model was fitted.

        Raises:
            ConfigError: if the dataset has none.
        """
        raise ConfigError(f"{cls.name} has no fitted hand model; leave dataset.max_fit_error_mm out")

    @classmethod
    def read_fit_errors(cls, path: Path, store: Store) -> np.ndarray:
        """``(N, 2)`` float32 mm of such a file for all records, right and left; NaN without a fit."""
        raise ConfigError(f"{cls.name} reads no fit errors, such as {path}")

    @classmethod
    def count_line(cls, split: str, counts: Sequence[int]) -> tuple[str, bool]:
        """The numbers of images per group in words, and whether they are the published ones."""
        total, expected = sum(counts), cls.expected_counts.get(split, 0)
        text = f"{cls.name} {split}: {total:,} images"
        if total == expected or not expected:
            return text, True
        return f"{text}; published: {expected:,}, a difference of {total - expected:+,}", False

    @property
    @abstractmethod
    def group_counts(self) -> tuple[int, ...]:
        """Number of images of every group, in the order of their numbers."""

    @classmethod
    @abstractmethod
    def annotation_files(cls, root: Path, split: str) -> list[Path]:
        """The files of a split's annotation; those that exist."""

    @classmethod
    def files_read(cls, root: Path, split: str, options: Mapping[str, Any]) -> list[Path]:
        """Those of the annotation files whose content records depend on that are made with some options.

        Args:
            root, split: as of the constructor.
            options: other arguments of the constructor, as a store remembers them.
        """
        del options
        return cls.annotation_files(root, split)

    @classmethod
    def hash_of(cls, root: Path, split: str, options: Mapping[str, Any]) -> str:
        """Hash of names and content of :meth:`files_read`.

        Images are not looked at: there may be more than a million of them.
        """
        digest = hashlib.blake2b(digest_size=16)
        for path in cls.files_read(root, split, options):
            digest.update(f"{path.relative_to(root)}\0{path.stat().st_size}\0".encode())
            with path.open("rb") as file:
                while chunk := file.read(1 << 22):
                    digest.update(chunk)
        return digest.hexdigest()

    @classmethod
    def describe(cls, store: Store) -> dict[str, int | float | str]:
        """What is worth telling of a store of this dataset."""
        counts = np.bincount(column_of(store, "group"))
        return {"groups": plain_counts(counts)}

    def fingerprint(self) -> str:
        """Hash of the annotation files that are read."""
        return self.hash_of(self.root, self.split, self.made_with)


def column_of(store: Store, name: str) -> np.ndarray:
    """A column a selection needs.

    Raises:
        DataError: if the store was packed without it.
    """
    if name not in store.meta["columns"]:
        raise DataError(f"{store.folder} has no column '{name}'; pack it again with --force")
    return np.asarray(store.column(name))


def plain_counts(counts: Any) -> str:
    """``3 + 2`` of several counts.

    Example:
        >>> plain_counts((687_548, 673_514))
        '687,548 + 673,514'
    """
    return " + ".join(f"{int(count):,}" for count in counts)
