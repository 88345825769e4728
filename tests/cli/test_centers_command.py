"""A localiser's centre files: written as published, refused where they are useless."""

from __future__ import annotations

import pytest

from carpus.data.centers import read_centers


def where(world) -> list[str]:
    return [f"paths.data={world.folder}/centers", f"paths.packs={world.folder}/centers/packs"]


@pytest.fixture(scope="module")
def localiser(world):
    """Key of a localiser trained for one step."""
    code, output = world.run(
        "train.py",
        *["method=depth_cr/localizer2", "dataset=nyu_synthetic", "dataset.synth.frames=16"],
        *["batch_size=4", "trainer=cpu", "trainer.max_steps=1", "test_after_fit=false", "workers=0"],
        *[*where(world), f"paths.logs={world.logs}"],
        key="10ca10ca1",
    )
    assert code == 0, output
    return "10ca10ca1"


def test_every_frame_has_a_line_in_the_published_frame(localiser, world, here):
    folder = world.folder / "written"
    code, output = here(
        "carpus",
        *["centers", localiser[:5], "nyu_synthetic", f"--logs={world.logs}", f"--out={folder}"],
        *["--workers=0", *where(world)],
    )
    assert code == 0, output
    assert "16 lines, 0 invalid" in output
    assert f"dataset.center_dir={folder}" in output
    for name, count in (("train", 16), ("test", 4)):
        centers = read_centers(folder / f"center_{name}_refined.txt")
        assert centers.shape == (count, 3)
        assert (centers[:, 2] > 0).all()


def test_frames_of_a_small_score_are_invalid(localiser, world, here):
    folder = world.folder / "none"
    code, output = here(
        "carpus",
        *["centers", localiser, "nyu_synthetic", f"--logs={world.logs}", f"--out={folder}"],
        *["--workers=0", "--least-score=1.1", *where(world)],
    )
    assert code == 0
    assert "16 lines, 16 invalid" in output


def test_a_run_that_finds_joints_is_refused(trained, world, here):
    code, output = here("carpus", "centers", trained[0].key, "msra_synthetic", f"--logs={world.logs}")
    assert code == 1
    assert "a localiser is needed" in output


@pytest.mark.slow
def test_what_a_trained_localiser_writes_places_the_cube_of_another_method(world, here, no_report):
    """On the frames it was trained on; the whole pipeline then runs without ground truth."""
    common = [
        "dataset.synth.frames=16",
        "trainer=cpu",
        "workers=0",
        *where(world),
        f"paths.logs={world.logs}",
    ]
    code, output = here(
        "train.py",
        *[
            "method=depth_cr/localizer2",
            "dataset=icvl_synthetic",
            "dataset.center_source=gt",
            "batch_size=16",
        ],
        *["trainer.max_epochs=300", "trainer.val_every_epochs=300", "callbacks.checkpoint.every_epochs=300"],
        *["method.module.dropout=0", "eval_on=train", "val_split=train", *common],
        key="10ca10ca2",
    )
    assert code == 0, output
    folder = world.folder / "found"
    code, output = here(
        "carpus",
        *["centers", "10ca10ca2", "icvl_synthetic", f"--logs={world.logs}", f"--out={folder}"],
        *["dataset.synth.frames=16", "--workers=0", *where(world)],
    )
    assert code == 0, output
    error = float(output.split("center_train_refined.txt: ")[1].split(" mm from")[0].split(", ")[-1])
    assert error < 30
    code, output = here(
        "train.py",
        *["method=v2v", "method.grid.size=24", "method.module.net.width=0.25", "dataset=icvl_synthetic"],
        *[f"dataset.center_dir={folder}", "dataset.center_source=file", "val_split=train", "eval_on=train"],
        *["trainer.fast_dev_run=true", "batch_size=4", *common],
    )
    assert code == 0, output
