"""What part rendering has done so far: fit errors per image, kept so that it can be continued.

The published form, ``meta_dict_<split>.pkl``, is one pickled dictionary and can only be written as a whole.
"""

from __future__ import annotations

import math
import pickle
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from carpus.data.bytes_writer import BytesWriter
from carpus.data.sources.interhand26m.fit_errors import NAMES
from carpus.data.sources.interhand26m.layout import meta_pickle
from carpus.data.sources.interhand26m.pickle_stream import Entries, read_entries
from carpus.errors import ConfigError, DataError

_ENTRY = struct.Struct("<ddHH")
_BATCH = 5000
_HANDS = "\x01hands"
"""Sorted before every image."""
_NAMES = {False: b"MANO hands", True: b"stand-in hands"}


@dataclass(frozen=True)
class PartEntry:
    """What is known of an image's fitted hands.

    Args:
        errors_mm: right and left; None without a fit, or where no joint counts.
        size_wh: of the mask, None if no hand has a fit.
    """

    errors_mm: tuple[float | None, float | None]
    size_wh: tuple[int, int] | None

    def to_bytes(self) -> bytes:
        """20 bytes."""
        errors = (math.nan if error is None else error for error in self.errors_mm)
        return _ENTRY.pack(*errors, *(self.size_wh or (0, 0)))

    @classmethod
    def from_bytes(cls, data: bytes) -> PartEntry:
        """The entry of :meth:`to_bytes`."""
        right, left, width, height = _ENTRY.unpack(data)
        errors = (None if math.isnan(right) else right, None if math.isnan(left) else left)
        return cls(errors, (width, height) if width else None)


class PartJournal:
    """The entries of a split, in a small database beside the published pickle.

    Where there is a pickle only, as from DIGIT's own renderer, it begins with that one's entries.

    Args:
        root: the tree.
        split: ``train``, ``val`` or ``test``.
        standin: whether the hands to be rendered are stand-ins.
        force: forget what was rendered with the other hands instead of refusing to mix them;
            :attr:`forgot` then says so.
    Raises:
        ConfigError: if the masks that are there show MANO's hands and these are stand-ins, or the reverse.
        DataError: if the pickle is damaged.
    """

    def __init__(self, root: Path, split: str, *, standin: bool = False, force: bool = False) -> None:
        self.pickle = meta_pickle(root, split)
        folder = self.pickle.with_name(f"parts_{split}.lmdb")
        self._store = BytesWriter(folder)
        self.forgot = False
        try:
            if self._store.get(_HANDS) is None and self.pickle.is_file():
                self._adopt()
            self._check_hands(_NAMES[standin], force)
        except BaseException:
            self._store.__exit__()
            raise

    def __enter__(self) -> PartJournal:
        return self

    def __exit__(self, *_: object) -> None:
        self._store.__exit__()

    def get(self, image: str) -> PartEntry | None:
        """The entry of an image's path below ``images``, None if it was not rendered."""
        data = self._store.get(image)
        return None if data is None else PartEntry.from_bytes(data)

    def put(self, entries: Iterable[tuple[str, PartEntry]]) -> None:
        """Commit entries."""
        self._store.put([(image, entry.to_bytes()) for image, entry in entries])

    def publish(self) -> None:
        """Write the pickle of all entries, sorted by image, complete or not at all."""
        items = ((image, data) for image, data in self._store.items() if image != _HANDS)
        write_entries(self.pickle, ((image, PartEntry.from_bytes(data)) for image, data in items))

    def _check_hands(self, hands: bytes, force: bool) -> None:
        rendered = self._store.get(_HANDS) or hands
        if rendered != hands:
            if not force:
                raise ConfigError(
                    f"{self.pickle}: its masks were rendered with {rendered.decode()}, these would be of "
                    f"{hands.decode()}; --force forgets them and renders anew"
                )
            self._store.clear()
            self.forgot = True
        self._store.put([(_HANDS, hands)])

    def _adopt(self) -> None:
        def take(entries: Entries) -> None:
            self.put((str(name), _published(entry, f"{self.pickle}: '{name}'")) for name, entry in entries)

        read_entries(self.pickle, take)
        self._store.put([(_HANDS, _NAMES[False])])


def write_entries(path: Path, entries: Iterable[tuple[str, PartEntry]]) -> None:
    """The published pickle, written piece by piece: a dictionary of image to dictionary.

    Args:
        path: the pickle.
        entries: in any number; only some are in memory at a time.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    with partial.open("wb") as file:
        file.write(pickle.PROTO + b"\x02" + pickle.EMPTY_DICT)
        for batch in _batched(entries):
            file.write(pickle.MARK)
            for image, entry in batch:
                file.write(_piece(image) + _piece(_plain(entry)))
            file.write(pickle.SETITEMS)
        file.write(pickle.STOP)
    partial.replace(path)


def _batched(entries: Iterable[tuple[str, PartEntry]]) -> Iterator[list[tuple[str, PartEntry]]]:
    batch = []
    for entry in entries:
        batch.append(entry)
        if len(batch) == _BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _plain(entry: PartEntry) -> dict[str, Any]:
    made: dict[str, Any] = dict(zip(NAMES, entry.errors_mm, strict=True))
    return made if entry.size_wh is None else {**made, "imsize": entry.size_wh}


def _piece(value: Any) -> bytes:
    """The opcodes that put a value on the stack."""
    # Each piece numbers what it remembers anew; nothing is recalled across pieces.
    return pickle.dumps(value, protocol=2)[2:-1]


def _published(entry: Any, where: str) -> PartEntry:
    try:
        right, left = (None if entry[name] is None else float(entry[name]) for name in NAMES)
        size = entry.get("imsize")
        return PartEntry((right, left), None if size is None else (int(size[0]), int(size[1])))
    except (TypeError, KeyError, ValueError, IndexError, AttributeError):
        raise DataError(
            f"{where} holds {entry!r}; {', '.join(NAMES)} and imsize are expected. Remove the file to render "
            "all masks anew"
        ) from None
