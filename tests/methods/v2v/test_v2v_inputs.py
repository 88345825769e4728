"""Inputs: nothing of the cube is lost, little is shipped, the same generator gives the same sample."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from carpus.codecs import Occupancy
from carpus.data.augment import NoAugmentation, VolumeAugmentation
from carpus.errors import ConfigError, DataError
from carpus.geometry.voxels import VolumeTransform, VoxelGrid
from carpus.methods.v2v.inputs import MAX_BYTES, V2VInputs
from carpus.methods.v2v.module import transform_of, unproject_ragged
from carpus.types import Record, collate
from golden_cases import golden_paths

sys.path.insert(0, str(Path(__file__).parent))
from v2v_world import CAMERA, record_of, sphere_depth

CENTER = np.array([20.0, -15.0, 350.0])


def volume_of(inputs, grid):
    """Occupancy of one sample's inputs."""
    batch = collate([("a", inputs)])
    points = unproject_ragged(batch["pixels"], batch["depth"], batch["depth_length"], batch["camera"])
    return Occupancy(grid).encode(points, batch["depth_length"], batch["center_mm"], transform_of(batch))[
        0, 0
    ]


def volume_of_all_pixels(depth_mm, inputs, grid, camera=CAMERA, offset=0):
    """Occupancy from every measured pixel of the image, with a sample's augmentation."""
    rows, columns = np.nonzero(depth_mm)
    z = depth_mm[rows, columns].astype(np.float64)
    rays = (np.stack([columns, rows], -1) + offset - camera[2:]) / camera[:2]
    points = torch.from_numpy(np.concatenate([rays * z[:, None], z[:, None]], -1)).float()
    moves = VolumeTransform(
        *(torch.from_numpy(np.array(inputs[name]))[None] for name in ("aug_scale", "aug_angle", "aug_shift"))
    )
    center = torch.from_numpy(inputs["center_mm"])[None]
    return Occupancy(grid).encode(points, torch.tensor([len(points)]), center, moves)[0, 0]


@pytest.mark.parametrize("rule", ["exact", "torch7"])
@pytest.mark.parametrize("lower_face", ["floor", "truncate"])
def test_the_cut_loses_no_voxel_under_any_augmentation(rule, lower_face):
    grid = VoxelGrid(200.0, size=40, virtual=48, rule=rule, lower_face=lower_face)
    rng = np.random.default_rng(1)
    # A wavy wall through the cube touches every face of it.
    v, u = np.indices((240, 320))
    depth = np.round(350 + 90 * np.sin(u / 9) + 60 * np.sin(v / 7)).astype(np.float32)
    make = V2VInputs(grid, VolumeAugmentation(whole_shift=rule == "torch7"))
    for _ in range(12):
        inputs = make(record_of(depth, CENTER), rng, train=True)
        found, expected = volume_of(inputs, grid), volume_of_all_pixels(depth, inputs, grid)
        assert torch.equal(found, expected)
    assert expected.sum() > 1000


def test_a_close_hand_in_a_large_image_stays_small_and_loses_no_voxel():
    camera = np.array([588.036865, 587.075073, 320.0, 240.0])
    center = np.array([0.0, 0.0, 230.0])
    depth = sphere_depth(center, 100.0, (480, 640), camera, background_mm=300.0)
    grid = VoxelGrid(250.0)
    for noise in (0.0, 0.5):
        make = V2VInputs(grid, VolumeAugmentation(noise_mm=noise))
        inputs = make(record_of(depth, center, camera), np.random.default_rng(0), train=True)
        assert sum(np.asarray(getattr(v, "values", v)).nbytes for v in inputs.values()) <= 300_000
        assert inputs["depth"].values.nbytes + inputs["pixels"].values.nbytes <= MAX_BYTES
        if not noise:
            found, expected = volume_of(inputs, grid), volume_of_all_pixels(depth, inputs, grid, camera)
            # A point on a face may change sides between float64 here and float32 on the device.
            assert (found != expected).sum() <= 0.002 * expected.sum()


def test_what_one_sample_ships():
    inputs = V2VInputs(VoxelGrid(200.0))(
        record_of(sphere_depth(CENTER), CENTER), np.random.default_rng(0), True
    )
    assert inputs["pixels"].values.dtype == inputs["depth"].values.dtype == np.int16
    assert inputs["joints_cam_mm"].shape == (2, 3)
    assert inputs["joint_valid"].all()
    half = sphere_depth(CENTER) * 0.5 + 150.25
    tenth = V2VInputs(VoxelGrid(200.0))(
        record_of(half, CENTER, coding="raw_f32:320x240"), np.random.default_rng(0), True
    )
    assert tenth["depth"].values.dtype == np.float32


def test_same_generator_same_sample_and_no_augmentation_when_scoring():
    make = V2VInputs(VoxelGrid(200.0), VolumeAugmentation(noise_mm=0.5, max_drop=0.5))
    record = record_of(sphere_depth(CENTER), CENTER)
    first, again, other = (make(record, np.random.default_rng(seed), True) for seed in (3, 3, 4))
    assert all(
        np.array_equal(getattr(first[n], "values", first[n]), getattr(again[n], "values", again[n]))
        for n in first
    )
    assert first["aug_scale"] != other["aug_scale"]
    scored = make(record, np.random.default_rng(3), False)
    assert (float(scored["aug_scale"]), scored["aug_shift"].tolist()) == (1.0, [4.0, 4.0, 4.0])
    plain = V2VInputs(VoxelGrid(200.0), NoAugmentation())(record, np.random.default_rng(9), True)
    assert np.array_equal(plain["depth"].values, scored["depth"].values)


def test_pixel_offset_shifts_and_background_plane_appears_only_where_it_reaches_the_cube():
    grid, record = VoxelGrid(200.0), record_of(sphere_depth(CENTER), CENTER)
    rng = np.random.default_rng
    base = V2VInputs(grid)(record, rng(0), False)
    moved = V2VInputs(grid, pixel_offset=1)(record, rng(0), False)
    np.testing.assert_array_equal(moved["pixels"].values, base["pixels"].values + 1)
    far = V2VInputs(grid, background="plane", background_mm=700.0)(record, rng(0), False)
    near = V2VInputs(grid, background="plane", background_mm=400.0)(record, rng(0), False)
    assert len(far["depth"].values) == len(base["depth"].values)
    assert 400 in near["depth"].values
    assert 400 not in base["depth"].values


def test_an_empty_cube_is_an_empty_volume():
    inputs = V2VInputs(VoxelGrid(200.0))(
        record_of(np.zeros((240, 320), np.float32), CENTER), np.random.default_rng(0), True
    )
    assert len(inputs["depth"].values) == 0
    assert not volume_of(inputs, VoxelGrid(200.0)).any()


@pytest.mark.parametrize("path", golden_paths("v2v", "msra_depth_file"))
def test_points_of_a_published_frame(path, monkeypatch):
    # Every pixel is compared, so none may be thinned out.
    monkeypatch.setattr("carpus.methods.v2v.inputs.MAX_BYTES", 10**9)
    data = np.load(path)
    record = Record(
        "a",
        {"depth": data["file_bytes"].tobytes()},
        {"camera": CAMERA, "depth_coding": "msra_bin", "center_mm": np.array([0.0, 0.0, 400.0])},
    )
    # The cube holds everything up to the plane.
    make = V2VInputs(VoxelGrid(4000.0), pixel_offset=1, background="plane", background_mm=700.0)
    batch = collate([("a", make(record, np.random.default_rng(0), False))])
    points = unproject_ragged(
        batch["pixels"], batch["depth"], batch["depth_length"], torch.from_numpy(CAMERA)[None]
    ).numpy()
    points[:, 1] *= -1
    assert len(points) == data["depth"].size
    image = points.reshape(240, 320, 3)
    np.testing.assert_array_equal(image[..., 2], data["depth"])
    corners = np.stack([image[r, c] for r, c in ((0, 0), (0, 319), (239, 0), (239, 319))])
    np.testing.assert_allclose(corners, data["points_corners"], atol=1e-4)
    np.testing.assert_allclose(points.sum(0), data["points_sum"], rtol=1e-3)


def test_wrong_settings_and_records_are_named():
    with pytest.raises(ConfigError, match="did you mean 'plane'"):
        V2VInputs(VoxelGrid(200.0), background="plain")
    with pytest.raises(ConfigError, match="background_mm"):
        V2VInputs(VoxelGrid(200.0), background="plane")
    record = record_of(sphere_depth(CENTER), CENTER)
    without = Record(
        "P0/1/000003", record.images, {k: v for k, v in record.fields.items() if k != "center_mm"}
    )
    with pytest.raises(DataError, match=r"P0/1/000003.*centre source"):
        V2VInputs(VoxelGrid(200.0))(without, np.random.default_rng(0), False)
