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
from carpus.metrics.functional.hands import root_relative
from carpus.metrics.functional.legacy import METRICS, legacy_points
from carpus.skeletons import HandPair
from carpus.types import Batch, Predictions

_BODY = "body."
_ROWS = 1 << 16  # samples whose errors are computed at once: a split may have a million


@dataclass(frozen=True)
class Collected:
    """Predictions of N samples in split order, as plain arrays.

    Args:
        keys: ``(N,)`` record keys.
        joints_cam_mm: ``(N, J, 3)`` float32 predicted, or None of a method that predicts pixels only.
        center_mm: ``(N, 3)`` float32, or None where samples have none.
        camera: ``(N, 4)`` float64 fx, fy, cx, cy in pixels, or None where it is not known.
        target_cam_mm: ``(N, J, 3)`` float32 true, or None where there are no such labels.
        joint_valid: ``(N, J)`` bool, or None where the split has no labels.
        joint_scores: ``(N, J)`` float32, or None.
        index: ``(N,)`` int64 positions in the split.
        joints_px: ``(N, J, 2)`` float32 predicted in the full image, or None where they were not kept.
        target_px: ``(N, J, 2)`` float32 true, kept where they do not follow from ``target_cam_mm``.
        root_of: ``(J,)`` int64, of two hands: the wrist an error in mm is relative to; None: the camera.
        hand_type_prob: ``(N, 2)`` float32 right, left, or None.
        body_params: parameters of a fitted body model by name, ``(N, n)`` float32, or None.
    """

    keys: np.ndarray
    joints_cam_mm: np.ndarray | None = None
    center_mm: np.ndarray | None = None
    camera: np.ndarray | None = None
    target_cam_mm: np.ndarray | None = None
    joint_valid: np.ndarray | None = None
    joint_scores: np.ndarray | None = None
    index: np.ndarray | None = None
    joints_px: np.ndarray | None = None
    target_px: np.ndarray | None = None
    root_of: np.ndarray | None = None
    hand_type_prob: np.ndarray | None = None
    body_params: dict[str, np.ndarray] | None = None

    def __len__(self) -> int:
        return len(self.keys)

    @property
    def sees_px(self) -> bool:
        """Whether predictions are known in pixels."""
        return self.joints_px is not None or (self.joints_cam_mm is not None and self.camera is not None)

    @property
    def knows_px(self) -> bool:
        """Whether true joints are known in pixels."""
        return self.target_px is not None or (self.target_cam_mm is not None and self.camera is not None)

    @property
    def units(self) -> tuple[str, ...]:
        """Units errors can be told in: ``mm``, ``px``, both or none; the usual one first."""
        in_mm = self.joints_cam_mm is not None and self.target_cam_mm is not None
        return ("mm",) * in_mm + ("px",) * (self.sees_px and self.knows_px)

    def errors(self, unit: str | None = None) -> np.ndarray:
        """``(N, J)`` :meth:`errors_mm` or :meth:`errors_px`; without a unit the usual one."""
        return self.errors_px() if (unit or (*self.units, "mm")[0]) == "px" else self.errors_mm()

    def errors_mm(self, metric: str = "euclid") -> np.ndarray:
        """``(N, J)`` float64 joint errors; NaN where the truth is unknown.

        Of two hands (``root_of``) an error is relative to the wrist of its hand, as their protocols score it:
        a hand without a valid wrist does not count, and wrists, which would always be 0, are NaN.

        Args:
            metric: ``euclid``, or ``legacy`` for that of the published depth CR program.
        Raises:
            DataError: if the split has no labels in mm, or the method predicts pixels only.
            ConfigError: for an unknown metric, or ``legacy`` of two hands.
        """
        if metric not in METRICS:
            raise ConfigError(unknown("metric", metric, METRICS))
        if metric == "legacy" and self.root_of is not None:
            raise ConfigError("metric=legacy is that of one hand in a depth image; take metric=euclid")
        joints, target = self.joints_cam_mm, self.target_cam_mm
        if joints is None or target is None:
            lack = "ground truth" if target is None else "joints"
            raise DataError(f"these predictions have no {lack} in mm, so they have no errors in mm")
        errors = np.empty(joints.shape[:2])
        for rows in self._blocks():
            pair = torch.tensor(joints[rows]), torch.tensor(target[rows])
            if metric == "legacy":
                pair = tuple(legacy_points(p, torch.tensor(_there(self.camera)[rows])) for p in pair)
            elif self.root_of is not None:
                pair = tuple(root_relative(p, self.root_of.tolist()) for p in pair)
            errors[rows] = joint_errors(*pair).numpy()
        errors[~self._counted(errors.shape)] = np.nan
        return errors

    def errors_px(self) -> np.ndarray:
        """``(N, J)`` float64 distances in pixels of the full image; NaN where the truth is unknown.

        Raises:
            DataError: if joints or truth are not known in pixels.
        """
        if "px" not in self.units:
            raise DataError("these predictions, or their ground truth, are not known in pixels")
        differences = (self.pixels(rows) - self.true_pixels(rows) for rows in self._blocks())
        errors = np.concatenate([np.linalg.norm(apart, axis=-1) for apart in differences])
        return errors if self.joint_valid is None else np.where(self.joint_valid, errors, np.nan)

    def pixels(self, rows: slice | int) -> np.ndarray:
        """``(*, J, 2)`` float64 predicted pixels of some samples: the method's, else its joints projected."""
        if self.joints_px is not None:
            return self.joints_px[rows].astype(np.float64)
        return project_px(_there(self.joints_cam_mm)[rows], _there(self.camera)[rows])

    def true_pixels(self, rows: slice | int) -> np.ndarray:
        """``(*, J, 2)`` float64 true pixels of some samples: joints in space projected, else annotated."""
        if self.target_cam_mm is not None and self.camera is not None:
            return project_px(self.target_cam_mm[rows], self.camera[rows])
        return _there(self.target_px)[rows].astype(np.float64)

    def _blocks(self) -> list[slice]:
        return [slice(start, start + _ROWS) for start in range(0, len(self), _ROWS)] or [slice(0, 0)]

    def _counted(self, shape: tuple[int, ...]) -> np.ndarray:
        """``(N, J)`` bool: joints whose error in mm counts."""
        valid = np.ones(shape, bool) if self.joint_valid is None else self.joint_valid
        roots = self.root_of
        return valid if roots is None else valid & valid[:, roots] & (roots != np.arange(shape[1]))

    def save(self, path: Path | str) -> None:
        """Write an ``.npz`` of plain arrays, under a temporary name that is renamed when complete."""
        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        arrays = {f.name: getattr(self, f.name) for f in fields(self) if getattr(self, f.name) is not None}
        body = arrays.pop("body_params", {})
        arrays |= {f"{_BODY}{name}": values for name, values in body.items()}
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
            if not {"joints_cam_mm", "joints_px"} & set(arrays):
                raise ValueError("it has no joints")
            return cls(**_with_bodies(arrays))
        except FileNotFoundError:
            raise DataError(f"{path}: no such file") from None
        except (ValueError, TypeError, OSError, EOFError, zipfile.BadZipFile) as error:
            raise DataError(f"{path}: does not hold collected predictions ({error})") from None


def _with_bodies(arrays: dict[str, Any]) -> dict[str, Any]:
    """Arrays under ``body.<name>`` as one entry ``body_params``."""
    bodies = {n.removeprefix(_BODY): arrays.pop(n) for n in sorted(arrays) if n.startswith(_BODY)}
    return {**arrays, "body_params": bodies} if bodies else arrays


def _there(array: np.ndarray | None) -> np.ndarray:
    if array is None:
        raise DataError("these predictions lack the camera or the joints that their pixels are made of")
    return array


def project_px(points_cam_mm: np.ndarray, camera: np.ndarray) -> np.ndarray:
    """Pixels of camera-space points, every sample with its camera.

    Args:
        points_cam_mm: ``(*, J, 3)``.
        camera: ``(*, 4)`` fx, fy, cx, cy.
    Returns:
        ``(*, J, 2)`` float64; NaN where z <= 0.
    Example:
        >>> project_px(np.array([[[10.0, 0.0, 500.0]]]), np.array([[1000.0, 1000.0, 160.0, 120.0]]))
        array([[[180., 120.]]])
    """
    points, optics = points_cam_mm.astype(np.float64), np.asarray(camera, np.float64)[..., None, :]
    depth = np.where(points[..., 2:] > 0, points[..., 2:], np.nan)
    return points[..., :2] / depth * optics[..., :2] + optics[..., 2:]


class PredictionCollector:
    """Gathers the predictions of every process.

    Batches must offer ``index``, and with labels ``joints_cam_mm`` or ``joints_px`` and ``joint_valid``; for
    joints in mm also ``center_mm`` and ``camera``, unless they are of two hands.

    Args:
        count: number of samples in the split, to notice missing ones; None does not look.
        pair: joints of two hands, whose errors are relative to wrists; their pixels are kept too.
    Example:
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

    def __init__(self, count: int | None = None, pair: HandPair | None = None) -> None:
        self.count, self.pair = count, pair
        self._parts: list[dict[str, np.ndarray]] = []

    def update(self, predictions: Predictions, batch: Batch) -> None:
        """Add one batch.

        Raises:
            CarpusError: if the method predicts no joints, or others than the labels have.
        """
        joints = predictions.joints_px if predictions.joints_cam_mm is None else predictions.joints_cam_mm
        if joints is None:
            given = sorted(predictions.offered())
            raise CarpusError(f"joints_cam_mm or joints_px is what is collected, the method gives {given}")
        columns = self._predicted(predictions) | self._known(batch, predictions.joints_cam_mm is not None)
        valid = columns.get("joint_valid")
        if valid is not None and valid.shape[1] != joints.shape[1]:
            raise CarpusError(f"{joints.shape[1]} joints are predicted, the labels have {valid.shape[1]}")
        part = {name: value.detach().cpu().numpy() for name, value in columns.items() if value is not None}
        self._parts.append(part | {"keys": np.array(predictions.keys, dtype=np.str_)})

    def _predicted(self, predictions: Predictions) -> dict[str, Tensor | None]:
        names = ["joints_cam_mm", "joint_scores"]
        if self.pair is not None or predictions.joints_cam_mm is None:
            names += ["joints_px", "hand_type_prob"]
        found = {name: getattr(predictions, name) for name in names}
        found |= {f"{_BODY}{name}": value for name, value in (predictions.body_params or {}).items()}
        return {name: None if value is None else value.float() for name, value in found.items()}

    def _known(self, batch: Batch, in_space: bool) -> dict[str, Tensor | None]:
        """What a batch says of its samples."""
        columns: dict[str, Tensor | None] = {"index": batch["index"].long()}
        for name, kind in (("center_mm", torch.float32), ("camera", torch.float64)):
            if name in batch or (in_space and self.pair is None):
                columns[name] = batch[name].to(kind)
        if "joints_cam_mm" in batch:
            columns["target_cam_mm"] = batch["joints_cam_mm"].float()
        if "joints_px" in batch and not {"target_cam_mm", "camera"} <= set(columns):
            columns["target_px"] = batch["joints_px"].float()
        if {"target_cam_mm", "target_px"} & set(columns):
            columns["joint_valid"] = batch["joint_valid"].bool()
        return columns

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
        arrays: dict[str, Any] = _joined([part for part in parts if part])
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
        if self.pair is not None:
            arrays["root_of"] = np.array(self.pair.root_of)
        return Collected(**_with_bodies(arrays))


def _joined(parts: list[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """Columns of all parts, one after the other; those that some part lacks are left out."""
    shared = [name for name in parts[0] if all(name in part for part in parts)] if parts else []
    return {name: np.concatenate([part[name] for part in parts]) for name in shared}
