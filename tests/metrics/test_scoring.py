"""Published prediction files give published figures; what does not fit is named."""

import gzip
import json

import h5py
import numpy as np
import pytest
import scipy.io
import torch

from carpus.data.results import ResultHeader, convention, from_cam_mm, to_cam_mm, write_results
from carpus.errors import CarpusError, ConfigError, DataError
from carpus.metrics.collector import Collected
from carpus.metrics.functional import joint_errors
from carpus.metrics.score_table import score_table
from carpus.metrics.scoring import score

A2J = {
    "nyu": ("predictions/A2J_nyu_861_epoch32_UVD.txt.gz", "labels/nyu_keypointsUVD_test.mat"),
    "icvl": ("predictions/A2J_icvl_646_epoch12_UVD.txt", "labels/icvl_keypointsUVD_test.mat"),
    "itop": ("predictions/A2J_itop_side_88.mat", "labels/itop_side_keypoints3D_test.mat"),
}
# Mean and median in mm, frames within 20, 40 and 80 mm in percent, as published or recomputed from the files.
PUBLISHED = {"nyu": (8.6098, 6.3219, 70.56, 90.94, 98.68), "icvl": (6.4614, 5.1857, 83.08, 96.24, 99.44)}
PER_JOINT = {
    "nyu": [
        *(9.151, 7.143, 8.654, 6.897, 9.583, 7.373, 10.753),
        *(8.445, 10.615, 8.224, 7.856, 9.276, 9.251, 7.316),
    ],
    "icvl": [
        *(5.653, 5.948, 6.294, 6.893, 6.972, 5.733, 6.317, 5.498),
        *(6.359, 7.607, 5.542, 6.185, 7.623, 7.158, 6.338, 7.263),
    ],
}


def _files(samples, dataset):
    return tuple(samples / dataset / name for name in A2J[dataset])


def _truth(samples, dataset):
    return scipy.io.loadmat(_files(samples, dataset)[1])["keypoints3D"]


@pytest.mark.parametrize("dataset", ["nyu", "icvl"])
def test_published_hand_predictions_give_published_figures(samples, dataset):
    report = score(*_files(samples, dataset), dataset)
    mean, median, *within = PUBLISHED[dataset]
    assert report.mean_error_mm == pytest.approx(mean, abs=5.1e-5)
    assert report.median_error_mm == pytest.approx(median, abs=5e-4)
    np.testing.assert_allclose(100 * report.max_frame[[20, 40, 80]], within, atol=0.0051)
    np.testing.assert_allclose(report.per_joint_error_mm, PER_JOINT[dataset], atol=5.1e-4)


def test_published_body_predictions_give_the_published_precision(samples):
    report = score(*_files(samples, "itop"), "itop")
    assert 100 * report.map_10cm == pytest.approx(88.0184, abs=5.1e-5)
    assert report.mean_error_mm == pytest.approx(58.481, abs=5.1e-4)
    assert (report.headline, report.frames) == ("map_10cm", 4863)


def test_the_dataset_authors_own_pixels_confirm_joint_ids_and_order(samples):
    file = scipy.io.loadmat(samples / "nyu/dataset/test/test_predictions.mat")["pred_joint_uvconf"]
    ids = [0, 3, 6, 9, 12, 15, 18, 21, 24, 25, 27, 30, 31, 32]
    errors = joint_errors(
        torch.from_numpy(file[0][:, ids, :2].copy()),
        torch.from_numpy(_truth(samples, "nyu")[..., :2].copy()),
    )
    assert errors.mean() == pytest.approx(4.7942, abs=5.1e-5)


@pytest.mark.parametrize("dataset", ["nyu", "icvl"])
@pytest.mark.parametrize("kind", ["xyz", "cam", "xyz_negated"])
def test_one_set_of_predictions_scores_alike_in_every_space(samples, tmp_path, dataset, kind):
    prediction, truth = _files(samples, dataset)
    rules = convention(dataset)
    pixels = np.loadtxt(prediction).reshape(-1, len(rules.skeleton), 3)
    np.save(tmp_path / "other.npy", from_cam_mm(to_cam_mm(pixels, rules, "uvd"), rules, kind))
    space = kind if kind == "cam" else None
    report = score(tmp_path / "other.npy", truth, dataset, space=space)
    assert report.mean_error_mm == pytest.approx(PUBLISHED[dataset][0], abs=1e-4)


@pytest.mark.parametrize("suffix", [".txt", ".txt.gz", ".mat", ".npz", ".npy", ".h5"])
def test_every_kind_of_file_is_read(tmp_path, suffix):
    rng = np.random.default_rng(0)
    truth = rng.uniform([100, 100, 600], [200, 200, 700], (30, 14, 3))
    np.save(tmp_path / "truth.npy", truth)
    file = tmp_path / f"prediction{suffix}"
    text = "\n".join(" ".join(f"{v:.6f}" for v in row) for row in (truth + 1).reshape(30, -1))
    if suffix == ".txt":
        file.write_text(text)
    elif suffix == ".txt.gz":
        file.write_bytes(gzip.compress(text.encode()))
    elif suffix == ".mat":
        scipy.io.savemat(file, {"resultUVD": truth + 1, "other": np.zeros(3)})
    elif suffix == ".npz":
        np.savez(file, pred_uvd=truth + 1, gt_uvd=truth)
    elif suffix == ".npy":
        np.save(file, (truth + 1).reshape(30, -1))
    else:
        with h5py.File(file, "w") as archive:
            archive["joints"] = truth + 1
    report = score(file, tmp_path / "truth.npy", "nyu")
    rules = convention("nyu")
    offset = to_cam_mm(truth + 1, rules, "uvd", "evaluator") - to_cam_mm(truth, rules, "uvd", "evaluator")
    assert report.mean_error_mm == pytest.approx(np.linalg.norm(offset, axis=-1).mean(), abs=1e-5)


def test_invalid_frames_of_itop_labels_are_left_out(tmp_path):
    truth = np.random.default_rng(0).uniform([-1, -1, 2], [1, 1, 4], (10, 15, 3))
    valid = np.arange(10) % 2 == 0
    with h5py.File(tmp_path / "labels.h5", "w") as archive:
        archive["real_world_coordinates"] = truth
        archive["is_valid"] = valid.astype(np.uint8)
    everything = np.where(valid[:, None, None], truth, truth + 1)
    np.save(tmp_path / "all.npy", everything)
    np.save(tmp_path / "valid.npy", truth[valid])
    for name in ("all", "valid"):
        report = score(tmp_path / f"{name}.npy", tmp_path / "labels.h5", "itop")
        assert (report.frames, report.map_10cm, report.mean_error_mm) == (5, 1.0, 0.0)


def test_collected_predictions_can_be_scored_and_serve_as_truth(tmp_path):
    target = np.random.default_rng(0).normal([0, 0, 400], 40, (5, 21, 3)).astype(np.float32)
    valid = np.ones((5, 21), dtype=bool)
    valid[0, 0] = False
    joints = target + np.float32(2)
    joints[0, 0] = 0
    collected = Collected(
        np.array(list("abcde")), joints, np.zeros((5, 3)), np.ones((5, 4)), target, joint_valid=valid
    )
    collected.save(tmp_path / "predictions.npz")
    report = score(tmp_path / "predictions.npz", tmp_path / "predictions.npz", "msra")
    assert report.mean_error_mm == pytest.approx(12**0.5, abs=1e-5)


def test_a_result_file_of_ours_is_read_by_its_header(tmp_path):
    target = np.random.default_rng(0).uniform([10, 10, 400], [40, 40, 440], (4, 21, 3))
    frames = [f"image_{i}.png" for i in range(4)]
    write_results(tmp_path / "truth.txt", target, frames, ResultHeader("hands17", "xyz"))
    write_results(tmp_path / "pred.txt", target + 1, frames, ResultHeader("hands17", "uvd"))
    report = score(tmp_path / "pred.txt", tmp_path / "truth.txt", "hands17")
    assert report.mean_error_mm == pytest.approx(3**0.5, abs=1e-3)
    other = [*frames[1:], frames[0]]
    write_results(tmp_path / "pred.txt", target, other, ResultHeader("hands17", "xyz"))
    with pytest.raises(DataError, match=r"frame 1 is image_1.png in pred.txt and image_0.png in truth.txt"):
        score(tmp_path / "pred.txt", tmp_path / "truth.txt", "hands17")


def test_msra_releases_that_do_not_match_are_explained(tmp_path):
    for name, count in (("pred", 76_375), ("gt", 76_391)):
        np.save(tmp_path / f"{name}.npy", np.full((count, 63), 300.0, dtype=np.float32))
    with pytest.raises(DataError, match=r"76,375 frames \(the older release.*76,391 frames \(the newer"):
        score(tmp_path / "pred.npy", tmp_path / "gt.npy", "msra")


def test_what_cannot_be_scored_is_named(tmp_path, samples):
    truth = _files(samples, "nyu")[1]
    with pytest.raises(ConfigError, match="did you mean 'icvl'"):
        score("a.txt", "b.txt", "icv")
    with pytest.raises(DataError, match=r"absent.txt: no such file"):
        score(tmp_path / "absent.txt", truth, "nyu")
    np.savez(tmp_path / "several.npz", a=np.ones((2, 14, 3)), b=np.ones((2, 14, 3)))
    with pytest.raises(DataError, match=r"several variables are \(N, 14, 3\): a, b; add ':name'"):
        score(tmp_path / "several.npz", truth, "nyu")
    np.savez(tmp_path / "wrong.npz", a=np.ones((2, 21, 3)))
    with pytest.raises(DataError, match=r"no variable is \(N, 14, 3\).*it has a \(2, 21, 3\)"):
        score(tmp_path / "wrong.npz", truth, "nyu")
    np.save(tmp_path / "metres.npy", _truth(samples, "nyu") * [1, 1, 1e-3])
    with pytest.raises(DataError, match="cannot be mm, the unit of nyu"):
        score(tmp_path / "metres.npy", truth, "nyu")
    (tmp_path / "broken.mat").write_bytes(b"not a matlab file at all" * 20)
    with pytest.raises(DataError, match=r"broken.mat: is not a MATLAB file"):
        score(tmp_path / "broken.mat", truth, "nyu")
    np.save(tmp_path / "objects.npy", np.array([{}], dtype=object))
    with pytest.raises(DataError, match="is not a plain NumPy array"):
        score(tmp_path / "objects.npy", truth, "nyu")


def test_nan_predictions_are_an_error_and_nan_truth_is_unknown(tmp_path, samples):
    truth = _truth(samples, "icvl").copy()
    prediction = truth.copy()
    prediction[7, 3] = np.nan
    np.save(tmp_path / "pred.npy", prediction)
    np.save(tmp_path / "gt.npy", truth)
    with pytest.raises(CarpusError, match=r"1 frames have NaN.*the first is frame 7"):
        score(tmp_path / "pred.npy", tmp_path / "gt.npy", "icvl")
    truth[7, 3] = np.nan
    np.save(tmp_path / "gt.npy", truth)
    assert score(tmp_path / "pred.npy", tmp_path / "gt.npy", "icvl").mean_error_mm == 0.0


@pytest.mark.parametrize("dataset", A2J)
def test_table_fits_a_terminal_and_report_fits_json(samples, dataset):
    report = score(*_files(samples, dataset), dataset)
    text = score_table(report)
    assert max(len(line) for line in text.splitlines()) <= 80
    assert f"{report.mean_error_mm:.3f} mm" in text
    assert all(joint in text for joint in report.joints)
    assert json.loads(json.dumps(report.as_dict()))["mean_error_mm"] == report.mean_error_mm
