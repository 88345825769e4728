"""Both metrics and every number of the published error pictures against the golden evaluation."""

import numpy as np
import pytest
import torch

from carpus.data.results import PredictionHeader, ResultHeader, convention, write_predictions, write_results
from carpus.errors import DataError
from carpus.metrics.functional import joint_errors, legacy_joint_error
from carpus.metrics.protocols.depth import DepthHandProtocol
from carpus.metrics.scoring import score
from carpus.reports.depth_cr_numbers import (
    curve_order,
    error_bars,
    error_distribution,
    error_rate,
    mean_order,
    summary_figures,
)
from carpus.types import Batch, Predictions
from golden_cases import golden_paths

MM, PERCENT = 1e-4, 1e-3
CASES = golden_paths("depth_cr_data", "eval")
CAMERA = torch.from_numpy(convention("hands17").data_camera.to_array())


def _joints(case):
    """Predictions ``(M, F, 21, 3)`` and truth ``(F, 21, 3)`` without the last frame, as published."""
    predicted = torch.from_numpy(case["pred"])
    predicted = predicted.reshape(*predicted.shape[:2], -1, 3)
    return predicted, torch.from_numpy(case["gt"])[: predicted.shape[1]]


def _errors(case, metric):
    """Label to errors ``(F, J)``; the golden labels stand in the order of the methods."""
    predicted, target = _joints(case)
    labels = sorted(case["legend_curve_euclid"].tolist())
    if metric == "euclid":
        return {
            label: joint_errors(one, target).numpy() for label, one in zip(labels, predicted, strict=True)
        }
    return {
        label: legacy_joint_error(one, target, None, CAMERA).numpy()
        for label, one in zip(labels, predicted, strict=True)
    }


@pytest.mark.parametrize("path", CASES)
@pytest.mark.parametrize("metric", ["euclid", "legacy"])
def test_errors_and_summaries_equal_golden(path, metric):
    case = np.load(path)
    errors = _errors(case, metric)
    np.testing.assert_allclose(np.stack(list(errors.values())), case[f"err_{metric}"], rtol=0, atol=MM)
    found = [summary_figures(one) for one in errors.values()]
    golden = np.stack([case[f"meanmean_{metric}"], case[f"maxmean_{metric}"]], axis=1)
    np.testing.assert_allclose(found, golden, rtol=0, atol=MM)


@pytest.mark.parametrize("path", CASES)
@pytest.mark.parametrize("metric", ["euclid", "legacy"])
def test_error_rate_curves_equal_golden(path, metric):
    case = np.load(path)
    errors = _errors(case, metric)
    for number, one in enumerate(errors.values()):
        curve, golden = error_rate(one), case[f"curve_{metric}_{number}_xy"]
        assert len(curve.error) == golden.shape[1]
        np.testing.assert_allclose(curve.error, golden[0], rtol=0, atol=MM)
        np.testing.assert_allclose(curve.percent, golden[1], rtol=0, atol=PERCENT)
    assert curve_order(errors) == case[f"legend_curve_{metric}"].tolist()


@pytest.mark.parametrize("path", CASES)
@pytest.mark.parametrize("metric", ["euclid", "legacy"])
def test_error_bars_equal_golden(path, metric):
    case = np.load(path)
    errors = _errors(case, metric)
    bars = error_bars(errors)
    np.testing.assert_allclose(bars.height, case[f"bars_{metric}"], rtol=0, atol=MM)
    np.testing.assert_allclose(bars.x, case[f"bars_x_{metric}"], rtol=0, atol=1e-9)
    np.testing.assert_allclose([0, bars.top], case[f"ylim_{metric}"], rtol=0, atol=MM)
    assert mean_order(errors) == case[f"legend_bar_{metric}"].tolist()


@pytest.mark.parametrize("path", CASES)
@pytest.mark.parametrize("metric", ["euclid", "legacy"])
def test_error_distribution_equals_golden(path, metric):
    case = np.load(path)
    first = next(iter(_errors(case, metric).values()))
    found = error_distribution(first)
    np.testing.assert_allclose(found.percent, case[f"hist_{metric}_heights"], rtol=0, atol=PERCENT)
    np.testing.assert_allclose(found.left, case[f"hist_{metric}_left"], rtol=0, atol=MM)


@pytest.mark.parametrize("path", CASES)
def test_the_protocol_fed_in_batches_gives_both_summaries(path):
    case = np.load(path)
    predicted, target = _joints(case)
    for number, one in enumerate(predicted):
        protocol = DepthHandProtocol("hands17", metric="legacy")
        for rows in torch.arange(len(target)).split(13):
            keys = [f"frame{row}" for row in rows]
            tensors = {"joints_cam_mm": target[rows], "joint_valid": torch.ones(len(rows), 21).bool()}
            batch = Batch(keys, tensors | {"camera": CAMERA.expand(len(rows), 4)})
            protocol.update(Predictions(keys, joints_cam_mm=one[rows]), batch)
        values = protocol.compute()
        for metric, start in (("euclid", ""), ("legacy", "legacy_")):
            mean, largest = values[f"{start}mean_error_mm"], values[f"{start}max_joint_mean_error_mm"]
            assert mean == pytest.approx(case[f"meanmean_{metric}"][number], abs=MM)
            assert largest == pytest.approx(case[f"maxmean_{metric}"][number], abs=MM)


@pytest.mark.parametrize("path", CASES)
def test_prediction_files_score_as_golden_without_the_last_frame(path, tmp_path):
    case = np.load(path)
    predicted, _ = _joints(case)
    names = [f"image_D{number:08d}.png" for number in case["index"]]
    write_results(tmp_path / "truth.txt", case["gt"], names, ResultHeader("hands17"))
    file = tmp_path / "predict_a"
    write_predictions(file, case["index"][:-1], predicted[0].numpy(), PredictionHeader("hands17", "a"))
    report = score(file, tmp_path / "truth.txt", "hands17", metric="legacy", drop_last=True)
    assert report.mean_error_mm == pytest.approx(case["meanmean_euclid"][0], abs=MM)
    assert report.legacy.mean_error_mm == pytest.approx(case["meanmean_legacy"][0], abs=MM)
    assert report.legacy.max_joint_mean_error_mm == pytest.approx(case["maxmean_legacy"][0], abs=MM)
    with pytest.raises(DataError, match=rf"only the last frame, number {case['index'][-1]}, has no pred"):
        score(file, tmp_path / "truth.txt", "hands17")
