"""A depth dataset as configuration describes it: a source, its stores, its splits and its centres."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from carpus.data.box_centers import box_centers
from carpus.data.centers import CENTER_SOURCES, CenterColumns, file_centers, read_centers
from carpus.data.clean_splits import CleanedTenths, SplitCounts
from carpus.data.locking import exclusive
from carpus.data.packed_dataset import PackedDataset
from carpus.data.packing import Derive, Progress
from carpus.data.prepared.keys import Key
from carpus.data.prepared.stores import StoredPrepared
from carpus.data.records import Mapped, digest, save_array
from carpus.data.samples import Samples
from carpus.data.sources import DepthSource, source_options
from carpus.data.splits import SplitPolicy, sample
from carpus.data.store import Store
from carpus.errors import ConfigError, DataError, StoreError, unknown
from carpus.skeletons import Skeleton


class Dataset(PackedDataset[DepthSource, Samples]):
    """Depth images with one hand or body in a cube; opening a split packs it on first use.

    Args:
        name, root, source, splits, packs, skeleton, offers, protocol, synth, processes: see
            :class:`~carpus.data.packed_dataset.PackedDataset`.
        cube_mm: edge of the crop around the centre.
        depth_range_mm: depths that may belong to the hand or body, for ``com`` and ``box``.
        kind: ``depth``.
        center_source: ``file``, ``com``, ``box`` (where frames have a bounding box) or ``gt``.
        center_dir: folder of the published centre files, for ``file``.
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
        super().__init__(
            name, root, source, splits, packs, skeleton, kind, offers, protocol, synth, processes
        )
        if center_source not in CENTER_SOURCES:
            raise ConfigError(unknown("dataset.center_source", center_source, CENTER_SOURCES))
        if center_source == "file" and center_dir is None:
            raise ConfigError(
                f"dataset {name}: center_source=file needs dataset.center_dir; or choose com or gt"
            )
        if center_source == "box" and not self.source_type.boxes:
            raise ConfigError(
                f"dataset {name}: its frames have no bounding box; choose center_source file, com or gt"
            )
        self.cube_mm = float(cube_mm)
        self.depth_range_mm = (float(depth_range_mm[0]), float(depth_range_mm[1]))
        self.center_source = center_source
        self.center_dir = Path(center_dir) if center_dir is not None else None

    def with_prepared(self, samples: Samples, types: Iterable[Key | str]) -> Samples:
        """Samples whose records bring those of the wanted prepared types that are stored."""
        stored = StoredPrepared.of(self, samples, types)
        return samples.with_stored(stored) if len(stored) else samples

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

    def _samples(self, split: str, store: Store, base: str, size: str, progress: Progress | None) -> Samples:
        centers = self._centers(store, base, progress)
        tag = [self._policy(), self._center_tag(self.splits.center_mode(base))]
        return Samples(split, store, self._index(store, base, size, tag), centers)

    def _select(self, store: Store, base: str, size: str) -> np.ndarray:
        """Those that have a centre; a part of a split is drawn from them."""
        positions = self.splits.positions(base, store)
        valid = positions[np.isfinite(self._centers(store, base).array[positions]).all(1)]
        if not valid.size:
            raise DataError(
                f"split {size}{base} of {self.name}: none of its {len(positions)} frames has a centre "
                f"with center_source={self.center_source}"
                + (" (no labels are public)" if self.center_source == "gt" else "")
            )
        return sample(valid, base, size)

    def _derive(self) -> Derive:
        return CenterColumns(self.depth_range_mm, self.cube_mm)

    def _options(self, physical: str) -> dict[str, Any]:
        return {**super()._options(physical), **self._search()}

    def _search(self) -> dict[str, Any]:
        """What ``com`` and ``box`` depend on."""
        return {"com_range_mm": list(self.depth_range_mm), "com_cube_mm": self.cube_mm}

    def _expected(self) -> dict[str, Any]:
        """Those of ``com`` only where it is used."""
        return {**source_options(self.source), **(self._search() if self.center_source == "com" else {})}

    def _conditions(self, base: str) -> dict[str, Any]:
        del base
        return {"center_source": self.center_source, "splits": self._policy()}

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
            to_cam_mm = self.source_type.to_cam_mm
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
        if all(packed.get(name) == value for name, value in self._options(store.folder.name).items()):
            return Mapped(store.folder / "columns" / "box_mm.npy")
        target = store.folder / "centers" / f"box-{digest([self.depth_range_mm, self.cube_mm])}.npy"
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
        place = [str(path.resolve()), stat.st_size, stat.st_mtime_ns]
        return f"file-{digest([*place, mode, self.splits.describe(), self.cube_mm])}"
