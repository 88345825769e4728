"""Bodies on 3DPW: 14 joints regressed from both meshes, and the meshes themselves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor

from carpus.bodies.library import BodyModels
from carpus.errors import ConfigError, unknown
from carpus.metrics.body_joints import SCORED_FIGURES, BodyJointErrors
from carpus.metrics.mesh_tables import (
    SMPL_VERTICES,
    SMPLX_VERTICES,
    Array,
    Human36mRegressors,
    fitted_vertices_mm,
    read_array,
    regressor,
)
from carpus.metrics.protocols.mesh import NamedProtocol, mesh_name, meshes_of
from carpus.types import Batch, Predictions


class PW3DProtocol(NamedProtocol):
    """The published evaluation of 3DPW, in mm.

    Both meshes give the 17 joints of Human3.6M; ``mpjpe`` is of 14 of them relative to the pelvis,
    ``pa_mpjpe`` after a similarity transform, ``mpvpe`` of all vertices relative to the same pelvis,
    ``pa_mpvpe`` after a similarity transform of them. Truth is a mesh of SMPL.

    A mesh of SMPL-X is turned to SMPL's vertices by ``smplx_to_smpl`` where that is given; otherwise its own
    regressor gives its joints, and figures of meshes are left out.

    Args:
        human36m: body models; or regressors ``smpl`` ``(17, 6890)`` and, for methods of SMPL-X, ``smplx``
            or the next. Body models also make the true mesh for methods of SMPL-X.
        smplx_to_smpl: ``(6890, 10475)`` weights, or a file of them, such as the published
            ``smplx2smpl_deftrafo_setup.pkl``.
        headline: figure that ranks runs.
    """

    truth: ClassVar[frozenset[str]] = frozenset({"model_pose"})

    def __init__(
        self,
        human36m: BodyModels | Mapping[str, Array],
        smplx_to_smpl: Array | None = None,
        headline: str = "mpjpe",
    ) -> None:
        self.regressors = Human36mRegressors(human36m)
        self.models = human36m if isinstance(human36m, BodyModels) else None
        self.converter: Tensor | None = None
        if smplx_to_smpl is not None:
            self.converter = _conversion(smplx_to_smpl)
        self.errors = BodyJointErrors()
        if headline not in SCORED_FIGURES:
            raise ConfigError(unknown("headline", headline, SCORED_FIGURES))
        super().__init__({"errors": self.errors}, headline)

    def update(self, predictions: Predictions, batch: Batch) -> None:
        """Add one batch; without labels it adds nothing.

        Raises:
            ConfigError: if the method predicts no mesh, or one there is no regressor for.
            NonFinitePredictionError: naming samples whose prediction is NaN or infinite.
        """
        fitted = fitted_vertices_mm(batch, self.models, gendered=True)
        meshes = meshes_of(predictions, batch, "3DPW", fitted)
        if meshes is None:
            return
        if meshes.true.shape[1] != SMPL_VERTICES:
            raise ConfigError(
                f"3DPW's truth is a mesh of {mesh_name(SMPL_VERTICES)}, the batch has "
                f"{mesh_name(meshes.true.shape[1])}"
            )
        self.follow(meshes.found.device)
        found = self._as_smpl(meshes.found)
        joints = self.regressors(found), self.regressors(meshes.true)
        pair = (found, meshes.true) if found.shape == meshes.true.shape else None
        self.errors.update(*joints, meshes=pair)

    def _as_smpl(self, vertices: Tensor) -> Tensor:
        if self.converter is None or vertices.shape[1] != SMPLX_VERTICES:
            return vertices
        self.converter = self.converter.to(vertices.device)
        columns = vertices.double().transpose(0, 1).reshape(SMPLX_VERTICES, -1)
        made = torch.sparse.mm(self.converter, columns)
        return made.reshape(SMPL_VERTICES, -1, 3).transpose(0, 1)


def _conversion(given: Array) -> Tensor:
    """``(6890, 10475)`` sparse weights; as a full matrix they would take half a gigabyte."""
    weights = read_array(given, "smplx_to_smpl")
    if weights.ndim == 2 and weights.shape[1] == 2 * SMPLX_VERTICES:
        # The published file goes on with weights of normals.
        weights = weights[:, :SMPLX_VERTICES]
    return regressor(weights, "smplx_to_smpl", SMPL_VERTICES, SMPLX_VERTICES).to_sparse()
