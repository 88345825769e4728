"""Collected predictions: order, completeness, files."""

import dataclasses

import numpy as np
import pytest
import torch

from carpus.errors import CarpusError, DataError
from carpus.metrics.collector import Collected, PredictionCollector
from carpus.types import Batch, Predictions


def _batch(index, labels=True, scores=False):
    count, keys = len(index), [f"k{i}" for i in index]
    tensors = {
        "center_mm": torch.zeros(count, 3),
        "camera": torch.ones(count, 4),
        "index": torch.tensor(index),
    }
    if labels:
        tensors |= {"joints_cam_mm": torch.zeros(count, 2, 3), "joint_valid": torch.ones(count, 2).bool()}
    joints = torch.tensor(index).float()[:, None, None].expand(count, 2, 3)
    predictions = Predictions(keys, joints, joint_scores=torch.ones(count, 2) if scores else None)
    return predictions, Batch(keys, tensors)


def _collected(*batches, count=None):
    collector = PredictionCollector(count)
    for batch in batches:
        collector.update(*batch)
    return collector.gather()


def test_samples_come_back_in_split_order_with_their_own_values():
    got = _collected(_batch([4, 1]), _batch([0, 3, 2]), count=5)
    assert got.keys.tolist() == ["k0", "k1", "k2", "k3", "k4"]
    np.testing.assert_array_equal(got.joints_cam_mm[:, 0, 0], np.arange(5))
    assert (got.joints_cam_mm.dtype, got.camera.dtype, len(got)) == (np.float32, np.float64, 5)


def test_repeated_and_missing_samples_are_errors():
    with pytest.raises(CarpusError, match=r"predicted twice \(k1\)"):
        _collected(_batch([0, 1]), _batch([1]))
    with pytest.raises(CarpusError, match="2 of 3 samples were predicted"):
        _collected(_batch([0, 1]), count=3)
    with pytest.raises(CarpusError, match="no predictions were collected"):
        _collected()


@pytest.mark.parametrize("labels", [True, False])
@pytest.mark.parametrize("scores", [True, False])
def test_saved_and_loaded_is_the_same(tmp_path, labels, scores):
    got = _collected(_batch([1, 0], labels, scores))
    got.save(tmp_path / "predictions.npz")
    back = Collected.load(tmp_path / "predictions.npz")
    for field in dataclasses.fields(Collected):
        np.testing.assert_array_equal(getattr(back, field.name), getattr(got, field.name))
    assert (back.target_cam_mm is None) is not labels
    assert [path.name for path in tmp_path.iterdir()] == ["predictions.npz"]


def test_errors_are_nan_where_the_truth_is_unknown():
    got = _collected(_batch([0, 2]))
    masked = dataclasses.replace(got, joint_valid=np.array([[True, True], [True, False]]))
    np.testing.assert_allclose(masked.errors_mm(), [[0, 0], [2 * 3**0.5, np.nan]])
    with pytest.raises(DataError, match="no ground truth"):
        _collected(_batch([0], labels=False)).errors_mm()


def test_a_file_that_would_run_code_or_is_damaged_is_refused(tmp_path):
    np.savez(tmp_path / "objects.npz", keys=np.array([{}], dtype=object))
    (tmp_path / "cut.npz").write_bytes(b"PK\x03\x04")
    np.savez(tmp_path / "other.npz", something=np.zeros(3))
    for name in ("objects", "cut", "other"):
        with pytest.raises(DataError, match=name):
            Collected.load(tmp_path / f"{name}.npz")
    with pytest.raises(DataError, match="no such file"):
        Collected.load(tmp_path / "absent.npz")


def test_a_method_without_joints_cannot_be_collected():
    with pytest.raises(CarpusError, match="joints_px"):
        PredictionCollector().update(Predictions(["a"], joints_px=torch.zeros(1, 2, 2)), _batch([0])[1])
