"""One run on several datasets: trained, resumed, scored part by part, shown."""

from __future__ import annotations

import json

import pytest
import torch
from omegaconf import OmegaConf

from carpus.engine.folder import RunFolder

ONE, TWO = "msra_synthetic", "msra_synthetic_2"


@pytest.fixture(scope="module")
def mixed(world):
    """Overrides of a mixture of two folds of two synthetic worlds."""
    second = [f"parts.{TWO}.{setting}" for setting in ("name=other", "synth.seed=5", "test_subject=1")]
    return world.tiny(
        f"datasets=[{ONE},{ONE}]",
        *second,
        f"parts.{TWO}.root={world.folder}/data/other",
        "train_split=smalltrain",
        "workers=0",
    )


@pytest.fixture(scope="module")
def trained(world, mixed):
    """A run of one epoch."""
    code, output = world.run("train.py", *mixed, "trainer.max_epochs=1", key="cccc0001c")
    assert code == 0, output
    return RunFolder(world.logs / "cccc0001c"), output


def weights(run):
    return torch.load(run.last, map_location="cpu", weights_only=True)["state_dict"]


def test_both_datasets_are_trained_on_and_scored_by_themselves(trained):
    run, output = trained
    assert f"dataset {ONE} + {TWO}," in output
    assert f"concat of {ONE} 13 + {TWO} 13" in output
    assert "26 training samples, 4 steps per epoch" in output
    own = {name: run.read_result(f"test_{name}") for name in (ONE, TWO)}
    assert [result["samples"] for result in own.values()] == [17, 17]
    summary = run.read_result("test")
    assert summary["samples"] == 34
    for name, result in own.items():
        assert summary["parts"][name]["value"] == result["mean_error_mm"]
        assert (run.result / f"test_{name}_predictions.npz").is_file()
    mean = sum(result["mean_error_mm"] for result in own.values()) / 2
    assert summary["mean_error_mm"] == pytest.approx(mean)
    assert own[ONE]["mean_error_mm"] != own[TWO]["mean_error_mm"]
    assert run.read_meta()["scored"] == "test"
    keys = {name: (run.result / f"test_{name}_xyz.frames.txt").read_text() for name in own}
    assert "P3/" in keys[ONE]
    assert "P1/" in keys[TWO]


def test_validation_logs_every_part_and_the_headline_of_all(trained):
    header, *rows = (trained[0].log / "metrics.csv").read_text().splitlines()
    names = header.split(",")
    row = next(dict(zip(names, line.split(","), strict=True)) for line in rows if "val/loss" in names)
    value = {name: float(row[f"val/{name}"]) for name in ("mean_error_mm", f"{ONE}/mean_error_mm")}
    other = float(row[f"val/{TWO}/mean_error_mm"])
    assert value["mean_error_mm"] == pytest.approx((value[f"{ONE}/mean_error_mm"] + other) / 2, rel=1e-5)
    assert f"test/{TWO}/mean_error_mm" in names


def test_a_saved_mixture_is_scored_on_other_splits_and_in_part(here, world, trained):
    run, where = trained[0], f"paths.logs={world.logs}"
    code, output = here("test.py", f"key={run.key}", "eval_on=smallval", "mean_pose_samples=0", where)
    assert code == 0, output
    summary = run.read_result("smallval")
    assert {name: part["samples"] for name, part in summary["parts"].items()} == {ONE: 4, TWO: 4}
    before = run.read_result(f"smallval_{ONE}")
    code, output = here("test.py", f"key={run.key}", "eval_on=smallval", f"datasets=[{TWO}]", where)
    assert code == 0, output
    assert list(run.read_result("smallval")["parts"]) == [TWO]
    assert run.read_result(f"smallval_{ONE}") == before


def test_a_saved_mixture_is_scored_on_a_dataset_that_is_none_of_its_parts(here, world, trained):
    run, where = trained[0], f"paths.logs={world.logs}"
    own, scored = run.read_result("test"), run.read_meta()["scored"]
    words = [f"dataset={ONE}", "dataset.synth.frames=1", "mean_pose_samples=0", "workers=0", where]
    code, output = here("test.py", f"key={run.key}", *words)
    assert code == 0, output
    result = run.read_result(f"test@{ONE}")
    assert result["trained_on"] == f"{ONE} + {TWO}"
    assert result["samples"] == 17
    # Named like a part and set as it is, it has the part's numbers.
    assert result["mean_error_mm"] == pytest.approx(run.read_result(f"test_{ONE}")["mean_error_mm"], abs=1e-6)
    assert run.read_result("test") == own
    assert run.read_meta()["scored"] == scored


@pytest.mark.parametrize("mix", [pytest.param("concat", marks=pytest.mark.slow), "same_len"])
def test_a_resumed_mixture_ends_in_the_weights_of_one_go(here, world, mixed, mix):
    options = [*mixed, f"mix={mix}", "scheduler=constant", "test_after_fit=false"]
    keys = {"concat": ("cccc0002c", "cccc0003c"), "same_len": ("cccc0004c", "cccc0005c")}[mix]
    for key, epochs in zip(keys, (2, 1), strict=True):
        code, output = here("train.py", *options, f"trainer.max_epochs={epochs}", key=key)
        assert code == 0, output
    code, output = here("train.py", f"resume={keys[1]}", "trainer.max_epochs=2", f"paths.logs={world.logs}")
    assert code == 0, output
    whole, resumed = (weights(RunFolder(world.logs / key)) for key in keys)
    assert all(torch.equal(value, resumed[name]) for name, value in whole.items())


def test_the_saved_configuration_says_all(trained):
    cfg = OmegaConf.load(trained[0].config_file)
    assert list(cfg.datasets) == [ONE, TWO]
    assert (cfg.parts[TWO].spec.name, cfg.parts[TWO].spec.splits.test_subject) == ("other", 1)
    assert cfg.parts[ONE].spec.splits.test_subject == 3


def test_show_and_runs_name_the_datasets(here, world, trained):
    code, output = here("carpus", "show", trained[0].key, "--logs", str(world.logs))
    assert code == 0
    assert f"test_{TWO}" in output
    assert "17 samples" in output
    code, output = here("carpus", "runs", "--logs", str(world.logs))
    assert code == 0
    assert f"{ONE} + {TWO}" in output


@pytest.mark.parametrize(
    ("script", "change", "told"),
    [
        (
            "train.py",
            ["datasets=[msra_synthetic,nyu_synthetic]"],
            "but the parts have msra in msra_synthetic",
        ),
        ("train.py", ["method=digit", f"datasets=[{ONE}]"], "method digit needs kind rgb_hand"),
        ("train.py", ["parts.nyu.root=/x"], "no parts without datasets"),
        ("test.py", ["key=cccc0001c", "datasets=[nyu]"], "unknown part 'nyu'"),
    ],
)
def test_a_mistake_is_answered_in_one_sentence(here, world, trained, script, change, told):
    where = [f"paths.logs={world.logs}", f"paths.data={world.folder}/data"]
    code, output = here(script, *change, *where)
    assert code == 1
    assert told in output.strip().splitlines()[-1]


def test_a_sweep_passes_settings_of_parts(here, mixed, monkeypatch, tmp_path):
    from carpus.engine import sweep as sweeping

    jobs = []
    monkeypatch.setattr(sweeping, "run_job", lambda overrides: jobs.append(overrides) or 0.0)
    monkeypatch.setattr(sweeping, "_finish", lambda *_: None)
    options = [option for option in mixed if not option.startswith("paths.logs")]
    code, output = here("train.py", "-m", *options, f"paths.logs={tmp_path}", "mix=concat,same_len")
    assert code == 0, output
    assert len(jobs) == 2
    assert all(f"++parts.{TWO}.test_subject=1" in job for job in jobs)
    (command,) = (tmp_path / "sweeps").glob("*/command.json")
    assert f"++parts.{TWO}.name=other" in json.loads(command.read_text())


@pytest.mark.slow
def test_two_processes_share_the_mixture(world, mixed):
    code, output = world.run(
        "train.py", *mixed, "trainer=ddp_gloo", "trainer.max_epochs=1", "eval_batch_size=3", key="cccc0006c"
    )
    assert code == 0, output
    run = RunFolder(world.logs / "cccc0006c")
    assert run.read_result("test")["samples"] == 34
    assert [run.read_result(f"test_{name}")["samples"] for name in (ONE, TWO)] == [17, 17]
