"""Skeletons over depth or colour images, as uint8 RGB arrays."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from carpus.geometry.camera import Camera
from carpus.skeletons import Skeleton

CREAM = np.array([255.0, 240.0, 204.0])
"""The colour of the far end of the depth range; near is dark."""
_HALO = (38, 34, 30)
_SHIFT = 4  # cv2 draws with 1/16 pixel


@dataclass(frozen=True)
class Window:
    """A square part of an image and the size it is shown at.

    Args:
        left, top: image pixel of the window's outer corner.
        side: edge in image pixels.
        size: edge of the picture in pixels.
    """

    left: float
    top: float
    side: float
    size: int

    @property
    def scale(self) -> float:
        """Picture pixels per image pixel."""
        return self.size / self.side

    def to_picture(self, pixels: np.ndarray) -> np.ndarray:
        """Image pixels ``(*, 2)`` (u, v) in pixels of the picture."""
        return (pixels - (self.left, self.top) + 0.5) * self.scale - 0.5

    def cut(self, image: np.ndarray, border: tuple[float, ...] = (255, 240, 204)) -> np.ndarray:
        """The window of an image ``(H, W, 3)`` uint8, scaled to ``(size, size, 3)``."""
        s = self.scale
        offset = self.to_picture(np.zeros(2))
        matrix = np.array([[s, 0.0, offset[0]], [0.0, s, offset[1]]])
        return cv2.warpAffine(
            image,
            matrix,
            (self.size, self.size),
            flags=cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_CONSTANT,
            borderValue=border,
        )


def square_window(joints_px: np.ndarray, size: int = 320, margin_px: float = 70.0) -> Window:
    """The square around joints: side = larger extent + margin.

    Args:
        joints_px: ``(*, 2)`` pixels; NaN ones do not count.
        size: edge of the picture; small crops are scaled up.
        margin_px: added to the larger extent, image pixels.
    """
    known = joints_px.reshape(-1, 2)
    known = known[np.isfinite(known).all(axis=1)]
    if known.size == 0:
        return Window(0.0, 0.0, float(size), size)
    low, high = known.min(axis=0), known.max(axis=0)
    side = float((high - low).max()) + margin_px
    left, top = (low + high) / 2 - side / 2 + 0.5
    return Window(float(left), float(top), side, size)


def hand_window(pred_px: np.ndarray, truth_px: np.ndarray | None, size: int = 320) -> Window:
    """The square around hands of a photograph, whatever part of it they fill.

    Args:
        pred_px: ``(J, 2)`` predicted pixels; NaN ones do not count.
        truth_px: ``(J, 2)`` true ones, or None. Where there are any, a prediction far off does not widen the
            window beyond a third of the hands' extent.
        size: edge of the picture.
    """
    known = pred_px if truth_px is None or not np.isfinite(truth_px).all(axis=-1).any() else truth_px
    known = known[np.isfinite(known).all(axis=-1)]
    extent = float(np.ptp(known, axis=0).max()) if len(known) else 0.0
    points = pred_px if truth_px is None else _near(pred_px, truth_px, max(extent / 3, 4.0))
    return square_window(points, size, margin_px=max(0.3 * extent, 16.0))


def colour_depth(depth_mm: np.ndarray, ref_mm: float, cube_mm: float, shade: float = 0.0) -> np.ndarray:
    """Depth as a picture: near dark, far cream.

    Args:
        depth_mm: ``(H, W)``; 0 = no measurement, drawn like the far end.
        ref_mm: depth in the middle of the range.
        cube_mm: length of the range.
        shade: 0 the plain picture; up to 1 the surface is also lit from the upper left.
    Returns:
        ``(H, W, 3)`` uint8.
    """
    far = ref_mm + cube_mm / 2
    depth = np.where(depth_mm > 0, depth_mm, far).clip(ref_mm - cube_mm / 2, far).astype(np.float32)
    value = (depth - (ref_mm - cube_mm / 2)) / cube_mm
    if shade > 0:
        lit = _light(depth, near=depth < far)
        value = value * (1 + shade * (lit - 1))
    return (value.clip(0, 1)[..., None] * CREAM).round().astype(np.uint8)


def _light(depth: np.ndarray, near: np.ndarray) -> np.ndarray:
    """Lambert term around 1 ``(H, W)``; background stays 1."""
    weight = cv2.GaussianBlur(near.astype(np.float32), (0, 0), 1.2)
    smooth = cv2.GaussianBlur(np.where(near, depth, 0), (0, 0), 1.2) / np.maximum(weight, 1e-3)
    smooth = np.where(weight > 0.05, smooth, depth)
    dx, dy = cv2.Sobel(smooth, -1, 1, 0, scale=1 / 8), cv2.Sobel(smooth, -1, 0, 1, scale=1 / 8)
    normal_z = 1 / np.sqrt(1 + dx * dx + dy * dy)
    facing = normal_z * (0.75 + 0.45 * np.tanh(dx) * 0.8 + 0.45 * np.tanh(dy))
    return np.where(near, 0.35 + 0.9 * facing.clip(0, 1.4), 1.0)


def draw_skeleton(
    picture: np.ndarray,
    joints_px: np.ndarray,
    skeleton: Skeleton,
    *,
    valid: np.ndarray | None = None,
    order: np.ndarray | None = None,
    mono: tuple[int, int, int] | None = None,
    width: float = 5.0,
) -> np.ndarray:
    """Bones as thick lines, joints as filled dots, in the skeleton's colours.

    Args:
        picture: ``(H, W, 3)`` uint8; it is not changed.
        joints_px: ``(J, 2)`` pixels of the picture; NaN ones are left out.
        skeleton: names, parents and colours.
        valid: ``(J,)`` bool, joints to draw.
        order: ``(J,)`` depth; what is far is drawn first.
        mono: one colour for everything, drawn thin: how ground truth lies under a prediction.
        width: of the bones in pixels.
    Returns:
        a new picture ``(H, W, 3)``.
    """
    canvas = np.ascontiguousarray(picture).copy()
    shown = np.isfinite(joints_px).all(axis=1) & (np.abs(joints_px) < 1e5).all(axis=1)
    shown &= np.ones(len(skeleton), bool) if valid is None else valid
    fixed = np.round(np.nan_to_num(np.clip(joints_px, -1e5, 1e5)) * 2**_SHIFT).astype(np.int64)
    depth = np.zeros(len(skeleton)) if order is None else np.nan_to_num(order)
    bones = [(p, c) for p, c in skeleton.bones if shown[p] and shown[c]]
    width = width if mono is None else max(1.6, width * 0.36)
    for parent, child in sorted(bones, key=lambda bone: -depth[list(bone)].mean()):
        colour = mono or skeleton.colours[child]
        for thickness, ink in ((width + 2.4, _HALO), (width, colour)):
            _line(canvas, fixed[parent], fixed[child], ink, thickness)
    for joint in sorted(np.flatnonzero(shown), key=lambda j: -depth[j]):
        colour = mono or skeleton.colours[joint]
        for radius, ink in ((width * 0.95 + 1.4, _HALO), (width * 0.95, colour)):
            _dot(canvas, fixed[joint], ink, radius)
    return canvas


def _line(canvas: np.ndarray, a: np.ndarray, b: np.ndarray, colour: tuple, width: float) -> None:
    start, end = (int(a[0]), int(a[1])), (int(b[0]), int(b[1]))
    cv2.line(canvas, start, end, colour, max(1, round(width)), cv2.LINE_AA, _SHIFT)


def _dot(canvas: np.ndarray, at: np.ndarray, colour: tuple, radius: float) -> None:
    cv2.circle(canvas, (int(at[0]), int(at[1])), round(radius * 2**_SHIFT), colour, -1, cv2.LINE_AA, _SHIFT)


def background(
    image: np.ndarray, joints_cam_mm: np.ndarray, cube_mm: float, shade: float = 0.45
) -> np.ndarray:
    """What lies behind a skeleton: a colour image as it is, a depth map ``(H, W)`` coloured.

    Args:
        image: ``(H, W)`` depth in mm or ``(H, W, 3)`` uint8 RGB.
        joints_cam_mm: ``(J, 3)``; the middle of their depths is the middle of the coloured range.
        cube_mm: length of that range.
        shade: see :func:`colour_depth`.
    Returns:
        ``(H, W, 3)`` uint8.
    """
    if image.ndim == 3:
        return np.ascontiguousarray(image[..., :3], dtype=np.uint8)
    z = joints_cam_mm[np.isfinite(joints_cam_mm).all(axis=1), 2]
    ref = float(z.min() + z.max()) / 2 if z.size else float(image[image > 0].mean() if image.any() else 1)
    return colour_depth(image, ref, cube_mm, shade)


def overlay(
    image: np.ndarray,
    joints_cam_mm: np.ndarray,
    camera: Camera,
    skeleton: Skeleton,
    *,
    target_cam_mm: np.ndarray | None = None,
    valid: np.ndarray | None = None,
    layout: str = "side",
    cube_mm: float = 200.0,
    size: int = 320,
    shade: float = 0.45,
) -> np.ndarray:
    """A prediction over its image.

    Args:
        image: ``(H, W)`` depth in mm, 0 = none, or ``(H, W, 3)`` uint8 RGB.
        joints_cam_mm: ``(J, 3)`` prediction in the camera frame.
        camera: of the image.
        skeleton: of the joints.
        target_cam_mm: ``(J, 3)`` ground truth, or None.
        valid: ``(J,)`` bool, ground-truth joints that exist.
        layout: ``side`` ground truth left and prediction right, ``over`` ground truth thin and white over
            the prediction; without ground truth one picture.
        cube_mm: depth range that is coloured.
        size: edge of one picture, pixels.
        shade: see :func:`colour_depth`.
    Returns:
        ``(size, size, 3)`` or, side by side, ``(size, 2 * size + 8, 3)`` uint8.
    Raises:
        ValueError: for a layout nobody knows.
    """
    if layout not in ("side", "over"):
        raise ValueError(f"overlay: layout '{layout}' is unknown; allowed: over, side")
    pred_px = camera.project(joints_cam_mm)
    if target_cam_mm is None:
        window, known = square_window(pred_px, size), joints_cam_mm
    else:
        keep = np.ones(len(skeleton), bool) if valid is None else valid
        known = target_cam_mm[keep]
        window = square_window(_near(pred_px, camera.project(known)), size)
    base = window.cut(background(image, known, cube_mm, shade))
    width = size / 64
    drawn = draw_skeleton(base, window.to_picture(pred_px), skeleton, order=joints_cam_mm[:, 2], width=width)
    if target_cam_mm is None:
        return drawn
    truth_px, depth = window.to_picture(camera.project(target_cam_mm)), target_cam_mm[:, 2]
    if layout == "over":
        return draw_skeleton(drawn, truth_px, skeleton, valid=valid, mono=(255, 255, 255), width=width)
    truth = draw_skeleton(base, truth_px, skeleton, valid=valid, order=depth, width=width)
    return np.concatenate([truth, np.full((size, 8, 3), 255, np.uint8), drawn], axis=1)


def _near(pred_px: np.ndarray, target_px: np.ndarray, reach_px: float = 60.0) -> np.ndarray:
    """Both joint sets, the prediction no farther than ``reach_px`` from the box of the truth.

    A prediction far off must not shrink the hand to a speck.
    """
    if not np.isfinite(target_px).all(axis=-1).any():
        return pred_px
    low, high = np.nanmin(target_px, axis=0) - reach_px, np.nanmax(target_px, axis=0) + reach_px
    return np.concatenate([pred_px.clip(low, high), target_px])
