"""What the protocols of meshes share: whose mesh is compared with whose, and figures by name."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor

from carpus.errors import ConfigError
from carpus.metrics.checks import check_finite
from carpus.metrics.mesh import NamedMeans
from carpus.metrics.mesh_tables import HEAD_VERTICES, MANO_VERTICES, SMPL_VERTICES, SMPLX_VERTICES
from carpus.metrics.protocols.metric import MetricProtocol
from carpus.types import Batch, Predictions

MODELS = {SMPLX_VERTICES: "SMPL-X", SMPL_VERTICES: "SMPL", MANO_VERTICES: "MANO", HEAD_VERTICES: "FLAME"}
_PUBLISHED = {"vertices_cam_mm": 1.0, "vertices_m": 1000.0}


class Meshes(NamedTuple):
    """Predicted and true meshes ``(N, V, 3)`` and ``(N, W, 3)`` in mm of the N samples that count.

    ``valid`` ``(B,)`` bool says which of the batch these are.
    """

    found: Tensor
    true: Tensor
    valid: Tensor


def mesh_name(vertices: int) -> str:
    """What a mesh of that many vertices is called in messages.

    Example:
        >>> mesh_name(778)
        '778 vertices (MANO)'
    """
    known = f" ({MODELS[vertices]})" if vertices in MODELS else ""
    return f"{vertices} vertices{known}"


def true_meshes_mm(batch: Batch) -> tuple[Tensor, Tensor] | None:
    """True meshes ``(B, V, 3)`` in mm and which samples have one, ``(B,)`` bool; None if none has.

    Published ones, ``vertices_cam_mm`` or ``vertices_m``, come before ``target_vertices_mm``, those a method
    made of parameters, of which ``target_vertices_valid`` says which exist.
    """
    for name, to_mm in _PUBLISHED.items():
        if name in batch:
            return batch[name].double() * to_mm, _everybody(batch[name])
    if "target_vertices_mm" not in batch:
        return None
    mesh = batch["target_vertices_mm"]
    valid = _everybody(mesh)
    if "target_vertices_valid" in batch:
        valid = batch["target_vertices_valid"].bool().reshape(-1)
    return mesh, valid


def _everybody(like: Tensor) -> Tensor:
    return torch.ones(len(like), dtype=torch.bool, device=like.device)


def predicted_vertices(predictions: Predictions, protocol: str) -> Tensor:
    """The predicted mesh.

    Raises:
        ConfigError: if the method predicts none.
    """
    if predictions.vertices_cam_mm is None:
        offered = ", ".join(sorted(predictions.offered())) or "nothing"
        raise ConfigError(
            f"{protocol} scores meshes (vertices_cam_mm), the method predicts {offered}: choose a method "
            "that recovers a body or hand model"
        )
    return predictions.vertices_cam_mm


def meshes_of(
    predictions: Predictions, batch: Batch, protocol: str, fitted: Tensor | None = None
) -> Meshes | None:
    """Meshes to compare; None for a batch without truth.

    Args:
        predictions: of a method for meshes.
        batch: with the truth, see :func:`true_meshes_mm`.
        protocol: name of the evaluation, for messages.
        fitted: ``(B, V, 3)`` true meshes in mm that come before those of the batch.
    Raises:
        ConfigError: if the method predicts no mesh.
        NonFinitePredictionError: naming samples whose prediction is NaN or infinite.
    """
    truth = true_meshes_mm(batch) if fitted is None else (fitted, _everybody(fitted))
    if truth is None:
        return None
    found = predicted_vertices(predictions, protocol)
    true, valid = (value.to(found.device) for value in truth)
    check_finite(found, valid[:, None].expand(found.shape[:2]), batch.keys_)
    # Left out before anything is computed: what does not count may hold anything, NaN included.
    return Meshes(found[valid], true[valid], valid)


class NamedProtocol(MetricProtocol):
    """A protocol whose figures are named means over samples; what nothing was found for is left out.

    Args:
        metrics: name to metric.
        headline: the figure that ranks runs; NaN if nothing was scored.
    """

    truth: ClassVar[frozenset[str]] = frozenset({"model_pose"})
    needs: ClassVar[frozenset[str]] = frozenset({"vertices_cam_mm"})

    def __init__(
        self, metrics: Mapping[str, NamedMeans], headline: str, higher_is_better: bool = False
    ) -> None:
        super().__init__(metrics)
        self.headline, self.higher_is_better = headline, higher_is_better  # type: ignore[misc]

    def compute(self) -> dict[str, float]:
        """Figure to mean over every sample of every process."""
        values: dict[str, float] = {self.headline: math.nan}
        for name, means in self.reduced().items():
            values |= self.read(name, means)
        return values

    def read(self, name: str, value: Any) -> dict[str, float]:
        """The figures of one metric by name."""
        metric = self.metrics[name]
        assert isinstance(metric, NamedMeans)
        return metric.named(value)
