"""Tenths of cleaned frames: numbers, order, caching, centres, and what is wrong with too little data."""

import logging

import numpy as np
import pytest
from scipy.io import loadmat, savemat

from carpus.data.centers import joint_columns, write_centers
from carpus.data.clean_splits import CleanedTenths, joint_column, split_counts, tenths
from carpus.data.dataset import Dataset
from carpus.data.sources import HANDS17, NYU
from carpus.data.splits import Published, choose
from carpus.data.store import Store
from carpus.errors import ConfigError, DataError
from carpus.types import Record


def test_the_published_numbers_of_hands17():
    counts = split_counts(957_032)
    assert counts.train_valid_split == 765_632
    assert counts.train_test_split - counts.train_valid_split == 95_704
    assert counts.num_evaluate == 95_696
    assert counts.num_annotation == counts.num_training + counts.num_evaluate == 957_032


@pytest.mark.parametrize("own_test", [True, False])
def test_no_part_is_empty_and_nothing_is_lost_for_any_count(own_test):
    for count in (*range(10, 400), 72_757, 957_031):
        train, val = tenths(count, own_test)
        sizes = [train, val - train, count - val]
        assert min(sizes[: 3 if own_test else 2]) > 0, count
        assert sum(sizes) == count
        tenth = -(-count // 10)
        if 9 * tenth < count:
            assert train == (8 if own_test else 9) * tenth, count


def test_fewer_than_ten_frames_are_refused(tiny, tmp_path):
    with pytest.raises(DataError, match="9 frames cannot be split into tenths: at least 10"):
        tenths(9)
    tiny.hands17(tmp_path / "tree", train=9)
    with pytest.raises(DataError, match=r"packs/hands17/train: 9 frames .* dropping hands that leave"):
        hands17(tmp_path).open("train")
    with pytest.raises(ConfigError, match="num_eval=9"):
        CleanedTenths(num_eval=9)


def hands17(folder, policy=None, **changes) -> Dataset:
    arguments = {
        "root": folder / "tree",
        "splits": policy or CleanedTenths(),
        "packs": folder / "packs",
        "cube_mm": 240.0,
        "depth_range_mm": (100, 1060),
        "center_source": "gt",
    }
    return Dataset("hands17", source=HANDS17, **{**arguments, **changes})


def nyu(folder, **policy) -> Dataset:
    return Dataset(
        "nyu",
        folder / "tree",
        NYU,
        CleanedTenths(test="test", **policy),
        folder / "packs",
        cube_mm=240.0,
        depth_range_mm=(100, 3060),
        center_source="gt",
    )


def keys(dataset, split):
    samples = dataset.open(split)
    return [samples.key(index) for index in range(len(samples))]


def move_joint(path, line, joint, xyz):
    lines = path.read_text().splitlines()
    name, *values = lines[line].split()
    values[3 * joint : 3 * joint + 3] = [f"{value:.6f}" for value in xyz]
    lines[line] = "\t".join([name, *values])
    path.write_text("\n".join(lines) + "\n")


@pytest.mark.parametrize(
    ("pixel", "kept"),
    [
        ((0, 200), True),
        ((640, 480), True),
        ((-0.01, 200), False),
        ((300, -0.01), False),
        ((640.01, 200), False),
        ((300, 480.01), False),
    ],
)
def test_a_hand_is_kept_while_its_joints_project_onto_the_image_edges_included(pixel, kept):
    joints = np.array([[0.0, 0, 500], HANDS17.camera.unproject(np.array(pixel), np.array(500.0))])
    fields = {"joints_cam_mm": joints, "joint_valid": np.ones(2, bool), "camera": HANDS17.camera.to_array()}
    assert joint_columns(Record("a", {}, fields), (640, 480))["joints_inside"] == kept
    fields["joint_valid"] = np.array([True, False])
    assert joint_columns(Record("a", {}, fields), (640, 480))["joints_inside"] == 1


def test_dropped_frames_leave_the_others_in_order(tiny, tmp_path):
    tiny.hands17(tmp_path / "tree", train=33)
    labels = tmp_path / "tree/training/Training_Annotation.txt"
    for line in (4, 17, 32):
        move_joint(labels, line, line % 21, HANDS17.camera.unproject(np.array([700.0, 200]), np.array(300.0)))
    dataset = hands17(tmp_path)
    found = [keys(dataset, split) for split in ("train", "val", "test")]
    assert [len(part) for part in found] == [24, 3, 3]
    expected = [f"train/image_D{n + 1:08d}" for n in range(33) if n not in (4, 17, 32)]
    assert [key for part in found for key in part] == expected
    assert dataset.counts() == split_counts(30)
    record = dataset.open("test")[0]
    joints = record.fields["joints_cam_mm"]
    np.testing.assert_allclose(record.fields["center_mm"], (joints.min(0) + joints.max(0)) / 2, atol=1e-4)


def test_opening_again_reads_no_record_and_says_nothing(tiny, tmp_path, caplog, monkeypatch):
    tiny.hands17(tmp_path / "tree", train=20)
    with caplog.at_level(logging.INFO):
        first = [keys(hands17(tmp_path), split) for split in ("train", "val", "test")]
        assert sum("frames kept" in record.getMessage() for record in caplog.records) == 1
        caplog.clear()
        monkeypatch.setattr(Store, "column", None)
        monkeypatch.setattr(Store, "__getitem__", None)
        samples = [hands17(tmp_path).open(split) for split in ("train", "val", "test")]
        assert not [record for record in caplog.records if "frames kept" in record.getMessage()]
    assert [[part.key(i) for i in range(len(part))] for part in samples] == first
    assert isinstance(samples[0]._index.array, np.memmap)


def test_a_store_of_an_earlier_version_gets_its_columns_once(tiny, tmp_path, monkeypatch):
    tiny.hands17(tmp_path / "tree", train=20)
    dataset = hands17(tmp_path)
    store = Store(dataset.pack("train"))
    packed = {name: np.array(store.column(name)) for name in ("joints_inside", "extent_mm")}
    older = Store(dataset.folder("train"))
    older.meta["columns"] = ["com_mm", "gt_mm", "line"]
    for name, column in packed.items():
        np.testing.assert_array_equal(joint_column(older, name), column)
    monkeypatch.setattr(Store, "__getitem__", None)
    np.testing.assert_array_equal(joint_column(older, "joints_inside"), packed["joints_inside"])


def test_centre_files_cover_all_published_frames_also_those_that_are_dropped(tiny, tmp_path):
    truth = tiny.hands17(tmp_path / "tree", train=21)
    labels = tmp_path / "tree/training/Training_Annotation.txt"
    move_joint(labels, 0, 3, HANDS17.camera.unproject(np.array([-9.0, 200]), np.array(300.0)))
    centers = (truth.min(1) + truth.max(1)) / 2 + 4
    write_centers(tmp_path / "c/center_train_refined.txt", centers)
    dataset = hands17(tmp_path, center_source="file", center_dir=tmp_path / "c")
    for split, rows in {"train": slice(1, 17), "val": slice(17, 19), "test": slice(19, 21)}.items():
        np.testing.assert_allclose(dataset.open(split).centers_mm(), centers[rows], atol=1e-3)
    write_centers(tmp_path / "c/center_train_refined.txt", centers[1:])
    with pytest.raises(DataError, match="has 20 lines, but the train split of hands17 has 21"):
        dataset.open("test")


def test_nyu_is_shuffled_once_with_a_seed_and_its_test_frames_are_not(tiny, tmp_path):
    tiny.nyu(tmp_path / "tree", {"train": 30, "test": 12})
    published = [f"train/depth_1_{n + 1:07d}" for n in range(30)]
    one, again, other = (nyu(tmp_path, shuffle_seed=seed) for seed in (0, 0, 1))
    order = [*keys(one, "train"), *keys(one, "val")]
    assert (len(keys(one, "train")), len(keys(one, "val"))) == (27, 3)
    assert order != published
    assert sorted(order) == published
    assert keys(again, "train") == keys(one, "train") != keys(other, "train")
    assert keys(one, "test") == [f"test/depth_1_{n + 1:07d}" for n in range(12)]
    plain = nyu(tmp_path)
    assert [*keys(plain, "train"), *keys(plain, "val")] == published
    with pytest.raises(ConfigError, match="need the store 'test' too"):
        one.splits.counts(Store(one.folder("train")))


def test_num_eval_keeps_the_first_rows_of_training_and_of_test(tiny, tmp_path):
    tiny.nyu(tmp_path / "tree", {"train": 30, "test": 14})
    few = nyu(tmp_path, shuffle_seed=3, num_eval=12)
    numbers = [int(key[-7:]) for key in (*keys(few, "train"), *keys(few, "val"))]
    assert sorted(numbers) == list(range(1, 13))
    assert (len(keys(few, "val")), len(keys(few, "test"))) == (2, 12)
    assert len(keys(nyu(tmp_path, num_eval=5000), "test")) == 14


def test_test_frames_of_nyu_are_cleaned_likewise(tiny, tmp_path):
    tiny.nyu(tmp_path / "tree", {"train": 10, "test": 5})
    path = tmp_path / "tree/test/joint_data.mat"
    joints = loadmat(path)["joint_xyz"]
    joints[0, 2, 0] = (0, 900, 700)
    savemat(path, {"joint_xyz": joints})
    assert keys(nyu(tmp_path), "test") == [f"test/depth_1_{n:07d}" for n in (1, 2, 4, 5)]


def test_sub_splits_are_drawn_from_the_cleaned_rows(tiny, tmp_path):
    tiny.hands17(tmp_path / "tree", train=50)
    dataset = hands17(tmp_path)
    assert set(keys(dataset, "smalltrain")) < set(keys(dataset, "train"))
    assert len(keys(dataset, "smalltrain")) == 4


def test_the_policy_is_chosen_by_name():
    policies = {"published": Published(), "tenths": CleanedTenths()}
    assert choose("tenths", **policies) is policies["tenths"]
    with pytest.raises(ConfigError, match=r"dataset\.splits 'tents': did you mean 'tenths'"):
        choose("tents", **policies)


def test_both_policies_share_a_store(tiny, tmp_path):
    tiny.hands17(tmp_path / "tree", train=20)
    first = hands17(tmp_path)
    first.open("train")
    made = first.folder("train").joinpath("meta.json").stat().st_mtime_ns
    wide = hands17(tmp_path, Published(val_fraction=0.1), cube_mm=250.0, depth_range_mm=(100, 1500))
    assert (len(wide.open("train")), len(wide.open("val"))) == (18, 2)
    assert len(first.open("train")) == 16
    wide.pack("train")
    assert first.folder("train").joinpath("meta.json").stat().st_mtime_ns == made
    assert wide.counts() is None
