"""Stores of prepared types: equal for any number of processes, resumable, and never of another geometry."""

import multiprocessing
import os
import signal

import numpy as np
import pytest

from carpus.data.clean_splits import CleanedTenths
from carpus.data.prepared import parse_key, prepare
from carpus.data.prepared.folders import delete, list_stored, prepared_folder
from carpus.data.prepared.records import frame_of
from carpus.errors import StoreError
from prepared_toy import RANGE, computed, interrupt_at, made, opened, store_all, stored_for

__all__ = ["made"]
TYPES = ("clean_128", "edt2m_32", "pose_lab_32", "udir2_32")


def content(dataset) -> dict[str, bytes]:
    folder = prepared_folder(dataset.folder("train"))
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_stored_rows_equal_computed_ones(made):
    dataset = made()
    text = store_all(dataset, TYPES)
    assert "edt2m_32_from_clean_128: 22 rows" in text
    assert "of 462 maps are all zero" in text
    frames = [record for split in ("train", "val") for record in dataset.open(split)]
    for name in TYPES:
        store = opened(dataset, name)
        assert len(store) == len(frames) == 22
        for position, record in enumerate(frames):
            expected = prepare(frame_of(record, 120.0, RANGE), [name])[name]
            np.testing.assert_array_equal(store[position], expected)
    zero = sum((~row.any((0, 1))).sum() for row in opened(dataset, "edt2m_32"))
    assert opened(dataset, "edt2m_32").total("zero_maps") == zero > 0


def test_two_processes_write_the_same_bytes(made):
    one, two = made(packs="one"), made(packs="two")
    store_all(one, TYPES)
    store_all(two, TYPES, processes=2)
    assert len(content(one)) >= 5 * len(TYPES)
    assert content(one) == content(two)


def test_an_interrupted_store_is_nothing_and_resumes(made):
    dataset, whole = made(), made(packs="whole")
    with pytest.raises(KeyboardInterrupt):
        store_all(dataset, TYPES, progress=interrupt_at(12))
    with pytest.raises(StoreError, match=r"not finished: run carpus pack hands17 train --types clean_128"):
        opened(dataset, "clean_128")
    assert [stored.complete for stored in list_stored(dataset.folder("train"))] == [False] * 4
    seen = []
    store_all(dataset, TYPES, progress=lambda done, total: seen.append(done))
    assert seen == [12, 16, 20, 22]
    store_all(whole, TYPES)
    for name in TYPES:
        ours, theirs = opened(dataset, name), opened(whole, name)
        assert all(np.array_equal(a, b) for a, b in zip(ours, theirs, strict=True))
        np.testing.assert_array_equal(ours.centers_mm, theirs.centers_mm)
        assert ours.total("zero_maps") == theirs.total("zero_maps")


def test_a_killed_run_resumes_and_a_type_added_later_catches_up(made):
    dataset = made()

    def run():
        store_all(dataset, TYPES[:2], progress=lambda done, total: done >= 8 and os.kill(os.getpid(), 9))

    process = multiprocessing.get_context("fork").Process(target=run)
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    seen = []
    store_all(dataset, TYPES[1:], progress=lambda done, total: seen.append(done))
    assert seen[0] == 0
    assert [s.name for s in list_stored(dataset.folder("train")) if not s.complete] == ["clean_128"]
    for name in TYPES[1:]:
        found = list(opened(dataset, name))[:18]
        assert all(np.array_equal(a, b) for a, b in zip(found, computed(dataset, name), strict=True))


@pytest.mark.parametrize(("changed", "told"), [
    ({"cube_mm": 250.0}, r"dataset\.cube_mm / 2\): stored 120, wanted 125"),
    ({"range_mm": (100.0, 900.0)}, r"depth_range_mm\): stored \[100, 1060\], wanted \[100, 900\]"),
    ({"center_source": "com"}, r"center_source: stored gt, wanted com"),
])  # fmt: skip
def test_a_store_of_another_geometry_is_refused(made, changed, told):
    store_all(made(), ["edt2_32"])
    other = made(**changed)
    with pytest.raises(StoreError, match=told) as reading:
        stored_for(other, ["edt2_32", "clean_128"])
    assert "carpus pack hands17 train --types edt2_32_from_clean_128 --delete" in str(reading.value)
    with pytest.raises(StoreError, match=told):
        store_all(other, ["edt2_32"])
    store_all(other, ["edt2_32"], force=True)
    assert len(stored_for(other, ["edt2_32"])[1]) == 1


def test_other_centres_of_the_same_source_are_refused(made):
    dataset = made()
    store_all(dataset, ["clean_128"])
    samples = dataset.open("val")
    moved = samples.centers_mm()
    moved[2] += 0.5
    with pytest.raises(StoreError, match=r"1 of 4 records have another centre, the first at position 20"):
        opened(dataset, "clean_128").check_centers(samples.positions, moved)


def test_a_store_serves_other_splits_as_far_as_it_reaches(made):
    dataset, part = made(), made(splits=CleanedTenths(num_eval=10))
    store_all(part, ["clean_128"])
    samples, stored = stored_for(dataset, ["clean_128"])
    assert [bool(stored(int(position))) for position in samples.positions] == [True] * 10 + [False] * 8
    with pytest.raises(StoreError, match=r"12 of 22 records have another centre, the first at position 10"):
        store_all(dataset, ["clean_128"])
    store_all(dataset, ["clean_128"], force=True)
    store_all(part, ["clean_128"])
    assert opened(dataset, "clean_128").total("absent") == 0


def test_another_tree_is_refused(made, tmp_path):
    dataset = made()
    store_all(dataset, ["clean_128"])
    (tmp_path / "tree/training/images/image_D00000023.png").write_bytes(b"")
    dataset.pack("train", force=True)
    with pytest.raises(StoreError, match="fingerprint of labels and images"):
        stored_for(dataset, ["clean_128"])


def test_two_models_whose_types_share_a_published_name_are_both_right(made):
    dataset = made()
    names = ["vxudir_16_from_pcnt3_64", "vxudir_16_from_pcnt3_32", "udir2_32_from_clean_64", "udir2_32"]
    for name in names:
        store_all(dataset, [name])
    stored = [next(iter(opened(dataset, name))) for name in names]
    expected = [next(iter(computed(dataset, name))) for name in names]
    for ours, theirs in zip(stored, expected, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert len({prepared_folder(dataset.folder("train"), parse_key(name)) for name in names}) == 4
    assert not np.array_equal(stored[2], stored[3])


def test_a_type_is_removed_whole_or_half_done(made):
    dataset = made()
    store_all(dataset, ["clean_128"])
    with pytest.raises(KeyboardInterrupt):
        store_all(dataset, ["edt2_32"], progress=interrupt_at(4))
    for stored in list_stored(dataset.folder("train")):
        assert delete(stored) > 0
    assert list_stored(dataset.folder("train")) == []
    assert len(stored_for(dataset, ["clean_128"])[1]) == 0
