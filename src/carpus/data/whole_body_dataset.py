"""A dataset of people as configuration describes it: a source and its stores."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from carpus.data.packed_dataset import PackedDataset
from carpus.data.packing import Damage, Progress
from carpus.data.rgb_checks import check_annotation, sizes_of
from carpus.data.rgb_files import FolderFiles
from carpus.data.splits import BASES, Published, SplitPolicy, parse_split, sample
from carpus.data.store import Store
from carpus.data.whole_body_samples import PersonSamples, damaged_pictures
from carpus.data.whole_body_source import PICTURES, WholeBodySource
from carpus.data.whole_body_splits import ABSENT
from carpus.errors import ConfigError, StoreError, unknown
from carpus.skeletons import Skeleton

log = logging.getLogger(__name__)


class WholeBodyDataset(PackedDataset[WholeBodySource, PersonSamples]):
    """People, hands or faces in pictures; opening a split packs it on first use.

    Args:
        name, root, source, packs, skeleton, offers, protocol, synth, processes: see
            :class:`~carpus.data.packed_dataset.PackedDataset`.
        splits: which records make which split; the publisher's train, val and test by default.
        kind: ``whole_body``.
        images: ``packed``: the store holds the pictures; ``tree``: they stay in the published tree. A store
            that holds them serves both.
    """

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
        if images not in PICTURES:
            raise ConfigError(unknown(f"dataset.images of {name}", images, PICTURES))
        super().__init__(
            name,
            root,
            partial(source, images=images),
            splits or Published("train", "val", "test"),
            packs,
            skeleton,
            kind,
            offers,
            protocol,
            synth,
            processes,
        )
        self.images = images
        self._synthetic = synth is not None
        self._counted: set[str] = set()

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

    def _options(self, physical: str) -> dict[str, Any]:
        files = self.source_type.annotation_files(self.root, physical)
        return {
            **super()._options(physical),
            "images": "packed" if self.images == "packed" else "left",
            "annotations": sizes_of(files, self.root),
        }

    def _check(self, store: Store) -> None:
        """Pictures are where they are wanted, and the annotation is that of the tree."""
        if not self._suits(store.meta["options"]):
            raise StoreError(
                f"{store.folder} was packed without pictures, the configuration says images=packed; pack it "
                f"again (carpus pack {self.name} --force) or set dataset.images=tree"
            )
        check_annotation(self.source_type, store, self.root, self.name)
        self._count(store)

    def _suits(self, packed: Mapping[str, Any]) -> bool:
        """A store that holds the pictures serves every place of them."""
        return self.images != "packed" or packed.get("images") == "packed"

    def _fingerprint(self, physical: str) -> str | None:
        """Of the annotation files; the tree is not read otherwise."""
        files = self.source_type.annotation_files(self.root, physical)
        return self.source_type.hash_of(self.root, physical) if files else None

    def _damaged_beside(self, store: Store, base: str, progress: Progress | None) -> list[Damage]:
        """Pictures."""
        del base
        return damaged_pictures(store, self._pictures(store), progress)

    def _count(self, store: Store) -> None:
        """Say once how many records there are, and warn where that is far from what is published."""
        physical = store.folder.name
        if self._synthetic or physical in self._counted:
            return
        self._counted.add(physical)
        text, right = self.source_type.count_line(physical, [len(store)])
        log.log(logging.INFO if right else logging.WARNING, text)
