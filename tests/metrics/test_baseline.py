"""The mean-pose predictor."""

import numpy as np
import pytest

from carpus.metrics.baseline import mean_pose_error_mm, mean_pose_mm


def test_a_rigid_pose_that_follows_its_centre_has_no_error():
    rng = np.random.default_rng(0)
    pose, centers = rng.normal(0, 50, (21, 3)), rng.normal(0, 100, (40, 3))
    joints = centers[:, None] + pose
    mean = mean_pose_mm(joints[:30], centers[:30])
    np.testing.assert_allclose(mean, pose)
    assert mean_pose_error_mm(mean, joints[30:], centers[30:]) == pytest.approx(0, abs=1e-9)


def test_masked_joints_count_neither_in_the_pose_nor_in_the_error():
    joints, centers = np.zeros((2, 2, 3)), np.zeros((2, 3))
    joints[1] = 1000.0
    valid = np.array([[True, True], [False, False]])
    mean = mean_pose_mm(joints, centers, valid)
    np.testing.assert_array_equal(mean, np.zeros((2, 3)))
    assert mean_pose_error_mm(mean, joints, centers, valid) == 0.0


def test_a_joint_never_seen_in_training_is_left_out():
    joints, centers = np.ones((1, 2, 3)), np.zeros((1, 3))
    mean = mean_pose_mm(joints, centers, np.array([[True, False]]))
    assert np.isnan(mean[1]).all()
    assert mean_pose_error_mm(mean, joints, centers) == 0.0
    assert np.isnan(mean_pose_error_mm(mean, joints, centers, np.zeros((1, 2), dtype=bool)))
