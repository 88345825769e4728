"""Synthetic SIK-1M and SIK-offline: read as published, and true to the hand model."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from carpus.data.sik import Sik1M, SikOffline
from carpus.errors import DataError
from carpus.geometry.rotations import quaternion_to_axis_angle
from carpus.nets.handflow2d import SIKNet, sik_hand
from carpus.synthetic import make


@pytest.fixture(scope="module")
def sik1m(tmp_path_factory):
    return make("sik1m", tmp_path_factory.mktemp("trees") / "sik1m", frames=40, subjects=2)


def test_rotations_pose_the_model_to_the_joints(sik1m):
    data = Sik1M(sik1m, "all")
    assert (len(data), len(Sik1M(sik1m, "train"))) == (50, 40)
    np.testing.assert_allclose(np.linalg.norm(data.rotations, axis=-1), 1, atol=1e-6)
    assert (data.rotations[..., 0] >= 0).all()
    so3 = quaternion_to_axis_angle(torch.from_numpy(data.rotations)).flatten(1)
    with torch.no_grad():
        joints, _ = SIKNet(sik_hand("nowhere", standin=True)).pose(so3, torch.zeros(50, 10))
    # People differ in shape by some hundredths of a hand; a wrong rotation would show as tenths.
    apart = np.linalg.norm(joints.numpy() - data.batch(slice(None))["jointRS"], axis=-1)
    assert apart.mean() < 0.04
    assert apart.max() < 0.15


def test_hands_have_sizes_of_hands_and_point_everywhere(sik1m):
    hands = Sik1M(sik1m, "all").batch(slice(None))
    assert 0.08 < hands["joint_bone"].min() <= hands["joint_bone"].max() < 0.13
    directions = -hands["jointRS"][:, 0]
    assert np.linalg.norm(directions.mean(0)) < 0.4
    assert len({tuple(np.round(q, 3).ravel()) for q in hands["quat"][:, 1:]}) == 50


def test_found_joints_are_worse_for_rhd_and_towards_the_tips(tmp_path):
    make("sik_offline", tmp_path / "tree", frames=200, subjects=4)
    found = {}
    for name in ("stb", "rhd"):
        data = SikOffline(tmp_path / "tree", "train", [name])
        assert (len(data), len(SikOffline(tmp_path / "tree", "test", [name]))) == (200, 50)
        assert not data.true_m[:, 9].any()
        found[name] = 1000 * np.linalg.norm(data.found_m - data.true_m, axis=-1).mean(0)
    assert 3 < found["stb"].mean() < found["rhd"].mean() < 25
    assert (found["rhd"][[4, 8, 12, 16, 20]] > 1.2 * found["rhd"][[1, 5, 9, 13, 17]]).all()


def test_numbers_that_make_no_sense_are_named(tmp_path):
    for options in ({"frames": 0}, {"subjects": 0}):
        for name in ("sik1m", "sik_offline"):
            with pytest.raises(DataError, match=f"synthetic {name}"):
                make(name, tmp_path / "tree", **options)
