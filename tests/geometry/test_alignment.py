"""Alignment: what it undoes, and what it must not do."""

import pytest
import torch

from carpus.errors import ConfigError
from carpus.geometry.alignment import align, align_root, align_scale, align_similarity, fit_similarity


def _rotation(seed: int) -> torch.Tensor:
    q, _ = torch.linalg.qr(
        torch.randn(3, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    )
    return q * torch.linalg.det(q).sign()


def test_similarity_undoes_scale_rotation_and_shift():
    points = torch.randn(4, 21, 3, dtype=torch.float64)
    moved = 1.7 * points @ _rotation(1).mT + torch.tensor([30.0, -2.0, 500.0])
    torch.testing.assert_close(align_similarity(points, moved), moved)
    rotation, scale, _ = fit_similarity(points, moved)
    torch.testing.assert_close(scale, torch.full((4,), 1.7, dtype=torch.float64))
    torch.testing.assert_close(rotation, _rotation(1).expand(4, 3, 3))


def test_similarity_never_reflects():
    points = torch.randn(21, 3, dtype=torch.float64)
    mirrored = points * torch.tensor([-1.0, 1.0, 1.0])
    rotation, _, _ = fit_similarity(points, mirrored)
    assert torch.linalg.det(rotation) == pytest.approx(1.0)
    assert not torch.allclose(align_similarity(points, mirrored), mirrored, atol=1e-2)


def test_similarity_of_coinciding_points_is_finite():
    points = torch.zeros(5, 3, dtype=torch.float64)
    assert torch.isfinite(align_similarity(points, torch.randn(5, 3, dtype=torch.float64))).all()


def test_scale_is_the_least_squares_factor():
    points, target = torch.randn(2, 5, 3, dtype=torch.float64), torch.randn(2, 5, 3, dtype=torch.float64)
    best = (align_scale(points, target) - target).square().sum()
    for factor in (0.99, 1.01):
        assert (align_scale(points, target) * factor - target).square().sum() > best


def test_root_alignment_puts_the_root_at_the_origin():
    assert align_root(torch.randn(3, 5, 3), root=2)[:, 2].abs().max() == 0


def test_unknown_alignment_names_the_known_ones():
    with pytest.raises(ConfigError, match="did you mean 'procrustes'"):
        align(torch.zeros(1, 3), torch.zeros(1, 3), "procrust")
