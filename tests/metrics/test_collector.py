"""Collected predictions: order, completeness, files."""

import dataclasses

import numpy as np
import pytest
import torch

from carpus.errors import CarpusError, ConfigError, DataError
from carpus.metrics.collector import Collected, PredictionCollector
from carpus.skeletons import INTERHAND
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
    with pytest.raises(CarpusError, match=r"the method gives \['hand_type_prob'\]"):
        PredictionCollector().update(Predictions(["a"], hand_type_prob=torch.zeros(1, 2)), _batch([0])[1])


CAMERA = torch.tensor([[1000.0, 500.0, 160.0, 120.0]])
RIGHT, LEFT = INTERHAND.roots


def _two_hands(index=0, **more):
    """A picture of both hands at (0, 0, 1000) and (100, 0, 500); whatever is not annotated is NaN."""
    target = torch.tensor([0.0, 0.0, 1000.0]).repeat(1, 42, 1)
    target[0, 21:] = torch.tensor([100.0, 0.0, 500.0])
    valid = torch.ones(1, 42).bool()
    valid[0, 3] = False
    target[0, 3] = torch.nan
    tensors = {"joints_cam_mm": target, "joint_valid": valid, "camera": CAMERA} | more
    return Batch([f"k{index}"], {**tensors, "index": torch.tensor([index])})


def _pair(predictions, batch):
    collector = PredictionCollector(1, INTERHAND)
    collector.update(predictions, batch)
    return collector.gather()


def test_errors_of_two_hands_are_relative_to_their_own_wrists():
    batch = _two_hands()
    joints = batch["joints_cam_mm"].clone()
    joints[0, :21] += torch.tensor([7.0, 0.0, 300.0])  # a hand elsewhere is no error
    joints[0, 21:] += torch.tensor([0.0, -9.0, 0.0])
    joints[0, 5] += torch.tensor([3.0, 0.0, 4.0])
    joints[0, 22] += torch.tensor([0.0, 12.0, 0.0])
    got = _pair(Predictions(["k0"], joints), batch)
    errors = got.errors_mm()[0]
    assert errors[5] == pytest.approx(5.0, abs=1e-4)
    assert errors[22] == pytest.approx(12.0, abs=1e-4)
    rest = np.setdiff1d(np.arange(42), [3, 5, 22, RIGHT, LEFT])
    np.testing.assert_allclose(errors[rest], 0.0, atol=1e-4)
    assert np.isnan(errors[[3, RIGHT, LEFT]]).all()  # not annotated; wrists, which are always 0
    with pytest.raises(ConfigError, match="legacy"):
        got.errors_mm("legacy")


def test_a_hand_without_a_wrist_has_no_errors_in_mm_but_in_pixels():
    batch = _two_hands()
    batch["joint_valid"][0, LEFT] = False
    batch["joints_cam_mm"][0, LEFT] = torch.nan
    got = _pair(Predictions(["k0"], batch["joints_cam_mm"].nan_to_num(nan=1.0)), batch)
    assert np.isnan(got.errors_mm()[0, 21:]).all()
    assert np.isfinite(got.errors_mm()[0, :20]).sum() == 19
    assert np.flatnonzero(np.isnan(got.errors_px()[0])).tolist() == [3, LEFT]


def test_pixels_of_a_method_are_compared_with_projected_joints():
    pixels = torch.zeros(1, 42, 2)
    pixels[0, :21] = torch.tensor([160.0, 120.0])  # the right hand lies on the optical axis
    pixels[0, 21:] = torch.tensor([360.0 + 3.0, 120.0 - 4.0])  # the left one at 100 / 500 * 1000 + 160
    got = _pair(Predictions(["k0"], joints_px=pixels), _two_hands())
    assert got.units == ("px",)
    assert got.joints_cam_mm is None
    errors = got.errors()[0]
    assert np.isnan(errors[3])
    np.testing.assert_allclose(np.delete(errors[:21], 3), 0.0)
    np.testing.assert_allclose(errors[21:], 5.0)
    with pytest.raises(DataError, match="no joints in mm"):
        got.errors_mm()


def test_the_methods_own_pixels_come_before_the_projection_of_its_joints():
    batch = _two_hands()
    got = _pair(Predictions(["k0"], batch["joints_cam_mm"], torch.full((1, 42, 2), 9.0)), batch)
    assert got.units == ("mm", "px")
    np.testing.assert_array_equal(got.pixels(0), np.full((42, 2), 9.0))
    np.testing.assert_allclose(dataclasses.replace(got, joints_px=None).pixels(0)[:3], [[160.0, 120.0]] * 3)
    assert np.nanmax(got.errors()) == 0.0  # the usual unit is mm


def test_labels_without_depth_are_collected_saved_and_scored_in_pixels(tmp_path):
    labels = torch.full((1, 42, 2), 50.0)
    labels[0, 7] = torch.nan
    tensors = {"joints_px": labels, "joint_valid": ~labels.isnan().any(-1), "index": torch.tensor([0])}
    shift = torch.tensor([6.0, 8.0])
    prob = torch.tensor([[0.75, 0.25]])
    found = Predictions(["k0"], joints_px=labels.nan_to_num() + shift, hand_type_prob=prob)
    _pair(found, Batch(["k0"], tensors)).save(tmp_path / "hands.npz")
    back = Collected.load(tmp_path / "hands.npz")
    assert (back.units, back.camera, back.center_mm, back.target_cam_mm) == (("px",), None, None, None)
    np.testing.assert_array_equal(back.root_of, INTERHAND.root_of)
    np.testing.assert_array_equal(back.hand_type_prob, prob)
    errors = back.errors_px()[0]
    assert np.flatnonzero(np.isnan(errors)).tolist() == [7]
    np.testing.assert_allclose(np.delete(errors, 7), 10.0)
    blind = dataclasses.replace(back, target_px=None, joint_valid=None)
    assert blind.units == ()
    with pytest.raises(DataError, match="ground truth"):
        blind.errors()


def test_predictions_of_other_joints_than_the_labels_are_refused():
    with pytest.raises(CarpusError, match="21 joints are predicted, the labels have 42"):
        _pair(Predictions(["k0"], joints_px=torch.zeros(1, 21, 2)), _two_hands())


def test_errors_of_many_samples_are_those_of_each(monkeypatch):
    import carpus.metrics.collector as module

    monkeypatch.setattr(module, "_ROWS", 3)
    rng = np.random.default_rng(0)
    joints = rng.normal(0, 50, (8, 42, 3)).astype(np.float32) + np.array([0, 0, 900], np.float32)
    roots, target = np.array(INTERHAND.root_of), joints + rng.normal(0, 5, joints.shape).astype(np.float32)
    camera = np.tile(CAMERA.double().numpy(), (8, 1))
    got = Collected(np.arange(8).astype(str), joints, None, camera, target, root_of=roots)
    apart = (joints - joints[:, roots]) - (target - target[:, roots])
    expected = np.linalg.norm(apart, axis=-1)
    expected[:, [RIGHT, LEFT]] = np.nan
    np.testing.assert_allclose(got.errors_mm(), expected, atol=1e-4)
    assert got.errors_px().shape == (8, 42)
