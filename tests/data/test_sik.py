"""SIK-1M and SIK-offline: read by name, split as published, written and read back."""

from __future__ import annotations

import os
import pickle

import numpy as np
import pytest

from carpus.data.sik import Sik1M, SikOffline, write_sik_offline
from carpus.errors import ConfigError, DataError
from carpus.skeletons import SNAP


def hands(count, seed=0):
    """Joints of some hands in metres."""
    return np.random.default_rng(seed).uniform(-0.1, 0.1, (count, 21, 3))


def write_sik1m(root, counts=(7, 4)):
    """Both files; returns all joints and rotations joined."""
    root.mkdir(exist_ok=True)
    parts = []
    for seed, (name, count) in enumerate(zip(("sik-fh", "sik-1m"), counts, strict=True)):
        rotations = np.random.default_rng(seed).normal(size=(count, 16, 4))
        content = {"joint_": hands(count, seed), "quat": rotations}
        (root / f"{name}.pkl").write_bytes(pickle.dumps(content, protocol=2))
        parts.append(content)
    return {name: np.concatenate([part[name] for part in parts]) for name in ("joint_", "quat")}


def test_the_first_eight_tenths_of_both_files_train(tmp_path):
    truth = write_sik1m(tmp_path / "sik")
    found = {split: Sik1M(tmp_path / "sik", split) for split in ("train", "test", "val", "all")}
    assert {split: len(part) for split, part in found.items()} == {"train": 8, "test": 3, "val": 3, "all": 11}
    np.testing.assert_allclose(found["train"].joints_m, truth["joint_"][:8], rtol=1e-6)
    np.testing.assert_allclose(found["test"].rotations, truth["quat"][8:], rtol=1e-6)


def test_hands_are_brought_to_their_own_unit_of_length(tmp_path):
    truth = write_sik1m(tmp_path)["joint_"]
    data = Sik1M(tmp_path, "all")
    item, batch = data[-2], data.batch(np.array([9, 3]))
    for name, value in item.items():
        np.testing.assert_array_equal(value, batch[name][0], err_msg=name)
    joints = truth[9]
    bone = np.linalg.norm(joints[9] - joints[0])
    np.testing.assert_allclose(item["joint_bone"], [bone], rtol=1e-5)
    np.testing.assert_allclose(item["jointRS"], (joints - joints[9]) / bone, rtol=1e-4, atol=1e-5)
    for i, parent in enumerate(SNAP.parents[1:], 1):
        link = (joints[i] - joints[parent]) / bone
        np.testing.assert_allclose(item["kin_len"][i - 1], np.linalg.norm(link), rtol=1e-4)
        np.testing.assert_allclose(
            item["kin_chain"][i - 1], link / np.linalg.norm(link), rtol=1e-4, atol=1e-5
        )
    assert {name: value.shape for name, value in item.items()} == {
        "jointRS": (21, 3),
        "joint_bone": (1,),
        "kin_chain": (20, 3),
        "kin_len": (20, 1),
        "quat": (16, 4),
    }
    with pytest.raises(IndexError, match="hand 11 of 11"):
        data[11]


def test_what_is_written_is_read_back(tmp_path):
    found, true = hands(5, 1), hands(5, 2)
    count = write_sik_offline(tmp_path / "sik_train_stb_100epoch.pkl", iter([found[:2], found[2:]]), [true])
    assert count == 5
    write_sik_offline(tmp_path / "sik_train_rhd_100epochs.pkl", [hands(3, 3)], [hands(3, 4)])
    data = SikOffline(tmp_path, "train")
    assert len(data) == 8
    np.testing.assert_allclose(data.found_m[:5], found, rtol=1e-6)
    np.testing.assert_allclose(data.true_m[:5], true, rtol=1e-6)
    assert len(SikOffline(tmp_path, "train", ["rhd"])) == 3
    item = data[1]
    link = item["jointRS"][1] - item["jointRS"][0]
    np.testing.assert_allclose(
        item["kin_chain"][0], link / (np.linalg.norm(link) + 1e-4), rtol=1e-4, atol=1e-6
    )
    np.testing.assert_allclose(item["true_joint_bone"], [np.linalg.norm(true[1, 9] - true[1, 0])], rtol=1e-5)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "sik_train_rhd_100epochs.pkl",
        "sik_train_stb_100epoch.pkl",
    ]
    plain = pickle.loads((tmp_path / "sik_train_stb_100epoch.pkl").read_bytes())
    assert set(plain) == {"jointImpl_", "jointGt_"}


def test_an_empty_set_and_a_lopsided_one(tmp_path):
    assert write_sik_offline(tmp_path / "sik_test_stb.pkl", [], []) == 0
    assert len(SikOffline(tmp_path, "test", ["stb"])) == 0
    with pytest.raises(DataError, match="2 hands found, 1 true"):
        write_sik_offline(tmp_path / "sik_test_rhd.pkl", [hands(2)], [hands(1)])
    assert not (tmp_path / "sik_test_rhd.pkl").exists()


class Evil:
    """Runs a command when it is read by a trusting reader."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.system, (f"touch {self.path}",)


def test_a_pickle_that_runs_a_command_is_refused_by_name(tmp_path):
    trace = tmp_path / "ran"
    path = tmp_path / "sik_test_stb.pkl"
    path.write_bytes(pickle.dumps({"jointImpl_": Evil(trace), "jointGt_": hands(1)}))
    with pytest.raises(DataError, match=rf"sik_test_stb\.pkl.*{os.system.__module__}\.system"):
        SikOffline(tmp_path, "test", ["stb"])
    assert not trace.exists()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"joint_": hands(2)}, "'joint_'.*quat"),
        ({"joint_": hands(2), "quat": np.zeros((3, 16, 4))}, "'joint_': 2, 'quat': 3"),
        ({"joint_": hands(2)[:, :20], "quat": np.zeros((2, 16, 4))}, r"joint_ is float64 \(2, 20, 3\)"),
        ([1], "list"),
    ],
)
def test_wrong_files(tmp_path, content, words):
    write_sik1m(tmp_path)
    (tmp_path / "sik-1m.pkl").write_bytes(pickle.dumps(content))
    with pytest.raises(DataError, match=rf"sik-1m\.pkl: .*{words}"):
        Sik1M(tmp_path)
    (tmp_path / "sik-1m.pkl").unlink()
    with pytest.raises(DataError, match=r"sik-1m\.pkl is missing"):
        Sik1M(tmp_path)


def test_unknown_choices(tmp_path):
    write_sik1m(tmp_path)
    with pytest.raises(ConfigError, match="split of SIK-1M"):
        Sik1M(tmp_path, "trian")
    with pytest.raises(ConfigError, match="set of SIK-offline"):
        SikOffline(tmp_path, "train", ["std"])
    with pytest.raises(ConfigError, match="set of SIK-offline"):
        SikOffline(tmp_path, "train", [])
