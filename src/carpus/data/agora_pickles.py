"""Read AGORA's pickles without running anything that is written in them: data frames and fitted bodies.

AGORA publishes its annotation as data frames that pandas pickled. A data frame is a few arrays with names;
what the pickle calls pandas' classes for is told to inert stubs, so that pandas need not be installed and no
release of it refuses the file of another. Tensors of torch come back as arrays.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from carpus.bodies import stubs
from carpus.bodies.unpickle import ArrayUnpickler, RefusedError
from carpus.errors import DataError


class AgoraUnpickler(ArrayUnpickler):
    """Admits also data frames of pandas and tensors of torch."""

    def find_class(self, module: str, name: str) -> Any:
        """What a name in the pickle stands for here.

        Raises:
            RefusedError: for every name that is not data.
        """
        if found := _TABLE.get((module.split(".")[0], name)):
            return found
        try:
            return super().find_class(module, name)
        except RefusedError:
            if module.split(".")[0] in ("pandas", "pyarrow"):
                raise RefusedError(
                    f"it asks for '{module}.{name}', a kind of column that is not read; write it again with "
                    "pandas: frame.astype(object).to_pickle(file)"
                ) from None
            raise


@dataclass(frozen=True)
class Frame:
    """A table: one row per picture.

    Args:
        path: the file.
        columns: name to values, all equally many; a value that is a list has one entry per person.
    """

    path: Path
    columns: dict[str, list[Any]]

    def __len__(self) -> int:
        return len(next(iter(self.columns.values()), []))

    def __contains__(self, name: str) -> bool:
        return name in self.columns

    def column(self, name: str) -> list[Any]:
        """Values of a column.

        Raises:
            DataError: listing the columns if there is none of that name.
        """
        if name not in self.columns:
            raise DataError(f"{self.path} has no column '{name}', only {', '.join(sorted(self.columns))}")
        return self.columns[name]

    def people(self, row: int, name: str) -> list[Any]:
        """Values of all people of a row.

        Raises:
            DataError: naming row and column where they are not a list.
        """
        values = self.column(name)[row]
        if not isinstance(values, list | tuple | np.ndarray) or getattr(values, "shape", (1,)) == ():
            raise DataError(f"{self.path}: row {row}: '{name}' is {values!r}, a list of people is expected")
        return list(values)


def read_frame(path: Path) -> Frame:
    """A data frame as AGORA publishes it, written by any release of pandas.

    Args:
        path: a pickle.
    Raises:
        DataError: naming the file and what is wrong with it.
    """
    content = _read(path)
    if not isinstance(content, dict):
        raise DataError(f"{path}: holds {type(content).__name__}, a data frame of AGORA was expected")
    columns = {str(name): list(values) for name, values in content.items()}
    counts = {len(values) for values in columns.values()}
    if len(counts) > 1:
        raise DataError(f"{path}: columns have {sorted(counts)} rows; the file is damaged")
    return Frame(path, columns)


def read_fit(path: Path) -> dict[str, np.ndarray]:
    """The parameters of a fitted body.

    Args:
        path: a pickle of a dictionary.
    Returns:
        Its numbers as float64 arrays; other entries, such as ``gender``, are left out.
    Raises:
        DataError: naming the file and what is wrong with it.
    """
    content = _read(path)
    if not isinstance(content, dict):
        raise DataError(f"{path}: holds {type(content).__name__}, a dictionary of parameters was expected")
    numbers = {}
    for name, value in content.items():
        array = np.asarray(value)
        if array.dtype.kind in "fiu":
            numbers[str(name)] = array.astype(np.float64)
    return numbers


def _read(path: Path) -> Any:
    try:
        with path.open("rb") as file:
            return stubs.plain(AgoraUnpickler(file).load())
    except FileNotFoundError:
        raise DataError(f"{path}: no such file") from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror or error}") from None
    except RefusedError as error:
        raise DataError(f"{path}: not read, {error}") from None
    except MemoryError:
        raise DataError(f"{path}: needs more memory than there is, or is damaged") from None
    # A damaged pickle can fail in any opcode, and so with nearly any error.
    except Exception as error:
        raise DataError(
            f"{path}: damaged or not such a pickle ({type(error).__name__}: {error}); was the download whole?"
        ) from None


class _DataFrame(stubs.Stub):
    """``DataFrame``: its blocks under the name that its release has for them."""

    def value(self, convert: Callable[[Any], Any]) -> dict[str, list[Any]]:
        """Name to values."""
        manager = self.state.get("_mgr", self.state.get("_data"))
        if not isinstance(manager, _Manager):
            raise ValueError("a data frame without blocks")
        names, blocks = convert(manager.axes[0]), convert(manager.blocks)
        found: dict[str, list[Any]] = {}
        for values, places in blocks:
            for row, place in enumerate(np.arange(len(names))[places]):
                found[str(names[place])] = list(values[row])
        return {str(name): found[str(name)] for name in names}


class _Manager(stubs.Stub):
    """``BlockManager``: blocks and axes, as arguments or in the state of older releases."""

    def __init__(self, *given: Any) -> None:
        self.blocks, self.axes = (list(part) for part in given[:2]) if len(given) >= 2 else ([], [])

    def __setstate__(self, state: Any) -> None:
        """Take over ``(axes, values, items, {version: {axes, blocks}})``."""
        if state is None:
            return
        content = state[3]["0.14.1"]
        self.axes = list(content["axes"])
        self.blocks = [_block(block["values"], block["mgr_locs"]) for block in content["blocks"]]

    def value(self, convert: Callable[[Any], Any]) -> _Manager:
        """Itself: the data frame reads it."""
        return self


class _Index(stubs.Stub):
    """``Index``: names of columns or numbers of rows."""

    def __init__(self, *_: Any) -> None:
        self.content: dict[str, Any] = {}

    def value(self, convert: Callable[[Any], Any]) -> list[Any]:
        """Its values."""
        if "data" in self.content:
            return list(convert(self.content["data"]))
        return list(range(*(int(self.content[name]) for name in ("start", "stop", "step"))))


class _Strings(stubs.Stub):
    """``StringArray`` and what else keeps an array inside."""

    def __setstate__(self, state: Any) -> None:
        """``(type, array, attributes)``, or attributes with the array under a name."""
        parts = list(state.values()) if isinstance(state, dict) else list(state)
        self.array = next(part for part in parts if isinstance(part, stubs.ArrayStub | np.ndarray))

    def value(self, convert: Callable[[Any], Any]) -> np.ndarray:
        """The array."""
        return convert(self.array)


class _Ignored(stubs.Stub):
    """What says nothing about values: types, flags."""

    def __setstate__(self, state: Any) -> None:
        """Forget it."""

    def value(self, convert: Callable[[Any], Any]) -> None:
        """Nothing."""


class _Block(stubs.Stub):
    """Values of some columns and where these are."""

    def __init__(self, values: Any = None, places: Any = None, *_: Any) -> None:
        self.values, self.places = values, places

    def value(self, convert: Callable[[Any], Any]) -> tuple[Any, Any]:
        """Values by column, and a slice or the columns' places."""
        values, places = convert(self.values), convert(self.places)
        # A column with a type of its own is kept as a plain array.
        return (values if values.ndim == 2 else values[None]), places


def _block(values: Any, places: Any, *_: Any) -> _Block:
    return _Block(values, places)


def _index(kind: Any, content: Any) -> _Index:
    if kind is not _Index or not isinstance(content, dict):
        raise ValueError("an index of another kind")
    made = _Index()
    made.content = content
    return made


def _backed(kind: Any, *_: Any) -> _Strings:
    if kind is not _Strings:
        raise ValueError("an array of another kind")
    return _Strings()


def _tensor(storage: Any, offset: int, size: Any, stride: Any, *_: Any) -> np.ndarray:
    """``torch._utils._rebuild_tensor``: a view of a storage, copied."""
    import torch

    if not isinstance(storage, torch.TypedStorage):
        raise ValueError("a tensor without numbers")
    size, stride = tuple(size), tuple(stride)
    last = offset + sum((count - 1) * step for count, step in zip(size, stride, strict=True))
    with warnings.catch_warnings():
        # There is no other way to the numbers of a file in torch's old form.
        warnings.filterwarnings("ignore", message="TypedStorage")
        if not (offset >= 0 and min((*size, *stride), default=0) >= 0 and last < len(storage)):
            raise ValueError("a tensor that is larger than its numbers")
        return torch.empty(0, dtype=storage.dtype).set_(storage, offset, size, stride).clone().numpy()


def _parameter(data: Any, *_: Any) -> Any:
    return data


def _storage(data: bytes) -> Any:
    """``torch.storage._load_from_bytes``, but nothing except tensors is made."""
    import torch

    return torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)


_TABLE: dict[tuple[str, str], Any] = {
    ("pandas", "DataFrame"): _DataFrame,
    ("pandas", "BlockManager"): _Manager,
    ("pandas", "_unpickle_block"): stubs.Sealed(_block),
    ("pandas", "BlockPlacement"): stubs.Sealed(_parameter),
    ("pandas", "_new_Index"): stubs.Sealed(_index),
    ("pandas", "__pyx_unpickle_NDArrayBacked"): stubs.Sealed(_backed),
    ("pandas", "StringArray"): _Strings,
    ("pandas", "StringDtype"): _Ignored,
    ("torch", "_rebuild_tensor_v2"): stubs.Sealed(_tensor),
    ("torch", "_rebuild_tensor"): stubs.Sealed(_tensor),
    ("torch", "_rebuild_parameter"): stubs.Sealed(_parameter),
    ("torch", "_load_from_bytes"): stubs.Sealed(_storage),
    ("builtins", "slice"): slice,
    ("__builtin__", "slice"): slice,
    **{("pandas", f"{kind}Index"): _Index for kind in ("", "Range", "Int64", "Float64", "UInt64")},
}
