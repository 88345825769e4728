"""Where stores of prepared types lie: their folders, what is in them, removal."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from carpus.data.prepared.keys import Key
from carpus.data.store import close_environment, exists


def prepared_folder(store_folder: Path, key: Key | None = None) -> Path:
    """Where the prepared types of a store of records lie, or one of them.

    Example:
        >>> prepared_folder(Path("packs/hands17/train"), Key("edt2", 32, 128)).as_posix()
        'packs/hands17/prepared/train/edt2_32_from_clean_128'
    """
    folder = store_folder.parent / "prepared" / store_folder.name
    return folder / key.name if key else folder


@dataclass(frozen=True)
class Stored:
    """A prepared type on disk, finished or not.

    Args:
        folder: where it will be, or is.
        complete: whether it may be read.
    """

    folder: Path
    complete: bool

    @property
    def name(self) -> str:
        """Full name of the type."""
        return self.folder.name


def list_stored(store_folder: Path, types: Iterable[Key] | None = None) -> list[Stored]:
    """Prepared types of a store of records, unfinished ones included.

    Args:
        store_folder: the store of the records.
        types: only these; all by default.
    """
    folder = prepared_folder(store_folder)
    names = {path.name for path in folder.glob("[!.]*/") if exists(path)}
    begun = {path.name[1:].removesuffix(".partial") for path in folder.glob(".*.partial/")} - names
    wanted = names | begun if types is None else {key.name for key in types}
    return [Stored(folder / name, name in names) for name in sorted(wanted & (names | begun))]


def delete(stored: Stored) -> int:
    """Remove a prepared type, finished or not; an interrupted deletion leaves nothing that looks complete.

    Returns:
        Bytes freed.
    """
    freed = 0
    for folder in (stored.folder, partial_of(stored.folder)):
        if folder.is_dir():
            freed += folder_bytes(folder)
            close_environment(folder)
            grave = folder.with_name(f".{stored.name}.deleted")
            shutil.rmtree(grave, ignore_errors=True)
            folder.rename(grave)
            shutil.rmtree(grave)
    return freed


def partial_of(folder: Path) -> Path:
    """Where a store is written until it is complete."""
    return folder.with_name(f".{folder.name}.partial")


def folder_bytes(folder: Path) -> int:
    """Size on disk, holes not counted."""
    return sum(512 * path.stat().st_blocks for path in folder.rglob("*") if path.is_file())
