"""Frame numbers: taken from names, compared row by row."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from carpus.errors import DataError

TRAILING_NUMBER = re.compile(r"(\d+)(?:\.\w+)?$")
"""The digits a record key or an image name ends with, before its suffix."""


def check_index(
    found: np.ndarray, expected: np.ndarray, where: str = "the prediction", against: str = "the split"
) -> None:
    """Refuse predictions whose frame numbers are not, one by one, those expected.

    Args:
        found: ``(m,)`` numbers of the prediction.
        expected: ``(n,)`` numbers of the truth.
        where, against: what the two are, for the error.
    Raises:
        DataError: naming the first row that differs.
    Example:
        >>> check_index(np.array([3, 5]), np.array([5, 3]))
        Traceback (most recent call last):
        carpus.errors.DataError: frame numbers differ at row 0: 3 in the prediction, 5 in the split; ...
    """
    shared = min(len(found), len(expected))
    differ = np.flatnonzero(np.asarray(found[:shared]) != np.asarray(expected[:shared]))
    if len(differ):
        row = int(differ[0])
        raise DataError(
            f"frame numbers differ at row {row}: {found[row]} in {where}, {expected[row]} in {against}; "
            f"{len(differ)} of {shared} rows differ, bring both into one order"
        )
    if len(found) != len(expected):
        longer = found if len(found) > shared else expected
        raise DataError(
            f"{where} has {len(found)} frames, {against} has {len(expected)}; frame {longer[shared]} at row "
            f"{shared} is the first that only one of them has"
        )


def frame_numbers(names: Sequence[str]) -> np.ndarray:
    """Frame numbers of record keys or image names: the digits each ends with.

    Args:
        names: such as ``test/image_D00000007`` or ``depth_1_0000007.png``.
    Returns:
        ``(m,)`` int32; 1, 2, … where the names have no numbers or repeat them.
    Example:
        >>> frame_numbers(["test/image_D00000007", "image_D00000012.png"])
        array([ 7, 12], dtype=int32)
        >>> frame_numbers(["P0/1/07", "P1/1/07"])
        array([1, 2], dtype=int32)
    """
    found = [TRAILING_NUMBER.search(name) for name in names]
    numbers = [int(match[1]) for match in found if match]
    if len(set(numbers)) < len(names) or max(numbers, default=0) > np.iinfo(np.int32).max:
        return np.arange(1, len(names) + 1, dtype=np.int32)
    return np.array(numbers, dtype=np.int32)
