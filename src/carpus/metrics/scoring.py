"""Scores of published prediction files against ground truth files."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

import numpy as np
import torch

from carpus.data.results import Convention, ForeignJoints, convention, from_cam_mm, load_joints, to_cam_mm
from carpus.errors import CarpusError, DataError
from carpus.metrics.functional.errors import masked_sums, median_joint_error
from carpus.metrics.functional.success import CURVE_MM, curves_of, precision_within, success_counts
from carpus.metrics.parts import part_means
from carpus.skeletons import Skeleton

ITOP_DISTANCE_MM = 100.0


@dataclass(frozen=True)
class ScoreReport:
    """What scoring found; lengths in mm, rates 0..1.

    Args:
        protocol: name of the dataset whose evaluation this is.
        joints: joint names in file order.
        frames: number of frames compared.
        mean_error_mm: over all frames and joints at once.
        median_error_mm: likewise.
        per_joint_error_mm: ``(J,)``.
        thresholds_mm: ``(T,)`` of the curves.
        max_frame, mean_frame, joint: ``(T,)`` success rates (error <= threshold).
        headline: name of the figure that ranks: ``mean_error_mm`` or ``map_10cm``.
        precision: ``(J,)`` shares strictly below 10 cm, for ITOP.
        parts: precision by body part, left and right averaged, for ITOP.
        notes: how the files were read.
    """

    protocol: str
    joints: tuple[str, ...]
    frames: int
    mean_error_mm: float
    median_error_mm: float
    per_joint_error_mm: np.ndarray
    thresholds_mm: np.ndarray
    max_frame: np.ndarray
    mean_frame: np.ndarray
    joint: np.ndarray
    headline: str = "mean_error_mm"
    precision: np.ndarray | None = None
    parts: dict[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def map_10cm(self) -> float | None:
        """Mean average precision at 10 cm, 0..1; None but for ITOP."""
        return None if self.precision is None else float(np.nanmean(self.precision))

    def as_dict(self) -> dict[str, object]:
        """Everything as plain numbers, lists and strings, for JSON."""
        plain = {
            name: value.tolist() if isinstance(value, np.ndarray) else value
            for name, value in self.__dict__.items()
            if value is not None
        }
        return plain | ({} if self.map_10cm is None else {"map_10cm": self.map_10cm})


def score(
    prediction: Path | str,
    truth: Path | str,
    protocol: str,
    space: str | None = None,
    truth_space: str | None = None,
    constants: str = "evaluator",
) -> ScoreReport:
    """Score a prediction file by the published evaluation of a dataset.

    Where at least one file holds pixels, both are brought to pixels with the dataset's own intrinsics and
    taken back with the evaluator's, as the public evaluator does; mixing the two would bias the figure.

    Args:
        prediction: ``.txt[.gz]``, ``.mat``, ``.npz``, ``.npy`` or ``.h5``; ``a.npz:name`` picks a variable.
        truth: likewise.
        protocol: ``nyu``, ``icvl``, ``msra``, ``hands17`` or ``itop``.
        space: of the prediction, see :data:`carpus.data.results.SPACES`; None detects it.
        truth_space: of the truth; None detects it.
        constants: whose intrinsics take pixels back, ``evaluator`` or ``data``.
    Returns:
        the report; :func:`carpus.metrics.score_table.score_table` prints it.
    Raises:
        DataError: if a file is not what it should be or the two do not belong together.
    """
    rules = convention(protocol)
    predicted = load_joints(prediction, rules, "prediction", space)
    true = load_joints(truth, rules, "truth", truth_space)
    predicted, true = match_frames(predicted, true, rules)
    finite = np.isfinite(true.values).all(axis=-1)
    valid = finite if true.joint_valid is None else finite & true.joint_valid
    _check_prediction(predicted, valid)
    joints_cam_mm, target_cam_mm = _to_common(predicted, true, rules, constants)
    report = score_joints(joints_cam_mm, target_cam_mm, rules.skeleton, valid, rules.dataset)
    through = f"pixels taken back with the {constants} intrinsics of {rules.dataset}"
    read = f"{predicted.source} ({predicted.space}) against {true.source} ({true.space})"
    return replace(report, notes=(read, through) if "uvd" in (predicted.space, true.space) else (read,))


def score_joints(
    joints_cam_mm: np.ndarray,
    target_cam_mm: np.ndarray,
    skeleton: Skeleton,
    valid: np.ndarray | None = None,
    protocol: str = "",
) -> ScoreReport:
    """Score arrays.

    Args:
        joints_cam_mm: ``(N, J, 3)`` predicted, mm.
        target_cam_mm: ``(N, J, 3)`` true, mm, in the same frame.
        skeleton: names of the joints.
        valid: ``(N, J)`` bool, or None for all.
        protocol: name of the evaluation; ``itop`` adds the precision at 10 cm.
    """
    joints = torch.from_numpy(np.asarray(joints_cam_mm, dtype=np.float64))
    target = torch.from_numpy(np.asarray(target_cam_mm, dtype=np.float64))
    mask = None if valid is None else torch.from_numpy(np.asarray(valid, dtype=bool))
    errors = (joints - target).square().sum(dim=-1).sqrt()
    total, count = masked_sums(errors, mask)
    curves = curves_of(success_counts(errors, torch.tensor(CURVE_MM, dtype=torch.float64), mask))
    report = ScoreReport(
        protocol=protocol or skeleton.name,
        joints=skeleton.joints,
        frames=len(joints),
        mean_error_mm=float(total.sum() / count.sum()),
        median_error_mm=float(median_joint_error(joints, target, mask)),
        per_joint_error_mm=(total / count).numpy(),
        thresholds_mm=np.array(CURVE_MM),
        max_frame=curves.max_frame.numpy(),
        mean_frame=curves.mean_frame.numpy(),
        joint=curves.joint.numpy(),
    )
    if protocol != "itop":
        return report
    precision, _ = precision_within(joints, target, ITOP_DISTANCE_MM, mask)
    parts = part_means(skeleton, precision)
    return replace(report, headline="map_10cm", precision=precision.numpy(), parts=parts)


def match_frames(
    predicted: ForeignJoints, true: ForeignJoints, rules: Convention
) -> tuple[ForeignJoints, ForeignJoints]:
    """The frames both files have, without those the truth marks as invalid.

    Raises:
        DataError: if the numbers of frames or their names do not fit, with what is known about the numbers.
    """
    keep = true.frame_valid
    if keep is not None and len(predicted.values) == len(keep):
        predicted, true = _select(predicted, keep), _select(true, keep)
    elif keep is not None and len(predicted.values) == keep.sum():
        true = _select(true, keep)
    if len(predicted.values) != len(true.values):
        raise DataError(
            f"{predicted.source} has {_known(len(predicted.values), rules)}, "
            f"{true.source} has {_known(len(true.values), rules)}: they are not of one split"
            + ("; score against labels of the same release" if rules.dataset == "msra" else "")
        )
    if not len(true.values):
        raise DataError(f"{true.source} has no frames to compare")
    if predicted.names and true.names:
        _check_names(predicted, true)
    return predicted, true


def _known(frames: int, rules: Convention) -> str:
    meaning = f" ({rules.frames[frames]})" if frames in rules.frames else ""
    return f"{frames:,} frames{meaning}"


def _select(joints: ForeignJoints, keep: np.ndarray) -> ForeignJoints:
    return replace(
        joints,
        values=joints.values[keep],
        names=[joints.names[i] for i in np.flatnonzero(keep)] if joints.names else None,
        joint_valid=None if joints.joint_valid is None else joints.joint_valid[keep],
        frame_valid=None,
    )


def _check_names(predicted: ForeignJoints, true: ForeignJoints) -> None:
    pairs = zip(predicted.names or [], true.names or [], strict=True)
    for line, (one, other) in enumerate(pairs, start=1):
        if PurePosixPath(one).stem != PurePosixPath(other).stem:
            raise DataError(
                f"frame {line} is {one} in {predicted.source} and {other} in {true.source}; "
                "bring both into one order"
            )


def _check_prediction(predicted: ForeignJoints, valid: np.ndarray) -> None:
    broken = (~np.isfinite(predicted.values).all(axis=-1) & valid).any(axis=-1)
    if broken.any():
        frame = int(broken.argmax())
        raise CarpusError(
            f"{predicted.source}: {int(broken.sum())} frames have NaN or infinite joints, the first is frame "
            f"{frame}; they can neither be scored nor left out"
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
