"""The published evaluations of the depth datasets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor
from torchmetrics import Metric

from carpus.data.results import ResultHeader, write_results
from carpus.errors import ConfigError, DataError, unknown
from carpus.metrics.checks import check_finite
from carpus.metrics.collector import Collected
from carpus.metrics.functional.errors import largest
from carpus.metrics.functional.legacy import METRICS, legacy_points
from carpus.metrics.functional.success import PCK_AUC_MM, SuccessCurves, curve_area
from carpus.metrics.joint_error import MeanJointError, MedianJointError, PerJointError
from carpus.metrics.parts import part_means
from carpus.metrics.protocols.metric import MetricProtocol
from carpus.metrics.success import PrecisionWithin, SuccessRates
from carpus.skeletons import Skeleton, get_skeleton
from carpus.types import Batch, Predictions


class _DepthProtocol(MetricProtocol):
    """What hands and bodies share: the joints compared, and what may be wrong with them."""

    needs: ClassVar[frozenset[str]] = frozenset({"joints_cam_mm"})

    def __init__(self, skeleton: Skeleton | str, metrics: Mapping[str, Metric]) -> None:
        super().__init__(metrics)
        self.skeleton = get_skeleton(skeleton) if isinstance(skeleton, str) else skeleton

    def _compared(self, predictions: Predictions, batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
        """Predicted and true joints ``(B, J, 3)`` and their mask ``(B, J)`` on one device, checked."""
        joints, target = predictions.joints_cam_mm, batch["joints_cam_mm"]
        if joints is None:
            raise ConfigError(
                f"this protocol scores joints_cam_mm, the method predicts {sorted(predictions.offered())}"
            )
        if joints.shape != target.shape or joints.shape[1:] != (len(self.skeleton), 3):
            raise DataError(
                f"predictions {tuple(joints.shape)} and truth {tuple(target.shape)} must both be "
                f"(B, {len(self.skeleton)}, 3) for the skeleton {self.skeleton.name}"
            )
        self.follow(joints.device)
        valid = batch["joint_valid"].to(joints.device)
        check_finite(joints, valid, batch.keys_)
        return joints, target.to(joints.device), valid

    def write_results(
        self, path: Path | str, collected: Collected, header: ResultHeader | None = None
    ) -> ResultHeader:
        """Write the dataset's published result file and its sidecars.

        Args:
            path: ``result.txt`` or ``result.txt.gz``.
            collected: the predictions of a whole split.
            header: space and origin; None is camera space of the dataset the skeleton is named after.
        Returns:
            the header as written.
        """
        header = header or ResultHeader(self.skeleton.name)
        return write_results(path, collected.joints_cam_mm, collected.keys.tolist(), header)


class DepthHandProtocol(_DepthProtocol):
    """MSRA, ICVL, NYU and HANDS 2017: mean error, error per joint, success rates.

    Values: ``mean_error_mm``, ``median_error_mm``, ``max_joint_mean_error_mm`` (largest of the per-joint
    means), ``error_mm/<joint>``, and in percent ``max_frame_success@<t>mm``, ``mean_frame_success@<t>mm``,
    ``joint_success@<t>mm`` and ``pck_auc@50mm``. With ``seen_subjects`` also ``mean_error_mm/seen`` and
    ``mean_error_mm/unseen`` (NaN unless batches have ``subject``). With ``metric="legacy"`` also
    ``legacy_mean_error_mm``, ``legacy_max_joint_mean_error_mm`` and ``legacy_error_mm/<joint>``; all other
    values stay Euclidean millimetres.

    Args:
        skeleton: the dataset's joints, or their name.
        thresholds_mm: ascending.
        seen_subjects: subjects that also occur in training (HANDS 2017), or None for one group.
        metric: ``euclid``, or ``legacy`` to add what the published depth CR program logs
            (:mod:`carpus.metrics.functional.legacy`); it needs ``camera`` ``(B, 4)`` in batches.
    Example:
        >>> from carpus.skeletons import MSRA
        >>> protocol = DepthHandProtocol(MSRA, thresholds_mm=[10])
        >>> truth = torch.zeros(1, 21, 3)
        >>> batch = Batch(["a"], {"joints_cam_mm": truth, "joint_valid": torch.ones(1, 21).bool()})
        >>> protocol.update(Predictions(["a"], joints_cam_mm=truth + torch.tensor([6.0, 0.0, 0.0])), batch)
        >>> values = protocol.compute()
        >>> values["mean_error_mm"], values["error_mm/wrist"], values["max_frame_success@10mm"]
        (6.0, 6.0, 100.0)
    """

    headline: ClassVar[str] = "mean_error_mm"

    def __init__(
        self,
        skeleton: Skeleton | str,
        thresholds_mm: Sequence[float] = (10, 20, 30, 40, 50, 80),
        seen_subjects: Sequence[int] | None = None,
        metric: str = "euclid",
    ) -> None:
        if metric not in METRICS:
            raise ConfigError(unknown("metric", metric, METRICS))
        named = get_skeleton(skeleton) if isinstance(skeleton, str) else skeleton
        metrics: dict[str, Metric] = {
            "mean": MeanJointError(len(named)),
            "per_joint": PerJointError(len(named)),
            "median": MedianJointError(),
            "success": SuccessRates(sorted({*map(float, thresholds_mm), *PCK_AUC_MM})),
        }
        if metric == "legacy":
            metrics |= {"legacy": MeanJointError(len(named)), "legacy_per_joint": PerJointError(len(named))}
        if seen_subjects is not None:
            metrics |= {"seen": MeanJointError(len(named)), "unseen": MeanJointError(len(named))}
        super().__init__(named, metrics)
        self.metric = metric
        self.thresholds_mm = tuple(thresholds_mm)
        self.seen_subjects = None if seen_subjects is None else tuple(seen_subjects)

    def update(self, predictions: Predictions, batch: Batch) -> None:
        """Add one batch; reads ``joints_cam_mm``, ``joint_valid`` and, if present, ``subject``.

        A batch of a split without labels adds nothing, so that it can still be predicted and written out.

        Raises:
            NonFinitePredictionError: naming samples whose prediction is NaN or infinite.
            ConfigError: if the metric is ``legacy`` and the batch has no ``camera``.
        """
        if "joints_cam_mm" not in batch:
            return
        joints, target, valid = self._compared(predictions, batch)
        for name in ("mean", "per_joint", "median", "success"):
            self.metrics[name].update(joints, target, valid)
        if self.metric == "legacy":
            self._update_legacy(joints, target, valid, batch)
        if self.seen_subjects is not None and "subject" in batch:
            subject = batch["subject"].to(joints.device)
            seen = torch.isin(subject, torch.tensor(self.seen_subjects, device=joints.device))[:, None]
            self.metrics["seen"].update(joints, target, valid & seen)
            self.metrics["unseen"].update(joints, target, valid & ~seen)

    def _update_legacy(self, joints: Tensor, target: Tensor, valid: Tensor, batch: Batch) -> None:
        if "camera" not in batch:
            raise ConfigError(
                "metric=legacy takes joints through the camera: batches need 'camera' (B, 4) fx, fy, cx, cy "
                f"and have {', '.join(sorted(batch))}; choose metric=euclid"
            )
        camera = batch["camera"].to(joints.device)
        moved = legacy_points(joints, camera), legacy_points(target, camera)
        for name in ("legacy", "legacy_per_joint"):
            self.metrics[name].update(*moved, valid)

    def compute(self) -> dict[str, float]:
        """Metric name to value over every sample of every process; NaN for an empty split."""
        got = self.reduced()
        values = {"mean_error_mm": float(got["mean"]), "median_error_mm": float(got["median"])}
        values["max_joint_mean_error_mm"] = largest(got["per_joint"])
        values |= {
            f"mean_error_mm/{group}": float(got[group]) for group in ("seen", "unseen") if group in got
        }
        per_joint = zip(self.skeleton.joints, got["per_joint"].reshape(-1).tolist(), strict=True)
        values |= {f"error_mm/{joint}": error for joint, error in per_joint}
        return values | self._success_values(got["success"]) | self._legacy_values(got)

    def _success_values(self, curves: SuccessCurves) -> dict[str, float]:
        """Rates at the chosen thresholds, and the area under the curve of joints, in percent."""
        counted = self.metrics["success"].thresholds.tolist()  # type: ignore[union-attr]
        chosen = [counted.index(threshold) for threshold in self.thresholds_mm]
        values = {}
        for kind, rates in curves._asdict().items():
            at = zip(self.thresholds_mm, (100 * rates[chosen]).tolist(), strict=True)
            values |= {f"{kind}_success@{threshold:g}mm": rate for threshold, rate in at}
        places = [counted.index(threshold) for threshold in PCK_AUC_MM]
        area = curve_area(torch.tensor(PCK_AUC_MM), curves.joint[places].cpu())
        return values | {f"pck_auc@{PCK_AUC_MM[-1]:g}mm": 100 * float(area)}

    def _legacy_values(self, got: Mapping[str, Any]) -> dict[str, float]:
        if self.metric != "legacy":
            return {}
        per_joint = got["legacy_per_joint"].reshape(-1)
        named = zip(self.skeleton.joints, per_joint.tolist(), strict=True)
        return {
            "legacy_mean_error_mm": float(got["legacy"]),
            "legacy_max_joint_mean_error_mm": largest(per_joint),
            **{f"legacy_error_mm/{joint}": error for joint, error in named},
        }


class ItopProtocol(_DepthProtocol):
    """ITOP: mean average precision at 10 cm (error strictly below), its parts, mean error.

    Values: ``map_10cm`` and ``map_10cm/<part>`` in percent, left and right averaged; ``mean_error_mm``.

    Args:
        skeleton: the joints, or their name.
        distance_mm: 100 for the published figure.
    Example:
        >>> truth = torch.zeros(1, 15, 3)
        >>> batch = Batch(["a"], {"joints_cam_mm": truth, "joint_valid": torch.ones(1, 15).bool()})
        >>> off = truth.clone()
        >>> off[0, 2] = 60.0
        >>> protocol = ItopProtocol()
        >>> protocol.update(Predictions(["a"], joints_cam_mm=off), batch)
        >>> values = protocol.compute()
        >>> values["map_10cm/shoulder"], round(values["map_10cm"], 2)
        (50.0, 93.33)
    """

    headline: ClassVar[str] = "map_10cm"
    higher_is_better: ClassVar[bool] = True

    def __init__(self, skeleton: Skeleton | str = "itop", distance_mm: float = 100.0) -> None:
        named = get_skeleton(skeleton) if isinstance(skeleton, str) else skeleton
        super().__init__(
            named,
            {
                "precision": PrecisionWithin(len(named), distance_mm),
                "mean": MeanJointError(len(named)),
                "per_joint": PerJointError(len(named)),
            },
        )

    def update(self, predictions: Predictions, batch: Batch) -> None:
        """Add one batch; reads ``joints_cam_mm`` and ``joint_valid``; without labels it adds nothing.

        Raises:
            NonFinitePredictionError: naming samples whose prediction is NaN or infinite.
        """
        if "joints_cam_mm" not in batch:
            return
        joints, target, valid = self._compared(predictions, batch)
        for metric in self.metrics.values():
            metric.update(joints, target, valid)

    def compute(self) -> dict[str, float]:
        """Metric name to value over every sample of every process; NaN for an empty split."""
        got = self.reduced()
        precision = 100 * got["precision"]
        values = {"map_10cm": float(precision.nanmean()), "mean_error_mm": float(got["mean"])}
        values |= {f"map_10cm/{part}": rate for part, rate in part_means(self.skeleton, precision).items()}
        per_joint = zip(self.skeleton.joints, got["per_joint"].reshape(-1).tolist(), strict=True)
        return values | {f"error_mm/{joint}": error for joint, error in per_joint}
