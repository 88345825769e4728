"""A run ended at any moment and resumed is the run that was never ended."""

import csv
import shutil
import signal
import threading

import pytest
import torch

SCHEDULE = ["scheduler=step", "scheduler.milestones=[1,2]"]


def checkpoint(file):
    return torch.load(file, map_location="cpu", weights_only=True)


def same(first, second) -> bool:
    """Whether two nested containers of tensors hold the same bits."""
    if isinstance(first, torch.Tensor):
        return torch.equal(first, second)
    if isinstance(first, dict):
        return first.keys() == second.keys() and all(same(first[k], second[k]) for k in first)
    if isinstance(first, list | tuple):
        return len(first) == len(second) and all(map(same, first, second))
    return first == second


def end_at(process, line_start: str, how: signal.Signals) -> tuple[int, str]:
    """Send a signal once a line of the output begins so; exit code and output."""
    guard = threading.Timer(120, process.kill)
    guard.start()
    output = []
    for line in process.stdout:
        output.append(line)
        if line.startswith(line_start):
            process.send_signal(how)
            break
    output.append(process.stdout.read())
    code = process.wait()
    guard.cancel()
    return code, "".join(output)


def rows(run, *prefixes):
    """Logged rows that have the named columns, cut to these."""
    found = []
    with (run.log / "metrics.csv").open(newline="") as stream:
        for row in csv.DictReader(stream):
            values = {name: value for name, value in row.items() if value and name.startswith(prefixes)}
            if values:
                found.append({"epoch": row["epoch"], "step": row["step"], **values})
    return found


@pytest.fixture(scope="module")
def ended_twice(world, trained):
    """(folder, outputs, states in between) of a run killed in epoch 2 and interrupted in epoch 3."""
    from carpus.engine.folder import RunFolder

    run = RunFolder(world.logs / "bbbb0000b")
    often = ["callbacks.progress.every_seconds=0", "callbacks.checkpoint.every_minutes=0"]
    # Or the run could be over before its line is read and answered.
    often.append("+callbacks.slow={_target_: slow_steps.SlowSteps, seconds: 0.05}")
    first = world.start(
        "train.py",
        *world.tiny(*SCHEDULE, *often, "workers=1", "trainer.max_epochs=3", "test_after_fit=false"),
        key=run.key,
    )
    killed = end_at(first, "epoch 2/3 batch 7/17", signal.SIGKILL)
    states = [(run.read_meta()["status"], checkpoint(run.last)["global_step"])]
    second = world.start("train.py", "resume=bbbb", f"paths.logs={world.logs}")
    interrupted = end_at(second, "epoch 3/3 batch 3/17", signal.SIGINT)
    states.append((run.read_meta()["status"], checkpoint(run.last)["global_step"]))
    third = world.run("train.py", "resume=bbbb", f"paths.logs={world.logs}")
    return run, (killed, interrupted, third), states


def test_it_really_was_ended_in_the_middle_of_its_epochs(ended_twice):
    run, ((killed, _), (interrupted, said), (finished, last)), states = ended_twice
    assert (killed, interrupted, finished) == (-signal.SIGKILL, 130, 0), last
    assert states[0][0] == "running"
    assert 17 < states[0][1] < 34
    assert 34 < states[1][1] < 51
    assert states[1][0] == "interrupted"
    assert said.rstrip().endswith("interrupted")
    assert "Traceback" not in said
    assert run.read_meta()["status"] == "trained"
    assert len(run.read_meta()["resumed"]) == 2


@pytest.mark.parametrize("part", ["state_dict", "optimizer_states", "lr_schedulers", "random_state"])
def test_a_killed_and_resumed_run_ends_in_the_same_bits(ended_twice, trained, part):
    once, resumed = checkpoint(trained[0].last), checkpoint(ended_twice[0].last)
    assert (once["epoch"], once["global_step"]) == (resumed["epoch"], resumed["global_step"]) == (2, 51)
    assert once["lr_schedulers"][0]["_last_lr"] == [pytest.approx(1e-5)]
    assert same(once[part], resumed[part])


def test_best_is_the_same_checkpoint(ended_twice, trained):
    once, resumed = (checkpoint(run.checkpoints / "best.ckpt") for run in (trained[0], ended_twice[0]))
    assert once["global_step"] == resumed["global_step"]
    assert same(once["state_dict"], resumed["state_dict"])


def test_the_log_of_a_resumed_run_has_no_step_twice_and_none_missing(ended_twice, trained):
    once, resumed = rows(trained[0], "train/", "val/"), rows(ended_twice[0], "train/", "val/")
    assert [(r["epoch"], r["step"]) for r in resumed] == [(r["epoch"], r["step"]) for r in once]
    assert resumed == once


def test_a_finished_run_goes_on_with_more_epochs(copied, here, world):
    run = copied("cccc0000c")
    code, output = here(
        "train.py",
        *("resume=cccc0000c", f"paths.logs={world.logs}", "trainer.max_epochs=4", "logger=csv", "workers=0"),
        "test_after_fit=false",
    )
    assert code == 0, output
    assert "epoch 4/4" in output
    assert "epoch 3/4" not in output
    assert checkpoint(run.last)["global_step"] == 68
    steps = [int(r["step"]) for r in rows(run, "train/")]
    assert steps == [9, 19, 29, 39, 49, 59]
    assert "max_epochs: 4" in run.config_file.read_text()


def test_a_finished_run_resumed_as_it_is_does_nothing_and_says_so(copied, here, world):
    run = copied("cccc0000d")
    before = run.last.read_bytes()
    code, output = here("train.py", "resume=cccc0000d", f"paths.logs={world.logs}", "test_after_fit=false")
    assert code == 0, output
    assert "epoch" not in "".join(line for line in output.splitlines(True) if line.startswith("epoch "))
    assert run.last.read_bytes() == before


def test_a_run_without_a_checkpoint_begins_again_under_its_key(copied, here, world):
    run = copied("cccc0000e")
    shutil.rmtree(run.checkpoints)
    run.checkpoints.mkdir()
    code, output = here(
        "train.py",
        *("resume=cccc0000e", f"paths.logs={world.logs}", "trainer.max_epochs=1", "logger=csv", "workers=0"),
        "test_after_fit=false",
    )
    assert code == 0, output
    assert checkpoint(run.last)["global_step"] == 17
    assert [r["step"] for r in rows(run, "train/")] == ["9"]


def test_a_run_that_stopped_in_mid_epoch_keeps_its_batch_size(copied, here, world):
    run = copied("cccc0000f")
    half = checkpoint(run.last)
    half["DataModule"] |= {"epoch": 2, "batch": 5}
    torch.save(half, run.last)
    code, output = here(
        "train.py", "resume=cccc0000f", f"paths.logs={world.logs}", "batch_size=16", "logger=csv"
    )
    assert code == 1
    assert "stopped in the middle of epoch 2" in output
    assert "batch_size 8 -> 16" in output
