"""The published tree behind a dataset's stores: there, made by a synthetic writer, or missing."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable
from pathlib import Path

from carpus.data.locking import exclusive
from carpus.data.sources import Source, source_class
from carpus.data.store import Store
from carpus.errors import DataError, StoreError

log = logging.getLogger(__name__)


class PublishedTree:
    """A tree on this machine, and whether a store was made of it.

    Args:
        name: of the dataset, for messages.
        root: the tree's folder.
        source: class of :mod:`carpus.data.sources`, or a partial of one with its options.
        synth: ``synth(out=folder)`` writes the tree when it is missing.
    """

    def __init__(
        self,
        name: str,
        root: Path,
        source: Callable[..., Source],
        synth: Callable[..., object] | None = None,
    ) -> None:
        self.name, self.root = name, root
        self._source, self._synth = source, synth

    def exists(self) -> bool:
        """Whether there is anything; a store can be used without."""
        return self.root.is_dir() and any(self.root.iterdir())

    def open(self, physical: str) -> Source:
        """The source of a physical split."""
        return self._source(root=self.root, split=physical)

    def extras(self, physical: str) -> dict[str, list[str]]:
        """Optional files that a store is made with, for its options; nothing where there are none."""
        found = source_class(self._source).extras_found(self.root, physical)
        return {"extras": found} if found else {}

    def make(self) -> None:
        """Write the synthetic twin's tree, complete or not at all; without one, say what is missing.

        Raises:
            DataError: if there is neither a tree nor a writer.
        """
        if self.exists():
            return
        if self._synth is None:
            described = source_class(self._source)
            page = described.page or described.name
            raise DataError(
                f"dataset {self.name}: no published tree at {self.root.absolute()}; its layout: "
                f"docs/datasets/{page}.md. Set dataset.root=…, or use dataset={self.name}_synthetic"
            )
        with exclusive(self.root.parent / f".{self.root.name}.lock"):
            if self.exists():
                return
            partial = self.root.parent / f".{self.root.name}.partial"
            shutil.rmtree(partial, ignore_errors=True)
            log.info("writing the synthetic tree %s", self.root)
            self._synth(out=partial)
            if self.root.is_dir():
                self.root.rmdir()
            partial.rename(self.root)

    def check(self, store: Store) -> None:
        """Refuse a store made of another tree, or before a part of this one was published, if it is there.

        Raises:
            StoreError: naming what differs and the remedies.
        """
        physical = store.folder.name
        wanted = self.extras(physical).get("extras", [])
        new = [name for name in wanted if name not in store.meta["options"].get("extras", [])]
        if new:
            raise StoreError(
                f"{store.folder} was packed before {' and '.join(new)} came into {self.root}; pack it again: "
                f"carpus pack {self.name} {physical} --force"
            )
        packed, named = Path(store.meta["root"]), self.root.resolve()
        if packed in (named, named / "db") or not self.exists():
            return
        if self.open(physical).fingerprint() != store.meta["fingerprint"]:
            raise StoreError(
                f"{store.folder} was packed from {packed}, dataset.root is {named} and holds other data; "
                f"pack again (carpus pack {self.name} dataset.root={named} --force) or use another "
                "dataset.name"
            )
