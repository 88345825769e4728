"""New experiments from old weights, and published weights as experiments."""

import json

import pytest
import torch

from formula_weights import formula_state
from golden_cases import golden_folder


def checkpoint(file):
    return torch.load(file, map_location="cpu", weights_only=True)


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """A checkpoint as the PyTorch port writes it."""
    keys = golden_folder("v2v") / "checkpoint_keys.json"
    if not keys.is_file():
        pytest.skip("no checkpoint_keys.json")
    file = tmp_path_factory.mktemp("published") / "checkpoint_epoch14.pth"
    state = formula_state(json.loads(keys.read_text()))
    torch.save({"model_state_dict": state, "optimizer_state_dict": {}, "epoch": 14}, file)
    return file


def test_init_from_starts_a_new_experiment_with_the_weights_only(trained, here, world):
    code, output = here(
        "train.py",
        *world.tiny("init_from=aaaa0", "trainer.max_epochs=1", "workers=0", "test_after_fit=false"),
        *("optimizer.lr=0", "optimizer=adam", "trainer.limit_train_batches=1", "trainer.limit_val_batches=1"),
        key="dddd0000d",
    )
    assert code == 0, output
    before, after = (
        checkpoint(world.logs / key / "model_dump/last.ckpt") for key in (trained[0].key, "dddd0000d")
    )
    assert after["global_step"] == 1
    count = len(before["state_dict"])
    assert f"{count} of {count} tensors copied" in output
    learnt = [n for n in before["state_dict"] if "running" not in n and "tracked" not in n]
    assert all(torch.equal(before["state_dict"][n], after["state_dict"][n]) for n in learnt)
    first, second = after["trained_on"]
    assert before["trained_on"] == [first]
    assert (first["key"], first["datasets"], first["start"]) == (trained[0].key, ["msra_synthetic"], [])
    assert (second["key"], second["steps"]) == ("dddd0000d", 1)
    assert second["start"] == [str(trained[0].last)]
    assert "Adam lr 0" in output


def test_weights_of_another_width_are_listed_by_name_and_shape(trained, here, world):
    code, output = here(
        "train.py",
        *world.tiny(
            "init_from=aaaa0000a", "method.module.net.width=0.5", "workers=0", "test_after_fit=false"
        ),
        *("trainer.max_epochs=1", "trainer.limit_train_batches=1", "trainer.limit_val_batches=1"),
        key="dddd0000e",
    )
    assert code == 0, output
    lines = [line.split() for line in output.splitlines() if "in the file," in line]
    assert len(lines) > 20
    assert all(line[0].startswith("net.") and "shape" in line and "here" in line for line in lines)


@pytest.mark.parametrize(
    ("name", "message"),
    [("eeee9", "no run 'eeee9'"), ("weights.ckpt", "no such file"), ("aaa", "too short")],
)
def test_init_from_nothing_is_refused(trained, here, world, name, message):
    code, output = here("train.py", *world.tiny(f"init_from={name}", "workers=0"), key="dddd0000f")
    assert code == 1
    assert message in output.splitlines()[-1]


def test_published_weights_are_scored_without_training(published, trained, here, world, no_report):
    code, output = here(
        "test.py",
        *world.tiny(f"load_from={published}", "method.module.net.width=1.0", "eval_on=test", "workers=0"),
        *("loss=gauss", "eval_batch_size=2"),
        key="dddd00010",
    )
    assert code == 0, output
    result = json.loads((world.logs / "dddd00010/result/test.json").read_text())
    assert (result["samples"], result["checkpoints"]) == (17, [published.name])
    assert "method.inputs.pixel_offset=1" in output
    assert json.loads((world.logs / "dddd00010/meta.json").read_text())["status"] == "scored"


def test_imported_weights_are_a_run_that_test_accepts_by_key(published, trained, here, world, no_report):
    where = [o for o in world.tiny() if o.startswith(("paths.", "method.grid", "dataset.synth", "mean_pose"))]
    code, output = here(
        "carpus",
        "import",
        str(published),
        "--method",
        "v2v",
        "--dataset",
        "msra_synthetic",
        *where,
        "workers=0",
    )
    assert code == 0, output
    key = output.split("imported as ")[1][:9]
    code, output = here("test.py", f"key={key[:6]}", f"paths.logs={world.logs}", "eval_on=test")
    assert code == 0, output
    scored, direct = (
        json.loads((world.logs / k / "result/test.json").read_text()) for k in (key, "dddd00010")
    )
    assert scored["mean_error_mm"] == pytest.approx(direct["mean_error_mm"], abs=1e-6)
    code, output = here("train.py", f"resume={key}", f"paths.logs={world.logs}")
    assert code == 1
    assert f"init_from={key}" in output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("missing.pth", "--method", "v2v"), "missing.pth"),
        (("{file}", "--method", "v2w"), "did you mean 'v2v'"),
        (("{file}", "--method", "v2v"), "say --dataset"),
        (("{file}", "--method", "v2v", "--dataset", "nyu"), "choose another --dataset"),
    ],
)
def test_what_cannot_be_imported_is_explained(published, here, arguments, message):
    code, output = here("carpus", "import", *(a.format(file=published) for a in arguments))
    assert code == 1
    assert len(output.strip().splitlines()) == 1
    assert message in output
