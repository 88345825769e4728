"""Making a store: in batches, under a temporary name, continued where it was interrupted."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from carpus.data.records import decode_record, encode_record, save_array
from carpus.data.store import (
    DATABASE_ERRORS,
    DATABASES,
    FORMAT_VERSION,
    KEYS,
    POSITION,
    RECORDS,
    ROWS,
    close_environment,
    commit,
    open_for_writing,
)
from carpus.errors import StoreError
from carpus.types import Record


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
        self._env = open_for_writing(self.partial, len(DATABASES))
        self._records, self._keys, self._rows = map(self._env.open_db, (RECORDS, KEYS, ROWS))
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

        def fill(txn: Any) -> None:
            for position, (key, data, _) in enumerate(batch, self.count):
                name = POSITION.pack(position)
                if not txn.put(key.encode(), name, db=self._keys, overwrite=False):
                    raise StoreError(f"{self.folder}: two records have the key '{key}'")
                txn.put(name, data, db=self._records, append=True)
            txn.put(POSITION.pack(self.count), encode_record(Record("", {}, rows)), db=self._rows)

        commit(self._env, fill, self._cannot_write)
        self.count += len(batch)

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
        except (*DATABASE_ERRORS, StoreError) as error:
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
