"""Metrics against the golden arrays of the reference scripts."""

import numpy as np
import pytest
import torch

from carpus.geometry.camera import Camera
from carpus.metrics import functional
from carpus.metrics.joint_error import MeanJointError, PerJointError
from carpus.metrics.scoring import score, score_joints
from carpus.metrics.success import JointAccuracy, SuccessRates
from carpus.skeletons import get_skeleton
from golden_cases import golden_paths

TOLERANCE = 1e-12


def _close(value, expected):
    np.testing.assert_allclose(np.asarray(value), expected, rtol=0, atol=TOLERANCE)


@pytest.mark.parametrize("path", golden_paths("v2v", "metrics"))
def test_functions_equal_the_reference(path):
    case = np.load(path)
    joints, target = torch.from_numpy(case["pred"]), torch.from_numpy(case["gt"])
    _close(functional.per_joint_error(joints, target), case["mean_err"])
    _close(functional.mean_joint_error(joints, target), case["mean_err_all"].item())
    curves = functional.success_curves(joints, target, torch.from_numpy(case["thr"]))
    for name in ("max_frame", "mean_frame", "joint"):
        _close(getattr(curves, name), case[f"frac_{name.replace('_', '')}"])
    for suffix in ("", "_default"):
        expected = case[f"joint_dist{suffix}"]
        thresholds = functional.accuracy_thresholds(float(expected[-1]), len(expected))
        _close(thresholds, expected)
        _close(functional.joint_accuracy(joints, target, thresholds), case[f"joint_acc{suffix}"])


@pytest.mark.parametrize("path", golden_paths("v2v", "metrics"))
def test_classes_fed_in_batches_equal_the_reference(path):
    case = np.load(path)
    joints = case["pred"].shape[1]
    expected = {
        PerJointError(joints): case["mean_err"],
        MeanJointError(joints): case["mean_err_all"].item(),
        JointAccuracy(joints, float(case["joint_dist"][-1]), len(case["joint_dist"])): case["joint_acc"],
        SuccessRates(case["thr"].tolist()): (
            case["frac_maxframe"],
            case["frac_meanframe"],
            case["frac_joint"],
        ),
    }
    batches = zip(torch.from_numpy(case["pred"]).split(7), torch.from_numpy(case["gt"]).split(7), strict=True)
    for prediction, truth in batches:
        for metric in expected:
            metric.update(prediction, truth)
    for metric, value in expected.items():
        got = metric.compute()
        _close(np.stack(got) if isinstance(got, tuple) else got, value)


@pytest.mark.parametrize(
    ("dataset", "path"),
    [
        pytest.param(dataset, *parameter.values, marks=parameter.marks, id=parameter.id)
        for dataset in ("icvl", "nyu")
        for parameter in golden_paths("v2v", f"eval_{dataset}")
    ],
)
def test_published_subsets_equal_the_evaluator(dataset, path):
    case = np.load(path)
    report = score(path, path, dataset)
    assert report.mean_error_mm == pytest.approx(case["expected_mean"].item(), abs=1e-6)
    np.testing.assert_allclose(report.per_joint_error_mm, case["expected_per_joint"], atol=1e-6)
    np.testing.assert_array_equal(report.thresholds_mm, case["thr"])
    np.testing.assert_allclose(report.max_frame, case["frac_maxframe"], atol=1e-12)
    np.testing.assert_allclose(report.mean_frame, case["frac_meanframe"], atol=1e-12)
    np.testing.assert_allclose(report.joint, case["frac_joint"], atol=1e-12)


@pytest.mark.parametrize(
    ("dataset", "path"),
    [
        pytest.param(dataset, *parameter.values, marks=parameter.marks, id=parameter.id)
        for dataset in ("icvl", "nyu")
        for parameter in golden_paths("v2v", f"eval_{dataset}")
    ],
)
def test_the_direction_of_y_does_not_change_distances(dataset, path):
    case = np.load(path)
    camera = Camera.from_array(case["intrinsics"])
    joints, target = camera.uvd_to_xyz(case["pred_uvd"]), camera.uvd_to_xyz(case["gt_uvd"])
    report = score_joints(joints, target, get_skeleton(dataset))
    assert report.mean_error_mm == pytest.approx(case["expected_mean"].item(), abs=1e-6)
