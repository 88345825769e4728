"""What a pickle gets in place of numpy, scipy and chumpy objects: inert stubs, made into values at the end.

Nothing here interprets raw memory: numbers come from bytes through ``np.frombuffer`` with a checked plain
dtype, sparse matrices are checked entry by entry.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import scipy.sparse

_CODE = re.compile(r"[<>=|]?([biufcSUO?])\d*")
_SPARSE = re.compile(r"(csc|csr|coo)_(matrix|array)")


@dataclass(frozen=True)
class Unread:
    """A value the file describes but does not hold: a chumpy expression other than reordering.

    Args:
        name: the class the file names.
    """

    name: str


class Stub:
    """Base of everything a pickle may fill with state."""

    def __new__(cls, *args: Any) -> Any:
        """An empty stub, whatever the pickle passes."""
        return super().__new__(cls)

    def __init__(self, *args: Any) -> None:
        self.state: dict[str, Any] = {}

    def __setstate__(self, state: Any) -> None:
        """Keep the state; a pair is (attributes, slots)."""
        content = state[0] if isinstance(state, tuple) and state else state
        if not isinstance(content, dict):
            raise ValueError(f"{type(self).__name__} holds {type(content).__name__}, not attributes")
        self.state = content

    def value(self, convert: Callable[[Any], Any]) -> Any:
        """What it stands for; ``convert`` turns nested stubs into values."""
        raise NotImplementedError


class DtypeStub(Stub):
    """``numpy.dtype``: only plain numbers, text and objects, never records."""

    def __init__(self, code: Any = "", *_: Any) -> None:
        match = _CODE.fullmatch(code) if isinstance(code, str) else None
        if match is None:
            raise ValueError(f"arrays of type {code!r} are not read")
        self.dtype = np.dtype(object) if match.group(1) == "O" else np.dtype(code)

    def __setstate__(self, state: Any) -> None:
        """Take over the byte order: version, order, sub-array, names, fields."""
        if any(part is not None for part in state[2:5]):
            raise ValueError("arrays of records are not read")
        if state[1] in ("<", ">"):
            self.dtype = self.dtype.newbyteorder(state[1])

    def value(self, convert: Callable[[Any], Any]) -> np.dtype:
        """The dtype."""
        return self.dtype


class ArrayStub(Stub):
    """``numpy.ndarray`` pickled through its state."""

    def __init__(self, *_: Any) -> None:
        self.array: np.ndarray = np.empty(0)

    def __setstate__(self, state: Any) -> None:
        """Version, shape, dtype, whether columns come first, data."""
        shape, dtype, fortran, data = state[-4:]
        order = "F" if fortran else "C"
        if dtype.dtype.hasobject:
            if not isinstance(data, list):
                raise ValueError("an array of objects without objects")
            flat = np.empty(len(data), object)
            for index, item in enumerate(data):
                flat[index] = item
            self.array = flat.reshape(shape, order=order)
        else:
            self.array = _numbers(data, dtype.dtype, shape).reshape(shape, order=order)

    def value(self, convert: Callable[[Any], Any]) -> np.ndarray:
        """The array, its objects converted."""
        if self.array.dtype.hasobject:
            for index, item in enumerate(self.array.flat):
                self.array.flat[index] = convert(item)
        return self.array


def _numbers(data: Any, dtype: np.dtype, shape: tuple[int, ...]) -> np.ndarray:
    """Bytes as a flat array of its own."""
    if dtype.hasobject:
        raise ValueError("objects given as bytes")
    raw = data.encode("latin1") if isinstance(data, str) else data
    count = math.prod(shape)
    if count == 0 or dtype.itemsize == 0:
        return np.zeros(count, dtype)
    if len(raw) != count * dtype.itemsize:
        raise ValueError(f"an array of shape {shape} and type {dtype} with {len(raw)} bytes")
    return np.frombuffer(raw, dtype).copy()


class ChumpyStub(Stub):
    """A chumpy array, or one of the expressions that only reorder an array."""

    chumpy_name: ClassVar[str] = ""

    def value(self, convert: Callable[[Any], Any]) -> Any:
        """The array, or :class:`Unread`."""
        attributes = self.state
        kind = self.chumpy_name.rsplit(".", 1)[-1]
        if kind == "Ch" and "x" in attributes:
            return np.asarray(convert(attributes["x"]))
        inner = convert(attributes["a"]) if "a" in attributes else None
        if not isinstance(inner, np.ndarray):
            return Unread(self.chumpy_name)
        if kind == "Select" and "idxs" in attributes:
            picked = inner.ravel()[np.asarray(convert(attributes["idxs"])).ravel()]
            shape = attributes.get("preferred_shape")
            return picked if shape is None else picked.reshape(convert(shape))
        if kind == "Reshape" and "newshape" in attributes:
            return inner.reshape(convert(attributes["newshape"]))
        if kind == "transpose":
            return np.ascontiguousarray(np.transpose(inner, convert(attributes.get("axes"))))
        return Unread(self.chumpy_name)


class SparseStub(Stub):
    """A scipy sparse matrix of any release."""

    layout: ClassVar[str] = ""

    def value(self, convert: Callable[[Any], Any]) -> Any:
        """The matrix in its own layout."""
        state = {key.lstrip("_"): convert(item) for key, item in self.state.items()}
        if self.layout == "coo":
            entries = state["coords"] if "coords" in state else (state["row"], state["col"])
            return scipy.sparse.coo_matrix((state["data"], tuple(entries)), shape=state["shape"])
        make = scipy.sparse.csc_matrix if self.layout == "csc" else scipy.sparse.csr_matrix
        matrix = make((state["data"], state["indices"], state["indptr"]), shape=state["shape"])
        # Without the full check a wrong index would be followed outside the matrix.
        matrix.check_format(full_check=True)
        return matrix


class Sealed:
    """A function a pickle may call but not change.

    Args:
        function: what to call.
    """

    __slots__ = ("_function",)

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function

    def __call__(self, *args: Any) -> Any:
        """The function's answer."""
        return self._function(*args)

    def __setstate__(self, state: Any) -> None:
        """Refuse what a pickle would write into it."""
        raise ValueError("state for a function")


def stub_class(module: str, name: str) -> type[Stub] | None:
    """The stub of a chumpy or scipy class; None for every other name."""
    if module.split(".")[0] == "chumpy" and name.isidentifier():
        return type("ChumpyStub", (ChumpyStub,), {"chumpy_name": f"{module}.{name}"})
    match = _SPARSE.fullmatch(name)
    if module.startswith("scipy.sparse") and match is not None:
        return type("SparseStub", (SparseStub,), {"layout": match.group(1)})
    return None


def reconstruct(kind: Any, *_: Any) -> ArrayStub:
    """``numpy.core.multiarray._reconstruct``: an array that gets its state later."""
    if kind is not ArrayStub:
        raise ValueError("arrays of a class of their own are not read")
    return ArrayStub()


def reconstructor(kind: Any, *_: Any) -> Stub:
    """``copy_reg._reconstructor``: an object of Python 2 that gets its state later."""
    if not (isinstance(kind, type) and issubclass(kind, Stub)):
        raise ValueError(f"objects of {kind!r} are not read")
    return kind()


def scalar(dtype: DtypeStub, data: Any = b"") -> Any:
    """``numpy.core.multiarray.scalar``: one number."""
    return _numbers(data, dtype.dtype, (1,))[0]


def from_buffer(data: Any, dtype: DtypeStub, shape: Any, order: str, axes: Any = None) -> np.ndarray:
    """``numpy.core.numeric._frombuffer``: an array of pickle protocol 5."""
    flat = _numbers(data, dtype.dtype, shape)
    if order == "K" and axes is not None:
        return flat.reshape(shape).transpose(axes)
    return flat.reshape(shape, order="F" if order == "F" else "C")


def encode(text: str = "", codec: str = "latin1") -> bytes:
    """``_codecs.encode``, and ``bytes`` without content: how old protocols spell bytes."""
    if codec.lower().replace("-", "") not in ("latin1", "iso88591", "ascii"):
        raise ValueError(f"text coding {codec!r} is not read")
    return text.encode("latin1")


def plain(content: Any) -> Any:
    """Loaded content with every stub replaced by its value; ordered dictionaries become plain ones.

    What the content refers to several times is converted once and stays shared.
    """
    known: dict[int, Any] = {}

    def convert(item: Any) -> Any:
        if not isinstance(item, Stub | dict | list | tuple | set | frozenset):
            return item
        if id(item) not in known:
            if isinstance(item, Stub):
                known[id(item)] = item.value(convert)
            elif isinstance(item, dict):
                known[id(item)] = {convert(key): convert(value) for key, value in item.items()}
            else:
                known[id(item)] = type(item)(convert(part) for part in item)
        return known[id(item)]

    return convert(content)
