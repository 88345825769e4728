"""A dataset of RGB hands as configuration describes it: a source, its stores, and what lies beside them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from carpus.data.packed_dataset import PackedDataset
from carpus.data.packing import Damage, Progress
from carpus.data.rgb_beside import GIVEN_TRUTH, BesideFiles
from carpus.data.rgb_checks import check_annotation, check_pictures, sizes_of
from carpus.data.rgb_images import BAD_LABELS
from carpus.data.rgb_samples import RgbSamples
from carpus.data.rgb_source import IMAGES, RgbSource, column_of
from carpus.data.splits import Published, SplitPolicy, sample
from carpus.data.store import Store
from carpus.errors import ConfigError, StoreError, unknown
from carpus.skeletons import Skeleton

log = logging.getLogger(__name__)


class RgbDataset(PackedDataset[RgbSource, RgbSamples]):
    """RGB images of hands; opening a split packs it on first use.

    Args:
        name, root, source, packs, skeleton, offers, protocol, synth, processes: see
            :class:`~carpus.data.packed_dataset.PackedDataset`.
        splits: which records make which split; the publisher's train, val and test by default.
        kind: ``rgb_hand``.
        images: ``packed``: the store holds the pictures; ``tree``: they stay in the published tree; ``lmdb``:
            in the database DIGIT made of them. A store that holds them serves all three.
        image_lmdb: that database; the published place below the root by default.
        masks: folder or database of part masks; by default the published place, if there is something.
        trans_test: ``gt``: boxes and wrist depths of val and test are the true ones; ``rootnet``: those of
            RootNet's output, as published.
        max_fit_error_mm: part masks of worse fitted hands do not count.
        bad_labels: mask values above 32: ``error``, or ``background``.
    """

    def __init__(
        self,
        name: str,
        root: str | Path,
        source: Callable[..., RgbSource],
        packs: str | Path,
        splits: SplitPolicy | None = None,
        skeleton: Skeleton | str | None = None,
        kind: str = "rgb_hand",
        images: str = "packed",
        image_lmdb: str | Path | None = None,
        masks: str | Path | None = None,
        trans_test: str = GIVEN_TRUTH,
        max_fit_error_mm: float | None = None,
        bad_labels: str = "error",
        offers: Iterable[str] = (),
        protocol: Any = None,
        synth: Callable[..., object] | None = None,
        processes: int = 1,
    ) -> None:
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
        for option, value, allowed in (
            ("images", images, IMAGES),
            ("trans_test", trans_test, (GIVEN_TRUTH, *self.source_type.given_splits)),
            ("bad_labels", bad_labels, BAD_LABELS),
        ):
            if value not in allowed:
                raise ConfigError(unknown(f"dataset.{option} of {name}", value, allowed))
        self.images, self.trans_test = images, trans_test
        self.beside = BesideFiles(
            self.source_type,
            self.root,
            images,
            Path(image_lmdb) if image_lmdb is not None else None,
            Path(masks) if masks is not None else None,
            trans_test,
            max_fit_error_mm,
            bad_labels,
        )
        self._synthetic = synth is not None
        self._counted: set[str] = set()

    def _samples(
        self, split: str, store: Store, base: str, size: str, progress: Progress | None
    ) -> RgbSamples:
        del progress
        index = self._index(store, base, size, self._policy())
        return RgbSamples(split, store, index, self.beside.of(store, base))

    def _select(self, store: Store, base: str, size: str) -> np.ndarray:
        """A part of a split is drawn from the published order of images and then ordered by group."""
        positions = self.splits.positions(base, store)
        if not size:
            return positions
        line, group = column_of(store, "line"), column_of(store, "group")
        drawn = sample(positions[np.argsort(line[positions], kind="stable")], base, size)
        return drawn[np.argsort(group[drawn], kind="stable")]

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
                f"again (carpus pack {self.name} --force) or set dataset.images=tree (or lmdb)"
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

    def _conditions(self, base: str) -> dict[str, Any]:
        return {"boxes_and_wrist_depths": self.trans_test if self.beside.is_given(base) else GIVEN_TRUTH}

    def _damaged_beside(self, store: Store, base: str, progress: Progress | None) -> list[Damage]:
        """Pictures and masks."""
        return check_pictures(store, self.beside.of(store, base), progress)

    def _count(self, store: Store) -> None:
        """Warn once where there are not the published numbers of images."""
        physical = store.folder.name
        if self._synthetic or physical in self._counted or len(store) == self._published(physical):
            return
        self._counted.add(physical)
        counts = [int(count) for count in np.bincount(column_of(store, "group"), minlength=2)]
        text, right = self.source_type.count_line(physical, counts)
        if not right:
            log.warning(text)
