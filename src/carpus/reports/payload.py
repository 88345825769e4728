"""What the HTML page knows: numbers, curves and samples as plain lists, ready for JSON."""

from __future__ import annotations

import base64
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from carpus.geometry.camera import Camera
from carpus.metrics.collector import Collected
from carpus.reports.draw import overlay
from carpus.reports.numbers import (
    VIEWPOINT_RANGES,
    FrameErrors,
    bar_order,
    per_joint_success,
    success,
    success_curves,
    thresholds_to,
    viewpoint_curve,
)
from carpus.reports.style import encode_image, hex_colour, readable
from carpus.skeletons import Skeleton

DepthOf = Callable[[int], np.ndarray]
"""Sample number to its image: ``(H, W)`` float32 depth in mm, 0 = none, or ``(H, W, 3)`` uint8 RGB."""


def plain(values: Any, digits: int = 3) -> Any:
    """Arrays and numbers as rounded lists and floats; what is not finite becomes None.

    Example:
        >>> plain(np.array([1.23456, np.nan]))
        [1.235, None]
    """
    if isinstance(values, np.ndarray):
        return plain(values.tolist(), digits)
    if isinstance(values, list | tuple):
        return [plain(value, digits) for value in values]
    if isinstance(values, float):
        return round(values, digits) if math.isfinite(values) else None
    return values


def skeleton_data(skeleton: Skeleton) -> dict[str, Any]:
    """Names, parents and colours; ``inks`` are dark enough for thin lines on a light page."""
    return {
        "joints": list(skeleton.joints),
        "parents": list(skeleton.parents),
        "colours": [hex_colour(c) for c in skeleton.colours],
        "inks": [readable(c) for c in skeleton.colours],
        "order": bar_order(skeleton).tolist(),
    }


def score_data(errors: FrameErrors, limit: float, bins: int = 42) -> dict[str, Any]:
    """Curves, bars, histogram and the table of joints."""
    thresholds = thresholds_to(limit)
    edges = np.linspace(0, limit, bins + 1)
    flat = errors.flat
    # What lies beyond the last edge is counted in the last bar; the page says so.
    counts, _ = np.histogram(flat.clip(0, np.nextafter(limit, 0)), edges)
    return {
        "thresholds": plain(thresholds),
        "curves": {name: plain(values, 2) for name, values in success_curves(errors, thresholds).items()},
        "joint_curves": plain(per_joint_success(errors, thresholds), 1),
        "per_joint": plain(errors.per_joint),
        "histogram": {"edges": plain(edges), "share": plain(100.0 * counts / max(flat.size, 1))},
        "mean": plain(errors.overall),
    }


def joint_rows(
    errors: FrameErrors, skeleton: Skeleton, within: Sequence[float] = (10.0, 20.0, 40.0)
) -> list[dict[str, Any]]:
    """The table of joints, in the order of the bars: mean, median, 95 %, share within some distances."""
    rows = []
    for joint in bar_order(skeleton):
        column = errors.joint[:, joint]
        known = column[np.isfinite(column)]
        middle, high = np.percentile(known, (50, 95)) if known.size else (math.nan, math.nan)
        shares = success(column, np.array(within))
        name = skeleton.joints[joint]
        mean = float(known.mean()) if known.size else math.nan
        rows.append({"joint": name, "mean": mean, "median": middle, "p95": high, "within": shares})
    return rows


def viewpoint_data(errors: FrameErrors, angles_deg: Mapping[str, np.ndarray]) -> list[dict[str, Any]]:
    """One curve per angle in 2° bins."""
    curves = []
    for name, angle in angles_deg.items():
        bins, mean, count = viewpoint_curve(errors, angle, VIEWPOINT_RANGES[name])
        curves.append({"name": name, "x": plain(bins), "y": plain(mean), "count": plain(count)})
    return curves


def cloud(
    depth_mm: np.ndarray, camera: Camera, center_mm: np.ndarray, cube_mm: float, most: int, seed: int = 0
) -> np.ndarray:
    """Points of a depth image inside the cube around a centre.

    Args:
        depth_mm: ``(H, W)``, 0 = none.
        camera: of the image.
        center_mm: ``(3,)``.
        cube_mm: edge of the cube.
        most: more points than that are thinned at random.
        seed: of the thinning.
    Returns:
        ``(P, 3)`` float32 camera space.
    """
    v, u = np.nonzero(depth_mm)
    points = camera.unproject(np.stack([u, v], axis=1).astype(np.float64), depth_mm[v, u].astype(np.float64))
    points = points[(np.abs(points - center_mm) <= cube_mm / 2).all(axis=1)]
    if len(points) > most:
        points = points[np.random.default_rng(seed).choice(len(points), most, replace=False)]
    return points.astype(np.float32)


def pack_cloud(points_mm: np.ndarray, origin_mm: np.ndarray) -> dict[str, Any]:
    """Points relative to an origin as base64 of little-endian int16 steps; ``step`` is their size in mm."""
    relative = points_mm - origin_mm
    step = max(float(np.abs(relative).max(initial=0.0)), 1.0) / 32767
    steps = np.round(relative / step).astype("<i2")
    return {"step": step, "data": base64.b64encode(steps.tobytes()).decode("ascii")}


def data_uri(picture: np.ndarray, quality: int = 84) -> str:
    """``(H, W, 3)`` uint8 as a JPEG that stands in the page itself."""
    return "data:image/jpeg;base64," + base64.b64encode(encode_image(picture, "jpeg", quality)).decode(
        "ascii"
    )


def sample_data(
    collected: Collected,
    index: int,
    group: str,
    skeleton: Skeleton,
    errors: FrameErrors | None,
    depth_of: DepthOf | None,
    cube_mm: float,
    points: int = 2200,
) -> dict[str, Any]:
    """One frame of the viewer: joints in mm, errors, point cloud and pictures."""
    pred = collected.joints_cam_mm[index]
    valid = np.ones(len(pred), bool) if collected.joint_valid is None else collected.joint_valid[index]
    target = None if collected.target_cam_mm is None else collected.target_cam_mm[index]
    center, camera = collected.center_mm[index], Camera.from_array(collected.camera[index])
    entry: dict[str, Any] = {
        "key": str(collected.keys[index]),
        "index": int(index),
        "group": group,
        "pred": plain(pred, 2),
        "target": None if target is None else plain(target, 2),
        "valid": valid.tolist(),
        "center": plain(center, 2),
    }
    if errors is not None:
        entry["errors"] = plain(errors.joint[index], 2)
        entry["mean"], entry["max"] = plain(float(errors.mean[index])), plain(float(errors.max[index]))
    if depth_of is not None:
        image = depth_of(int(index))
        if image.ndim == 2:
            entry["cloud"] = pack_cloud(cloud(image, camera, center, cube_mm, points), center)
        options: dict[str, Any] = {"target_cam_mm": target, "valid": valid, "cube_mm": cube_mm}
        entry["pair"] = data_uri(overlay(image, pred, camera, skeleton, **options))
        entry["thumb"] = data_uri(overlay(image, pred, camera, skeleton, layout="over", **options))
    return entry
