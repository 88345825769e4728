"""What a user can get wrong ends in one sentence that helps, and exit code 1."""

import shutil

import pytest
import torch
import yaml

from carpus.engine.folder import RunFolder


@pytest.mark.parametrize(
    ("overrides", "messages"),
    [
        (
            ["dataset=msra", "dataset.root=/nowhere/msra"],
            ["/nowhere/msra", "docs/datasets/msra.md", "msra_synthetic"],
        ),
        (
            ["batch_size=7", "iter_batch=4"],
            ["batch_size=7 is no multiple of iter_batch=4", "choose a multiple of 4"],
        ),
        (["trainer=ddp_gloo", "batch_size=5"], ["no multiple", "2 process(es)"]),
        (["trainer=default", "trainer.accelerator=gpu"], ["no CUDA device is visible", "trainer=cpu"]),
        (["seed=-1"], ["seed=-1: a whole number from 0 to 4294967295 is needed"]),
        (["trainer.precision=half"], ["Precision 'half' is invalid", "bf16-mixed"]),
        (["train_split=trian"], ["unknown split 'trian'", "did you mean 'train'"]),
        (["dataset.center_source=midle"], ["dataset.center_source", "gt"]),
        (["load_from=nothing.pth"], ["load_from=nothing.pth: no such file"]),
        (["optimizer.momentun=0.9"], ["unknown key 'optimizer.momentun'"]),
    ],
    ids=lambda value: " ".join(value[:1]),
)
def test_a_wrong_command_line_is_answered_in_one_sentence(
    here, world, trained, monkeypatch, overrides, messages
):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    given = [
        o for o in world.tiny("workers=0", *overrides) if "synth" not in o or "dataset=msra" not in overrides
    ]
    code, output = here("train.py", *given, key="e000a0001")
    assert code == 1, output
    said = [line for line in output.splitlines() if line.startswith("error: ")]
    assert len(said) == 1, output
    assert "Traceback" not in output
    for message in messages:
        assert message in said[0]
    run = RunFolder(world.logs / "e000a0001")
    if run.path.exists():
        meta = run.read_meta()
        assert meta["status"] == "failed"
        assert messages[0] in meta["error"]
        shutil.rmtree(run.path)


def test_a_dataset_of_another_kind_is_refused_before_any_data_is_read(here, world, tmp_path, monkeypatch):
    from carpus.engine.paths import conf_dir

    shutil.copytree(conf_dir(), tmp_path / "conf")
    cfg = yaml.safe_load((tmp_path / "conf/dataset/msra.yaml").read_text())
    cfg |= {
        "name": "pictures",
        "kind": "rgb_hand",
        "offers": ["rgb", "camera", "joints_cam_mm"],
        "root": "/nowhere",
    }
    (tmp_path / "conf/dataset/pictures.yaml").write_text("# Pictures.\n" + yaml.safe_dump(cfg))
    monkeypatch.setenv("CARPUS_ROOT", str(tmp_path))
    code, output = here("train.py", "dataset=pictures", f"paths.logs={tmp_path}/logs")
    assert code == 1
    error = output.strip().splitlines()[-1]
    assert "method v2v needs kind depth; dataset pictures is of kind rgb_hand" in error
    listed = error.split("can be combined with: ")[1]
    assert {"msra", "nyu_synthetic", "itop"} <= set(listed.split(", "))
    assert "pictures" not in listed


def test_a_loss_that_is_not_finite_stops_and_keeps_the_last_good_checkpoint(copied, here, world, monkeypatch):
    import carpus.losses as losses

    run = copied("e000a0002")
    before = run.last.read_bytes()
    monkeypatch.setattr(
        losses.CoordinateL1, "__call__", lambda *_: torch.tensor(float("nan"), requires_grad=True)
    )
    code, output = here(
        "train.py",
        *("resume=e000a0002", f"paths.logs={world.logs}", "trainer.max_epochs=4", "logger=csv", "workers=0"),
    )
    assert code == 1
    error = next(line for line in output.splitlines() if line.startswith("error: "))
    assert "coordinate=nan" in error
    assert f"{run.last} is the last good checkpoint" in error
    assert run.last.read_bytes() == before
    found = yaml.safe_load((run.path / "non_finite.json").read_text())
    assert len(found["keys"]) == 8
    assert all(key.startswith("P") for key in found["keys"])
    assert found["keys"][0] in error
    assert (found["epoch"], found["step"]) == (3, 51)
    assert run.read_meta()["status"] == "failed"


def test_an_absurd_learning_rate_ends_before_it_fills_the_log_with_nan(here, world, trained):
    code, output = here(
        "train.py",
        *world.tiny("optimizer.lr=1e30", "workers=0", "trainer.max_epochs=1", "test_after_fit=false"),
        key="e000a0003",
    )
    assert code == 1
    assert "it was before any checkpoint" in output
    assert (world.logs / "e000a0003/non_finite.json").is_file()
    assert not list((world.logs / "e000a0003/model_dump").iterdir())


def test_an_error_of_the_program_shows_where_it_happened(here, world, trained, monkeypatch):
    import carpus.engine.fit as fitting

    monkeypatch.setattr(fitting, "build_experiment", lambda *_: 1 / 0)
    code, output = here("train.py", *world.tiny("workers=0"), key="e000a0004")
    assert code == 1
    assert "Traceback" in output
    assert "ZeroDivisionError" in output
    assert "ZeroDivisionError" in RunFolder(world.logs / "e000a0004").read_meta()["error"]
