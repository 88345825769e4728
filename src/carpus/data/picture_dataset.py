"""What datasets of pictures share: where the pictures are, and what their stores depend on."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from carpus.data.packed_dataset import PackedDataset
from carpus.data.rgb_checks import check_annotation, sizes_of
from carpus.data.rgb_source import RgbSource
from carpus.data.samples import Samples
from carpus.data.splits import Published, SplitPolicy
from carpus.data.store import Store
from carpus.errors import ConfigError, StoreError, unknown
from carpus.skeletons import Skeleton

S = TypeVar("S", bound=RgbSource)
R = TypeVar("R", bound=Samples)


class PictureDataset(PackedDataset[S, R]):
    """Pictures that a store holds or that stay in the published tree.

    A subclass says which places of pictures it knows (:attr:`places`) and how it counts (:meth:`_count`).

    Args:
        name, root, source, packs, skeleton, kind, offers, protocol, synth, processes: see
            :class:`~carpus.data.packed_dataset.PackedDataset`.
        splits: which records make which split; the publisher's train, val and test by default.
        images: one of :attr:`places`. A store that holds the pictures serves every place.
    """

    places: ClassVar[tuple[str, ...]]
    """Where pictures may be; the first, ``packed``, is the store."""

    def __init__(
        self,
        name: str,
        root: str | Path,
        source: Callable[..., S],
        packs: str | Path,
        splits: SplitPolicy | None,
        skeleton: Skeleton | str | None,
        kind: str,
        images: str,
        offers: Iterable[str],
        protocol: Any,
        synth: Callable[..., object] | None,
        processes: int,
    ) -> None:
        if images not in self.places:
            raise ConfigError(unknown(f"dataset.images of {name}", images, self.places))
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
        self.images = images
        self._synthetic = synth is not None
        self._counted: set[str] = set()

    @abstractmethod
    def _count(self, store: Store) -> None:
        """Tell the log where a store has not the published number of records; called once per store."""

    def _options(self, physical: str) -> dict[str, Any]:
        options = super()._options(physical)
        files = self.source_type.files_read(self.root, physical, options)
        return {
            **options,
            "images": "packed" if self.images == "packed" else "left",
            "annotations": sizes_of(files, self.root),
        }

    def _check(self, store: Store) -> None:
        """Pictures are where they are wanted, and the annotation is that of the tree."""
        if not self._suits(store.meta["options"]):
            raise StoreError(
                f"{store.folder} was packed without pictures, the configuration says images=packed; pack it "
                f"again (carpus pack {self.name} --force) or set dataset.images=tree"
            )
        check_annotation(self.source_type, store, self.root, self.name)
        if not self._synthetic and store.folder.name not in self._counted:
            self._counted.add(store.folder.name)
            self._count(store)

    def _suits(self, packed: Mapping[str, Any]) -> bool:
        """A store that holds the pictures serves every place of them."""
        return self.images != "packed" or packed.get("images") == "packed"

    def _fingerprint(self, physical: str) -> str | None:
        """Of the annotation files; the tree is not read otherwise."""
        options = self._expected()
        files = self.source_type.files_read(self.root, physical, options)
        return self.source_type.hash_of(self.root, physical, options) if files else None
