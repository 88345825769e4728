"""Runs scored on data they were not trained on: ``test.py key=KEY dataset=NAME``."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest

from carpus.engine.folder import RunFolder

WORLDS = {"stb": 4, "rhd": 8}
HOURGLASS = ["method=handflow2d/seed", "seednet.channels=8", "seednet.image_px=64", "method.inputs.map_px=16"]
ONE_EPOCH = ["trainer=cpu", "trainer.max_epochs=1", "batch_size=2", "workers=0", "seed=1"]


@pytest.fixture(scope="module")
def places(world):
    """Where the worlds, stores and runs of this module lie."""
    folder = world.folder / "elsewhere"
    return folder / "logs", [f"paths.{name}={folder}/{name}" for name in ("data", "packs", "logs")]


@pytest.fixture
def hands(here, places, no_report):
    """A run of one epoch on two synthetic pictures of one hand, scored on its own."""
    logs, where = places
    run = RunFolder(logs / "e15e0000a")
    if not run.last.is_file():
        words = [*HOURGLASS, "dataset=stb_synthetic", f"dataset.synth.frames={WORLDS['stb']}", *where]
        code, output = here("train.py", *words, *ONE_EPOCH, key=run.key)
        assert code == 0, output
    return run


@pytest.fixture
def elsewhere(here, hands, places):
    """``elsewhere(*overrides) -> output`` of the run of hands scored on a synthetic RHD."""

    def call(*overrides, of=f"key={hands.key}"):
        frames = f"dataset.synth.frames={WORLDS['rhd']}"
        code, output = here("test.py", of, "dataset=rhd_synthetic", frames, places[1][2], *overrides)
        assert code == 0, output
        return output

    return call


def content(run, *but):
    """Every file of results, by name."""
    files = [f for f in run.result.iterdir() if not f.name.startswith(but)] if but else run.result.iterdir()
    return {f.name: f.read_bytes() for f in files}


def test_hands_are_scored_on_another_dataset_beside_their_own_scores(elsewhere, hands, here, places):
    before = content(hands)
    output = elsewhere("eval_on=test")
    result = hands.read_result("test@rhd_synthetic")
    assert (result["dataset"], result["trained_on"], result["split"]) == (
        "rhd_synthetic",
        "stb_synthetic",
        "test",
    )
    conditions = result["conditions"]
    assert (conditions["dataset"], conditions["trained_on"]) == ("rhd_synthetic", "stb_synthetic")
    assert result["epe_px_none_21j"] > 0
    assert f"test of rhd_synthetic (trained on stb_synthetic): {result['samples']} samples" in output
    assert "no mean-pose predictor" in output, "RHD's training split was packed for a baseline"
    keys = np.load(hands.result / "test@rhd_synthetic_predictions.npz")["keys"].tolist()
    assert len(keys) == result["samples"] > 0
    assert not set(keys) & set(np.load(hands.result / "test_predictions.npz")["keys"].tolist())
    assert content(hands, "test@") == before
    written = json.loads((hands.result / "test@rhd_synthetic_rgb_hand.conditions.json").read_text())
    assert written["trained_on"] == "stb_synthetic"


def test_the_score_is_that_of_the_checkpoint_with_a_whole_configuration(elsewhere, hands, here, places):
    elsewhere("eval_on=val", of=f"load_ckpt={hands.last}")
    logs, where = places
    words = [
        *HOURGLASS,
        "dataset=rhd_synthetic",
        f"dataset.synth.frames={WORLDS['rhd']}",
        "eval_on=val",
        *where,
    ]
    code, output = here(
        "test.py", *words, "trainer=cpu", "workers=0", f"load_from={hands.last}", key="e15e0000b"
    )
    assert code == 0, output
    alone = RunFolder(logs / "e15e0000b").read_result("val")
    found = hands.read_result("val@rhd_synthetic")
    own = ("date", "conditions", "dataset", "trained_on")
    assert {k: v for k, v in found.items() if k not in own} == {
        k: v for k, v in alone.items() if k not in own
    }
    assert found["epe_px_none_21j"] > 0


def test_commands_tell_the_scores_apart(elsewhere, hands, here, places):
    elsewhere()
    logs = ["--logs", str(places[0])]
    code, output = here("carpus", "runs", *logs)
    (line,) = (line for line in output.splitlines() if hands.key in line)
    own, other = hands.read_result("test"), hands.read_result("test@rhd_synthetic")
    assert code == 0
    assert "stb_synthetic" in line
    assert f"{own['epe_px_none_21j']:.4g}"[:4] in line
    assert hands.read_meta()["scored"] == "test"
    code, output = here("carpus", "show", hands.key, *logs)
    assert code == 0
    assert f"test@rhd_synthetic: epe_px_none_21j {other['epe_px_none_21j']:.4g}" in output
    code, output = here("carpus", "compare", hands.key, hands.key, "--split", "test@rhd_synthetic", *logs)
    assert code == 0, output
    code, output = here("carpus", "compare", hands.key, "--split", "val@freihand", *logs)
    assert code == 1
    assert f"python test.py key={hands.key} eval_on=val dataset=freihand" in output


def test_a_run_with_no_score_of_its_own_shows_that_of_another_dataset(
    elsewhere, hands, here, places, monkeypatch
):
    run = RunFolder(places[0] / "e15e0000c")
    shutil.copytree(hands.path, run.path)
    meta = run.read_meta()
    del meta["scored"]
    (run.path / "meta.json").write_text(json.dumps(meta))
    elsewhere("eval_on=val", of=f"key={run.key}")
    assert run.read_meta()["scored"] == "val@rhd_synthetic"
    for width in ("200", "60"):
        monkeypatch.setenv("COLUMNS", width)
        code, output = here("carpus", "runs", "--logs", str(places[0]))
        (line,) = (line for line in output.splitlines() if run.key in line)
        assert code == 0
        assert "val@rhd_synthetic" in line, "what is shown is no score on the run's own data"
        assert " stb_synthetic " in line


def test_a_depth_run_is_scored_on_another_tree_with_a_report(here, trained, world):
    run, where = trained[0], [f"paths.logs={world.logs}", f"dataset.root={world.folder}/data/msra_elsewhere"]
    before, own = content(run), (run.path / "report_test.html").read_text()
    words = [
        "dataset=msra_synthetic",
        "dataset.synth.frames=1",
        "dataset.synth.seed=3",
        "dataset.name=msra_elsewhere",
    ]
    code, output = here("test.py", f"key={run.key}", *words, "dataset.test_subject=2", *where, "workers=0")
    assert code == 0, output
    result = run.read_result("test@msra_elsewhere")
    assert (result["samples"], result["trained_on"], result["splits"]) == (17, "msra_synthetic", None)
    assert result["conditions"]["dataset"] == "msra_elsewhere"
    assert "P2/" in (run.result / "test@msra_elsewhere_xyz.frames.txt").read_text()
    assert result["mean_pose_error_mm"] > 0, "MSRA's one store has the training split, too"
    assert content(run, "test@") == before
    assert (run.path / "report_test.html").read_text() == own
    page = (run.path / "report_test@msra_elsewhere.html").read_text()
    assert "trained on" in page
    assert "test_subject: 2" in page


def test_other_joints_are_refused_before_anything_is_read(here, trained, world):
    overrides = [f"key={trained[0].key}", "dataset=nyu_synthetic", f"paths.logs={world.logs}"]
    code, output = here("test.py", *overrides)
    assert code == 1
    (line,) = output.strip().splitlines()
    assert line.startswith(
        "error: method v2v was trained on msra_synthetic and predicts the joints of msra; "
    )
    assert "dataset nyu_synthetic has the 14 joints of nyu." in line
    assert line.endswith("scored on: msra, msra_synthetic")
    assert not (world.folder / "data" / "nyu_synthetic").exists()
