"""A localiser's precision and recall, and the pictures of them."""

from __future__ import annotations

import numpy as np
import pytest

from carpus.errors import DataError
from carpus.reports.locator import confidence_curve, write_locator_pictures


def test_scores_that_tell_right_from_wrong_have_the_whole_area_of_what_can_be_found():
    score, error = np.linspace(0, 1, 10), np.where(np.linspace(0, 1, 10) > 0.5, 5.0, 90.0)
    curve = confidence_curve(score, error)
    assert curve.area == pytest.approx(0.5)
    assert curve.precision[:5].tolist() == [1.0] * 5
    assert confidence_curve(-score, error).area < 0.25


def test_the_last_point_is_the_share_of_all_frames():
    rng = np.random.default_rng(0)
    error = rng.uniform(0, 60, 200)
    curve = confidence_curve(rng.uniform(size=200), error)
    assert curve.recall[-1] == curve.precision[-1] == np.mean(error <= 30)


def test_both_pictures_are_written(tmp_path):
    made = write_locator_pictures(tmp_path, "localizer2", np.array([0.9, 0.3]), np.array([4.0, 50.0]))
    assert [file.name for file in made] == [
        "evaluate_confidence_localizer2.png",
        "evaluate_pr_localizer2.png",
    ]
    assert all(file.stat().st_size > 2000 for file in made)


def test_no_frame_is_an_error():
    with pytest.raises(DataError, match="one of each"):
        confidence_curve(np.zeros(0), np.zeros(0))
