"""The error of the published depth CR program: the function, the protocol's option and its names."""

import json

import numpy as np
import pytest
import torch

from carpus.cli import parse
from carpus.commands.score_command import run
from carpus.data.results import ResultHeader, convention, write_results
from carpus.errors import ConfigError
from carpus.metrics.collector import Collected
from carpus.metrics.functional import legacy_joint_error, mean_joint_error
from carpus.metrics.protocols.depth import DepthHandProtocol
from carpus.metrics.score_table import score_table
from carpus.metrics.scoring import score
from carpus.skeletons import CUBE_CENTER, HANDS17
from carpus.types import Batch, Predictions

CAMERA = torch.tensor([475.065948, 475.065857, 315.944855, 245.287079], dtype=torch.float64)


def _hands(count=40, noise=10.0, seed=0):
    rng = np.random.default_rng(seed)
    target = rng.normal(0, 40, (count, 21, 3)) + rng.uniform([-60, -60, 300], [60, 60, 700], (count, 1, 3))
    joints = target + rng.normal(0, noise, target.shape)
    return torch.from_numpy(joints), torch.from_numpy(target)


def _by_hand(joint, camera):
    """One joint, by the definition."""
    x, y, z = (float(v) for v in joint)
    fx, fy, cx, cy = (float(v) for v in camera)
    return np.array([(y - cx) / fx * z, (x - cy) / fy * z, z])


def test_every_joint_is_taken_back_once_more():
    joints, target = _hands(3)
    camera = CAMERA * torch.tensor([[1.0], [1.1], [0.9]])
    errors = legacy_joint_error(joints, target, None, camera)
    for frame in range(3):
        for joint in (0, 7, 20):
            expected = np.linalg.norm(
                _by_hand(joints[frame, joint], camera[frame]) - _by_hand(target[frame, joint], camera[frame])
            )
            assert errors[frame, joint] == pytest.approx(expected, abs=1e-9)


def test_one_camera_for_all_is_one_camera_for_each():
    joints, target = _hands(5)
    one = legacy_joint_error(joints, target, None, CAMERA)
    torch.testing.assert_close(legacy_joint_error(joints, target, None, CAMERA.expand(5, 4)), one)
    with pytest.raises(ValueError, match=r"camera \(4, 4\) does not fit joints \(5, 21, 3\)"):
        legacy_joint_error(joints, target, None, CAMERA.expand(4, 4))


def test_it_is_about_an_eighth_larger_than_the_distance():
    joints, target = _hands(400)
    ratio = legacy_joint_error(joints, target, None, CAMERA).mean() / mean_joint_error(joints, target)
    assert 1.10 < ratio < 1.17


@pytest.mark.parametrize(("axis", "low", "high"), [(0, 4.8, 16.3), (1, 4.8, 16.3), (2, 10.2, 17.5)])
def test_a_shift_of_ten_counts_differently_along_each_axis(axis, low, high):
    _, target = _hands(400)
    shift = torch.zeros(3).index_fill(0, torch.tensor(axis), 10.0)
    errors = legacy_joint_error(target + shift, target, None, CAMERA)
    assert low < errors.quantile(0.02)
    assert errors.quantile(0.98) < high
    if axis < 2:  # lateral shifts are scaled by depth over focal length, whatever the place
        torch.testing.assert_close(errors, 10 * target[..., 2] / CAMERA[1 - axis])


def test_what_is_not_valid_is_nan_and_nowhere_counted():
    joints, target = _hands(2)
    valid = torch.ones(2, 21, dtype=torch.bool)
    valid[1, 3] = False
    target[1, 3] = torch.nan
    errors = legacy_joint_error(joints, target, valid, CAMERA)
    assert errors.isnan().nonzero().tolist() == [[1, 3]]
    values = _values(DepthHandProtocol(HANDS17, metric="legacy"), joints, target, valid)
    assert values["legacy_mean_error_mm"] == pytest.approx(float(errors.nanmean()), abs=1e-9)
    assert values[f"legacy_error_mm/{HANDS17.joints[3]}"] == pytest.approx(float(errors[0, 3]), abs=1e-9)


def _values(protocol, joints, target, valid=None, camera=CAMERA, size=7):
    valid = torch.ones(joints.shape[:2], dtype=torch.bool) if valid is None else valid
    for rows in torch.arange(len(joints)).split(size):
        tensors = {"joints_cam_mm": target[rows], "joint_valid": valid[rows]}
        tensors |= {} if camera is None else {"camera": camera.expand(len(rows), 4)}
        keys = [f"f{row}" for row in rows]
        protocol.update(Predictions(keys, joints_cam_mm=joints[rows]), Batch(keys, tensors))
    return protocol.compute()


def test_the_option_adds_values_under_names_of_their_own():
    joints, target = _hands()
    plain = _values(DepthHandProtocol(HANDS17), joints, target)
    values = _values(DepthHandProtocol(HANDS17, metric="legacy"), joints, target)
    assert {name: values[name] for name in plain} == plain
    added = {"legacy_mean_error_mm", "legacy_max_joint_mean_error_mm"}
    assert set(values) - set(plain) == added | {f"legacy_error_mm/{joint}" for joint in HANDS17.joints}
    errors = legacy_joint_error(joints, target, None, CAMERA)
    assert values["legacy_mean_error_mm"] == pytest.approx(float(errors.mean()))
    assert values["legacy_max_joint_mean_error_mm"] == pytest.approx(float(errors.mean(dim=0).max()))
    assert plain["max_joint_mean_error_mm"] == max(plain[f"error_mm/{joint}"] for joint in HANDS17.joints)


def test_a_single_joint_has_values_too():
    target = torch.tensor([[[0.0, 0.0, 500.0]]])
    shifted = target + torch.tensor([0.0, 10.0, 0.0])
    values = _values(DepthHandProtocol(CUBE_CENTER, metric="legacy"), shifted, target)
    assert values["legacy_max_joint_mean_error_mm"] == pytest.approx(10 * 500 / float(CAMERA[0]))
    assert values[f"legacy_error_mm/{CUBE_CENTER.joints[0]}"] == values["legacy_mean_error_mm"]


def test_the_area_under_the_joint_curve_is_its_mean_up_to_fifty():
    joints, target = torch.zeros(1, 21, 3), torch.zeros(1, 21, 3)
    joints[..., 0] = 25.0  # 0 below 25 mm, 1 from there on: half of the threshold it jumps at
    values = _values(DepthHandProtocol(HANDS17), joints, target)
    assert values["pck_auc@50mm"] == pytest.approx(100 * 25.5 / 50)


def test_an_unknown_metric_and_a_missing_camera_are_named():
    with pytest.raises(ConfigError, match="unknown metric 'legasy': did you mean 'legacy'"):
        DepthHandProtocol(HANDS17, metric="legasy")
    joints, target = _hands(2)
    with pytest.raises(ConfigError, match=r"batches need 'camera' \(B, 4\).*have joint_valid, joints_cam_mm"):
        _values(DepthHandProtocol(HANDS17, metric="legacy"), joints, target, camera=None)


def test_collected_predictions_have_errors_by_either_metric():
    joints, target = _hands(6)
    valid = np.ones((6, 21), dtype=bool)
    valid[2, 5] = False
    collected = Collected(
        np.array(list("abcdef")),
        joints.numpy(),
        np.zeros((6, 3)),
        CAMERA.expand(6, 4).numpy(),
        target.numpy(),
        valid,
    )
    expected = legacy_joint_error(joints, target, torch.from_numpy(valid), CAMERA).numpy()
    np.testing.assert_allclose(collected.errors_mm("legacy"), expected, atol=1e-9)
    assert np.isnan(collected.errors_mm("legacy")[2, 5])
    with pytest.raises(ConfigError, match="unknown metric"):
        collected.errors_mm("mm")


@pytest.fixture
def files(tmp_path):
    joints, target = _hands(30)
    names = [f"image_D{i:08d}.png" for i in range(30)]
    for name, values in (("pred", joints), ("truth", target)):
        write_results(tmp_path / f"{name}.txt", values.numpy(), names, ResultHeader("hands17"))
    return tmp_path / "pred.txt", tmp_path / "truth.txt", joints, target


def test_a_score_names_its_metric_and_keeps_the_two_apart(files):
    prediction, truth, joints, target = files
    plain = score(prediction, truth, "hands17")
    assert (plain.metric, plain.legacy) == ("euclid", None)
    assert "metric euclid, mm" in score_table(plain)
    assert "legacy" not in score_table(plain)
    report = score(prediction, truth, "hands17", metric="legacy")
    assert report.mean_error_mm == plain.mean_error_mm
    expected = legacy_joint_error(joints, target, None, CAMERA)
    assert report.legacy.mean_error_mm == pytest.approx(float(expected.mean()), abs=1e-3)
    text = score_table(report)
    assert text.index("metric euclid, mm") < text.index("metric legacy")
    assert "475.066, 475.066, 315.945, 245.287" in text
    assert max(len(line) for line in text.splitlines()) <= 80
    content = json.loads(json.dumps(report.as_dict()))
    assert content["mean_error_mm"] == plain.mean_error_mm
    assert content["legacy_mean_error_mm"] == report.legacy.mean_error_mm
    assert content["legacy_camera"] == CAMERA.tolist()


def test_a_score_through_another_camera(files):
    prediction, truth, joints, target = files
    camera = [588.0, 587.0, 320.0, 240.0]
    report = score(prediction, truth, "hands17", metric="legacy", camera=camera)
    expected = legacy_joint_error(joints, target, None, torch.tensor(camera, dtype=torch.float64))
    np.testing.assert_allclose(report.legacy.per_joint_error_mm, expected.mean(dim=0), atol=1e-3)
    default = score(prediction, truth, "hands17", metric="legacy").legacy.camera
    np.testing.assert_array_equal(default, convention("hands17").data_camera.to_array())


def test_a_camera_that_cannot_be_or_serves_nothing_is_refused(files):
    with pytest.raises(ConfigError, match="metric euclid has no use for it"):
        score(*files[:2], "hands17", camera=[1, 2, 3, 4])
    with pytest.raises(ConfigError, match="unknown metric 'mm'"):
        score(*files[:2], "hands17", metric="mm")
    for camera in ([1, 2, 3], [0, 2, 3, 4], [1, 2, 3, float("nan")]):
        with pytest.raises(ConfigError, match="fx, fy, cx, cy in pixels with positive fx and fy"):
            score(*files[:2], "hands17", metric="legacy", camera=camera)


def test_medians_and_area_of_a_score_are_those_of_the_errors(files):
    prediction, truth, joints, target = files
    report = score(prediction, truth, "hands17")
    errors = (joints - target).norm(dim=-1).numpy()
    np.testing.assert_allclose(report.per_joint_median_mm, np.median(errors, axis=0), atol=1e-3)
    at = np.arange(51)
    within = (errors[..., None] <= at).mean(axis=(0, 1))
    assert report.pck_auc_50mm == pytest.approx(np.trapezoid(within, at) / 50, abs=1e-4)
    assert report.max_joint_mean_error_mm == pytest.approx(errors.mean(axis=0).max(), abs=1e-3)


def test_the_command_prints_and_writes_both_metrics(files, tmp_path, capsys):
    prediction, truth, *_ = files
    words = ["score", str(prediction), str(truth), "--protocol", "hands17", "--metric", "legacy"]
    words += ["--camera", "588,587,320,240", "--json", str(tmp_path / "s.json")]
    run(parse(words))
    text = capsys.readouterr().out
    assert "hands17: 30 frames" in text
    assert "metric legacy, not mm of distance\nthrough the camera 588, 587, 320, 240" in text
    assert json.loads((tmp_path / "s.json").read_text())["legacy_camera"] == [588, 587, 320, 240]
    with pytest.raises(ConfigError, match="--camera takes four numbers fx,fy,cx,cy, not '588;587'"):
        run(parse([*words[:7], "--camera", "588;587"]))
