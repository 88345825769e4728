"""Tenths of the frames whose hand lies inside the image: the splits of the depth CR family."""

from __future__ import annotations

import hashlib
import json
import logging
import time
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from carpus.data.centers import joint_columns
from carpus.data.depth_images import decode_depth
from carpus.data.records import Mapped, save_array
from carpus.data.splits import SplitPolicy
from carpus.data.store import Store
from carpus.errors import ConfigError, DataError

FEWEST = 10
"""Frames that make ten tenths."""
_SCAN_EVERY = 50_000

log = logging.getLogger(__name__)


class SplitCounts(NamedTuple):
    """Sizes under the names of the published program.

    Args:
        num_annotation: frames of all splits.
        num_training: training and validation.
        train_valid_split: where validation begins.
        train_test_split: where the own test tenth begins; 0 where the test frames are another store's.
        num_evaluate: test.
    """

    num_annotation: int
    num_training: int
    train_valid_split: int
    train_test_split: int
    num_evaluate: int


def tenths(count: int, own_test: bool = True) -> tuple[int, int]:
    """Ends of the training and of the validation rows.

    A tenth is rounded up, so that of some small counts nothing would be left behind nine of them; there the
    limits themselves are rounded down.

    Args:
        count: N rows.
        own_test: whether the last tenth is the test split; else validation goes to the end.
    Raises:
        DataError: for fewer than ten rows.
    Example:
        >>> tenths(957_032), tenths(13), tenths(65_000, own_test=False)
        ((765632, 861336), (10, 11), (58500, 65000))
    """
    if count < FEWEST:
        raise DataError(f"{count} frames cannot be split into tenths: at least {FEWEST} are needed")
    tenth = -(-count // 10)
    rounded_up = 9 * tenth < count
    eight, nine = (8 * tenth, 9 * tenth) if rounded_up else (8 * count // 10, 9 * count // 10)
    return (eight, nine) if own_test else (nine, count)


def split_counts(kept: int, separate_test: int | None = None) -> SplitCounts:
    """The published sizes.

    Args:
        kept: rows that are left of the training frames.
        separate_test: rows that are left of the test frames, where they are another store's.
    Example:
        >>> tuple(split_counts(10)), tuple(split_counts(10, separate_test=4))
        ((10, 9, 8, 9, 1), (14, 10, 9, 0, 4))
    """
    train, training = tenths(kept, separate_test is None)
    if separate_test is None:
        return SplitCounts(kept, training, train, training, kept - training)
    return SplitCounts(kept + separate_test, kept, train, 0, separate_test)


@dataclass(frozen=True)
class CleanedTenths(SplitPolicy):
    """Frames with every joint inside the image; eight or nine tenths train, the next one validates.

    Args:
        train: the physical split that is divided.
        test: the physical split that is tested on, all of it (as NYU does); None for the last tenth of
            ``train`` (as HANDS 2017 does, whose test labels were not public).
        shuffle_seed: the rows of ``train`` are put in this random order before they are divided; None keeps
            the published order.
        num_eval: only so many first rows of each physical split, before anything else; None for all.
        centers: name of the centre files; one covers all rows of a physical split.
    """

    train: str = "train"
    test: str | None = None
    shuffle_seed: int | None = None
    num_eval: int | None = None
    centers: str = "center_{split}_refined.txt"

    def __post_init__(self) -> None:
        if self.num_eval is not None and self.num_eval < FEWEST:
            raise ConfigError(f"num_eval={self.num_eval}: at least {FEWEST} rows are needed, or null for all")

    def store_of(self, base: str) -> str:
        """The divided split, or the separate test split."""
        return self.test if base == "test" and self.test is not None else self.train

    def positions(self, base: str, store: Store) -> np.ndarray:
        """A tenth's share of the rows that are left, in their order; all that are left of a separate test."""
        kept = self.kept(store)
        if base == "test" and self.test is not None:
            return kept
        try:
            train, val = tenths(len(kept), self.test is None)
        except DataError as error:
            raise DataError(f"{store.folder}: {error} after dropping hands that leave the image") from None
        return kept[{"train": slice(train), "val": slice(train, val), "test": slice(val, None)}[base]]

    def counts(self, train: Store, test: Store | None = None) -> SplitCounts:
        """The published sizes of these stores; ``test`` is needed where the policy has one.

        Raises:
            ConfigError: if it is missing.
        """
        if self.test is None:
            return split_counts(len(self.kept(train)))
        if test is None:
            raise ConfigError(f"the sizes of these splits need the store '{self.test}' too")
        return split_counts(len(self.kept(train)), len(self.kept(test)))

    def kept(self, store: Store) -> np.ndarray:
        """``(n,)`` int64 positions of the rows that are left; found once per store and logged then."""
        settings = [self.num_eval, self._seed_of(store)]
        name = hashlib.blake2b(json.dumps(settings).encode(), digest_size=6).hexdigest()
        target = store.folder / "index" / f"kept-{name}.npy"
        if not target.is_file():
            started = time.monotonic()
            rows = self._rows(store)
            inside = joint_column(store, "joints_inside")
            kept = rows[np.asarray(inside)[rows] != 0]
            save_array(target, kept)
            limits = _limits(np.asarray(joint_column(store, "extent_mm"))[kept])
            log.info(
                "%s: %d frames kept, %d dropped with a joint outside the image; pose limit %s; %.1f s",
                *(store.folder, len(kept), len(rows) - len(kept), limits, time.monotonic() - started),
            )
        return np.asarray(Mapped(target).array)

    def center_mode(self, base: str) -> str:
        """The physical split's own name."""
        return self.store_of(base)

    def center_lines(self, mode: str, store: Store) -> tuple[np.ndarray, np.ndarray, int]:
        """A centre file has a line for every published frame, also for those that are dropped."""
        return np.arange(len(store)), np.asarray(store.column("line")), int(store.meta["lines"])

    def explain(self, mode: str, store: Store, lines: int) -> str:
        """The two counts."""
        return (
            f"the {mode} split of {store.meta['dataset']} has {store.meta['lines']} published frames, and a "
            "centre file has a line for each, also for those that are not used"
        )

    def _seed_of(self, store: Store) -> int | None:
        return self.shuffle_seed if store.meta["split"] == self.train else None

    def _rows(self, store: Store) -> np.ndarray:
        count = min(len(store), self.num_eval or len(store))
        seed = self._seed_of(store)
        if seed is None:
            return np.arange(count)
        # The published program shuffles with this generator, whose sequence NumPy keeps for ever.
        return np.random.RandomState(seed).permutation(count)


def joint_column(store: Store, name: str) -> np.ndarray:
    """A column of :func:`carpus.data.centers.joint_columns`; of an older store it is made once and kept.

    Args:
        store: the records.
        name: ``joints_inside`` or ``extent_mm``.
    """
    if name in store.meta["columns"]:
        return store.column(name)
    target = store.folder / "index" / f"{name}.npy"
    if not target.is_file():
        for column, values in _scanned(store).items():
            save_array(target.with_name(f"{column}.npy"), values)
    return Mapped(target).array


def _scanned(store: Store) -> dict[str, np.ndarray]:
    """Both columns from the records themselves."""
    first = store[0]
    height, width = decode_depth(first.images["depth"], str(first.fields["depth_coding"])).shape
    rows = []
    for position in range(len(store)):
        rows.append(joint_columns(store[position], (width, height)))
        if (position + 1) % _SCAN_EVERY == 0:
            log.info("%s: joints of %d of %d records looked at", store.folder, position + 1, len(store))
    return {name: np.stack([row[name] for row in rows]) for name in rows[0]}


def _limits(extent_mm: np.ndarray) -> str:
    """``(-310.2, -150.0, 138.7) … (290.0, 260.1, 906.6) mm`` of extents ``(n, 2, 3)``."""
    known = extent_mm[np.isfinite(extent_mm).all(axis=(1, 2))]
    if not len(known):
        return "unknown"
    ends = (known[:, 0].min(axis=0), known[:, 1].max(axis=0))
    return " … ".join("(" + ", ".join(f"{value:.1f}" for value in end) + ")" for end in ends) + " mm"
