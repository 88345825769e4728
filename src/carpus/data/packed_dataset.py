"""What all datasets share: a published tree, one store per physical split, and selections of them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np

from carpus.data import store as stores
from carpus.data.clean_splits import SplitCounts
from carpus.data.locking import exclusive
from carpus.data.packing import Damage, Derive, Progress, pack, stats, verify
from carpus.data.prepared.keys import Key
from carpus.data.records import Mapped, digest, save_array
from carpus.data.samples import Samples
from carpus.data.sources import Source, source_class, source_options
from carpus.data.splits import BASES, SplitPolicy, parse_split
from carpus.data.store import Store
from carpus.data.tree import PublishedTree
from carpus.errors import ConfigError, DataError, StoreError, unknown
from carpus.skeletons import Skeleton, get_skeleton

S = TypeVar("S", bound=Source)
R = TypeVar("R", bound=Samples)


class PackedDataset(ABC, Generic[S, R]):
    """One dataset; opening a split packs it on first use.

    A subclass says what its samples are (:meth:`_samples`, :meth:`_select`), what a store depends on
    (:meth:`_options`, :meth:`_expected`, :meth:`_check`) and what else is worth checking or telling.

    Args:
        name: names the folder of its stores, ``msra`` or ``msra_synthetic``.
        root: the published tree.
        source: class of a :class:`~carpus.data.sources.Source`, or a partial of one with its options.
        splits: which records make which split.
        packs: folder of all stores; ``<packs>/<name>/<physical split>`` is made.
        skeleton: joint set, or its name; the source's by default.
        kind: ``depth``, ``rgb_hand`` or ``whole_body``.
        offers: names of what its records offer, compared with a method's needs.
        protocol: whatever the configuration names as its evaluation.
        synth: ``synth(out=folder)`` writes the tree when it is missing.
        processes: readers while packing.
    """

    def __init__(
        self,
        name: str,
        root: str | Path,
        source: Callable[..., S],
        splits: SplitPolicy,
        packs: str | Path,
        skeleton: Skeleton | str | None,
        kind: str,
        offers: Iterable[str] = (),
        protocol: Any = None,
        synth: Callable[..., object] | None = None,
        processes: int = 1,
    ) -> None:
        self.name, self.kind = name, kind
        self.root, self.packs = Path(root), Path(packs)
        self.source, self.splits = source, splits
        self.source_type: type[S] = source_class(source)
        chosen = skeleton or self.source_type.skeleton
        self.skeleton = get_skeleton(chosen) if isinstance(chosen, str) else chosen
        self.offers, self.protocol = frozenset(offers), protocol
        self.tree = PublishedTree(name, self.root, source, synth)
        self._processes = processes

    def open(self, split: str, progress: Progress | None = None) -> R:
        """The samples of a split; its store is made first where it is missing.

        Args:
            split: one of :data:`carpus.data.splits.SPLITS`.
            progress: called with (done, total) while packing.
        Raises:
            ConfigError: for an unknown split.
            StoreError: for a store of another version, of another tree or with other options.
            DataError: if the published tree, or what lies beside it, is missing or inconsistent.
        """
        base, size = parse_split(split)
        folder = self.folder(self.splits.store_of(base))
        if not stores.exists(folder):
            self.pack(folder.name, progress)
        store = Store(folder)
        stores.check_options(store, self._expected())
        self._check(store)
        return self._samples(split, store, base, size, progress)

    def with_prepared(self, samples: R, types: Iterable[Key | str]) -> R:
        """Samples whose records bring those of the wanted prepared types that are stored.

        Only depth datasets store any; the samples of others are as they were.
        """
        del types
        return samples

    def is_packed(self, physical: str) -> bool:
        """Whether the store of a physical split is complete."""
        return stores.exists(self.folder(physical))

    def folder(self, physical: str) -> Path:
        """Folder of the store of a physical split."""
        return self.packs / self.name / physical

    @property
    def stores(self) -> tuple[str, ...]:
        """Names of the physical splits, one store each."""
        return self.source_type.splits

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
                source, readers = self.tree.open(physical), processes or self._processes
                options = {**self._options(physical), **self.tree.extras(physical)}
                pack(source, folder, self.name, self._derive(), options, progress, readers)
        return folder

    def counts(self) -> SplitCounts | None:
        """Sizes of the splits where a policy drops records, for logs; None for other policies.

        Raises:
            StoreError: if a store is not packed yet.
        """
        return None

    def conditions(self, split: str) -> dict[str, Any]:
        """What scores on a split depend on beside the method, for result files.

        Raises:
            StoreError: if the store is not packed yet.
        """
        base, _ = parse_split(split)
        store = Store(self.folder(self.splits.store_of(base)))
        return {
            "dataset": self.name,
            "split": split,
            "images_in_store": len(store),
            "images_published": self._published(store.folder.name),
            **self._conditions(base),
            "fingerprint": store.meta["fingerprint"],
        }

    def verify(self, physical: str, progress: Progress | None = None) -> int:
        """Check every record of a store, and what lies beside it.

        Returns:
            The number of records, all sound.
        Raises:
            StoreError: naming the damaged records.
        """
        store = Store(self.folder(physical))
        damaged = verify(store, progress)
        remedy = f"Pack it again: carpus pack {self.name} {physical} --force"
        if not damaged:
            base = next((b for b in BASES if self.splits.store_of(b) == physical), "train")
            damaged = self._damaged_beside(store, base, progress)
            remedy = damaged[0].reason if damaged else ""
        if damaged:
            named = ", ".join(f"'{item.key}'" for item in damaged[:5]) + (", …" if len(damaged) > 5 else "")
            raise StoreError(
                f"{store.folder}: {len(damaged)} of {len(store)} records are damaged: {named}. {remedy}"
            )
        return len(store)

    def stats(self, physical: str) -> dict[str, int | float | str]:
        """What a store holds; see :func:`carpus.data.packing.stats`. ``expected``: images published."""
        store = Store(self.folder(physical))
        described = self.source_type.describe(store)
        return {**stats(store), "expected": self._published(physical), **described}

    def _published(self, physical: str) -> int:
        """Published number of images; 0 if it is not known."""
        return self.source_type.expected_counts.get(physical, 0)

    @abstractmethod
    def _samples(self, split: str, store: Store, base: str, size: str, progress: Progress | None) -> R:
        """The samples of a split of a store that was checked."""

    @abstractmethod
    def _select(self, store: Store, base: str, size: str) -> np.ndarray:
        """``(n,)`` positions of a split's records in the store."""

    def _index(self, store: Store, base: str, size: str, tag: object) -> Mapped:
        """Positions of a split, made on first use and kept beside the store.

        Args:
            store, base, size: the split.
            tag: plain values the selection depends on.
        """
        target = store.folder / "index" / f"{size}{base}-{digest(tag)}.npy"
        if not target.is_file():
            save_array(target, self._select(store, base, size))
        return Mapped(target)

    def _policy(self) -> dict[str, Any]:
        """The split policy and its settings, plain."""
        return {"policy": type(self.splits).__name__, **self.splits.describe()}

    def _derive(self) -> Derive | None:
        """Column values that packing computes of a record, beside the source's own."""
        return None

    def _options(self, physical: str) -> dict[str, Any]:
        """What a store's content depends on, kept with it."""
        del physical
        return source_options(self.source)

    def _expected(self) -> dict[str, Any]:
        """Options a store must have been packed with."""
        return source_options(self.source)

    def _check(self, store: Store) -> None:
        """Refuse a store that does not belong to the tree."""
        self.tree.check(store)

    def _suits(self, packed: Mapping[str, Any]) -> bool:
        """Whether a store's options serve, beyond what :meth:`_expected` names."""
        del packed
        return True

    def _fingerprint(self, physical: str) -> str | None:
        """Of the tree's split as it is now; None where there is no tree to compare with."""
        return self.tree.open(physical).fingerprint() if self.tree.exists() else None

    def _is_current(self, folder: Path) -> bool:
        """Whether a complete store of the tree's content lies there."""
        if not stores.exists(folder):
            return False
        try:
            meta = stores.read_meta(folder)
        except DataError:
            return False
        packed = meta["options"]
        differ = any(packed.get(name) != value for name, value in self._expected().items())
        if meta["format"] != stores.FORMAT_VERSION or differ or not self._suits(packed):
            return False
        return self._fingerprint(folder.name) in (None, meta["fingerprint"])

    def _conditions(self, base: str) -> dict[str, Any]:
        """What else scores depend on."""
        del base
        return {}

    def _damaged_beside(self, store: Store, base: str, progress: Progress | None) -> list[Damage]:
        """What is wrong beside a sound store; the first reason is shown to the user."""
        del store, base, progress
        return []


AnyDataset = PackedDataset[Any, Any]
"""A dataset of any kind."""
