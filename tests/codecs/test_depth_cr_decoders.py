"""Decoders of the depth family: published answers, round trips, bad input."""

from __future__ import annotations

import logging

import numpy as np
import pytest
import torch

from carpus.codecs.depth_cr import (
    CenteredJoints,
    FrameAnchors,
    PixelDirections,
    SceneAnchors,
    VoxelArgmax,
    VoxelDirections,
    joint_decoder,
)
from carpus.codecs.depth_cr.decoders import voxel_centers
from carpus.errors import ConfigError
from golden_cases import golden_paths

HANDS17 = torch.tensor([[475.065948, 475.065857, 315.944855, 245.287079]], dtype=torch.float64)
DECODE = golden_paths("depth_cr", "models_decode")


def double(values) -> torch.Tensor:
    return torch.from_numpy(np.asarray(values, np.float64))[None]


def maps_of(values) -> dict[str, torch.Tensor]:
    return {"maps_1": double(values).movedim(-1, 1)}


def true_directions(points, joints, void):
    """Closeness and direction maps ``(1, 4J, N)`` of points ``(1, N, 3)`` by their definition."""
    offset = joints[:, :, None] - points[:, None]
    distance = offset.norm(dim=-1).clamp(0.01, 240)
    unit = (offset / distance[..., None]).movedim(-1, 2).flatten(1, 2)
    return torch.cat(((240 - distance) / 240, unit), 1) * ~void[:, None]


def assert_mm(found, expected, atol=1e-6):
    np.testing.assert_allclose(np.asarray(found), expected, atol=atol, rtol=0)


@pytest.mark.parametrize("path", DECODE)
def test_pixel_directions_equal_the_reference(path):
    data = np.load(path)
    half, center, image = data["u0_resce"][0], double(data["u0_resce"][1:]), double(data["u0_image"])[None]
    maps = maps_of(data["u0_map_pred"])
    found = PixelDirections(half).decode(maps, center, image)
    assert_mm(found.joints_cam_mm[0], data["u0_dec_udir2_pred"])
    both = {"maps_1": torch.cat((maps_of(data["u0_hmap"])["maps_1"], maps["maps_1"]), 1)}
    # The heat maps of dense_regre are there and do not matter.
    ignored = PixelDirections(half, heat=True).decode(both, center, image)
    assert_mm(ignored.joints_cam_mm[0], data["u0_dec_udir2_pred"])
    by_heat = PixelDirections(half, heat=True, weights="heat").decode(both, center, image)
    assert_mm(by_heat.joints_cam_mm[0], data["u0_dec_offset_to_raw"])
    single = PixelDirections(half).decode({"maps_1": maps["maps_1"].float()}, center.float(), image.float())
    assert_mm(single.joints_cam_mm[0], data["u0_dec_udir2_pred"], 1e-3)


@pytest.mark.parametrize("path", DECODE)
def test_true_pixel_directions_decode_to_the_true_pose(path):
    data = np.load(path)
    center, image = double(data["u0_resce"][1:]), double(data["u0_image"])[None]
    side, decoder = data["u0_map_pred"].shape[0], PixelDirections(data["u0_resce"][0])
    step = image.shape[-1] // side
    points = decoder.points(image, side, center).flatten(1, 2)
    void = (image[:, 0, ::step, ::step] < 1e-4).flatten(1)
    maps = true_directions(points, double(data["u0_pose_raw"]), void).unflatten(-1, (side, side))
    found = decoder.decode({"maps_0": maps * 0, "maps_1": maps}, center, image).joints_cam_mm[0]
    assert_mm(found, data["u0_dec_udir2_gt"])
    assert_mm(found, data["u0_pose_raw"])


@pytest.mark.parametrize("path", DECODE)
def test_voxel_directions_equal_the_reference_with_and_without_its_quirk(path):
    data = np.load(path)
    half, center, maps = data["v0_resce"][0], double(data["v0_resce"][1:]), maps_of(data["v0_vxudir_pred"])
    for quirk, name in ((True, "v0_dec_reference"), (False, "v0_dec_own_confidence")):
        decoder = VoxelDirections(half, weight_from_joint0=quirk)
        assert_mm(decoder.decode(maps, center, center).joints_cam_mm[0], data[name])


@pytest.mark.parametrize("path", DECODE)
def test_true_voxel_directions_decode_to_the_true_pose(path):
    data = np.load(path)
    center, joints = double(data["v0_resce"][1:]), double(data["v0_pose_raw"])
    points = voxel_centers(8, center, 120.0).flatten(1, 3)
    maps = true_directions(points, joints, torch.zeros(1, 512, dtype=torch.bool)).unflatten(-1, (8, 8, 8))
    assert_mm(VoxelDirections().decode({"maps_1": maps}, center, center).joints_cam_mm, joints)


@pytest.mark.parametrize("path", DECODE)
def test_labels_and_coordinates_equal_the_reference(path):
    data = np.load(path)
    center, joints, codec = double(data["lab_resce"][1:]), double(data["lab_pose_raw"]), VoxelArgmax()
    labels = codec.encode(joints, center)
    np.testing.assert_array_equal(labels[0], data["lab_index"])
    assert_mm(codec.centers(labels, center)[0], data["lab_decoded"])
    logits = torch.zeros(1, joints.shape[1], 32**3, dtype=torch.float64).scatter_(2, labels[..., None], 30.0)
    found = codec.decode({"maps_1": logits.unflatten(2, (32, 32, 32))}, center, center)
    assert_mm(found.joints_cam_mm[0], data["lab_decoded"])
    assert found.joint_scores.min() > 0.99
    coordinates = double(data["reg_pose_c"]).unflatten(1, (-1, 3))
    decoded = CenteredJoints().decode({"joints_centered_mm": coordinates}, center, center).joints_cam_mm
    assert_mm(decoded[0], data["reg_pose_raw"])
    assert_mm(CenteredJoints().encode(decoded, center), coordinates)


@pytest.mark.parametrize("path", DECODE)
def test_frame_anchors_equal_the_reference(path):
    data, codec = np.load(path), FrameAnchors()
    target = codec.encode(double(data["loc2_resce"][1:]), HANDS17)
    np.testing.assert_allclose(target[0], data["loc2_encoded"], atol=1e-6, rtol=0)
    assert_mm(codec.decode(target, HANDS17).center_mm, data["loc2_gt_decoded_centre"])
    found = codec.decode(double(data["loc2_pred"]), HANDS17)
    np.testing.assert_array_equal(found.cell[0], data["loc2_pred_index"])
    assert_mm(found.center_px.flip(-1)[0], data["loc2_pred_centre2d"])
    assert_mm(found.half_px, data["loc2_pred_halfwindow"])
    assert_mm(found.center_mm, data["loc2_pred_centre3d"])
    np.testing.assert_allclose(found.score, data["loc2_pred_conf"], atol=1e-6)


@pytest.mark.parametrize("path", DECODE)
def test_scene_anchors_equal_the_reference(path):
    data, codec = np.load(path), SceneAnchors()
    target = codec.encode(double(data["loc3_centre"]))
    np.testing.assert_allclose(target[0], data["loc3_encoded"], atol=1e-6, rtol=0)
    found = codec.decode(target)
    np.testing.assert_array_equal(found.cell[0], data["loc3_cell"])
    assert_mm(found.center_mm[0], data["loc3_centre"])
    assert_mm(found.half_mm, data["loc3_half"])


def test_anchors_return_the_cube_on_every_camera_and_outside_the_lattice():
    center = torch.tensor([[80.0, -60.0, 500.0], [-900.0, 300.0, 700.0], [10.0, 900.0, 1500.0]])
    camera = torch.tensor([[240.0, 260.0, 160.0, 120.0]]).expand(3, 4)
    frame = FrameAnchors(rows=240, cols=320, half_mm=150.0)
    assert_mm(frame.decode(frame.encode(center, camera), camera).center_mm, center, 1e-2)
    scene = SceneAnchors()
    found = scene.decode(scene.encode(center))
    assert_mm(found.center_mm, center, 1e-3)
    assert_mm(found.half_mm, np.full(3, 120.0), 1e-3)


def test_an_impossible_size_is_replaced_and_reported(caplog):
    anchors = torch.zeros(2, 256)
    anchors[0, 66] = 12.0
    with caplog.at_level(logging.WARNING, "carpus"):
        found = FrameAnchors().decode(anchors, HANDS17.float().expand(2, 4))
    assert found.half_px.tolist() == [640.0, 640.0]
    assert "1 of 2" in caplog.text


def test_noise_of_a_hundredth_costs_little_more_than_a_millimetre():
    center = torch.tensor([[0.0, 0.0, 400.0]])
    joints = center[:, None] + torch.empty(1, 21, 3).uniform_(-80, 80)
    points = voxel_centers(16, center, 120.0).flatten(1, 3)
    maps = true_directions(points, joints, torch.zeros(1, 4096, dtype=torch.bool)).unflatten(-1, (16,) * 3)
    noisy = maps + 0.01 * torch.randn_like(maps)
    found = VoxelDirections().decode({"maps_1": noisy}, center, center).joints_cam_mm
    assert 0.3 < (found - joints).norm(dim=-1).mean() < 3


def test_empty_maps_still_decode_to_finite_joints():
    center, image = torch.zeros(1, 3), torch.zeros(1, 1, 64, 64)
    maps = {"maps_0": torch.zeros(1, 8, 32, 32)}
    assert PixelDirections().decode(maps, center, image).joints_cam_mm.isfinite().all()


def test_corrected_depth_reaches_the_front_of_the_cube():
    image, center = torch.full((1, 1, 32, 32), 0.25), torch.zeros(1, 3)
    assert PixelDirections().points(image, 32, center)[0, 0, 0, 2] == 30
    assert PixelDirections(corrected_z=True).points(image, 32, center)[0, 0, 0, 2] == -60


def test_wrong_names_and_widths_say_what_is_allowed():
    with pytest.raises(ConfigError, match="did you mean 'vox_argmax'"):
        joint_decoder("vox_argmx")
    with pytest.raises(ConfigError, match="5 channels per joint; 84 were given"):
        PixelDirections(heat=True).decode({"maps_0": torch.zeros(1, 84, 4, 4)}, torch.zeros(1, 3), None)
    with pytest.raises(ConfigError, match="needs heat=true"):
        PixelDirections(weights="heat")
    with pytest.raises(ConfigError, match="rows 0"):
        FrameAnchors(rows=0)


@pytest.mark.parametrize("name", ["coord", "udir2_top5", "vxudir_top5", "vox_argmax"])
def test_every_decoder_has_a_name(name):
    assert hasattr(joint_decoder(name), "decode")
