"""A dataset of RGB hands as configuration describes it: a source, its stores, and what lies beside them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from carpus.data import store as stores
from carpus.data.locking import exclusive
from carpus.data.packing import Progress, pack, stats, verify
from carpus.data.records import Mapped, save_array
from carpus.data.rgb_beside import GIVEN_TRUTH, BesideFiles, digest
from carpus.data.rgb_checks import check_annotation, check_pictures, sizes_of
from carpus.data.rgb_images import BAD_LABELS
from carpus.data.rgb_samples import RgbSamples
from carpus.data.rgb_source import IMAGES, RgbSource, column_of, rgb_source_class
from carpus.data.sources import source_options
from carpus.data.splits import Published, SplitPolicy, parse_split, sample
from carpus.data.store import Store
from carpus.data.tree import PublishedTree
from carpus.errors import ConfigError, DataError, StoreError, unknown
from carpus.skeletons import Skeleton, get_skeleton

log = logging.getLogger(__name__)


class RgbDataset:
    """One dataset; opening a split packs it on first use.

    Args:
        name: names the folder of its stores, ``interhand26m``.
        root: the published tree.
        source: class of an :class:`RgbSource`, or a partial of one with its options.
        packs: folder of all stores; ``<packs>/<name>/<physical split>`` is made.
        splits: which records make which split; the publisher's train, val and test by default.
        skeleton: joint set, or its name; the source's by default.
        kind: ``rgb_hand``.
        images: ``packed``: the store holds the pictures; ``tree``: they stay in the published tree; ``lmdb``:
            in the database DIGIT made of them. A store that holds them serves all three.
        image_lmdb: that database; the published place below the root by default.
        masks: folder or database of part masks; by default the published place, if there is something.
        trans_test: ``gt``: boxes and wrist depths of val and test are the true ones; ``rootnet``: those of
            RootNet's output, as published.
        max_fit_error_mm: part masks of worse fitted hands do not count.
        bad_labels: mask values above 32: ``error``, or ``background``.
        offers: names of what its records offer, compared with a method's needs.
        protocol: whatever the configuration names as its evaluation.
        synth: ``synth(out=folder)`` writes the tree when it is missing.
        processes: readers while packing.
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
        self.source_type = rgb_source_class(source)
        for option, value, allowed in (
            ("images", images, IMAGES),
            ("trans_test", trans_test, (GIVEN_TRUTH, *self.source_type.given_splits)),
            ("bad_labels", bad_labels, BAD_LABELS),
        ):
            if value not in allowed:
                raise ConfigError(unknown(f"dataset.{option} of {name}", value, allowed))
        self.name, self.kind, self.images = name, kind, images
        self.root, self.packs = Path(root), Path(packs)
        self.source, self.splits = source, splits or Published("train", "val", "test")
        chosen = skeleton or self.source_type.skeleton
        self.skeleton = get_skeleton(chosen) if isinstance(chosen, str) else chosen
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
        self.trans_test = trans_test
        self.offers, self.protocol = frozenset(offers), protocol
        self.tree = PublishedTree(name, self.root, partial(source, images=images), synth)  # type: ignore[arg-type]
        self._synthetic = synth is not None
        self._processes = processes
        self._counted: set[str] = set()

    def open(self, split: str, progress: Progress | None = None) -> RgbSamples:
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
        stores.check_options(store, source_options(self.source))
        self._check_images(store)
        check_annotation(self.source_type, store, self.root, self.name)
        self._count(store)
        return RgbSamples(split, store, self._index(store, base, size), self.beside.of(store, base))

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
                source = self.tree.open(physical)
                pack(
                    source,
                    folder,
                    self.name,
                    None,
                    self._options(physical),
                    progress,
                    processes or self._processes,
                )
        return folder

    def counts(self) -> None:
        """No policy of RGB datasets drops records; depth datasets tell here how many are left."""
        return

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
            "images_published": self.source_type.expected_counts.get(store.folder.name, 0),
            "boxes_and_wrist_depths": self.trans_test if self.beside.is_given(base) else GIVEN_TRUTH,
            "fingerprint": store.meta["fingerprint"],
        }

    def verify(self, physical: str, progress: Progress | None = None) -> int:
        """Check every record of a store, and every picture and mask that lies beside it.

        Returns:
            The number of records, all sound.
        Raises:
            StoreError: naming the damaged records.
        """
        store = Store(self.folder(physical))
        damaged = verify(store, progress)
        remedy = f"Pack it again: carpus pack {self.name} {physical} --force"
        if not damaged:
            base = next((b for b in ("train", "val", "test") if self.splits.store_of(b) == physical), "train")
            damaged = check_pictures(store, self.beside.of(store, base), progress)
            remedy = f"{damaged[0].reason}" if damaged else ""
        if damaged:
            named = ", ".join(f"'{item.key}'" for item in damaged[:5]) + (", …" if len(damaged) > 5 else "")
            raise StoreError(
                f"{store.folder}: {len(damaged)} of {len(store)} records are damaged: {named}. {remedy}"
            )
        return len(store)

    def stats(self, physical: str) -> dict[str, int | float | str]:
        """What a store holds; see :func:`carpus.data.packing.stats`. ``expected``: images published."""
        store = Store(self.folder(physical))
        return {
            **stats(store),
            "expected": self.source_type.expected_counts.get(physical, 0),
            **self.source_type.describe(store),
        }

    def _options(self, physical: str) -> dict[str, Any]:
        files = self.source_type.annotation_files(self.root, physical)
        return {
            **source_options(self.source),
            "images": "packed" if self.images == "packed" else "left",
            "annotations": sizes_of(files, self.root),
        }

    def _check_images(self, store: Store) -> None:
        if self.images == "packed" and store.meta["options"].get("images") != "packed":
            raise StoreError(
                f"{store.folder} was packed without pictures, the configuration says images=packed; pack it "
                f"again (carpus pack {self.name} --force) or set dataset.images=tree (or lmdb)"
            )

    def _is_current(self, folder: Path) -> bool:
        if not stores.exists(folder):
            return False
        try:
            meta = stores.read_meta(folder)
        except DataError:
            return False
        packed = meta["options"]
        differ = any(packed.get(name) != value for name, value in source_options(self.source).items())
        lacks = self.images == "packed" and packed.get("images") != "packed"
        if meta["format"] != stores.FORMAT_VERSION or differ or lacks:
            return False
        files = self.source_type.annotation_files(self.root, folder.name)
        return not files or meta["fingerprint"] == self.source_type.hash_of(self.root, folder.name)

    def _count(self, store: Store) -> None:
        """Warn once where there are not the published numbers of images."""
        physical = store.folder.name
        expected = self.source_type.expected_counts.get(physical, 0)
        if self._synthetic or physical in self._counted or len(store) == expected:
            return
        self._counted.add(physical)
        counts = [int(count) for count in np.bincount(column_of(store, "group"), minlength=2)]
        text, right = self.source_type.count_line(physical, counts)
        if not right:
            log.warning(text)

    def _index(self, store: Store, base: str, size: str) -> Mapped:
        """Positions of a split, made on first use and kept beside the store.

        A part of a split is drawn from the published order of images and then ordered by group.
        """
        parts = {"policy": type(self.splits).__name__, **self.splits.describe()}
        target = store.folder / "index" / f"{size}{base}-{digest(parts)}.npy"
        if not target.is_file():
            positions = self.splits.positions(base, store)
            if size:
                line, group = column_of(store, "line"), column_of(store, "group")
                drawn = sample(positions[np.argsort(line[positions], kind="stable")], base, size)
                positions = drawn[np.argsort(group[drawn], kind="stable")]
            save_array(target, positions)
        return Mapped(target)
