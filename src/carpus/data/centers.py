"""Where the crop of a depth frame is centred: centre files, centre of mass, a box, or the true joints."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from carpus.data.box_centers import box_center
from carpus.data.depth_images import check_millimetres, decode_depth
from carpus.errors import DataError
from carpus.geometry.camera import Camera
from carpus.types import Record

if TYPE_CHECKING:
    from carpus.data.splits import SplitPolicy
    from carpus.data.store import Store

CENTER_SOURCES = ("file", "com", "box", "gt")


def read_centers(path: Path) -> np.ndarray:
    """Lines of a centre file: ``x y z`` or ``invalid``.

    Args:
        path: the file.
    Returns:
        ``(N, 3)`` float64 in the dataset's published frame and unit; NaN where invalid.
    Raises:
        DataError: naming the file and line that is neither.
    """
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        raise DataError(
            f"{path} is missing: put the centre file there, or choose dataset.center_source=com (or gt)"
        ) from None
    while lines and not lines[-1].strip():
        lines.pop()
    centers = np.full((len(lines), 3), np.nan)
    for row, line in enumerate(lines):
        parts = line.split()
        if parts and parts[0].startswith("invalid"):
            continue
        try:
            centers[row] = [float(part) for part in parts]
        except ValueError:
            centers[row] = np.inf
        if not np.isfinite(centers[row]).all():
            raise DataError(f"{path}, line {row + 1}: '{line[:40]}' is neither 'x y z' nor 'invalid'")
    return centers


def write_centers(path: Path, centers: np.ndarray) -> None:
    """Write a centre file.

    Args:
        path: the file.
        centers: ``(N, 3)`` in the dataset's published frame and unit; NaN becomes ``invalid``.
    """
    lines = [
        " ".join(f"{value:.14g}" for value in center) if np.isfinite(center).all() else "invalid"
        for center in np.asarray(centers, np.float64)
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines))


def center_of_mass(
    depth_mm: np.ndarray, camera: Camera, range_mm: tuple[float, float], cube_mm: float
) -> np.ndarray:
    """Mean pixel and depth of what lies in a depth range, refined once inside the cube around it.

    Args:
        depth_mm: ``(H, W)``, 0 = no measurement.
        camera: its intrinsics.
        range_mm: depths between these bounds count.
        cube_mm: edge of the cube of the second round.
    Returns:
        ``(3,)`` float32 millimetres; NaN if nothing lies in the range.
    Example:
        >>> depth = np.zeros((240, 320), np.float32); depth[119:122, 159:162] = 400
        >>> center_of_mass(depth, Camera(241.42, 241.42, 160.0, 120.0), (100, 700), 200)
        array([  0.,   0., 400.], dtype=float32)
    """
    mask = (depth_mm > range_mm[0]) & (depth_mm < range_mm[1])
    if not mask.any():
        return np.full(3, np.nan, np.float32)
    height, width = depth_mm.shape
    u, v = np.arange(width), np.arange(height)
    ray_x = ((u - camera.cx) / camera.fx).astype(np.float32)
    ray_y = ((v - camera.cy) / camera.fy).astype(np.float32)[:, None]

    def middle(chosen: np.ndarray) -> np.ndarray:
        count = np.count_nonzero(chosen)
        uv = [chosen.sum(0) @ u / count, chosen.sum(1) @ v / count]
        return camera.uvd_to_xyz(np.array([*uv, depth_mm[chosen].mean(dtype=np.float64)]))

    x, y, z = middle(mask)
    half = cube_mm / 2
    inside = mask & (np.abs(depth_mm - z) <= half)
    inside &= (np.abs(ray_x * depth_mm - x) <= half) & (np.abs(ray_y * depth_mm - y) <= half)
    return middle(inside if inside.any() else mask).astype(np.float32)


def joint_center(joints_cam_mm: np.ndarray, joint_valid: np.ndarray) -> np.ndarray:
    """Mid-point of the valid joints' extent.

    Args:
        joints_cam_mm: ``(J, 3)``.
        joint_valid: ``(J,)`` bool.
    Returns:
        ``(3,)`` float32 millimetres; NaN if no joint is valid.
    """
    if not joint_valid.any():
        return np.full(3, np.nan, np.float32)
    joints = joints_cam_mm[joint_valid]
    return ((joints.min(0) + joints.max(0)) / 2).astype(np.float32)


def joint_columns(record: Record, size_wh: tuple[int, int]) -> dict[str, Any]:
    """What splits and reports ask about a record's joints without reading it.

    Args:
        record: with or without joints.
        size_wh: width and height of its depth image.
    Returns:
        ``joints_inside`` uint8: 1 unless a valid joint projects beyond the image, whose far edges W and H
        count as inside (also 1 where there are no joints); ``extent_mm`` ``(2, 3)`` float32: smallest and
        largest coordinates, NaN where there are none.
    """
    extent = np.full((2, 3), np.nan, np.float32)
    fields = record.fields
    if "joints_cam_mm" not in fields:
        return {"joints_inside": np.uint8(1), "extent_mm": extent}
    joints = np.asarray(fields["joints_cam_mm"])[np.asarray(fields["joint_valid"])]
    if len(joints):
        extent[0], extent[1] = joints.min(axis=0), joints.max(axis=0)
    pixels = Camera.from_array(np.asarray(fields["camera"])).project(joints.astype(np.float64))
    inside = (pixels >= 0) & (pixels <= np.array(size_wh))
    return {"joints_inside": np.uint8(inside.all()), "extent_mm": extent}


class CenterColumns:
    """Column values of a record, computed once while packing: its centres, and what its joints say.

    ``com_mm`` and ``gt_mm`` of every record; ``bbox_xywh_px`` and ``box_mm`` where records have a box; and
    what :func:`joint_columns` gives.

    Args:
        range_mm: depths that may belong to the object.
        cube_mm: edge of the crop.
    """

    def __init__(self, range_mm: tuple[float, float], cube_mm: float) -> None:
        self.range_mm = range_mm
        self.cube_mm = cube_mm

    def __call__(self, record: Record) -> dict[str, Any]:
        """Centres are ``(3,)`` float32; NaN where they cannot be known."""
        fields = record.fields
        depth_mm = decode_depth(record.images["depth"], str(fields["depth_coding"]))
        check_millimetres(depth_mm, record.key)
        camera = Camera.from_array(np.asarray(fields["camera"]))
        gt = np.full(3, np.nan, np.float32)
        if "joints_cam_mm" in fields:
            gt = joint_center(np.asarray(fields["joints_cam_mm"]), np.asarray(fields["joint_valid"]))
        boxed = {}
        if "bbox_xywh_px" in fields:
            box = np.asarray(fields["bbox_xywh_px"], np.float32)
            center = box_center(depth_mm, camera, box, self.range_mm, self.cube_mm)
            boxed = {"bbox_xywh_px": box, "box_mm": center}
        return {
            "com_mm": center_of_mass(depth_mm, camera, self.range_mm, self.cube_mm),
            "gt_mm": gt,
            **boxed,
            **joint_columns(record, (depth_mm.shape[1], depth_mm.shape[0])),
        }


def file_centers(
    path: Path,
    mode: str,
    store: Store,
    splits: SplitPolicy,
    to_cam_mm: Callable[[np.ndarray], np.ndarray],
    cube_mm: float,
) -> np.ndarray:
    """Centres of all records of a store by a centre file.

    Args:
        path: the file.
        mode: ``train`` or ``test``: what the file covers.
        store: the records.
        splits: which lines belong to which records.
        to_cam_mm: from the published frame and unit to ours.
        cube_mm: edge of the crop.
    Returns:
        ``(N, 3)`` float32; NaN where invalid or not in the file.
    Raises:
        DataError: if the file's number of lines or its content belongs to other frames.
    """
    published = read_centers(path)
    positions, lines, expected = splits.center_lines(mode, store)
    if len(published) != expected:
        raise DataError(
            f"{path} has {len(published)} lines, but {splits.explain(mode, store, len(published))}"
        )
    centers = np.full((len(store), 3), np.nan, np.float32)
    centers[positions] = to_cam_mm(published[lines])
    groups = splits.groups(store, positions)
    truth = np.asarray(store.column("gt_mm"))[positions]
    check_plausible(centers[positions], truth, groups, cube_mm, path)
    return centers


def check_plausible(
    centers_mm: np.ndarray, truth_mm: np.ndarray, names: np.ndarray, cube_mm: float, path: Path
) -> None:
    """Refuse centres that evidently belong to other frames.

    A right centre keeps the object in its cube. A centre file of another fold or release is off by a
    hand's breadth or more once two recordings have moved apart.

    Args:
        centers_mm: ``(N, 3)``, NaN where invalid.
        truth_mm: ``(N, 3)`` mid-points of the true joints, NaN where unknown.
        names: ``(N,)`` group of each frame (subject and gesture), consecutive per group.
        cube_mm: edge of the crop.
        path: the centre file, for the message.
    Raises:
        DataError: naming the first group whose median distance is above half the cube, or the whole file if
            its median is above a quarter.
    """
    distance = np.linalg.norm(centers_mm - truth_mm, axis=1)
    known = np.isfinite(distance)
    if not known.any():
        return
    if np.nanmedian(centers_mm[:, 2]) < 20:
        raise DataError(f"{path}: the centres are in metres, millimetres are expected")
    distance, names = distance[known], names[known]
    overall = float(np.median(distance))
    starts = np.flatnonzero(np.r_[True, names[1:] != names[:-1]])
    medians = [float(np.median(part)) for part in np.split(distance, starts[1:])]
    worst = next((i for i, median in enumerate(medians) if median > cube_mm / 2), None)
    if worst is None and overall <= cube_mm / 4:
        return
    group, far = (names[starts[worst]], medians[worst]) if worst is not None else (names[0], overall)
    raise DataError(
        f"{path}: its centres lie {far:.0f} mm (median) from the joints of {group}, so it belongs to another "
        f"fold, release or dataset; use the file of this one, or dataset.center_source=com"
    )
