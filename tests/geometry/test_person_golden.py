"""Boxes, maps and crops of people against golden values of the published program."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from carpus.geometry.alignment import fit_similarity
from carpus.geometry.camera import Camera
from carpus.geometry.crops import mirror
from carpus.geometry.person_boxes import box_of_points, clip_box, person_box
from carpus.geometry.person_warp import person_map, published_map, warp_person
from golden_cases import golden_paths

SYSTEM = "hand4whole"


@pytest.mark.parametrize("path", golden_paths(SYSTEM, "bbox"))
def test_boxes_are_cut_stretched_and_enlarged_as_published(path):
    golden = np.load(path)
    size = np.stack([golden["img_w"], golden["img_h"]], -1)
    found = {
        "sanitized": clip_box(golden["box_xywh"], size),
        "processed_512x384": person_box(golden["box_xywh"], size, (512, 384)),
        "processed_256x256": person_box(golden["box_xywh"], size, (256, 256)),
        "get_bbox_1p2": box_of_points(golden["kp"], golden["kp_valid"]),
        "get_bbox_1p5": box_of_points(golden["kp"], golden["kp_valid"], enlarge=1.5),
    }
    assert np.isnan(golden["sanitized"]).any(), "the cases hold boxes that are refused"
    for name, boxes in found.items():
        np.testing.assert_allclose(boxes, golden[name], rtol=0, atol=1e-3, err_msg=name)


@pytest.mark.parametrize("path", golden_paths(SYSTEM, "agora_bbox"))
def test_boxes_of_agoras_joints_are_the_published_ones(path):
    golden = np.load(path)
    np.testing.assert_allclose(box_of_points(golden["kp"]), golden["bbox"], rtol=0, atol=1e-2)


@pytest.mark.parametrize("path", golden_paths(SYSTEM, "affine"))
def test_maps_are_the_published_ones(path):
    golden = np.load(path)
    width, height = (int(side) for side in golden["out_wh"])
    for i, (centre, size) in enumerate(zip(golden["centre"], golden["size_wh"], strict=True)):
        box = np.concatenate([centre - size / 2, size])
        maps = person_map(box, (height, width), float(golden["scale"][i]), float(golden["rot_deg"][i]))
        for found, name in ((maps.image_to_crop, "img2bb"), (maps.crop_to_image, "bb2img")):
            wanted = golden[name][i]
            largest = np.abs(wanted[:, :2]).max()
            np.testing.assert_allclose(found[:, :2], wanted[:, :2], rtol=0, atol=1e-5 * largest)
            np.testing.assert_allclose(found[:, 2], wanted[:, 2], rtol=0, atol=2e-2)


@pytest.mark.parametrize("path", golden_paths(SYSTEM, "patch"))
def test_crops_show_what_the_published_ones_show(path):
    golden = np.load(path)
    image = golden["img"]
    width, crop_hw = image.shape[1], golden["patches"].shape[1:3]
    for i, (*box, scale, turn, flip) in enumerate(golden["cases_x_y_w_h_scale_rot_flip"]):
        maps = person_map(np.array(box), crop_hw, scale, turn, width if flip else None)
        for found, name in ((maps.image_to_crop, "img2bb"), (maps.crop_to_image, "bb2img")):
            np.testing.assert_allclose(found, golden[name][i], rtol=1e-5, atol=2e-2)
        if flip:
            maps = published_map(maps, width)
        off = np.abs(warp_person(image, maps.image_to_crop, crop_hw) - golden["patches"][i])
        assert off.max() <= 1.0
        assert off.mean() <= 0.05
        rounded = warp_person(image.round().astype(np.uint8), maps.image_to_crop, crop_hw)
        assert np.abs(rounded - golden["patches"][i]).max() <= 1.5, "bytes lose no more than the rounding"


@pytest.mark.parametrize("path", golden_paths(SYSTEM, "rigid"))
def test_similarity_alignment_is_the_published_one(path):
    golden = np.load(path)
    points, target = torch.from_numpy(golden["A"]), torch.from_numpy(golden["B"])
    rotation, scale, shift = fit_similarity(points, target)
    aligned = scale[:, None, None] * points @ rotation.mT + shift[:, None]
    found = {"R": rotation, "c": scale, "t": shift, "aligned": aligned}
    reflected = np.arange(len(points)) % 3 == 2
    for name, values in found.items():
        off = np.abs(values.numpy() - golden[name]).reshape(len(points), -1).max(1)
        assert off[~reflected].max() <= 1e-9, name
        assert off[reflected].max() <= 1e-6, name


@pytest.mark.parametrize("path", golden_paths(SYSTEM, "camera"))
def test_cameras_project_and_lift_as_published(path):
    golden = np.load(path)
    camera = Camera.from_array(np.concatenate([golden["f"], golden["c"]]))
    points, rotation, shift = golden["X"], golden["R"], golden["t"]
    pixels = camera.xyz_to_uvd(points)
    np.testing.assert_allclose(pixels, golden["cam2pixel"], rtol=0, atol=1e-9)
    np.testing.assert_allclose(camera.uvd_to_xyz(pixels), golden["pixel2cam"], rtol=0, atol=1e-9)
    in_camera = points @ rotation.T + shift
    np.testing.assert_allclose(in_camera, golden["world2cam"], rtol=0, atol=1e-9)
    np.testing.assert_allclose((in_camera - shift) @ rotation, golden["cam2world"], rtol=0, atol=1e-9)


def test_a_mirrored_map_is_the_map_of_the_mirrored_picture():
    rng = np.random.default_rng(3)
    image = rng.integers(0, 256, (60, 80, 3), np.uint8)
    solved = person_map(np.array([12.0, 7.0, 30.0, 40.0]), (64, 48), 1.1, 20.0, mirrored_width=80)
    maps = published_map(solved, 80)
    np.testing.assert_array_equal(maps.image_to_crop, mirror(solved.image_to_crop, 80))
    off = warp_person(image, maps.image_to_crop, (64, 48)).astype(int) - warp_person(
        np.ascontiguousarray(image[:, ::-1]), solved.image_to_crop, (64, 48)
    )
    # Corners are at fractions of 1/32 pixel, which the mirror may round the other way.
    assert np.abs(off).mean() < 1.5
    points = rng.uniform(0, 60, (20, 2))
    there = points @ maps.image_to_crop[:, :2].T + maps.image_to_crop[:, 2]
    back = there @ maps.crop_to_image[:, :2].T + maps.crop_to_image[:, 2]
    np.testing.assert_allclose(back, points, atol=1e-4)


def test_a_box_of_no_extent_has_no_map():
    with pytest.raises(ValueError, match="box of some extent"):
        person_map(np.array([3.0, 3.0, 0.0, 5.0]), (512, 384))
