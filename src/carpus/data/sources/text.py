"""Label files: a name, then numbers, separated by any white space."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

import numpy as np

from carpus.errors import DataError

_CHUNK = 4096


def read_labels(
    path: Path, values: int, named: bool = True, header: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Names and numbers of a label file, one frame per line.

    Args:
        path: the file.
        values: numbers a line must hold after its name; 0 ignores what follows the name.
        named: whether a line starts with a name.
        header: lines before the first frame.
    Returns:
        ``(N,)`` bytes array of names (empty where not named) and ``(N, values)`` float64.
    Raises:
        DataError: naming the file, and the line whose number of values differs.
    """
    names, rows = [np.zeros(0, "S1")], [np.zeros((0, values))]
    number = header + 1
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            next(islice(file, header, header), None)
            while lines := list(islice(file, _CHUNK)):
                if len(lines) < _CHUNK:
                    lines = _without_empty_end(lines)
                parts = [line.split(None, 1) if named else ["", line] for line in lines]
                names.append(np.array([part[0].encode() if part else b"" for part in parts], dtype=bytes))
                if values:
                    rows.append(_numbers(path, number, [p[1] if len(p) > 1 else "" for p in parts], values))
                number += len(lines)
    except FileNotFoundError:
        raise DataError(f"{path} is missing") from None
    return np.concatenate(names), np.concatenate(rows)


def match_rows(names: np.ndarray, found: np.ndarray, path: Path) -> np.ndarray:
    """Rows of a second label file that belong to the frames of a first one.

    Args:
        names: ``(N,)`` bytes, names of the frames.
        found: ``(M,)`` bytes, names in the second file, in any order.
        path: the second file, for the message.
    Returns:
        ``(N,)`` int64 so that ``found[rows] == names``.
    Raises:
        DataError: naming a frame the second file lacks, or one that it has twice.
    Example:
        >>> match_rows(np.array([b"a", b"b"]), np.array([b"b", b"a"]), Path("labels.txt"))
        array([1, 0])
    """
    order = np.argsort(found, kind="stable")
    ordered = found[order]
    twice = np.flatnonzero(ordered[1:] == ordered[:-1])
    if twice.size:
        first, second = (int(order[twice[0] + step]) + 1 for step in (0, 1))
        name = bytes(ordered[twice[0]]).decode()
        raise DataError(f"{path}: '{name}' stands in line {first} and in line {second}")
    place = np.minimum(np.searchsorted(ordered, names), max(len(found) - 1, 0))
    missing = np.flatnonzero(ordered[place] != names) if len(found) else np.arange(len(names))
    if missing.size:
        name = bytes(names[missing[0]]).decode()
        raise DataError(f"{path} has no line for '{name}' and {missing.size - 1} other frames")
    return order[place]


def _numbers(path: Path, first: int, texts: Sequence[str], values: int) -> np.ndarray:
    """``(N, values)`` numbers of the lines from ``first`` on."""
    table = _parse(" ".join(texts))
    # The right total may still hide a short line beside a long one.
    if table is not None and all(len(text.split()) == values for text in texts):
        return table.reshape(len(texts), values)
    for number, text in enumerate(texts, first):
        line = _parse(text)
        if line is None:
            raise DataError(f"{path}, line {number}: '{text.strip()[:40]}…' is not a list of numbers")
        if line.size != values:
            raise DataError(f"{path}, line {number}: {line.size} numbers, {values} are expected")
    raise DataError(f"{path}, lines {first} to {first + len(texts) - 1}: not {values} numbers per line")


def _parse(text: str) -> np.ndarray | None:
    if not text.strip():
        return np.zeros(0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            return np.fromstring(text, sep=" ")
        except (DeprecationWarning, ValueError):
            return None


def _without_empty_end(lines: list[str]) -> list[str]:
    while lines and not lines[-1].strip():
        lines.pop()
    return lines
