"""Score FreiHAND's challenge files against the published evaluation labels."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch

from carpus.data.results.freihand_results import JOINTS, VERTICES, read_freihand
from carpus.errors import DataError
from carpus.metrics.protocols.freihand_mesh import FreiHANDMeshProtocol
from carpus.types import Batch, Predictions

_TRUTH = {
    "joints_cam_mm": ("evaluation_xyz.json", JOINTS),
    "vertices_cam_mm": ("evaluation_verts.json", VERTICES),
}


def score_freihand(prediction: Path | str, truth: Path | str, batch_size: int = 256) -> dict[str, float]:
    """Figures of a ``pred.json`` as the public evaluation finds them.

    Args:
        prediction: ``pred.json`` or the ``.zip`` that holds one.
        truth: folder with ``evaluation_xyz.json`` and ``evaluation_verts.json``.
        batch_size: pictures at once.
    Returns:
        those of :class:`~carpus.metrics.protocols.freihand_mesh.FreiHANDMeshProtocol`.
    Raises:
        DataError: naming the file and what is wrong with it.
    """
    true = {name: _labels(Path(truth) / file, points) for name, (file, points) in _TRUTH.items()}
    count = len(true["joints_cam_mm"])
    if len(true["vertices_cam_mm"]) != count:
        raise DataError(f"{truth}: labels of {count} and of {len(true['vertices_cam_mm'])} pictures")
    found = read_freihand(prediction, count)
    protocol = FreiHANDMeshProtocol()
    for first in range(0, count, batch_size):
        rows = slice(first, first + batch_size)
        keys = [f"{number:08d}" for number in range(count)[rows]]
        predictions = Predictions(
            keys,
            joints_cam_mm=torch.from_numpy(found.joints_cam_mm[rows]),
            vertices_cam_mm=torch.from_numpy(found.vertices_cam_mm[rows]),
        )
        protocol.update(predictions, Batch(keys, {n: torch.from_numpy(v[rows]) for n, v in true.items()}))
    return protocol.compute()


def _labels(path: Path, points: int) -> np.ndarray:
    """``(N, points, 3)`` mm."""
    try:
        content: Any = json.loads(path.read_bytes())
        values = np.array(content, dtype=np.float64)
    except FileNotFoundError:
        raise DataError(f"{path}: no such file; it is part of FreiHAND's evaluation archive") from None
    except (ValueError, TypeError) as error:
        raise DataError(f"{path}: damaged or not such a file ({error})") from None
    if values.ndim != 3 or values.shape[1:] != (points, 3):
        raise DataError(f"{path}: holds an array of shape {values.shape}, (N, {points}, 3) is expected")
    return values * 1000.0
