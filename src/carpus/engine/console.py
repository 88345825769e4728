"""Where the program speaks to its user."""

from __future__ import annotations

import os

from rich.console import Console

_CONSOLE = Console(highlight=False, soft_wrap=True)


def is_main_process() -> bool:
    """Whether this process is the one that speaks and writes shared files."""
    return int(os.environ.get("RANK", os.environ.get("SLURM_PROCID", os.environ.get("LOCAL_RANK", "0")))) == 0


def say(text: str = "") -> None:
    """One line or block of plain text, from the main process only."""
    if is_main_process():
        _CONSOLE.print(text, markup=False)


def console() -> Console:
    """The console for progress displays."""
    return _CONSOLE
