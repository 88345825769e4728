"""Whether a store of RGB hands, its tree and its pictures still belong together."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from carpus.data.packing import BATCH, Damage, Progress
from carpus.data.rgb_images import check_picture
from carpus.data.rgb_samples import Beside
from carpus.data.rgb_source import RgbSource
from carpus.data.store import Store
from carpus.errors import DataError, StoreError


def sizes_of(paths: Sequence[Path], root: Path) -> dict[str, int]:
    """Bytes of files by their names below the root."""
    return {str(path.relative_to(root)): path.stat().st_size for path in paths}


def check_annotation(source: type[RgbSource], store: Store, root: Path, name: str) -> None:
    """Refuse a store of other annotation than the tree's, as far as names and sizes of its files tell.

    Files that are gone do not matter: a store is used without the tree.

    Args:
        source: the dataset's class.
        store: the packed records.
        root: the tree.
        name: of the dataset, for the remedy.
    Raises:
        StoreError: naming the file.
    """
    physical = store.folder.name
    options = store.meta["options"]
    packed = options.get("annotations", {})
    for file, size in sizes_of(source.files_read(root, physical, options), root).items():
        if packed.get(file) == size:
            continue
        how = f"with {packed[file]:,} bytes of" if file in packed else "without"
        raise StoreError(
            f"{store.folder} was packed {how} {file}, which in {root} has {size:,} bytes; pack it again "
            f"(carpus pack {name} {physical} --force), or use another dataset.name for another tree"
        )


def check_pictures(store: Store, beside: Beside, progress: Progress | None = None) -> list[Damage]:
    """Read every picture and mask that lies beside a store; they are not decoded.

    Args:
        store: the packed records.
        beside: what completes them.
        progress: called with (done, total).
    Returns:
        What is missing or cut off.
    """
    damaged: list[Damage] = []
    if beside.pictures is None and beside.masks is None:
        return damaged
    for position in range(len(store)):
        record = store[position]
        try:
            for data in beside.complete(position, record).images.values():
                check_picture(data)
        except DataError as error:
            damaged.append(Damage(position, record.key, str(error)))
        if progress and (position % BATCH == 0 or position == len(store) - 1):
            progress(position + 1, len(store))
    return damaged
