"""Hands in space whose distance nobody measured: by the size of an adult's hand.

A network that answers in pixels and depths relative to a wrist leaves open how far away, and therefore how
large, a hand is. Adults' bones differ by few per cent, and among twenty of them some lie across the line of
sight whatever the pose; the distance at which all fit best settles it.
"""

from __future__ import annotations

import numpy as np

from carpus.geometry.camera import Camera
from carpus.skeletons import INTERHAND, HandPair

BONES_MM = {
    "thumb": (38.0, 38.0, 31.0, 28.0),
    "index": (87.0, 42.0, 25.0, 22.0),
    "middle": (85.0, 43.0, 29.0, 22.0),
    "ring": (82.0, 40.0, 27.0, 22.0),
    "little": (78.0, 31.0, 20.0, 19.0),
}
"""Bones from the wrist outwards, to the knuckle first: means of some people of InterHand2.6M."""
NOMINAL_MM = 1000.0
"""Wrist depth where nothing else is known."""
_JOINTS = ("mcp", "pip", "dip", "tip")
_WORST = 0.3
_DEPTHS_MM = np.geomspace(80.0, 20_000.0, 2401)
_SCALES = np.geomspace(1e-3, 50.0, 4801)


def bones_of(hand: int, skeleton: HandPair = INTERHAND) -> tuple[np.ndarray, np.ndarray]:
    """The bones of the right (0) or left (1) hand.

    Returns:
        ``(20, 2)`` indices of parent and child, ``(20,)`` lengths of an adult's in mm.
    Example:
        >>> bones_of(0)[0][:2].tolist(), bones_of(1)[1][:2].tolist()
        ([[20, 3], [3, 2]], [38.0, 38.0])
    """
    side = ("right", "left")[hand]
    children = [skeleton.index(f"{side}_{finger}_{joint}") for finger in BONES_MM for joint in _JOINTS]
    ends = np.array([(skeleton.parents[child], child) for child in children])
    return ends, np.array([length for finger in BONES_MM.values() for length in finger])


def to_own_wrist(depth_mm: np.ndarray, skeleton: HandPair = INTERHAND) -> np.ndarray:
    """Depths ``(J,)`` minus that of the wrist of the joint's hand."""
    return depth_mm - depth_mm[list(skeleton.root_of)]


def wrist_depth_mm(
    joints_px: np.ndarray, depth_mm: np.ndarray, camera: Camera, hand: int, skeleton: HandPair = INTERHAND
) -> float | None:
    """The depth of a wrist at which the hand has the size of an adult's.

    Args:
        joints_px: ``(J, 2)``.
        depth_mm: ``(J,)`` relative to the own wrist.
        camera: of the pixels.
        hand: 0 right, 1 left.
        skeleton: of the joints.
    Returns:
        Millimetres; None if the bones fit at no depth between 0.08 and 20 m.
    """
    ends, lengths_mm = bones_of(hand, skeleton)
    rays = (np.asarray(joints_px, float) - (camera.cx, camera.cy)) / (camera.fx, camera.fy)
    far = _DEPTHS_MM[:, None, None] + np.asarray(depth_mm, float)[ends]
    across = np.diff(rays[ends] * far[..., None], axis=2)[:, :, 0]
    along = np.diff(far, axis=2)[..., 0]
    found = np.sqrt((across**2).sum(-1) + along**2)
    # At depths where joints would lie behind the camera nothing fits.
    found[far.min((1, 2)) <= 0] = np.inf
    return _fitting(_DEPTHS_MM, found, lengths_mm)


def mm_per_px(
    joints_px: np.ndarray, depth_mm: np.ndarray, hand: int, skeleton: HandPair = INTERHAND
) -> float | None:
    """The size of a pixel at which the hand has the size of an adult's; weak perspective.

    Args:
        joints_px: ``(J, 2)``.
        depth_mm: ``(J,)`` relative to the own wrist; zeros where there is no depth.
        hand: 0 right, 1 left.
        skeleton: of the joints.
    Returns:
        Millimetres per pixel, or None if the bones fit at no size.
    """
    ends, lengths_mm = bones_of(hand, skeleton)
    flat = np.linalg.norm(np.diff(np.asarray(joints_px, float)[ends], axis=1)[:, 0], axis=-1)
    along = np.diff(np.asarray(depth_mm, float)[ends], axis=1)[:, 0]
    return _fitting(_SCALES, np.sqrt((_SCALES[:, None] * flat) ** 2 + along**2), lengths_mm)


def _fitting(values: np.ndarray, found_mm: np.ndarray, lengths_mm: np.ndarray) -> float | None:
    """The value whose bones ``(N, 20)`` are off by the smallest share of their length, if it is small."""
    off = np.abs(found_mm - lengths_mm).sum(-1) / lengths_mm.sum()
    best = int(off.argmin())
    inside = 0 < best < len(values) - 1
    return float(values[best]) if inside and off[best] <= _WORST else None


def both_wrists_mm(
    found: tuple[float | None, float | None], rel_wrist_mm: float | None
) -> tuple[tuple[float, float], str]:
    """Depths of both wrists of what is known of each, and where they come from in words.

    Args:
        found: of the right and the left wrist, None where unknown.
        rel_wrist_mm: left minus right, or None; it is used where both hands are there.
    """
    sized = "estimated: the depth at which the hand has the size of an adult's"
    right, left = found
    if right is None and left is None:
        source = f"assumed: {NOMINAL_MM:g} mm, as no hand of an adult's size was found"
        return (NOMINAL_MM, NOMINAL_MM), source
    if rel_wrist_mm is None or right is None or left is None:
        known = right if right is not None else left
        assert known is not None
        return (right if right is not None else known, left if left is not None else known), sized
    middle = (right + left - rel_wrist_mm) / 2
    return (middle, middle + rel_wrist_mm), f"{sized}, left minus right as predicted"


def weak_perspective(
    joints_px: np.ndarray,
    depth_mm: np.ndarray | None,
    shown: np.ndarray,
    rel_wrist_mm: float | None,
    skeleton: HandPair = INTERHAND,
) -> np.ndarray:
    """Hands in space without a camera: all pixels are of one size.

    Args:
        joints_px: ``(J, 2)``.
        depth_mm: ``(J,)`` relative to the own wrist, or None for flat hands.
        shown: ``(2,)`` bool, hands that say how large a pixel is.
        rel_wrist_mm: depth of the left minus the right wrist, or None.
        skeleton: of the joints.
    Returns:
        ``(J, 3)`` mm about the middle of the shown joints; right wrist at depth 0.
    """
    joints_px = np.where(np.isfinite(joints_px), joints_px, np.nan)
    depth = np.zeros(len(skeleton)) if depth_mm is None else np.asarray(depth_mm, float)
    own = np.array(skeleton.hand_of)
    scales = [mm_per_px(joints_px, depth, hand, skeleton) for hand in (0, 1) if shown[hand]]
    known = [scale for scale in scales if scale is not None]
    used = joints_px[np.asarray(shown, bool)[own]] if np.any(shown) else joints_px
    extent = float((used.max(0) - used.min(0)).max()) or 1.0
    # With nothing to go by, what is shown is taken for 200 mm long.
    scale = float(np.exp(np.mean(np.log(known)))) if known else 200.0 / extent
    between = np.where(own == 1, rel_wrist_mm or 0.0, 0.0)
    flat = (joints_px - (used.min(0) + used.max(0)) / 2) * scale
    return np.concatenate([flat, (depth + between)[:, None]], -1)
