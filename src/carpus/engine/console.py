"""Where the program speaks to its user."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

from rich.console import Console

_CONSOLE = Console(highlight=False, soft_wrap=True)


def is_main_process() -> bool:
    """Whether this process is the one that speaks and writes shared files."""
    return int(os.environ.get("RANK", os.environ.get("SLURM_PROCID", os.environ.get("LOCAL_RANK", "0")))) == 0


def say(text: str = "") -> None:
    """One line or block of plain text, from the main process only."""
    if is_main_process():
        _CONSOLE.print(text, markup=False)


def complain(text: str) -> None:
    """What went wrong, on standard error; further processes say which they are."""
    rank = os.environ.get("RANK") or os.environ.get("LOCAL_RANK") or "0"
    prefix = "" if is_main_process() else f"[process {rank}] "
    Console(stderr=True, highlight=False, soft_wrap=True).print(prefix + text, markup=False)


def console() -> Console:
    """The console for progress displays."""
    return _CONSOLE


def packing_progress(what: str, every_seconds: float = 5.0) -> Callable[[int, int], None]:
    """A callback ``(done, total)`` that says now and then how far packing has come."""
    began = time.monotonic()
    spoke = began

    def show(done: int, total: int) -> None:
        nonlocal spoke
        now = time.monotonic()
        if now - spoke < every_seconds:
            return
        spoke = now
        left = (total - done) * (now - began) / max(done, 1)
        say(f"packing {what}: {done:,} of {total:,} records, {left:,.0f} s left")

    return show
