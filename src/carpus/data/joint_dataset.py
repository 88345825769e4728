"""A dataset of hands without pictures as configuration describes it: a published set and its stores."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, cast

import numpy as np

from carpus.data.clean_splits import SplitCounts
from carpus.data.joint_arrays import JointArrays, file_hash, is_complete, write_arrays
from carpus.data.joint_samples import HandJointSamples
from carpus.data.joint_sets import JointSet
from carpus.data.locking import exclusive
from carpus.data.packing import Progress
from carpus.data.records import digest
from carpus.data.splits import parse_split, sample
from carpus.data.tree import PublishedTree
from carpus.errors import ConfigError, DataError, StoreError, unknown
from carpus.skeletons import Skeleton, get_skeleton

log = logging.getLogger(__name__)


class HandJointsDataset:
    """Hands without pictures; opening a split turns its published files into memory-mapped arrays once.

    Args:
        name: names the folder of its stores.
        root: the published folder.
        source: class of a :class:`~carpus.data.joint_sets.JointSet`, or a partial of one with its options.
        packs: folder of all stores; ``<packs>/<name>/<store>`` is made.
        skeleton: joint set, or its name.
        kind: ``hand_joints``.
        offers: names of what its records offer, compared with a method's needs.
        protocol: whatever the configuration names as its evaluation.
        synth: ``synth(out=folder)`` writes the tree when it is missing.
    """

    def __init__(
        self,
        name: str,
        root: str | Path,
        source: Callable[..., JointSet],
        packs: str | Path,
        skeleton: Skeleton | str = "snap",
        kind: str = "hand_joints",
        offers: Iterable[str] = (),
        protocol: Any = None,
        synth: Callable[..., object] | None = None,
    ) -> None:
        self.name, self.kind, self.root, self.packs = name, kind, Path(root), Path(packs)
        self.skeleton = get_skeleton(skeleton) if isinstance(skeleton, str) else skeleton
        self.offers, self.protocol = frozenset(offers), protocol
        self.joint_set = source(root=self.root)
        self.tree = PublishedTree(name, self.root, cast(Any, type(self.joint_set)), synth)

    def open(self, split: str, progress: Progress | None = None) -> HandJointSamples:
        """The hands of a split; its store is made first where it is missing.

        Args:
            split: one of :data:`carpus.data.splits.SPLITS`.
            progress: called with (done, total) while packing.
        Raises:
            ConfigError: for an unknown split.
            StoreError: for a store of another version, or made of other files.
            DataError: if the published files are missing or inconsistent.
        """
        base, size = parse_split(split)
        physical = self.joint_set.store_of(base)
        if not self.is_packed(physical):
            self.pack(physical, progress)
        store = self._opened(physical)
        rows = self.joint_set.rows_of(base, len(store))
        chosen = sample(np.arange(rows.start, rows.stop), base, size) if size else rows
        return HandJointSamples(split, self.joint_set, store, chosen)

    def with_prepared(self, samples: HandJointSamples, types: Iterable[object]) -> HandJointSamples:
        """The same samples: nothing is prepared of hands without pictures."""
        del types
        return samples

    def is_packed(self, physical: str) -> bool:
        """Whether a store is complete."""
        return is_complete(self.folder(physical))

    def folder(self, physical: str) -> Path:
        """Folder of a store."""
        return self.packs / self.name / f"{physical}{self.joint_set.variant()}"

    @property
    def stores(self) -> tuple[str, ...]:
        """Names of the stores."""
        return self.joint_set.stores

    def pack(
        self,
        physical: str,
        progress: Progress | None = None,
        processes: int | None = None,
        force: bool = False,
    ) -> Path:
        """Make a store; one made of the same files is left alone.

        One process packs; others that ask meanwhile wait and then find it made.

        Args:
            physical: one of :attr:`stores`.
            progress: called with (done, total).
            processes: plays no part: a file is read by one process.
            force: make anew what is complete.
        Returns:
            The store's folder.
        """
        del processes
        if physical not in self.stores:
            raise ConfigError(unknown(f"store of {self.name}", physical, self.stores))
        folder = self.folder(physical)
        with exclusive(folder.parent / f".{folder.name}.lock"):
            if force or not is_complete(folder) or self._differs(JointArrays(folder)):
                self.tree.make()
                files = self.joint_set.files(physical)
                noted, fingerprint = _noted(files), _fingerprint(files)
                arrays = self.joint_set.read(physical)
                meta = {
                    "dataset": self.name,
                    "store": physical,
                    "root": str(self.root.resolve()),
                    "options": self.joint_set.options(),
                    "files": noted,
                    "fingerprint": fingerprint,
                }
                write_arrays(folder, arrays, meta, progress)
                self._count(physical, len(next(iter(arrays.values()))))
        return folder

    def counts(self) -> SplitCounts | None:
        """No set drops any hand."""
        return None

    def conditions(self, split: str) -> dict[str, Any]:
        """What scores on a split depend on beside the method, for result files."""
        base, _ = parse_split(split)
        store = JointArrays(self.folder(self.joint_set.store_of(base)))
        return {
            "dataset": self.name,
            "split": split,
            "hands_in_store": len(store),
            **store.meta["options"],
            "fingerprint": store.meta["fingerprint"],
        }

    def verify(self, physical: str, progress: Progress | None = None) -> int:
        """Compare every array of a store with its checksum.

        Returns:
            The number of hands.
        Raises:
            StoreError: naming the damaged arrays.
        """
        store = JointArrays(self.folder(physical))
        damaged = store.damaged(progress)
        if damaged:
            remedy = f"carpus pack {self.name} {physical} --force"
            raise StoreError(f"{store.folder}: {', '.join(damaged)} damaged; run: {remedy}")
        return len(store)

    def stats(self, physical: str) -> dict[str, int | float | str]:
        """What a store holds; ``expected``: published hands, 0 where that is not known."""
        store = JointArrays(self.folder(physical))
        size = sum(file.stat().st_size for file in store.folder.glob("*.npy"))
        found: dict[str, int | float | str] = {"records": len(store), "bytes": size}
        found |= {name: str(value) for name, value in store.meta["options"].items()}
        splits = {base: self.joint_set.rows_of(base, len(store)) for base in ("train", "val", "test")}
        mine = {base: len(rows) for base, rows in splits.items() if self.joint_set.store_of(base) == physical}
        return {**found, **mine, "expected": self.joint_set.expected(physical)}

    def _opened(self, physical: str) -> JointArrays:
        store = JointArrays(self.folder(physical))
        reason = self._differs(store)
        if reason:
            raise StoreError(
                f"{store.folder} {reason}; pack it again (carpus pack {self.name} {physical} "
                f"dataset.root={self.root} --force) or use another dataset.name"
            )
        return store

    def _differs(self, store: JointArrays) -> str:
        """How a store is not what the files would give now; empty if it is, or they are not there."""
        options = self.joint_set.options()
        if digest(store.meta["options"]) != digest(options):
            return f"was made with {store.meta['options']}, {options} is asked for"
        try:
            files = self.joint_set.files(store.meta["store"])
        except DataError:
            # A store can be used without the files it was made of.
            return ""
        if _noted(files) == store.meta["files"] or _fingerprint(files) == store.meta["fingerprint"]:
            return ""
        return f"was made of other files than {self.root} holds now"

    def _count(self, physical: str, count: int) -> None:
        """Say where there is not the published number of hands."""
        expected = self.joint_set.expected(physical)
        if expected and count != expected and not self.name.endswith("_synthetic"):
            log.warning(
                "%s %s: %s hands, %s are published", self.name, physical, f"{count:,}", f"{expected:,}"
            )


def _noted(files: list[Path]) -> dict[str, list[int]]:
    """Size and time of change by name: as long as they stay, the content is taken to stay."""
    return {path.name: [path.stat().st_size, path.stat().st_mtime_ns] for path in files}


def _fingerprint(files: list[Path]) -> str:
    return digest([[path.name, file_hash(path)] for path in files])
