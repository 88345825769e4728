import json
import multiprocessing
import os
import pickle
import resource
import signal

import numpy as np
import pytest

from carpus.data import packing
from carpus.data.packing import pack, stats, verify
from carpus.data.records import decode_record, encode_record
from carpus.data.sources import ICVL, MSRA
from carpus.data.store import Store, close_environment, exists
from carpus.errors import DataError, StoreError
from carpus.types import Record


@pytest.fixture
def source(tiny, tmp_path):
    tiny.msra(tmp_path / "tree", subjects=[0, 1], frames=1)
    return MSRA(tmp_path / "tree", subjects=[0, 1])


@pytest.fixture
def small_batches(monkeypatch):
    monkeypatch.setattr(packing, "BATCH", 4)


def com(record):
    return {"com_mm": np.asarray(record.fields["joints_cam_mm"]).mean(0)}


def same(a: Record, b: Record) -> bool:
    return (
        (a.key, a.images) == (b.key, b.images)
        and a.fields.keys() == b.fields.keys()
        and all(np.array_equal(a.fields[name], b.fields[name]) for name in a.fields)
    )


def content(folder):
    paths = sorted(p for p in folder.rglob("*") if p.is_file())
    return {str(p.relative_to(folder)): p.read_bytes() for p in paths}


def test_a_record_survives_encoding():
    record = Record(
        "P3/1/000123",
        {"depth": b"\x00\xff", "empty": b""},
        {
            "a": np.arange(6, dtype=np.float32).reshape(2, 3),
            "flag": np.array([True, False]),
            "n": 3,
            "s": "ü",
        },
    )
    back = decode_record(encode_record(record))
    assert same(record, back)
    assert back.fields["a"].dtype == np.float32
    assert back.fields["a"].flags.writeable


def test_packed_records_equal_the_source(source, tmp_path):
    seen = []
    pack(source, tmp_path / "store", "msra", com, {"x": 1}, lambda *p: seen.append(p))
    store = Store(tmp_path / "store")
    assert len(store) == len(source) == 34
    assert all(same(store[i], source[i]) for i in range(34))
    assert [store.key(i) for i in (0, 33)] == ["P0/1/000000", "P1/Y/000000"]
    assert store.position("P1/TIP/000000") == 32
    assert "P1/TIP/000000" in store
    assert "P2/TIP/000000" not in store
    assert store.column("subject").tolist() == [0] * 17 + [1] * 17
    np.testing.assert_array_equal(store.column("com_mm")[5], source[5].fields["joints_cam_mm"].mean(0))
    assert seen[-1] == (34, 34)
    assert verify(store) == []
    found = stats(store)
    assert found["records"] == found["published"] == 34
    assert found["column subject"] == "0 … 1"
    assert found["options"] == "x=1"
    with pytest.raises(StoreError, match="no column"):
        store.column("nothing")
    with pytest.raises(KeyError, match="P9"):
        store.position("P9/1/000000")


def test_two_processes_write_the_same_bytes(source, tmp_path, small_batches):
    pack(source, tmp_path / "one", "msra", com)
    pack(source, tmp_path / "two", "msra", com, processes=2)
    assert content(tmp_path / "one") == content(tmp_path / "two")


def test_an_interrupted_pack_is_nothing_and_resumes(source, tmp_path, small_batches):
    def interrupt(done, total):
        if done >= 12:
            raise KeyboardInterrupt

    reads = []
    with pytest.raises(KeyboardInterrupt):
        pack(source, tmp_path / "store", "msra", com, progress=interrupt)
    assert not exists(tmp_path / "store")
    with pytest.raises(StoreError, match="carpus pack"):
        Store(tmp_path / "store")
    counting = lambda record: reads.append(record.key) or com(record)  # noqa: E731
    pack(source, tmp_path / "store", "msra", counting)
    assert len(reads) == 34 - 12
    pack(source, tmp_path / "whole", "msra", com)
    resumed, whole = Store(tmp_path / "store"), Store(tmp_path / "whole")
    assert all(same(resumed[i], whole[i]) for i in range(34))
    np.testing.assert_array_equal(resumed.column("com_mm"), whole.column("com_mm"))
    assert not list(tmp_path.glob(".store.partial"))


def test_a_killed_pack_resumes(source, tmp_path, small_batches):
    def run():
        pack(
            source, tmp_path / "store", "msra", com, progress=lambda d, t: d >= 8 and os.kill(os.getpid(), 9)
        )

    process = multiprocessing.get_context("fork").Process(target=run)
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    first = []
    pack(source, tmp_path / "store", "msra", com, progress=lambda d, t: first.append(d))
    assert first[0] == 8
    assert verify(Store(tmp_path / "store")) == []


def test_a_partial_store_of_another_tree_is_discarded(source, tmp_path, small_batches):
    def interrupt(done, total):
        if done >= 8:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        pack(source, tmp_path / "store", "msra", com, progress=interrupt)
    (tmp_path / "tree/P0/1/note.txt").write_text("changed")
    seen = []
    pack(source, tmp_path / "store", "msra", com, progress=lambda d, t: seen.append(d))
    assert seen[0] == 0


def flip(folder, needle):
    path = folder / "data.mdb"
    data = bytearray(path.read_bytes())
    at = data.find(needle)
    assert at > 0
    data[at + 5] ^= 1
    path.write_bytes(data)


def test_a_flipped_byte_is_found_and_named(source, tmp_path):
    pack(source, tmp_path / "store", "msra", com)
    flip(tmp_path / "store", source[7].images["depth"])
    store = Store(tmp_path / "store")
    damaged = verify(store)
    assert [(d.position, d.key) for d in damaged] == [(7, "P0/8/000000")]
    with pytest.raises(StoreError, match=r"record 'P0/8/000000'.*carpus pack msra"):
        store[7]
    assert same(store[8], source[8])


def test_a_damaged_header_still_gives_the_key(source, tmp_path):
    pack(source, tmp_path / "store", "msra", com)
    flip(tmp_path / "store", b'["P0/3/000000"')
    with pytest.raises(StoreError, match="P0/3/000000"):
        Store(tmp_path / "store")[2]


def test_another_format_version_is_refused(source, tmp_path):
    pack(source, tmp_path / "store", "msra", com)
    path = tmp_path / "store/meta.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "format": 0}))
    with pytest.raises(StoreError, match=r"format 0, this version reads 1.*carpus pack msra"):
        Store(tmp_path / "store")


def test_two_records_of_one_key_are_refused(tiny, tmp_path):
    tiny.icvl(tmp_path)
    labels = tmp_path / "Training/labels.txt"
    labels.write_text(labels.read_text() + labels.read_text().splitlines()[0] + "\n")
    with pytest.raises(StoreError, match="two records have the key 'train/a/image_0000'"):
        pack(ICVL(tmp_path, "train"), tmp_path / "store", "icvl")


def test_a_truncated_file_is_named_while_packing(msra, tmp_path):
    path = tmp_path / "tree/P1/RP/000001_depth.bin"
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(DataError, match=r"P1/RP/000001_depth\.bin: .*truncated"):
        msra().pack("all")
    assert not exists(tmp_path / "packs/msra/all")


def test_a_full_disk_is_a_clear_error_and_packing_continues_later(source, tmp_path, small_batches):
    def run(queue):
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (150_000, resource.RLIM_INFINITY))
        try:
            pack(source, tmp_path / "store", "msra", com)
        except StoreError as error:
            queue.put(str(error))

    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    process = context.Process(target=run, args=(queue,))
    process.start()
    message = queue.get(timeout=30)
    process.join()
    assert "stopped after" in message
    assert "it continues from there" in message
    assert not exists(tmp_path / "store")
    seen = []
    pack(source, tmp_path / "store", "msra", com, progress=lambda d, t: seen.append(d))
    assert seen[0] > 0
    assert verify(Store(tmp_path / "store")) == []


def read_key(store):
    return store[3].key


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_an_open_store_travels_to_other_processes(source, tmp_path, method):
    pack(source, tmp_path / "store", "msra", com)
    store = Store(tmp_path / "store")
    assert store[3].key == "P0/4/000000"  # opened here before the others start
    with multiprocessing.get_context(method).Pool(2) as pool:
        assert pool.map(read_key, [store] * 4) == ["P0/4/000000"] * 4
    assert len(pickle.dumps(store)) < 2000


def test_two_stores_of_one_folder_share_a_handle(source, tmp_path):
    pack(source, tmp_path / "store", "msra", com)
    (tmp_path / "link").symlink_to(tmp_path / "store")
    first, second = Store(tmp_path / "store"), Store(tmp_path / "link")
    assert first[0].key == second[0].key
    first.close()
    assert second[1].key == "P0/2/000000"
    close_environment(tmp_path / "store")
