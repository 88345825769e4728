"""Part masks of two hands: which part of which hand does every pixel show?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from carpus.bodies.hand_parts import PART_NAMES, HandParts, seal_vertices
from carpus.bodies.topology import VERTICES
from carpus.codecs.part_labels import CLASSES, PARTS_PER_HAND
from carpus.geometry.camera import Camera
from carpus.render.shade import part_labels
from carpus.render.zbuffer import ZBuffer, rasterize

BACKGROUND = 0
_NEAR_MM, _FAR_MM = 100.0, 100_000.0
_SAMPLE = 0.5


@dataclass(frozen=True)
class PartMask:
    """What an image shows of two hands.

    Args:
        labels: ``(H, W)`` uint8: 0 background, 1..16 parts of the right hand, 17..32 of the left.
        buffer: the z-buffer; faces 0..1553 are the right hand's, 1554.. the left's (also where it is alone).
    """

    labels: np.ndarray
    buffer: ZBuffer

    def pixels(self, side: str) -> int:
        """How many pixels show the hand of that side (``right`` or ``left``)."""
        first = {"right": 1, "left": 1 + PARTS_PER_HAND}[side]
        return int(((self.labels >= first) & (self.labels < first + PARTS_PER_HAND)).sum())


def label_name(label: int) -> str:
    """The meaning of a mask value.

    Raises:
        ValueError: outside 0..32.
    Example:
        >>> label_name(0), label_name(9), label_name(17)
        ('background', 'right palm', 'left ring_base')
    """
    if not 0 <= label < CLASSES:
        raise ValueError(f"label_name: {label} is not in 0..{CLASSES - 1}")
    if label == BACKGROUND:
        return "background"
    side = "right" if label <= PARTS_PER_HAND else "left"
    return f"{side} {PART_NAMES[(label - 1) % PARTS_PER_HAND]}"


def part_mask(
    right_cam_mm: np.ndarray | None,
    left_cam_mm: np.ndarray | None,
    parts: HandParts,
    camera: Camera,
    size_wh: tuple[int, int],
) -> PartMask:
    """Draw both hands into one z-buffer; every pixel gets the part it sees.

    A mask is modal: hidden parts are absent. Pixel (column, row) samples the image at (column + 0.5,
    row + 0.5); edges are inclusive, faces are seen from both sides, and at equal depth the right hand wins.
    Surfaces between 0.1 m and 100 m are drawn.

    Args:
        right_cam_mm, left_cam_mm: ``(778, 3)``, or ``(779, 3)`` with the vertex that closes the wrist; None
            for a hand that is not there.
        parts: closed mesh and labels.
        camera: intrinsics of the image.
        size_wh: width and height in pixels.
    Raises:
        ValueError: if both hands are None, or vertices have another shape or are not finite.
    """
    hands = {"right": right_cam_mm, "left": left_cam_mm}
    sealed = {side: _sealed(vertices, side) for side, vertices in hands.items() if vertices is not None}
    if not sealed:
        raise ValueError("part_mask: no hand given")
    vertices = np.concatenate([sealed.get(side, np.zeros((VERTICES + 1, 3))) for side in hands])
    faces, labels = both_hands(parts)
    chosen = np.concatenate([np.full(len(parts.faces), side in sealed) for side in hands])
    first = int(chosen.argmax())
    buffer = rasterize(
        vertices, faces[chosen], camera, size_wh, pixel_center=_SAMPLE, near=_NEAR_MM, far=_FAR_MM
    )
    if first:
        buffer = ZBuffer(np.where(buffer.seen, buffer.face + first, -1).astype(np.int32), buffer.depth)
    return PartMask(part_labels(buffer, labels, BACKGROUND), buffer)


def both_hands(parts: HandParts) -> tuple[np.ndarray, np.ndarray]:
    """Faces and mask values of the right hand followed by the left.

    The left hand has the right one's faces with the first two columns exchanged, so that they look outwards.

    Args:
        parts: closed mesh and labels of the right hand.
    Returns:
        Faces ``(3108, 3)`` over 2 x 779 vertices, labels ``(3108,)`` uint8 in 1..32.
    """
    left = parts.faces[:, [1, 0, 2]] + VERTICES + 1
    labels = np.concatenate([parts.face_labels + 1, parts.face_labels + 1 + PARTS_PER_HAND])
    return np.concatenate([parts.faces, left]), labels.astype(np.uint8)


def fit_error_mm(joints_cam_mm: np.ndarray, truth_cam_mm: np.ndarray, valid: np.ndarray) -> float | None:
    """How far the joints of a fitted hand lie from the annotated ones.

    Args:
        joints_cam_mm: ``(21, 3)`` of the fit, from the joint regressor.
        truth_cam_mm: ``(21, 3)`` annotated.
        valid: ``(21,)`` which annotations count.
    Returns:
        Mean Euclidean distance in millimetres; None if no annotation counts.
    Example:
        >>> fit_error_mm(np.zeros((21, 3)), np.full((21, 3), [3.0, 0.0, 4.0]), np.ones(21))
        5.0
    """
    counted = np.asarray(valid).reshape(-1) == 1
    if not counted.any():
        return None
    return float(np.linalg.norm(joints_cam_mm[counted] - truth_cam_mm[counted], axis=-1).mean())


def _sealed(vertices: np.ndarray, side: str) -> np.ndarray:
    vertices = np.asarray(vertices, np.float64)
    if vertices.shape not in ((VERTICES, 3), (VERTICES + 1, 3)):
        raise ValueError(f"part_mask: {side} hand has shape {vertices.shape}, expected ({VERTICES}, 3)")
    if not np.isfinite(vertices).all():
        raise ValueError(f"part_mask: {side} hand has vertices that are not finite")
    return vertices if len(vertices) > VERTICES else seal_vertices(vertices)
