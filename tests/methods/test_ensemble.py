"""Means of predictions over models."""

from __future__ import annotations

import pytest
import torch

from carpus.errors import ConfigError, DataError
from carpus.methods.ensemble import average
from carpus.types import Predictions

CAMERA = torch.tensor([[588.0, 587.0, 320.0, 240.0]])


def member(*joint, keys=("a",), score=None):
    scores = None if score is None else torch.tensor([[score]])
    return Predictions(list(keys), joints_cam_mm=torch.tensor([[joint]]), joint_scores=scores)


def test_mean_in_camera_space_and_over_pixels_differ_as_they_should():
    members = [member(10.0, 0.0, 400.0, score=0.2), member(30.0, 8.0, 500.0, score=0.4)]
    world = average(members)
    assert world.joints_cam_mm.tolist() == [[[20.0, 4.0, 450.0]]]
    torch.testing.assert_close(world.joint_scores, torch.tensor([[0.3]]))
    pixel = average(members, "pixel", CAMERA).joints_cam_mm[0, 0]
    expected = torch.tensor([(10 / 400 + 30 / 500) / 2 * 450, (8 / 500) / 2 * 450, 450.0])
    torch.testing.assert_close(pixel, expected)


def test_scores_are_dropped_unless_every_model_has_them():
    assert average([member(0.0, 0.0, 1.0, score=0.5), member(0.0, 0.0, 1.0)]).joint_scores is None


def test_what_cannot_be_averaged_is_named():
    with pytest.raises(DataError, match="no predictions"):
        average([])
    with pytest.raises(DataError, match="member 1"):
        average([member(0.0, 0.0, 1.0), member(0.0, 0.0, 1.0, keys=("b",))])
    with pytest.raises(ConfigError, match="camera"):
        average([member(0.0, 0.0, 1.0)], "pixel")
    with pytest.raises(ConfigError, match="did you mean 'world'"):
        average([member(0.0, 0.0, 1.0)], "wrold")


def test_places_in_the_picture_and_hand_types_are_averaged_too():
    seen = [
        Predictions(["a"], joints_px=torch.tensor([[[x, 4.0]]]), hand_type_prob=torch.tensor([[x / 10, 0.0]]))
        for x in (2.0, 6.0)
    ]
    mean = average(seen)
    assert mean.joints_px.tolist() == [[[4.0, 4.0]]]
    assert mean.joints_cam_mm is None
    torch.testing.assert_close(mean.hand_type_prob, torch.tensor([[0.4, 0.0]]))
    with pytest.raises(DataError, match="nothing in common"):
        average([seen[0], member(0.0, 0.0, 1.0)])
