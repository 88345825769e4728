"""Plain text tables of numbers, one line per frame: quick to read, exact about what is wrong."""

from __future__ import annotations

import gzip
import io
import os
import re
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from carpus.errors import DataError


class Table(NamedTuple):
    """``values`` ``(N, columns)`` float64 and, where lines start with one, the name of each line."""

    values: np.ndarray
    names: list[str] | None


def read_table(path: Path | str, columns: int) -> Table:
    """Read a file of ``columns`` numbers per line, plain or ``.gz``, with or without a leading name.

    A first line with a single whole number is the number of frames (MSRA's ``joint.txt``) and is checked.

    Args:
        path: the file.
        columns: numbers per line.
    Returns:
        the table.
    Raises:
        DataError: naming file and line of whatever does not fit.
    """
    path = Path(path)
    lines = _read_text(path).splitlines()
    while lines and not lines[-1].strip():
        lines.pop()
    first = 1
    if lines and columns > 1 and re.fullmatch(r"\s*\d+\s*", lines[0]):
        if int(lines[0]) != len(lines) - 1:
            raise DataError(f"{path}:1: announces {int(lines[0])} frames, {len(lines) - 1} lines follow")
        lines, first = lines[1:], 2
    if not lines:
        raise DataError(f"{path}: is empty; expected one line of {columns} numbers per frame")
    names = None
    if not _is_number(lines[0].split(maxsplit=1)[0] if lines[0].strip() else "0"):
        parts = [line.split(maxsplit=1) for line in lines]
        _check_named(parts, path, first)
        names, lines = [part[0] for part in parts], [part[1] for part in parts]
    return Table(_parse(lines, columns, path, first, names is not None), names)


def write_table(
    path: Path | str,
    values: np.ndarray,
    decimals: int = 4,
    names: Sequence[str] | None = None,
    separator: str = " ",
) -> None:
    """Write numbers ``(N, columns)``, one line each, under a temporary name that is renamed when complete.

    Args:
        path: the file; ``.gz`` compresses.
        values: finite numbers.
        decimals: digits after the point.
        names: what each line starts with, or None.
        separator: between entries.
    Raises:
        DataError: if a number is not finite or names and lines differ in number.
    """
    path = Path(path)
    broken = ~np.isfinite(values).all(axis=1)
    if broken.any():
        row = int(broken.argmax())
        raise DataError(f"{path}: not written, frame {row} of {len(values)} is NaN or infinite")
    if names is not None and len(names) != len(values):
        raise DataError(f"{path}: not written, {len(names)} names for {len(values)} frames")
    form = separator.join([f"%.{decimals}f"] * values.shape[1])
    lines = [form % tuple(row) for row in values.tolist()]
    if names is not None:
        lines = [f"{name}{separator}{line}" for name, line in zip(names, lines, strict=True)]
    write_atomic(path, ("\n".join(lines) + "\n").encode() if lines else b"")


def image_name(key: str) -> str:
    """Image file of a record key or image name, as annotation and result files list it.

    Example:
        >>> image_name("test/image_D00000001"), image_name("depth_1_0000001.png")
        ('image_D00000001.png', 'depth_1_0000001.png')
    """
    name = key.replace("\\", "/").rsplit("/", 1)[-1]
    return name if "." in name else f"{name}.png"


def write_atomic(path: Path, content: bytes) -> None:
    """Write a file so that it is either complete or absent; ``.gz`` compresses."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        temporary.write_bytes(gzip.compress(content, mtime=0) if path.suffix == ".gz" else content)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _read_text(path: Path) -> str:
    try:
        raw = path.read_bytes()
        if path.suffix == ".gz":
            raw = gzip.decompress(raw)
        return raw.decode("utf-8-sig")
    except FileNotFoundError:
        raise DataError(f"{path}: no such file") from None
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path}: cannot be read ({error})") from None
    except UnicodeDecodeError:
        raise DataError(f"{path}: is not a text file") from None


def _is_number(token: str) -> bool:
    try:
        float(token)
    except ValueError:
        return False
    return True


def _check_named(parts: list[list[str]], path: Path, first: int) -> None:
    for number, part in enumerate(parts, start=first):
        if len(part) != 2:
            raise DataError(f"{path}:{number}: expected a name and numbers, got {' '.join(part)!r:.60}")


def _parse(lines: list[str], columns: int, path: Path, first: int, named: bool) -> np.ndarray:
    """All numbers at once; only when that fails is every line looked at, to name the culprit."""
    try:
        values = np.loadtxt(io.StringIO("\n".join(lines)), dtype=np.float64, ndmin=2, comments=None)
    except ValueError:
        values = np.empty((0, 0))
    if values.shape != (len(lines), columns) or not np.isfinite(values).all():
        _blame(lines, columns, path, first, named)
    return values


def _blame(lines: list[str], columns: int, path: Path, first: int, named: bool) -> None:
    after = " after the name" if named else ""
    for number, line in enumerate(lines, start=first):
        tokens = line.split()
        if len(tokens) != columns:
            raise DataError(f"{path}:{number}: {len(tokens)} entries{after}, expected {columns}")
        wrong = next((t for t in tokens if not _is_number(t) or not np.isfinite(float(t))), None)
        if wrong is not None:
            raise DataError(f"{path}:{number}: {wrong!r} is not a finite number")
    raise DataError(f"{path}: is not a table of {columns} numbers per line")
