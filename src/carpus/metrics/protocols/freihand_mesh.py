"""Meshes and joints of hands on FreiHAND, scored as its public evaluation scores them."""

from __future__ import annotations

import math
from typing import Any

from torch import Tensor

from carpus.bodies.library import BodyModels
from carpus.errors import ConfigError, unknown
from carpus.metrics.checks import check_finite
from carpus.metrics.functional.errors import joint_errors
from carpus.metrics.functional.mesh_error import align_orthogonal
from carpus.metrics.mesh import MeanFScore, PointErrors
from carpus.metrics.mesh_tables import MANO_VERTICES, Array
from carpus.metrics.protocols.hand_mesh import HandRegressor, true_hand_joints
from carpus.metrics.protocols.mesh import NamedProtocol, mesh_name, meshes_of, predicted_vertices
from carpus.skeletons import SNAP
from carpus.types import Batch, Predictions

F_MM = (5.0, 15.0)
"""Distances of the published F-scores."""
_POINTS = {"joints": (len(SNAP), "mpjpe"), "vertices": (MANO_VERTICES, "mpvpe")}
FIGURES = tuple(
    f"{prefix}{figure}"
    for prefix in ("pa_", "")
    for figure in ("mpvpe", "mpjpe", "auc_vertices", "auc_joints", *(f"f@{at:g}mm" for at in F_MM))
)


class FreiHANDMeshProtocol(NamedProtocol):
    """The published evaluation of FreiHAND: errors in mm, areas under curves from 0 to 50 mm, F-scores.

    Figures of joints (``mpjpe``, ``auc_joints``) and vertices (``mpvpe``, ``auc_vertices``, ``f@5mm``,
    ``f@15mm``) in camera space, and with ``pa_`` after shift, scale and orthogonal map of joints and vertices
    apart. Means and areas are found per point first; areas and F-scores are 0..1.

    Batches offer ``vertices_cam_mm`` or ``target_vertices_mm`` ``(B, 778, 3)`` and ``joints_cam_mm``
    ``(B, 21, 3)`` in FreiHAND's order (or a pair of hands). Predicted joints are those of the method if it
    gives 21 of one hand in that order, else they are regressed from its mesh.

    Args:
        regressor: body models, ``(21, 778)`` joints from vertices, or a file of them; None if methods predict
            joints.
        headline: one of :data:`FIGURES`.
    """

    truth = frozenset({"vertices_cam_mm"})

    def __init__(self, regressor: BodyModels | Array | None = None, headline: str = "pa_mpvpe") -> None:
        if headline not in FIGURES:
            raise ConfigError(unknown("headline", headline, FIGURES))
        self.regressor = None if regressor is None else HandRegressor(regressor)
        self.points = {
            f"{prefix}{kind}": PointErrors(count)
            for prefix in ("pa_", "")
            for kind, (count, _) in _POINTS.items()
        }
        self.fscores = {f"{prefix}f": MeanFScore(F_MM) for prefix in ("pa_", "")}
        better = "auc" in headline or "f@" in headline
        super().__init__({**self.points, **self.fscores}, headline, better)  # type: ignore[arg-type]

    def update(self, predictions: Predictions, batch: Batch) -> None:
        """Add one batch; without labels it adds nothing.

        Raises:
            ConfigError: if the method predicts no hand's mesh, or its joints cannot be had.
            NonFinitePredictionError: naming samples whose prediction is NaN or infinite.
        """
        meshes = meshes_of(predictions, batch, "FreiHAND")
        if meshes is None:
            return
        if {meshes.found.shape[1], meshes.true.shape[1]} != {MANO_VERTICES}:
            raise ConfigError(
                f"FreiHAND compares meshes of {mesh_name(MANO_VERTICES)}; the method predicts "
                f"{mesh_name(meshes.found.shape[1])}, the truth has {mesh_name(meshes.true.shape[1])}"
            )
        self.follow(meshes.found.device)
        self._add("vertices", meshes.found, meshes.true)
        truth = true_hand_joints(batch)
        if truth is not None:
            target, known = (value.to(meshes.found.device) for value in truth)
            valid = meshes.valid & known.all(-1)
            joints = self._joints(predictions)
            check_finite(joints, valid[:, None].expand(joints.shape[:2]), batch.keys_)
            self._add("joints", joints[valid], target[valid])

    def read(self, name: str, value: Any) -> dict[str, float]:
        """The figures of one metric by name."""
        if name in self.fscores:
            named = zip(F_MM, value.tolist(), strict=True)
            found = {f"{name}@{at:g}mm": score for at, score in named}
        else:
            prefix, kind = name.removesuffix("joints").removesuffix("vertices"), name.removeprefix("pa_")
            found = {f"{prefix}{_POINTS[kind][1]}": value[0], f"{prefix}auc_{kind}": value[1]}
        return {key: float(number) for key, number in found.items() if not math.isnan(float(number))}

    def _joints(self, predictions: Predictions) -> Tensor:
        """``(B, 21, 3)`` in the order of FreiHAND."""
        joints = predictions.joints_cam_mm
        if joints is not None and joints.shape[1] == len(SNAP):
            return joints
        if self.regressor is None:
            raise ConfigError(
                "the method predicts no 21 joints of one hand: give FreiHAND's protocol a regressor "
                "(21, 778), or predict joints_cam_mm in the order of MANO"
            )
        return self.regressor(predicted_vertices(predictions, "FreiHAND"))

    def _add(self, kind: str, found: Tensor, true: Tensor) -> None:
        exact = true.double()
        for prefix, points in (("", found.double()), ("pa_", align_orthogonal(found, exact))):
            self.points[f"{prefix}{kind}"].update(joint_errors(points, exact))
            if kind == "vertices":
                self.fscores[f"{prefix}f"].update(points, exact)
