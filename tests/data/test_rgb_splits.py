"""Which records validate: a seeded share that shares no group with training."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from carpus.data.rgb_splits import HeldOut
from carpus.errors import ConfigError


def store_of(groups):
    """Enough of a store for a split policy."""
    columns = {"line": np.arange(len(groups)), "pose": np.asarray(groups)}

    class Store(SimpleNamespace):
        def __len__(self):
            return len(groups)

        def column(self, name):
            return columns[name]

    return Store(folder="store", meta={"dataset": "toy"})


def test_every_record_is_on_one_side_and_the_share_is_kept():
    store = store_of(range(41_258))
    policy = HeldOut()
    train, val = policy.positions("train", store), policy.positions("val", store)
    assert (len(train), len(val)) == (39_195, 2_063)
    assert np.array_equal(np.sort(np.concatenate([train, val])), np.arange(41_258))
    assert np.array_equal(val, HeldOut().positions("val", store))
    assert not np.array_equal(val, HeldOut(seed=2).positions("val", store))
    # Spread over the whole split, not its end.
    assert 0.4 < np.median(val) / 41_258 < 0.6
    assert np.array_equal(policy.positions("test", store), np.arange(41_258))
    assert [policy.store_of(base) for base in ("train", "val", "test")] == ["train", "train", "test"]


def test_pictures_of_one_pose_stay_together():
    store = store_of(np.arange(130_240) % 32_560)
    policy = HeldOut(by="pose")
    train, val = policy.positions("train", store), policy.positions("val", store)
    poses = store.column("pose")
    assert not set(poses[train]) & set(poses[val])
    assert (len(val), len(np.unique(poses[val]))) == (4 * 1_628, 1_628)


def test_something_is_left_to_train():
    policy = HeldOut(val_fraction=0.9)
    assert len(policy.positions("train", store_of(range(3)))) == 1
    assert len(HeldOut(val_fraction=0.01).positions("val", store_of(range(3)))) == 1


def test_wrong_shares_and_centres_are_refused():
    for share in (0.0, 1.0, -0.1):
        with pytest.raises(ConfigError, match="val_fraction"):
            HeldOut(val_fraction=share)
    with pytest.raises(ConfigError, match="no centres"):
        HeldOut().center_mode("val")
