"""What lies beside a store of RGB hands: pictures not packed, part masks, boxes of other programs."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from carpus.data.locking import exclusive
from carpus.data.records import Mapped, digest, save_array
from carpus.data.rgb_files import Files, FolderFiles, first_files, open_files
from carpus.data.rgb_samples import Beside
from carpus.data.rgb_source import RgbSource
from carpus.data.store import Store
from carpus.errors import DataError

log = logging.getLogger(__name__)

GIVEN_TRUTH = "gt"


@dataclass(frozen=True)
class BesideFiles:
    """The places of a dataset; see :class:`carpus.data.rgb_dataset.RgbDataset` for the arguments."""

    source: type[RgbSource]
    root: Path
    images: str
    image_lmdb: Path | None
    masks: Path | None
    trans_test: str
    max_fit_error_mm: float | None
    bad_labels: str
    _told: set[Path] = field(default_factory=set, init=False, repr=False)

    def of(self, store: Store, base: str) -> Beside:
        """What completes the records of a store in one of the splits ``train``, ``val``, ``test``.

        Raises:
            DataError: naming the file that is missing or of other images.
        """
        physical = store.folder.name
        given = errors = None
        if self.is_given(base):
            path = self.source.given_file(self.root, self.trans_test, physical)
            given = _kept(store, self.trans_test, path, self.source.read_given)
        if self.max_fit_error_mm is not None:
            path = self.source.fit_errors_file(self.root, physical)
            errors = _kept(store, "fit_errors", path, self.source.read_fit_errors)
        limit = np.inf if self.max_fit_error_mm is None else self.max_fit_error_mm
        return Beside(
            self.source,
            self._pictures(store),
            self._masks(base),
            given,
            errors,
            limit,
            self.bad_labels,
        )

    def is_given(self, base: str) -> bool:
        """Whether a split takes boxes and depths of another program."""
        return self.trans_test != GIVEN_TRUTH and base in self.source.given_splits[self.trans_test]

    def _pictures(self, store: Store) -> Files | None:
        if store.meta["options"].get("images") == "packed":
            return None
        if self.images == "tree":
            return FolderFiles(self.root)
        path = self.image_lmdb
        if path is None and self.source.image_lmdb is not None:
            path = self.root / self.source.image_lmdb
        if path is None:
            raise DataError(f"{self.source.name} has no known LMDB of pictures: set dataset.image_lmdb")
        return open_files(path)

    def _masks(self, base: str) -> Files | None:
        if self.masks is not None:
            return open_files(self.masks)
        places = [self.root / place for place in self.source.mask_places]
        found = first_files(places)
        if found is None and places and base == "train" and self.root not in self._told:
            self._told.add(self.root)
            log.warning(
                "no part masks at %s: segm_valid is 0 everywhere and nothing trains the segmentation",
                " or ".join(map(str, places)),
            )
        return found


def _kept(store: Store, name: str, path: Path, read: Callable[[Path, Store], np.ndarray]) -> Mapped:
    """What a file says for all records of a store, read once and kept beside it; memory-mapped."""
    if not path.is_file():
        read(path, store)
        raise DataError(f"{path} is missing")
    stat = path.stat()
    tag = digest([str(path.resolve()), stat.st_size, stat.st_mtime_ns])
    target = store.folder / "given" / f"{name}-{tag}.npy"
    if not target.is_file():
        with exclusive(target.parent / f".{name}.lock"):
            if not target.is_file():
                save_array(target, read(path, store))
    return Mapped(target)
