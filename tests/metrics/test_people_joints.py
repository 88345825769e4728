"""Joints of datasets without an evaluation of their own."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from carpus.errors import ConfigError, DataError
from carpus.metrics.checks import NonFinitePredictionError
from carpus.metrics.protocols.people_joints import PeopleJointsProtocol
from carpus.types import Batch, Predictions


def batch(count=4, joints=9, seed=0):
    draw = torch.Generator().manual_seed(seed)
    truth = {
        "label_px": torch.rand(count, joints, 2, generator=draw) * 300,
        "label_cam_mm": torch.randn(count, joints, 3, generator=draw) * 300,
        "label_valid": torch.rand(count, joints, generator=draw) > 0.2,
        "label_3d": torch.arange(count) != 1,
    }
    truth["label_valid"][:, 0] = True
    found = {
        "joints_px": truth["label_px"] + 12 * torch.randn(count, joints, 2, generator=draw),
        "joints_cam_mm": truth["label_cam_mm"] + 20 * torch.randn(count, joints, 3, generator=draw) + 99,
    }
    return found, truth


def fed(found, truth):
    protocol = PeopleJointsProtocol()
    keys = [f"person{i}" for i in range(len(truth["label_px"]))]
    protocol.update(Predictions(keys, **found), Batch(keys, truth))
    return protocol.compute()


def test_figures_are_means_over_labelled_joints():
    found, truth = batch()
    values = fed(found, truth)
    valid = truth["label_valid"]
    errors = torch.linalg.vector_norm(found["joints_px"] - truth["label_px"], dim=-1)
    assert values["epe_px"] == pytest.approx(float(errors[valid].mean()), rel=1e-6)
    near = []
    for row in range(len(valid)):
        points = truth["label_px"][row][valid[row]]
        side = float((points.amax(0) - points.amin(0)).max())
        near += (errors[row][valid[row]] < 0.1 * side).tolist()
    assert values["pck@0.1box"] == pytest.approx(np.mean(near))
    known = valid & truth["label_3d"][:, None]
    relative = [points - points[:, :1] for points in (found["joints_cam_mm"], truth["label_cam_mm"])]
    apart = torch.linalg.vector_norm(relative[0] - relative[1], dim=-1)
    assert values["mpjpe"] == pytest.approx(float(apart[known].mean()), rel=1e-6)
    assert values["pa_mpjpe"] < values["mpjpe"]


def test_turned_and_scaled_joints_have_no_error_after_alignment():
    found, truth = batch()
    turn = torch.linalg.matrix_exp(torch.tensor([[0.0, -1.0, 0.4], [1.0, 0.0, 0.2], [-0.4, -0.2, 0.0]]))
    found["joints_cam_mm"] = 1.7 * truth["label_cam_mm"] @ turn.mT + 50
    assert fed(found, truth)["pa_mpjpe"] < 1e-3


def test_what_is_not_labelled_does_not_count():
    found, truth = batch()
    expected = fed(found, truth)
    hidden = ~truth["label_valid"]
    for name in ("joints_px", "joints_cam_mm"):
        found[name] = torch.where(hidden[..., None], torch.nan, found[name])
    assert fed(found, truth) == pytest.approx(expected)
    del found["joints_cam_mm"]
    assert set(fed(found, truth)) == {"epe_px", "pck@0.05box", "pck@0.1box", "pck@0.2box"}
    found["joints_px"][2, 0] = torch.inf
    with pytest.raises(NonFinitePredictionError, match="person2"):
        fed(found, truth)
    with pytest.raises(DataError, match="not of one set"):
        fed({"joints_px": found["joints_px"][:, :5]}, truth)
    with pytest.raises(ConfigError, match="joints_px"):
        fed({"vertices_cam_mm": torch.zeros(4, 5, 3)}, truth)
