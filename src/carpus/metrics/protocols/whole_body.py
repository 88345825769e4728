"""Whole-body meshes on EHF and AGORA: errors of body, hands and face."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

import torch
from torch import Tensor

from carpus.bodies.library import BodyModels
from carpus.errors import ConfigError, unknown
from carpus.metrics.body_joints import SCORED_FIGURES, BodyJointErrors
from carpus.metrics.mesh import JOINT_FIGURES, MESH_FIGURES, SIDE_FIGURES, NamedMeans, WholeBodyErrors
from carpus.metrics.mesh_tables import (
    SMPLX_VERTICES,
    Array,
    Human36mRegressors,
    TablesGiven,
    fitted_vertices_mm,
)
from carpus.metrics.protocols.mesh import Meshes, NamedProtocol, mesh_name, meshes_of
from carpus.types import Batch, Predictions

EHF_TURN = (-2.98747896, 0.01172457, -0.05704687)
"""Axis-angle that takes EHF's published meshes to its camera's frame."""


class WholeBodyProtocol(NamedProtocol):
    """Mean errors in mm of whole-body meshes and of their parts.

    Figures: ``mpvpe_{all,hands,face}`` after moving pelvis, wrists or neck onto the true ones,
    ``pa_mpvpe_{all,hands,face}`` after a similarity transform of the part, the same of each hand, and
    ``pa_mpjpe_{body,hands}`` of 14 body and 21 hand joints. With regressors of Human3.6M also
    ``mpjpe_h36m14`` and ``pa_mpjpe_h36m14``, the 14 joints of that dataset, which a mesh of SMPL has as well:
    so methods for bodies alone can be compared.

    Batches offer ``target_vertices_mm`` ``(B, 10475, 3)`` or ``vertices_m``; see
    :func:`~carpus.metrics.protocols.mesh.meshes_of`.

    Args:
        tables: of SMPL-X: body models, a :class:`~carpus.metrics.mesh_tables.MeshTables` or its arguments.
        human36m: regressors, or body models to take them from; None leaves those figures out.
        predicted: ``smplx``, or ``smpl`` for methods of bodies alone, which are ranked by the 14 joints.
        joints: also figures of joints of body and hands.
        headline: another figure that ranks; None for ``pa_mpvpe_all``.
    Raises:
        ConfigError: for an unknown figure, or ``smpl`` without regressors.
    """

    name: ClassVar[str] = "this protocol"

    def __init__(
        self,
        tables: TablesGiven,
        human36m: BodyModels | Mapping[str, Array] | None = None,
        predicted: str = "smplx",
        joints: bool = True,
        headline: str | None = None,
    ) -> None:
        if predicted not in ("smplx", "smpl"):
            raise ConfigError(unknown("predicted body model", predicted, ("smplx", "smpl")))
        if predicted == "smpl" and not human36m:
            raise ConfigError(
                f"{self.name} scores SMPL bodies by the joints of Human3.6M: give its regressors of "
                "both smplx and smpl"
            )
        figures = (*MESH_FIGURES, *SIDE_FIGURES, *(JOINT_FIGURES if joints else ()))
        figures = () if predicted == "smpl" else figures
        figures += tuple(f"{figure}_h36m14" for figure in SCORED_FIGURES[:2]) if human36m else ()
        headline = headline or ("pa_mpvpe_all" if predicted == "smplx" else "pa_mpjpe_h36m14")
        if headline not in figures:
            raise ConfigError(unknown("headline", headline, figures))
        self.predicted = predicted
        self.whole = WholeBodyErrors(tables, joints)
        self.models = tables if isinstance(tables, BodyModels) else None
        self.regressors = Human36mRegressors(human36m) if human36m else None
        self.scored = BodyJointErrors("_h36m14")
        super().__init__(self._metrics(), headline)

    def update(self, predictions: Predictions, batch: Batch) -> None:
        """Add one batch; without labels it adds nothing.

        Raises:
            ConfigError: if the method predicts no mesh, or one of another model.
            NonFinitePredictionError: naming samples whose prediction is NaN or infinite.
        """
        fitted = fitted_vertices_mm(batch, self.models, gendered=False)
        meshes = meshes_of(predictions, batch, self.name, fitted)
        if meshes is None:
            return
        meshes = meshes._replace(true=self.to_camera(meshes.true))
        self.follow(meshes.found.device)
        if self.predicted == "smplx":
            if {meshes.found.shape[1], meshes.true.shape[1]} != {SMPLX_VERTICES}:
                raise ConfigError(self._mismatch(meshes))
            self.whole.update(meshes.found, meshes.true)
        if self.regressors is not None:
            self.scored.update(self.regressors(meshes.found), self.regressors(meshes.true))

    def to_camera(self, true: Tensor) -> Tensor:
        """True meshes ``(B, V, 3)`` in the camera's frame."""
        return true

    def _metrics(self) -> dict[str, NamedMeans]:
        metrics: dict[str, NamedMeans] = {"whole": self.whole} if self.predicted == "smplx" else {}
        return metrics if self.regressors is None else {**metrics, "scored": self.scored}

    def _mismatch(self, meshes: Meshes) -> str:
        return (
            f"{self.name} compares meshes of {mesh_name(SMPLX_VERTICES)}; the method predicts "
            f"{mesh_name(meshes.found.shape[1])}, the truth has {mesh_name(meshes.true.shape[1])}: "
            "bodies alone are scored with predicted=smpl, hands and faces cannot be scored here"
        )


class EHFProtocol(WholeBodyProtocol):
    """The published evaluation of EHF: the true mesh is first turned to the camera's frame.

    Args:
        truth_turn: axis-angle of that turn; None if the truth is in the camera's frame already.
        more: see :class:`WholeBodyProtocol`.
    """

    name: ClassVar[str] = "EHF"
    truth: ClassVar[frozenset[str]] = frozenset({"vertices_m"})

    def __init__(
        self,
        tables: TablesGiven,
        human36m: BodyModels | Mapping[str, Array] | None = None,
        predicted: str = "smplx",
        headline: str | None = None,
        truth_turn: Sequence[float] | None = EHF_TURN,
    ) -> None:
        super().__init__(tables, human36m, predicted, True, headline)
        self.turn = None if truth_turn is None else _turn_matrix(truth_turn)

    def to_camera(self, true: Tensor) -> Tensor:
        """True meshes ``(B, V, 3)`` in the camera's frame."""
        return true if self.turn is None else true.double() @ self.turn.to(true.device).mT


class AgoraProtocol(WholeBodyProtocol):
    """AGORA's validation as methods report it: the six figures of meshes, each person by its own box.

    The official evaluation with detections, matching and F1 is
    :func:`carpus.metrics.agora.scoring.score_agora`.
    """

    name: ClassVar[str] = "AGORA"

    def __init__(
        self,
        tables: TablesGiven,
        human36m: BodyModels | Mapping[str, Array] | None = None,
        predicted: str = "smplx",
        headline: str | None = None,
    ) -> None:
        super().__init__(tables, human36m, predicted, False, headline)


def _turn_matrix(axis_angle: Sequence[float]) -> Tensor:
    """``(3, 3)`` float64 rotation by an axis-angle."""
    x, y, z = (float(number) for number in axis_angle)
    cross = torch.tensor([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]], dtype=torch.float64)
    return torch.linalg.matrix_exp(cross)
