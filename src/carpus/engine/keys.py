"""Experiment keys: nine hex digits that name a run wherever one is asked for."""

from __future__ import annotations

import re
import secrets
from pathlib import Path

from carpus.errors import ConfigError

KEY_PATTERN = re.compile(r"[0-9a-f]{9}")
_MIN_PREFIX = 4


def new_key(logs: Path) -> str:
    """A key no folder of ``logs`` has yet; the letter-free start of a float (``12e34``) is avoided."""
    while True:
        key = secrets.token_hex(5)[:9]
        # A key such as 1234e5678 or 123456789 would be read as a number on the command line.
        if not re.fullmatch(r"\d+(e\d+)?", key) and not (logs / key).exists():
            return key


def find_run(prefix: str, logs: Path) -> Path:
    """The run folder of a key or of a unique prefix of at least four digits.

    Raises:
        ConfigError: if the prefix is too short, unknown, or shared by several runs.
    """
    prefix = str(prefix).strip()
    if len(prefix) < _MIN_PREFIX:
        raise ConfigError(f"key '{prefix}' is too short: give at least {_MIN_PREFIX} of its nine digits")
    matches = [folder for folder in list_runs(logs) if folder.name.startswith(prefix)]
    if len(matches) == 1:
        return matches[0]
    if matches:
        raise ConfigError(f"key '{prefix}' is not unique in {logs}: {', '.join(m.name for m in matches[:5])}")
    recent = ", ".join(folder.name for folder in list_runs(logs)[:5]) or "none yet"
    raise ConfigError(f"no run '{prefix}' in {logs}; the latest are: {recent}. `carpus runs` lists them all")


def list_runs(logs: Path) -> list[Path]:
    """Run folders, newest first."""
    if not logs.is_dir():
        return []
    folders = [f for f in logs.iterdir() if KEY_PATTERN.fullmatch(f.name) and f.is_dir()]
    return sorted(folders, key=lambda f: f.stat().st_mtime, reverse=True)
