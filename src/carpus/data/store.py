"""Packed records: one LMDB environment per dataset and physical split. The only file that knows lmdb.

A store is a folder::

    data.mdb            ``records``: position (8 bytes, big endian) -> record; ``keys``: key -> position
    meta.json           format version, dataset, split, count, fingerprint of the source, options
    columns/<name>.npy  small values of all records, memory-mapped
    index/, centers/    selections and centres made of them on first use, memory-mapped

Opening reads ``meta.json`` and nothing else, so it costs the same for ten records and for ten million.
"""

from __future__ import annotations

import json
import os
import struct
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import lmdb
import numpy as np

from carpus.data.records import Mapped, decode_record, header_key
from carpus.errors import StoreError
from carpus.types import Record

FORMAT_VERSION = 1
POSITION = struct.Struct(">Q")
RECORDS, KEYS, ROWS = b"records", b"keys", b"rows"
DATABASES = (RECORDS, KEYS, ROWS)
_FIRST_MAP_BYTES = 1 << 26

Environment = lmdb.Environment
DATABASE_ERRORS = (lmdb.Error, OSError)
"""What may go wrong while a database is written."""

_environments: dict[str, tuple[int, lmdb.Environment]] = {}
_lock = threading.Lock()


def _after_fork() -> None:
    global _lock
    _lock = threading.Lock()


os.register_at_fork(after_in_child=_after_fork)


class Store:
    """A complete store, read-only; handles open on first use in every process.

    Args:
        folder: the store's folder.
    Raises:
        StoreError: if there is none, or it is of another format version.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = Path(folder)
        self.meta = read_meta(self.folder)
        if self.meta["format"] != FORMAT_VERSION:
            raise StoreError(
                f"{self.folder} has store format {self.meta['format']}, this version reads {FORMAT_VERSION}; "
                f"run: carpus pack {self.meta['dataset']}"
            )
        self._columns: dict[str, Mapped] = {}

    def __len__(self) -> int:
        return int(self.meta["count"])

    def __getitem__(self, position: int) -> Record:
        data = self._get(position)
        try:
            return decode_record(data)
        except (StoreError, ValueError, TypeError, KeyError) as error:
            raise StoreError(
                f"record '{self._name(position)}' (position {position}) of {self.folder} is damaged: "
                f"{error}; {self._remedy}"
            ) from error

    def __contains__(self, key: str) -> bool:
        return self._find(key) is not None

    def key(self, position: int) -> str:
        """Key of the record at a position; reads its header only."""
        data = self._get(position)
        try:
            return header_key(data)
        except StoreError:
            return self._name(position)

    def position(self, key: str) -> int:
        """Position of a key.

        Raises:
            KeyError: if no record has it.
        """
        found = self._find(key)
        if found is None:
            raise KeyError(f"{self.folder} has no record '{key}'; its first is '{self.key(0)}'")
        return found

    def take(self, position: int, pick: Callable[[memoryview], bytes | None]) -> bytes | None:
        """Part of what is stored at a position, without copying the rest.

        Args:
            position: from 0.
            pick: copies the part out of the stored bytes, which are gone when it returns.
        """
        return self._look_up(RECORDS, self._at(position), pick)

    def column(self, name: str) -> np.ndarray:
        """``(N, …)`` values of all records, memory-mapped.

        Raises:
            StoreError: if the store has no such column.
        """
        if name not in self.meta["columns"]:
            raise StoreError(f"{self.folder} has no column '{name}', only {', '.join(self.meta['columns'])}")
        if name not in self._columns:
            self._columns[name] = Mapped(self.folder / "columns" / f"{name}.npy")
        return self._columns[name].array

    @property
    def _remedy(self) -> str:
        return f"pack it again: carpus pack {self.meta['dataset']} --force"

    def close(self) -> None:
        """Close this process's handle; the next read opens it again."""
        close_environment(self.folder)

    def _at(self, position: int) -> bytes:
        if not 0 <= position < len(self):
            raise IndexError(f"position {position} of {self.folder}, which has {len(self)} records")
        return POSITION.pack(position)

    def _get(self, position: int) -> bytes:
        data = self._look_up(RECORDS, self._at(position))
        if data is None:
            raise StoreError(f"{self.folder} lacks the record at position {position}; {self._remedy}")
        return data

    def _find(self, key: str) -> int | None:
        data = self._look_up(KEYS, key.encode())
        return None if data is None else POSITION.unpack(data)[0]

    def _look_up(
        self, database: bytes, name: bytes, pick: Callable[[memoryview], bytes | None] = bytes
    ) -> bytes | None:
        try:
            env = environment(self.folder)
            with env.begin(db=env.open_db(database, create=False), buffers=True) as txn:
                data = txn.get(name)
                return None if data is None else pick(data)
        except lmdb.Error as error:
            raise StoreError(f"{self.folder} is damaged: {error}; {self._remedy}") from error

    def _name(self, position: int) -> str:
        """Key of a damaged record: looked up backwards, since its header cannot be trusted."""
        env = environment(self.folder)
        wanted = POSITION.pack(position)
        with env.begin(db=env.open_db(KEYS, create=False)) as txn:
            return next((key.decode() for key, value in txn.cursor() if value == wanted), "?")


def environment(folder: Path) -> lmdb.Environment:
    """This process's only handle of a folder's environment, opened on first use.

    LMDB forbids opening one environment twice in a process, and a handle inherited through a fork must
    not be used: hence one handle per real path, renewed when the process id has changed.
    """
    path, pid = os.path.realpath(folder), os.getpid()
    with _lock:
        owner, env = _environments.get(path, (pid, None))
        if env is not None and owner != pid:
            env.close()
            env = None
        if env is None:
            try:
                env = lmdb.open(
                    path, readonly=True, lock=False, readahead=False, max_dbs=len(DATABASES), create=False
                )
            except lmdb.Error as error:
                raise StoreError(
                    f"{folder} cannot be opened: {error}; run carpus pack with --force"
                ) from error
            _environments[path] = (pid, env)
        return env


def close_environment(folder: Path) -> None:
    """Close this process's handle of a folder, if there is one."""
    with _lock:
        _, env = _environments.pop(os.path.realpath(folder), (0, None))
        if env is not None:
            env.close()


def read_meta(folder: Path) -> dict[str, Any]:
    """Content of ``meta.json``.

    Raises:
        StoreError: if it is missing or not a store's.
    """
    path = folder / "meta.json"
    try:
        meta = json.loads(path.read_text())
        if not {"format", "dataset", "count"} <= set(meta):
            raise ValueError("entries are missing")
    except FileNotFoundError:
        raise StoreError(f"no store at {folder}; make it with: carpus pack {folder.parent.name}") from None
    except (ValueError, TypeError) as error:
        raise StoreError(f"{path} is damaged ({error}); run carpus pack with --force") from error
    return meta


def exists(folder: Path) -> bool:
    """Whether a complete store (of any version) lies there."""
    return (folder / "meta.json").is_file()


def check_options(store: Store, expected: Mapping[str, Any]) -> None:
    """Refuse a store packed with other options than the configuration asks for.

    Raises:
        StoreError: naming the option, both values and the remedy.
    """
    packed = store.meta["options"]
    for name, value in expected.items():
        if name not in packed or packed[name] != value:
            raise StoreError(
                f"{store.folder} was packed with {name}={packed.get(name)!r}, the configuration says "
                f"{value!r}; pack it again with the same overrides: "
                f"carpus pack {store.meta['dataset']} --force"
            )


def open_for_writing(folder: Path, databases: int = 0) -> Environment:
    """A database one process may write; what it commits is kept, whatever interrupts it.

    Args:
        folder: of the database; it exists.
        databases: number of named databases; 0 for one without a name.
    Raises:
        StoreError: if something else lies there.
    """
    close_environment(folder)
    try:
        return lmdb.open(str(folder), map_size=_FIRST_MAP_BYTES, max_dbs=databases, lock=False)
    except lmdb.Error as error:
        raise StoreError(f"{folder} cannot be opened for writing: {error}") from error


def commit(
    env: Environment, fill: Callable[[lmdb.Transaction], object], failed: Callable[[Exception], StoreError]
) -> None:
    """Write all of something or nothing of it; the database grows where it is full.

    Args:
        env: of :func:`open_for_writing`.
        fill: writes in the transaction it is given; called again where there was no room.
        failed: the error to raise, made of its cause.
    """
    while True:
        try:
            with env.begin(write=True) as txn:
                fill(txn)
            return
        except lmdb.MapFullError:
            env.set_mapsize(2 * env.info()["map_size"])
        except DATABASE_ERRORS as error:
            raise failed(error) from error
