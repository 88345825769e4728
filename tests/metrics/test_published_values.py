"""Metric values others published for small inputs."""

import pytest
import torch

from carpus.metrics.functional import (
    mean_joint_error,
    median_joint_error,
    normalised_mean_error,
    pck,
    pck_auc,
    viewpoint_curve,
)
from carpus.metrics.joint_error import MeanJointError
from carpus.metrics.keypoints import NormalisedMeanError, Pck, PckAuc

SIZES = torch.tensor([10.0, 10.0])


def _pck_case():
    target = torch.zeros(2, 5, 2)
    joints = target.clone()
    joints[0, 1] = 10.0
    valid = torch.ones(2, 5, dtype=torch.bool)
    valid[:, 2] = False
    return joints, target, valid


def _error_case():
    joints = torch.tensor([[[0.0, 4.0], [0.0, 8.0], [5.0, 5.0], [10.0, 10.0], [20.0, 0.0]]])
    return joints, torch.zeros_like(joints), torch.tensor([[True, True, False, True, True]])


def _pose_case():
    target = [[[1, 0, 0], [1, 1, 1], [-1, 0, 0], [3, 3, 1], [0, 1, 0]]]
    target += [[[1, 1, 0], [1, 0, 1], [-1, 0, 0], [0, 0, 3], [1, 1, 0]]]
    joints = [[[1, 0, 0], [2, 2, 0], [0, 0, -1], [3, 3, 1], [0, 1, 1]]]
    joints += [[[1, 0, 0], [2, 2, 1], [-1, 0, 0], [0, 0, 3], [0, 0, 1]]]
    valid = torch.tensor([[True, True, False, True, True]]).expand(2, 5)
    return torch.tensor(joints).float(), torch.tensor(target).float(), valid


def test_pck_per_joint_and_average():
    joints, target, valid = _pck_case()
    per_joint, average = pck(joints, target, SIZES, 0.5, valid)
    assert per_joint[[0, 1, 3, 4]].tolist() == [1, 0.5, 1, 1]
    assert per_joint[2].isnan()
    assert average == pytest.approx(0.875)


def test_pck_metric_equals_function_over_batches():
    joints, target, valid = _pck_case()
    metric = Pck(5, 0.5)
    for i in range(2):
        metric.update(joints[i : i + 1], target[i : i + 1], SIZES[i : i + 1], valid[i : i + 1])
    assert metric.compute() == pytest.approx(0.875)


def test_size_zero_removes_the_sample():
    joints, target, valid = _pck_case()
    _, average = pck(joints, target, torch.tensor([0.0, 10.0]), 0.5, valid)
    assert average == 1.0
    _, average = pck(joints, target, torch.tensor([[0.0, 10.0], [10.0, 10.0]]), 0.5, valid)
    assert average == 1.0


def test_epe_auc_and_nme():
    joints, target, valid = _error_case()
    assert mean_joint_error(joints, target, valid) == pytest.approx(11.5355339)
    assert normalised_mean_error(joints, target, torch.ones(1), valid) == pytest.approx(11.5355339)
    assert pck_auc(joints, target, torch.tensor([20.0]), 4, valid) == pytest.approx(0.375)
    auc, nme = PckAuc(5, 4), NormalisedMeanError()
    auc.update(joints, target, torch.tensor([20.0]), valid)
    nme.update(joints, target, torch.ones(1), valid)
    assert auc.compute() == pytest.approx(0.375)
    assert nme.compute() == pytest.approx(11.5355339)


@pytest.mark.parametrize(
    ("alignment", "expected"), [("none", 0.9625212), ("scale", 1.0277130), ("procrustes", 1.0047898)]
)
def test_mpjpe_under_each_alignment(alignment, expected):
    joints, target, valid = _pose_case()
    assert mean_joint_error(joints, target, valid, alignment) == pytest.approx(expected, abs=1e-6)
    metric = MeanJointError(5, alignment)
    metric.update(joints[:1], target[:1], valid[:1])
    metric.update(joints[1:], target[1:], valid[1:])
    assert metric.compute() == pytest.approx(expected, abs=1e-6)


def test_median_of_an_even_number_is_the_middle():
    assert median_joint_error(torch.tensor([[[1.0], [2.0], [4.0], [9.0]]]), torch.zeros(1, 4, 1)) == 3.0


def test_half_degrees_go_to_the_even_bin():
    angles = torch.tensor([1.0, 3.0, 5.0, -1.0, 100.0, float("nan")])
    errors = torch.tensor([[1.0], [3.0], [5.0], [7.0], [9.0], [11.0]])
    curve = viewpoint_curve(errors, angles, (-2, 6))
    # 1/2 rounds to 0, 3/2 to 2, 5/2 to 2, -1/2 to 0; 100 and NaN belong nowhere.
    assert curve[[1, 3]].tolist() == [4.0, 4.0]
    assert curve[[0, 2, 4]].isnan().all()
