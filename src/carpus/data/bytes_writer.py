"""Named bytes in a database as other programs make and read them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from carpus.data.store import commit, open_for_writing
from carpus.errors import StoreError


class BytesWriter:
    """Named bytes in an LMDB as other programs make and read them: one unnamed database.

    One process writes; what it committed is kept, whatever interrupts it. It is read through
    :func:`carpus.data.store.environment`.

    Args:
        folder: of the database; made where it is missing.
    Raises:
        StoreError: if something else lies there.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self._env = open_for_writing(self.folder)

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
        commit(
            self._env,
            lambda txn: [txn.put(name.encode(), data) for name, data in items],
            lambda error: StoreError(
                f"{self.folder} cannot be written: {error}. Make room if the disk is full and run the same "
                "command: it continues from there"
            ),
        )
