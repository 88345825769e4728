"""Single frames of hands in photographs: what is drawn of them, pictures, entries of the page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from matplotlib.figure import Figure

from carpus.metrics.collector import Collected
from carpus.reports import views
from carpus.reports.draw import Window, draw_skeleton, hand_window
from carpus.reports.numbers import FrameErrors
from carpus.reports.payload import DepthOf, data_uri, plain
from carpus.reports.style import caption
from carpus.skeletons import HandPair, Skeleton

_BEYOND = (226, 222, 212)
"""What lies outside the photograph."""
_WHITE, _HALO = (255, 255, 255), (38, 34, 30)


@dataclass(frozen=True)
class ShownHands:
    """One frame's joints as they are drawn; those that are not are NaN.

    Args:
        pred_px, truth_px: ``(J, 2)`` pixels of the photograph, or None where they are not known.
        pred_mm, truth_mm: ``(J, 3)`` camera space, or None. A predicted hand stands at the true wrist, the
            place its errors are measured from.
    """

    pred_px: np.ndarray | None
    truth_px: np.ndarray | None
    pred_mm: np.ndarray | None
    truth_mm: np.ndarray | None


@dataclass(frozen=True)
class HandFrames:
    """Pictures and page entries of frames.

    Args:
        collected: the predictions.
        skeleton: of the joints, two hands or one.
        errors: of the split, or None without ground truth.
        image_of: sample number to photograph ``(H, W, 3)`` uint8, or None for no pictures.
    """

    collected: Collected
    skeleton: Skeleton
    errors: FrameErrors | None
    image_of: DepthOf | None

    def shown(self, i: int) -> ShownHands:
        """What is drawn of a frame: the hands that are labelled; without labels those a method sees."""
        found = self.collected
        visible = self._visible(i)[:, None]
        valid = np.ones(len(visible), bool) if found.joint_valid is None else found.joint_valid[i]
        pred_mm = None if found.joints_cam_mm is None else np.where(visible, found.joints_cam_mm[i], np.nan)
        truth_mm = None
        if found.target_cam_mm is not None:
            truth_mm = np.where(valid[:, None], found.target_cam_mm[i], np.nan)
            if pred_mm is not None and found.root_of is not None:
                pred_mm = pred_mm - pred_mm[found.root_of] + truth_mm[found.root_of]
        return ShownHands(
            np.where(visible, found.pixels(i), np.nan) if found.sees_px else None,
            np.where(valid[:, None], found.true_pixels(i), np.nan) if found.knows_px else None,
            pred_mm,
            truth_mm,
        )

    def overlay(self, i: int, layout: str = "side", size: int = 320) -> np.ndarray:
        """The hands over their part of the photograph.

        Args:
            i: number of the sample.
            layout: ``side`` ground truth left and prediction right, ``over`` ground truth thin and white over
                the prediction; without ground truth one picture.
            size: edge of one picture, pixels.
        Returns:
            ``(size, size, 3)`` or ``(size, 2 * size + 8, 3)`` uint8.
        """
        assert self.image_of is not None
        hands, width = self.shown(i), size / 72
        nowhere = np.full((len(self.skeleton), 2), np.nan)
        pred = nowhere if hands.pred_px is None else hands.pred_px
        window = hand_window(pred, hands.truth_px, size)
        base = window.cut(np.ascontiguousarray(self.image_of(i)[..., :3], np.uint8), _BEYOND)
        drawn = self._drawn(base, window, pred, hands.pred_mm, width)
        if hands.truth_px is None:
            return drawn
        if layout == "over":
            at = window.to_picture(hands.truth_px)
            return draw_skeleton(drawn, at, self.skeleton, mono=_WHITE, width=width)
        truth = self._drawn(base, window, hands.truth_px, hands.truth_mm, width)
        return np.concatenate([truth, np.full((size, 8, 3), 255, np.uint8), drawn], axis=1)

    def picture(self, i: int) -> np.ndarray:
        """The overlay with the frame's key, its error and what the method says of the hands' presence."""
        picture, says = self.overlay(i), self._says(i)
        key = str(self.collected.keys[i])
        if self.errors is None or not self.collected.knows_px:
            told = [(0.0, says)] if says else []
        else:
            error = f"{self.errors.mean[i]:.1f} {self.errors.unit}" if self.errors.scored[i] else ""
            words = " · ".join(filter(None, (error, says)))
            told = [(0.0, "ground truth"), (0.5, f"prediction  {words}")]
        return caption(caption(picture, told, 28) if told else picture, [(0.0, key)])

    def sample(self, i: int, group: str) -> dict[str, Any]:
        """One frame of the page's viewer; see :func:`carpus.reports.payload.sample_data`."""
        hands, found = self.shown(i), self.collected
        valid = np.ones(len(self.skeleton), bool) if found.joint_valid is None else found.joint_valid[i]
        entry: dict[str, Any] = {
            "key": str(found.keys[i]),
            "index": i,
            "group": group,
            "pred": [] if hands.pred_mm is None else plain(hands.pred_mm, 2),
            "target": None if hands.truth_mm is None or hands.pred_mm is None else plain(hands.truth_mm, 2),
            "valid": valid.tolist(),
            "center": plain(_middle(hands), 2),
        }
        if self.errors is not None:
            entry["errors"] = plain(self.errors.joint[i], 2)
            entry["mean"], entry["max"] = (plain(float(v[i])) for v in (self.errors.mean, self.errors.max))
        if self.image_of is not None:
            entry["pair"] = data_uri(self.overlay(i, size=400))
            entry["thumb"] = data_uri(self.overlay(i, "over", size=240))
        return entry

    def views(self, i: int) -> Figure | None:
        """The hands from three sides, or None where nothing is known in space."""
        hands = self.shown(i)
        if hands.pred_mm is None or hands.truth_mm is None or not np.isfinite(hands.truth_mm).any():
            return None
        assert self.collected.joint_valid is not None
        valid = self.collected.joint_valid[i]
        return views.orthogonal_views(hands.pred_mm, self.skeleton, target_cam_mm=hands.truth_mm, valid=valid)

    def _hands(self) -> list[np.ndarray]:
        """Joints of each hand."""
        joints = np.arange(len(self.skeleton))
        if not isinstance(self.skeleton, HandPair):
            return [joints]
        return [joints[np.array(self.skeleton.hand_of) == hand] for hand in (0, 1)]

    def _visible(self, i: int) -> np.ndarray:
        """``(J,)`` bool: joints of hands that are drawn."""
        found, hands = self.collected, self._hands()
        visible = np.zeros(len(self.skeleton), bool)
        for number, joints in enumerate(hands):
            if found.joint_valid is not None and found.joint_valid[i].any():
                visible[joints] = found.joint_valid[i, joints].any()
            elif found.hand_type_prob is not None and len(hands) == 2:
                visible[joints] = found.hand_type_prob[i, number] > 0.5
            else:
                visible[joints] = True
        return visible

    def _drawn(
        self, base: np.ndarray, window: Window, pixels: np.ndarray, space: np.ndarray | None, width: float
    ) -> np.ndarray:
        """Skeletons in colour, the hands named at their wrists."""
        order = None if space is None else space[:, 2]
        picture = draw_skeleton(base, window.to_picture(pixels), self.skeleton, order=order, width=width)
        if isinstance(self.skeleton, HandPair):
            for root, letter in zip(self.skeleton.roots, "RL", strict=True):
                at = window.to_picture(pixels[root])
                if np.isfinite(at).all() and (np.abs(at) < 1e4).all():
                    _letter(picture, letter, at)
        return picture

    def _says(self, i: int) -> str:
        """The presence of hands in words."""
        if self.collected.hand_type_prob is None:
            return ""
        right, left = self.collected.hand_type_prob[i].tolist()
        return f"sees R {right:.2f} L {left:.2f}"


def _letter(picture: np.ndarray, letter: str, at: np.ndarray) -> None:
    """R or L beside a wrist, into the picture."""
    size = picture.shape[0] / 640
    place = (round(at[0] + 14 * size), round(at[1] + 18 * size))
    for colour, thickness in ((_HALO, 4), (_WHITE, 1)):
        cv2.putText(picture, letter, place, cv2.FONT_HERSHEY_SIMPLEX, size, colour, thickness, cv2.LINE_AA)


def _middle(hands: ShownHands) -> np.ndarray:
    """``(3,)`` the middle of what the viewer shows."""
    for joints in (hands.truth_mm, hands.pred_mm):
        if joints is not None and np.isfinite(joints).all(axis=1).any():
            return np.nanmean(joints, axis=0)
    return np.zeros(3)
