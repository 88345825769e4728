"""Rows as aligned text or Markdown: runs, comparisons, means over seeds."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

Row = Mapping[str, Any]
_NONE = "–"
_SHARES = ("success", "accuracy", "precision", "map_", "pck", "auc", "within", "score")


def cell(value: Any, digits: int = 3) -> str:
    """A value as text: floats with that many digits, what is missing as a dash.

    Example:
        >>> cell(7.59), cell(None), cell(True), cell("v2v")
        ('7.590', '–', 'yes', 'v2v')
    """
    if value is None or (isinstance(value, float | np.floating) and math.isnan(value)):
        return _NONE
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if isinstance(value, float | np.floating):
        return f"{value:.{digits}f}"
    return str(value)


def columns_of(rows: Iterable[Row]) -> list[str]:
    """Every column that occurs, in order of first appearance."""
    return list(dict.fromkeys(name for row in rows for name in row))


def text_table(
    rows: Sequence[Row], columns: Sequence[str] | None = None, digits: int = 3, width: int | None = None
) -> str:
    """An aligned plain-text table: numbers to the right, the rest to the left.

    Args:
        rows: dicts; missing cells become a dash.
        columns: which and in what order; all by default.
        digits: after the decimal point.
        width: longest line allowed; the widest text columns are shortened with an ellipsis.
    Example:
        >>> print(text_table([{"run": "2e8c", "mm": 9.5}, {"run": "77d1", "mm": 11.25}], digits=2))
        run      mm
        ----  -----
        2e8c   9.50
        77d1  11.25
    """
    columns = list(columns or columns_of(rows))
    if not columns:
        return ""
    grid = [[cell(row.get(name), digits) for name in columns] for row in rows]
    right = [_numeric(row.get(name) for row in rows) for name in columns]
    sizes = [max(len(name), *(len(line[i]) for line in grid), 0) for i, name in enumerate(columns)]
    sizes = _fit(sizes, right, width)
    lines = [columns, ["-" * size for size in sizes], *grid]
    return "\n".join(
        "  ".join(_pad(*part) for part in zip(line, sizes, right, strict=True)).rstrip() for line in lines
    )


def markdown_table(rows: Sequence[Row], columns: Sequence[str] | None = None, digits: int = 3) -> str:
    """A Markdown table; vertical bars inside cells are escaped.

    Example:
        >>> print(markdown_table([{"run": "2e8c", "mm": 9.5}], digits=2))
        | run | mm |
        |:---|---:|
        | 2e8c | 9.50 |
    """
    columns = list(columns or columns_of(rows))
    right = [_numeric(row.get(name) for row in rows) for name in columns]
    lines = [columns, *([cell(row.get(name), digits) for name in columns] for row in rows)]
    text = ["| " + " | ".join(part.replace("|", "\\|") for part in line) + " |" for line in lines]
    text.insert(1, "|" + "|".join("---:" if r else ":---" for r in right) + "|")
    return "\n".join(text)


def seed_summary(
    rows: Sequence[Row], metrics: Sequence[str], over: str = "seed", digits: int = 3
) -> list[dict]:
    """Mean ± standard deviation over seeds, one row for every combination of the other columns.

    The deviation is the sample one (n − 1); a single seed has none. Metrics that are missing or NaN in some
    rows are averaged over the others, and ``n`` counts the rows.

    Args:
        rows: one per run; every column that is neither ``over`` nor a metric tells groups apart.
        metrics: columns to average.
        over: the column to average over.
        digits: of mean and deviation.
    Returns:
        rows with the group's columns, ``n`` and every metric as text.
    Example:
        >>> seed_summary([{"on": "nyu", "seed": 1, "mm": 9.0}, {"on": "nyu", "seed": 2, "mm": 11.0}], ["mm"])
        [{'on': 'nyu', 'n': 2, 'mm': '10.000 ± 1.414'}]
    """
    names = [name for name in columns_of(rows) if name != over and name not in metrics]
    groups: dict[tuple, list[Row]] = {}
    for row in rows:
        groups.setdefault(tuple(cell(row.get(name)) for name in names), []).append(row)
    return [
        {
            **{name: members[0].get(name) for name in names},
            "n": len(members),
            **{metric: mean_std([row.get(metric) for row in members], digits) for metric in metrics},
        }
        for members in groups.values()
    ]


def mean_std(values: Iterable[Any], digits: int = 3) -> str:
    """``mean ± std`` of the numbers among the values.

    Example:
        >>> mean_std([1.0, 3.0]), mean_std([2.0, None]), mean_std([])
        ('2.000 ± 1.414', '2.000', '–')
    """
    known = [float(v) for v in values if v is not None and not math.isnan(float(v))]
    if not known:
        return _NONE
    mean = f"{np.mean(known):.{digits}f}"
    return mean if len(known) == 1 else f"{mean} ± {np.std(known, ddof=1):.{digits}f}"


def comparison_rows(
    runs: Mapping[str, Mapping[str, float]], lower_is_better: Mapping[str, bool] | None = None
) -> list[dict]:
    """One row per metric, one column per run; with two runs also their difference, and which one wins.

    Args:
        runs: label to metric values.
        lower_is_better: per metric; others are judged by their name: shares such as ``success_20mm`` or
            ``map_10cm`` are better high, errors and losses low.
    """
    labels, rows = list(runs), []
    for metric in columns_of(runs.values()):
        values = {label: runs[label].get(metric) for label in labels}
        row: dict[str, Any] = {"metric": metric, **values}
        known = {k: v for k, v in values.items() if v is not None and not math.isnan(v)}
        if len(labels) == 2 and len(known) == 2:
            row["difference"] = known[labels[1]] - known[labels[0]]
        if len(known) > 1 and len(set(known.values())) > 1:
            low = (lower_is_better or {}).get(metric, not any(word in metric.lower() for word in _SHARES))
            best = min if low else max
            row["best"] = best(known, key=lambda label: known[label])
        rows.append(row)
    return rows


def runs_rows(runs: Iterable[Row], sort: str | None = None, descending: bool = False) -> list[Row]:
    """Runs in order of one column; those without it come last, in their old order."""
    listed = list(runs)
    if sort is None:
        return listed
    known = [row for row in listed if cell(row.get(sort)) != _NONE]
    rest = [row for row in listed if cell(row.get(sort)) == _NONE]
    return [*sorted(known, key=lambda row: row[sort], reverse=descending), *rest]


def _numeric(values: Iterable[Any]) -> bool:
    """Whether a column holds numbers (or ``mean ± std``) only, so that it is set to the right."""
    known = [v for v in values if v is not None]
    return bool(known) and all(
        (isinstance(v, int | float | np.number) and not isinstance(v, bool))
        or (isinstance(v, str) and (" ± " in v or v == _NONE))
        for v in known
    )


def _pad(text: str, size: int, right: bool) -> str:
    if len(text) > size:
        text = text[: max(0, size - 1)] + "…"
    return text.rjust(size) if right else text.ljust(size)


def _fit(sizes: list[int], right: list[bool], width: int | None) -> list[int]:
    """Column sizes that fit the width: the widest text column gives way first, none below six."""
    sizes = list(sizes)
    while width is not None and sum(sizes) + 2 * (len(sizes) - 1) > width:
        loose = [i for i, fixed in enumerate(right) if not fixed and sizes[i] > 6]
        if not loose:
            break
        sizes[max(loose, key=lambda i: sizes[i])] -= 1
    return sizes
