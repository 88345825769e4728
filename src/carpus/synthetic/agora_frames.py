"""Data frames as pandas pickles them, written without pandas; every release since 1.0 reads them."""

from __future__ import annotations

import pickle
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

_PROTOCOL = 3
_NEW = pickle.EMPTY_TUPLE + pickle.NEWOBJ


def frame_bytes(columns: Mapping[str, Sequence[Any]]) -> bytes:
    """The pickle of a data frame whose columns hold any objects.

    Args:
        columns: name to values, equally many.
    Example:
        >>> b"pandas.core.frame" in frame_bytes({"imgPath": ["a.png"]})
        True
    """
    names = list(columns)
    rows = len(next(iter(columns.values())))
    values = np.empty((len(names), rows), object)
    for column, name in enumerate(names):
        for row, value in enumerate(columns[name]):
            values[column, row] = value
    axes: list[list[Any]] = [names, list(range(rows))]
    block = {"values": values, "mgr_locs": np.arange(len(names))}
    # The form of older releases: newer ones read it, and it says everything in plain containers.
    state = ([], [], [], {"0.14.1": {"axes": axes, "blocks": [block]}})
    manager = _instance("pandas.core.internals.managers", "BlockManager", _plain(state))
    content = pickle.EMPTY_DICT + pickle.MARK + _plain("_data") + manager
    content += _plain("_typ") + _plain("dataframe") + _plain("_metadata") + _plain([]) + pickle.SETITEMS
    return (
        pickle.PROTO + bytes([_PROTOCOL]) + _instance("pandas.core.frame", "DataFrame", content) + pickle.STOP
    )


def write_frame(path: Path, columns: Mapping[str, Sequence[Any]]) -> None:
    """A data frame's file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(frame_bytes(columns))


def _instance(module: str, name: str, state: bytes) -> bytes:
    return pickle.GLOBAL + f"{module}\n{name}\n".encode() + _NEW + state + pickle.BUILD


def _plain(value: Any) -> bytes:
    """A pickle without its frame; each numbers what it remembers anew."""
    content = pickle.dumps(value, protocol=_PROTOCOL)[2:-1]
    # The name that releases of NumPy before 2 have for the same module; later ones know both.
    return content.replace(b"cnumpy._core.", b"cnumpy.core.")
