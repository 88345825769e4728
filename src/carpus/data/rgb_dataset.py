"""A dataset of RGB hands as configuration describes it: a source, its stores, and what lies beside them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np

from carpus.data.packing import Damage, Progress
from carpus.data.picture_dataset import PictureDataset
from carpus.data.rgb_beside import GIVEN_TRUTH, BesideFiles
from carpus.data.rgb_checks import check_pictures
from carpus.data.rgb_images import BAD_LABELS
from carpus.data.rgb_samples import RgbSamples
from carpus.data.rgb_source import IMAGES, RgbSource, column_of
from carpus.data.splits import SplitPolicy, sample
from carpus.data.store import Store
from carpus.errors import ConfigError, unknown
from carpus.skeletons import Skeleton

log = logging.getLogger(__name__)


class RgbDataset(PictureDataset[RgbSource, RgbSamples]):
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

    places = IMAGES

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
        for option, value, allowed in (
            ("trans_test", trans_test, (GIVEN_TRUTH, *self.source_type.given_splits)),
            ("bad_labels", bad_labels, BAD_LABELS),
        ):
            if value not in allowed:
                raise ConfigError(unknown(f"dataset.{option} of {name}", value, allowed))
        self.trans_test = trans_test
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

    def _conditions(self, base: str) -> dict[str, Any]:
        return {"boxes_and_wrist_depths": self.trans_test if self.beside.is_given(base) else GIVEN_TRUTH}

    def _damaged_beside(self, store: Store, base: str, progress: Progress | None) -> list[Damage]:
        """Pictures and masks."""
        return check_pictures(store, self.beside.of(store, base), progress)

    def _count(self, store: Store) -> None:
        """Warn where there are not the published numbers of images."""
        physical = store.folder.name
        if len(store) == self._published(physical):
            return
        counts = [int(count) for count in np.bincount(column_of(store, "group"), minlength=2)]
        text, right = self.source_type.count_line(physical, counts)
        if not right:
            log.warning(text)
