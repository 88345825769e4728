"""Masks, empty inputs and shapes, the same questions for every metric."""

import pytest
import torch

from carpus.errors import ConfigError
from carpus.metrics.functional import median_joint_error, precision_within, success_curves
from carpus.metrics.functional.success import counts_within, curve_area
from carpus.metrics.joint_error import MeanJointError, MedianJointError, PerJointError
from carpus.metrics.success import JointAccuracy, PrecisionWithin, SuccessRates
from carpus.metrics.viewpoint import ViewpointCurve

J = 6
METRICS = {
    "mean": lambda: MeanJointError(J),
    "per_joint": lambda: PerJointError(J),
    "median": MedianJointError,
    "success": SuccessRates,
    "accuracy": lambda: JointAccuracy(J),
    "precision": lambda: PrecisionWithin(J, 30.0),
}


def _flat(value):
    return torch.cat([v.reshape(-1) for v in value]) if isinstance(value, tuple) else value.reshape(-1)


@pytest.mark.parametrize("name", METRICS)
def test_what_stands_at_invalid_joints_does_not_matter(name):
    joints, target = torch.randn(9, J, 3) * 20, torch.zeros(9, J, 3)
    valid = torch.rand(9, J) > 0.3
    garbage = torch.where(valid[..., None], target, torch.nan)
    clean, dirty = METRICS[name](), METRICS[name]()
    clean.update(joints, target, valid)
    dirty.update(joints, garbage, valid)
    torch.testing.assert_close(_flat(clean.compute()), _flat(dirty.compute()), rtol=0, atol=0, equal_nan=True)


@pytest.mark.parametrize("name", METRICS)
def test_batches_of_any_size_give_the_same_number(name):
    joints, target, valid = torch.randn(11, J, 3) * 20, torch.zeros(11, J, 3), torch.rand(11, J) > 0.2
    whole, parts = METRICS[name](), METRICS[name]()
    whole.update(joints, target, valid)
    for size, start in ((1, 0), (0, 1), (7, 1), (3, 8)):
        chosen = slice(start, start + size)
        parts.update(joints[chosen], target[chosen], valid[chosen])
    torch.testing.assert_close(_flat(parts.compute()), _flat(whole.compute()), rtol=1e-14, atol=0)


@pytest.mark.parametrize("name", METRICS)
def test_nothing_valid_is_nan_not_zero(name):
    metric = METRICS[name]()
    metric.update(torch.zeros(2, J, 3), torch.zeros(2, J, 3), torch.zeros(2, J, dtype=torch.bool))
    assert _flat(metric.compute()).isnan().all()


def test_a_frame_without_valid_joints_is_no_success():
    joints, target = torch.zeros(2, 1, 3), torch.zeros(2, 1, 3)
    joints[0] = 100.0
    valid = torch.tensor([[True], [False]])
    assert success_curves(joints, target, torch.tensor([10.0]), valid).max_frame.item() == 0.0


def test_thresholds_are_met_exactly_where_they_should():
    values = torch.tensor([[10.0]], dtype=torch.float64)
    at = torch.tensor([10.0], dtype=torch.float64)
    assert counts_within(values, values > 0, at).item() == 1
    assert counts_within(values, values > 0, at, strict=True).item() == 0
    _, mean = precision_within(torch.tensor([[[100.0]]]), torch.zeros(1, 1, 1), 100.0)
    assert mean == 0.0


def test_median_histogram_is_as_good_as_its_bins():
    joints, target = torch.randn(200, J, 3) * 30, torch.zeros(200, J, 3)
    metric = MedianJointError()
    metric.update(joints, target)
    assert metric.compute() == pytest.approx(median_joint_error(joints, target).item(), abs=0.01)


def test_viewpoint_metric_adds_up_batches():
    metric = ViewpointCurve((-2, 2))
    metric.update(torch.ones(1, J, 3), torch.zeros(1, J, 3), torch.tensor([0.2]))
    metric.update(3 * torch.ones(1, J, 3), torch.zeros(1, J, 3), torch.tensor([-0.2]))
    assert metric.compute()[1] == pytest.approx(2 * 3**0.5)


def test_area_of_a_straight_line_is_a_half():
    at = torch.linspace(20, 50, 7)
    assert curve_area(at, (at - 20) / 30) == pytest.approx(0.5)


def test_wrong_arguments_say_what_is_wrong():
    with pytest.raises(ValueError, match=r"\(1, 6, 3\) and target \(1, 5, 3\)"):
        MeanJointError(J).update(torch.zeros(1, 6, 3), torch.zeros(1, 5, 3))
    with pytest.raises(ValueError, match="does not fit errors"):
        MeanJointError(J).update(torch.zeros(1, 6, 3), torch.zeros(1, 6, 3), torch.ones(1, 5))
    with pytest.raises(ValueError, match="must ascend"):
        SuccessRates([20, 10])
    with pytest.raises(ConfigError, match="did you mean 'scale'"):
        MeanJointError(J, alignment="scal")
