"""What a predictor that looks at nothing achieves: the number every model has to beat."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from carpus.metrics.hands import Handedness, HandJointErrors
from carpus.metrics.joint_error import PerJointError
from carpus.metrics.protocols.metric import MetricProtocol
from carpus.skeletons import HandPair
from carpus.types import Batch, Predictions


def mean_pose_mm(
    joints_cam_mm: np.ndarray, center_mm: np.ndarray, joint_valid: np.ndarray | None = None
) -> np.ndarray:
    """Mean position of every joint relative to the centre of its sample.

    Args:
        joints_cam_mm: ``(N, J, 3)``.
        center_mm: ``(N, 3)``.
        joint_valid: ``(N, J)`` bool, or None for all.
    Returns:
        ``(J, 3)`` float64; NaN for a joint that is never valid.
    Example:
        >>> mean_pose_mm(np.array([[[1.0, 0, 9]], [[5.0, 0, 9]]]), np.array([[0.0, 0, 8], [2.0, 0, 8]]))
        array([[2., 0., 1.]])
    """
    relative = np.asarray(joints_cam_mm, dtype=np.float64) - np.asarray(center_mm, dtype=np.float64)[:, None]
    return _masked_mean(relative, _mask(relative, joint_valid))


def mean_pose_error_mm(
    pose_mm: np.ndarray,
    joints_cam_mm: np.ndarray,
    center_mm: np.ndarray,
    joint_valid: np.ndarray | None = None,
) -> float:
    """Mean error over all valid joints when every sample is given one pose at its own centre.

    Args:
        pose_mm: ``(J, 3)`` of :func:`mean_pose_mm`, from the training split.
        joints_cam_mm: ``(N, J, 3)`` true joints of the test split.
        center_mm: ``(N, 3)`` its centres.
        joint_valid: ``(N, J)`` bool, or None for all.
    Example:
        >>> center_mm = np.array([[0.0, 0.0, 500.0]])
        >>> mean_pose_error_mm(np.zeros((1, 3)), np.array([[[3.0, 4.0, 500.0]]]), center_mm)
        5.0
    """
    predicted = np.asarray(center_mm, dtype=np.float64)[:, None] + pose_mm
    errors = np.linalg.norm(predicted - joints_cam_mm, axis=-1)
    mask = _mask(errors[..., None], joint_valid) & np.isfinite(pose_mm).all(axis=-1)
    return float(errors[mask].mean()) if mask.any() else float("nan")


def mean_hands_mm(joints_cam_mm: np.ndarray, joint_valid: np.ndarray, pair: HandPair) -> np.ndarray:
    """Mean position of every joint relative to the wrist of its hand.

    Args:
        joints_cam_mm: ``(N, J, 3)``.
        joint_valid: ``(N, J)`` bool; a hand without a valid wrist does not count.
        pair: the joints of both hands.
    Returns:
        ``(J, 3)`` float64; NaN for a joint that is never valid.
    """
    exact, roots = np.asarray(joints_cam_mm, dtype=np.float64), list(pair.root_of)
    return _masked_mean(exact - exact[:, roots], joint_valid & joint_valid[:, roots])


def mean_box_pose(joints_px: np.ndarray, box_xywh_px: np.ndarray, joint_valid: np.ndarray) -> np.ndarray:
    """Mean place of every joint in the box of its sample.

    Args:
        joints_px: ``(N, J, 2)``.
        box_xywh_px: ``(N, 4)`` left, top, width, height.
        joint_valid: ``(N, J)`` bool.
    Returns:
        ``(J, 2)`` float64 shares of the box: 0 its left or upper edge, 1 its right or lower one; NaN for a
        joint that is never valid.
    Example:
        >>> box = np.array([[10.0, 20.0, 100.0, 50.0]])
        >>> mean_box_pose(np.array([[[60.0, 20.0]]]), box, np.ones((1, 1), bool))
        array([[0.5, 0. ]])
    """
    box = np.asarray(box_xywh_px, dtype=np.float64)[:, None]
    return _masked_mean((joints_px - box[..., :2]) / box[..., 2:], joint_valid)


def most_frequent_hands(hand_type: np.ndarray, known: np.ndarray) -> np.ndarray | None:
    """The hands that most pictures show; None if no picture counts.

    Args:
        hand_type: ``(N, 2)`` right, left: 1 where present.
        known: ``(N,)`` bool: pictures that count.
    Returns:
        ``(2,)`` bool; of two answers that are equally frequent, right before left before both.
    Example:
        >>> most_frequent_hands(np.array([[1, 0], [1, 1], [1, 1]]), np.ones(3, bool))
        array([ True,  True])
    """
    present = np.asarray(hand_type).astype(bool)[np.asarray(known, bool)]
    if not len(present):
        return None
    answers = ([True, False], [False, True], [True, True], [False, False])
    counts = [int(np.all(present == answer, axis=1).sum()) for answer in answers]
    return np.array(answers[int(np.argmax(counts))])


@dataclass(frozen=True)
class BlindHands:
    """Answers every picture of hands with the average of the training split.

    Its hands in pixels are the mean ones, put into the picture's box. In space they have the mean shape,
    and their wrists lie at the given depths behind the mean pixel of the wrist.

    Args:
        pair: the joints.
        hands_mm: ``(J, 3)`` of :func:`mean_hands_mm`, or None without labels in space.
        box_pose: ``(J, 2)`` of :func:`mean_box_pose`.
        hand_type: ``(2,)`` of :func:`most_frequent_hands`, or None.
    """

    pair: HandPair
    hands_mm: np.ndarray | None
    box_pose: np.ndarray
    hand_type: np.ndarray | None = None

    @property
    def known(self) -> np.ndarray:
        """``(J,)`` bool: joints that were seen in training; others have no answer."""
        answers = [self.box_pose] if self.hands_mm is None else [self.box_pose, self.hands_mm]
        return np.asarray(np.isfinite(np.concatenate(answers, axis=-1)).all(axis=-1))

    def __call__(self, batch: Batch) -> Predictions:
        """The answers to a batch.

        Args:
            batch: ``crop_xywh_px`` ``(B, 4)``; for joints in space also ``camera`` ``(B, 4)`` and
                ``root_depth_mm`` ``(B, 2)``, the depths methods are given.
        Returns:
            ``joints_px``, ``hand_type_prob`` and, where possible, ``joints_cam_mm``.
        """
        box = batch["crop_xywh_px"].double()[:, None]
        pixels = box[..., :2] + self._like(self.box_pose, box) * box[..., 2:]
        present = None
        if self.hand_type is not None:
            present = self._like(self.hand_type, box).float().expand(batch.size, 2)
        return Predictions(batch.keys_, self._in_space(pixels, batch), pixels, hand_type_prob=present)

    def _in_space(self, pixels: Tensor, batch: Batch) -> Tensor | None:
        if self.hands_mm is None or not {"camera", "root_depth_mm"} <= set(batch):
            return None
        camera = batch["camera"].double()[:, None]
        depth = batch["root_depth_mm"].double()[:, list(self.pair.hand_of), None]
        wrist = (pixels[:, list(self.pair.root_of)] - camera[..., 2:]) / camera[..., :2] * depth
        return torch.cat((wrist, depth), -1) + self._like(self.hands_mm, pixels)

    @staticmethod
    def _like(values: np.ndarray, other: Tensor) -> Tensor:
        return torch.from_numpy(np.asarray(values, dtype=np.float64)).to(other.device)


class BlindHandScores(MetricProtocol):
    """What the answers of :class:`BlindHands` are worth, as the protocols of hands average.

    Values: ``mean_pose_error_mm``, relative to the wrists, and ``mean_pose_error_px``, each the mean over the
    joints of their mean errors, wrists included; ``constant_hand_type_acc``, the share of pictures whose
    hands are those of every answer. NaN where nothing counts.

    Batches offer ``joint_valid`` ``(B, J)``; ``joints_cam_mm`` ``(B, J, 3)`` with ``camera`` ``(B, 4)``, or
    ``joints_px`` ``(B, J, 2)``; ``hand_type`` ``(B, 2)`` and, where it exists, ``hand_type_valid`` ``(B,)``.

    Args:
        pair: the joints.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"joints_px"})
    headline: ClassVar[str] = "mean_pose_error_mm"

    def __init__(self, pair: HandPair) -> None:
        self.space, self.picture, self.hands = HandJointErrors(pair), PerJointError(len(pair)), Handedness()
        super().__init__({"space": self.space, "picture": self.picture, "hands": self.hands})

    def update(self, predictions: Predictions, batch: Batch) -> None:
        """Add one batch."""
        assert predictions.joints_px is not None
        self.follow(predictions.joints_px.device)
        valid, both = batch["joint_valid"].bool(), batch["hand_type"].bool().all(-1)
        if predictions.joints_cam_mm is not None and "joints_cam_mm" in batch:
            self.space.update(predictions.joints_cam_mm, batch["joints_cam_mm"], both, valid)
        true_px = true_pixels(batch)
        if true_px is not None:
            self.picture.update(predictions.joints_px, true_px, valid)
        if predictions.hand_type_prob is not None:
            known = batch.get("hand_type_valid", torch.ones_like(both)).bool()
            self.hands.update(predictions.hand_type_prob, batch["hand_type"], known)

    def compute(self) -> dict[str, float]:
        """Metric name to value over every sample of every process."""
        got = self.reduced()
        return {
            "mean_pose_error_mm": float(got["space"].all.nanmean()),
            "mean_pose_error_px": float(got["picture"].nanmean()),
            "constant_hand_type_acc": float(got["hands"]),
        }


def true_pixels(batch: Batch) -> Tensor | None:
    """True joints ``(B, J, 2)`` in the full image: those in space projected, else the annotated ones.

    Example:
        >>> camera = torch.tensor([[1000.0, 1000.0, 160.0, 120.0]])
        >>> batch = {"joints_cam_mm": torch.tensor([[[10.0, 0.0, 500.0]]]), "camera": camera}
        >>> true_pixels(Batch(["a"], batch))
        tensor([[[180., 120.]]], dtype=torch.float64)
    """
    if {"joints_cam_mm", "camera"} <= set(batch):
        joints, camera = batch["joints_cam_mm"].double(), batch["camera"].double()[:, None]
        return joints[..., :2] / joints[..., 2:] * camera[..., :2] + camera[..., 2:]
    return batch["joints_px"].double() if "joints_px" in batch else None


def metric_unit(name: str) -> str:
    """The unit of an error, by its name: ``mm``, ``px``, or nothing for shares and areas.

    Example:
        >>> [metric_unit(name) for name in ("mpjpe_all", "mean_error_mm", "epe_px", "pck@20px", "auc_mm")]
        ['mm', 'mm', 'px', '', '']
    """
    words = re.split(r"[_/]", name.lower())
    if {"auc", "pck", "success", "acc"} & set(words):
        return ""
    if words[0] in ("mpjpe", "mrrpe") or "mm" in words:
        return "mm"
    return "px" if "px" in words else ""


def _masked_mean(values: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Mean over the first axis of ``(N, J, C)`` where ``(N, J)`` is true; NaN where it never is."""
    with np.errstate(invalid="ignore"):
        return np.where(mask[..., None], values, 0.0).sum(axis=0) / mask.sum(axis=0)[:, None]


def _mask(joints: np.ndarray, joint_valid: np.ndarray | None) -> np.ndarray:
    if joint_valid is None:
        return np.ones(joints.shape[:2], dtype=bool)
    return np.asarray(joint_valid, dtype=bool)
