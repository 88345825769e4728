"""Figures of RGB hands as functions and metrics: published values, medians of many rows, alignments."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from carpus.codecs.heatmap2d import Heatmap2D
from carpus.errors import ConfigError
from carpus.metrics.functional.errors import joint_errors
from carpus.metrics.functional.hand_alignment import HAND_ALIGNMENTS, hand_errors
from carpus.metrics.functional.heatmap_pck import heatmap_hits, heatmap_pck
from carpus.metrics.functional.pixels import (
    epe_mean,
    epe_median,
    even_thresholds,
    joint_means,
    joint_medians,
    pck_area,
    pck_curve,
)
from carpus.metrics.heatmap_pck import HeatmapPck
from carpus.metrics.pixel_error import ErrorTable
from golden_cases import golden_paths

METRICS = golden_paths("handflow2d", "metrics")
MAPS = golden_paths("handflow2d", "heatmap_accuracy")


def load(path):
    return {name: torch.from_numpy(np.array(value)) for name, value in np.load(path).items()}


def near(found, reference):
    torch.testing.assert_close(found, reference, rtol=0, atol=1e-9)


@pytest.mark.parametrize("path", METRICS)
def test_errors_shares_and_areas_equal_the_reference(path):
    data = load(path)
    errors = joint_errors(data["pred_mm"], data["gt_mm"])
    near(epe_mean(errors), data["epe_mean"])
    near(joint_means(errors), data["epe_mean_joint"])
    near(epe_median(errors), data["epe_median"])
    for low, high in ((20, 50), (0, 50)):
        near(even_thresholds(low, high), data.get(f"thresholds_{low}_{high}", even_thresholds(low, high)))
        near(pck_curve(errors, even_thresholds(low, high)), data[f"pck_curve_{low}_{high}"])
        near(pck_area(errors, low, high), data[f"auc_{low}_{high}"])
    at = pck_curve(errors, torch.tensor([20.0, 30.0, 40.0], dtype=torch.float64))
    near(at, torch.stack([data[f"pck{t}"] for t in (20, 30, 40)]))
    pixels = joint_errors(data["pred_px"], data["gt_px"])
    near(epe_mean(pixels), data["px_epe_mean"])
    near(epe_median(pixels), data["px_epe_median"])
    near(pck_area(pixels, 0, 30), data["px_auc_0_30"])


@pytest.mark.parametrize("path", METRICS)
def test_visible_joints_equal_the_reference_and_a_joint_without_any_is_skipped(path):
    data = load(path)
    errors, visible = joint_errors(data["pred_mm"], data["gt_mm"]), data["vis"].bool()
    assert (visible.sum(0) == 0).any()
    near(epe_mean(errors, visible), data["vis_epe_mean"])
    near(epe_median(errors, visible), data["vis_epe_median"])
    near(pck_area(errors, 20, 50, valid=visible), data["vis_auc_20_50"])


@pytest.mark.parametrize("path", METRICS)
@pytest.mark.parametrize("batch", [1, 5, 37])
def test_the_table_gives_what_the_functions_give(path, batch):
    data = load(path)
    errors, visible = joint_errors(data["pred_mm"], data["gt_mm"]), data["vis"].bool()
    at = even_thresholds(20, 50)
    table = ErrorTable(21, at.tolist())
    for part, mask in zip(errors.split(batch), visible.split(batch), strict=True):
        table.update(part, mask)
    found = table.compute()
    assert bool(found.exact)
    near(found.mean.nanmean(), data["vis_epe_mean"])
    near(found.median.nanmean(), data["vis_epe_median"])
    near(found.shares.nanmean(0), pck_curve(errors, at, visible))
    assert int(found.rows) == len(errors)
    table.reset()
    assert (int(table.rows), table.kept) == (0, [])


def test_medians_of_more_rows_than_are_kept_come_from_bins():
    draw = torch.Generator().manual_seed(0)
    errors = 8 * torch.randn(3000, 3, generator=draw).exp()
    errors[:, 2] = 0.0
    valid = torch.rand(3000, 3, generator=draw) > 0.3
    valid[:, 1] &= torch.arange(3000) < 7
    table = ErrorTable(3, [1.0], keep_rows=100)
    for part, mask in zip(errors.split(64), valid.split(64), strict=True):
        table.update(part, mask)
    found, expected = table.compute(), joint_medians(errors.double(), valid)
    assert not bool(found.exact)
    torch.testing.assert_close(found.median, expected, rtol=0.0014, atol=0)
    near(found.mean, joint_means(errors.double(), valid))


def test_medians_equal_numpy():
    rng = np.random.default_rng(0)
    values, valid = rng.random((9, 40)), rng.random((9, 40)) > 0.4
    valid[:, 3], valid[:, 4] = False, np.arange(9) == 2
    columns = zip(values.T, valid.T, strict=True)
    expected = [np.median(column[mask]) if mask.any() else np.nan for column, mask in columns]
    found = joint_medians(torch.tensor(values), torch.tensor(valid))
    np.testing.assert_array_equal(found.numpy(), expected)
    assert joint_medians(torch.zeros(0, 2)).isnan().all()


def test_what_makes_no_thresholds_is_refused():
    with pytest.raises(ValueError, match="from 50 to 20"):
        even_thresholds(50, 20)
    with pytest.raises(ValueError, match="ascend"):
        ErrorTable(2, [3.0, 3.0])


def hands(seed=0, count=6):
    draw = torch.Generator().manual_seed(seed)
    target = torch.randn(count, 21, 3, generator=draw, dtype=torch.float64) * 40
    target[..., 2] += 500
    return target + torch.randn(target.shape, generator=draw, dtype=torch.float64) * 9, target


@pytest.mark.parametrize("align", HAND_ALIGNMENTS)
def test_each_alignment_removes_what_it_is_for(align):
    joints, target = hands()
    turn = torch.linalg.qr(torch.arange(9.0, dtype=torch.float64).reshape(3, 3).sin())[0]
    turn = turn * torch.linalg.det(turn).sign()
    changes = {
        "root": joints + torch.tensor([30.0, -9.0, 100.0]),
        "root_scale": 0.7 * joints + torch.tensor([30.0, -9.0, 100.0]),
        "procrustes": 1.9 * joints @ turn + 4,
    }
    before = hand_errors(joints, target, None, align, 9, (0, 9)).errors
    for name, changed in changes.items():
        same = HAND_ALIGNMENTS.index(name) <= HAND_ALIGNMENTS.index(align)
        after = hand_errors(changed, target, None, align, 9, (0, 9)).errors
        assert torch.allclose(before, after) is same


def test_joints_without_truth_take_no_part_in_the_fit():
    joints, target = hands()
    valid = torch.rand(6, 21, generator=torch.Generator().manual_seed(1)) > 0.4
    valid[:, [0, 9]] = True
    broken = torch.where(valid[..., None], target, torch.nan)
    for align in HAND_ALIGNMENTS:
        found = hand_errors(joints, broken, valid, align, 9, (0, 9))
        assert torch.equal(found.valid, valid)
        for row in range(len(joints)):
            kept = valid[row].nonzero().flatten()
            places = (kept == 9).nonzero().item(), (kept == 0).nonzero().item()
            alone = hand_errors(joints[row, kept][None], target[row, kept][None], None, align, *_at(places))
            torch.testing.assert_close(found.errors[row, kept], alone.errors[0])


def _at(places):
    return places[0], (places[1], places[0])


def test_hands_that_cannot_be_aligned_do_not_count():
    joints, target = hands(count=3)
    valid = torch.ones(3, 21).bool()
    valid[0, 9], valid[1, 0], valid[2, 2:] = False, False, False
    expected = [[20, 20, 2], [0, 20, 0], [0, 0, 0], [20, 20, 0]]
    for align, count in zip(HAND_ALIGNMENTS, expected, strict=True):
        assert hand_errors(joints, target, valid, align, 9, (0, 9)).valid.sum(1).tolist() == count
    with pytest.raises(ConfigError, match="did you mean 'procrustes'"):
        hand_errors(joints, target, valid, "procrust")
    with pytest.raises(ConfigError, match="reference bone"):
        hand_errors(joints, target, valid, "root_scale")


def accuracy_maps(data):
    codec = Heatmap2D(crop_px=64, subpixel=False)
    predicted = codec.encode(data["pred_points"].float()).maps
    sample, joint = data["negative_map"].tolist()
    predicted[sample, joint] = -0.5
    return predicted, codec.encode(data["gt_points"].float()).maps, data["veil"]


@pytest.mark.parametrize("path", MAPS)
def test_heatmap_pck_equals_the_reference(path):
    data = load(path)
    per_joint, mean = heatmap_pck(*accuracy_maps(data))
    counted = ~per_joint.isnan()
    torch.testing.assert_close(per_joint[counted].float(), data["per_joint"][counted], rtol=0, atol=1e-5)
    assert float(mean) == pytest.approx(float(data["avg"]), abs=1e-5)


@pytest.mark.parametrize("path", MAPS)
def test_heatmap_pck_over_batches_and_over_all(path):
    maps = accuracy_maps(load(path))
    metric, weighted = HeatmapPck(21), 0.0
    for part in ([0, 1, 2], [3]):
        batch = [values[part] for values in maps]
        metric.update(*batch)
        weighted += float(heatmap_pck(*batch)[1]) * len(part)
    metric.update(*(values[:2] * 0 for values in maps))
    found = metric.compute()
    assert float(found.by_batch) == pytest.approx(weighted / 4)
    assert float(found.overall) == pytest.approx(float(heatmap_pck(*maps)[1]))
    assert found.by_batch != found.overall
    nothing = HeatmapPck(21)
    nothing.update(*(values[:0] for values in maps))
    assert nothing.compute().by_batch.isnan()


def test_a_broken_map_is_a_miss():
    target = torch.zeros(1, 2, 64, 64)
    target[0, :, 9, 9] = 1.0
    broken = target.clone()
    broken[0, 0, 3, 3] = torch.nan
    hits, counted = heatmap_hits(broken, target)
    assert hits.tolist() == [[False, True]]
    assert counted.all()
