"""Hands without pictures as a dataset: stores of arrays, splits, records, and what is refused."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from carpus.data.hand_sample_geometry import kinematics
from carpus.data.joint_dataset import HandJointsDataset
from carpus.data.loading import InputSamples, make_loader
from carpus.data.sampler import TrainSampler
from carpus.engine.build import build
from carpus.engine.config import compose_config
from carpus.errors import ConfigError, DataError, StoreError
from carpus.methods.handflow2d.sik_inputs import SikInputs

FIELDS = ("joints_cam_mm", "joint_valid", "center_mm", "camera")


def hands(count, seed=0):
    return np.random.default_rng(seed).uniform(-0.1, 0.1, (count, 21, 3)).astype(np.float32)


def dump(path, **arrays):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(pickle.dumps(arrays))


@pytest.fixture
def sik1m(tmp_path):
    """``sik1m(*overrides)`` of ten hands, and those hands."""
    quat = np.random.default_rng(5).normal(size=(10, 16, 4)).astype(np.float32)
    quat /= np.linalg.norm(quat, axis=-1, keepdims=True)
    truth = hands(10)
    for name, rows in (("sik-fh", slice(0, 3)), ("sik-1m", slice(3, 10))):
        dump(tmp_path / "tree" / f"{name}.pkl", joint_=truth[rows], quat=quat[rows])
    return lambda *more: make(tmp_path, "sik1m", *more), truth, quat


@pytest.fixture
def offline(tmp_path):
    """``offline(*overrides)`` with 4 + 6 training and 2 + 3 test hands."""
    counts = {"train_stb_100epoch": 4, "train_rhd_100epochs": 6, "test_stb": 2, "test_rhd": 3}
    for seed, (name, count) in enumerate(counts.items()):
        true = hands(count, seed)
        dump(tmp_path / "tree" / f"sik_{name}.pkl", jointImpl_=true + 0.001, jointGt_=true)
    return lambda *more: make(tmp_path, "sik_offline", *more)


def make(folder, name, *overrides) -> HandJointsDataset:
    where = [f"dataset.root={folder}/tree", f"paths.packs={folder}/packs"]
    return build(compose_config([f"dataset={name}", *where, *overrides]).dataset.spec)


def test_the_first_eight_tenths_train_in_their_order(sik1m):
    dataset, truth, quat = sik1m[0](), *sik1m[1:]
    splits = {split: dataset.open(split) for split in ("train", "val", "test")}
    assert {split: len(samples) for split, samples in splits.items()} == {"train": 8, "val": 2, "test": 2}
    for row, record in enumerate([*splits["train"], *splits["test"]]):
        assert set(record.fields) == dataset.offers
        place = record.fields["center_mm"]
        about_root = kinematics(truth[row])["relative"]
        np.testing.assert_allclose(record.fields["joints_cam_mm"] - place, 1000 * about_root, atol=1e-3)
        np.testing.assert_array_equal(record.fields["quat"], quat[row])
    held = sik1m[0]("dataset.splits=held_out", "dataset.val_fraction=0.25")
    assert [held.open(split).positions.tolist() for split in ("train", "val", "test")] == [
        [0, 1, 2, 3, 4, 5],
        [6, 7],
        [8, 9],
    ]


def test_small_splits_are_the_same_ones_again(sik1m):
    first, again = (sik1m[0]().open("smalltrain").positions for _ in range(2))
    assert first.tolist() == again.tolist()
    assert len(sik1m[0]().open("smallval")) == 1


def test_sets_are_joined_in_their_order_and_keep_apart_from_selections(offline):
    both, one = offline(), offline("dataset.sets=[rhd]")
    assert [len(both.open(split)) for split in ("train", "val", "test")] == [10, 5, 5]
    assert [len(one.open(split)) for split in ("train", "test")] == [6, 3]
    np.testing.assert_array_equal(
        one.open("train")[2].fields["joints_found_m"], both.open("train")[6].fields["joints_found_m"]
    )
    record = both.open("train")[0]
    assert set(record.fields) == both.offers
    # Found joints stay about the given root; they are not moved onto their own.
    np.testing.assert_allclose(record.fields["joints_found_m"] - hands(4)[0], 0.001, atol=1e-6)
    assert both.stats("train") == {
        "records": 10,
        "bytes": 2 * (10 * 21 * 3 * 4 + 128),
        "sets": "['stb', 'rhd']",
        "epochs": "100",
        "train": 10,
        "expected": 100 * (15_000 + 41_258),
    }


def test_a_batch_is_what_its_hands_are_one_by_one(offline):
    samples, inputs = offline().open("train"), SikInputs([*FIELDS, "joints_found_m"])
    whole = InputSamples(samples, inputs, seed=0, train=True)
    (batch,) = make_loader(whole, TrainSampler(10, seed=3), 10)
    order = batch["index"].tolist()
    assert sorted(order) == list(range(10)) != order
    assert batch.keys_ == [samples.key(index) for index in order]
    for row, index in enumerate(order):
        key, single = whole[(0, index)]
        assert (key, samples.position(key)) == (batch.keys_[row], index)
        for name, value in single.items():
            np.testing.assert_array_equal(batch[name][row].numpy(), value)
            assert batch[name].numpy().dtype == np.asarray(value).dtype


def test_keys_of_other_splits_are_not_found(sik1m):
    samples = sik1m[0]().open("test")
    assert samples.position(samples.key(1)) == 1
    for key in ("all/0000001", "train/0000008", "nothing"):
        with pytest.raises(KeyError, match="not in the split 'test'"):
            samples.position(key)
    with pytest.raises(IndexError, match="hand 2 of the split 'test', which has 2"):
        samples[2]


def test_samples_travel_to_workers_without_their_arrays(sik1m):
    samples = sik1m[0]().open("train")
    before = samples[3].fields["quat"]
    assert len(pickle.dumps(samples)) < 3000
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(samples))[3].fields["quat"], before)


def test_stores_are_verified_and_do_without_their_files(sik1m, tmp_path):
    dataset = sik1m[0]()
    folder = dataset.pack("all")
    assert dataset.verify("all") == 10
    for file in (tmp_path / "tree").iterdir():
        file.unlink()
    assert len(sik1m[0]().open("train")) == 8
    with (folder / "quat.npy").open("r+b") as file:
        file.seek(-1, 2)
        file.write(b"\x01")
    with pytest.raises(StoreError, match="quat damaged; run: carpus pack sik1m all --force"):
        dataset.verify("all")


def test_changed_files_are_noticed_and_touched_ones_are_not(offline, tmp_path):
    offline().open("test")
    file = tmp_path / "tree" / "sik_test_rhd.pkl"
    file.touch()
    assert len(offline().open("test")) == 5
    dump(file, jointImpl_=hands(7), jointGt_=hands(7))
    with pytest.raises(StoreError, match=r"other files than .* pack it again \(carpus pack sik_offline test"):
        offline().open("test")
    offline().pack("test")
    assert len(offline().open("test")) == 9


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda true: true.__setitem__((2, 5, 1), np.nan), "true_m of hand 2 is not finite"),
        (lambda true: true.__setitem__((1, 9), true[1, 0]), "root of hand 1 lies on its wrist"),
    ],
)
def test_what_is_no_hand_is_refused(offline, tmp_path, change, message):
    true = hands(4)
    change(true)
    dump(tmp_path / "tree" / "sik_train_stb_100epoch.pkl", jointImpl_=hands(4), jointGt_=true)
    with pytest.raises(DataError, match=message):
        offline().open("train")
    assert not offline().is_packed("train")


def test_lengths_that_are_not_metres_are_pointed_out(offline, tmp_path, caplog):
    dump(tmp_path / "tree" / "sik_test_rhd.pkl", jointImpl_=hands(3), jointGt_=1000 * hands(3))
    offline("dataset.sets=[rhd]").open("test")
    assert "no hand in metres" in caplog.text


def test_what_is_missing_is_named_with_the_remedy(offline, tmp_path):
    (tmp_path / "tree" / "sik_test_stb.pkl").unlink()
    with pytest.raises(DataError, match=r"sik_test_stb\.pkl is missing; `carpus sik KEY stb --split test`"):
        offline().open("test")
    with pytest.raises(DataError, match=r"sik_train_rhd_7epoch\.pkl is missing"):
        offline("dataset.epochs=7", "dataset.sets=[rhd]").open("train")
    with pytest.raises(DataError, match=r"docs/datasets/sik1m\.md.*dataset=sik1m_synthetic"):
        make(tmp_path / "elsewhere", "sik1m").open("train")
    for overrides in (("dataset.sets=[std]",), ("dataset.sets=[]",)):
        with pytest.raises(ConfigError, match=r"dataset\.sets"):
            offline(*overrides)
    with pytest.raises(ConfigError, match=r"dataset\.splits"):
        make(tmp_path, "sik1m", "dataset.splits=held")
