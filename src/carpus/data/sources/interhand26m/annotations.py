"""The ``data`` file of a split as a few compact arrays."""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from carpus.data.sources.interhand26m.json_stream import JsonStream
from carpus.data.sources.interhand26m.layout import annotation_file, data_pickle, image_name
from carpus.data.sources.interhand26m.pickle_stream import read_entries
from carpus.errors import DataError, unknown

HAND_TYPES = ("right", "left", "interacting")
INTERACTING = HAND_TYPES.index("interacting")
JOINTS = 42
_ROWS, _BYTES = 4096, 6
_FLAGS = frozenset((0, 1))
_IMAGE = ("id", "width", "height", "capture", "subject", "camera", "frame_idx", "sequence")
_TRUTH = ("id", "image_id", "hand_type", "hand_type_valid")


class Names:
    """A list of distinct names, each once."""

    def __init__(self) -> None:
        self._place: dict[str, int] = {}

    def place(self, name: str) -> int:
        """Its place in the list; a new name is put at the end."""
        return self._place.setdefault(name, len(self._place))

    @property
    def all(self) -> list[str]:
        """All names, in the order they came."""
        return list(self._place)


class Texts:
    """Millions of short texts in one array of bytes."""

    def __init__(self) -> None:
        self._bytes, self._ends = bytearray(), array("q", [0])

    def append(self, text: str) -> None:
        """Put a text at the end."""
        self._bytes += text.encode()
        self._ends.append(len(self._bytes))

    def __len__(self) -> int:
        return len(self._ends) - 1

    def __getitem__(self, index: int) -> str:
        return self._bytes[self._ends[index] : self._ends[index + 1]].decode()


@dataclass(frozen=True)
class Annotations:
    """Images and their annotation, in the order of the file.

    Args:
        path: the file.
        numbers: per column of the file an int64 array ``(N,)``; ``sequence`` is a place in ``sequences``.
        names: path of every picture below ``images/<split>``.
        sequences: distinct names.
        boxes: ``(N, 4)`` float32 left, top, width, height in pixels.
        valid: ``(N, 6)`` uint8, the 42 joints' validity as bits.
        hand_types: ``(N,)`` uint8, places in :data:`HAND_TYPES`.
        hand_type_valid: ``(N,)`` bool.
    """

    path: Path
    numbers: Mapping[str, np.ndarray]
    names: Texts
    sequences: list[str]
    boxes: np.ndarray
    valid: np.ndarray
    hand_types: np.ndarray
    hand_type_valid: np.ndarray

    def __len__(self) -> int:
        return len(self.boxes)

    def joint_valid(self, rows: np.ndarray) -> np.ndarray:
        """``(n, 42)`` bool as annotated."""
        return np.unpackbits(self.valid[rows], axis=1, count=JOINTS).astype(bool)

    def locate(self, row: int) -> str:
        """File and image, for messages."""
        return f"{self.path}: image {self.numbers['id'][row]} ({self.names[row]})"


def read_annotations(root: Path, split: str) -> Annotations:
    """The annotation of a split, of the published JSON or else of DIGIT's pickle.

    Raises:
        DataError: naming the file and the image at fault, or that there is no such file.
    """
    path, pickled = annotation_file(root, split, "data"), data_pickle(root, split)
    if not path.is_file() and pickled.is_file():
        return _from_pickle(pickled)
    return _from_json(path)


def _from_json(path: Path) -> Annotations:
    images, truths = _Images(path), _Truths(path)
    with JsonStream(path) as stream:
        for name in stream.members():
            if name == "images":
                images.take(stream.values())
            elif name == "annotations":
                truths.take(stream.values())
            else:
                stream.value()
    return _joined(path, images, truths)


def _from_pickle(path: Path) -> Annotations:
    images, truths = _Images(path), _Truths(path)

    def take(entries: list[tuple[Any, Any]]) -> None:
        items = [item for _, item in entries]
        images.take(items)
        truths.take([item.get("anno", {}) for item in items])

    read_entries(path, take)
    return _joined(path, images, truths)


def _joined(path: Path, images: _Images, truths: _Truths) -> Annotations:
    """Both lists, checked against each other."""
    images.flush()
    truths.flush()
    if images.count != truths.count:
        raise DataError(
            f"{path}: {images.count:,} images but {truths.count:,} annotations; both lists must have the "
            "same length and order"
        )
    if not images.count:
        raise DataError(f"{path}: no image in it; lists 'images' and 'annotations' are expected")
    numbers, truth = _columns(_IMAGE, images.rows), _columns(_TRUTH, truths.rows)
    for name in ("id", "image_id"):
        wrong = np.flatnonzero(truth[name] != numbers["id"])
        if wrong.size:
            row = int(wrong[0])
            raise DataError(
                f"{path}: number {row} of the images has id {numbers['id'][row]}, its annotation {name} "
                f"{truth[name][row]}; the lists are not in the same order"
            )
    if len(np.unique(numbers["id"])) < len(numbers["id"]):
        raise DataError(f"{path}: two images have the same id")
    return Annotations(
        path,
        numbers,
        images.names,
        images.sequences.all,
        np.frombuffer(truths.boxes, np.float32).reshape(-1, 4),
        np.frombuffer(truths.valid, np.uint8).reshape(-1, _BYTES),
        truth["hand_type"].astype(np.uint8),
        truth["hand_type_valid"].astype(bool),
    )


def _columns(names: tuple[str, ...], rows: list[np.ndarray]) -> dict[str, np.ndarray]:
    table = np.concatenate(rows)
    rows.clear()
    return {name: np.ascontiguousarray(table[:, column]) for column, name in enumerate(names)}


class _Rows:
    """Takes items one by one, keeps numbers in blocks, and says which item is at fault.

    Nothing of an item is kept but numbers and bytes: lists by the million keep Python's collector busy.
    """

    def __init__(self, path: Path, kind: str) -> None:
        self.path, self.kind = path, kind
        self.count = 0
        self.rows: list[np.ndarray] = []
        self._fresh: list[tuple[int, ...]] = []

    def take(self, items: Iterable[Any]) -> None:
        """All items of a list."""
        for item in items:
            try:
                self._fresh.append(self._read(item))
            except (KeyError, TypeError, ValueError, IndexError) as error:
                name = f" (id {item['id']})" if isinstance(item, dict) and "id" in item else ""
                what = f"has no {error}" if isinstance(error, KeyError) else str(error)
                raise DataError(
                    f"{self.path}: number {self.count} of the {self.kind}{name}: {what}"
                ) from None
            self.count += 1
            if len(self._fresh) == _ROWS:
                self.flush()

    def flush(self) -> None:
        """Numbers so far into an array."""
        if self._fresh:
            self.rows.append(np.array(self._fresh, np.int64))
            self._fresh = []

    def _read(self, item: Any) -> tuple[int, ...]:
        raise NotImplementedError


class _Images(_Rows):
    def __init__(self, path: Path) -> None:
        super().__init__(path, "images")
        self.names, self.sequences = Texts(), Names()

    def _read(self, item: Any) -> tuple[int, ...]:
        sequence = str(item["seq_name"])
        name = image_name(int(item["capture"]), sequence, str(item["camera"]), item["file_name"])
        given = {**item, "sequence": self.sequences.place(sequence), "subject": item.get("subject", 0)}
        row = tuple([int(given[name]) for name in _IMAGE])
        self.names.append(name)
        return row


class _Truths(_Rows):
    def __init__(self, path: Path) -> None:
        super().__init__(path, "annotations")
        self.boxes, self.valid = array("f"), bytearray()

    def _read(self, item: Any) -> tuple[int, ...]:
        kind = item["hand_type"]
        if kind not in HAND_TYPES:
            raise ValueError(unknown("hand_type", str(kind), HAND_TYPES))
        row = int(item["id"]), int(item["image_id"]), HAND_TYPES.index(kind), int(item["hand_type_valid"])
        box, valid = _box(item["bbox"]), _bits(item["joint_valid"])
        self.boxes.extend(box)
        self.valid += valid
        return row


def _box(values: Any) -> list[float]:
    box = [float(number) for number in values]
    if len(box) != 4 or not all(map(math.isfinite, box)):
        raise ValueError(f"bbox {values}: four finite numbers are expected")
    return box


def _bits(values: Any) -> bytes:
    """Validity of the joints, published as 0/1 or as lists of one such number."""
    flags = [flag[0] if isinstance(flag, list) else flag for flag in values]
    if len(flags) != JOINTS or not _FLAGS.issuperset(flags):
        raise ValueError(f"joint_valid has {len(flags)} values; {JOINTS} of 0 or 1 are expected")
    return int("".join(["1" if flag else "0" for flag in flags]).ljust(8 * _BYTES, "0"), 2).to_bytes(
        _BYTES, "big"
    )
