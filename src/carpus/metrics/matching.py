"""Which frames of a prediction file belong to which frames of the truth."""

from __future__ import annotations

from dataclasses import replace
from pathlib import PurePosixPath

import numpy as np

from carpus.data.results import Convention, ForeignJoints, check_index, frame_numbers
from carpus.errors import CarpusError, DataError


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
            + _first_missing(predicted, true)
        )
    if not len(true.values):
        raise DataError(f"{true.source} has no frames to compare")
    if predicted.index is not None or true.index is not None:
        _check_numbers(predicted, true)
    elif predicted.names and true.names:
        _check_names(predicted, true)
    return predicted, true


def without_last(joints: ForeignJoints) -> ForeignJoints:
    """All frames but the last, which the published depth CR program never predicts."""
    cut = {
        name: None if getattr(joints, name) is None else getattr(joints, name)[:-1]
        for name in ("names", "index", "joint_valid", "frame_valid")
    }
    return replace(joints, values=joints.values[:-1], **cut)


def _first_missing(predicted: ForeignJoints, true: ForeignJoints) -> str:
    """What frame numbers tell about files of different length."""
    one, other = _numbers(predicted), _numbers(true)
    if one is None or other is None:
        return ""
    if len(other) == len(one) + 1 and np.array_equal(one, other[:-1]):
        return (
            f"; only the last frame, number {other[-1]}, has no prediction: the published depth CR program "
            "leaves it out, and drop_last (--drop-last) scores the others"
        )
    shorter = min(len(one), len(other))
    differ = np.flatnonzero(one[:shorter] != other[:shorter])
    row = int(differ[0]) if len(differ) else shorter
    shown = [str(numbers[row]) if row < len(numbers) else "the end" for numbers in (one, other)]
    return f"; at row {row} the prediction has frame {shown[0]} and the truth {shown[1]}"


def _numbers(joints: ForeignJoints) -> np.ndarray | None:
    """``(N,)`` frame numbers, where the file has them or names to take them from."""
    if joints.index is not None or not joints.names:
        return joints.index
    return frame_numbers(joints.names)


def _check_numbers(predicted: ForeignJoints, true: ForeignJoints) -> None:
    found, expected = _numbers(predicted), _numbers(true)
    if found is not None and expected is not None:
        check_index(found, expected, predicted.source, true.source)


def _known(frames: int, rules: Convention) -> str:
    meaning = f" ({rules.frames[frames]})" if frames in rules.frames else ""
    return f"{frames:,} frames{meaning}"


def _select(joints: ForeignJoints, keep: np.ndarray) -> ForeignJoints:
    return replace(
        joints,
        values=joints.values[keep],
        names=[joints.names[i] for i in np.flatnonzero(keep)] if joints.names else None,
        index=None if joints.index is None else joints.index[keep],
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


def check_prediction(predicted: ForeignJoints, valid: np.ndarray) -> None:
    """Refuse NaN and infinite joints where the truth ``valid`` ``(N, J)`` bool is known.

    Raises:
        CarpusError: naming the first frame.
    """
    broken = (~np.isfinite(predicted.values).all(axis=-1) & valid).any(axis=-1)
    if broken.any():
        frame = int(broken.argmax())
        raise CarpusError(
            f"{predicted.source}: {int(broken.sum())} frames have NaN or infinite joints, the first is frame "
            f"{frame}; they can neither be scored nor left out"
        )
