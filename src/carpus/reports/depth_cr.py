"""The error pictures of the depth CR publication; every axis names the metric."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from carpus.errors import DataError
from carpus.reports.depth_cr_numbers import (
    BAR_WIDTH,
    LIMIT,
    Errors,
    curve_order,
    error_bars,
    error_distribution,
    error_rate,
    joints_of,
    known_metric,
    mean_order,
    summary_figures,
)
from carpus.reports.style import INK, PAPER, SERIES, legend, save_figure, tidy


def rate_figure(errors: Errors, metric: str) -> Figure:
    """Error-rate curves, 10 × 5 inches; the legend ranks by the largest per-joint mean error."""
    fig, ax = _axes(
        f"largest joint error of a frame ({_axis_unit(metric)})", "frames at or below (%)", "both"
    )
    lines = {}
    for label, (colour, dashes) in _styles(errors).items():
        curve = error_rate(errors[label])
        (lines[label],) = ax.plot(*curve, color=colour, linestyle=dashes, linewidth=2, label=label)
    ax.set_xlim(0, LIMIT)
    ax.set_ylim(0, 100)
    _rank(ax, lines, errors, curve_order(errors), "lower right")
    return fig


def bar_figure(errors: Errors, joint_names: Sequence[str], metric: str, whiskers: bool = False) -> Figure:
    """Mean error of every joint and of all, 10 × 5 inches; the legend ranks by mean error.

    Args:
        errors: methods side by side.
        joint_names: J names in the order of the errors; they are not changed.
        metric: by which the errors are.
        whiskers: draw lines from the smallest to the largest error.
    """
    if len(joint_names) != joints_of(errors):
        raise DataError(f"{len(joint_names)} joint names for errors of {joints_of(errors)} joints")
    bars = error_bars(errors, whiskers)
    fig, ax = _axes("", f"Mean error ({_axis_unit(metric)})", "y")
    drawn = {}
    for row, (label, (colour, _)) in enumerate(_styles(errors).items()):
        height = bars.height[row]
        spread = np.stack([height - bars.low[row], bars.high[row] - height]) if whiskers else None
        options = {"linewidth": 0.8, "ecolor": INK}
        drawn[label] = ax.bar(
            bars.x[row], height, BAR_WIDTH, color=colour, yerr=spread, error_kw=options, label=label
        )
    ax.set_xticks(bars.tick, [*joint_names, "Mean"], rotation="vertical")
    ax.set_xlim(bars.tick[0] - 5 * BAR_WIDTH, bars.tick[-1] + 5 * BAR_WIDTH)
    ax.set_ylim(0, bars.top)
    _rank(ax, drawn, errors, mean_order(errors), "upper left")
    return fig


def distribution_figure(errors: Errors, metric: str) -> Figure:
    """Histograms of the frames' mean errors, 10 × 5 inches."""
    fig, ax = _axes(f"mean error of a frame ({_axis_unit(metric)})", "frames (%)", "y")
    alone = len(errors) == 1
    drawn = {}
    for label, (colour, _) in _styles(errors).items():
        shares = error_distribution(errors[label])
        drawn[label] = ax.bar(
            *(shares.left, shares.percent, shares.width),
            align="edge",
            color=colour,
            alpha=1.0 if alone else 0.5,
            label=label,
        )
    _rank(ax, drawn, errors, mean_order(errors), "upper right")
    return fig


def write_error_pictures(
    folder: Path | str,
    name: str,
    errors_by_label: Errors,
    joint_names: Sequence[str],
    metric: str = "euclid",
    whiskers: bool = False,
) -> list[Path]:
    """Write ``<name>_error_rate.png``, ``<name>_error_bar.png`` and ``<name>_error_dist.png``.

    Args:
        folder: is made if need be.
        name: what the files start with; empty for ``error_rate.png`` and so on, the pictures of all methods.
        errors_by_label: one method or several.
        joint_names: J names in the order of the errors.
        metric: by which the errors are; named on the axes.
        whiskers: draw the smallest and the largest error into the bars.
    Returns:
        the files.
    Raises:
        ConfigError: for an unknown metric.
        DataError: if there are no methods, or numbers of joints differ.
    """
    if len(joint_names) != joints_of(errors_by_label):
        raise DataError(f"{len(joint_names)} joint names for errors of {joints_of(errors_by_label)} joints")
    start = f"{name}_" if name else ""
    pictures = {
        "error_rate": rate_figure(errors_by_label, metric),
        "error_bar": bar_figure(errors_by_label, joint_names, metric, whiskers),
        "error_dist": distribution_figure(errors_by_label, metric),
    }
    return [save_figure(fig, Path(folder) / f"{start}{kind}.png") for kind, fig in pictures.items()]


def _axis_unit(metric: str) -> str:
    """``mm, metric euclid``; the other metric is no distance and gets no unit."""
    return "mm, metric euclid" if known_metric(metric) == "euclid" else f"metric {metric}"


def _axes(x: str, y: str, grid: str) -> tuple[Figure, Axes]:
    """An empty picture of 10 × 5 inches at the default resolution of 100 dots per inch."""
    fig = Figure(figsize=(10, 5), dpi=100, facecolor=PAPER, layout="constrained")
    return fig, tidy(fig.subplots(), "", x, y, grid)


def _styles(errors: Errors) -> dict[str, tuple[str, str]]:
    """Colour and dashes of every method, all different for up to 80 methods."""
    tab = [mpl.colors.to_hex(colour) for colour in mpl.colormaps["tab20"].colors]  # type: ignore[attr-defined]
    colours = SERIES if len(errors) <= len(SERIES) else tab
    dashes = ("-", "--", ":", "-.")
    return {
        label: (colours[i % len(colours)], dashes[i // len(colours) % len(dashes)])
        for i, label in enumerate(errors)
    }


def _rank(ax: Axes, drawn: Mapping[str, object], errors: Errors, order: Sequence[str], where: str) -> None:
    """A legend in that order; behind each label stand mean error and largest per-joint mean."""
    labels = [
        f"{name} ({mean:.2f}, {most:.2f})" for name in order for mean, most in [summary_figures(errors[name])]
    ]
    title = "mean error, largest mean of a joint"
    handles = [drawn[name] for name in order]
    legend(ax, handles=handles, labels=labels, loc=where, ncols=1 + len(order) // 15, title=title)
