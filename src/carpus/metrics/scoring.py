"""Scores of published prediction files against ground truth files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from carpus.data.results import Convention, ForeignJoints, convention, from_cam_mm, load_joints, to_cam_mm
from carpus.errors import ConfigError, unknown
from carpus.metrics.functional.errors import joint_errors, largest, masked_sums, median_joint_error
from carpus.metrics.functional.legacy import METRICS, legacy_points
from carpus.metrics.functional.success import (
    CURVE_MM,
    PCK_AUC_MM,
    curve_area,
    curves_of,
    precision_within,
    success_counts,
)
from carpus.metrics.matching import check_prediction, match_frames, without_last
from carpus.metrics.parts import part_means
from carpus.skeletons import Skeleton

ITOP_DISTANCE_MM = 100.0
_LEGACY_FIELDS = (
    *("camera", "mean_error_mm", "median_error_mm", "max_joint_mean_error_mm", "per_joint_error_mm"),
    *("per_joint_median_mm", "max_frame", "mean_frame", "joint", "pck_auc_50mm"),
)


@dataclass(frozen=True)
class ScoreReport:
    """What scoring found; lengths in mm, rates 0..1.

    Args:
        protocol: name of the dataset whose evaluation this is.
        joints: joint names in file order.
        frames: number of frames compared.
        mean_error_mm: over all frames and joints at once.
        median_error_mm: likewise.
        max_joint_mean_error_mm: the largest of the per-joint means.
        per_joint_error_mm: ``(J,)`` mean over the frames.
        per_joint_median_mm: ``(J,)`` median over the frames.
        thresholds_mm: ``(T,)`` of the curves.
        max_frame, mean_frame, joint: ``(T,)`` success rates (error <= threshold).
        pck_auc_50mm: mean of ``joint`` from 0 to 50 mm.
        headline: name of the figure that ranks: ``mean_error_mm`` or ``map_10cm``.
        precision: ``(J,)`` shares strictly below 10 cm, for ITOP.
        parts: precision by body part, left and right averaged, for ITOP.
        notes: how the files were read.
        metric: what an error is, see :data:`carpus.metrics.functional.legacy.METRICS`.
        camera: ``(4,)`` fx, fy, cx, cy the metric takes joints through; None for ``euclid``.
        legacy: the same frames by the metric ``legacy``, where that was asked for.
    """

    protocol: str
    joints: tuple[str, ...]
    frames: int
    mean_error_mm: float
    median_error_mm: float
    max_joint_mean_error_mm: float
    per_joint_error_mm: np.ndarray
    per_joint_median_mm: np.ndarray
    thresholds_mm: np.ndarray
    max_frame: np.ndarray
    mean_frame: np.ndarray
    joint: np.ndarray
    pck_auc_50mm: float
    headline: str = "mean_error_mm"
    precision: np.ndarray | None = None
    parts: dict[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    metric: str = "euclid"
    camera: np.ndarray | None = None
    legacy: ScoreReport | None = None

    @property
    def map_10cm(self) -> float | None:
        """Mean average precision at 10 cm, 0..1; None but for ITOP."""
        return None if self.precision is None else float(np.nanmean(self.precision))

    def as_dict(self) -> dict[str, object]:
        """Everything as plain numbers, lists and strings, for JSON; figures of ``legacy`` bear that name."""
        plain = {
            name: value.tolist() if isinstance(value, np.ndarray) else value
            for name, value in self.__dict__.items()
            if value is not None and name != "legacy"
        }
        if self.map_10cm is not None:
            plain["map_10cm"] = self.map_10cm
        if self.legacy is not None:
            plain |= {f"legacy_{name}": self.legacy.as_dict()[name] for name in _LEGACY_FIELDS}
        return plain


def score(
    prediction: Path | str,
    truth: Path | str,
    protocol: str,
    space: str | None = None,
    truth_space: str | None = None,
    constants: str = "evaluator",
    metric: str = "euclid",
    camera: Sequence[float] | None = None,
    drop_last: bool = False,
) -> ScoreReport:
    """Score a prediction file by the published evaluation of a dataset.

    Where at least one file holds pixels, both are brought to pixels with the dataset's own intrinsics and
    taken back with the evaluator's, as the public evaluator does; mixing the two would bias the figure.

    Args:
        prediction: ``.txt[.gz]``, ``.mat``, ``.npz``, ``.npy`` or ``.h5``; ``a.npz:name`` picks a variable;
            a file of :mod:`carpus.data.results.hdf5` under any name.
        truth: likewise.
        protocol: ``nyu``, ``icvl``, ``msra``, ``hands17`` or ``itop``.
        space: of the prediction, see :data:`carpus.data.results.SPACES`; None detects it.
        truth_space: of the truth; None detects it.
        constants: whose intrinsics take pixels back, ``evaluator`` or ``data``.
        metric: ``euclid``, or ``legacy`` to add the figures of the published depth CR program.
        camera: fx, fy, cx, cy for ``legacy``; None for those of the dataset's images.
        drop_last: leave out the last frame of the truth, which that program never predicts.
    Returns:
        the report; :func:`carpus.metrics.score_table.score_table` prints it.
    Raises:
        ConfigError: for an unknown protocol, space or metric, or a camera nothing needs.
        DataError: if a file is not what it should be or the two do not belong together.
    """
    rules = convention(protocol)
    through_camera = _camera_of(metric, camera, rules)
    predicted = load_joints(prediction, rules, "prediction", space)
    true = load_joints(truth, rules, "truth", truth_space)
    if drop_last:
        true = without_last(true)
    predicted, true = match_frames(predicted, true, rules)
    finite = np.isfinite(true.values).all(axis=-1)
    valid = finite if true.joint_valid is None else finite & true.joint_valid
    check_prediction(predicted, valid)
    joints_cam_mm, target_cam_mm = _to_common(predicted, true, rules, constants)
    report = score_joints(joints_cam_mm, target_cam_mm, rules.skeleton, valid, rules.dataset, through_camera)
    through = f"pixels taken back with the {constants} intrinsics of {rules.dataset}"
    read = f"{predicted.source} ({predicted.space}) against {true.source} ({true.space})"
    notes = [read, *([through] if "uvd" in (predicted.space, true.space) else [])]
    return replace(report, notes=(*notes, *(["without the last frame of the truth"] if drop_last else [])))


def _camera_of(metric: str, camera: Sequence[float] | None, rules: Convention) -> np.ndarray | None:
    """``(4,)`` what the metric takes joints through, or None for ``euclid``."""
    if metric not in METRICS:
        raise ConfigError(unknown("metric", metric, METRICS))
    if metric == "euclid":
        if camera is not None:
            raise ConfigError("a camera is what metric legacy needs; metric euclid has no use for it")
        return None
    chosen = rules.data_camera.to_array() if camera is None else np.asarray(camera, dtype=np.float64)
    if chosen.shape != (4,) or not np.isfinite(chosen).all() or (chosen[:2] <= 0).any():
        raise ConfigError(
            f"a camera is fx, fy, cx, cy in pixels with positive fx and fy, not {chosen.tolist()}"
        )
    return chosen


def score_joints(
    joints_cam_mm: np.ndarray,
    target_cam_mm: np.ndarray,
    skeleton: Skeleton,
    valid: np.ndarray | None = None,
    protocol: str = "",
    legacy_camera: np.ndarray | None = None,
) -> ScoreReport:
    """Score arrays.

    Args:
        joints_cam_mm: ``(N, J, 3)`` predicted, mm.
        target_cam_mm: ``(N, J, 3)`` true, mm, in the same frame.
        skeleton: names of the joints.
        valid: ``(N, J)`` bool, or None for all.
        protocol: name of the evaluation; ``itop`` adds the precision at 10 cm.
        legacy_camera: ``(4,)`` or ``(N, 4)`` fx, fy, cx, cy: adds the figures of the metric ``legacy``.
    """
    joints = torch.from_numpy(np.asarray(joints_cam_mm, dtype=np.float64))
    target = torch.from_numpy(np.asarray(target_cam_mm, dtype=np.float64))
    mask = None if valid is None else torch.from_numpy(np.asarray(valid, dtype=bool))
    report = _report(joints, target, skeleton, mask, protocol)
    if legacy_camera is not None:
        camera = torch.from_numpy(np.asarray(legacy_camera, dtype=np.float64))
        moved = legacy_points(joints, camera), legacy_points(target, camera)
        legacy = replace(_report(*moved, skeleton, mask, protocol), metric="legacy", camera=camera.numpy())
        report = replace(report, legacy=legacy)
    if protocol != "itop":
        return report
    precision, _ = precision_within(joints, target, ITOP_DISTANCE_MM, mask)
    parts = part_means(skeleton, precision)
    return replace(report, headline="map_10cm", precision=precision.numpy(), parts=parts)


def _report(
    joints: Tensor, target: Tensor, skeleton: Skeleton, mask: Tensor | None, protocol: str
) -> ScoreReport:
    """The figures every dataset has, of points ``(N, J, 3)`` whose distance is the error."""
    errors = joint_errors(joints, target)
    total, count = masked_sums(errors, mask)
    curves = curves_of(success_counts(errors, torch.tensor(CURVE_MM, dtype=torch.float64), mask))
    columns = [
        (joints[:, [j]], target[:, [j]], None if mask is None else mask[:, [j]]) for j in range(len(skeleton))
    ]
    return ScoreReport(
        protocol=protocol or skeleton.name,
        joints=skeleton.joints,
        frames=len(joints),
        mean_error_mm=float(total.sum() / count.sum()),
        median_error_mm=float(median_joint_error(joints, target, mask)),
        max_joint_mean_error_mm=largest(total / count),
        per_joint_error_mm=(total / count).numpy(),
        per_joint_median_mm=np.array([float(median_joint_error(*column)) for column in columns]),
        thresholds_mm=np.array(CURVE_MM),
        max_frame=curves.max_frame.numpy(),
        mean_frame=curves.mean_frame.numpy(),
        joint=curves.joint.numpy(),
        pck_auc_50mm=float(curve_area(torch.tensor(PCK_AUC_MM), curves.joint[: len(PCK_AUC_MM)])),
    )


def _to_common(
    predicted: ForeignJoints, true: ForeignJoints, rules: Convention, constants: str
) -> tuple[np.ndarray, np.ndarray]:
    """Both ``(N, J, 3)`` in our frame, mm, through the same intrinsics."""
    through_pixels = "uvd" in (predicted.space, true.space)
    joined = []
    for item in (predicted, true):
        if through_pixels and item.space != "uvd":
            joints = to_cam_mm(item.values, rules, item.space)
            pixels = from_cam_mm(joints, rules, "uvd", item.constants or "data")
            joined.append(to_cam_mm(pixels, rules, "uvd", constants))
        else:
            joined.append(to_cam_mm(item.values, rules, item.space, constants))
    return joined[0], joined[1]
