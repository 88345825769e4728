"""Rows of prepared types: lossless bytes, rows that cannot be made, and how a method takes them."""

import pickle

import numpy as np
import pytest

from carpus.data.prepared import Key
from carpus.data.prepared.estimate import estimate
from carpus.data.prepared.making import Work, make_stores
from carpus.data.prepared.records import FIELD, prepared_of
from carpus.data.prepared.sparse import decode_array, encode_array
from carpus.errors import ConfigError, DataError, StoreError
from carpus.types import Record
from prepared_toy import RANGE, made, opened, store_all, stored_for

__all__ = ["made"]


@pytest.mark.parametrize("array", [
    np.zeros((4, 4, 3)),
    np.random.default_rng(0).normal(size=(9, 9, 5)) * (np.random.default_rng(1).random((9, 9, 5)) < 0.3),
    np.array([1.0, -0.0, np.nan, np.inf, 1e-45, 0.0]),
    np.random.default_rng(2).integers(0, 300, (40, 40)),
    np.random.default_rng(3).integers(0, 9, (5, 5, 5)),
], ids=["empty", "maps", "odd values", "many levels", "few levels"])  # fmt: skip
def test_no_bit_of_a_row_is_lost(array):
    array = array.astype(np.float32)
    back = decode_array(encode_array(array), array.shape)
    assert back.dtype == np.float32
    np.testing.assert_array_equal(back.view(np.uint32), array.view(np.uint32))


def test_rows_that_cannot_be_made_are_counted_and_left_to_the_method(made, caplog):
    dataset = made(cube_mm=77.0)
    text = store_all(dataset, ["pose_lab_32", "clean_64"])
    counted = int(text.splitlines()[0].partition("; ")[2].split()[0])
    store = opened(dataset, "pose_lab_32")
    missing = [position for position in range(22) if store.get(position) is None]
    assert 0 < len(missing) == counted == store.total("absent") < 22
    assert "could not be made" not in text.splitlines()[1]
    assert f"image_D{missing[0] + 1:08d}: " in caplog.text
    with pytest.raises(DataError, match=f"no array for position {missing[0]}"):
        store[missing[0]]
    assert sorted(stored_for(dataset, ["pose_lab_32", "clean_64"])[1](missing[0])) == ["clean_64"]


def test_types_made_of_joints_need_labels(made):
    dataset = made(center_source="com")
    with pytest.raises(ConfigError, match=r"edt2_32_from_clean_128: made from joints.*clean, ortho3"):
        Work.of(dataset, "test", ["clean_128", "edt2_32"])
    make_stores(Work.of(dataset, "test", ["clean_128", "frame2_64", "anchor2_8"]))
    assert opened(dataset, "clean_128", "test")[2].any()


@pytest.mark.parametrize(("types", "told"), [
    (["edt3_32"], "did you mean"), (["poses"], "holds this already"), ([], "no prepared type"),
])  # fmt: skip
def test_a_wrong_type_is_named(made, types, told):
    with pytest.raises(ConfigError, match=told):
        Work.of(made(), "train", types)


def test_a_damaged_row_is_named(made):
    dataset = made()
    store_all(dataset, ["udir2_32"])
    store = opened(dataset, "udir2_32")
    row = encode_array(store[9])
    store.store.close()
    path = store.store.folder / "data.mdb"
    data = bytearray(path.read_bytes())
    data[data.find(row) + len(row) // 2] ^= 1
    path.write_bytes(data)
    assert [position for position, wrong in store.damaged() if wrong] == [9]
    with pytest.raises(StoreError, match=r"row 9 of .*udir2_32_from_clean_128 is damaged.*--force"):
        store[9]
    assert store[8].any()


def test_the_estimate_is_what_storing_costs(made):
    work = Work.of(made(), "train", ["udir2_32", "edt2_32"])
    found, decode_ms = estimate(work, sample=22)
    make_stores(work)
    for item in found:
        rows_bytes = np.mean([len(encode_array(row)) for row in opened(made(), item.key.name)])
        assert item.rows == 22
        assert rows_bytes < item.row_bytes < rows_bytes + 100
        assert item.row_ms > 0
    assert decode_ms > 0
    assert found[0].key == Key("udir2", 32, 128)


def test_a_method_takes_what_is_stored_and_computes_the_rest(made, monkeypatch):
    dataset = made()
    store_all(dataset, ["edt2m_32", "clean_128"])
    samples, stored = stored_for(dataset, ["clean_128", "edt2m_32", "hmap2_32"], "val")
    assert sorted(stored.stores) == ["clean_128", "edt2m_32_from_clean_128"]
    stored = pickle.loads(pickle.dumps(stored))
    record, position = samples[1], int(samples.positions[1])
    fields = {FIELD + name: array for name, array in stored(position).items()}
    full = Record(record.key, record.images, {**record.fields, **fields})
    wanted = ["clean_128", "edt2m_32", "hmap2_32"]
    with_store = prepared_of(full, wanted, 120.0, RANGE)
    for name, array in prepared_of(record, wanted, 120.0, RANGE).items():
        np.testing.assert_array_equal(with_store[name], array)
    nothing = Record(record.key, {"depth": b"damaged"}, full.fields)
    assert prepared_of(nothing, wanted[:2], 120.0, RANGE)["edt2m_32"].shape == (32, 32, 21)
