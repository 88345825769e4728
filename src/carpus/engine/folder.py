"""One folder per experiment: what lies where, and how it is written."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from carpus.errors import ConfigError

_VERSIONS = ("torch", "torchvision", "pytorch-lightning", "hydra-core", "numpy", "lmdb")


@dataclass(frozen=True)
class RunFolder:
    """``logs/<key>/``: ``config.yaml``, ``overrides.yaml``, ``meta.json`` and the folders of its output."""

    path: Path

    @property
    def key(self) -> str:
        """The experiment key."""
        return self.path.name

    @property
    def config_file(self) -> Path:
        """The resolved configuration, the only input of test and resume."""
        return self.path / "config.yaml"

    @property
    def checkpoints(self) -> Path:
        """``last.ckpt``, ``best.ckpt`` and periodic ones."""
        return self.path / "model_dump"

    @property
    def last(self) -> Path:
        """The checkpoint that resume and test use."""
        return self.checkpoints / "last.ckpt"

    @property
    def log(self) -> Path:
        """CSV, W&B and TensorBoard files."""
        return self.path / "log"

    @property
    def result(self) -> Path:
        """Metrics and prediction files per split."""
        return self.path / "result"

    def create(self) -> RunFolder:
        """Make the folder and its parts."""
        for name in ("model_dump", "log", "vis", "result", "analysis"):
            (self.path / name).mkdir(parents=True, exist_ok=True)
        return self

    def need_checkpoint(self) -> Path:
        """``last.ckpt``.

        Raises:
            ConfigError: if the run has not written one.
        """
        if not self.last.is_file():
            raise ConfigError(
                f"run {self.key} has no {self.last.relative_to(self.path)}: it stopped before its first "
                f"checkpoint; begin it again with: python train.py resume={self.key}"
            )
        return self.last

    def read_meta(self) -> dict[str, Any]:
        """Content of ``meta.json``, empty if there is none."""
        file = self.path / "meta.json"
        return json.loads(file.read_text()) if file.is_file() else {}

    def update_meta(self, **values: Any) -> None:
        """Merge values into ``meta.json``."""
        write_json(self.path / "meta.json", {**self.read_meta(), **values})

    def read_result(self, split: str) -> dict[str, Any] | None:
        """Content of ``result/<split>.json``, or None."""
        file = self.result / f"{split}.json"
        return json.loads(file.read_text()) if file.is_file() else None


def write_json(file: Path, content: Any) -> None:
    """Write JSON so that a reader never sees half a file."""
    write_text(file, json.dumps(content, indent=2, default=str) + "\n")


def write_text(file: Path, text: str) -> None:
    """Write text under a temporary name, then rename."""
    part = file.with_name(f".{file.name}.{os.getpid()}")
    part.write_text(text)
    part.replace(file)


def now() -> str:
    """UTC time, ISO 8601, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def environment() -> dict[str, Any]:
    """Commit, versions and device: what one must know to judge a number."""
    import torch

    cuda = torch.cuda.is_available()
    return {
        "commit": _git_commit(),
        "python": platform.python_version(),
        "versions": {name: _version(name) for name in _VERSIONS},
        "device": torch.cuda.get_device_name(0) if cuda else f"CPU, {os.cpu_count()} cores",
        "devices": torch.cuda.device_count() if cuda else 0,
    }


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "absent"


def _git_commit() -> str:
    command = ["git", "describe", "--always", "--dirty", "--abbrev=12"]
    try:
        here = Path(__file__).parent
        return subprocess.run(command, cwd=here, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
