"""Errors about the root with the true reference bone, as BiHand's third stage is scored."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
import torch

from carpus.errors import ConfigError
from carpus.metrics.checks import NonFinitePredictionError
from carpus.metrics.protocols.sik import SikProtocol
from carpus.skeletons import SNAP
from carpus.types import Batch, Predictions

ROOT = SNAP.index("middle_mcp")


def made(count=40, seed=0):
    """True and predicted joints in mm, whose errors spread over 0 to some 100 mm."""
    rng = np.random.default_rng(seed)
    true = rng.normal([0, 0, 600], 40, (count, 21, 3))
    return true, true + rng.normal(0, 1, (count, 21, 3)) * rng.uniform(0, 30, (count, 1, 1))


def scored(protocol, true, found, size=7):
    for start in range(0, len(true), size):
        part = slice(start, start + size)
        keys = [str(i) for i in range(*part.indices(len(true)))]
        truth = {
            "joints_cam_mm": torch.tensor(true[part], dtype=torch.float32),
            "joint_valid": torch.ones(len(keys), 21, dtype=torch.bool),
        }
        found_mm = torch.tensor(found[part], dtype=torch.float32)
        protocol.update(Predictions(keys, joints_cam_mm=found_mm), Batch(keys, truth))
    return protocol.compute()


def test_figures_are_found_per_joint_then_averaged():
    true, found = made()
    values = scored(SikProtocol(), true, found)
    errors = np.linalg.norm((found - found[:, [ROOT]]) - (true - true[:, [ROOT]]), axis=-1)
    others = np.delete(errors, ROOT, 1)
    for name, of in (("21j", errors), ("20j", others)):
        prefix = f"sik/root_{name}_all"
        assert values[f"{prefix}/epe_mean_mm"] == pytest.approx(of.mean(0).mean(), rel=1e-5)
        assert values[f"{prefix}/epe_median_mm"] == pytest.approx(np.median(of, 0).mean(), rel=1e-5)
        at = np.linspace(20, 50, 20)
        curve = (of[..., None] <= at).mean((0, 1))
        area = ((curve[1:] + curve[:-1]) / 2 * np.diff(at)).sum() / 30
        assert values[f"{prefix}/auc@20-50mm"] == pytest.approx(area, abs=1e-6)
        for mm in (20, 30, 40):
            assert values[f"{prefix}/pck@{mm}mm"] == pytest.approx((of <= mm).mean(), abs=1e-9)
    assert values["epe_mm_root_21j"] == values["sik/root_21j_all/epe_mean_mm"]
    assert values["sik/root_21j_all/epe_mm/middle_mcp"] == 0
    assert values["counts/hands"] == 40


def test_batches_do_not_matter_and_place_neither():
    true, found = made()
    one, other = scored(SikProtocol(), true, found, 40), scored(SikProtocol(), true, found + 500.0, 3)
    assert one.keys() == other.keys()
    for name, value in one.items():
        assert other[name] == pytest.approx(value, abs=1e-3), name


def test_an_empty_split_has_no_number_and_a_nan_is_refused():
    protocol = SikProtocol(headline="auc_mm_root_21j")
    assert protocol.higher_is_better
    assert math.isnan(protocol.compute()["auc_mm_root_21j"])
    true, found = made(2)
    found[1, 3] = np.nan
    with pytest.raises(NonFinitePredictionError, match="1"):
        scored(protocol, true, found)
    with pytest.raises(ConfigError, match="joints_cam_mm"):
        protocol.update(Predictions(["a"]), Batch(["a"], {}))


def test_the_file_says_what_numbers_depend_on(tmp_path):
    protocol = SikProtocol()
    values = scored(protocol, *made(5))
    protocol.write_files(tmp_path, "test", {**values, "standin_hand": 1.0}, {"dataset": "sik1m"})
    content = json.loads((tmp_path / "test_sik.json").read_text())
    assert content["numbers"]["standin_hand"] == 1
    assert content["conditions"]["dataset"] == "sik1m"
    assert "middle_mcp" in content["conditions"]["aligned"]
    assert len(content["curves"]["sik/root_21j_all/auc@20-50mm"]["pck"]) == 20


def test_unknown_choices_are_named():
    for choice in ({"headline": "auc"}, {"root_joint": "wrst"}):
        with pytest.raises(ConfigError, match=next(iter(choice))):
            SikProtocol(**choice)
