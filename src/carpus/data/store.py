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
import shutil
import struct
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import lmdb
import numpy as np

from carpus.data.records import Mapped, decode_record, encode_record, header_key, save_array
from carpus.errors import StoreError
from carpus.types import Record

FORMAT_VERSION = 1
_POSITION = struct.Struct(">Q")
_RECORDS, _KEYS, _ROWS = b"records", b"keys", b"rows"
_DATABASES = 3
_FIRST_MAP_BYTES = 1 << 26

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
        return self._look_up(_RECORDS, self._at(position), pick)

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
        return _POSITION.pack(position)

    def _get(self, position: int) -> bytes:
        data = self._look_up(_RECORDS, self._at(position))
        if data is None:
            raise StoreError(f"{self.folder} lacks the record at position {position}; {self._remedy}")
        return data

    def _find(self, key: str) -> int | None:
        data = self._look_up(_KEYS, key.encode())
        return None if data is None else _POSITION.unpack(data)[0]

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
        wanted = _POSITION.pack(position)
        with env.begin(db=env.open_db(_KEYS, create=False)) as txn:
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
                    path, readonly=True, lock=False, readahead=False, max_dbs=_DATABASES, create=False
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


class StoreWriter:
    """Writes a store in batches under a temporary name; what an interruption leaves is continued.

    Args:
        folder: the final folder; ``.<name>.partial`` beside it is used until :meth:`finish`.
        meta: ``dataset``, ``split``, ``fingerprint``, ``options``, ``lines`` … ; a partial store of other
            content is discarded.
    """

    def __init__(self, folder: Path, meta: Mapping[str, Any]) -> None:
        self.folder = Path(folder)
        self.partial = self.folder.parent / f".{self.folder.name}.partial"
        self.meta: dict[str, Any] = {"format": FORMAT_VERSION, **meta}
        begun = self.partial / "begun.json"
        text = json.dumps(self.meta, sort_keys=True)
        if not begun.is_file() or begun.read_text() != text:
            shutil.rmtree(self.partial, ignore_errors=True)
            self.partial.mkdir(parents=True)
        self._env = lmdb.open(str(self.partial), map_size=_FIRST_MAP_BYTES, max_dbs=_DATABASES, lock=False)
        self._records, self._keys, self._rows = (self._env.open_db(n) for n in (_RECORDS, _KEYS, _ROWS))
        begun.write_text(text)
        with self._env.begin() as txn:
            self.count = txn.stat(self._records)["entries"]

    def __enter__(self) -> StoreWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self._env.close()

    def append(self, batch: Sequence[tuple[str, bytes, Mapping[str, Any]]]) -> None:
        """Commit records ``(key, encoded, row of column values)`` after those already there.

        Raises:
            StoreError: if a key occurs twice, or the disk is full.
        """
        rows = {name: np.stack([np.asarray(row[name]) for _, _, row in batch]) for name in batch[0][2]}
        while True:
            try:
                with self._env.begin(write=True) as txn:
                    for position, (key, data, _) in enumerate(batch, self.count):
                        name = _POSITION.pack(position)
                        if not txn.put(key.encode(), name, db=self._keys, overwrite=False):
                            raise StoreError(f"{self.folder}: two records have the key '{key}'")
                        txn.put(name, data, db=self._records, append=True)
                    txn.put(_POSITION.pack(self.count), encode_record(Record("", {}, rows)), db=self._rows)
                self.count += len(batch)
                return
            except lmdb.MapFullError:
                self._env.set_mapsize(2 * self._env.info()["map_size"])
            except (lmdb.Error, OSError) as error:
                raise self._cannot_write(error) from error

    def finish(self) -> None:
        """Write the columns and ``meta.json``, and give the store its final name.

        Raises:
            StoreError: if the disk is full.
        """
        try:
            columns = self._collect_columns()
            for name, column in columns.items():
                save_array(self.partial / "columns" / f"{name}.npy", column)
            self._env.sync(True)
            self._env.close()
            meta = {**self.meta, "count": self.count, "columns": sorted(columns)}
            (self.partial / "meta.json").write_text(json.dumps(meta, indent=1, sort_keys=True))
            close_environment(self.folder)
            if self.folder.exists():
                shutil.rmtree(self.folder)
            self.partial.replace(self.folder)
        except (lmdb.Error, OSError, StoreError) as error:
            raise self._cannot_write(error) from error

    def _collect_columns(self) -> dict[str, np.ndarray]:
        parts: dict[str, list[np.ndarray]] = {}
        with self._env.begin(db=self._rows) as txn:
            for _, data in txn.cursor():
                for name, values in decode_record(data).fields.items():
                    parts.setdefault(name, []).append(np.asarray(values))
        return {name: np.concatenate(values) for name, values in parts.items()}

    def _cannot_write(self, error: Exception) -> StoreError:
        return StoreError(
            f"packing {self.folder} stopped after {self.count} records: {error}. Make room if the disk is "
            f"full and run the same command: it continues from there"
        )


class BytesWriter:
    """Named bytes in an LMDB as other programs make and read them: one unnamed database.

    One process writes; what it committed is kept, whatever interrupts it. Reading: :func:`environment`.

    Args:
        folder: of the database; made where it is missing.
    Raises:
        StoreError: if something else lies there.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        close_environment(self.folder)
        try:
            self._env = lmdb.open(str(self.folder), map_size=_FIRST_MAP_BYTES, lock=False)
        except lmdb.Error as error:
            raise StoreError(f"{self.folder} cannot be opened for writing: {error}") from error

    def __enter__(self) -> BytesWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self._env.close()

    def __contains__(self, name: str) -> bool:
        return self.get(name) is not None

    def get(self, name: str) -> bytes | None:
        """The bytes of a name, or None where there are none."""
        with self._env.begin(buffers=False) as txn:
            return txn.get(name.encode())

    def items(self) -> Iterator[tuple[str, bytes]]:
        """All names, sorted, and their bytes."""
        with self._env.begin() as txn:
            for name, data in txn.cursor():
                yield name.decode(), data

    def clear(self, prefix: str = "") -> None:
        """Take everything out, or what has names that begin so."""
        start = prefix.encode()
        with self._env.begin(write=True) as txn, txn.cursor() as cursor:
            left = cursor.set_range(start) if start else cursor.first()
            while left and cursor.key().startswith(start):
                left = cursor.delete() and bool(cursor.key())

    def put(self, items: Sequence[tuple[str, bytes]]) -> None:
        """Commit names and bytes, all of them or none; a name that is there gets the new bytes.

        Raises:
            StoreError: if the disk is full.
        """
        while True:
            try:
                with self._env.begin(write=True) as txn:
                    for name, data in items:
                        txn.put(name.encode(), data)
                return
            except lmdb.MapFullError:
                self._env.set_mapsize(2 * self._env.info()["map_size"])
            except (lmdb.Error, OSError) as error:
                raise StoreError(
                    f"{self.folder} cannot be written: {error}. Make room if the disk is full and run the "
                    "same command: it continues from there"
                ) from error
