"""The status in ``meta.json`` stays true, however a run ends."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from carpus.engine.console import is_main_process
from carpus.engine.folder import RunFolder, now
from carpus.errors import CarpusError
from carpus.methods.base import NonFiniteLossError


def run_update(run: RunFolder, **values: Any) -> None:
    """Merge values into the run's ``meta.json``, from the main process only."""
    if is_main_process():
        run.update_meta(**values)


@contextmanager
def recorded(run: RunFolder) -> Iterator[None]:
    """Status ``running`` inside; ``interrupted`` or ``failed`` with the error if the block does not end well.

    Raises:
        CarpusError: for a loss that is not finite, naming what is left.
        KeyboardInterrupt: if the run was interrupted from outside.
    """
    run_update(run, status="running", error=None, end=None)
    try:
        yield
    except NonFiniteLossError as error:
        run_update(run, status="failed", end=now(), error=str(error))
        left = (
            f"{run.last} is the last good checkpoint"
            if run.last.is_file()
            else "it was before any checkpoint"
        )
        raise CarpusError(
            f"{error}. Training stopped; {left}, the keys are in {run.path / 'non_finite.json'}"
        ) from error
    except (KeyboardInterrupt, SystemExit) as error:
        # Lightning turns an interrupt into SystemExit once it has shut down.
        run_update(run, status="interrupted", end=now())
        raise KeyboardInterrupt from error
    except BaseException as error:
        run_update(run, status="failed", end=now(), error=f"{type(error).__name__}: {error}")
        raise
