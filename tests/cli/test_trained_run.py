"""One run from the command line to its folder."""

import csv
import json

import numpy as np
import pytest
import torch
import yaml


def checkpoint(file):
    return torch.load(file, map_location="cpu", weights_only=True)


def test_the_output_ends_with_the_key_and_the_two_next_commands(trained, world):
    run, output = trained
    lines = [line.strip() for line in output.strip().splitlines()]
    assert lines[0].startswith(f"experiment {run.key}: method v2v, dataset msra_synthetic")
    assert lines[-2] == f"python test.py key={run.key} eval_on=test paths.logs={world.logs}"
    assert lines[-1] == f"python train.py resume={run.key} paths.logs={world.logs}"


def test_the_output_says_what_runs_how_fast_and_what_the_mean_pose_would_reach(trained):
    output = trained[1]
    assert "parameters on " in output
    assert "136 training samples, 17 steps per epoch, 3 epochs" in output
    for word in ("images/s", "data wait", "memory", "left"):
        assert word in output
    assert "mean-pose predictor" in output
    assert "report_test.html" in output


def test_the_folder_holds_the_resolved_configuration_and_the_command(trained):
    run, _ = trained
    text = run.config_file.read_text()
    assert "${" not in text
    cfg = yaml.safe_load(text)
    assert (cfg["batch_size"], cfg["trainer"]["max_epochs"], cfg["method"]["grid"]["size"]) == (8, 3, 16)
    overrides = yaml.safe_load((run.path / "overrides.yaml").read_text())
    assert "experiment=quickstart" in overrides
    assert "scheduler.milestones=[1,2]" in overrides


def test_meta_names_commit_versions_device_and_a_good_end(trained):
    meta = trained[0].read_meta()
    assert meta["status"] == "done"
    assert (meta["key"], meta["epochs"], meta["steps"], meta["scored"]) == (trained[0].key, 3, 51, "test")
    assert meta["commit"]
    assert meta["versions"]["torch"] == torch.__version__.split("+")[0]
    assert {"device", "python", "start", "end", "command"} <= set(meta)
    assert meta["error"] is None


@pytest.mark.parametrize("name", ["last", "best", "epoch=000", "epoch=001", "epoch=002"])
def test_every_checkpoint_loads_without_running_code(trained, name):
    content = checkpoint(trained[0].checkpoints / f"{name}.ckpt")
    assert {"state_dict", "optimizer_states", "lr_schedulers", "random_state", "loops"} <= set(content)


def test_the_csv_log_has_every_epoch_once(trained):
    with (trained[0].log / "metrics.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    for name in ("val/mean_error_mm", "perf/images_per_s", "perf/data_wait", "perf/memory_gb"):
        assert [row["epoch"] for row in rows if row[name]] == ["0", "1", "2"], name
    assert [row["step"] for row in rows if row["train/loss"]] == ["9", "19", "29", "39", "49"]


def test_wandb_without_a_key_is_offline_under_the_runs_key_and_tensorboard_has_its_file(trained):
    run, _ = trained
    assert len(list((run.log / "wandb").glob(f"offline-run-*-{run.key}/run-{run.key}.wandb"))) == 1
    events = (run.log / "tensorboard").glob("events.out.tfevents.*")
    assert sum(file.stat().st_size for file in events) > 1000


def test_wandb_is_offline_exactly_if_nobody_gave_a_key(monkeypatch, tmp_path):
    from carpus.engine.loggers import has_wandb_key

    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("WANDB_MODE", raising=False)
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    assert not has_wandb_key()
    (tmp_path / ".netrc").write_text("machine api.wandb.ai\n  login user\n  password secret\n")
    (tmp_path / ".netrc").chmod(0o600)
    assert has_wandb_key()
    monkeypatch.setenv("WANDB_MODE", "offline")
    assert not has_wandb_key()


def test_results_are_numbers_files_in_the_published_format_and_arrays(trained):
    run, output = trained
    result = run.read_result("test")
    assert (result["samples"], result["checkpoints"]) == (17, ["last.ckpt"])
    assert f"mean_error_mm {result['mean_error_mm']:.3f}" in output
    arrays = np.load(run.result / "test_predictions.npz")
    assert len(set(arrays["keys"].tolist())) == 17
    error = np.linalg.norm(arrays["joints_cam_mm"] - arrays["target_cam_mm"], axis=-1).mean()
    assert result["mean_error_mm"] == pytest.approx(error, abs=1e-4)
    for space in ("xyz", "uvd"):
        rows = [line.split(" ") for line in (run.result / f"test_{space}.txt").read_text().splitlines()]
        assert [len(row) for row in rows] == [63] * 17
        assert all(len(cell.partition(".")[2]) == 4 for row in rows for cell in row)
        frames = (run.result / f"test_{space}.frames.txt").read_text().split("\n")
        assert frames[:17] == arrays["keys"].tolist()
        header = json.loads((run.result / f"test_{space}.json").read_text())
        assert (header["dataset"], header["space"]) == ("msra_synthetic", space)


def test_the_report_is_one_page_that_needs_no_network(trained):
    run, _ = trained
    page = (run.path / "report_test.html").read_text()
    assert run.key in page
    assert not any(f'{tag}="http' in page for tag in ("src", "href"))
    assert {f.name for f in (run.path / "analysis" / "test").iterdir()} >= {"error_curve.png", "training.png"}
    assert len(list((run.path / "vis" / "test").glob("*.png"))) >= 10
