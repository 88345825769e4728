"""Everything a scored run leaves to look at: ``analysis/``, ``vis/`` and the HTML page."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from carpus.errors import DataError
from carpus.geometry.camera import Camera
from carpus.metrics.collector import Collected
from carpus.reports import figures, views
from carpus.reports.draw import overlay
from carpus.reports.history import training_panels
from carpus.reports.numbers import (
    VIEWPOINT_RANGES,
    FrameErrors,
    pick_frames,
    success,
)
from carpus.reports.page import ReportMeta, render_page
from carpus.reports.payload import DepthOf, joint_rows, sample_data, score_data, skeleton_data, viewpoint_data
from carpus.reports.rgb_frames import HandFrames
from carpus.reports.rgb_words import hand_cards, without_single_joints
from carpus.reports.style import caption, encode_image, save_figure, write_bytes
from carpus.skeletons import Skeleton

__all__ = ["ReportMeta", "build_comparison", "build_report"]


def build_report(
    out_dir: Path,
    collected: Collected,
    skeleton: Skeleton,
    meta: ReportMeta,
    depth_of: DepthOf | None = None,
    history: Iterable[Mapping[str, Any]] | None = None,
    angles: Mapping[str, np.ndarray] | None = None,
    config_text: str = "",
    k_worst: int = 12,
    k_best: int = 6,
    k_random: int = 12,
) -> Path:
    """Write charts, overlays and the HTML page of a run; each file is complete or absent.

    Args:
        out_dir: the run's folder; gets ``analysis/<split>/*.png``, ``vis/<split>/*.png`` and
            ``report_<split>.html``.
        collected: predictions of the split, with or without ground truth.
        skeleton: of the joints; two hands, or predictions in pixels only, make a page of photographs.
        meta: what the page says about the run.
        depth_of: sample number to image; without it there are no pictures and no points.
        history: rows of the CSV log.
        angles: ``yaw`` and ``pitch`` in degrees, each ``(N,)``, for the viewpoint curves.
        config_text: the resolved configuration.
        k_worst, k_best, k_random: frames to show of each kind.
    Returns:
        path of the page.
    Raises:
        ValueError: for angles of another length or name, or no frame at all.
    """
    count, angles = len(collected), dict(angles or {})
    _check(angles, count)
    errors = FrameErrors.of(collected, meta.unit if meta.unit in collected.units else None)
    depth_of = None if depth_of is None else cache(depth_of)  # page and vis/ show the same frames
    frames: CubeFrames | HandFrames = CubeFrames(collected, skeleton, errors, depth_of, meta.cube_mm)
    if in_photographs(collected):
        frames = HandFrames(collected, skeleton, errors, depth_of)
        history = without_single_joints(history or [], skeleton)
    picks = pick_frames(None if errors is None else errors.mean, count, k_worst, k_best, k_random)
    panels = training_panels(history or [])
    samples = [frames.sample(int(i), group) for group, chosen in picks.items() for i in chosen]
    _write_charts(out_dir / "analysis" / meta.split, errors, skeleton, meta, angles, panels)
    _write_overlays(out_dir / "vis" / meta.split, frames, picks)
    data = {
        "frames": count,
        "skeleton": skeleton_data(skeleton),
        "scores": None if errors is None else _scores(errors, meta),
        "cards": (hand_cards if in_photographs(collected) else headline)(errors, count, meta),
        "samples": samples,
        "history": panels,
        "viewpoint": [] if errors is None else viewpoint_data(errors, angles),
    }
    table = [] if errors is None else joint_rows(errors, skeleton, meta.within)
    page = render_page(meta, data, table, config_text)
    return write_bytes(out_dir / f"report_{meta.split}.html", page.encode("utf-8"))


def in_photographs(collected: Collected) -> bool:
    """Whether predictions are of hands in colour images: relative to wrists, or in pixels only."""
    return collected.root_of is not None or collected.joints_cam_mm is None


def build_comparison(
    out_dir: Path, runs: Mapping[str, Collected], skeleton: Skeleton, limit: float | None = None
) -> list[Path]:
    """Curves and bars of several runs side by side.

    Args:
        out_dir: gets ``comparison.png`` and ``joints.png``.
        runs: label to predictions with ground truth, all in one joint order.
        skeleton: of the joints.
        limit: largest threshold; 80 mm or, where a run predicts pixels only, 30 px by default.
    Raises:
        DataError: if the runs have no errors in one unit.
    """
    shared = [unit for unit in ("mm", "px") if all(unit in run.units for run in runs.values())]
    if not shared:
        told = "; ".join(f"{label} {'/'.join(run.units) or 'none'}" for label, run in runs.items())
        raise DataError(f"the runs have no errors in one unit, so they cannot be compared: {told}")
    found = {label: FrameErrors.of(run, shared[0]) for label, run in runs.items()}
    errors = {label: one for label, one in found.items() if one is not None}
    limit = limit or {"mm": 80.0, "px": 30.0}[shared[0]]
    return [
        save_figure(figures.comparison(errors, limit), out_dir / "comparison.png"),
        save_figure(figures.joint_bars(errors, skeleton), out_dir / "joints.png"),
    ]


def headline(errors: FrameErrors | None, count: int, meta: ReportMeta) -> list[dict[str, Any]]:
    """The cards at the top of the page."""
    frames = {"name": "frames", "value": f"{count:,}"}
    if errors is None or not errors.flat.size:
        return [{**frames, "main": True, "note": "no ground truth", "bad": True}]
    mean, flat = float(errors.flat.mean()), errors.flat
    share = lambda values, at: f"{success(values, np.array([at]))[0]:.1f}"  # noqa: E731
    _, low, high = meta.within
    cards = [{"name": "mean error", "value": f"{mean:.2f}", "unit": "mm", "main": True}]
    if meta.baseline_mm and np.isfinite(meta.baseline_mm):
        ratio = mean / meta.baseline_mm
        cards[0] |= {"note": f"{ratio:.0%} of the mean pose's", "bad": ratio >= 1}
        cards.append({"name": "mean-pose baseline", "value": f"{meta.baseline_mm:.2f}", "unit": "mm"})
    cards += [
        {"name": "median error", "value": f"{np.median(flat):.2f}", "unit": "mm"},
        {"name": "95 % of the joints within", "value": f"{np.percentile(flat, 95):.1f}", "unit": "mm"},
        {"name": f"frames wholly ≤ {low:g} mm", "value": share(errors.max, low), "unit": "%"},
        {"name": f"frames wholly ≤ {high:g} mm", "value": share(errors.max, high), "unit": "%"},
        {"name": f"joints ≤ {low:g} mm", "value": share(flat, low), "unit": "%"},
    ]
    unscored = count - int(errors.scored.sum())
    note = {"note": f"{unscored:,} without ground truth", "bad": True} if unscored else {}
    return [*cards, {**frames, **note}]


def _scores(errors: FrameErrors, meta: ReportMeta) -> dict[str, Any]:
    scores = score_data(errors, meta.threshold_limit)
    flat = errors.flat
    marks = (
        {"median": np.median(flat), "mean": errors.overall, "95 %": np.percentile(flat, 95)}
        if flat.size
        else {}
    )
    scores["marks"] = [[name, round(float(at), 2)] for name, at in sorted(marks.items(), key=lambda m: m[1])]
    return scores


def _check(angles: Mapping[str, np.ndarray], count: int) -> None:
    if count == 0:
        raise ValueError("there is no frame to report on: the predictions are empty")
    for name, values in angles.items():
        if name not in VIEWPOINT_RANGES:
            raise ValueError(f"angles: '{name}' is unknown; allowed: {', '.join(VIEWPOINT_RANGES)}")
        if len(values) != count:
            raise ValueError(
                f"angles: {len(values):,} values of {name} for {count:,} frames; give one per frame"
            )


def _write_charts(
    folder: Path,
    errors: FrameErrors | None,
    skeleton: Skeleton,
    meta: ReportMeta,
    angles: Mapping[str, np.ndarray],
    panels: list[dict[str, Any]],
) -> None:
    limit = 80.0 if meta.threshold_limit == 84.0 else meta.threshold_limit
    if errors is not None:
        save_figure(figures.error_curve(errors, limit), folder / "error_curve.png")
        save_figure(figures.joint_bars({meta.key: errors}, skeleton), folder / "joint_errors.png")
        save_figure(figures.error_histogram(errors, limit), folder / "error_histogram.png")
        save_figure(figures.joint_accuracy(errors, skeleton, limit), folder / "joint_accuracy.png")
    if errors is not None and angles:
        chart = figures.viewpoint_curves({meta.key: errors}, angles, VIEWPOINT_RANGES)
        save_figure(chart, folder / "viewpoint.png")
    if panels:
        save_figure(figures.training_curves(panels), folder / "training.png")


def _write_overlays(folder: Path, frames: CubeFrames | HandFrames, picks: Mapping[str, np.ndarray]) -> None:
    """``vis/worst_01.png`` and so on: ground truth left, prediction right; older pictures go."""
    for old in folder.glob("*.png"):
        if old.stem.rpartition("_")[0] in ("worst", "best", "random", "views_worst", "views_best"):
            old.unlink()
    if frames.image_of is None:
        return
    for group, chosen in picks.items():
        for rank, i in enumerate(chosen, start=1):
            write_bytes(folder / f"{group}_{rank:02d}.png", encode_image(frames.picture(int(i))))
    for group in ("worst", "best"):
        for i in picks.get(group, [])[:1]:
            shown = frames.views(int(i))
            if shown is not None:
                save_figure(shown, folder / f"views_{group}_01.png")


@dataclass(frozen=True)
class CubeFrames:
    """Pictures and page entries of frames of depth images.

    Args:
        collected: the predictions.
        skeleton: of the joints.
        errors: of the split, or None without ground truth.
        image_of: sample number to image, or None for no pictures.
        cube_mm: edge of the cube: the depth range pictures show.
    """

    collected: Collected
    skeleton: Skeleton
    errors: FrameErrors | None
    image_of: DepthOf | None
    cube_mm: float

    def sample(self, i: int, group: str) -> dict[str, Any]:
        """One frame of the page's viewer."""
        return sample_data(self.collected, i, group, self.skeleton, self.errors, self.image_of, self.cube_mm)

    def picture(self, i: int) -> np.ndarray:
        """The overlay with the frame's key and error."""
        found = self.collected
        assert self.image_of is not None and found.joints_cam_mm is not None and found.camera is not None
        picture = overlay(
            self.image_of(i),
            found.joints_cam_mm[i],
            Camera.from_array(found.camera[i]),
            self.skeleton,
            target_cam_mm=None if found.target_cam_mm is None else found.target_cam_mm[i],
            valid=None if found.joint_valid is None else found.joint_valid[i],
            cube_mm=self.cube_mm,
        )
        key = str(found.keys[i])
        if self.errors is None:
            return caption(picture, [(0.0, key)])
        error = f"prediction  {self.errors.mean[i]:.1f} mm"
        return caption(picture, [(0.0, f"{key}  ground truth"), (0.5, error)])

    def views(self, i: int) -> Figure | None:
        """The joints from three sides; None without ground truth."""
        found = self.collected
        if found.target_cam_mm is None or found.joints_cam_mm is None:
            return None
        valid = None if found.joint_valid is None else found.joint_valid[i]
        target = found.target_cam_mm[i]
        return views.orthogonal_views(
            found.joints_cam_mm[i], self.skeleton, target_cam_mm=target, valid=valid
        )
