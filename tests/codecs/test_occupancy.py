"""Occupancy volumes against the published ones, and their edge cases."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from carpus.codecs import Occupancy
from carpus.geometry.voxels import VolumeTransform, VoxelGrid
from golden_cases import golden_paths


def encode(data, cloud, params, lower_face, *, inverse=False):
    """Occupied voxels of one case as a set of triples, computed in float64."""
    size, angle, *shift = params
    scale = 100 / size if inverse else size / 100
    moves = VolumeTransform(
        *(torch.tensor([v], dtype=torch.float64) for v in (scale, angle)),
        torch.tensor([shift], dtype=torch.float64),
    )
    grid = VoxelGrid(float(data[f"{cloud}_cubic_size"]), lower_face=lower_face)
    points = torch.from_numpy(data[f"{cloud}_points"].astype(np.float64))
    center = torch.from_numpy(data[f"{cloud}_refpoint"])[None]
    return triples(Occupancy(grid).encode(points, torch.tensor([len(points)]), center, moves)[0, 0])


def triples(volume):
    return {tuple(v) for v in torch.nonzero(volume).tolist()}


@pytest.mark.parametrize(
    ("path", "inverse"),
    [
        *(pytest.param(*p.values, False, marks=p.marks, id=p.id) for p in golden_paths("v2v", "voxel_gauss")),
        *(pytest.param(*p.values, True, marks=p.marks, id=p.id) for p in golden_paths("v2v", "voxel_onehot")),
    ],
)
def test_voxel_sets_equal_the_reference_when_truncating(path, inverse):
    data = np.load(path)
    for name in sorted(n for n in data if n.endswith("_params")):
        cloud, case, _ = name.split("_")
        expected = {tuple(v) for v in data[f"{cloud}_{case}_voxel_ijk"].tolist()}
        assert encode(data, cloud, data[name], "truncate", inverse=inverse) == expected, (cloud, case)
        assert encode(data, cloud, data[name], "floor", inverse=inverse) <= expected, (cloud, case)


@pytest.mark.parametrize("path", golden_paths("v2v", "voxel_edges"))
def test_faces_of_the_grid(path):
    data = np.load(path)
    coord, center = data["coord"], torch.from_numpy(data["refpoint"])[None]
    # Exactly -1 and 88 depend on the last bit of the division.
    sure = ~np.isin(np.round(coord, 9), (-1.0, 88.0)).any(-1)
    for lower_face in ("truncate", "floor"):
        codec = Occupancy(VoxelGrid(float(data["cubic_size"]), lower_face=lower_face))
        for probe in np.flatnonzero(sure):
            point = torch.from_numpy(data["points"][probe])[None]
            volume = codec.encode(point, torch.tensor([1]), center)
            below = (coord[probe] < -1e-9).any()
            expected = bool(data["inside"][probe]) and not (below and lower_face == "floor")
            assert bool(volume.any()) == expected, (lower_face, coord[probe])


def test_a_batch_is_its_samples_one_by_one_and_may_hold_an_empty_cloud():
    rng = torch.Generator().manual_seed(0)
    codec, lengths = Occupancy(VoxelGrid(100.0, size=16)), torch.tensor([40, 0, 25])
    points, center = torch.randn(65, 3, generator=rng) * 30, torch.randn(3, 3, generator=rng) * 5
    moves = VolumeTransform(
        torch.tensor([0.9, 1.0, 1.1]), torch.tensor([0.1, 0.0, -0.5]), torch.rand(3, 3, generator=rng)
    )
    together = codec.encode(points, lengths, center, moves)
    assert together.shape == (3, 1, 16, 16, 16)
    for b, cloud in enumerate(points.split(lengths.tolist())):
        alone = codec.encode(cloud, lengths[b : b + 1], center[b : b + 1], moves.at(slice(b, b + 1)))
        assert torch.equal(together[b], alone[0])
    assert not together[1].any()


def test_points_that_are_not_numbers_are_left_out():
    points = torch.tensor([[torch.nan, 0.0, 0.0], [torch.inf, 0.0, 0.0], [0.0, 0.0, 0.0]])
    volume = Occupancy(VoxelGrid(80.0, size=8)).encode(points, torch.tensor([3]), torch.zeros(1, 3))
    assert volume.sum() == 1
