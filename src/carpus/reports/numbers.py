"""The numbers behind every picture: errors, success curves, viewpoint bins, which frames to show."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch

from carpus.metrics.collector import Collected
from carpus.metrics.functional.success import counts_within, curves_of, success_counts
from carpus.metrics.functional.viewpoint import (
    PITCH_RANGE_DEG,
    YAW_RANGE_DEG,
    bin_centers_deg,
    viewpoint_sums,
)
from carpus.skeletons import Skeleton

VIEWPOINT_RANGES = {"yaw": YAW_RANGE_DEG, "pitch": PITCH_RANGE_DEG}
"""First and last bin of the published viewpoint curves, degrees."""


@dataclass(frozen=True)
class FrameErrors:
    """Errors of a split, reduced per frame; frames without a valid joint are left out of the curves.

    Args:
        joint: ``(N, J)``, NaN where not valid.
        unit: of the errors.
        by_joint: the mean over all is that of the means per joint, as protocols of hands in colour images
            take it; otherwise of all errors at once.
    """

    joint: np.ndarray
    unit: str = "mm"
    by_joint: bool = False

    @classmethod
    def of(cls, collected: Collected, unit: str | None = None) -> FrameErrors | None:
        """Errors of a split, or None where it has no ground truth.

        Args:
            collected: its predictions.
            unit: ``mm`` or ``px``; the usual one by default.
        """
        if not collected.units:
            return None
        chosen = unit or collected.units[0]
        by_joint = collected.root_of is not None or chosen == "px"
        return cls(collected.errors(chosen), chosen, by_joint)

    @cached_property
    def scored(self) -> np.ndarray:
        """``(N,)`` bool: frames with at least one valid joint."""
        return np.asarray(np.isfinite(self.joint).any(axis=1))

    @cached_property
    def mean(self) -> np.ndarray:
        """``(N,)`` mean over the frame's joints; NaN where the frame has none."""
        count = np.isfinite(self.joint).sum(axis=1)
        return np.where(count > 0, np.nansum(self.joint, axis=1) / np.maximum(count, 1), np.nan)

    @cached_property
    def max(self) -> np.ndarray:
        """``(N,)`` largest over the frame's joints; NaN where the frame has none."""
        largest = np.where(np.isfinite(self.joint), self.joint, -np.inf).max(axis=1)
        return np.where(self.scored, largest, np.nan)

    @cached_property
    def per_joint(self) -> np.ndarray:
        """``(J,)`` mean over the frames; NaN for a joint that is valid nowhere."""
        return FrameErrors(self.joint.T).mean

    @cached_property
    def overall(self) -> float:
        """The mean over everything; NaN if nothing is valid."""
        values = self.per_joint[np.isfinite(self.per_joint)] if self.by_joint else self.flat
        return float(values.mean()) if values.size else float("nan")

    @cached_property
    def flat(self) -> np.ndarray:
        """Every valid joint error, in one row."""
        return self.joint[np.isfinite(self.joint)]


def success(values: np.ndarray, thresholds: np.ndarray) -> np.ndarray:
    """Share of values at or below each threshold, in per cent; NaN values do not count.

    Args:
        values: any shape.
        thresholds: ``(T,)`` in their unit.
    Returns:
        ``(T,)`` per cent.
    Example:
        >>> success(np.array([5.0, 10.0, 20.0, np.nan]), np.array([4.0, 10.0, 20.0])).round(1)
        array([  0. ,  66.7, 100. ])
    """
    return _shares(values.reshape(-1, 1), thresholds)[0]


def success_curves(errors: FrameErrors, thresholds: np.ndarray) -> dict[str, np.ndarray]:
    """The three published curves, each ``(T,)`` per cent: ``max_frame``, ``mean_frame`` and ``joint``."""
    joint = torch.from_numpy(errors.joint)
    counts = success_counts(joint.nan_to_num(), torch.from_numpy(thresholds), joint.isfinite())
    return {name: 100 * curve.numpy() for name, curve in curves_of(counts)._asdict().items()}


def per_joint_success(errors: FrameErrors, thresholds: np.ndarray) -> np.ndarray:
    """``(J, T)`` per cent of the frames whose joint is at or below each threshold."""
    return _shares(errors.joint, thresholds)


def _shares(values: np.ndarray, thresholds: np.ndarray) -> np.ndarray:
    """``(K, T)`` per cent of each column's known values ``(N, K)`` at or below the thresholds."""
    known = torch.from_numpy(np.isfinite(values))
    within = counts_within(torch.from_numpy(np.nan_to_num(values)), known, torch.from_numpy(thresholds))
    return 100 * (within / known.sum(dim=0).double()[:, None]).numpy()


def thresholds_to(limit: float, count: int = 85) -> np.ndarray:
    """``(count,)`` evenly spaced thresholds from 0; with 84 mm and 85 the published ones, 1 mm apart."""
    return np.linspace(0.0, limit, count)


def viewpoint_curve(
    errors: FrameErrors, angle_deg: np.ndarray, range_deg: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean error per 2° bin of a viewing angle.

    Args:
        errors: frames without a valid joint are left out.
        angle_deg: ``(N,)`` yaw or pitch.
        range_deg: first and last bin, even degrees.
    Returns:
        bins ``(K,)`` degrees, mean error ``(K,)`` (NaN for an empty bin), frames per bin ``(K,)``.
    """
    joint = torch.from_numpy(errors.joint)
    angle = torch.from_numpy(np.asarray(angle_deg, dtype=np.float64))
    total, count = viewpoint_sums(joint.nan_to_num(), angle, range_deg, joint.isfinite())
    return bin_centers_deg(range_deg).numpy(), (total / count).numpy(), count.numpy()


def bar_order(skeleton: Skeleton) -> np.ndarray:
    """``(J,)`` order of the joints in bar charts: NYU is published palm first, the reverse of its file."""
    order = np.arange(len(skeleton))
    return order[::-1] if skeleton.name == "nyu" else order


def pick_frames(
    frame_error: np.ndarray | None, count: int, worst: int, best: int, random: int, seed: int = 0
) -> dict[str, np.ndarray]:
    """Which frames to show, none of them twice.

    Args:
        frame_error: ``(N,)`` mean error per frame, or None without ground truth.
        count: number of frames N.
        worst, best, random: how many of each.
        seed: of the random ones.
    Returns:
        ``worst`` (largest error first), ``best`` (smallest first), ``random`` (in order); without errors
        only ``random``.
    """
    picks: dict[str, np.ndarray] = {}
    if frame_error is not None:
        scored = np.flatnonzero(np.isfinite(frame_error))
        ranked = scored[np.argsort(frame_error[scored], kind="stable")]
        picks["worst"] = ranked[::-1][:worst]
        picks["best"] = ranked[: min(best, len(ranked) - len(picks["worst"]))]
    taken = np.concatenate([*picks.values(), np.empty(0, np.int64)]).astype(np.int64)
    left = np.setdiff1d(np.arange(count), taken)
    chosen = np.random.default_rng(seed).choice(left, min(random, len(left)), replace=False)
    return {**picks, "random": np.sort(chosen)}
