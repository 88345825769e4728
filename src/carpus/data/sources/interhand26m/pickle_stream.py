"""DIGIT's pickles of millions of entries, one batch at a time and without running what they name."""

from __future__ import annotations

import io
import pickle
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from carpus.bodies.stubs import DtypeStub, Stub, plain
from carpus.bodies.unpickle import ArrayUnpickler, RefusedError
from carpus.errors import DataError

Entries = list[tuple[Any, Any]]
_BATCH, _BATCHES_KEPT = 1000, 8
_VALUES = (list, dict, tuple, set, bytes, bytearray, int, float, complex, np.generic)


def read_entries(path: Path, take: Callable[[Entries], None]) -> None:
    """Give the entries of a pickled dictionary away as they are read, so that they need not fit into memory.

    Entries may share what they hold with others nearby, and the names of their members with all.

    Args:
        path: the pickle.
        take: called with batches of (key, value), in their order.
    Raises:
        DataError: naming the file and what is wrong with it, or what it asks for.
    """
    reader = None
    try:
        with path.open("rb") as file:
            reader = _EntryReader(file, take)
            rest = reader.load()
        if not isinstance(rest, dict):
            raise ValueError(f"it holds {type(rest).__name__}, a dictionary of images was expected")
        reader.give()
    except DataError:
        raise
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}") from None
    except RefusedError as error:
        raise DataError(f"{path}: not read, {error}") from None
    # A damaged pickle can fail in any opcode, and so with nearly any error.
    except Exception as error:
        done = reader.given if reader is not None else 0
        raise DataError(
            f"{path}: damaged after {done:,} entries, or not a dictionary of images "
            f"({type(error).__name__}: {error}); the published JSON files do as well"
        ) from None


class _EntryReader(pickle._Unpickler):  # type: ignore[name-defined]
    """Python's own unpickler (that of C has no place to step in): entries of the outermost dictionary go."""

    # What the base class has and type stubs do not know.
    memo: dict[int, Any]
    stack: list[Any]
    metastack: list[list[Any]]
    append: Callable[[Any], None]
    read: Callable[[int], bytes]
    pop_mark: Callable[[], list[Any]]

    def __init__(self, file: Any, take: Callable[[Entries], None]) -> None:
        super().__init__(file, encoding="latin1")
        self.given = 0
        self._take, self._entries = take, list[tuple[Any, Any]]()
        self._find = ArrayUnpickler(io.BytesIO()).find_class
        self._words: set[int] = set()
        self._remembered = 0
        self._fresh: list[int] = []
        self._older: deque[list[int]] = deque()
        self._recalled: set[int] = set()

    def find_class(self, module: str, name: str) -> Any:
        """The short table of :mod:`carpus.bodies.unpickle`."""
        return self._find(module, name)

    def give(self) -> None:
        """Hand over what is complete, and forget what only it referred to."""
        entries, self._entries = plain(self._entries), []
        if not entries:
            return
        for _, value in entries:
            self._learn(value)
        self._older.append(self._fresh)
        self._fresh = []
        if len(self._older) > _BATCHES_KEPT:
            self._forget(self._older.popleft())
        self.given += len(entries)
        self._take(entries)

    def _learn(self, value: Any) -> None:
        """Names of members are referred to by all later entries."""
        if isinstance(value, dict):
            for name, part in value.items():
                self._words.add(id(name))
                self._learn(part)

    def _forget(self, places: list[int]) -> None:
        """Drop what nothing has referred to for some time; the rest gets as much time again."""
        for place in places:
            if place in self._recalled:
                self._fresh.append(place)
            elif not self._is_known(self.memo.get(place)):
                self.memo.pop(place, None)
        self._recalled.difference_update(places)

    def _is_known(self, item: Any) -> bool:
        """Names of members and the few things a pickle may name are kept."""
        if isinstance(item, str):
            return id(item) in self._words
        return not isinstance(item, _VALUES) and (not isinstance(item, Stub) or isinstance(item, DtypeStub))

    def _remember(self, place: int) -> None:
        self.memo[place] = self.stack[-1]
        self._remembered += 1
        self._fresh.append(place)

    def _recall(self, place: int) -> None:
        if place not in self.memo:
            raise ValueError("entries share what they hold with others far away")
        self._recalled.add(place)
        self.append(self.memo[place])

    def load_setitems(self) -> None:
        """Many entries of a dictionary."""
        items = self.pop_mark()
        self._store(list(zip(items[::2], items[1::2], strict=True)))

    def load_setitem(self) -> None:
        """One entry of a dictionary."""
        value = self.stack.pop()
        self._store([(self.stack.pop(), value)])

    def _store(self, entries: Entries) -> None:
        if len(self.stack) == 1 and not self.metastack and isinstance(self.stack[0], dict):
            self._entries += entries
            if len(self._entries) >= _BATCH:
                self.give()
        else:
            self.stack[-1].update(entries)

    def load_memoize(self) -> None:
        """Protocol 4 and later: the next place."""
        self._remember(self._remembered)

    def load_binput(self) -> None:
        """A place of one byte."""
        self._remember(self.read(1)[0])

    def load_long_binput(self) -> None:
        """A place of four bytes."""
        self._remember(int.from_bytes(self.read(4), "little"))

    def load_binget(self) -> None:
        """What is at a place of one byte."""
        self._recall(self.read(1)[0])

    def load_long_binget(self) -> None:
        """What is at a place of four bytes."""
        self._recall(int.from_bytes(self.read(4), "little"))


_EntryReader.dispatch = pickle._Unpickler.dispatch | {  # type: ignore[attr-defined]
    pickle.SETITEMS[0]: _EntryReader.load_setitems,
    pickle.SETITEM[0]: _EntryReader.load_setitem,
    pickle.MEMOIZE[0]: _EntryReader.load_memoize,
    pickle.BINPUT[0]: _EntryReader.load_binput,
    pickle.LONG_BINPUT[0]: _EntryReader.load_long_binput,
    pickle.BINGET[0]: _EntryReader.load_binget,
    pickle.LONG_BINGET[0]: _EntryReader.load_long_binget,
}
