"""The numbers of the depth CR publication's error pictures: curves, bars, histograms, ranks.

Every function takes errors ``(F, J)`` of frames and joints, NaN where the truth is unknown, by any metric:
``Collected.errors_mm(metric)`` gives them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from carpus.errors import ConfigError, DataError, unknown
from carpus.metrics.functional.legacy import METRICS
from carpus.reports.numbers import FrameErrors

Errors = Mapping[str, np.ndarray]
"""Label of a method to its errors ``(F, J)``."""
LIMIT = 100.0
"""Errors beyond are not drawn in the error-rate curve."""
MOST_POINTS = 100
BAR_WIDTH = 0.2
BINS = 100


class Curve(NamedTuple):
    """Percentage of frames, ``(P,)``, whose largest joint error is at most ``error`` ``(P,)``."""

    error: np.ndarray
    percent: np.ndarray


def error_rate(errors: np.ndarray, limit: float = LIMIT, most: int = MOST_POINTS) -> Curve:
    """The error-rate curve of one method.

    It starts at (0, 0), has one point per frame up to the limit, and when more than ``most`` points remain
    only every n-th of them, n = points // most.

    Args:
        errors: ``(F, J)``; frames without any known joint do not count.
        limit: largest error drawn.
        most: points above which the curve is thinned.
    Example:
        >>> error_rate(np.array([[1.0, 30.0], [2.0, 20.0], [3.0, 200.0]])).percent.round(1)
        array([ 0. , 33.3, 66.7])
    """
    frames = FrameErrors(errors)
    worst = np.sort(frames.max[frames.scored])
    error = np.concatenate([[0.0], worst])
    percent = 100.0 * np.arange(len(error)) / max(len(worst), 1)
    kept = error <= limit
    error, percent = error[kept], percent[kept]
    step = len(error) // most if len(error) > most else 1
    return Curve(error[::step], percent[::step])


class Bars(NamedTuple):
    """Bars of M methods: J joints and, last, their mean.

    ``height``, ``low`` and ``high`` ``(M, J + 1)`` are the mean, the smallest and the largest error; ``x``
    ``(M, J + 1)`` the middles of the bars, ``tick`` ``(J + 1,)`` those of the groups; ``top`` ends the axis.
    """

    height: np.ndarray
    low: np.ndarray
    high: np.ndarray
    x: np.ndarray
    tick: np.ndarray
    top: float


def error_bars(errors: Errors, whiskers: bool = False) -> Bars:
    """Heights and places of the per-joint bars.

    Args:
        errors: methods side by side, all with J joints.
        whiskers: make room for whiskers from the smallest to the largest error.
    Raises:
        DataError: if there is no method, or numbers of joints differ.
    """
    joints_of(errors)
    every = [FrameErrors(one) for one in errors.values()]
    height = np.stack([_with_mean(one.per_joint) for one in every])
    low = np.stack([_with_mean(-FrameErrors(-one.joint.T).max) for one in every])
    high = np.stack([_with_mean(FrameErrors(one.joint.T).max) for one in every])
    methods, groups = height.shape
    tick = np.arange(groups) * (methods + 2) * BAR_WIDTH
    offset = (np.arange(methods) - (methods - 1) / 2) * BAR_WIDTH
    shown = (high if whiskers else height)[np.isfinite(high if whiskers else height)]
    top = float(shown.max()) * (1 + 0.1 * methods) if shown.size else 1.0
    return Bars(height, low, high, tick + offset[:, None], tick, top)


def _with_mean(values: np.ndarray) -> np.ndarray:
    """``(J,)`` and the mean of what is known of them."""
    known = values[np.isfinite(values)]
    return np.append(values, known.mean() if known.size else np.nan)


class Distribution(NamedTuple):
    """Percent of frames per bin ``(B,)``, left edges of the bins ``(B,)`` and their width."""

    percent: np.ndarray
    left: np.ndarray
    width: float


def error_distribution(errors: np.ndarray, bins: int = BINS) -> Distribution:
    """Histogram of the mean errors of frames, from the smallest to the largest.

    Example:
        >>> error_distribution(np.array([[1.0], [1.1], [3.0]]), bins=2)
        Distribution(percent=array([66.66666667, 33.33333333]), left=array([1., 2.]), width=1.0)
    """
    frames = FrameErrors(errors)
    mean = frames.mean[frames.scored]
    share, edges = np.histogram(mean, bins, weights=np.full(mean.shape, 100.0 / max(mean.size, 1)))
    return Distribution(share, edges[:-1], float(edges[1] - edges[0]))


def summary_figures(errors: np.ndarray) -> tuple[float, float]:
    """Mean error (mean over joints of their means) and the largest per-joint mean."""
    per_joint = FrameErrors(errors).per_joint
    known = per_joint[np.isfinite(per_joint)]
    return (float(known.mean()), float(known.max())) if known.size else (np.nan, np.nan)


def curve_order(errors: Errors) -> list[str]:
    """Labels in the order of the error-rate legend: smallest of the largest per-joint means first."""
    return _ranked(errors, 1)


def mean_order(errors: Errors) -> list[str]:
    """Labels in the order of the error-bar legend: smallest mean error first."""
    return _ranked(errors, 0)


def _ranked(errors: Errors, figure: int) -> list[str]:
    """Labels by one of the summary figures; what has none comes last."""
    values = {label: summary_figures(one)[figure] for label, one in errors.items()}
    return sorted(values, key=lambda label: (np.isnan(values[label]), values[label]))


def summary_text(errors: Errors, metric: str) -> str:
    r"""The published summary over methods, best first, with the metric's name.

    Example:
        >>> print(summary_text({"b": np.array([[4.0, 8.0]]), "a": np.array([[1.0, 2.0]])}, "euclid"))
        metric euclid
        mean error summary: a(1.50) b(6.00)
        maximal per-joint mean error summary: a(2.00) b(8.00)
        a & 1.50 & 2.00 \\
        b & 6.00 & 8.00 \\
    """
    figures = {label: summary_figures(one) for label, one in errors.items()}
    means = " ".join(f"{label}({figures[label][0]:.2f})" for label in mean_order(errors))
    largest = " ".join(f"{label}({figures[label][1]:.2f})" for label in curve_order(errors))
    rows = [
        rf"{label} & {figures[label][0]:.2f} & {figures[label][1]:.2f} \\" for label in mean_order(errors)
    ]
    lines = [f"metric {known_metric(metric)}", f"mean error summary: {means}"]
    return "\n".join([*lines, f"maximal per-joint mean error summary: {largest}", *rows])


def count_good_bad(errors: np.ndarray, good: float = 10.0, bad: float = 20.0) -> tuple[int, int]:
    """How many frames have a mean error below ``good`` and above ``bad``.

    Example:
        >>> count_good_bad(np.array([[9.9], [10.0], [20.0], [20.1], [30.0]]))
        (1, 2)
    """
    frames = FrameErrors(errors)
    mean = frames.mean[frames.scored]
    return int((mean < good).sum()), int((mean > bad).sum())


def joints_of(errors: Errors) -> int:
    """The number of joints all methods have.

    Raises:
        DataError: if they differ or there is no method.
    """
    found = {label: np.shape(one) for label, one in errors.items()}
    joints = {shape[1] if len(shape) == 2 else None for shape in found.values()}
    if len(joints) != 1 or None in joints:
        shapes = ", ".join(f"{label} {shape}" for label, shape in found.items()) or "none"
        raise DataError(f"errors (F, J) of methods with the same J are compared, got {shapes}")
    return next(iter(found.values()))[1]


def known_metric(metric: str) -> str:
    """The metric's name itself.

    Raises:
        ConfigError: if there is none of that name.
    """
    if metric not in METRICS:
        raise ConfigError(unknown("metric", metric, METRICS))
    return metric
