"""Pictures of a localiser: how much its scores can be trusted."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from carpus.errors import DataError
from carpus.reports.style import PAPER, SERIES, save_figure, tidy

HIT_MM = 30.0
"""A cube whose middle is this near counts as found."""


class Confidence(NamedTuple):
    """Frames sorted by score, largest first, each ``(F,)``.

    ``score``; ``recall``: share of all frames that are right and have at least that score; ``precision``:
    share of the frames with at least that score that are right.
    """

    score: np.ndarray
    recall: np.ndarray
    precision: np.ndarray

    @property
    def area(self) -> float:
        """Mean precision over recall, the area under the curve of steps."""
        return float((np.diff(self.recall, prepend=0.0) * self.precision).sum())


def confidence_curve(score: np.ndarray, error_mm: np.ndarray, hit_mm: float = HIT_MM) -> Confidence:
    """Precision and recall as the smallest accepted score falls.

    Args:
        score: ``(F,)`` of the cube in each frame.
        error_mm: ``(F,)`` distance of its middle from the truth.
        hit_mm: largest distance of a cube that is right.
    Raises:
        DataError: if there is no frame or the lengths differ.
    Example:
        >>> curve = confidence_curve(np.array([0.9, 0.2, 0.6]), np.array([5.0, 200.0, 10.0]))
        >>> curve.precision.round(2).tolist(), curve.recall.round(2).tolist()
        ([1.0, 1.0, 0.67], [0.33, 0.67, 0.67])
    """
    if not len(score) or len(score) != len(error_mm):
        raise DataError(f"{len(score)} scores and {len(error_mm)} errors: one of each per frame is needed")
    order = np.argsort(-score, kind="stable")
    right = np.cumsum(error_mm[order] <= hit_mm)
    return Confidence(score[order], right / len(score), right / np.arange(1, len(score) + 1))


def write_locator_pictures(folder: Path, name: str, score: np.ndarray, error_mm: np.ndarray) -> list[Path]:
    """Write ``evaluate_confidence_<name>.png`` and ``evaluate_pr_<name>.png``.

    Args:
        folder: is made if need be.
        name: of the model.
        score: ``(F,)``.
        error_mm: ``(F,)``.
    """
    curve = confidence_curve(score, error_mm)
    accepted = np.arange(1, len(score) + 1) / len(score)
    by_score, trade = _axes("smallest accepted score"), _axes("recall (%)")
    by_score[1].plot(
        curve.score, 100 * curve.precision, color=SERIES[0], lw=2, label="right, of the accepted"
    )
    by_score[1].plot(curve.score, 100 * accepted, color=SERIES[1], lw=2, label="accepted, of all frames")
    by_score[1].legend(loc="lower left", frameon=False)
    trade[1].plot(100 * curve.recall, 100 * curve.precision, color=SERIES[0], lw=2)
    trade[1].set_xlim(0, 100)
    trade[1].set_title(f"right: within {HIT_MM:g} mm; mean precision {100 * curve.area:.1f} %", loc="left")
    return [
        save_figure(by_score[0], folder / f"evaluate_confidence_{name}.png"),
        save_figure(trade[0], folder / f"evaluate_pr_{name}.png"),
    ]


def _axes(x: str) -> tuple[Figure, Axes]:
    fig = Figure(figsize=(6, 4), dpi=100, facecolor=PAPER, layout="constrained")
    axes = tidy(fig.subplots(), "", x, "frames (%)", "both")
    axes.set_ylim(0, 101)
    return fig, axes
