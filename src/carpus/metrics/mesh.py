"""Errors of meshes as metrics: named means over samples, curves over points, F-scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from carpus.metrics.base import MeanMetric, SumMetric
from carpus.metrics.functional.errors import full_mask, masked_sums
from carpus.metrics.functional.fscore import f_scores
from carpus.metrics.functional.mesh_error import regress, rooted_error, similarity_error
from carpus.metrics.functional.pixels import even_thresholds
from carpus.metrics.functional.success import counts_within, curve_area
from carpus.metrics.mesh_tables import MeshTables, TablesGiven, TablesOnDevice


class NamedMeans(MeanMetric):
    """Means over samples of figures that have names.

    Args:
        names: of the figures.
    Example:
        >>> metric = NamedMeans(["a", "b"])
        >>> metric.update({"a": torch.tensor([1.0, 3.0])})
        >>> metric.compute()
        tensor([2., nan], dtype=torch.float64)
    """

    higher_is_better = False

    def __init__(self, names: Sequence[str], **kwargs: Any) -> None:
        self.names = tuple(names)
        super().__init__(len(self.names), **kwargs)

    def update(self, values: Mapping[str, Tensor], valid: Tensor | None = None) -> None:
        """Add samples: ``(B,)`` of each figure that was found; those with ``valid`` ``(B,)`` count."""
        for name, value in values.items():
            place, mask = self.names.index(name), full_mask(value, valid)
            self.total[place] += torch.where(mask, value.double(), 0.0).sum()
            self.count[place] += mask.sum()

    def named(self, means: Tensor) -> dict[str, float]:
        """The means ``(K,)`` that :meth:`compute` gave by their names; those of nothing are left out."""
        pairs = zip(self.names, means.reshape(-1).tolist(), strict=True)
        return {name: value for name, value in pairs if value == value}


PARTS = ("all", "hands", "face")
MESH_FIGURES = tuple(f"{prefix}mpvpe_{part}" for prefix in ("", "pa_") for part in PARTS)
"""The six figures of whole-body meshes."""
SIDE_FIGURES = tuple(f"{prefix}mpvpe_{side}_hand" for prefix in ("", "pa_") for side in ("left", "right"))
JOINT_FIGURES = ("pa_mpjpe_body", "pa_mpjpe_hands")


def mesh_errors(vertices: Tensor, target: Tensor, tables: MeshTables) -> dict[str, Tensor]:
    """Errors of whole-body meshes and of their hands and heads, per sample.

    Args:
        vertices: ``(B, 10475, 3)`` predicted.
        target: ``(B, 10475, 3)`` true.
        tables: parts and regressors of SMPL-X.
    Returns:
        :data:`MESH_FIGURES` and :data:`SIDE_FIGURES`, ``(B,)`` float64 each, in the unit of the vertices:
        ``mpvpe`` after moving pelvis, wrist or neck onto the true one, ``pa_mpvpe`` after the best similarity
        transform of the part alone. A figure of both hands is the mean of the two.
    """
    found, true = vertices.double(), target.double()
    roots, true_roots = regress(tables.roots, found), regress(tables.roots, true)
    errors: dict[str, Tensor] = {}
    parts = {
        "left_hand": (tables.left_hand, 1),
        "right_hand": (tables.right_hand, 2),
        "face": (tables.face, 3),
    }
    for part, (ids, root) in {"all": (slice(None), 0), **parts}.items():
        some, truth = found[:, ids], true[:, ids]
        errors[f"mpvpe_{part}"] = rooted_error(some, truth, roots[:, root], true_roots[:, root])
        errors[f"pa_mpvpe_{part}"] = similarity_error(some, truth)
    for prefix in ("", "pa_"):
        sides = errors[f"{prefix}mpvpe_left_hand"], errors[f"{prefix}mpvpe_right_hand"]
        errors[f"{prefix}mpvpe_hands"] = (sides[0] + sides[1]) / 2
    return errors


def mesh_joint_errors(vertices: Tensor, target: Tensor, tables: MeshTables) -> dict[str, Tensor]:
    """:data:`JOINT_FIGURES`: 14 body joints, and 21 of each hand, after similarity transforms of their own.

    Args:
        vertices: ``(B, 10475, 3)`` predicted.
        target: ``(B, 10475, 3)`` true.
        tables: parts and regressors of SMPL-X.
    Returns:
        ``(B,)`` float64 each, in the unit of the vertices.
    """
    pairs = [
        (regress(rows, vertices), regress(rows, target))
        for rows in (tables.body, tables.left_joints, tables.right_joints)
    ]
    body, left, right = (similarity_error(*pair) for pair in pairs)
    return {"pa_mpjpe_body": body, "pa_mpjpe_hands": (left + right) / 2}


class WholeBodyErrors(NamedMeans):
    """Mean errors of whole-body meshes: :func:`mesh_errors` and, if wanted, :func:`mesh_joint_errors`.

    Args:
        tables: parts and regressors of SMPL-X, or what they are read from when they are needed.
        joints: also those of joints.
    """

    def __init__(self, tables: TablesGiven, joints: bool = True, **kwargs: Any) -> None:
        more = JOINT_FIGURES if joints else ()
        super().__init__((*MESH_FIGURES, *more, *SIDE_FIGURES), **kwargs)
        self.tables, self.with_joints = TablesOnDevice(tables), joints

    def update(self, vertices: Tensor, target: Tensor, valid: Tensor | None = None) -> None:  # type: ignore[override]
        """Add samples: ``(B, 10475, 3)`` predicted and true, ``(B,)`` bool."""
        tables = self.tables.on(vertices.device)
        errors = mesh_errors(vertices, target, tables)
        if self.with_joints:
            errors |= mesh_joint_errors(vertices, target, tables)
        super().update(errors, valid)


class PointFigures(NamedTuple):
    """Mean error and area under the curve of shares, found per point first and then averaged."""

    mean: Tensor
    area: Tensor


class PointErrors(SumMetric):
    """Errors of K points: mean, and area under the curve of shares within a distance.

    Args:
        points: K.
        limit: last distance of the curve, in the unit of the errors.
        steps: distances in all, from 0, evenly spaced.
    Example:
        >>> metric = PointErrors(points=1, limit=10.0, steps=3)
        >>> metric.update(torch.tensor([[5.0], [1.0]]))
        >>> [round(float(value), 3) for value in metric.compute()]
        [3.0, 0.75]
    """

    total: Tensor
    count: Tensor
    within: Tensor
    thresholds: Tensor

    def __init__(self, points: int, limit: float = 50.0, steps: int = 100, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.register_buffer("thresholds", even_thresholds(0.0, limit, steps), persistent=False)
        self.add_sum("total", points)
        self.add_count("count", points)
        self.add_count("within", points, steps)

    def update(self, errors: Tensor, valid: Tensor | None = None) -> None:
        """Add samples: ``(N, K)`` errors, ``(N, K)`` bool."""
        mask = full_mask(errors, valid)
        total, count = masked_sums(errors.double(), mask)
        self.total += total
        self.count += count
        self.within += counts_within(errors.double(), mask, self.thresholds)

    def compute(self) -> PointFigures:
        """Scalars; NaN where nothing counted."""
        counted = self.count.double()
        area = curve_area(self.thresholds, self.within / counted[:, None])
        return PointFigures((self.total / counted).nanmean(), area.nanmean())


class MeanFScore(MeanMetric):
    """Mean F-score of samples at some distances.

    Args:
        thresholds: distances in the unit of the points.
    Example:
        >>> metric = MeanFScore([0.5, 2.0])
        >>> metric.update(torch.zeros(1, 4, 3), torch.ones(1, 4, 3))
        >>> metric.compute()
        tensor([0., 1.], dtype=torch.float64)
    """

    higher_is_better = True

    def __init__(self, thresholds: Sequence[float], **kwargs: Any) -> None:
        self.thresholds = tuple(thresholds)
        super().__init__(len(self.thresholds), **kwargs)

    def update(self, points: Tensor, target: Tensor, valid: Tensor | None = None) -> None:
        """Add samples: ``(B, N, 3)`` predicted, ``(B, M, 3)`` true, ``(B,)`` bool."""
        scores = f_scores(points, target, self.thresholds)
        mask = torch.ones(len(scores), 1, dtype=torch.bool, device=scores.device)
        mask = mask if valid is None else valid.bool()[:, None]
        total, count = masked_sums(scores, mask.expand_as(scores))
        self.add(total, count)
