"""The sample preparation against golden values of the published one, in the faithful preset."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from carpus.codecs.heatmap2d import Heatmap2D
from carpus.data.hand_sample import make_hand_sample
from carpus.data.hand_sample_geometry import (
    apply,
    crop_matrices,
    hand_place,
    kinematics,
    mirror_matrix,
    moved,
    nearest_crop,
    turn_matrix,
)
from carpus.data.hand_sample_rules import FAITHFUL, HandDraw
from carpus.data.sources.rhd import RHD
from carpus.data.sources.stb import STB, layout
from carpus.data.sources.stb.labels import to_colour_camera, to_right_camera, with_wrist
from carpus.geometry.camera import Camera
from carpus.skeletons import SNAP, STB_HAND
from golden_cases import golden_folder, golden_paths

MINI = golden_folder("handflow2d") / "mini_data"
NAMES = {
    "joint_root": "root",
    "joint_bone": "bone",
    "jointR": "relative",
    "jointRS": "scaled",
    "kin_chain": "chain",
    "kin_len": "length",
}


def close(found, wanted, tolerance=1e-4):
    """T4 of the golden files; T5 and T3 with other tolerances."""
    wanted = np.asarray(wanted, np.float64)
    found = np.asarray(found, np.float64).reshape(wanted.shape)
    np.testing.assert_allclose(found, wanted, rtol=0, atol=tolerance * max(1.0, np.abs(wanted).max()))


def nearly_all(found, wanted, share, most=0.0):
    """At most a share of the entries differ, and those by no more than ``most``, if that is given."""
    off = np.abs(np.asarray(found, np.float64) - np.asarray(wanted, np.float64))
    assert (off > 0).mean() <= share
    assert not most or off.max() <= most


@pytest.mark.parametrize("path", golden_paths("handflow2d", "transforms"))
def test_the_geometry_of_crops_is_the_published_one(path):
    data = np.load(path)
    intr, center_px = data["intr"], data["intr"][:2, 2]
    for i in range(len(data["center"])):
        place = hand_place(data["kp2d"][i])
        assert place.center.tolist() == data["center"][i].tolist()
        close(place.side, data["scale"][i])
        place = moved(place, tuple(0.2 * data["cjit"][i]), float(data["sjit"][i]))
        assert place.center.tolist() == data["center_aug"][i].tolist()
        close(place.side, data["scale_aug"][i])
        maps = crop_matrices(place, float(data["rot"][i]), center_px, 256)
        close(maps.total, data["total"][i])
        close(maps.post, data["post"][i])
        close(maps.post @ intr, data["new_intr"][i])
        pixels = apply(maps.total, data["kp2d"][i])
        close(pixels, data["kp_crop_float"][i])
        nearly_all(np.trunc(pixels), data["kp_crop_int"][i], 0.01, 1)
        joints = data["joint"][i] @ turn_matrix(float(data["rot"][i])).T
        close(joints, data["joint_rot"][i])
        found = kinematics(joints)
        for name, ours in NAMES.items():
            close(found[ours], data[name][i])


@pytest.mark.parametrize("path", golden_paths("handflow2d", "image_warp"))
def test_pictures_are_cropped_as_pillow_does(path):
    data = np.load(path)
    for affine, wanted in zip(data["affine"], data["warped"], strict=True):
        found = nearest_crop(data["image"], affine, len(wanted))
        assert (found != wanted).any(-1).mean() <= 0.005


@pytest.mark.parametrize("path", golden_paths("handflow2d", "stb"))
def test_labels_of_stb_become_keypoints(path):
    data = np.load(path)
    published = data["handPara_mm"].transpose(2, 1, 0)
    colour = to_colour_camera(published)
    close(colour, data["color_xyz_mm"], 1e-5)
    order = STB_HAND.permutation(to=SNAP)
    assert order.tolist() == data["stb_to_snap"].tolist()
    for rule, name in (("palm", "palm_m"), ("middle", "wrist22_m"), ("4mcp", "wrist_4mcp225_m")):
        close(with_wrist(colour, rule)[:, order] / 1000, data[f"joint_snap_{name}"], 1e-5)
    pixels = layout.SK_COLOUR.project(with_wrist(colour, "middle")[:, order])
    close(pixels, data["kp2d"])
    places = [hand_place(joints.astype(np.float32)) for joints in pixels]
    assert [place.center.tolist() for place in places] == data["center"].tolist()
    close([place.side for place in places], data["scale"])
    close(apply(mirror_matrix(640), pixels), data["kp2d_flipped"])
    bb = layout.BB
    close(np.array([[bb.fx, 0, bb.cx], [0, bb.fy, bb.cy], [0, 0, 1]]), data["bb_intr"], 1e-5)
    close(layout.BB_BASELINE_MM, data["bb_baseline_mm"], 1e-5)
    # The file takes the same published points as those of the left stereo camera.
    close(bb.project(published), data["bb_left_uv"])
    close(bb.project(to_right_camera(published)), data["bb_right_uv"])


def mini(name):
    """Records of a mini tree in the order of a golden file, and their skeleton."""
    dataset, split = name.removeprefix("mini_").removesuffix("_expected").split("_")[:2]
    if dataset == "rhd":
        source = RHD(MINI / "RHD", {"training": "train", "evaluation": "test"}[split])
        return list(source), source.skeleton
    source = STB(MINI / "STB")
    names = {"train": ("B2", "B3", "B4", "B5", "B6"), "test": ("B1",)}[split]
    return [r for r in source if r.fields["seq"].startswith(names)], source.skeleton


@pytest.mark.parametrize("path", golden_paths("handflow2d", "mini_"))
def test_mini_trees_load_as_published(path):
    data = np.load(path)
    records, skeleton = mini(path.stem)
    assert len(records) == int(data["n"])
    order = skeleton.permutation(to=SNAP)
    for i, record in enumerate(records):
        joints_px = record.fields["joints_px"][order]
        close(joints_px, data["kp2ds_raw"][i])
        close(record.fields["joints_cam_mm"][order] / 1000, data["joints_raw"][i])
        place = hand_place(joints_px)
        assert place.center.tolist() == data["centers"][i].tolist()
        close(place.side, data["scales"][i])
        if "sides" in data:
            assert "rl"[int(record.fields["hand_type"][1])] == str(data["sides"][i])
        check_sample(make_hand_sample(record, skeleton, rules=FAITHFUL), i, data)


def check_sample(sample, i, data):
    wanted = {name.removeprefix(f"s{i}_"): data[name] for name in data if name.startswith(f"s{i}_")}
    nearly_all(sample.joints_px, wanted["kp2d"], 0.01, 1)
    close(sample.intrinsics, wanted["intr"])
    close(sample.joints_m, wanted["joint"])
    found = kinematics(sample.joints_m)
    for name, ours in NAMES.items():
        close(found[ours], wanted[name])
    far = np.abs(sample.depth - wanted["dep"]) > 1e-3
    assert far.mean() <= 0.005
    nearly_all(sample.silhouette, wanted["mask"], 0.005)
    assert wanted["dep_veil"] == 1
    crop = sample.rgb.transpose(2, 0, 1)
    nearly_all(crop[:, ::2, ::2], wanted["clr_u8_s2"], 0.005)
    mean, std = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    close(((sample.rgb / 255 - mean) / std).sum(), wanted["clr_norm_sum"])
    assert sample.valid.all()
    maps, veil = Heatmap2D(subpixel=False).encode(torch.from_numpy(sample.joints_px)[None])
    assert np.array_equal(veil[0].numpy(), wanted["hm_veil"] > 0)
    close(maps[0].sum((1, 2)), wanted["hm_sum"])
    nearly_all(maps[0].flatten(1).argmax(1), wanted["hm_argmax"], 0.01)


@pytest.mark.parametrize("path", golden_paths("handflow2d", "mini_stb"))
def test_faithful_keypoints_of_stb_lie_beside_the_projected_joints(path):
    """The principal point stays where it was when the picture is mirrored: 640 - 2 cx = 10.43 pixels."""
    data = np.load(path)
    for i, record in enumerate(mini(path.stem)[0]):
        intrinsics, joints = data[f"s{i}_intr"], data[f"s{i}_joint"]
        pixels = Camera.from_array(intrinsics[[0, 1, 0, 1], [0, 1, 2, 2]]).project(joints)
        zoom = 256 / float(data["scales"][i].item())
        off = (data[f"s{i}_kp2d"] - pixels)[:, 0] / zoom
        assert abs(off.mean() - 10.43) < 1.0 / zoom
        draw = HandDraw(turn_rad=0.7)
        sample = make_hand_sample(record, STB_HAND, draw)
        found = Camera.from_array(sample.intrinsics[[0, 1, 0, 1], [0, 1, 2, 2]]).project(sample.joints_m)
        assert np.abs(found - sample.joints_px).max() < 0.01
