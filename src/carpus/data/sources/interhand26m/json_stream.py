"""JSON files of gigabytes, value by value: only what lies under the reader's hand is in memory."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from carpus.errors import DataError

BLOCK = 1 << 22
"""Characters read at a time."""
_NEAR_END = 1 << 12
_AFTER = frozenset(" \t\n\r,:]}")
_SPACE = re.compile(r"[ \t\n\r]*")


class JsonStream:
    """Walks through a JSON file without loading it.

    The caller takes every value it is led to: with :meth:`value`, or by walking into it.

    Args:
        path: the file.
        block: characters read at a time.
    Raises:
        DataError: naming file, line and character, if it is missing, cut off or not JSON.
    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp(), "a.json")
        >>> _ = path.write_text('{"images": [1, 2], "more": {"a": null}}')
        >>> with JsonStream(path) as stream:
        ...     for name in stream.members():
        ...         print(name, stream.value())
        images [1, 2]
        more {'a': None}
    """

    def __init__(self, path: Path, block: int = BLOCK) -> None:
        self.path = path
        self._block = block
        self._decode = json.JSONDecoder().raw_decode
        self._text, self._at = "", 0
        self._lines, self._passed = 1, 0
        try:
            self._file: IO[str] = path.open(encoding="utf-8")
        except OSError as error:
            raise DataError(f"{path} cannot be read: {error.strerror or error}") from None

    def __enter__(self) -> JsonStream:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def members(self) -> Iterator[str]:
        """Names of an object's members; after each the stream stands at its value."""
        self._take("{")
        first = True
        while self._next("}", first):
            first, name = False, self.value()
            if not isinstance(name, str):
                raise self._error(f"a name was expected, not {name!r}")
            self._take(":")
            yield name

    def elements(self) -> Iterator[int]:
        """Numbers of a list's elements; at each the stream stands at the element."""
        self._take("[")
        number = 0
        while self._next("]", number == 0):
            yield number
            number += 1

    def values(self) -> Iterator[Any]:
        """The elements of a list."""
        for _ in self.elements():
            yield self.value()

    def value(self) -> Any:
        """The value the stream stands at, and past it."""
        self._peek()
        while True:
            try:
                value, end = self._decode(self._text, self._at)
            except json.JSONDecodeError as error:
                # Cut off by the end of the block, unless it went wrong long before.
                if len(self._text) - error.pos < _NEAR_END and self._more():
                    continue
                self._at = error.pos
                raise self._error(error.msg) from None
            # A number may go on behind the block, and may have been cut at its point or exponent.
            if self._text[end : end + 1] not in _AFTER and self._more():
                continue
            self._at = end
            return value

    def where(self) -> str:
        """File, line and character, for messages."""
        line = self._lines + self._text.count("\n", 0, self._at)
        return f"{self.path}, line {line}, character {self._passed + self._at:,}"

    def _take(self, symbol: str) -> None:
        if self._peek() != symbol:
            raise self._error(f"'{symbol}' was expected, not '{self._peek()}'")
        self._at += 1

    def _next(self, closing: str, first: bool) -> bool:
        """Go to the next member or element; past the closing bracket there is none."""
        if self._peek() == closing:
            self._at += 1
            return False
        if not first:
            self._take(",")
            self._peek()
        return True

    def _peek(self) -> str:
        while True:
            self._at = _SPACE.match(self._text, self._at).end()  # type: ignore[union-attr]
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._more():
                raise self._error("the file ends too early; was the download complete?")

    def _more(self) -> bool:
        """Read on, and forget what has been passed."""
        try:
            text = self._file.read(self._block)
        except UnicodeDecodeError as error:
            raise self._error(f"no text in UTF-8: {error}") from None
        if not text:
            return False
        self._lines += self._text.count("\n", 0, self._at)
        self._passed += self._at
        self._text, self._at = self._text[self._at :] + text, 0
        return True

    def _error(self, what: str) -> DataError:
        return DataError(f"{self.where()}: {what}")
