"""Multirun: one process and key per job, failures shown and survived, results over seeds."""

import json
import re

import pytest

from carpus.engine.config import compose_config
from carpus.errors import ConfigError


@pytest.fixture(scope="module")
def swept(world, trained):
    """(exit code, output, sweep folder): two seeds, each with a batch that divides and one that does not."""
    code, output = world.run(
        "train.py",
        "-m",
        *world.tiny(
            "trainer.max_epochs=1",
            "workers=0",
            "trainer.limit_train_batches=3",
            "iter_batch=4",
            "eval_on=smallval",
        ),
        *("seed=1,2", "batch_size=7,8"),
    )
    folder = next((world.logs / "sweeps").glob("*/command.json")).parent
    return code, output, folder


def jobs_of(folder):
    states = [json.loads(f.read_text()) for f in folder.glob("job_*.json")]
    return sorted(states, key=lambda job: job["overrides"][-1:] + job["overrides"])


def swept_values(job):
    return dict(o.split("=", 1) for o in job["overrides"] if o.startswith(("seed", "batch_size")))


def test_a_failed_job_is_shown_with_its_error_and_does_not_stop_the_others(swept):
    code, output, folder = swept
    assert code == 1, output
    jobs = jobs_of(folder)
    status = sorted((swept_values(j)["seed"], swept_values(j)["batch_size"], j["status"]) for j in jobs)
    assert status == [("1", "7", "failed"), ("1", "8", "done"), ("2", "7", "failed"), ("2", "8", "done")]
    assert len({job["key"] for job in jobs}) == 4
    said = output.index("FAILED with exit code 1")
    assert "batch_size=7 is no multiple of iter_batch=4" in output[said : said + 3000]
    assert said < output.rindex(" done: ")


def test_the_sweep_ends_with_a_table_its_mean_and_what_to_type_next(swept, world):
    _, output, folder = swept
    table = (folder / "table.txt").read_text()
    scores = [job["score"] for job in jobs_of(folder) if job["status"] == "done"]
    for job in jobs_of(folder):
        assert re.search(rf"{job['key']}.*{job['status']}", table)
    assert all(f"{score:.3f}" in table for score in scores)
    assert "mean ± std over seed" in table
    assert max(map(len, table.splitlines())) <= 80
    last = output.strip().splitlines()[-1]
    assert last.startswith("error: 2 of 4 jobs failed")
    assert f"-m resume={folder.name}" in last
    for job in jobs_of(folder):
        meta = json.loads((world.logs / job["key"] / "meta.json").read_text())
        assert meta["status"] == job["status"]


def test_resuming_a_sweep_repeats_only_what_failed(swept, here, world, monkeypatch):
    import carpus.engine.sweep as sweeps

    started = []

    class Done:
        returncode = 1

    def note(command, **options):
        started.append((options["env"]["CARPUS_KEY"], command[2:]))
        return Done()

    monkeypatch.setattr(sweeps.subprocess, "run", note)
    folder = swept[2]
    code, output = here("train.py", "-m", f"resume={folder.name[:5]}", f"paths.logs={world.logs}")
    failed = {job["key"] for job in jobs_of(folder) if job["status"] == "failed"}
    assert code == 1, output
    assert {key for key, _ in started} == failed
    assert output.count("is done already") == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-m", "loss=gauss,integrl"], "did you mean 'integral'"),
        (["-m", "resume=abcde0123"], "no sweep begins with 'abcde0123'"),
    ],
)
def test_a_sweep_that_cannot_start_says_so_before_its_first_job(here, world, arguments, message):
    code, output = here("train.py", *arguments, f"paths.logs={world.logs}")
    assert code == 1
    assert message in output
    assert "starts" not in output


def test_settings_of_what_is_swept_are_known_before_the_first_job(monkeypatch):
    import carpus.engine.sweep as sweeps

    composed = []
    monkeypatch.setattr(sweeps, "compose_config", lambda words: composed.append(compose_config(words)))
    recipes = "experiment=handflow2d_quick,handflow2d_quick_noflow"
    sweeps._check_every_choice(
        [recipes, "++parts.stb_synthetic.synth.frames=7", "seednet.net.hidden_ratio=0.5", "seed=1,2"]
    )
    assert [(cfg.seednet.net.steps, cfg.seed) for cfg in composed] == [(4, 1), (0, 1), (4, 2)]
    assert {cfg.parts.stb_synthetic.synth.frames for cfg in composed} == {7}
    with pytest.raises(ConfigError, match="unknown key 'seednet"):
        sweeps._check_every_choice(["experiment=handflow2d_quick,quickstart", "seednet.net.hidden_ratio=0.5"])
