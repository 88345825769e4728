"""The depth protocols: values, names, and what they refuse."""

import math

import numpy as np
import pytest
import scipy.io
import torch

from carpus.data.results import ResultHeader, convention, read_results, to_cam_mm
from carpus.errors import CarpusError, ConfigError, DataError
from carpus.metrics.checks import NonFinitePredictionError
from carpus.metrics.collector import Collected
from carpus.metrics.protocols.depth import DepthHandProtocol, ItopProtocol
from carpus.skeletons import ITOP, MSRA
from carpus.types import Batch, Predictions


def _feed(protocol, joints, target, valid=None, **more):
    keys = [f"s{i}" for i in range(len(joints))]
    valid = torch.ones(joints.shape[:2], dtype=torch.bool) if valid is None else valid
    batch = Batch(keys, {"joints_cam_mm": target, "joint_valid": valid, **more})
    protocol.update(Predictions(keys, joints_cam_mm=joints), batch)


def test_itop_protocol_gives_the_published_figures_of_published_predictions(samples):
    rules = convention("itop")
    pixels = scipy.io.loadmat(samples / "itop/predictions/A2J_itop_side_88.mat")["resultUVD"]
    truth = scipy.io.loadmat(samples / "itop/labels/itop_side_keypoints3D_test.mat")["keypoints3D"]
    joints = torch.from_numpy(to_cam_mm(pixels, rules, "uvd"))
    target = torch.from_numpy(to_cam_mm(truth, rules, "xyz"))
    protocol = ItopProtocol()
    for one, other in zip(joints.split(1000), target.split(1000), strict=True):
        _feed(protocol, one, other)
    values = protocol.compute()
    assert values["map_10cm"] == pytest.approx(88.0184, abs=1e-4)
    published = {"head": 98.54, "neck": 99.20, "shoulder": 96.23, "elbow": 78.92, "hand": 68.35}
    published |= {"torso": 98.52, "hip": 90.85, "knee": 90.75, "foot": 86.91}
    for part, figure in published.items():
        assert values[f"map_10cm/{part}"] == pytest.approx(figure, abs=0.006)
    assert values["mean_error_mm"] == pytest.approx(58.481, abs=1e-3)


def test_names_of_values_are_stable():
    values = DepthHandProtocol(MSRA).compute()
    assert list(values)[:2] == ["mean_error_mm", "median_error_mm"]
    assert {f"error_mm/{joint}" for joint in MSRA.joints} <= set(values)
    kinds = ("max_frame", "mean_frame", "joint")
    at = {f"{kind}_success@{t}mm" for kind in kinds for t in (10, 20, 30, 40, 50, 80)}
    assert at <= set(values)
    single = {"mean_error_mm", "median_error_mm", "max_joint_mean_error_mm", "pck_auc@50mm"}
    assert set(values) == at | single | {f"error_mm/{j}" for j in MSRA.joints}


@pytest.mark.parametrize("protocol", [DepthHandProtocol("msra"), ItopProtocol()], ids=["hand", "itop"])
@pytest.mark.filterwarnings("error")
def test_an_empty_split_gives_nan_without_a_warning(protocol):
    values = protocol.compute()
    assert math.isnan(values[protocol.headline])


@pytest.mark.parametrize("protocol", [DepthHandProtocol("msra"), ItopProtocol()], ids=["hand", "itop"])
def test_a_split_without_labels_can_be_predicted(protocol):
    protocol.update(Predictions(["a"], joints_cam_mm=torch.zeros(1, 21, 3)), Batch(["a"], {}))
    assert math.isnan(protocol.compute()[protocol.headline])


def test_reset_forgets():
    protocol = DepthHandProtocol(MSRA)
    _feed(protocol, torch.ones(2, 21, 3), torch.zeros(2, 21, 3))
    protocol.reset()
    _feed(protocol, torch.zeros(2, 21, 3), torch.zeros(2, 21, 3))
    assert protocol.compute()["mean_error_mm"] == 0.0


def test_seen_and_unseen_weigh_by_frames():
    protocol = DepthHandProtocol("hands17", seen_subjects=[1, 2])
    joints = torch.zeros(4, 21, 3)
    joints[:, :, 0] = torch.tensor([1.0, 1.0, 1.0, 9.0])[:, None]
    _feed(protocol, joints, torch.zeros(4, 21, 3), subject=torch.tensor([1, 2, 2, 7]))
    values = protocol.compute()
    assert (values["mean_error_mm/seen"], values["mean_error_mm/unseen"]) == (1.0, 9.0)
    assert values["mean_error_mm"] == 3.0


def test_seen_and_unseen_are_nan_without_a_subject():
    protocol = DepthHandProtocol("hands17", seen_subjects=[1])
    _feed(protocol, torch.ones(1, 21, 3), torch.zeros(1, 21, 3))
    assert math.isnan(protocol.compute()["mean_error_mm/seen"])


def test_half_precision_predictions_are_compared_in_full():
    protocol = DepthHandProtocol(MSRA)
    target = torch.full((1, 21, 3), 400.0)
    _feed(protocol, (target + 1).half(), target)
    assert protocol.compute()["mean_error_mm"] == pytest.approx(3**0.5)


def test_nan_prediction_is_an_error_that_names_its_samples():
    joints = torch.zeros(3, 21, 3)
    joints[1, 4, 2] = torch.nan
    with pytest.raises(NonFinitePredictionError, match=r"1 of 3 predictions.*s1") as caught:
        _feed(DepthHandProtocol(MSRA), joints, torch.zeros(3, 21, 3))
    assert caught.value.keys == ["s1"]
    assert isinstance(caught.value, CarpusError)


def test_nan_where_no_truth_is_known_is_ignored():
    joints, valid = torch.zeros(1, 21, 3), torch.ones(1, 21, dtype=torch.bool)
    joints[0, 4], valid[0, 4] = torch.nan, False
    protocol = DepthHandProtocol(MSRA)
    _feed(protocol, joints, torch.zeros(1, 21, 3), valid)
    assert protocol.compute()["mean_error_mm"] == 0.0


def test_wrong_joint_count_and_missing_joints_are_refused():
    with pytest.raises(DataError, match=r"\(B, 21, 3\) for the skeleton msra"):
        _feed(DepthHandProtocol(MSRA), torch.zeros(1, 14, 3), torch.zeros(1, 14, 3))
    batch = Batch(["a"], {"joints_cam_mm": torch.zeros(1, 21, 3), "joint_valid": torch.ones(1, 21).bool()})
    with pytest.raises(ConfigError, match="joints_px"):
        DepthHandProtocol(MSRA).update(Predictions(["a"], joints_px=torch.zeros(1, 21, 2)), batch)


def test_protocol_writes_the_published_result_file(tmp_path):
    joints = np.random.default_rng(0).normal(0, 100, (3, 15, 3))
    joints[..., 2] += 2500
    collected = Collected(np.array(["a", "b", "c"]), joints, np.zeros((3, 3)), np.ones((3, 4)))
    header = ItopProtocol().write_results(tmp_path / "result.txt", collected, ResultHeader("itop", "xyz"))
    assert (header.unit, header.joints) == ("m", ITOP.joints)
    back = read_results(tmp_path / "result.txt", "itop")
    np.testing.assert_allclose(back.joints_cam_mm, joints, atol=1e-3)
    assert back.frames == ["a", "b", "c"]
