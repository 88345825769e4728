"""The protocol of RGB hands: published values, pairs, names, processes, files, speed."""

from __future__ import annotations

import json
import math
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.multiprocessing as mp

from carpus.errors import ConfigError, DataError
from carpus.metrics.checks import NonFinitePredictionError
from carpus.metrics.functional.errors import joint_errors
from carpus.metrics.functional.pixels import epe_mean, epe_median, pck_area
from carpus.metrics.protocols.rgb_hand import RgbHandProtocol
from carpus.metrics.protocols.rgb_hand_figures import HAND, HEADLINES
from carpus.skeletons import INTERHAND, SNAP
from carpus.types import Batch, Predictions
from golden_cases import golden_paths

sys.path.insert(0, str(Path(__file__).parent))

import rgb_hand_worker as worker

TO_HAND = SNAP.permutation(to=HAND)


def as_pair(values, left):
    """``(N, 21, *)`` in the order of SNAP as right or left half of a pair ``(N, 42, *)``."""
    values = torch.as_tensor(values)[:, TO_HAND]
    empty = torch.zeros_like(values)
    shape = (-1, *(1,) * (values.ndim - 1))
    right, other = torch.where(left.view(shape), empty, values), torch.where(left.view(shape), values, empty)
    return torch.cat((right, other), 1)


def fed(protocol, predicted, truth):
    keys = [f"image{i}" for i in range(len(truth["joint_valid"]))]
    protocol.update(Predictions(keys, **predicted), Batch(keys, truth))
    return protocol


@pytest.mark.parametrize("lefts", [0, 1, 3])
@pytest.mark.parametrize("path", golden_paths("handflow2d", "metrics"))
def test_published_values_whichever_hand_it_is(path, lefts):
    data = np.load(path)
    left = torch.arange(len(data["gt_px"])) % 3 < lefts
    truth = {"joint_valid": as_pair(np.ones((len(left), 21), bool), left)}
    pixels = truth | {"joints_px": as_pair(data["gt_px"], left)}
    predicted = {"joints_px": as_pair(data["pred_px"], left)}
    values = fed(RgbHandProtocol(), predicted, pixels).compute()
    close = {"abs": 1e-9, "rel": 0}
    prefix = "2d_ours/none_21j_all"
    assert values[f"{prefix}/epe_mean_px"] == pytest.approx(float(data["px_epe_mean"]), **close)
    assert values[f"{prefix}/epe_median_px"] == pytest.approx(float(data["px_epe_median"]), **close)
    assert values[f"{prefix}/auc@0-30px"] == pytest.approx(float(data["px_auc_0_30"]), **close)
    predicted |= {"joints_cam_mm": as_pair(data["pred_mm"], left)}
    both = pixels | {"joints_cam_mm": as_pair(data["gt_mm"], left)}
    values = fed(RgbHandProtocol("stb"), predicted, both).compute()
    prefix = "lift3d/none_21j_all"
    assert values[f"{prefix}/epe_mean_mm"] == pytest.approx(float(data["epe_mean"]), **close)
    assert values[f"{prefix}/epe_median_mm"] == pytest.approx(float(data["epe_median"]), **close)
    assert values[f"{prefix}/auc@20-50mm"] == pytest.approx(float(data["auc_20_50"]), **close)
    for at in (20, 30, 40):
        assert values[f"{prefix}/pck@{at}mm"] == pytest.approx(float(data[f"pck{at}"]), **close)


def test_visible_joints_are_scored_apart():
    predicted, truth = worker.samples()
    values = fed(RgbHandProtocol(), predicted, truth).compute()
    hands = truth["hand_type"][:, 1].long()
    rows = torch.arange(worker.COUNT), hands
    errors = joint_errors(predicted["joints_px"], truth["joints_px"]).view(-1, 2, 21)[rows]
    seen = (truth["joint_valid"] & truth["joint_visible"]).view(-1, 2, 21)[rows]
    prefix = "2d_ours/none_21j_visible"
    for name in (prefix, "hand3d_2d/none_21j_visible"):
        assert values[f"{name}/epe_mean_px"] == pytest.approx(float(epe_mean(errors, seen)))
        assert values[f"{name}/epe_median_px"] == pytest.approx(float(epe_median(errors, seen)))
        assert values[f"{name}/auc@0-30px"] == pytest.approx(float(pck_area(errors, 0, 30, valid=seen)))
    assert values["counts/joints_visible"] == seen.sum()
    assert values["mmpose2d/none_21j_visible/epe_px"] == pytest.approx(float(errors[seen].mean()))
    del truth["joint_visible"]
    values = fed(RgbHandProtocol(), predicted, truth).compute()
    assert values[f"{prefix}/epe_mean_px"] == values["2d_ours/none_21j_all/epe_mean_px"]


def test_crop_box_and_depth_scale_the_errors():
    joints = torch.zeros(1, 42, 2)
    joints[0, 21:, 0], joints[0, 21:, 1] = torch.linspace(100, 200, 21), torch.linspace(50, 90, 21)
    depth = torch.full((1, 42, 1), 600.0)
    truth = {"joints_px": joints, "joint_valid": (torch.arange(42) >= 21)[None]}
    truth["camera"] = torch.tensor([[300.0, 300.0, 0.0, 0.0]])
    truth["joints_cam_mm"] = torch.cat((joints * 2, depth), -1)
    off = {"joints_px": joints + torch.tensor([10.0, 0.0])}
    values = fed(RgbHandProtocol(), off, truth).compute()
    assert values["2d_ours/none_21j_all/epe_mean_crop256px"] == pytest.approx(10 * 256 / 200)
    assert values["2d_mm/none_21j_all/epe_mean_mm"] == pytest.approx(20.0)
    assert values["2d_ours/none_21j_all/pck@0.05crop"] == pytest.approx(1.0)
    assert values["2d_ours/none_21j_all/pck@10crop256px"] == 0.0
    assert values["mmpose2d/none_21j_visible/auc@0-30px"] == pytest.approx(13 / 20)
    for pixels, right in ((23.9, 1.0), (24.1, 0.0)):
        off = {"joints_px": joints + torch.tensor([pixels, 0.0])}
        assert fed(RgbHandProtocol(), off, truth).compute()["mmpose2d/none_21j_visible/pck@0.2box"] == right


def test_alignments_and_the_root_that_is_always_right():
    predicted, truth = worker.samples()
    values = fed(RgbHandProtocol(), predicted, truth).compute()
    far = predicted | {"joints_cam_mm": predicted["joints_cam_mm"] * 1.5 + torch.tensor([0.0, 0.0, 90.0])}
    moved = fed(RgbHandProtocol(), far, truth).compute()
    for name in ("bihand3d/root_scale_21j_all", "procrustes3d/procrustes_21j_all"):
        assert moved[f"{name}/epe_mean_mm"] == pytest.approx(values[f"{name}/epe_mean_mm"], rel=1e-4)
    name = "hand3d_3d/root_scale_21j_visible/auc@0-50mm"
    assert moved[name] == pytest.approx(values[name], rel=1e-4)
    assert moved["lift3d/none_21j_all/epe_mean_mm"] > 300
    for name in ("bihand3d/root_scale", "root3d/root"):
        whole, rest = (values[f"{name}_{count}j_all/epe_mean_mm"] for count in (21, 20))
        assert whole == pytest.approx(rest * 20 / 21)
    assert values["root3d/root_21j_all/epe_mm/middle_mcp"] == 0.0
    other = fed(RgbHandProtocol(root_joint="wrist"), predicted, truth).compute()
    assert other["root3d/root_21j_all/epe_mm/wrist"] == 0.0
    name = "bihand3d/root_scale_21j_all/epe_mean_mm"
    assert other[name] == values[name]


@pytest.mark.parametrize("skeleton", ["rhd", "stb", "freihand", "snap", "interhand26m", "rhd_both"])
def test_joints_are_told_in_the_order_of_the_skeleton(skeleton):
    predicted, truth = worker.samples()
    protocol = RgbHandProtocol(skeleton)
    values = fed(protocol, predicted, truth).compute()
    prefix = "2d_ours/none_21j_all/epe_px/"
    told = [name.removeprefix(prefix) for name in values if name.startswith(prefix)]
    assert tuple(told) == protocol.joint_names
    for hand, side in enumerate(("right", "left")):
        tip = INTERHAND.index(f"{side}_little_tip")
        one = {name: value[hand::2] for name, value in truth.items()}
        part = {name: value[hand::2] for name, value in predicted.items()}
        alone = fed(RgbHandProtocol(skeleton), part, one).compute()[prefix + "little_tip"]
        errors = joint_errors(part["joints_px"], one["joints_px"])[:, tip]
        assert alone == pytest.approx(float(errors[one["joint_valid"][:, tip]].mean()))


def test_two_hands_in_a_picture_are_two_samples():
    predicted, truth = worker.samples(both=True)
    both = fed(RgbHandProtocol(), predicted, truth).compute()
    assert both["counts/hands"] == 2 * worker.COUNT
    split = RgbHandProtocol()
    for half in (torch.arange(42) < 21, torch.arange(42) >= 21):
        fed(split, predicted, truth | {"joint_valid": truth["joint_valid"] & half})
    assert split.compute() == pytest.approx(both)


def test_pixels_are_projected_where_only_camera_space_is_known():
    predicted, truth = worker.samples()
    expected = fed(RgbHandProtocol(), {"joints_cam_mm": predicted["joints_cam_mm"]}, truth).compute()
    del truth["joints_px"]
    truth["joints_cam_mm"] = torch.where(truth["joint_valid"][..., None], truth["joints_cam_mm"], torch.nan)
    found = fed(RgbHandProtocol(), {"joints_cam_mm": predicted["joints_cam_mm"]}, truth).compute()
    assert found == pytest.approx(expected, rel=1e-4)


@pytest.mark.filterwarnings("error")
def test_datasets_and_methods_without_3d_have_only_2d_figures():
    predicted, truth = worker.samples()
    flat = {name: value for name, value in truth.items() if name not in ("joints_cam_mm", "camera")}
    for given in (predicted, {"joints_px": predicted["joints_px"]}):
        values = fed(RgbHandProtocol(), given, flat).compute()
        assert not any("mm" in name.removeprefix("mmpose2d") for name in values)
        assert not any(math.isnan(value) for value in values.values())
    with pytest.raises(ConfigError, match="choose one in pixels"):
        fed(RgbHandProtocol(headline="epe_mm_root_21j"), predicted, flat)
    empty = RgbHandProtocol(headline="auc_mm_root_scale_21j")
    empty.update(Predictions([], joints_px=torch.zeros(0, 42, 2)), Batch([], {}))
    values = empty.compute()
    assert math.isnan(values.pop(empty.headline))
    assert set(values.values()) == {0.0}


def test_headlines_name_existing_figures():
    values = fed(RgbHandProtocol(), *worker.samples()).compute()
    for name, (full, higher_is_better) in HEADLINES.items():
        assert values[name] == values[full]
        protocol = RgbHandProtocol(headline=name)
        assert (protocol.headline, protocol.higher_is_better) == (name, higher_is_better)
    assert not any(math.isnan(value) for value in values.values())


def test_what_cannot_be_scored_is_refused():
    predicted, truth = worker.samples()
    broken = predicted["joints_px"].clone()
    broken[1, 25] = torch.nan
    truth["joint_valid"][1, 25] = True
    with pytest.raises(NonFinitePredictionError, match="image1"):
        fed(RgbHandProtocol(), {"joints_px": broken}, truth)
    truth["joint_valid"][1, 25] = False
    fed(RgbHandProtocol(), {"joints_px": broken}, truth)
    with pytest.raises(DataError, match="pairs of hands"):
        fed(RgbHandProtocol(), {"joints_px": broken[:, :21]}, truth)
    with pytest.raises(ConfigError, match="joints_px"):
        fed(RgbHandProtocol(), {"hand_type_prob": torch.zeros(worker.COUNT, 2)}, truth)
    wrong = {"root_joint": "midle_mcp", "headline": "epe", "skeleton": "icvl"}
    messages = ("did you mean 'middle_mcp'", "unknown headline", "icvl lacks thumb_dip")
    for (name, value), message in zip(wrong.items(), messages, strict=True):
        with pytest.raises(ConfigError, match=message):
            RgbHandProtocol(**{name: value})


def test_files_hold_numbers_conditions_and_curves(tmp_path):
    predicted, truth = worker.samples()
    protocol = fed(RgbHandProtocol("rhd", root_joint="wrist"), predicted, truth)
    values = protocol.compute()
    protocol.reset()
    protocol.write_files(tmp_path, "val", values | {"nothing": math.nan}, {"split": "val"})
    files = [tmp_path / f"val_rgb_hand{part}.json" for part in ("", ".conditions", ".curves")]
    numbers, conditions, curves = (json.loads(file.read_text()) for file in files)
    assert numbers == {**values, "nothing": None}
    assert (conditions["split"], conditions["root_joint_of_root3d"]) == ("val", "wrist")
    assert (conditions["hands_scored"], conditions["medians"]) == (worker.COUNT, "exact")
    assert conditions["joint_order"][:2] == ["wrist", "thumb_tip"]
    curve = curves["2d_ours/none_21j_all/auc@0-30px"]
    area = np.trapezoid(curve["pck"], curve["threshold_px"]) / 30
    assert values["2d_ours/none_21j_all/auc@0-30px"] == pytest.approx(area)


@pytest.mark.slow
def test_two_processes_give_the_numbers_of_one(tmp_path):
    mp.spawn(worker.work, args=(str(tmp_path),), nprocs=2)
    everything = list(range(worker.COUNT))
    alone, few = worker.score(everything), worker.score(everything, keep_rows=3)
    assert alone != few
    for rank in range(2):
        found = json.loads((tmp_path / f"rank{rank}.json").read_text())
        assert found["shared"] == pytest.approx(alone, abs=1e-9)
        assert found["one_sided"] == pytest.approx(alone, abs=1e-9)
        assert found["few_kept"] == pytest.approx(few, abs=1e-9)


def test_a_hundred_thousand_hands_take_seconds():
    predicted, truth = worker.samples(64)
    fed(RgbHandProtocol(), predicted, truth)
    protocol, started = RgbHandProtocol(), time.process_time()
    for _ in range(50):
        fed(protocol, predicted, truth)
    protocol.compute()
    # 3,200 hands with all of 2D and 3D; 100,000 within 60 s.
    assert time.process_time() - started < 1.92
