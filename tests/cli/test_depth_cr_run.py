"""A depth CR run from training to its published files; tracking after training."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
import torch

from carpus.data.results import read_predictions

TINY = ["trainer=cpu", "workers=0", "trainer.max_epochs=1", "batch_size=4", "dataset.synth.frames=33"]


def where(world) -> list[str]:
    folder = world.folder / "depth_cr"
    return [f"paths.data={folder}", f"paths.packs={folder}/packs", f"paths.logs={world.logs}"]


@pytest.fixture(scope="module")
def run(world):
    """Folder and output of a run on the family's own splits, scored one frame at a time."""
    code, output = world.run(
        "train.py",
        *[
            "method=depth_cr/super_edt2m",
            "dataset=hands17_tenths_synthetic",
            "dataset.protocol.metric=legacy",
        ],
        *["eval_batch_size=1", *TINY, *where(world)],
        key="dcdcdcdc1",
    )
    assert code == 0, output
    return world.logs / "dcdcdcdc1", output


def test_every_test_frame_is_in_the_prediction_file(run):
    folder, output = run
    result = json.loads((folder / "result" / "test.json").read_text())
    found = read_predictions(folder / "result" / "predict_super_edt2m_test")
    expected = int(output.split("num_evaluate ")[1].split()[0])
    assert len(found.index) == result["samples"] == expected > 2
    saved = np.load(folder / "result" / "test_predictions.npz")
    np.testing.assert_allclose(found.joints_cam_mm, saved["joints_cam_mm"], atol=1e-4)
    assert [int(str(key)[-8:]) for key in saved["keys"]] == found.index.tolist()
    assert found.header is not None
    assert found.header.model == "super_edt2m"


def test_both_metrics_are_there_and_named(run):
    folder, output = run
    result = json.loads((folder / "result" / "test.json").read_text())
    assert result["legacy_mean_error_mm"] != pytest.approx(result["mean_error_mm"], rel=0.02)
    assert result["splits"] == "tenths"
    assert result["center_source"] == "gt"
    assert "metric legacy" in output
    assert "metric legacy" in (folder / "analysis" / "test" / "super_edt2m_errors.txt").read_text()


def test_the_published_pictures_are_written(run):
    folder, _ = run
    errors = {file.name for file in (folder / "analysis" / "test").glob("super_edt2m_error_*.png")}
    assert errors == {f"super_edt2m_error_{kind}.png" for kind in ("rate", "bar", "dist")}
    frames = sorted(file.name.rpartition("_")[0] for file in (folder / "vis" / "test").glob("d*.png"))
    assert frames == ["detection_super_edt2m", "draw_super_edt2m"]


def test_the_run_is_scored_on_other_cubes_by_key(run, world, here, no_report):
    code, output = here(
        "test.py", "key=dcdcdcdc1", "eval_on=val", "dataset.center_source=com", f"paths.logs={world.logs}"
    )
    assert code == 0, output
    assert json.loads((run[0] / "result" / "val.json").read_text())["center_source"] == "com"


def test_stored_maps_of_another_cube_are_refused(world, here):
    size = ["dataset.synth.frames=33", *where(world)]
    code, output = here("carpus", "pack", "nyu_synthetic", "train", "--types", "edt2m_32", *size)
    assert code == 0, output
    code, output = here(
        "train.py",
        *[
            "method=depth_cr/super_edt2m",
            "dataset=nyu_synthetic",
            "dataset.cube_mm=300",
            *TINY,
            *where(world),
        ],
    )
    assert code == 1
    assert "150" in output, output
    assert "125" in output, output


@pytest.mark.parametrize("frames", [8])
def test_fewer_than_ten_frames_cannot_be_divided(frames, world, here):
    folder = world.folder / "few"
    code, output = here(
        "train.py",
        *["method=depth_cr/base_clean", "dataset=hands17_tenths_synthetic", *TINY[:-1]],
        *[f"dataset.synth.frames={frames}", f"paths.data={folder}", f"paths.logs={world.logs}"],
    )
    assert code == 1
    assert "8 frames" in output.replace("only ", ""), output


@pytest.mark.slow
def test_a_hand_is_tracked_within_25_mm_after_training_on_synthetic_frames(world, here, no_report):
    code, output = world.run_long(
        "train.py",
        *[
            "experiment=depth_cr_quick",
            "trainer.max_epochs=28",
            "augment.shift_mm=20",
            "test_after_fit=false",
        ],
        *where(world),
        key="dcdcdcdc2",
    )
    assert code == 0, output
    for motion in ("pointing", "frontal"):
        stream, out = world.folder / motion, world.folder / f"tracked_{motion}"
        code, output = here("carpus", "synth", "stream", "--out", str(stream), "--motion", motion)
        assert code == 0, output
        options = ["--truth", str(stream / "joints.npz"), "--out", str(out), "--logs", str(world.logs)]
        code, output = here("carpus", "track", "dcdcdcdc2", str(stream), *options)
        assert code == 0, output
        summary = json.loads((out / "summary.json").read_text())
        assert summary["mean_error_mm"] <= 25.0
        assert summary["frames_per_s"] >= 15.0


def test_runs_on_the_same_frames_are_drawn_side_by_side(run, world, here, tmp_path):
    twin = world.logs / "dcdcdcdc9"
    shutil.copytree(run[0], twin)
    meta = twin / "meta.json"
    meta.write_text(meta.read_text().replace("dcdcdcdc1", "dcdcdcdc9"))
    try:
        words = ["compare", "dcdcdcdc1", "dcdcdcdc9", "--logs", str(world.logs), "--pictures", str(tmp_path)]
        code, output = here("carpus", *words, "--metric", "legacy")
        assert code == 0, output
        assert "metric legacy" in output
        pictures = {"comparison", "joints", "error_rate", "error_bar", "error_dist"}
        assert {file.stem for file in tmp_path.glob("*.png")} == pictures
        with np.load(twin / "result" / "test_predictions.npz") as saved:
            fewer = {name: array[1:] for name, array in saved.items()}
        np.savez(twin / "result" / "test_predictions.npz", **fewer)
        code, output = here("carpus", *words)
        assert code == 1
        assert "not the same ones" in output
    finally:
        shutil.rmtree(twin)


@pytest.mark.slow
def test_a_resumed_training_ends_in_the_weights_of_the_whole_one(world):
    """Step-wise rate, Adam of TensorFlow, augmentation, file order and the stopping rule's memory."""
    recipe = [
        "experiment=depth_cr_hands17_ref",
        "dataset=hands17_tenths_synthetic",
        "method=depth_cr/base_clean",
    ]
    small = [
        "augment=cube",
        "scheduler.every_frames=20",
        *TINY,
        "trainer.max_epochs=3",
        "test_after_fit=false",
    ]
    code, output = world.run("train.py", *recipe, *small, *where(world), key="dcdcdcdc3")
    assert code == 0, output
    begun = [word for word in small if word != "trainer.max_epochs=3"]
    code, output = world.run(
        "train.py", *recipe, *begun, "trainer.max_epochs=1", *where(world), key="dcdcdcdc4"
    )
    assert code == 0, output
    code, output = world.run(
        "train.py", "resume=dcdcdcdc4", "trainer.max_epochs=3", f"paths.logs={world.logs}"
    )
    assert code == 0, output
    whole, parts = (
        torch.load(world.logs / key / "model_dump" / "last.ckpt", weights_only=True)
        for key in ("dcdcdcdc3", "dcdcdcdc4")
    )
    assert whole["global_step"] == parts["global_step"]
    assert whole["lr_schedulers"] == parts["lr_schedulers"]
    for name, value in whole["state_dict"].items():
        assert torch.equal(value, parts["state_dict"][name]), name
    stops = [state["callbacks"]["PublishedStop"] for state in (whole, parts)]
    assert stops[0] == stops[1]
