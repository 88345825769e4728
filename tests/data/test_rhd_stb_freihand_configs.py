"""The configurations of RHD, STB and FreiHAND open the mini trees and the real frames."""

from __future__ import annotations

import pytest

from carpus.data.rgb_dataset import RgbDataset
from carpus.engine.build import build
from carpus.engine.config import compose_config
from carpus.errors import ConfigError, StoreError
from rgb_hand_tree import MINI, SAMPLES


def make(name, root, packs, *overrides) -> RgbDataset:
    """The dataset a configuration describes."""
    config = compose_config([f"dataset={name}", f"dataset.root={root}", f"paths.packs={packs}", *overrides])
    return build(config.dataset.spec)


CASES = [
    ("rhd", MINI / "RHD", (), {"train": 1, "val": 1, "test": 1}),
    ("rhd", MINI / "RHD", ("dataset.splits=published",), {"train": 2, "val": 1, "test": 1}),
    ("rhd", MINI / "RHD", ("dataset.hands=both",), {"train": 1, "val": 1, "test": 1}),
    ("rhd", SAMPLES / "rhd", (), {"train": 1, "val": 1}),
    ("stb", MINI / "STB", (), {"val": 2, "test": 2}),
    ("stb", MINI / "STB", ("dataset.splits=published",), {"train": 2, "val": 2, "test": 2}),
    ("freihand", SAMPLES / "freihand", ("dataset.images=tree",), {"train": 2, "val": 3}),
]


@pytest.mark.parametrize(("name", "root", "overrides", "counts"), CASES)
def test_trees_are_packed_opened_and_verified(tmp_path, name, root, overrides, counts):
    dataset = make(name, root, tmp_path, *overrides)
    assert {split: len(dataset.open(split)) for split in counts} == counts
    for split in counts:
        record = dataset.open(split)[0]
        assert len(record.fields["joints_px"]) == len(dataset.skeleton)
        assert record.images["rgb"] == (root / record.fields["image"]).read_bytes()
        assert dataset.conditions(split)["dataset"] == name
    for store in dataset.stores:
        if dataset.is_packed(store):
            assert dataset.verify(store) == dataset.stats(store)["records"]


def test_every_published_file_is_offered(tmp_path):
    for name, root in (("rhd", MINI / "RHD"), ("stb", MINI / "STB")):
        dataset = make(name, root, tmp_path / name)
        record = dataset.open("test")[0]
        assert dataset.offers <= {*record.images, *record.fields}


def test_the_protocol_knows_the_joints(tmp_path):
    for overrides, joints in ((("dataset=rhd",), "rhd"), (("dataset=rhd", "dataset.hands=both"), "rhd_both")):
        config = compose_config([*overrides, f"paths.packs={tmp_path}"])
        assert (config.dataset.skeleton, build(config.dataset.protocol).skeleton.name) == (joints, joints)


def test_stores_of_other_hands_are_not_mixed_up(tmp_path):
    make("rhd", MINI / "RHD", tmp_path).open("train")
    both = make("rhd", MINI / "RHD", tmp_path, "dataset.hands=both")
    with pytest.raises(StoreError, match="hands") as failed:
        both.open("train")
    assert "\n" not in str(failed.value)


@pytest.mark.parametrize("name", ["rhd", "stb", "freihand"])
def test_an_unknown_policy_names_the_allowed_ones(tmp_path, name):
    with pytest.raises(ConfigError, match=r"dataset\.splits.*published"):
        make(name, tmp_path, tmp_path, "dataset.splits=publshed")
