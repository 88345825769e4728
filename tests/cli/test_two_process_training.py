"""Two processes over gloo train one network and score every sample once."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def two(world, trained):
    """(run folder, output) of one epoch in two processes."""
    from carpus.engine.folder import RunFolder

    code, output = world.run(
        "train.py",
        *world.tiny("trainer=ddp_gloo", "trainer.max_epochs=1", "workers=0", "eval_batch_size=3"),
        key="2222d0002",
    )
    assert code == 0, output
    return RunFolder(world.logs / "2222d0002"), output


def test_two_processes_share_one_run_and_speak_with_one_voice(two, world):
    run, output = two
    assert "batch 8 = 4 x 1 pass(es) x 2 process(es)" in output
    assert output.count(f"experiment {run.key}:") == 1
    assert output.count("test: 17 samples") == 1
    assert run.read_meta()["status"] == "done"
    content = torch.load(run.last, map_location="cpu", weights_only=True)
    assert content["global_step"] == 17
    with (run.log / "metrics.csv").open() as stream:
        assert sum("val" not in line for line in stream) >= 2


def test_two_processes_score_every_sample_of_an_odd_number_once(two):
    arrays = np.load(two[0].result / "test_predictions.npz")
    assert arrays["index"].tolist() == list(range(17))
    assert len(set(arrays["keys"].tolist())) == 17


def test_one_process_finds_the_numbers_of_two(two, here, world, no_report):
    run = two[0]
    before = run.read_result("test")
    predicted = np.load(run.result / "test_predictions.npz")["joints_cam_mm"]
    code, output = here(
        "test.py", f"key={run.key}", f"paths.logs={world.logs}", "trainer=cpu", "eval_batch_size=5"
    )
    assert code == 0, output
    after = run.read_result("test")
    assert before["samples"] == after["samples"] == 17
    numbers = [name for name, value in after.items() if isinstance(value, float)]
    assert len(numbers) > 30
    for name in numbers:
        assert before[name] == pytest.approx(after[name], abs=1e-6), name
    np.testing.assert_allclose(
        np.load(run.result / "test_predictions.npz")["joints_cam_mm"], predicted, atol=1e-4
    )
    assert json.loads((run.result / "test_xyz.json").read_text())["checkpoints"] == ["last.ckpt"]


@pytest.mark.slow
def test_torchrun_starts_the_same_run(two, world):
    before = {f.name for f in world.logs.iterdir()}
    arguments = world.tiny("trainer=ddp_gloo", "trainer.max_epochs=1", "workers=0", "test_after_fit=false")
    code, output = world.run(
        "-m", "torch.distributed.run", "--nproc-per-node=2", str(ROOT / "train.py"), *arguments
    )
    assert code == 0, output
    (key,) = {f.name for f in world.logs.iterdir()} - before
    assert output.count(f"experiment {key}:") == 1
    assert (world.logs / key / "model_dump" / "last.ckpt").is_file()
