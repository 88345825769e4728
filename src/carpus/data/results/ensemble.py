"""Means of several models' predictions: the ensemble of the published figures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from carpus.data.results.files import ResultFile, ResultHeader, read_results
from carpus.data.results.spaces import convention
from carpus.errors import ConfigError, DataError


def mean_joints(
    predictions: Sequence[np.ndarray], dataset: str, space: str = "world", constants: str = "data"
) -> np.ndarray:
    """Mean of several models' predictions.

    Args:
        predictions: n arrays ``(N, J, 3)`` in our frame, mm.
        dataset: name of the dataset, for its camera.
        space: ``world`` averages x, y, z; ``pixel`` averages u, v, depth.
        constants: whose intrinsics to use for pixels.
    Returns:
        ``(N, J, 3)`` float64 in our frame, mm.
    """
    if space not in ("world", "pixel"):
        raise ConfigError(f"a mean is taken in space 'world' or 'pixel', not {space!r}")
    if len({np.shape(item) for item in predictions}) != 1:
        raise DataError(f"a mean needs arrays of one shape, got {[np.shape(item) for item in predictions]}")
    stacked = np.stack([np.asarray(item, dtype=np.float64) for item in predictions])
    if space == "world":
        return stacked.mean(axis=0)
    camera = convention(dataset).camera(constants)
    return camera.uvd_to_xyz(camera.xyz_to_uvd(stacked).mean(axis=0))


def mean_results(
    paths: Sequence[Path | str], dataset: str, space: str = "world", constants: str = "data"
) -> tuple[ResultFile, int]:
    """The mean of result files, the ensemble of the published figures.

    Args:
        paths: files of one dataset and split, in any space.
        dataset: name of the dataset.
        space: ``world`` or ``pixel``.
        constants: whose intrinsics to use for pixels.
    Returns:
        the mean, and the number of models n in it.
    Raises:
        DataError: if the files differ in frames.
    """
    if not paths:
        raise ConfigError("a mean needs at least one result file")
    parts = [read_results(path, dataset, constants=constants) for path in paths]
    for path, part in zip(paths, parts, strict=True):
        _check_same_frames(paths[0], parts[0], path, part)
    models = [part.header.models if part.header else 1 for part in parts]
    weights = np.repeat(np.arange(len(parts)), models)
    mean = mean_joints([parts[i].joints_cam_mm for i in weights], dataset, space, constants)
    named = [part.header for part in parts if part.header]
    checkpoints = tuple(checkpoint for header in named for checkpoint in header.checkpoints)
    origin = named[0] if named else ResultHeader(dataset)
    header = replace(origin, checkpoints=checkpoints, models=len(weights))
    frames = next((part.frames for part in parts if part.frames), None)
    return ResultFile(mean, frames, header, parts[0].space), len(weights)


def _check_same_frames(first: Path | str, one: ResultFile, path: Path | str, other: ResultFile) -> None:
    if len(one.joints_cam_mm) != len(other.joints_cam_mm):
        raise DataError(
            f"{path}: {len(other.joints_cam_mm)} frames, but {first} has {len(one.joints_cam_mm)}; "
            "a mean needs files of one split"
        )
    if one.frames and other.frames and one.frames != other.frames:
        line = next(i for i, (a, b) in enumerate(zip(one.frames, other.frames, strict=True)) if a != b)
        raise DataError(
            f"{path}: line {line + 1} is {other.frames[line]}, in {first} it is {one.frames[line]}"
        )
