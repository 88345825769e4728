"""The CSV log of a run, sorted into panels of curves."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

STAGES = ("train", "val")
"""Stages whose curves are shown; a test has one value, which is no curve."""


def read_csv_log(path: Path) -> list[dict[str, str]]:
    """Rows of Lightning's ``metrics.csv``; cells that were not logged at a step are empty strings."""
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def training_panels(rows: Iterable[Mapping[str, Any]], most_points: int = 600) -> list[dict[str, Any]]:
    """One panel per logged name, its train and val curves together.

    Args:
        rows: of the CSV log, ``train/loss`` or ``val/mean_mm`` beside ``step`` and ``epoch``.
        most_points: longer curves are thinned evenly to this many, the last one kept.
    Returns:
        panels ``{title, series: [{name, x, y}]}``; ``loss`` first, then in the order of the log.
    """
    curves: dict[str, dict[str, tuple[list[float], list[float]]]] = {}
    for number, row in enumerate(rows):
        step = _number(row.get("step"))
        for name, cell in row.items():
            stage, _, title = str(name).partition("/")
            value = _number(cell)
            detail = "/" in title or "@" in title  # single joints and thresholds have charts of their own
            if stage in STAGES and title and not detail and value is not None:
                title, kind = _split_suffix(title)
                if kind == "_step" and f"{name[: -len(kind)]}_epoch" in row:
                    continue
                x, y = curves.setdefault(title, {}).setdefault(stage, ([], []))
                x.append(number if step is None else step)
                y.append(value)
    titles = sorted(curves, key=lambda title: title != "loss")
    return [
        {"title": t.replace("_", " "), "series": [_thin(s, *xy, most_points) for s, xy in curves[t].items()]}
        for t in titles
    ]


def _thin(name: str, x: list[float], y: list[float], most: int) -> dict[str, Any]:
    stride = max(1, math.ceil(len(x) / most))
    keep = sorted({*range(0, len(x), stride), len(x) - 1})
    return {"name": name, "x": [x[i] for i in keep], "y": [y[i] for i in keep]}


def _split_suffix(title: str) -> tuple[str, str]:
    for suffix in ("_step", "_epoch"):
        if title.endswith(suffix):
            return title[: -len(suffix)], suffix
    return title, ""


def _number(cell: Any) -> float | None:
    """A finite number, or None for what is empty or not one."""
    try:
        value = float(cell)
    except (TypeError, ValueError):
        return None
    return value if math.isfinite(value) else None
