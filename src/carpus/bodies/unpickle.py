"""Read pickles, ``.npz`` and ``.npy`` from elsewhere without running anything that is written in them.

A pickle may name any callable of any installed package. Here every name is looked up in a short table; what
stands for an array, a sparse matrix or a chumpy array is held by inert stubs (:mod:`carpus.bodies.stubs`) and
turned into values of our own making at the end.
"""

from __future__ import annotations

import io
import pickle
import zipfile
import zlib
from collections import OrderedDict
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import IO, Any

import numpy as np

from carpus.bodies import stubs
from carpus.errors import DataError

_ALLOWED_TEXT = "numpy arrays, scipy sparse matrices, chumpy arrays and plain containers"
_SCALARS = (
    "bool_",
    *(f"{kind}{bits}" for kind in ("int", "uint") for bits in (8, 16, 32, 64)),
    "float32",
    "float64",
)
_NUMPY = ("numpy.core", "numpy._core")


def _table() -> dict[tuple[str, str], Callable[..., Any]]:
    """Every name a pickle may use, and what it gets for it."""
    table: dict[tuple[str, str], Callable[..., Any]] = {
        ("numpy", "ndarray"): stubs.ArrayStub,
        ("numpy", "dtype"): stubs.DtypeStub,
        ("_codecs", "encode"): stubs.Sealed(stubs.encode),
        ("collections", "OrderedDict"): OrderedDict,
        ("copy_reg", "_reconstructor"): stubs.Sealed(stubs.reconstructor),
        ("copyreg", "_reconstructor"): stubs.Sealed(stubs.reconstructor),
    }
    for package in _NUMPY:
        table[package + ".multiarray", "_reconstruct"] = stubs.Sealed(stubs.reconstruct)
        table[package + ".multiarray", "scalar"] = stubs.Sealed(stubs.scalar)
        table[package + ".numeric", "_frombuffer"] = stubs.Sealed(stubs.from_buffer)
    for builtins in ("__builtin__", "builtins"):
        table[builtins, "bytes"] = stubs.Sealed(stubs.encode)
        for kind in (set, frozenset, complex, object):
            table[builtins, kind.__name__] = kind
    return table | {("numpy", name): getattr(np, name) for name in _SCALARS}


_TABLE = _table()


class RefusedError(pickle.UnpicklingError):
    """A pickle that names something other than data."""


class ArrayUnpickler(pickle.Unpickler):
    """An unpickler that makes arrays, sparse matrices and plain containers, and nothing else.

    ``load`` may give back stubs; :func:`read_pickle` is what callers want. Pickles of Python 2 are read as
    latin-1.

    Args:
        file: binary stream.
    """

    def __init__(self, file: IO[bytes]) -> None:
        super().__init__(file, encoding="latin1")

    def find_class(self, module: str, name: str) -> Any:
        """What a name in the pickle stands for here.

        Raises:
            RefusedError: for every name that is not data.
        """
        found = _TABLE.get((module, name)) or stubs.stub_class(module, name)
        if found is None:
            raise RefusedError(f"it asks for '{module}.{name}'; only {_ALLOWED_TEXT} are read")
        return found


def read_pickle(file: Path | IO[bytes], name: str | None = None) -> Any:
    """The content of a pickle: plain containers of numbers, text, arrays and sparse matrices.

    Chumpy arrays come back as arrays without chumpy. A chumpy expression whose value is not stored comes back
    as :class:`carpus.bodies.stubs.Unread`, so that the rest of the file stays readable.

    Args:
        file: path or binary stream.
        name: what errors call it; the path by default.
    Raises:
        DataError: naming the file and what it asks for, or that it is damaged.
    Example:
        >>> read_pickle(io.BytesIO(pickle.dumps({"v": np.arange(3)})))
        {'v': array([0, 1, 2])}
        >>> read_pickle(io.BytesIO(pickle.dumps(print)), "evil.pkl")
        Traceback (most recent call last):
        carpus.errors.DataError: evil.pkl: not read, it asks for 'builtins.print'; only numpy arrays, ...
    """
    if isinstance(file, Path):
        try:
            with file.open("rb") as stream:
                return read_pickle(stream, name or str(file))
        except OSError as error:
            raise DataError(f"{file}: cannot be read: {error.strerror or error}") from None
    label = name or "pickle"
    try:
        return stubs.plain(ArrayUnpickler(file).load())
    except RefusedError as error:
        raise DataError(f"{label}: not read, {error}") from None
    except MemoryError:
        raise DataError(f"{label}: claims more data than memory holds; the file is damaged") from None
    # A damaged pickle can fail in any opcode, and so with nearly any error.
    except Exception as error:
        raise DataError(
            f"{label}: damaged or not a pickle ({type(error).__name__}: {error}); was the download complete?"
        ) from None


def read_npy(file: IO[bytes], name: str) -> Any:
    """The array of an ``.npy`` stream; one that holds objects goes through the restricted unpickler.

    Args:
        file: binary stream.
        name: what errors call it.
    Returns:
        An array; a lone object (how ``np.save`` stores a dict) comes without its wrapping.
    Raises:
        DataError: naming the file, if it is damaged or asks for more than data.
    """
    data = io.BytesIO(file.read())
    try:
        version = np.lib.format.read_magic(data)
        header = (
            np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        )
        shape, _, dtype = header(data)
        if not dtype.hasobject:
            data.seek(0)
            return np.lib.format.read_array(data, allow_pickle=False)
    except (ValueError, EOFError, MemoryError) as error:
        raise DataError(f"{name}: damaged or not a NumPy file ({error})") from None
    if dtype != np.dtype(object):
        raise DataError(f"{name}: not read, records that hold objects; only {_ALLOWED_TEXT} are")
    objects = read_pickle(data, name)
    if not isinstance(objects, np.ndarray) or objects.size != int(np.prod(shape)):
        raise DataError(f"{name}: damaged, the header promises objects of shape {shape}")
    return objects.reshape(-1)[0] if shape == () else objects.reshape(shape)


def read_npz(path: Path, keys: Iterable[str] | None = None) -> dict[str, Any]:
    """The arrays of an ``.npz`` file.

    Args:
        path: the file.
        keys: read only these, as far as they are there; everything by default.
    Raises:
        DataError: naming file and member, if it is damaged or asks for more than data.
    """
    wanted = None if keys is None else set(keys)
    found = {}
    try:
        with zipfile.ZipFile(path) as archive:
            for member in archive.namelist():
                key = member.removesuffix(".npy")
                if member != key and (wanted is None or key in wanted):
                    with archive.open(member) as stream:
                        found[key] = read_npy(stream, f"{path}: {key}")
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
        raise DataError(
            f"{path}: damaged or not an .npz file ({error}); was the download complete?"
        ) from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror or error}") from None
    return found


def read_arrays(path: Path, keys: Iterable[str] | None = None) -> dict[str, Any]:
    """The named values of a ``.pkl``, ``.npz`` or ``.npy`` file.

    Args:
        path: the file; its ending says how it is read.
        keys: of an ``.npz`` file read only these; others are read whole.
    Raises:
        DataError: if it is missing, damaged, asks for more than data, or holds no dictionary.
    """
    if not path.is_file():
        raise DataError(f"{path}: no such file")
    if path.suffix == ".npz":
        return read_npz(path, keys)
    if path.suffix == ".npy":
        with path.open("rb") as stream:
            content = read_npy(stream, str(path))
    else:
        content = read_pickle(path)
    if not isinstance(content, dict):
        raise DataError(f"{path}: holds {type(content).__name__}, a dictionary of arrays was expected")
    return content
