"""The affine map between camera and grid, and torch7's rounding version of it."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from carpus.errors import ConfigError
from carpus.geometry.voxels import VolumeTransform, VoxelGrid
from golden_cases import golden_paths


def volume_cases(data, *, inverse_scale=False):
    """(cloud, case, grid, points, joints, centre, transform) of a file of augmented volumes."""
    for name in sorted(n for n in data if n.endswith("_params")):
        cloud, case, _ = name.split("_")
        size, angle, *shift = data[name]
        scale = 100 / size if inverse_scale else size / 100
        yield (
            cloud,
            case,
            VolumeTransform(np.array(scale), np.array(angle), np.array(shift)),
        )


@pytest.mark.parametrize("path", golden_paths("v2v", "voxel_gauss"))
def test_keypoints_land_where_the_reference_puts_them(path):
    data = np.load(path)
    for cloud, case, transform in volume_cases(data):
        grid = VoxelGrid(float(data[f"{cloud}_cubic_size"]))
        coord = grid.to_voxels(data[f"{cloud}_keypoints"], data[f"{cloud}_refpoint"], transform)
        np.testing.assert_allclose(coord, data[f"{cloud}_{case}_kp_coord"], atol=1e-9, rtol=0)


@pytest.mark.parametrize("path", golden_paths("v2v", "decode"))
def test_voxel_coordinates_come_back_as_the_reference_warps_them(path):
    data = np.load(path)
    back = VoxelGrid(200.0).to_camera(data["warp_in"], data["peaks_ref"])
    np.testing.assert_allclose(back, data["warp_out_cubic200"], atol=1e-9, rtol=0)


@pytest.mark.parametrize("y_up", [False, True])
@pytest.mark.parametrize("size", [24, 88])
def test_there_and_back_in_both_libraries(size, y_up):
    rng = np.random.default_rng(0)
    grid = VoxelGrid(250.0, size=size, y_up=y_up)
    points, center = rng.normal(scale=80, size=(3, 7, 3)), rng.normal(scale=50, size=(3, 1, 3))
    moves = VolumeTransform(
        rng.uniform(0.8, 1.2, (3, 1)), rng.uniform(-0.7, 0.7, (3, 1)), rng.uniform(0, 8, (3, 1, 3))
    )
    coord = grid.to_voxels(points, center, moves)
    np.testing.assert_allclose(grid.to_camera(coord, center, moves), points, atol=1e-9)
    tensors = VolumeTransform(*(torch.from_numpy(m) for m in moves))
    same = grid.to_voxels(torch.from_numpy(points), torch.from_numpy(center), tensors)
    np.testing.assert_allclose(same.numpy(), coord, atol=1e-12)


def test_identity_transform_equals_none():
    grid, rng = VoxelGrid(200.0), np.random.default_rng(0)
    points, center = rng.normal(size=(5, 3)), np.zeros(3)
    identity = VolumeTransform(np.array(1.0), np.array(0.0), np.full(3, 4.0))
    np.testing.assert_allclose(
        grid.to_voxels(points, center, identity), grid.to_voxels(points, center), atol=1e-12
    )


def test_y_up_mirrors_the_second_axis_only():
    point, center = np.array([10.0, 20.0, 330.0]), np.array([0.0, 0.0, 300.0])
    down, up = VoxelGrid(200.0).to_voxels(point, center), VoxelGrid(200.0, y_up=True).to_voxels(point, center)
    np.testing.assert_allclose(up, [down[0], 88 - down[1], down[2]])


@pytest.mark.parametrize("path", golden_paths("v2v", "torch7_rules"))
def test_torch7_voxels_overlap_and_unaugmented_ones_equal_floor(path):
    data, clouds = np.load(path), np.load(path.with_name("voxel_gauss.npz"))
    for cloud, case, moves in volume_cases(data):
        grid = VoxelGrid(float(clouds[f"{cloud}_cubic_size"]), rule="torch7")
        # The transcription counts shifts from 1.
        moves = moves._replace(shift=moves.shift - 1)
        points, center = clouds[f"{cloud}_points"].astype(float), clouds[f"{cloud}_refpoint"]
        found = occupied(grid, points, center, moves)
        expected = {tuple(v) for v in data[f"{cloud}_{case}_voxel_xyz0"].tolist()}
        assert len(found & expected) >= 0.995 * len(found | expected), (cloud, case)
        if case == "noaug":
            assert found == occupied(VoxelGrid(grid.cube_mm), points, center, None)


@pytest.mark.parametrize("path", golden_paths("v2v", "torch7_rules"))
def test_torch7_heat_map_centres(path):
    data, clouds = np.load(path), np.load(path.with_name("voxel_gauss.npz"))
    for cloud, case, moves in volume_cases(data):
        grid = VoxelGrid(float(clouds[f"{cloud}_cubic_size"]), rule="torch7")
        moves = moves._replace(shift=moves.shift - 1)
        coord = grid.to_voxels(clouds[f"{cloud}_keypoints"], clouds[f"{cloud}_refpoint"], moves)
        np.testing.assert_allclose(coord / 2, data[f"{cloud}_{case}_heatmap_centre0"], atol=1e-6)


def test_torch7_inverse_is_right_to_three_voxels():
    grid, rng = VoxelGrid(200.0, rule="torch7"), np.random.default_rng(0)
    points, center = rng.uniform(-60, 60, (50, 3)), np.zeros(3)
    moves = VolumeTransform(np.array(0.9), np.array(0.5), np.array([1.0, 7.0, 3.0]))
    back = grid.to_camera(grid.to_voxels(points, center, moves), center, moves)
    assert np.abs(back - points).max() < 3 * grid.voxel_mm


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"size": 30}, "multiple of 8"),
        ({"cube_mm": 0.0}, "cube_mm"),
        ({"virtual": 80}, "virtual"),
        ({"rule": "torch8"}, "did you mean 'torch7'"),
        ({"lower_face": "trunc"}, "did you mean 'truncate'"),
    ],
)
def test_a_grid_that_cannot_be_is_refused(changed, says):
    with pytest.raises(ConfigError, match=says):
        VoxelGrid(**({"cube_mm": 200.0} | changed))


def occupied(grid, points, center, moves):
    index = grid.voxel_index(grid.to_voxels(points, center, moves))
    inside = ((index >= 0) & (index < grid.size)).all(-1)
    return {tuple(v) for v in index[inside].astype(int).tolist()}
