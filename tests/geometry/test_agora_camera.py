"""AGORA's cameras: where people of every kind of scene are seen, and parameters in the camera's frame."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from carpus.geometry.agora_camera import (
    SCENE_KINDS,
    Placement,
    camera_frame_root,
    camera_in_crop,
    rigid_fit,
    scene_camera,
    scene_kind,
)
from carpus.geometry.person_boxes import aspect_box, box_of_points
from carpus.geometry.person_warp import person_map
from golden_cases import golden_paths


def scenes(path):
    golden = np.load(path)
    for number in sorted({name.split("_")[0] for name in golden}):
        yield {name: golden[f"{number}_{name}"] for name in _NAMES}


_NAMES = (
    *("name", "cam_xyz_yaw", "person_xyz_yaw", "joints_world_m", "joints_px", "joints_cam_m"),
    *("focal", "princpt"),
)


@pytest.mark.parametrize("path", golden_paths("hand4whole", "agora_project"))
def test_people_are_seen_where_published(path):
    kinds = set()
    for scene in scenes(path):
        name = str(scene["name"])
        camera = scene_camera(name, scene["cam_xyz_yaw"][:3], scene["cam_xyz_yaw"][3])
        placement = camera.place(scene["person_xyz_yaw"][:3], scene["person_xyz_yaw"][3])
        joints = placement(scene["joints_world_m"])
        np.testing.assert_allclose(joints, scene["joints_cam_m"], rtol=0, atol=1e-9)
        np.testing.assert_allclose(camera.lens.project(joints), scene["joints_px"], rtol=0, atol=1e-6)
        lens = np.concatenate([scene["focal"], scene["princpt"]])
        np.testing.assert_allclose(camera.lens.to_array(), lens, rtol=0, atol=1e-6)
        kinds.add(camera.kind.name)
    assert kinds


@pytest.mark.parametrize("path", golden_paths("hand4whole", "agora_project"))
def test_rigid_fit_finds_the_placement(path):
    for scene in scenes(path):
        camera = scene_camera(str(scene["name"]), scene["cam_xyz_yaw"][:3], scene["cam_xyz_yaw"][3])
        placement = camera.place(scene["person_xyz_yaw"][:3], scene["person_xyz_yaw"][3])
        found = rigid_fit(scene["joints_world_m"], scene["joints_cam_m"])
        np.testing.assert_allclose(found.rotation, placement.rotation, atol=1e-9)
        np.testing.assert_allclose(found.shift_m, placement.shift_m, atol=1e-9)


@pytest.mark.parametrize("path", golden_paths("hand4whole", "agora_crop"))
def test_crop_and_its_camera(path):
    golden = np.load(path)
    focal, center = golden["focal_in"], golden["princpt_in"]
    for row, box in enumerate(golden["bbox"]):
        extended = aspect_box(box, 384 / 512)
        np.testing.assert_allclose(extended, golden["bbox_aspect_1p25"][row], rtol=1e-5, atol=2e-2)
        found = person_map(extended, (512, 384))
        for affine, name in ((found.image_to_crop, "affine_mat"), (found.crop_to_image, "inverse")):
            np.testing.assert_allclose(affine[:, :2], golden[name][row][:, :2], rtol=1e-5, atol=1e-6)
            np.testing.assert_allclose(affine[:, 2], golden[name][row][:, 2], atol=2e-2)
        camera = camera_in_crop(np.concatenate([focal, center]), golden["affine_mat"][row])
        np.testing.assert_allclose(camera, golden["fx_fy_cx_cy"][row], rtol=1e-5, atol=2e-2)


@pytest.mark.parametrize("path", golden_paths("hand4whole", "agora_bbox"))
def test_box_of_joints(path):
    golden = np.load(path)
    np.testing.assert_allclose(box_of_points(golden["kp"]), golden["bbox"], rtol=0, atol=1e-2)


def test_kinds_are_told_by_the_name_in_order():
    names = [kind.name for kind in SCENE_KINDS]
    assert names == ["hdri", "cam00", "cam01", "cam02", "cam03", "ag2", ""]
    assert scene_kind("ag2_x_hdri_cam01.png").name == "hdri"
    assert scene_kind("ag2_x_cam01.png").name == "cam01"
    assert scene_kind("validation/ag_validationset_brushifyforest_5_15_00001.png").name == ""
    assert scene_kind("C:\\cam00\\ag2_a.png").name == "ag2"


def test_parameters_in_the_camera_frame_put_every_point_where_the_person_stands():
    rng = np.random.default_rng(0)
    points, pelvis = rng.normal(size=(20, 3)), rng.normal(size=3)
    root, trans = rng.normal(size=3), rng.normal(size=3)
    placement = Placement(Rotation.random(random_state=1).as_matrix(), rng.normal(size=3))

    def posed(root_pose, trans_m):
        return (points - pelvis) @ Rotation.from_rotvec(root_pose).as_matrix().T + pelvis + trans_m

    moved = camera_frame_root(placement, root, trans, pelvis)
    np.testing.assert_allclose(posed(*moved), placement(posed(root, trans)), atol=1e-12)
