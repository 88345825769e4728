"""The published evaluation of InterHand2.6M, and the file of its 131 numbers."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor

from carpus.data.results.text import write_atomic
from carpus.errors import ConfigError, DataError
from carpus.metrics.checks import check_finite
from carpus.metrics.functional.hands import at_depth
from carpus.metrics.hands import GroupedErrors, Handedness, HandJointErrors, RelativeRootError
from carpus.metrics.protocols.metric import MetricProtocol
from carpus.metrics.segmentation import SegmentationIoU
from carpus.skeletons import INTERHAND, INTERHAND_PUBLISHED
from carpus.types import Batch, Predictions

GROUPS = ("all", "sh", "ih")
"""All images, those of a single hand, those of interacting hands."""
RESULT_NAMES = (
    *("handness_acc", "mrrpe"),
    *(f"{name}_{group}" for group in GROUPS for name in (*INTERHAND_PUBLISHED, "mpjpe")),
)
"""The 131 names of the published result dictionary, in its order."""


class InterHandProtocol(MetricProtocol):
    """Two hands: wrist-relative error per joint, error between the wrists, presence of the hands.

    Values: the 131 of :data:`RESULT_NAMES`, errors in millimetres. ``mpjpe_<group>`` is the plain mean of the
    42 errors per joint, wrists (always 0) included, as published; ``mpjpe_<group>_no_wrist`` is the mean of
    the other 40. A joint that is never valid in a group is left out of that group's mean; an empty group is
    NaN. ``segm_iou`` is the mean overlap of the part masks.

    Batches offer ``joints_cam_mm`` ``(B, 42, 3)``, ``joint_valid`` ``(B, 42)`` and ``hand_type`` ``(B, 2)``
    right, left; and where they exist ``hand_type_valid`` ``(B,)``, ``segm_target`` ``(B, H, W)`` with
    ``segm_valid`` ``(B,)``, and ``root_depth_mm`` ``(B, 2)``, the wrist depths that predictions were given.
    A method that predicts ``rel_root_depth_mm`` has its left wrist moved, for the error between the wrists
    alone, to the right wrist's given depth plus that; of other methods the wrists are taken as they are.

    Args:
        segm_tolerance: part classes whose union has fewer pixels are left out of an image.
    Example:
        >>> truth = torch.tensor([0.0, 0.0, 900.0]).repeat(1, 42, 1)
        >>> batch = {"joints_cam_mm": truth, "joint_valid": torch.ones(1, 42).bool()}
        >>> batch = Batch(["a"], batch | {"hand_type": torch.ones(1, 2)})
        >>> off = truth.clone()
        >>> off[0, 0, 0] = 42.0
        >>> protocol = InterHandProtocol()
        >>> protocol.update(Predictions(["a"], joints_cam_mm=off), batch)
        >>> values = protocol.compute()
        >>> values["r_thumb4_ih"], values["mpjpe_ih"], round(values["mpjpe_ih_no_wrist"], 3), values["mrrpe"]
        (42.0, 1.0, 1.05, 0.0)
    """

    needs: ClassVar[frozenset[str]] = frozenset({"joints_cam_mm"})
    truth: ClassVar[frozenset[str]] = frozenset({"joints_cam_mm", "joint_valid", "hand_type"})
    headline: ClassVar[str] = "mpjpe_all"

    def __init__(self, segm_tolerance: int = 0) -> None:
        self.joints, self.wrists = HandJointErrors(INTERHAND), RelativeRootError()
        self.handedness, self.segm = Handedness(), SegmentationIoU(tolerance=segm_tolerance)
        super().__init__(
            {
                "joints": self.joints,
                "wrists": self.wrists,
                "handedness": self.handedness,
                "segm": self.segm,
            }
        )

    def update(self, predictions: Predictions, batch: Batch) -> None:
        """Add one batch; without labels it adds nothing.

        Raises:
            NonFinitePredictionError: naming samples whose prediction is NaN or infinite.
            ConfigError: if no joints are predicted, or a relative depth without the depth it refers to.
            DataError: if the joints are not those of InterHand2.6M.
        """
        if not self.truth <= set(batch):
            return
        joints = _joints(predictions, batch)
        self.follow(joints.device)
        truth = {name: value.to(joints.device) for name, value in batch.items() if name in _READ}
        both_hands = truth["hand_type"].bool().all(-1)
        valid = truth["joint_valid"].bool()
        valid = valid & valid[:, list(INTERHAND.root_of)]
        check_finite(joints, valid, batch.keys_)
        target = truth["joints_cam_mm"]
        self.joints.update(joints, target, both_hands, valid)
        roots = list(INTERHAND.roots)
        related = both_hands & valid[:, roots].all(-1)
        wrists = joints[:, roots]
        if predictions.rel_root_depth_mm is not None:
            wrists = _placed(wrists, predictions.rel_root_depth_mm.reshape(-1), truth)
            check_finite(wrists, related[:, None].expand(-1, 2), batch.keys_)
        self.wrists.update(wrists, target[:, roots], related)
        self._update_optional(predictions, truth, batch)

    def compute(self) -> dict[str, float]:
        """Metric name to value over every sample of every process; NaN for an empty group."""
        got = self.reduced()
        values = {"handness_acc": float(got["handedness"]), "mrrpe": float(got["wrists"])}
        extra: dict[str, float] = {}
        for group, errors in zip(GROUPS, GroupedErrors(*got["joints"]), strict=True):
            named = zip(INTERHAND_PUBLISHED, errors.tolist(), strict=True)
            values |= {f"{name}_{group}": error for name, error in named}
            values[f"mpjpe_{group}"] = float(errors.nanmean())
            inner = [j for j in range(len(INTERHAND)) if j not in INTERHAND.roots]
            extra[f"mpjpe_{group}_no_wrist"] = float(errors[inner].nanmean())
        return values | extra | {"segm_iou": float(got["segm"])}

    def write_files(
        self, folder: Path, label: str, values: Mapping[str, float], conditions: Mapping[str, Any]
    ) -> None:
        """``<label>_interhand.json``: the 131 published numbers; see :func:`write_interhand_result`."""
        write_interhand_result(folder / f"{label}_interhand.json", values, conditions)

    def _update_optional(self, predictions: Predictions, truth: Mapping[str, Tensor], batch: Batch) -> None:
        """What not every method predicts."""
        if predictions.hand_type_prob is not None:
            prob, hand_type = predictions.hand_type_prob, truth["hand_type"]
            known = truth.get("hand_type_valid", torch.ones_like(hand_type[:, 0])).bool()
            check_finite(prob[:, None], known[:, None], batch.keys_)
            self.handedness.update(prob, hand_type, known)
        if predictions.segm_labels is not None and "segm_target" in truth:
            self.segm.update(predictions.segm_labels, truth["segm_target"], truth.get("segm_valid"))


_READ = InterHandProtocol.truth | {"hand_type_valid", "root_depth_mm", "segm_target", "segm_valid"}


def write_interhand_result(
    path: Path | str, values: Mapping[str, float], conditions: Mapping[str, Any] | None = None
) -> None:
    """Write the 131 numbers in their order as JSON; NaN becomes null.

    Args:
        path: the file; it appears when it is complete.
        values: what :meth:`InterHandProtocol.compute` returned.
        conditions: what the numbers depend on (split, data version, source of boxes and wrist depths, …),
            written beside it as ``<name>.conditions.json``.
    Raises:
        DataError: naming numbers that are missing.
    """
    path = Path(path)
    missing = [name for name in RESULT_NAMES if name not in values]
    if missing:
        raise DataError(
            f"{path}: {len(missing)} of {len(RESULT_NAMES)} numbers are missing: {missing[:4]}, …"
        )
    _write_json(path, {name: _plain(values[name]) for name in RESULT_NAMES})
    if conditions is not None:
        _write_json(path.with_suffix(".conditions.json"), {k: _plain(v) for k, v in conditions.items()})


def _joints(predictions: Predictions, batch: Batch) -> Tensor:
    """Predicted joints ``(B, 42, 3)``, checked."""
    joints, target = predictions.joints_cam_mm, batch["joints_cam_mm"]
    if joints is None:
        raise ConfigError(
            f"this protocol scores joints_cam_mm, the method predicts {sorted(predictions.offered())}"
        )
    if joints.shape != target.shape or joints.shape[1:] != (len(INTERHAND), 3):
        raise DataError(
            f"predictions {tuple(joints.shape)} and truth {tuple(target.shape)} must both be "
            f"(B, {len(INTERHAND)}, 3) for the skeleton {INTERHAND.name}"
        )
    return joints


def _placed(wrists: Tensor, rel_root_depth_mm: Tensor, truth: Mapping[str, Tensor]) -> Tensor:
    """Wrists ``(B, 2, 3)``, the left one at its predicted distance from the right one's given depth."""
    if "root_depth_mm" not in truth:
        raise ConfigError(
            "the method predicts rel_root_depth_mm, but the batch has no root_depth_mm (B, 2), the wrist "
            "depths its joints were placed at: let the method's inputs ship it"
        )
    right, left = truth["root_depth_mm"].double().unbind(-1)
    depth = wrists[:, 1, 2].double() - left + right + rel_root_depth_mm.double()
    return torch.stack((wrists[:, 0].double(), at_depth(wrists[:, 1], depth)), 1)


def _plain(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _write_json(path: Path, content: Mapping[str, Any]) -> None:
    write_atomic(path, (json.dumps(content, indent=2, allow_nan=False) + "\n").encode())
