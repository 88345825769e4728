"""Errors, curves, bins and choices against direct computation."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from carpus.reports.numbers import (
    FrameErrors,
    bar_order,
    per_joint_success,
    pick_frames,
    success,
    success_curves,
    thresholds_to,
    viewpoint_curve,
)
from carpus.skeletons import MSRA, NYU


def test_errors_are_distances_and_invalid_joints_are_nan(collected):
    errors = collected.errors_mm()
    i, j = 7, 4
    by_hand = np.sqrt(((collected.joints_cam_mm[i, j] - collected.target_cam_mm[i, j]) ** 2).sum())
    assert errors[i, j] == pytest.approx(by_hand, rel=1e-6)
    assert np.isnan(errors[0, 20])
    assert np.isnan(errors).sum() == 1


def test_a_split_without_ground_truth_has_no_errors(collected):
    assert FrameErrors.of(replace(collected, target_cam_mm=None)) is None


def test_curves_equal_a_count_by_hand_and_thresholds_are_inclusive():
    joint = np.array([[1.0, 10.0], [10.0, 12.0], [3.0, np.nan], [np.nan, np.nan]])
    errors, at = FrameErrors(joint), np.array([2.0, 3.0, 10.0, 11.0, 12.0])
    curves = success_curves(errors, at)
    frames = joint[:3]
    for k, tau in enumerate(at):
        assert curves["max_frame"][k] == pytest.approx(100 * np.mean(np.nanmax(frames, 1) <= tau))
        assert curves["mean_frame"][k] == pytest.approx(100 * np.mean(np.nanmean(frames, 1) <= tau))
        known = joint[np.isfinite(joint)]
        assert curves["joint"][k] == pytest.approx(100 * np.mean(known <= tau))
    assert curves["max_frame"][2] == pytest.approx(200 / 3)  # exactly 10 mm counts


def test_per_joint_curves_leave_missing_joints_out():
    errors = FrameErrors(np.array([[1.0, np.nan], [5.0, 9.0]]))
    np.testing.assert_allclose(per_joint_success(errors, np.array([2.0, 9.0])), [[50, 100], [0, 100]])
    assert np.isnan(success(np.array([np.nan]), np.array([1.0]))).all()


def test_per_joint_mean_skips_invalid_frames(collected):
    errors = FrameErrors(collected.errors_mm())
    assert errors.per_joint[20] == pytest.approx(errors.joint[1:, 20].mean())
    assert not np.isnan(errors.per_joint).any()


def test_published_thresholds_are_one_millimetre_apart():
    np.testing.assert_array_equal(thresholds_to(84.0), np.arange(85))


def test_viewpoint_bins_round_half_to_even():
    # 1° is halfway between the bins 0 and 2 and goes to 0; 3° lies between 2 and 4 and goes to 4.
    angle, error = np.array([1.0, 3.0, 3.9, -0.4, 99.0]), np.array([10.0, 20.0, 40.0, 30.0, 1e6])
    bins, mean, count = viewpoint_curve(FrameErrors(error[:, None]), angle, (-10, 90))
    assert mean[bins == 0] == pytest.approx(20.0)
    assert mean[bins == 4] == pytest.approx(30.0)
    assert np.isnan(mean[bins == 2]).all()
    assert count.sum() == 4


def test_nyu_bars_start_with_the_palm_and_others_keep_file_order():
    assert NYU.joints[bar_order(NYU)[0]] == "palm"
    np.testing.assert_array_equal(bar_order(MSRA), np.arange(21))


def test_picked_frames_are_extreme_ordered_and_never_twice():
    error = np.random.default_rng(3).gamma(2, 5, 50)
    error[10] = np.nan
    picks = pick_frames(error, 50, worst=5, best=4, random=20)
    order = np.argsort(np.where(np.isnan(error), -1, error))
    np.testing.assert_array_equal(picks["worst"], order[::-1][:5])
    np.testing.assert_array_equal(picks["best"], order[1:5])
    together = np.concatenate(list(picks.values()))
    assert len(set(together)) == len(together) == 29


def test_few_frames_are_shared_out_without_repetition():
    picks = pick_frames(np.array([3.0, 1.0, 2.0]), 3, worst=2, best=5, random=5)
    assert [list(v) for v in picks.values()] == [[0, 2], [1], []]
    assert list(pick_frames(None, 4, 3, 3, 9)["random"]) == [0, 1, 2, 3]
