"""Everything a scored run leaves to look at: ``analysis/``, ``vis/`` and the HTML page."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

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
        skeleton: of the joints.
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
    count = len(collected.keys)
    if count == 0:
        raise ValueError("there is no frame to report on: the predictions are empty")
    angles = dict(angles or {})
    _check_angles(angles, count)
    errors = FrameErrors.of(collected)
    depth_of = None if depth_of is None else cache(depth_of)  # page and vis/ show the same frames
    picks = pick_frames(None if errors is None else errors.mean, count, k_worst, k_best, k_random)
    panels = training_panels(history or [])
    samples = [
        sample_data(collected, int(i), group, skeleton, errors, depth_of, meta.cube_mm)
        for group, chosen in picks.items()
        for i in chosen
    ]
    _write_charts(out_dir / "analysis" / meta.split, errors, skeleton, meta, angles, panels)
    _write_overlays(out_dir / "vis" / meta.split, collected, skeleton, meta, picks, errors, depth_of)
    data = {
        "frames": count,
        "skeleton": skeleton_data(skeleton),
        "scores": None if errors is None else _scores(errors, meta),
        "cards": headline(errors, count, meta),
        "samples": samples,
        "history": panels,
        "viewpoint": [] if errors is None else viewpoint_data(errors, angles),
    }
    table = [] if errors is None else joint_rows(errors, skeleton, meta.within_mm)
    page = render_page(meta, data, table, config_text)
    return write_bytes(out_dir / f"report_{meta.split}.html", page.encode("utf-8"))


def build_comparison(
    out_dir: Path, runs: Mapping[str, Collected], skeleton: Skeleton, limit_mm: float = 80.0
) -> list[Path]:
    """Curves and bars of several runs side by side.

    Args:
        out_dir: gets ``comparison.png`` and ``joints.png``.
        runs: label to predictions with ground truth, all in one joint order.
        skeleton: of the joints.
        limit_mm: largest threshold.
    """
    errors = {label: FrameErrors(run.errors_mm()) for label, run in runs.items()}
    return [
        save_figure(figures.comparison(errors, limit_mm), out_dir / "comparison.png"),
        save_figure(figures.joint_bars(errors, skeleton), out_dir / "joints.png"),
    ]


def headline(errors: FrameErrors | None, count: int, meta: ReportMeta) -> list[dict[str, Any]]:
    """The cards at the top of the page."""
    frames = {"name": "frames", "value": f"{count:,}"}
    if errors is None or not errors.flat.size:
        return [{**frames, "main": True, "note": "no ground truth", "bad": True}]
    mean, flat = float(errors.flat.mean()), errors.flat
    share = lambda values, at: f"{success(values, np.array([at]))[0]:.1f}"  # noqa: E731
    _, low, high = meta.within_mm
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
    scores = score_data(errors, meta.threshold_limit_mm)
    flat = errors.flat
    marks = (
        {"median": np.median(flat), "mean": flat.mean(), "95 %": np.percentile(flat, 95)} if flat.size else {}
    )
    scores["marks"] = [[name, round(float(at), 2)] for name, at in sorted(marks.items(), key=lambda m: m[1])]
    return scores


def _check_angles(angles: Mapping[str, np.ndarray], count: int) -> None:
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
    limit = 80.0 if meta.threshold_limit_mm == 84.0 else meta.threshold_limit_mm
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


def _write_overlays(
    folder: Path,
    collected: Collected,
    skeleton: Skeleton,
    meta: ReportMeta,
    picks: Mapping[str, np.ndarray],
    errors: FrameErrors | None,
    depth_of: DepthOf | None,
) -> None:
    """``vis/worst_01.png`` and so on: ground truth left, prediction right; older pictures go."""
    for old in folder.glob("*.png"):
        if old.stem.rpartition("_")[0] in ("worst", "best", "random", "views_worst", "views_best"):
            old.unlink()
    if depth_of is None:
        return
    for group, chosen in picks.items():
        for rank, i in enumerate(chosen, start=1):
            picture = _captioned(collected, int(i), skeleton, meta, errors, depth_of(int(i)))
            write_bytes(folder / f"{group}_{rank:02d}.png", encode_image(picture))
    truth = collected.target_cam_mm
    if truth is None:
        return
    for group in ("worst", "best"):
        for i in picks.get(group, [])[:1]:
            target, valid = truth[i], _valid(collected, int(i))
            shown = views.orthogonal_views(
                collected.joints_cam_mm[i], skeleton, target_cam_mm=target, valid=valid
            )
            save_figure(shown, folder / f"views_{group}_01.png")


def _captioned(
    collected: Collected,
    i: int,
    skeleton: Skeleton,
    meta: ReportMeta,
    errors: FrameErrors | None,
    image: np.ndarray,
) -> np.ndarray:
    target = None if collected.target_cam_mm is None else collected.target_cam_mm[i]
    picture = overlay(
        image,
        collected.joints_cam_mm[i],
        Camera.from_array(collected.camera[i]),
        skeleton,
        target_cam_mm=target,
        valid=_valid(collected, i),
        cube_mm=meta.cube_mm,
    )
    key = str(collected.keys[i])
    if errors is None:
        return caption(picture, [(0.0, key)])
    return caption(picture, [(0.0, f"{key}  ground truth"), (0.5, f"prediction  {errors.mean[i]:.1f} mm")])


def _valid(collected: Collected, i: int) -> np.ndarray | None:
    return None if collected.joint_valid is None else collected.joint_valid[i]
