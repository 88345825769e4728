"""A dataset of people as configuration describes it: a source and its stores."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np

from carpus.data.packing import Damage, Progress
from carpus.data.picture_dataset import PictureDataset
from carpus.data.rgb_files import FolderFiles
from carpus.data.splits import BASES, SplitPolicy, parse_split, sample
from carpus.data.store import Store
from carpus.data.whole_body_samples import PersonSamples, damaged_pictures
from carpus.data.whole_body_source import PICTURES, WholeBodySource
from carpus.data.whole_body_splits import ABSENT
from carpus.errors import ConfigError
from carpus.skeletons import Skeleton

log = logging.getLogger(__name__)


class WholeBodyDataset(PictureDataset[WholeBodySource, PersonSamples]):
    """People, hands or faces in pictures; opening a split packs it on first use.

    Args:
        name, root, source, packs, skeleton, offers, protocol, synth, processes: see
            :class:`~carpus.data.packed_dataset.PackedDataset`.
        splits: which records make which split; the publisher's train, val and test by default.
        kind: ``whole_body``.
        images: ``packed``: the store holds the pictures; ``tree``: they stay in the published tree. A store
            that holds them serves both.
    """

    places = PICTURES

    def __init__(
        self,
        name: str,
        root: str | Path,
        source: Callable[..., WholeBodySource],
        packs: str | Path,
        splits: SplitPolicy | None = None,
        skeleton: Skeleton | str | None = None,
        kind: str = "whole_body",
        images: str = "packed",
        offers: Iterable[str] = (),
        protocol: Any = None,
        synth: Callable[..., object] | None = None,
        processes: int = 1,
    ) -> None:
        super().__init__(
            name,
            root,
            source,
            packs,
            splits,
            skeleton,
            kind,
            images,
            offers,
            protocol,
            synth,
            processes,
        )

    def open(self, split: str, progress: Progress | None = None) -> PersonSamples:
        """The samples of a split; its store is made first where it is missing.

        Raises:
            ConfigError: for an unknown split, or one the dataset does not have.
            StoreError: for a store of another version, of another tree or with other options.
            DataError: if the published tree is missing or inconsistent.
        """
        base, _ = parse_split(split)
        if self.splits.store_of(base) == ABSENT:
            there = [name for name in BASES if self.splits.store_of(name) != ABSENT]
            raise ConfigError(f"dataset {self.name} has no {base} split, only {' and '.join(there)}")
        return super().open(split, progress)

    def size_line(self, split: str) -> str:
        """Number of records of the store behind a split beside the published number, in words.

        Raises:
            StoreError: if the store is not packed yet.
        """
        store = Store(self.folder(self.splits.store_of(split)))
        return self.source_type.count_line(store.folder.name, [len(store)])[0]

    def _samples(
        self, split: str, store: Store, base: str, size: str, progress: Progress | None
    ) -> PersonSamples:
        del progress
        index = self._index(store, base, size, self._policy())
        return PersonSamples(split, store, index, self._pictures(store))

    def _select(self, store: Store, base: str, size: str) -> np.ndarray:
        return np.sort(sample(self.splits.positions(base, store), base, size))

    def _pictures(self, store: Store) -> FolderFiles | None:
        return None if store.meta["options"].get("images") == "packed" else FolderFiles(self.root)

    def _damaged_beside(self, store: Store, base: str, progress: Progress | None) -> list[Damage]:
        """Pictures."""
        del base
        return damaged_pictures(store, self._pictures(store), progress)

    def _count(self, store: Store) -> None:
        """Warn where the number is far from what is published."""
        text, right = self.source_type.count_line(store.folder.name, [len(store)])
        log.log(logging.INFO if right else logging.WARNING, text)
