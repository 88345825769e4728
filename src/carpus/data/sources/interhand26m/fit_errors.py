"""DIGIT's ``meta_dict``: which hands have a fitted model, and how far it lies from the joints."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from carpus.data.sources.interhand26m.layout import IMAGES
from carpus.data.sources.interhand26m.pickle_stream import Entries, read_entries
from carpus.errors import DataError

NAMES = ("right_fit_err", "left_fit_err")


def read_fit_errors(path: Path, count: int, find: Callable[[str], int | None]) -> np.ndarray:
    """Mean distance of the fitted joints per image and hand.

    Args:
        path: ``meta_dict_<split>.pkl``.
        count: N images.
        find: row of a picture's path below ``images``, or None.
    Returns:
        ``(N, 2)`` float32 mm, right and left; NaN without a fit.
    Raises:
        DataError: naming file and image, or if it is of another split.
    """
    errors = np.full((count, 2), np.nan, np.float32)
    seen = 0

    def take(entries: Entries) -> None:
        nonlocal seen
        for name, entry in entries:
            row = find(str(name).removeprefix(f"{IMAGES}/"))
            if row is not None:
                errors[row] = _errors(entry, f"{path}: '{name}'")
                seen += 1

    read_entries(path, take)
    if not seen:
        raise DataError(f"{path} names none of the {count:,} images; it is of another split or release")
    return errors


def _errors(entry: Any, where: str) -> list[float]:
    if not isinstance(entry, dict) or not set(NAMES) <= set(entry):
        raise DataError(f"{where}: entries {' and '.join(NAMES)} are expected")
    values = [entry[name] for name in NAMES]
    try:
        return [np.nan if value is None else float(value) for value in values]
    except (TypeError, ValueError):
        raise DataError(f"{where}: fit errors {values} are not numbers") from None
