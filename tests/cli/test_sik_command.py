"""The hand-model stage from its first command to its result files."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from carpus.engine.config import compose_config
from carpus.engine.weights import read_initial_weights
from carpus.errors import ConfigError
from sik_runs import rhd, untrained

QUICK = ["batch_size=16", "workers=0", "trainer.max_epochs=1", "mean_pose_samples=20"]


@pytest.fixture
def where(tmp_path):
    return [f"paths.data={tmp_path}/data", f"paths.logs={tmp_path}/logs"]


def test_pretraining_leaves_numbers_pictures_and_weights(here, where, tmp_path):
    data = ["method=handflow2d/sik_pretrain", "dataset=sik1m_synthetic", "dataset.synth.frames=40"]
    code, output = here("train.py", *data, *where, *QUICK, key="aaaa00001")
    assert code == 0, output
    run = tmp_path / "logs" / "aaaa00001"
    result = json.loads((run / "result" / "test.json").read_text())
    assert result["standin_hand"] == 1
    assert result["samples"] == result["counts/hands"] == 10
    assert result["mean_pose_error_mm"] > 20
    assert result["conditions"]["hands_in_store"] == 50
    assert 0 < result["rotation_error_deg"] < 180
    saved = json.loads((run / "result" / "test_sik.json").read_text())
    assert saved["numbers"]["standin_hand"] == 1
    assert (run / "report_test.html").stat().st_size > 10_000
    assert (run / "vis" / "test" / "worst_01.png").is_file()
    with np.load(run / "result" / "test_predictions.npz") as found:
        apart = np.linalg.norm(found["joints_cam_mm"] - found["target_cam_mm"], axis=-1)
    assert apart.mean() == pytest.approx(result["epe_mm_root_21j"], rel=1e-5)
    code, output = here("carpus", "demo", "aaaa", str(run), "--logs", str(tmp_path / "logs"))
    assert (code, len(output.strip().splitlines())) == (1, 1)


def test_found_joints_train_the_stage(here, where, tmp_path, no_report):
    lift = untrained(tmp_path, "bbbb00001")
    look = ["rhd", "--out", str(tmp_path / "off"), "--workers", "0", "--logs", str(tmp_path / "logs")]
    for split, hands in ((["train", "--epochs", "3"], "6 hands"), (["test"], "1 hands")):
        code, output = here("carpus", "sik", lift.key, *look, "--split", *split, *rhd(tmp_path))
        assert code == 0, output
        assert hands in output
        assert f"dataset=sik_offline dataset.root={tmp_path}/off dataset.sets=[rhd]" in output
    data = ["method=handflow2d/sik_offline", "dataset=sik_offline", f"dataset.root={tmp_path}/off"]
    more = ["dataset.sets=[rhd]", "dataset.epochs=3", "dataset.standin=true"]
    code, output = here("train.py", *data, *more, *where, *QUICK, key="cccc00001")
    assert code == 0, output
    assert "6 training samples" in output
    assert "of it)" in output


def test_a_dataset_without_found_joints_is_named_before_it_is_read(here, where):
    code, output = here("train.py", "method=handflow2d/sik_offline", "dataset=sik1m", *where)
    assert code == 1
    assert "needs the fields joints_found_m" in output
    assert "sik_offline, sik_offline_synthetic" in output


def test_weights_of_stages_trained_apart_come_together(tmp_path):
    lift = untrained(tmp_path, "bbbb00001")
    whole = untrained(tmp_path, "dddd00001", "handflow2d/bihand", "method.module.net.sik.standin=true")
    logs = f"paths.logs={tmp_path}/logs"
    both, source = read_initial_weights(compose_config([logs, f"init_from=[bbbb,{whole.last}]"]))
    assert source == f"{lift.last} and {whole.last}"
    own = torch.load(whole.last, weights_only=True)["state_dict"]
    assert both.keys() == own.keys()
    assert all(torch.equal(both[name], value) for name, value in own.items())
    first, _ = read_initial_weights(compose_config([logs, f"init_from=[{whole.key},bbbb]"]))
    of_lift, _ = read_initial_weights(compose_config([logs, "init_from=bbbb"]))
    assert all(torch.equal(first[name], value) for name, value in of_lift.items())
    assert {name.split(".")[1] for name in first.keys() - of_lift.keys()} == {"siknet"}
    with pytest.raises(ConfigError, match="no run 'ffff'"):
        read_initial_weights(compose_config([logs, "init_from=[bbbb,ffff]"]))
