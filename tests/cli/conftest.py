"""A tiny world and one trained run that the end-to-end tests share."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest
import torch

from demo_runs import demonstration, write_clip

ROOT = Path(__file__).parents[2]
SCHEDULE = ["scheduler=step", "scheduler.milestones=[1,2]"]


def clean_environment(**more: str) -> dict[str, str]:
    """The environment of a user without W&B account, cluster or running experiment."""
    foreign = ("CARPUS_", "WANDB_", "SLURM_", "TORCHELASTIC_", "RANK", "LOCAL_RANK", "WORLD_SIZE")
    kept = {k: v for k, v in os.environ.items() if not k.startswith(foreign)}
    own = {"OMP_NUM_THREADS": "1", "WANDB_MODE": "offline", "COLUMNS": "200"}
    return {**kept, "PYTHONPATH": str(ROOT / "tests"), **own, **more}


@dataclass(frozen=True)
class World:
    """A folder with data and logs, and the command lines that use it."""

    folder: Path

    @property
    def logs(self) -> Path:
        return self.folder / "logs"

    def tiny(self, *more: str) -> list[str]:
        """Overrides of an experiment that trains in seconds."""
        small = "method.grid.size=16 method.module.net.width=0.25 batch_size=8 dataset.synth.frames=1"
        where = [f"paths.data={self.folder}/data", f"paths.logs={self.logs}"]
        return [
            "experiment=quickstart",
            *small.split(),
            "optimizer.lr=1e-3",
            "mean_pose_samples=50",
            *where,
            *more,
        ]

    def start(self, script: str, *arguments: str, key: str | None = None) -> subprocess.Popen:
        """A command as the user's shell starts it, output and errors in one stream."""
        named = {"CARPUS_KEY": key} if key else {}
        program = str(ROOT / script) if script.endswith(".py") else script
        return subprocess.Popen(
            [sys.executable, program, *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=clean_environment(**named),
            cwd=self.folder,
            # A suite that was started in the background ignores interrupts, and so would its children.
            preexec_fn=partial(signal.signal, signal.SIGINT, signal.default_int_handler),
        )

    def run(self, script: str, *arguments: str, key: str | None = None) -> tuple[int, str]:
        """Exit code and output of a command."""
        return self.run_long(script, *arguments, key=key, seconds=300)

    def run_long(
        self, script: str, *arguments: str, key: str | None = None, seconds: float = 7200
    ) -> tuple[int, str]:
        """The same for what takes more than minutes."""
        process = self.start(script, *arguments, key=key)
        output, _ = process.communicate(timeout=seconds)
        return process.returncode, output


@pytest.fixture(scope="session")
def world(tmp_path_factory) -> World:
    return World(tmp_path_factory.mktemp("world"))


@pytest.fixture(scope="session")
def trained(world):
    """(run folder, output) of three epochs, every epoch and every log kept."""
    import carpus.engine.folder as folders

    code, output = world.run(
        "train.py",
        *world.tiny(*SCHEDULE, "workers=1", "trainer.max_epochs=3", "logger=all"),
        "callbacks.checkpoint.keep_epochs=-1",
        key="aaaa0000a",
    )
    assert code == 0, output
    return folders.RunFolder(world.logs / "aaaa0000a"), output


@pytest.fixture
def copied(trained, world):
    """A copy of the trained run that a test may change, under a key of its own."""
    import carpus.engine.folder as folders

    copies = []

    def copy(key: str):
        target = world.logs / key
        shutil.copytree(trained[0].path, target, ignore=shutil.ignore_patterns("wandb", "tensorboard"))
        copies.append(target)
        return folders.RunFolder(target)

    yield copy
    for target in copies:
        shutil.rmtree(target)


@pytest.fixture
def here(monkeypatch, capsys, tmp_path):
    """``here("train.py", *arguments) -> (exit code, output)`` without the cost of a new process."""
    from carpus.cli import main as carpus
    from carpus.engine.entry import test_main, train_main

    for name in ("CARPUS_KEY", "CARPUS_SWEEP"):
        # Set before it is deleted, so that what a run leaves behind is undone after the test.
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    monkeypatch.setenv("COLUMNS", "200")
    # Weights that somebody has in the cache change what is done without boxes.
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    torch.set_num_threads(1)

    def call(script: str, *arguments: str, key: str | None = None) -> tuple[int, str]:
        monkeypatch.delenv("CARPUS_KEY", raising=False)
        if key:
            monkeypatch.setenv("CARPUS_KEY", key)
        monkeypatch.setattr(sys, "argv", [str(ROOT / script), *arguments])
        capsys.readouterr()
        code = 0
        try:
            {"train.py": train_main, "test.py": test_main, "carpus": carpus}[script]()
        except SystemExit as end:
            code = int(end.code or 0)
        captured = capsys.readouterr()
        return code, captured.out + captured.err

    return call


@pytest.fixture
def no_report(monkeypatch):
    """Leave the pictures out where they are not the point."""
    import carpus.engine.evaluate as scoring

    monkeypatch.setattr(scoring, "_write_report", lambda experiment, run, *_: run.path / "report.html")


@pytest.fixture(scope="session")
def clip(world):
    """A video of a bright patch that moves to the right."""
    return write_clip(world.folder / "clip.avi")


@pytest.fixture
def demo(here, world, tmp_path):
    """``demo(kind, images, *options) -> (exit code, output, folder)`` of a run with random weights."""
    return demonstration(here, world, tmp_path / "out")
