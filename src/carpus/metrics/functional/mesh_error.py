"""Errors of meshes and of joints regressed from them: after moving a root, or after a similarity transform.

Every function gives one number per sample; what a split's figure is, the mean over samples, is up to the
caller. All of them compute in float64 whatever they are given.
"""

from __future__ import annotations

import torch
from torch import Tensor

from carpus.geometry.alignment import align_similarity
from carpus.metrics.functional.errors import joint_errors


def regress(regressor: Tensor, vertices: Tensor) -> Tensor:
    """Joints of meshes: weighted sums of vertices.

    Args:
        regressor: ``(J, V)`` weights, in the float64 the sums are made in.
        vertices: ``(*, V, 3)``.
    Returns:
        ``(*, J, 3)`` float64, in the unit of the vertices.
    Raises:
        ValueError: if the counts of vertices differ.
    Example:
        >>> regress(torch.tensor([[0.5, 0.5]]), torch.tensor([[[0.0, 0.0, 2.0], [0.0, 4.0, 2.0]]]))
        tensor([[[0., 2., 2.]]], dtype=torch.float64)
    """
    if regressor.shape[-1] != vertices.shape[-2]:
        raise ValueError(
            f"a regressor of {regressor.shape[-1]} vertices does not fit a mesh of {vertices.shape[-2]}"
        )
    return regressor.double() @ vertices.double()


def rooted_error(points: Tensor, target: Tensor, root: Tensor, target_root: Tensor) -> Tensor:
    """Mean distance of points after moving their root onto the true one.

    Args:
        points: ``(B, N, 3)`` predicted vertices or joints.
        target: ``(B, N, 3)`` true.
        root: ``(B, 3)`` predicted root, in the frame of the points.
        target_root: ``(B, 3)`` true root.
    Returns:
        ``(B,)`` float64 in the unit of the arguments.
    Example:
        >>> points = torch.tensor([[[9.0, 0.0, 0.0], [9.0, 2.0, 0.0]]])
        >>> target = torch.tensor([[[1.0, 0.0, 0.0], [1.0, 4.0, 0.0]]])
        >>> rooted_error(points, target, points[:, 0], target[:, 0])
        tensor([1.], dtype=torch.float64)
    """
    moved = points.double() - root.double()[:, None]
    return joint_errors(moved, target.double() - target_root.double()[:, None]).mean(-1)


def similarity_error(points: Tensor, target: Tensor) -> Tensor:
    """Mean distance of points after the best rotation, scale and shift (PA).

    Args:
        points: ``(B, N, 3)`` predicted vertices or joints.
        target: ``(B, N, 3)`` true.
    Returns:
        ``(B,)`` float64 in the unit of the arguments.
    Example:
        >>> target = torch.tensor([[[0.0, 0.0, 1.0], [0.0, 1.0, 1.0], [2.0, 0.0, 1.0], [0.0, 0.0, 4.0]]])
        >>> bool(similarity_error(7 * target.flip(-1) * torch.tensor([-1.0, 1.0, 1.0]), target) < 1e-9)
        True
    """
    exact = target.double()
    return joint_errors(align_similarity(points.double(), exact), exact).mean(-1)


def align_orthogonal(points: Tensor, target: Tensor) -> Tensor:
    """Points after shift, scale and the orthogonal map, reflections among them, with the least error.

    This is how the public FreiHAND evaluation aligns; :func:`~carpus.geometry.alignment.align_similarity`
    does not mirror.

    Args:
        points: ``(B, N, 3)`` predicted.
        target: ``(B, N, 3)`` true.
    Returns:
        ``(B, N, 3)`` float64.
    Example:
        >>> target = torch.randn(1, 9, 3, generator=torch.Generator().manual_seed(0)).double()
        >>> torch.allclose(align_orthogonal(-3 * target + 5, target), target)
        True
    """
    exact, found = target.double(), points.double()
    mean, true_mean = found.mean(-2, keepdim=True), exact.mean(-2, keepdim=True)
    size, true_size = (
        torch.linalg.vector_norm(centred, dim=(-2, -1), keepdim=True) + _TINY
        for centred in (found - mean, exact - true_mean)
    )
    unit, true_unit = (found - mean) / size, (exact - true_mean) / true_size
    u, singular, vt = torch.linalg.svd(true_unit.mT @ unit)
    turned = unit @ (u @ vt).mT
    return turned * singular.sum(-1)[..., None, None] * true_size + true_mean


_TINY = 1e-8
"""Added to sizes as the public FreiHAND evaluation adds it (there in metres); a lone point stays finite."""
