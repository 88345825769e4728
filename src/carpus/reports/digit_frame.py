"""What the pictures of DIGIT need to know of an image: what was predicted, and the truth if there is one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

import numpy as np

from carpus.skeletons import INTERHAND, HandPair

SHOWN_2D, SHOWN_3D = 0.4, 0.5
"""A joint is drawn if its validity is above this, in the picture and in space."""
PRESENT = 0.5
"""A hand is taken to be there if its probability is above this."""


@dataclass(frozen=True)
class DigitTruth:
    """What is known of an image.

    Args:
        joints_cells: ``(J, 3)`` in the crop, in cells of the heat maps.
        cells_valid: ``(J,)`` validity there, 0 to 1.
        joints_cam_mm: ``(J, 3)``.
        joint_valid: ``(J,)`` validity as annotated, 0 to 1.
        hand_type: ``(2,)`` bool right, left.
        segm: ``(M, M)`` part labels of the crop, or None where there is no mask.
    """

    joints_cells: np.ndarray
    cells_valid: np.ndarray
    joints_cam_mm: np.ndarray
    joint_valid: np.ndarray
    hand_type: np.ndarray
    segm: np.ndarray | None = None


@dataclass(frozen=True)
class DigitFrame:
    """One image as DIGIT sees it, in the space of its crop.

    Args:
        name: of the image, a path with ``/``.
        crop: ``(S, S, 3)`` uint8 RGB.
        heatmaps: ``(J, H, W)`` soft-max of every joint.
        joints_cells: ``(J, 3)``: x and y in cells of the heat maps, which cover the crop, z in cells of the
            depth box.
        joints_cam_mm: ``(J, 3)``.
        segm: ``(M, M)`` predicted part labels.
        present: ``(2,)`` probability of the right and the left hand.
        truth: what is known, or None.
        skeleton: of the joints.
        space: what ``joints_cam_mm`` are, in words.
    """

    name: str
    crop: np.ndarray
    heatmaps: np.ndarray
    joints_cells: np.ndarray
    joints_cam_mm: np.ndarray
    segm: np.ndarray
    present: np.ndarray
    truth: DigitTruth | None = None
    skeleton: HandPair = INTERHAND
    space: str = "camera space, millimetres"

    @property
    def crop_per_cell(self) -> float:
        """Crop pixels per cell."""
        return self.crop.shape[0] / self.heatmaps.shape[-1]

    @property
    def segm_valid(self) -> int:
        """1 if there is a true mask."""
        return int(self.truth is not None and self.truth.segm is not None)

    def joints_px(self, cells: np.ndarray) -> np.ndarray:
        """Crop pixels ``(J, 2)`` of joints ``(J, 3)`` in cells."""
        return cells[:, :2] * self.crop_per_cell

    def seen(self) -> np.ndarray:
        """``(J,)`` 0/1: joints of hands that are predicted to be there."""
        return (self.present > PRESENT)[list(self.skeleton.hand_of)].astype(float)

    def validity(self, space: str) -> np.ndarray:
        """``(J,)`` that decides which joints are drawn, of truth and prediction alike.

        Args:
            space: ``cells`` or ``cam``.
        """
        if self.truth is None:
            return self.seen()
        return self.truth.cells_valid if space == "cells" else self.truth.joint_valid


def published_stem(image: str) -> str:
    """What pictures of an image are called: its path in one word.

    Example:
        >>> published_stem("./images/val/Capture0/ROM01/cam400262/image1.jpg")
        'images__val__Capture0__ROM01__cam400262__image1'
    """
    path = PurePosixPath(image.replace("\\", "/"))
    parts = [part for part in path.with_suffix("").parts if part not in (".", "..", "/")]
    return "__".join(parts) or "image"


def unique_stems(images: Sequence[str]) -> list[str]:
    """:func:`published_stem` of images, no two alike.

    Example:
        >>> unique_stems(["a.jpg", "a.png", "b.png"])
        ['a', 'a_2', 'b']
    """
    stems: list[str] = []
    for image in images:
        stem, number = published_stem(image), 2
        while stem in stems:
            stem, number = f"{published_stem(image)}_{number}", number + 1
        stems.append(stem)
    return stems
