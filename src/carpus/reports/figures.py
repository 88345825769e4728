"""Static charts of a run or of several side by side: curves, bars, histogram, viewpoint, training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from carpus.reports.numbers import (
    FrameErrors,
    bar_order,
    per_joint_success,
    success,
    success_curves,
    thresholds_to,
    viewpoint_curve,
)
from carpus.reports.style import GRID, INK, MUTED, PAPER, SERIES, figure, hex_colour, legend, readable, tidy
from carpus.skeletons import Skeleton

CURVE_NAMES = {
    "max_frame": "frames, worst joint",
    "mean_frame": "frames, mean of joints",
    "joint": "single joints",
}
"""What each success curve counts."""


def _share_axes(ax: Axes, title: str, limit: float, counted: str, unit: str) -> Axes:
    tidy(ax, title, f"error threshold ({unit})", counted)
    ax.set_xlim(0, limit)
    ax.set_ylim(0, 100)
    ax.yaxis.set_major_formatter(PercentFormatter(decimals=0))
    return ax


def error_curve(errors: FrameErrors, limit: float = 80.0) -> Figure:
    """Share of frames and of joints with an error of at most the threshold, the three published curves."""
    fig = figure()
    title, counted = "Success over the error threshold", "share within the threshold"
    ax = _share_axes(fig.subplots(), title, limit, counted, errors.unit)
    thresholds = thresholds_to(limit, 161)
    for colour, (name, values) in zip(SERIES, success_curves(errors, thresholds).items(), strict=False):
        ax.plot(thresholds, values, color=colour, linewidth=2.4, label=CURVE_NAMES[name])
    legend(ax, loc="lower right")
    return fig


def joint_bars(runs: Mapping[str, FrameErrors], skeleton: Skeleton) -> Figure:
    """Mean error of every joint and of all, for one run or several side by side.

    One run is drawn in the skeleton's colours. NYU's joints stand palm first, others in file order.
    """
    order = bar_order(skeleton)
    names = [skeleton.joints[j].replace("_", " ") for j in order] + ["Mean"]
    fig = figure(max(7.5, 0.36 * len(names) + 1.4), 4.8)
    unit = next(iter(runs.values())).unit
    ax = tidy(fig.subplots(), "Mean error per joint", "", unit, grid="y")
    width, places = 0.8 / len(runs), np.arange(len(names))
    single = [hex_colour(skeleton.colours[j]) for j in order] + [INK]
    for index, (label, errors) in enumerate(runs.items()):
        heights = np.append(errors.per_joint[order], errors.overall)
        at = places - 0.4 + width * (index + 0.5)
        colour = single if len(runs) == 1 else SERIES[index % len(SERIES)]
        edge = MUTED if len(runs) == 1 else PAPER
        ax.bar(at, heights, width * 0.92, color=colour, edgecolor=edge, linewidth=0.5, label=label)
        if len(runs) <= 2:
            for x, h in zip(at, heights, strict=True):
                if np.isfinite(h):
                    size = 7.5 if len(runs) == 1 else 6
                    ax.annotate(
                        f"{h:.1f}",
                        (x, h),
                        (0, 2),
                        textcoords="offset points",
                        ha="center",
                        fontsize=size,
                        color=MUTED,
                    )
    ax.set_xticks(places, names, rotation=52, ha="right", rotation_mode="anchor", fontsize=8.5, color=INK)
    ax.set_xlim(-0.7, len(names) - 0.3)
    if len(runs) > 1:
        legend(ax, loc="upper left", ncols=min(3, len(runs)))
        ax.margins(y=0.18)
    return fig


def error_histogram(errors: FrameErrors, limit: float = 80.0, bins: int = 40) -> Figure:
    """Distribution of joint errors with mean, median and 95th percentile; the tail beyond is one bar."""
    fig = figure(8, 4.4)
    label = f"error ({errors.unit})"
    ax = tidy(fig.subplots(), "Distribution of joint errors", label, "share of joints", grid="y")
    values = errors.flat
    edges = np.linspace(0, limit, bins + 1)
    weights = np.full(values.shape, 100.0 / max(values.size, 1))
    # The last float below the limit keeps clipped values inside the last bin.
    ax.hist(
        values.clip(0, np.nextafter(limit, 0)),
        edges.tolist(),
        weights=weights,
        color=SERIES[0],
        rwidth=0.9,
    )
    ax.set_xlim(0, limit)
    ax.yaxis.set_major_formatter(PercentFormatter(decimals=0))
    ax.margins(y=0.16)
    if values.size:
        marks = {"median": np.median(values), "mean": errors.overall, "95 %": np.percentile(values, 95)}
        for (name, at), height in zip(
            sorted(marks.items(), key=lambda m: m[1]), (0.98, 0.90, 0.98), strict=True
        ):
            if at >= limit:
                continue  # its text would stand beside the axes
            ax.axvline(at, color=SERIES[1], linewidth=1.4)
            ax.text(at + limit / 120, height, f"{name} {at:.1f}", transform=ax.get_xaxis_transform(),
                    color=SERIES[1], fontsize=9, va="top")  # fmt: skip
    return fig


def joint_accuracy(errors: FrameErrors, skeleton: Skeleton, limit: float = 80.0) -> Figure:
    """Accuracy of each joint over the threshold, in the skeleton's colours."""
    columns = 1 if len(skeleton) <= 21 else 2
    fig = figure(9 if columns == 1 else 11.5, 5.2)
    ax = _share_axes(fig.subplots(), "Accuracy per joint", limit, "share of frames", errors.unit)
    thresholds = thresholds_to(limit, 121)
    for joint, values in enumerate(per_joint_success(errors, thresholds)):
        if np.isnan(values).all():
            continue
        colour = readable(skeleton.colours[joint])
        style = "--" if joint in skeleton.tips else "-"
        ax.plot(thresholds, values, style, color=colour, linewidth=1.5, label=skeleton.joints[joint])
    if ax.lines:
        place = {"loc": "center left", "bbox_to_anchor": (1.0, 0.5), "ncols": columns}
        legend(ax, **place, handlelength=1.6, labelspacing=0.25)
    return fig


def viewpoint_curves(
    runs: Mapping[str, FrameErrors],
    angles_deg: Mapping[str, np.ndarray],
    ranges: Mapping[str, tuple[int, int]],
) -> Figure:
    """Mean error over the viewing angle, one panel per angle.

    Args:
        runs: label to errors of the same frames.
        angles_deg: ``yaw`` and ``pitch``, each ``(N,)``.
        ranges: first and last 2° bin of each angle.
    """
    fig = figure(9, 3.9)
    panels = np.atleast_1d(fig.subplots(1, len(angles_deg), sharey=True))
    for ax, (name, angle) in zip(panels, angles_deg.items(), strict=True):
        tidy(ax, f"Error over {name}", f"{name} (degrees)", "mean error (mm)" if ax is panels[0] else "")
        for colour, (label, errors) in zip(SERIES, runs.items(), strict=False):
            bins, mean, _ = viewpoint_curve(errors, angle, ranges[name])
            ax.plot(bins, mean, color=colour, linewidth=2.2, label=label)
        ax.set_xlim(*ranges[name])
        ax.set_ylim(bottom=0)
    if len(runs) > 1:
        legend(panels[0])
    return fig


def comparison(runs: Mapping[str, FrameErrors], limit: float = 80.0) -> Figure:
    """Two runs or more over the threshold: worst joint of a frame at the left, single joints at the right."""
    fig = figure(10, 4.4)
    left, right = fig.subplots(1, 2, sharey=True)
    thresholds = thresholds_to(limit, 161)
    unit = next(iter(runs.values())).unit
    _share_axes(left, "Frames, worst joint", limit, "share within the threshold", unit)
    _share_axes(right, "Single joints", limit, "", unit)
    for colour, (label, errors) in zip(SERIES * 3, runs.items(), strict=False):
        text = f"{label} ({errors.overall:.2f} {unit})"
        left.plot(thresholds, success(errors.max, thresholds), color=colour, linewidth=2.3, label=text)
        right.plot(thresholds, success(errors.joint, thresholds), color=colour, linewidth=2.3)
    legend(left, loc="lower right")
    return fig


def training_curves(panels: Sequence[Mapping[str, object]]) -> Figure:
    """Loss and metrics over the training steps.

    Args:
        panels: as :func:`carpus.reports.history.training_panels` makes them.
    """
    columns = min(3, max(1, len(panels)))
    rows = -(-max(1, len(panels)) // columns)
    fig = figure(3.6 * columns + 0.6, 2.7 * rows + 0.3)
    axes = np.atleast_1d(fig.subplots(rows, columns)).reshape(-1)
    for ax in axes[len(panels) :]:
        ax.set_visible(False)
    for ax, panel in zip(axes, panels, strict=False):
        tidy(ax, str(panel["title"]), "step", "")
        series: list[dict] = panel["series"]  # type: ignore[assignment]
        for colour, one in zip(SERIES, series, strict=False):
            mark = "o" if len(one["x"]) < 40 else ""
            ax.plot(
                one["x"], one["y"], color=colour, marker=mark, markersize=3, linewidth=1.6, label=one["name"]
            )
        if len(series) > 1:
            legend(ax)
        ax.spines["bottom"].set_color(GRID)
    return fig
