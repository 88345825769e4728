"""What several commands need."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from carpus.errors import ConfigError

if TYPE_CHECKING:
    from omegaconf import DictConfig

    from carpus.data.dataset import Dataset
    from carpus.data.packed_dataset import AnyDataset


def add_overrides(parser: argparse.ArgumentParser) -> None:
    """Trailing configuration overrides such as ``dataset.root=/mnt/msra``."""
    parser.add_argument("overrides", nargs="*", metavar="key=value", help="changes to the configuration")


def add_logs(parser: argparse.ArgumentParser) -> None:
    """Where the experiments lie."""
    parser.add_argument("--logs", type=Path, default=None, help="folder of the experiments (default: logs)")


def logs_folder(arguments: argparse.Namespace) -> Path:
    """The folder of the experiments."""
    import os

    return arguments.logs or Path(os.environ.get("CARPUS_LOGS", "logs"))


def out(text: str = "") -> None:
    """One line or block on standard output."""
    sys.stdout.write(f"{text}\n")


def compose_dataset(name: str, overrides: list[str]) -> tuple[DictConfig, AnyDataset]:
    """Configuration and object of a dataset by name."""
    from carpus.engine.build import build
    from carpus.engine.config import compose_config

    cfg = compose_config([f"dataset={name}", *overrides])
    return cfg, build(cfg.dataset.spec)


def depth_only(dataset: AnyDataset, what: str) -> Dataset:
    """The dataset, if it is one of depth images.

    Raises:
        ConfigError: naming what only those have.
    """
    from carpus.data.dataset import Dataset

    if not isinstance(dataset, Dataset):
        raise ConfigError(f"{dataset.name} is of kind {dataset.kind}: {what} are of depth datasets")
    return dataset


def numbers(option: str, text: str | None, count: int) -> Any:
    """``count`` numbers separated by commas, or None."""
    if text is None:
        return None
    try:
        values = tuple(float(part) for part in text.split(","))
    except ValueError:
        values = ()
    if len(values) != count:
        raise ConfigError(f"{option} {text}: give {count} numbers separated by commas")
    return values


def progress_line(what: str) -> Callable[[int, int], None]:
    """A callback ``(done, total)`` that informs the user: in place on a terminal, else every ten seconds."""
    started = time.monotonic()
    spoke = [0.0]

    def show(done: int, total: int) -> None:
        now = time.monotonic()
        terminal = sys.stderr.isatty()
        if done < total and now - spoke[0] < (0.2 if terminal else 10.0):
            return
        spoke[0] = now
        rate = done / max(now - started, 1e-9)
        left = (total - done) / rate if rate else 0.0
        text = f"{what}: {done:,}/{total:,}  {rate:,.0f}/s  left {left:,.0f} s"
        end = "\n" if done >= total or not terminal else ""
        sys.stderr.write(f"\r{text}{end}" if terminal else f"{text}\n")
        sys.stderr.flush()

    return show
