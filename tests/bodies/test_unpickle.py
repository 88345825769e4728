"""The restricted unpickler: what it reads, what it refuses, and that it says so."""

from __future__ import annotations

import collections
import functools
import io
import os
import pickle
import sys
import types

import numpy as np
import pytest
import scipy.sparse

from carpus.bodies.stubs import Unread
from carpus.bodies.unpickle import read_arrays, read_npz, read_pickle
from carpus.errors import DataError


def through(content, protocol=4):
    return read_pickle(io.BytesIO(pickle.dumps(content, protocol)), "file.pkl")


ARRAYS = {
    "floats": np.arange(12.0).reshape(3, 4),
    "columns first": np.asfortranarray(np.arange(6, dtype=np.float32).reshape(2, 3)),
    "other byte order": np.arange(5, dtype=">i4"),
    "unsigned": np.array([4294967295, 0], np.uint32),
    "yes and no": np.array([[True], [False]]),
    "empty": np.empty((0, 3)),
    "one number": np.array(7.5),
    "complex": np.array([1 + 2j]),
    "text": np.array(["index", "thumb"]),
    "turned": np.arange(24.0).reshape(2, 3, 4).transpose(1, 0, 2),
}


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("name", ARRAYS)
def test_arrays_of_every_protocol_come_back(name, protocol):
    given = ARRAYS[name]
    found = through({"v": given, "again": given}, protocol)
    np.testing.assert_array_equal(found["v"], given)
    assert found["v"].dtype == given.dtype
    assert found["v"].flags.writeable
    assert found["again"] is found["v"]


@pytest.mark.parametrize("protocol", range(6))
def test_containers_scalars_and_objects_come_back(protocol):
    objects = np.array([{"a": np.arange(2)}, None, [1, "two"]], object)
    given = {
        "list": [1, 2.5, None, True, b"raw", "täxt"],
        "tuple": ({"x"}, frozenset({3})),
        "numbers": [np.float32(1.5), np.int64(-3), np.bool_(True)],
        "ordered": collections.OrderedDict(b=1, a=2),
        "objects": objects,
    }
    found = through(given, protocol)
    assert found["list"] == given["list"]
    assert found["tuple"] == given["tuple"]
    assert [type(n) for n in found["numbers"]] == [np.float32, np.int64, np.bool_]
    assert found["numbers"] == given["numbers"]
    assert found["ordered"] == {"b": 1, "a": 2}
    np.testing.assert_array_equal(found["objects"][0]["a"], [0, 1])
    assert found["objects"][1:].tolist() == [None, [1, "two"]]


@pytest.mark.parametrize("layout", ["csc", "csr", "coo"])
@pytest.mark.parametrize("protocol", [0, 2, 5])
def test_sparse_matrices_come_back(layout, protocol):
    dense = np.random.default_rng(0).random((5, 9)) * (np.random.default_rng(1).random((5, 9)) > 0.6)
    found = through(getattr(scipy.sparse, f"{layout}_matrix")(dense), protocol)
    assert found.format == layout
    np.testing.assert_array_equal(found.toarray(), dense)


@pytest.fixture
def chumpy(monkeypatch):
    """Classes that pickle like chumpy's; the module is gone when the test reads."""
    ch, reordering = types.ModuleType("chumpy.ch"), types.ModuleType("chumpy.reordering")
    for module, names in ((ch, ("Ch", "MatVecMult")), (reordering, ("Select", "Reshape", "transpose"))):
        for name in names:
            setattr(module, name, type(name, (), {"__module__": module.__name__}))
        monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setitem(sys.modules, "chumpy", types.ModuleType("chumpy"))

    def make(name, **attributes):
        made = getattr(reordering if hasattr(reordering, name) else ch, name)()
        made.__dict__.update(attributes)
        return made

    return make


@pytest.mark.parametrize("protocol", [0, 1, 2, 4])
def test_chumpy_arrays_are_read_as_arrays(chumpy, protocol, monkeypatch):
    values = np.random.default_rng(0).random((4, 3, 6))
    inner = chumpy("Ch", x=values, _dirty_vars={"x"}, _itr=None)
    picked = np.arange(values.size).reshape(values.shape)[:, :, :2].ravel()
    content = {
        "plain": inner,
        "select": chumpy("Select", a=inner, idxs=picked, preferred_shape=(4, 3, 2)),
        "reshape": chumpy("Reshape", a=inner, newshape=(12, 6)),
        "transpose": chumpy("transpose", a=inner, axes=(2, 0, 1)),
        "product": chumpy("MatVecMult", mtx=scipy.sparse.eye(3).tocsc(), vec=inner),
    }
    raw = pickle.dumps(content, protocol)
    for name in ("chumpy", "chumpy.ch", "chumpy.reordering"):
        monkeypatch.delitem(sys.modules, name)
    found = read_pickle(io.BytesIO(raw))
    np.testing.assert_array_equal(found["plain"], values)
    np.testing.assert_array_equal(found["select"], values[:, :, :2])
    np.testing.assert_array_equal(found["reshape"], values.reshape(12, 6))
    np.testing.assert_array_equal(found["transpose"], values.transpose(2, 0, 1))
    assert found["product"] == Unread("chumpy.ch.MatVecMult")


def test_python_2_pickles_are_read():
    """What Python 2 and an old NumPy write: byte strings, old module names, objects through copy_reg."""
    numbers = np.array([1.5, -2.0])
    array = (
        b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R(K\x01K\x02\x85cnumpy\ndtype\n"
        b"U\x02f8K\x00K\x01\x87R(K\x03U\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89U\x10"
        + numbers.tobytes()
        + b"tb"
    )
    old = b"ccopy_reg\n_reconstructor\n(cchumpy.ch\nCh\nc__builtin__\nobject\nNtR}U\x01x" + array + b"sb"
    found = read_pickle(io.BytesIO(b"\x80\x02}(U\x01v" + array + b"U\x01c" + old + b"U\x04nameU\x02\xe4bu."))
    np.testing.assert_array_equal(found["v"], numbers)
    np.testing.assert_array_equal(found["c"], numbers)
    assert found["name"] == "äb"


class Runs:
    """Pickles as a call."""

    def __init__(self, function, *arguments):
        self.call = (function, arguments)

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize(
    ("content", "named"),
    [
        (Runs(os.system, "false"), "system"),
        (Runs(eval, "1"), "eval"),
        (Runs(np.load, "x"), r"numpy.*load"),
        (functools.partial(int), r"functools\.partial"),
        (Runs(getattr, "", "join"), "getattr"),
        (types.SimpleNamespace(a=1), "SimpleNamespace"),
        (np.random.RandomState(0), "randomstate_ctor"),
    ],
)
@pytest.mark.parametrize("protocol", [0, 2, 5])
def test_whatever_is_not_data_is_refused_by_name(content, named, protocol):
    with pytest.raises(DataError, match=rf"file\.pkl: not read, it asks for '.*{named}'; only numpy arrays"):
        through({"v": [content]}, protocol)


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (pickle.dumps(np.zeros(2, [("a", "f4"), ("b", "O")])), "records|not read"),
        (pickle.dumps(np.arange(9.0))[:-20], "damaged"),
        (b"<!DOCTYPE html><html>please log in</html>", "damaged or not a pickle"),
        (b"", "damaged"),
        # A function's defaults must not be writable: load the function, then give it state.
        (b"\x80\x02c_codecs\nencode\nN}U\x0c__defaults__)s\x86b.", "state for a function"),
    ],
)
def test_damage_is_named(raw, message):
    with pytest.raises(DataError, match=rf"file\.pkl: .*({message})"):
        read_pickle(io.BytesIO(raw), "file.pkl")


def test_an_index_outside_a_sparse_matrix_is_refused():
    matrix = scipy.sparse.csc_matrix(np.eye(3))
    matrix.indices[1] = 1_000_000
    with pytest.raises(DataError, match="indices must be < 3"):
        through(matrix)


def test_content_shared_a_trillion_times_is_read_once():
    content = [1]
    for _ in range(40):
        content = [content, content]
    found = through(content)
    assert found[0] is found[1]


def test_npz_members_that_hold_objects_are_read_safely(tmp_path):
    path = tmp_path / "model.npz"
    parts = {"thumb": 3}
    np.savez_compressed(path, v=np.eye(3), part2num=parts, names=np.array(["a", None], object))
    found = read_npz(path)
    np.testing.assert_array_equal(found["v"], np.eye(3))
    assert found["part2num"] == parts
    assert found["names"].tolist() == ["a", None]
    assert set(read_npz(path, ["v", "missing"])) == {"v"}
    np.savez(path, v=np.eye(3), bad=np.array([Runs(os.system, "false")], object))
    with pytest.raises(DataError, match=r"model\.npz: bad: not read, it asks for '.*system'"):
        read_npz(path)
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(DataError, match=r"model\.npz: damaged"):
        read_npz(path)


def test_a_dictionary_saved_as_npy_is_read(tmp_path):
    path = tmp_path / "table.npy"
    np.save(path, {"f": np.arange(3)}, allow_pickle=True)
    np.testing.assert_array_equal(read_arrays(path)["f"], [0, 1, 2])
    np.save(path, np.arange(3))
    with pytest.raises(DataError, match="holds ndarray, a dictionary"):
        read_arrays(path)
    np.save(path, np.zeros(2, [("a", "O")]), allow_pickle=True)
    with pytest.raises(DataError, match="records that hold objects"):
        read_arrays(path)
    with pytest.raises(DataError, match="no such file"):
        read_arrays(tmp_path / "none.pkl")
