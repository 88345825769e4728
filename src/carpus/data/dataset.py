"""A dataset as configuration describes it: a source, its stores, its splits and its centres."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from carpus.data import store as stores
from carpus.data.box_centers import box_centers
from carpus.data.centers import CENTER_SOURCES, CenterColumns, file_centers, read_centers
from carpus.data.clean_splits import CleanedTenths, SplitCounts
from carpus.data.locking import exclusive
from carpus.data.packing import Progress, pack, stats, verify
from carpus.data.prepared.keys import Key
from carpus.data.prepared.stores import StoredPrepared
from carpus.data.records import Mapped, save_array
from carpus.data.samples import Samples
from carpus.data.sources import DepthSource, source_options
from carpus.data.splits import SplitPolicy, parse_split, sample
from carpus.data.store import Store
from carpus.data.tree import PublishedTree, source_class
from carpus.errors import ConfigError, DataError, StoreError, unknown
from carpus.skeletons import Skeleton, get_skeleton


class Dataset:
    """One dataset; opening a split packs it on first use.

    Args:
        name: names the folder of its stores, ``msra`` or ``msra_synthetic``.
        root: the published tree.
        source: class of :mod:`carpus.data.sources`, or a partial of one with its options.
        splits: which records make which split.
        packs: folder of all stores; ``<packs>/<name>/<physical split>`` is made.
        cube_mm: edge of the crop around the centre.
        depth_range_mm: depths that may belong to the hand or body, for ``com`` and ``box``.
        skeleton: joint set, or its name; the source's by default.
        kind: ``depth``.
        center_source: ``file``, ``com``, ``box`` (where frames have a bounding box) or ``gt``.
        center_dir: folder of the published centre files, for ``file``.
        offers: names of what its records offer, compared with a method's needs.
        protocol: whatever the configuration names as its evaluation.
        synth: ``synth(out=folder)`` writes the tree when it is missing.
        processes: readers while packing.
    """

    def __init__(
        self,
        name: str,
        root: str | Path,
        source: Callable[..., DepthSource],
        splits: SplitPolicy,
        packs: str | Path,
        cube_mm: float,
        depth_range_mm: Sequence[float],
        skeleton: Skeleton | str | None = None,
        kind: str = "depth",
        center_source: str = "file",
        center_dir: str | Path | None = None,
        offers: Iterable[str] = (),
        protocol: Any = None,
        synth: Callable[..., object] | None = None,
        processes: int = 1,
    ) -> None:
        if center_source not in CENTER_SOURCES:
            raise ConfigError(unknown("dataset.center_source", center_source, CENTER_SOURCES))
        if center_source == "file" and center_dir is None:
            raise ConfigError(
                f"dataset {name}: center_source=file needs dataset.center_dir; or choose com or gt"
            )
        if center_source == "box" and not source_class(source).boxes:
            raise ConfigError(
                f"dataset {name}: its frames have no bounding box; choose center_source file, com or gt"
            )
        self.name, self.kind = name, kind
        self.root, self.packs = Path(root), Path(packs)
        self.source, self.splits = source, splits
        self.cube_mm = float(cube_mm)
        self.depth_range_mm = (float(depth_range_mm[0]), float(depth_range_mm[1]))
        chosen = skeleton or source_class(source).skeleton
        self.skeleton = get_skeleton(chosen) if isinstance(chosen, str) else chosen
        self.center_source = center_source
        self.center_dir = Path(center_dir) if center_dir is not None else None
        self.offers, self.protocol = frozenset(offers), protocol
        self.tree = PublishedTree(name, self.root, source, synth)
        self._processes = processes

    def open(self, split: str, progress: Progress | None = None) -> Samples:
        """The samples of a split; its store is made first where it is missing.

        Args:
            split: one of :data:`carpus.data.splits.SPLITS`.
            progress: called with (done, total) while packing.
        Raises:
            ConfigError: for an unknown split.
            StoreError: for a store of another version or with other options.
            DataError: if the published tree is missing or inconsistent.
        """
        base, size = parse_split(split)
        folder = self.folder(self.splits.store_of(base))
        if not stores.exists(folder):
            self.pack(folder.name, progress)
        store = Store(folder)
        stores.check_options(store, self._expected())
        self.tree.check(store)
        centers = self._centers(store, base, progress)
        return Samples(split, store, self._index(store, base, size, centers), centers)

    def with_prepared(self, samples: Samples, types: Iterable[Key | str]) -> Samples:
        """Samples whose records bring those of the wanted prepared types that are stored."""
        stored = StoredPrepared.of(self, samples, types)
        return samples.with_stored(stored) if len(stored) else samples

    def is_packed(self, physical: str) -> bool:
        """Whether the store of a physical split is complete."""
        return stores.exists(self.folder(physical))

    def folder(self, physical: str) -> Path:
        """Folder of the store of a physical split."""
        return self.packs / self.name / physical

    @property
    def stores(self) -> tuple[str, ...]:
        """Names of the physical splits, one store each."""
        return source_class(self.source).splits

    def pack(
        self,
        physical: str,
        progress: Progress | None = None,
        processes: int | None = None,
        force: bool = False,
    ) -> Path:
        """Make the store of a physical split; a complete one of the same content is left alone.

        One process packs; others that ask meanwhile wait and then find it made.

        Args:
            physical: one of :attr:`stores`.
            progress: called with (done, total).
            processes: readers; the dataset's own number by default.
            force: make anew what is complete.
        Returns:
            The store's folder.
        """
        if physical not in self.stores:
            raise ConfigError(unknown(f"store of {self.name}", physical, self.stores))
        folder = self.folder(physical)
        with exclusive(folder.parent / f".{physical}.lock"):
            if force or not self._is_current(folder):
                self.tree.make()
                derive = CenterColumns(self.depth_range_mm, self.cube_mm)
                source = self.tree.open(physical)
                readers = processes or self._processes
                options = {**self._options(), **self.tree.extras(physical)}
                pack(source, folder, self.name, derive, options, progress, readers)
        return folder

    def counts(self) -> SplitCounts | None:
        """Sizes of ``splits=tenths`` under the published names, for logs; None for other policies.

        Raises:
            StoreError: if a store is not packed yet.
        """
        if not isinstance(self.splits, CleanedTenths):
            return None
        test = self.splits.test
        return self.splits.counts(
            Store(self.folder(self.splits.train)), Store(self.folder(test)) if test else None
        )

    def verify(self, physical: str, progress: Progress | None = None) -> int:
        """Check every record of a store.

        Returns:
            The number of records, all sound.
        Raises:
            StoreError: naming the damaged records.
        """
        store = Store(self.folder(physical))
        damaged = verify(store, progress)
        if damaged:
            named = ", ".join(f"'{item.key}'" for item in damaged[:5]) + (", …" if len(damaged) > 5 else "")
            raise StoreError(
                f"{store.folder}: {len(damaged)} of {len(store)} records are damaged: {named}. Pack it "
                f"again: carpus pack {self.name} {physical} --force"
            )
        return len(store)

    def stats(self, physical: str) -> dict[str, int | float | str]:
        """What a store holds; see :func:`carpus.data.packing.stats`. ``expected``: frames published."""
        expected = source_class(self.source).expected_counts.get(physical, 0)
        return {**stats(Store(self.folder(physical))), "expected": expected}

    def _options(self) -> dict[str, Any]:
        com = {"com_range_mm": list(self.depth_range_mm), "com_cube_mm": self.cube_mm}
        return {**source_options(self.source), **com}

    def _expected(self) -> dict[str, Any]:
        """Options a store must have been packed with; those of ``com`` only where it is used."""
        return self._options() if self.center_source == "com" else source_options(self.source)

    def _is_current(self, folder: Path) -> bool:
        if not stores.exists(folder):
            return False
        try:
            meta = stores.read_meta(folder)
        except DataError:
            return False
        packed = meta["options"]
        differ = any(packed.get(name) != value for name, value in self._expected().items())
        if meta["format"] != stores.FORMAT_VERSION or differ:
            return False
        return not self.tree.exists() or meta["fingerprint"] == self.tree.open(folder.name).fingerprint()

    def _centers(self, store: Store, base: str, progress: Progress | None = None) -> Mapped:
        """``(N, 3)`` centres of a store's records by the configured source."""
        if self.center_source == "box":
            return self._box_centers(store, progress)
        if self.center_source != "file":
            return Mapped(store.folder / "columns" / f"{self.center_source}_mm.npy")
        assert self.center_dir is not None
        mode = self.splits.center_mode(base)
        path = self.center_dir / self.splits.center_file(mode)
        target = store.folder / "centers" / f"{self._center_tag(mode)}.npy"
        if not target.is_file():
            to_cam_mm = source_class(self.source).to_cam_mm
            save_array(target, file_centers(path, mode, store, self.splits, to_cam_mm, self.cube_mm))
        return Mapped(target)

    def _box_centers(self, store: Store, progress: Progress | None) -> Mapped:
        """Those found while packing, or with another crop or depth range found now and kept."""
        packed, columns = store.meta["options"], store.meta["columns"]
        if "bbox_xywh_px" not in columns:
            raise StoreError(
                f"{store.folder} was packed before center_source=box existed; pack it again: "
                f"carpus pack {self.name} --force"
            )
        if all(packed.get(name) == value for name, value in self._options().items()):
            return Mapped(store.folder / "columns" / "box_mm.npy")
        parts = [self.depth_range_mm, self.cube_mm]
        target = store.folder / "centers" / f"box-{_digest(parts)}.npy"
        with exclusive(target.parent / ".lock"):
            if not target.is_file():
                found = box_centers(store, self.depth_range_mm, self.cube_mm, progress, self._processes)
                save_array(target, found)
        return Mapped(target)

    def _center_tag(self, mode: str) -> str:
        """A name for the chosen centres; a centre file counts by place, size and time, which cost nothing."""
        if self.center_source != "file":
            return self.center_source
        assert self.center_dir is not None
        path = self.center_dir / self.splits.center_file(mode)
        try:
            stat = path.stat()
        except FileNotFoundError:
            read_centers(path)
            raise
        parts = [
            str(path.resolve()),
            stat.st_size,
            stat.st_mtime_ns,
            mode,
            self.splits.describe(),
            self.cube_mm,
        ]
        return f"file-{_digest(parts)}"

    def _index(self, store: Store, base: str, size: str, centers: Mapped) -> Mapped:
        """Positions of a split, made on first use and kept beside the store."""
        tag = self._center_tag(self.splits.center_mode(base))
        parts: Mapping[str, Any] = {"policy": type(self.splits).__name__, **self.splits.describe()}
        target = store.folder / "index" / f"{size}{base}-{_digest([parts, tag])}.npy"
        if not target.is_file():
            positions = self.splits.positions(base, store)
            valid = positions[np.isfinite(centers.array[positions]).all(1)]
            if not valid.size:
                raise DataError(
                    f"split {size}{base} of {self.name}: none of its {len(positions)} frames has a centre "
                    f"with center_source={self.center_source}"
                    + (" (no labels are public)" if self.center_source == "gt" else "")
                )
            save_array(target, sample(valid, base, size))
        return Mapped(target)


def _digest(value: object) -> str:
    return hashlib.blake2b(json.dumps(value, sort_keys=True).encode(), digest_size=6).hexdigest()
