"""``test.py`` on every kind of thing to score."""

import json

import numpy as np
import pytest


def predictions(run, split="test"):
    return dict(np.load(run.result / f"{split}_predictions.npz"))


@pytest.fixture
def score(here, world, trained, no_report):
    """``score(*overrides) -> (exit code, output)`` of the trained run unless another is named."""

    def call(*overrides: str, of: str = "key=aaaa0000a"):
        return here("test.py", of, f"paths.logs={world.logs}", "workers=0", *overrides)

    return call


@pytest.mark.parametrize(
    ("split", "samples"),
    [
        ("train", 136),
        ("val", 17),
        ("test", 17),
        ("minitrain", 136),
        ("minival", 17),
        ("minitest", 17),
        ("smalltrain", 13),
        ("smallval", 4),
        ("tinytrain", 6),
    ],
)
def test_every_split_name_is_scored(score, trained, split, samples):
    code, output = score(f"eval_on={split}")
    assert code == 0, output
    assert trained[0].read_result(split)["samples"] == samples
    assert f"{split}: {samples} samples" in output
    assert len(set(predictions(trained[0], split)["keys"].tolist())) == samples


def test_a_saved_run_needs_nothing_but_a_prefix_of_its_key(here, trained, world):
    code, output = here("test.py", "key=aaaa0", "eval_on=minitest", f"paths.logs={world.logs}")
    assert code == 0, output
    once, again = trained[0].read_result("test"), trained[0].read_result("minitest")
    assert again["mean_error_mm"] == pytest.approx(once["mean_error_mm"], abs=1e-9)
    assert (trained[0].path / "report_minitest.html").is_file()


@pytest.mark.slow
def test_the_command_a_run_prints_can_be_typed(trained, world):
    command = next(line for line in trained[1].splitlines() if "python test.py" in line)
    code, output = world.run(*command.split()[1:])
    assert code == 0, output
    assert "test: 17 samples, last.ckpt" in output


def test_any_checkpoint_file_of_a_run_is_scored(score, trained):
    file = trained[0].checkpoints / "best.ckpt"
    code, output = score("eval_on=val", of=f"load_ckpt={file}")
    assert code == 0, output
    assert trained[0].read_result("val")["checkpoints"] == ["best.ckpt"]


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["key=aaaa0000a", "eval_on=minitst"], "did you mean 'minitest'"),
        (["key=aaaa0000a", "eval_on=exam"], "minitest"),
        (["key=9999f"], "no run '9999f'"),
        (["key=aaaa0000a", "trainer.acelerator=cpu"], "did you mean 'trainer.accelerator'"),
        (["key=aaaa0000a", "load_ckpt=x.ckpt"], "name one thing to score"),
        ([], "name one thing to score"),
        (["key=aaaa0000a", "method=v2v"], "a saved run keeps its method"),
        (["load_ckpt={run}/model_dump/worst.ckpt"], "the run has: best.ckpt"),
        (["load_ckpt=elsewhere/last.ckpt"], "load_from"),
        (["key=aaaa0000a", "ensemble.checkpoints=[0,9]"], "no checkpoint of epoch [9]; it kept [0, 1, 2]"),
        (["key=aaaa0000a", "ensemble.checkpoints=all", "ensemble.space=word"], "did you mean 'world'"),
    ],
)
def test_what_cannot_be_scored_is_explained_in_one_sentence(here, world, trained, overrides, message):
    given = [o.format(run=trained[0].path) for o in overrides]
    code, output = here("test.py", *given, f"paths.logs={world.logs}", "workers=0")
    assert code == 1
    (line,) = output.strip().splitlines()
    assert line.startswith("error: ")
    assert message in line


def test_an_ensemble_is_the_mean_of_its_members_in_either_space(score, trained, world):
    run = trained[0]
    members = []
    for epoch in (0, 1):
        code, output = score(of=f"load_ckpt='{run.checkpoints}/epoch={epoch:03d}.ckpt'")
        assert code == 0, output
        members.append(predictions(run))
    code, output = score("ensemble.checkpoints=[0,1]")
    assert code == 0, output
    world_mean = np.mean([m["joints_cam_mm"].astype(np.float64) for m in members], axis=0)
    together = predictions(run, "test_mean2")["joints_cam_mm"]
    np.testing.assert_allclose(together, world_mean, atol=1e-3)
    assert run.read_result("test_mean2")["checkpoints"] == ["epoch=000.ckpt", "epoch=001.ckpt"]
    assert run.read_result("test")["checkpoints"] == ["epoch=001.ckpt"]
    assert json.loads((run.result / "test_mean2_xyz.json").read_text())["models"] == 2
    code, output = score("ensemble.checkpoints=[0,1]", "ensemble.space=pixel")
    assert code == 0, output
    camera = members[0]["camera"][:, None].astype(np.float64)
    uvd = [_to_uvd(m["joints_cam_mm"].astype(np.float64), camera) for m in members]
    np.testing.assert_allclose(
        _to_uvd(predictions(run, "test_mean2")["joints_cam_mm"].astype(np.float64), camera),
        np.mean(uvd, axis=0),
        atol=1e-3,
    )


def test_the_last_epoch_is_the_last_checkpoint(score, trained):
    assert score("ensemble.checkpoints=[2]")[0] == 0
    alone = predictions(trained[0])["joints_cam_mm"]
    assert score()[0] == 0
    np.testing.assert_array_equal(predictions(trained[0])["joints_cam_mm"], alone)


def test_a_split_without_public_labels_gives_predictions_and_no_numbers(here, world):
    code, output = here(
        "train.py",
        *world.tiny(
            "dataset=hands17_synthetic", "dataset.synth.frames=40", "trainer.max_epochs=1", "workers=0"
        ),
        *("dataset.val_fraction=0.2", "method.grid.size=16"),
        key="ffff0000f",
    )
    assert code == 0, output
    result = json.loads((world.logs / "ffff0000f/result/test.json").read_text())
    assert result["samples"] == 10
    assert not [name for name in result if "error_mm" in name and result[name] is not None]
    assert "test: 10 samples" in output
    assert len((world.logs / "ffff0000f/result/test_xyz.txt").read_text().splitlines()) == 10
    assert (world.logs / "ffff0000f/report_test.html").is_file()


def _to_uvd(xyz, camera):
    return np.concatenate((xyz[..., :2] / xyz[..., 2:] * camera[..., :2] + camera[..., 2:], xyz[..., 2:]), -1)
