"""Heat-map codecs: encode and decode undo each other, and equal the published functions."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from carpus.codecs import GaussianVolume, TrilinearVolume, soft_argmax
from carpus.codecs.volume import argmax_cells
from carpus.data.augment import legacy_draw
from carpus.errors import ConfigError
from carpus.geometry.voxels import VolumeTransform, VoxelGrid
from golden_cases import golden_paths


def golden_transform(params, *, inverse=False):
    size, angle, *shift = (float(v) for v in params)
    double = {"dtype": torch.float64}
    scale = 100 / size if inverse else size / 100
    return VolumeTransform(
        torch.tensor([scale], **double), torch.tensor([angle], **double), torch.tensor([shift], **double)
    )


def golden_joints(data, cloud):
    return tuple(torch.from_numpy(data[f"{cloud}_{name}"])[None] for name in ("keypoints", "refpoint"))


def margins(maps):
    return torch.stack([maps.sum((2, 3)), maps.sum((1, 3)), maps.sum((1, 2))], 1)


@pytest.mark.parametrize("path", golden_paths("v2v", "voxel_gauss"))
def test_gaussian_targets_equal_the_reference(path):
    data = np.load(path)
    for name in sorted(n for n in data if n.endswith("_params")):
        case = name.removesuffix("_params")
        cloud = case.split("_")[0]
        codec = GaussianVolume(VoxelGrid(float(data[f"{cloud}_cubic_size"])))
        joints, center = golden_joints(data, cloud)
        maps = codec.encode(joints, center, golden_transform(data[name]))["heatmap_target"][0]
        np.testing.assert_allclose(margins(maps), data[f"{case}_hm_marg"], atol=1e-9, rtol=0)
        np.testing.assert_allclose(maps.sum((1, 2, 3)), data[f"{case}_hm_sum"], atol=1e-9, rtol=1e-12)
        np.testing.assert_allclose(maps.amax((1, 2, 3)), data[f"{case}_hm_max"], atol=1e-9, rtol=0)
        np.testing.assert_allclose(maps[:2, 1::5, 2::5, 3::5], data[f"{case}_hm_sub"], atol=1e-9, rtol=0)
        np.testing.assert_array_equal(argmax_cells(maps[None])[0][0], data[f"{case}_hm_argmax"])
        single = codec.encode(
            joints.float(),
            center.float(),
            VolumeTransform(*(t.float() for t in golden_transform(data[name]))),
        )
        np.testing.assert_allclose(
            margins(single["heatmap_target"][0]), data[f"{case}_hm_marg"], atol=1e-4, rtol=1e-4
        )


@pytest.mark.parametrize("path", golden_paths("v2v", "voxel_onehot"))
def test_trilinear_targets_equal_the_reference(path):
    data = np.load(path)
    for name in sorted(n for n in data if n.endswith("_params")):
        case = name.removesuffix("_params")
        cloud = case.split("_")[0]
        codec = TrilinearVolume(VoxelGrid(float(data[f"{cloud}_cubic_size"])), clip_max=42)
        targets = codec.encode(*golden_joints(data, cloud), golden_transform(data[name], inverse=True))
        np.testing.assert_allclose(targets["coord_target"][0], data[f"{case}_vol_coord"], atol=1e-9, rtol=0)
        maps = codec.dense(targets)[0]
        expected = torch.zeros_like(maps)
        expected[tuple(data[f"{case}_hm_nz_jijk"].T.astype(int))] = torch.from_numpy(
            data[f"{case}_hm_nz_val"]
        )
        np.testing.assert_allclose(maps, expected, atol=1e-9, rtol=0)
        np.testing.assert_allclose(maps.sum((1, 2, 3)), data[f"{case}_hm_sum"], atol=1e-9)


@pytest.mark.parametrize("path", golden_paths("v2v", "voxel_rng"))
def test_legacy_random_numbers_make_the_same_sample(path):
    data, clouds = np.load(path), np.load(path.with_name("voxel_gauss.npz"))
    for seed, *expected in data["draws"]:
        size, angle, shift = legacy_draw(np.random.RandomState(int(seed)))
        np.testing.assert_allclose([size, angle, *shift], expected, atol=1e-9, rtol=0)
    size, angle, shift = legacy_draw(np.random.RandomState(5))
    codec = GaussianVolume(VoxelGrid(float(clouds["c0_cubic_size"])))
    maps = codec.encode(*golden_joints(clouds, "c0"), golden_transform([size, angle, *shift]))
    np.testing.assert_allclose(margins(maps["heatmap_target"][0]), data["seed5_hm_marg"], atol=1e-9, rtol=0)
    from carpus.codecs import Occupancy

    points = torch.from_numpy(clouds["c0_points"].astype(np.float64))
    grid = VoxelGrid(float(clouds["c0_cubic_size"]), lower_face="truncate")
    center = torch.from_numpy(clouds["c0_refpoint"])[None]
    moves = golden_transform([size, angle, *shift])
    volume = Occupancy(grid).encode(points, torch.tensor([len(points)]), center, moves)
    np.testing.assert_array_equal(torch.nonzero(volume[0, 0]), data["seed5_voxel_ijk"])


@pytest.mark.parametrize("path", golden_paths("v2v", "torch7_rules"))
def test_torch7_targets_and_decoder(path):
    data, clouds = np.load(path), np.load(path.with_name("voxel_gauss.npz"))
    for name in sorted(n for n in data if n.endswith("_params")):
        case = name.removesuffix("_params")
        cloud = case.split("_")[0]
        grid = VoxelGrid(float(clouds[f"{cloud}_cubic_size"]), rule="torch7")
        moves = golden_transform(data[name] - np.array([0, 0, 1, 1, 1]))
        joints, center = golden_joints(clouds, cloud)
        coord = grid.to_voxels(joints, center[:, None], moves.at((slice(None), None)))
        factors = GaussianVolume(grid).axis_factors(coord / 2)[0]
        np.testing.assert_allclose(factors, data[f"{case}_heatmap_axis_factors"], atol=1e-6)
    maps = torch.zeros(1, 21, 44, 44, 44)
    peaks = data["decode_peaks"].astype(int)
    maps[(0, np.arange(21), *peaks.T)] = 1.0
    for cube in (200, 250):
        codec = GaussianVolume(VoxelGrid(float(cube), rule="torch7"))
        decoded = codec.decode(maps, torch.from_numpy(data["decode_ref"])[None])
        np.testing.assert_allclose(decoded.joints_cam_mm[0], data[f"decode_world_cubic{cube}"], atol=1e-9)


@pytest.mark.parametrize("path", golden_paths("v2v", "decode"))
def test_peaks_and_soft_coordinates_decode_as_the_reference(path):
    data = np.load(path)
    cells, _ = argmax_cells(torch.from_numpy(data["small_hm"]))
    np.testing.assert_array_equal(cells, data["small_idx_raw"])
    np.testing.assert_array_equal(cells + 0.5, data["small_idx_center"])
    maps = torch.zeros(2, 21, 44, 44, 44)
    b, j = np.indices((2, 21))
    maps[(b, j, *np.moveaxis(data["peaks"].astype(int), -1, 0))] = 1.0
    center = torch.from_numpy(data["peaks_ref"])
    for cube in (200, 250):
        grid = VoxelGrid(float(cube))
        decoded = GaussianVolume(grid).decode(maps, center[:, 0])
        np.testing.assert_allclose(decoded.joints_cam_mm, data[f"peaks_world_cubic{cube}"], atol=1e-9, rtol=0)
        soft = grid.to_camera(2 * torch.from_numpy(data["soft_coord"]), center)
        np.testing.assert_allclose(soft, data[f"soft_world_cubic{cube}"], atol=1e-9, rtol=0)


@pytest.mark.parametrize("path", golden_paths("v2v", "loss_softargmax"))
def test_soft_argmax_of_cubes_and_boxes(path):
    data = np.load(path)
    for name in ("cube6", "box567"):
        found = soft_argmax(torch.from_numpy(data[f"softargmax_{name}_in"]))
        np.testing.assert_allclose(found, data[f"softargmax_{name}_out"], atol=1e-5)


def random_joints(grid, count=40, seed=0):
    rng = torch.Generator().manual_seed(seed)
    center = torch.tensor([[10.0, -20.0, 350.0], [-40.0, 5.0, 500.0]])
    half = grid.cube_mm / 2
    joints = center[:, None] + (torch.rand(2, count, 3, generator=rng) * 2 - 1) * half * 0.95
    return joints, center


@pytest.mark.parametrize("size", [24, 88])
@pytest.mark.parametrize("y_up", [False, True])
def test_gaussian_encode_decode_is_within_half_a_cell(size, y_up):
    grid = VoxelGrid(200.0, size=size, y_up=y_up)
    codec, (joints, center) = GaussianVolume(grid), random_joints(grid)
    decoded = codec.decode(codec.encode(joints, center)["heatmap_target"], center)
    assert (decoded.joints_cam_mm - joints).abs().max() <= grid.cell_mm / 2 + 1e-3
    assert decoded.joint_scores.min() > 0.8


def test_gaussian_window_decoder_beats_the_rounding():
    grid = VoxelGrid(200.0)
    joints, center = random_joints(grid)
    joints = center[:, None] + 0.7 * (joints - center[:, None])
    target = GaussianVolume(grid).encode(joints, center)["heatmap_target"]
    plain, local = GaussianVolume(grid), GaussianVolume(grid, window=4)
    errors = [(c.decode(target, center).joints_cam_mm - joints).norm(dim=-1).mean() for c in (plain, local)]
    assert errors[1] < 0.25 * errors[0]
    empty = torch.zeros(1, 1, 44, 44, 44)
    assert torch.equal(*(c.decode(empty, center[:1]).joints_cam_mm for c in (plain, local)))


@pytest.mark.parametrize("size", [24, 88])
def test_trilinear_encode_decode_is_exact(size):
    grid = VoxelGrid(200.0, size=size)
    codec, (joints, center) = TrilinearVolume(grid), random_joints(grid)
    # The last half cell lies beyond the largest coordinate.
    joints = center[:, None] + (joints - center[:, None]) * (1 - 2 / grid.cells)
    maps = codec.dense(codec.encode(joints.double(), center.double()))
    decoded = codec.decode((maps + 1e-30).log(), center.double())
    assert (decoded.joints_cam_mm - joints).abs().max() <= 1e-3
    np.testing.assert_allclose(decoded.joint_scores, 1.0, atol=1e-6)


@pytest.mark.parametrize("make", [GaussianVolume, TrilinearVolume])
def test_augmentation_is_undone_when_decoding(make):
    grid = VoxelGrid(200.0)
    joints, center = random_joints(grid, count=6)
    joints = center[:, None] + 0.4 * (joints - center[:, None])
    moves = VolumeTransform(
        torch.tensor([0.85, 1.15]), torch.tensor([0.6, -0.4]), torch.tensor([[1.0, 7, 3], [5, 0, 8]])
    )
    codec = make(grid)
    targets = codec.encode(joints, center, moves)
    maps = targets["heatmap_target"] if make is GaussianVolume else (codec.dense(targets) + 1e-30).log()
    error = (codec.decode(maps, center, moves).joints_cam_mm - joints).abs().max()
    assert error <= (grid.cell_mm / 0.85 if make is GaussianVolume else 2e-3)


def test_default_clip_reaches_the_last_cell_and_the_ports_does_not():
    grid, center = VoxelGrid(200.0), torch.zeros(1, 3)
    corner = torch.full((1, 1, 3), 99.9)
    ours = TrilinearVolume(grid).encode(corner, center)
    port = TrilinearVolume(grid, clip_max=42).encode(corner, center)
    assert ours["coord_target"].unique().tolist() == [43.0]
    assert port["coord_target"].unique().tolist() == [42.0]
    assert TrilinearVolume(grid).dense(ours)[0, 0, 43, 43, 43] == 1
    assert TrilinearVolume(grid).dense(port)[0, 0, 42, 42, 42] == 1


def test_idle_losses_are_the_published_sanity_values():
    grid = VoxelGrid(200.0)
    joints, center = random_joints(grid)
    joints = center[:, None] + 0.7 * (joints - center[:, None])
    gauss, trilinear = GaussianVolume(grid), TrilinearVolume(grid)
    assert float(gauss.idle_loss(gauss.encode(joints, center))) == pytest.approx(3.2e-4, rel=0.02)
    assert float(trilinear.idle_loss(trilinear.encode(joints, center))) == pytest.approx(11.35, abs=0.01)


def test_codecs_refuse_what_makes_no_sense():
    with pytest.raises(ConfigError, match="sigma"):
        GaussianVolume(VoxelGrid(200.0), sigma=0.0)
    with pytest.raises(ConfigError, match="clip_max"):
        TrilinearVolume(VoxelGrid(200.0), clip_max=44)
    with pytest.raises(ConfigError, match="torch7"):
        TrilinearVolume(VoxelGrid(200.0, rule="torch7"))
