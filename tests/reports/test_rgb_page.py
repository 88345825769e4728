"""The page of hands in photographs: wrist-relative millimetres or pixels, and pictures around the hands."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from dataclasses import replace

import numpy as np
import pytest

from carpus.errors import DataError
from carpus.metrics.collector import Collected, project_px
from carpus.reports.build import build_comparison, build_report
from carpus.reports.draw import hand_window
from carpus.reports.numbers import FrameErrors
from carpus.reports.page import ReportMeta
from carpus.reports.rgb_frames import HandFrames
from carpus.reports.rgb_words import condition_facts, hand_cards, hand_notes, without_single_joints
from carpus.skeletons import INTERHAND

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
RIGHT, LEFT = INTERHAND.roots
METRICS = {"mpjpe_all": 12.0, "mpjpe_sh": float("nan"), "mrrpe": 30.0, "mean_pose_error_mm": 40.0}
METRICS |= {"handness_acc": 0.5, "constant_hand_type_acc": 0.6}
CONDITIONS = {"dataset": "interhand26m", "split": "test", "images_in_store": 6, "images_published": 849160}
CONDITIONS |= {"boxes_and_wrist_depths": "gt", "fingerprint": "abc"}


def hand(rng, at):
    """``(21, 3)`` a fan of fingers about 90 mm long, the wrist last."""
    angles = np.repeat(np.deg2rad([-60, -20, 0, 20, 40]), 4)
    reach = np.tile([90.0, 75.0, 60.0, 40.0], 5)
    fan = np.stack([reach * np.sin(angles), -reach * np.cos(angles), rng.uniform(-9, 9, 20)], axis=1)
    return np.concatenate([fan, np.zeros((1, 3))]) + at


@pytest.fixture(scope="module")
def pair() -> Collected:
    """Six pictures: right, left, both in turn, the last not annotated; absent hands are NaN or nonsense."""
    rng = np.random.default_rng(0)
    target = np.stack([np.concatenate([hand(rng, (-80, 0, 900)), hand(rng, (80, 0, 950))]) for _ in range(6)])
    valid = np.ones((6, 42), bool)
    valid[[0, 3], 21:], valid[[1, 4], :21], valid[5] = False, False, False
    valid[2, 4] = False
    moved = target + rng.normal(0, 2, target.shape) * np.arange(1, 7)[:, None, None] + [40.0, 0.0, 25.0]
    moved[~valid] = -4000.0
    target[~valid] = np.nan
    prob = valid[:, [0, 21]] * 0.8 + 0.1
    return Collected(
        keys=np.array([f"test/Capture0/ROM0{i}/cam400262/image{i}" for i in range(6)]),
        joints_cam_mm=moved.astype(np.float32),
        camera=np.tile([1200.0, 1200.0, 256.0, 256.0], (6, 1)),
        target_cam_mm=target.astype(np.float32),
        joint_valid=valid,
        root_of=np.array(INTERHAND.root_of),
        hand_type_prob=prob.astype(np.float32),
    )


@pytest.fixture(scope="module")
def flat(pair) -> Collected:
    """The same of a method that predicts pixels: each 3 px right of and 4 px below the truth."""
    truth = project_px(pair.target_cam_mm, pair.camera)
    found = np.where(pair.joint_valid[..., None], truth + np.array([3.0, 4.0]), 0.0)
    return replace(pair, joints_cam_mm=None, joints_px=found.astype(np.float32))


def image_of(i):
    return np.full((512, 512, 3), 40 + i, np.uint8)


@pytest.fixture(scope="module")
def meta() -> ReportMeta:
    facts, notes = condition_facts(CONDITIONS), hand_notes(CONDITIONS, METRICS, "mm")
    named = {"key": "2e8c5136b", "method": "digit", "dataset": "interhand26m", "split": "test"}
    return ReportMeta(**named, metrics=METRICS, headline="mpjpe_all", extra=facts, notes=notes)


def data_of(path):
    text = path.read_text("utf-8")
    return json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.S)[1])


def test_numbers_are_relative_to_wrists_and_leave_them_out(tmp_path, pair, meta):
    path = build_report(tmp_path, pair, INTERHAND, meta, image_of)
    data, errors = data_of(path), pair.errors_mm()
    expected = [np.nanmean(column) if np.isfinite(column).any() else None for column in errors.T]
    assert expected[RIGHT] is None
    assert data["scores"]["per_joint"] == [e if e is None else pytest.approx(e, abs=1e-3) for e in expected]
    assert data["scores"]["mean"] == pytest.approx(np.mean([e for e in expected if e is not None]), abs=1e-3)
    assert data["scores"]["mean"] < 20  # both hands stand 47 mm beside the true ones, which is no error
    cards = {card["name"]: card for card in data["cards"]}
    first = cards["MPJPE, all images"]
    assert (first["value"], first["note"]) == ("12.00", "30% of the mean pose's")
    presence = cards["presence of hands right"]
    assert (presence["note"], presence["bad"]) == ("always the same answer: 60.0 %", True)
    assert "one hand" not in cards  # an empty group
    assert cards["frames"]["note"] == "1 without ground truth"
    for sentence in (*meta.notes, "6 of 849,160 published", "<td>–</td>"):
        assert sentence.replace("'", "&#x27;") in path.read_text("utf-8")


def test_frames_on_the_page_are_those_with_the_largest_errors(tmp_path, pair, meta):
    data = data_of(build_report(tmp_path, pair, INTERHAND, meta, image_of, k_worst=2, k_best=1, k_random=9))
    means = np.nanmean(pair.errors_mm()[:5], axis=1)
    order = np.argsort(means)[::-1]
    shown = {g: [s["index"] for s in data["samples"] if s["group"] == g] for g in ("worst", "best", "random")}
    assert shown == {"worst": order[:2].tolist(), "best": [order[-1]], "random": sorted({*order[2:4], 5})}
    names = sorted(p.name for p in (tmp_path / "vis" / "test").iterdir())
    assert [n for n in names if "views" in n] == ["views_best_01.png", "views_worst_01.png"]
    assert (tmp_path / "analysis" / "test" / "joint_accuracy.png").is_file()


def test_hands_in_3d_stand_at_true_wrists_and_absent_ones_are_not_drawn(pair):
    frames = HandFrames(pair, INTERHAND, None, None)
    sample = frames.sample(2, "worst")  # both hands
    pred, target = (np.array(sample[name], float) for name in ("pred", "target"))
    for root in (RIGHT, LEFT):
        np.testing.assert_allclose(pred[root], target[root], atol=0.02)
    apart, known = np.linalg.norm(pred - target, axis=1), np.isfinite(pair.errors_mm()[2])
    np.testing.assert_allclose(apart[known], pair.errors_mm()[2][known], atol=0.05)
    assert np.isnan(target[4]).all()
    right_only = frames.sample(0, "worst")
    assert all(value is None for joint in right_only["pred"][21:] for value in joint)
    assert right_only["valid"] == [True] * 21 + [False] * 21
    np.testing.assert_allclose(right_only["center"], np.nanmean(pair.target_cam_mm[0], axis=0), atol=0.02)


def test_what_a_method_sees_is_drawn_where_nothing_is_annotated(pair):
    blind = replace(pair, target_cam_mm=None, joint_valid=None, joints_cam_mm=np.abs(pair.joints_cam_mm))
    shown = HandFrames(blind, INTERHAND, None, None).shown(1)
    assert np.isnan(shown.pred_px[:21]).all()
    assert np.isfinite(shown.pred_px[21:]).all()
    assert shown.truth_px is None
    silent = replace(blind, hand_type_prob=None)
    assert np.isfinite(HandFrames(silent, INTERHAND, None, None).shown(1).pred_px).all()


def test_pictures_show_the_part_with_the_hands_and_joints_where_they_are(pair):
    frames = HandFrames(pair, INTERHAND, None, image_of)
    shown = frames.shown(0)
    window = hand_window(shown.pred_px, shown.truth_px, 320)
    extent = np.ptp(shown.truth_px[:21], axis=0).max()
    assert extent / window.side > 0.45  # a hand of 140 px in a picture of 512
    picture = frames.overlay(0)
    assert picture.shape == (320, 648, 3)
    for pixels, left in ((shown.truth_px, 0), (shown.pred_px, 328)):
        column, row = window.to_picture(pixels[2]).round().astype(int)
        np.testing.assert_allclose(picture[row, column + left], INTERHAND.colours[2], atol=6)
    thin = frames.overlay(0, "over", size=240)
    column, row = (
        hand_window(shown.pred_px, shown.truth_px, 240).to_picture(shown.truth_px[2]).round().astype(int)
    )
    assert thin[row, column].min() > 200
    assert (frames.overlay(5) != 45).any()  # nothing annotated: what the method sees


def test_pixels_only_make_a_page_without_a_view_in_3d(tmp_path, flat, meta):
    metrics = {"epe_px": 5.0, "mean_pose_error_px": 20.0}
    notes = hand_notes({}, metrics, "px", in_space=False)
    page = replace(meta, unit="px", headline="epe_px", metrics=metrics, notes=notes, extra={})
    path = build_report(tmp_path, flat, INTERHAND, page, image_of, k_worst=2, k_random=1)
    data, text = data_of(path), path.read_text("utf-8")
    np.testing.assert_allclose(data["scores"]["per_joint"], 5.0, atol=1e-3)  # wrists too
    assert data["scores"]["thresholds"][-1] == 30
    assert data["scores"]["curves"]["joint"][-1] == 100
    assert [s["pred"] for s in data["samples"]] == [[]] * len(data["samples"])
    assert all(s["pair"].startswith("data:image/jpeg") for s in data["samples"])
    assert (data["cards"][0]["name"], data["cards"][0]["note"]) == ("epe px", "25% of the mean pose's")
    assert '<div hidden><div class="stage">' in text
    assert not re.findall(r"\bmm\b|millimetres", text)
    assert "≤ 5 px %" in text
    assert not list((tmp_path / "vis" / "test").glob("views*"))


def test_without_ground_truth_there_are_pictures_only(tmp_path, flat, meta):
    blind = replace(flat, target_cam_mm=None, joint_valid=None)
    data = data_of(build_report(tmp_path, blind, INTERHAND, replace(meta, notes=()), image_of, k_random=2))
    assert data["scores"] is None
    assert data["cards"] == hand_cards(None, 6, meta)
    assert [s["group"] for s in data["samples"]] == ["random"] * 2


@pytest.mark.filterwarnings("error")
def test_a_split_whose_joints_are_all_without_annotation_is_told_so(tmp_path, pair, meta):
    nothing = replace(pair, joint_valid=np.zeros((6, 42), bool))
    data = data_of(build_report(tmp_path, nothing, INTERHAND, meta, image_of, k_random=1))
    assert data["cards"] == [
        {"name": "frames", "value": "6", "main": True, "note": "no ground truth", "bad": True}
    ]
    assert data["scores"]["mean"] is None


def test_shares_are_compared_with_those_of_the_mean_pose(pair, meta):
    errors = FrameErrors.of(pair)
    for value, note in ((0.9, "above"), (0.2, "below")):
        metrics = {"auc_px_none_21j": value, "mean_pose_headline": 0.3, "mean_pose_error_px": 30.0}
        page = replace(meta, headline="auc_px_none_21j", metrics=metrics)
        first, second, *_ = hand_cards(errors, 6, page)
        assert (first["value"], first["note"]) == (f"{value:.3f}", f"{note} the mean pose's")
        assert (first["bad"], second["name"], second["value"]) == (value < 0.3, "mean-pose baseline", "0.300")


def test_runs_are_compared_in_a_unit_they_share(tmp_path, pair, flat):
    both = {"3d": replace(pair, joints_px=flat.joints_px), "2d": flat}
    assert [p.name for p in build_comparison(tmp_path, both, INTERHAND)] == ["comparison.png", "joints.png"]
    with pytest.raises(DataError, match="3d mm; 2d px"):
        build_comparison(tmp_path, {"3d": replace(pair, camera=None), "2d": flat}, INTERHAND)


def test_training_curves_leave_single_joints_out():
    row = {
        "step": 1,
        "val/mpjpe_all": 9.0,
        "val/r_thumb4_all": 1.0,
        "val/l_wrist_ih": 0.0,
        "train/joint": 2.0,
    }
    assert without_single_joints([row], INTERHAND) == [{"step": 1, "val/mpjpe_all": 9.0, "train/joint": 2.0}]


def test_conditions_become_facts_and_warnings():
    assert condition_facts(CONDITIONS)["boxes and wrist depths"] == "gt"
    warned = " ".join(hand_notes(CONDITIONS, METRICS, "mm"))
    for words in ("true ones (gt)", "RootNet's", "6 images, the published split 849,160"):
        assert words in warned
    usual = {**CONDITIONS, "boxes_and_wrist_depths": "rootnet", "images_in_store": 849160}
    assert condition_facts(usual)["images in store"] == "849,160, all published"
    assert not {"gt", "published split"} & set(" ".join(hand_notes(usual, METRICS, "mm")).split())
    assert hand_notes({}, {}, "px", scored=False) == ()
    assert len(hand_notes({}, {}, "px")) == len(hand_notes({}, {}, "px", in_space=False)) + 1


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="no chromium to open the page with")
@pytest.mark.parametrize("kind", ["pair", "flat"])
def test_pages_run_through_in_a_browser(request, tmp_path, meta, kind):
    unit = {"pair": "mm", "flat": "px"}[kind]
    made, page = request.getfixturevalue(kind), replace(meta, unit=unit)
    path = build_report(tmp_path, made, INTERHAND, page, image_of)
    flags = "--headless --no-sandbox --disable-gpu --disable-quic --enable-logging=stderr"
    flags += f" --virtual-time-budget=3000 --user-data-dir={tmp_path / 'profile'}"
    command = [CHROMIUM, *flags.split(), "--dump-dom", path.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert "CONSOLE" not in done.stderr
    assert 'data-ready="2 groups, 6 samples"' in done.stdout
    assert f"error threshold ({unit})" in done.stdout
