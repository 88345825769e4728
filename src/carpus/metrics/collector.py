"""Every prediction of a split, once and in its order, for reports and result files."""

from __future__ import annotations

import os
import zipfile
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, distributed

from carpus.errors import CarpusError, ConfigError, DataError, unknown
from carpus.metrics.functional.errors import joint_errors
from carpus.metrics.functional.legacy import METRICS, legacy_points
from carpus.types import Batch, Predictions


@dataclass(frozen=True)
class Collected:
    """Predictions of N samples in split order, as plain arrays.

    Args:
        keys: ``(N,)`` record keys.
        joints_cam_mm: ``(N, J, 3)`` float32 predicted.
        center_mm: ``(N, 3)`` float32.
        camera: ``(N, 4)`` float64 fx, fy, cx, cy in pixels.
        target_cam_mm: ``(N, J, 3)`` float32 true, or None where the split has no labels.
        joint_valid: ``(N, J)`` bool, or None where the split has no labels.
        joint_scores: ``(N, J)`` float32, or None.
        index: ``(N,)`` int64 positions in the split.
    """

    keys: np.ndarray
    joints_cam_mm: np.ndarray
    center_mm: np.ndarray
    camera: np.ndarray
    target_cam_mm: np.ndarray | None = None
    joint_valid: np.ndarray | None = None
    joint_scores: np.ndarray | None = None
    index: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.keys)

    def errors_mm(self, metric: str = "euclid") -> np.ndarray:
        """``(N, J)`` float64 joint errors; NaN where the truth is unknown.

        Args:
            metric: ``euclid``, or ``legacy`` for that of the published depth CR program.
        Raises:
            DataError: if the split has no labels.
        """
        if metric not in METRICS:
            raise ConfigError(unknown("metric", metric, METRICS))
        if self.target_cam_mm is None:
            raise DataError("these predictions have no ground truth, so they have no errors")
        joints, target = torch.tensor(self.joints_cam_mm), torch.tensor(self.target_cam_mm)
        if metric == "legacy":
            camera = torch.tensor(self.camera)
            joints, target = legacy_points(joints, camera), legacy_points(target, camera)
        errors = joint_errors(joints, target).numpy()
        return errors if self.joint_valid is None else np.where(self.joint_valid, errors, np.nan)

    def save(self, path: Path | str) -> None:
        """Write an ``.npz`` of plain arrays, under a temporary name that is renamed when complete."""
        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        arrays = {f.name: getattr(self, f.name) for f in fields(self) if getattr(self, f.name) is not None}
        temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
        try:
            with temporary.open("wb") as stream:
                np.savez_compressed(stream, **arrays)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)

    @classmethod
    def load(cls, path: Path | str) -> Collected:
        """Read what :meth:`save` wrote; runs no code from the file.

        Raises:
            DataError: if the file is missing, damaged or holds something else.
        """
        try:
            with np.load(path, allow_pickle=False) as archive:
                arrays: dict[str, Any] = {name: archive[name] for name in archive.files}
            return cls(**arrays)
        except FileNotFoundError:
            raise DataError(f"{path}: no such file") from None
        except (ValueError, TypeError, OSError, EOFError, zipfile.BadZipFile) as error:
            raise DataError(f"{path}: does not hold collected predictions ({error})") from None


class PredictionCollector:
    """Gathers the predictions of every process.

    Batches must offer ``center_mm``, ``camera`` and ``index``, and ``joints_cam_mm`` with ``joint_valid``
    where the split has labels.

    Args:
        count: number of samples in the split, to notice missing ones; None does not look.
    Example:
        >>> import torch
        >>> def one(index):
        ...     place = {"center_mm": torch.zeros(1, 3), "camera": torch.ones(1, 4)}
        ...     batch = Batch([f"k{index}"], place | {"index": torch.tensor([index])})
        ...     return Predictions(batch.keys_, joints_cam_mm=torch.ones(1, 2, 3)), batch
        >>> collector = PredictionCollector(count=2)
        >>> collector.update(*one(1))
        >>> collector.update(*one(0))
        >>> collector.gather().keys.tolist()
        ['k0', 'k1']
    """

    def __init__(self, count: int | None = None) -> None:
        self.count = count
        self._parts: list[dict[str, np.ndarray]] = []

    def reset(self) -> None:
        """Forget everything."""
        self._parts = []

    def update(self, predictions: Predictions, batch: Batch) -> None:
        """Add one batch.

        Raises:
            CarpusError: if the method predicts no ``joints_cam_mm``.
        """
        if predictions.joints_cam_mm is None:
            raise CarpusError(
                f"joints_cam_mm is what is collected, the method gives {sorted(predictions.offered())}"
            )
        columns: dict[str, Tensor | None] = {
            "joints_cam_mm": predictions.joints_cam_mm.float(),
            "center_mm": batch["center_mm"].float(),
            "camera": batch["camera"].double(),
            "index": batch["index"].long(),
            "joint_scores": None if predictions.joint_scores is None else predictions.joint_scores.float(),
        }
        if "joints_cam_mm" in batch:
            columns["target_cam_mm"] = batch["joints_cam_mm"].float()
            columns["joint_valid"] = batch["joint_valid"].bool()
        part = {name: value.detach().cpu().numpy() for name, value in columns.items() if value is not None}
        self._parts.append(part | {"keys": np.array(predictions.keys, dtype=np.str_)})

    def gather(self) -> Collected | None:
        """All samples of all processes on rank 0, None elsewhere; every process must call it.

        Raises:
            CarpusError: on rank 0, naming samples that came twice or how many are missing.
        """
        mine = _joined(self._parts)
        if not (distributed.is_available() and distributed.is_initialized()):
            return self._ordered([mine])
        rank = distributed.get_rank()
        parts: list[Any] | None = [None] * distributed.get_world_size() if rank == 0 else None
        distributed.gather_object(mine, parts)
        return self._ordered(parts) if parts is not None else None

    def _ordered(self, parts: list[dict[str, np.ndarray]]) -> Collected:
        arrays = _joined([part for part in parts if part])
        if not arrays:
            raise CarpusError("no predictions were collected: the split is empty, or no batch was tested")
        order = np.argsort(arrays["index"], kind="stable")
        arrays = {name: values[order] for name, values in arrays.items()}
        again = np.flatnonzero(np.diff(arrays["index"]) == 0)
        if len(again):
            named = ", ".join(arrays["keys"][again[:4]].tolist())
            raise CarpusError(
                f"{len(again)} samples were predicted twice ({named}); a distributed sampler "
                "must not repeat samples to fill the last batch"
            )
        if self.count is not None and len(order) != self.count:
            raise CarpusError(f"{len(order)} of {self.count} samples were predicted; the others are missing")
        return Collected(**arrays)


def _joined(parts: list[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """Columns of all parts, one after the other; those that some part lacks are left out."""
    if not parts:
        return {}
    shared = [name for name in parts[0] if all(name in part for part in parts)]
    return {name: np.concatenate([part[name] for part in parts]) for name in shared}
