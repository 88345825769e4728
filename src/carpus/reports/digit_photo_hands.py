"""Predictions of a crop as hands in the photograph it was cut from."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from torch import Tensor

from carpus.data.own_photos import PhotoBox, PhotoCrop
from carpus.errors import ConfigError
from carpus.geometry.camera import Camera
from carpus.reports.digit_space import (
    NOMINAL_MM,
    both_wrists_mm,
    to_own_wrist,
    weak_perspective,
    wrist_depth_mm,
)
from carpus.reports.digit_style import SIDES
from carpus.skeletons import HandPair
from carpus.types import Predictions

Wrists = tuple[tuple[float, float], str]
"""Depths of right and left wrist in mm, and where they come from."""


@dataclass(frozen=True)
class Answer:
    """What a method says about one crop; see :class:`carpus.types.Predictions` for the names.

    Args:
        joints_px: ``(J, 2)`` in the photograph.
        joints_cam_mm: ``(J, 3)`` or None.
        scores: ``(J,)`` or None.
        presence: ``(2,)`` or None.
        rel_wrist_mm: left minus right wrist, or None.
        segm: ``(M, M)`` uint8 part labels of the crop, or None.
    """

    joints_px: np.ndarray
    joints_cam_mm: np.ndarray | None
    scores: np.ndarray | None
    presence: np.ndarray | None
    rel_wrist_mm: float | None
    segm: np.ndarray | None

    def placed(self, camera: Camera, wrists_mm: tuple[float, float], skeleton: HandPair) -> Answer:
        """The same hands on the rays of their pixels, wrists at given depths."""
        assert self.joints_cam_mm is not None
        depth = to_own_wrist(self.joints_cam_mm[:, 2], skeleton) + np.array(wrists_mm)[list(skeleton.hand_of)]
        return replace(self, joints_cam_mm=camera.unproject(self.joints_px, depth))


def answer_of(found: Predictions, row: int, crop: PhotoCrop) -> Answer:
    """One sample of a batch's predictions.

    Raises:
        ConfigError: if the method finds no joints in the picture.
    """

    def of(values: Tensor | None) -> np.ndarray | None:
        return None if values is None else values[row].detach().float().cpu().numpy()

    pixels, between, segm = of(found.joints_px), of(found.rel_root_depth_mm), of(found.segm_labels)
    if pixels is None:
        raise ConfigError("this run's method predicts no joints in the picture, so there is nothing to draw")
    return Answer(
        joints_px=crop.to_photo(pixels),
        joints_cam_mm=of(found.joints_cam_mm),
        scores=of(found.joint_scores),
        presence=of(found.hand_type_prob),
        rel_wrist_mm=None if between is None else float(between),
        segm=None if segm is None else segm.astype(np.uint8),
    )


def estimated_wrists(answer: Answer, shown: np.ndarray, camera: Camera, skeleton: HandPair) -> Wrists:
    """Wrist depths by the size of the hands that are there."""
    assert answer.joints_cam_mm is not None
    depth = to_own_wrist(answer.joints_cam_mm[:, 2], skeleton)
    right, left = (
        wrist_depth_mm(answer.joints_px, depth, camera, hand, skeleton) if shown[hand] else None
        for hand in (0, 1)
    )
    return both_wrists_mm((right, left), answer.rel_wrist_mm)


@dataclass(frozen=True)
class PhotoHands:
    """What a method says about a box of a photograph.

    Args:
        box: where it looked.
        crop_xywh_px: ``(4,)`` the square it was shown.
        joints_px: ``(J, 2)`` of a pair of hands.
        shown: ``(2,)`` bool, hands that are there.
        view_mm: ``(J, 3)`` hands in space for the page.
        view_note: what that space assumes.
        presence: ``(2,)`` probability of right and left hand, or None.
        scores: ``(J,)`` or None.
        depth_mm: ``(J,)`` relative to the own wrist, or None.
        rel_wrist_mm: depth of the left minus the right wrist, or None.
        joints_cam_mm: ``(J, 3)``, or None without intrinsics or depth.
        wrists_mm: ``(2,)`` depths of right and left wrist that were used, or None.
        wrists_source: where those come from.
        segm: ``(H, W)`` uint8 part labels in the photograph, or None.
    """

    box: PhotoBox
    crop_xywh_px: np.ndarray
    joints_px: np.ndarray
    shown: np.ndarray
    view_mm: np.ndarray
    view_note: str
    presence: np.ndarray | None = None
    scores: np.ndarray | None = None
    depth_mm: np.ndarray | None = None
    rel_wrist_mm: float | None = None
    joints_cam_mm: np.ndarray | None = None
    wrists_mm: np.ndarray | None = None
    wrists_source: str = ""
    segm: np.ndarray | None = None

    def told(self) -> str:
        """Which hands are there, in words."""
        if self.presence is None:
            sides = [side for side, there in zip(SIDES, self.shown, strict=True) if there]
            return f"taken for a {sides[0]} hand" if len(sides) == 1 else "taken for both hands"
        return ", ".join(f"{side} {share:.2f}" for side, share in zip(SIDES, self.presence, strict=True))

    def said(self) -> str:
        """Which hands are there and how far away they are taken to be, in words."""
        if not self.shown.any():
            return f"no hand ({self.told()})"
        if self.wrists_mm is None:
            return self.told()
        pairs = zip(SIDES, self.wrists_mm, self.shown, strict=True)
        depths = ", ".join(f"{side} {depth:.0f}" for side, depth, there in pairs if there)
        return f"{self.told()}; wrist depth {depths} mm, {self.wrists_source.split(':')[0]}"


def hands_of(
    answer: Answer,
    crop: PhotoCrop,
    box: PhotoBox,
    shown: np.ndarray,
    skeleton: HandPair,
    wrists: Wrists | None = None,
) -> PhotoHands:
    """A method's answer as what is told and drawn of a photograph.

    Args:
        answer, crop: of the method, and where it looked.
        box: that was asked for.
        shown: ``(2,)`` bool, hands that are there.
        skeleton: of the joints.
        wrists: depths at which the answer's joints in space are; None where no camera is known.
    """
    space = answer.joints_cam_mm
    placed = None if wrists is None else space
    depth = None if space is None else to_own_wrist(space[:, 2], skeleton)
    between = answer.rel_wrist_mm if shown.all() else None
    flat = weak_perspective(answer.joints_px, depth, shown, between, skeleton)
    return PhotoHands(
        box=box,
        crop_xywh_px=crop.crop_xywh_px,
        joints_px=answer.joints_px,
        shown=shown,
        view_mm=flat if placed is None else placed,
        view_note=_view_note(depth is not None, wrists),
        presence=answer.presence,
        scores=answer.scores,
        depth_mm=depth,
        rel_wrist_mm=answer.rel_wrist_mm,
        joints_cam_mm=placed,
        wrists_mm=None if wrists is None else np.array(wrists[0]),
        wrists_source="" if wrists is None else wrists[1],
    )


def _view_note(deep: bool, wrists: Wrists | None) -> str:
    """What the view in 3D assumes."""
    if wrists is not None:
        return f"camera space; wrist depth {wrists[1]}"
    if deep:
        return (
            "no camera given: weak perspective, hands taken for an adult's; sizes and distances are assumed"
        )
    return "flat: the method predicts no depth"


def nominal_wrists(given: tuple[float, float] | None) -> tuple[float, float]:
    """Wrist depths a record is made with."""
    return given or (NOMINAL_MM, NOMINAL_MM)
