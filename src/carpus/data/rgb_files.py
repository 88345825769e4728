"""Pictures and masks that stay where another program put them: in a folder, or in a database."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from carpus.data.store import environment
from carpus.errors import DataError, StoreError

LMDB_FILE = "data.mdb"


class Files(Protocol):
    """Named bytes."""

    @property
    def path(self) -> Path:
        """The folder or database."""
        ...

    def get(self, name: str) -> bytes | None:
        """The bytes of a name, or None where there is none."""
        ...


class FolderFiles:
    """The files of a folder.

    Args:
        path: the folder.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def get(self, name: str) -> bytes | None:
        """A file's content."""
        try:
            return (self.path / name).read_bytes()
        except FileNotFoundError:
            return None


class LmdbFiles:
    """An LMDB of named bytes, as DIGIT writes them; opened on first use in every process, once.

    Args:
        path: the database's folder.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def get(self, name: str) -> bytes | None:
        """The bytes of a key.

        Raises:
            DataError: if the database cannot be read.
        """
        try:
            with environment(self.path).begin() as txn:
                return txn.get(name.encode())
        except StoreError as error:
            raise DataError(str(error).split("; run carpus", maxsplit=1)[0]) from None
        # Any of the database's own errors; their classes are known to the store only.
        except Exception as error:
            raise DataError(f"{self.path} is damaged: {error}; copy or make it again") from error


def open_files(path: Path) -> Files:
    """A database where the folder holds one, else the folder's files.

    Raises:
        DataError: if there is nothing.
    """
    if not path.is_dir():
        raise DataError(f"{path} is missing: a folder of files or an LMDB is expected there")
    return LmdbFiles(path) if (path / LMDB_FILE).is_file() else FolderFiles(path)


def first_files(places: list[Path]) -> Files | None:
    """The first of some places where there is something."""
    return next((open_files(path) for path in places if path.is_dir()), None)
