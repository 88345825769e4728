"""Targets of people: mirrored and turned samples, masks, boxes of parts, missing truth."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.spatial import cKDTree

from carpus.bodies.library import body_models
from carpus.codecs.whole_body import LAYOUTS, PersonCodec
from carpus.geometry.person_warp import person_map, published_map
from carpus.skeletons import HUMAN36M
from formula_people import batch_of

WIDTH = 640
CAMERA = np.array([900.0, 890.0, 330.0, 245.0])


@pytest.fixture(scope="module")
def models():
    return body_models("no such folder", standin=True)


def crop(part="whole_body", flip=False, turn=0.0, box=(200.0, 80.0, 240.0, 320.0)):
    """Where the crop of a box lies."""
    hw = LAYOUTS[part].crop_hw
    maps = person_map(np.array(box), hw, turn_deg=turn, mirrored_width=WIDTH if flip else None)
    maps = published_map(maps, WIDTH) if flip else maps
    return {
        "image_to_crop": maps.image_to_crop,
        "flipped": np.array(flip),
        "turn_deg": np.array(turn, np.float32),
    }


def fit(kind, seed=0, **changes):
    """A random pose of a model, upright and 3 m away."""
    rng = np.random.default_rng(seed)
    pose = rng.normal(0, 0.25, {"smplx": 159, "smpl": 72, "mano": 48, "flame": 6}[kind])
    pose[:3] = (3.0, 0.3, -0.2)
    fields = {
        "model": kind,
        "model_pose": pose,
        "model_shape": rng.normal(0, 0.8, 10),
        "model_expr": rng.normal(0, 0.8, 10),
        "model_trans_m": np.array([0.05, -0.1, 3.0]),
        "model_camera": CAMERA,
    }
    return fields | changes


def layer_on_targets(models, kind, targets, which="right"):
    """The mesh of the very numbers that are trained towards."""
    pose = (
        targets[f"{kind}_pose"]
        if kind != "flame"
        else torch.cat((targets["flame_root_pose"], targets["flame_jaw_pose"]), 1)
    )
    more = {"expr": targets[f"{kind}_expr"]} if kind in ("smplx", "flame") else {}
    return models.layer(kind, which)(pose, targets[f"{kind}_shape"], **more)


def mirrored(points):
    return points * points.new_tensor((-1.0, 1.0, 1.0))


def mirror_partners(models, kind):
    """Of every vertex the one that mirrors it in the rest pose, and where there is one."""
    pose = torch.zeros(1, {"smplx": 159, "flame": 6}[kind])
    rest = models.layer(kind, "neutral")(pose, torch.zeros(1, 10)).vertices_m[0]
    off, partner = cKDTree(rest.numpy()).query(mirrored(rest).numpy())
    return torch.from_numpy(partner), torch.from_numpy(off < 1e-5)


@pytest.mark.parametrize("turn", [0.0, 35.0])
@pytest.mark.parametrize("kind", ["smplx", "flame"])
def test_the_target_of_a_mirrored_sample_is_the_mirrored_mesh(models, kind, turn):
    part = {"smplx": "whole_body", "flame": "face"}[kind]
    # The mean shape; other shapes of bodies are in test_mirrored_bodies.py.
    symmetric = fit(kind, model_shape=np.zeros(10), model_expr=np.zeros(10))
    batch = batch_of([symmetric] * 2, [crop(part), crop(part, True, turn)], LAYOUTS[part])
    targets = PersonCodec(part, models).encode(batch)
    mesh = layer_on_targets(models, kind, targets, "neutral")
    plain, flipped = (v - j[:1] for v, j in zip(mesh.vertices_m, mesh.joints_m, strict=True))
    angle = torch.deg2rad(torch.tensor(turn))
    back = torch.tensor([[angle.cos(), -angle.sin(), 0], [angle.sin(), angle.cos(), 0], [0, 0, 1]])
    partner, there = mirror_partners(models, kind)
    assert there.float().mean() > 0.98
    off = (mirrored(plain)[partner] - flipped @ back.T).norm(dim=-1)[there]
    assert off.max() < 1e-3
    assert (plain - flipped @ back.T).norm(dim=-1).max() > 0.05, "the pose is not symmetric itself"
    cam = targets[f"{kind}_joint_cam"]
    swapped = mirrored(cam[0])[list(LAYOUTS[part].joints.mirror)]
    assert (swapped - cam[1] @ back.T)[: 65 if kind == "smplx" else 5].abs().max() < 1e-3


def test_the_target_of_a_left_hand_is_the_right_hand_that_looks_like_it(models):
    batch = batch_of(
        [fit("mano")] * 2, [crop("hand", True), crop("hand")], LAYOUTS["hand"], hand_types=[[0, 1], [1, 0]]
    )
    targets = PersonCodec("hand", models).encode(batch)
    left = models.mano("left")(batch["model_pose"][:1], batch["model_shape"][:1])
    right = layer_on_targets(models, "mano", targets)
    found, wanted = right.vertices_m[0] - right.joints_m[0, 0], left.vertices_m[0] - left.joints_m[0, 0]
    assert (found - mirrored(wanted)).abs().max() < 1e-4
    assert (found - wanted).abs().max() > 0.01


@pytest.mark.parametrize(("kind", "part"), [("smplx", "whole_body"), ("smpl", "body"), ("mano", "hand")])
def test_joints_poses_and_pictures_tell_the_same_also_when_mirrored_and_turned(models, kind, part):
    layout = LAYOUTS[part]
    rotation = np.array([[0.8, 0.0, 0.6], [0.0, 1.0, 0.0], [-0.6, 0.0, 0.8]])
    world = {"model_rotation": rotation, "model_translation_m": np.array([0.1, 0.0, 0.4])}
    if kind == "mano":  # small enough for its depth box
        world = {}
    # Only samples that need no symmetric model can be compared here: mirrored ones are hands.
    flips = [True, False] if kind == "mano" else [False, False]
    crops = [crop(part, flips[0], 40.0), crop(part, flips[1], -25.0)]
    sides = [[0, 1], [1, 0]] if kind == "mano" else None
    batch = batch_of([fit(kind, 1, **world), fit(kind, 2)], crops, layout, hand_types=sides)
    codec = PersonCodec(layout, models)
    targets = codec.encode(batch)
    mesh = layer_on_targets(models, kind, targets, "right" if kind == "mano" else "neutral")
    if kind == "smplx":
        joints = models.smplx().supervised(mesh.joints_m)
    else:
        joints = models.smpl().joints_33(mesh.vertices_m) if kind == "smpl" else mesh.joints_m
    off = layout.relative(joints) - targets[f"{kind}_joint_cam"]
    # SMPL's and MANO's joints come from the mesh: the root among them is not quite the one it turns about.
    assert off.abs().max() < 2e-3
    depth = layout.depth_cells(targets[f"{kind}_joint_cam"][..., 2])
    assert (depth - targets[f"{kind}_joint_img"][..., 2]).abs().max() < 1e-4
    fitted = codec.fit(batch).joints_m
    wanted = fitted[1, :, :2] / fitted[1, :, 2:] * CAMERA[:2] + CAMERA[2:]
    scale = wanted.new_tensor(
        [layout.crop_hw[1] / layout.cells_dhw[2], layout.crop_hw[0] / layout.cells_dhw[1]]
    )
    to_crop = batch["image_to_crop"][1].double()
    in_crop = wanted @ to_crop[:, :2].T + to_crop[:, 2]
    assert (targets[f"{kind}_joint_img"][1, :, :2] * scale - in_crop).abs().max() < 1e-2


def test_a_fit_in_the_world_is_what_the_camera_sees(models):
    rotation = np.array([[0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [-1.0, 0.0, 0.0]])
    shift = np.array([0.3, -0.1, 4.0])
    world = fit("smplx", model_rotation=rotation, model_translation_m=shift)
    batch = batch_of([world], [crop()], LAYOUTS["whole_body"])
    made = PersonCodec("whole_body", models).fit(batch)
    body = models.smplx()(
        batch["model_pose"], batch["model_shape"], batch["model_expr"], batch["model_trans_m"]
    )
    wanted = body.vertices_m @ torch.tensor(rotation).float().T + torch.tensor(shift).float()
    assert (made.vertices_m - wanted).abs().max() < 1e-4


def test_boxes_of_parts_follow_the_crop_and_change_sides_in_a_mirror(models):
    boxes = np.array([[220.0, 100, 260, 140], [380, 110, 430, 150], [300, 90, 340, 150]], np.float32)
    fields = {"part_boxes_xyxy_px": boxes, "part_box_valid": np.array([True, False, True])}
    crops = [crop(), crop(flip=True), crop(turn=30.0)]
    targets = PersonCodec("whole_body", models).encode(batch_of([fields] * 3, crops, LAYOUTS["whole_body"]))
    cell = np.array([384 / 6, 512 / 8])
    scale = 384 / 240
    corners = (boxes.reshape(3, 2, 2) - [200, 80]) * scale / cell
    near = lambda found, wanted: np.testing.assert_allclose(found, wanted, atol=1e-4)  # noqa: E731
    for part, (first, last) in zip(("lhand", "rhand", "face"), corners, strict=True):
        if part != "rhand":
            near(targets[f"{part}_bbox_center"][0], (first + last) / 2)
            near(targets[f"{part}_bbox_size"][0], last - first)
    assert [targets[f"{p}_bbox_valid"].tolist() for p in ("lhand", "rhand", "face")] == [
        [1.0, 0.0, 1.0],
        [0.0, 1.0, 0.0],
        [1.0, 1.0, 1.0],
    ]
    assert not targets["rhand_bbox_size"][0].any()
    near(targets["rhand_bbox_size"][1], targets["lhand_bbox_size"][0])
    near(targets["rhand_bbox_center"][1, 0], 6 - targets["lhand_bbox_center"][0, 0] - 0 / 64)
    wide, high = (corners[2, 1] - corners[2, 0]) * cell
    turned = np.array([wide * np.cos(np.pi / 6) + high / 2, high * np.cos(np.pi / 6) + wide / 2]) / cell
    near(targets["face_bbox_size"][2], turned)


def test_what_is_missing_is_zero_finite_and_masked(models):
    joints = {"joints_px": np.full((17, 2), 300.0), "joint_valid": np.ones(17, bool)}
    space = joints | {"joints_cam_mm": np.random.default_rng(0).normal((0, 0, 4000), 300, (17, 3))}
    fields = [joints, space, fit("smplx", joints_from_model=1), {}]
    batch = batch_of(fields, [crop()] * 4, LAYOUTS["whole_body"], HUMAN36M)
    targets = PersonCodec("whole_body", models).encode(batch)
    assert all(torch.isfinite(value).all() for value in targets.values())
    assert targets["is_3D"].tolist() == [0, 1, 1, 0]
    for name in ("smplx_pose", "smplx_shape", "smplx_joint_img", "smplx_joint_cam", "smplx_pose_valid"):
        assert not targets[name][[0, 1, 3]].any(), name
    assert targets["smplx_pose_valid"][2].all()
    for name in ("img", "cam", "valid", "trunc"):
        assert torch.equal(targets[f"joint_{name}"][2], targets[f"smplx_joint_{name}"][2])
        assert not targets[f"joint_{name}"][3].any()
    assert targets["joint_valid"].sum((1, 2)).tolist() == [14, 14, 137, 0]
    assert not targets["joint_img"][0, :, 2].any(), "joints without 3D have depth 0 of whole bodies"
    hip = HUMAN36M.index("left_hip")
    relative = (space["joints_cam_mm"][hip] - space["joints_cam_mm"][0]) / 1000
    np.testing.assert_allclose(targets["joint_cam"][1, 1], relative, atol=1e-6)
    assert targets["joint_img"][1, 1, 2] == pytest.approx((relative[2] / 1.0 + 1) / 2 * 8, abs=1e-5)
    of_body = PersonCodec("body", models).encode(
        batch_of([joints], [crop("body")], LAYOUTS["body"], HUMAN36M)
    )
    assert (of_body["joint_img"][0, of_body["joint_valid"][0, :, 0] > 0, 2] == 4).all()


def test_the_true_mesh_is_there_for_scoring_also_of_another_family(models):
    smpl = fit("smpl", gender=1)
    batch = batch_of([smpl], [crop(flip=True, turn=30.0)], LAYOUTS["whole_body"])
    own = {f"smpl_{name}": torch.tensor(smpl[f"model_{name}"])[None] for name in ("pose", "shape", "trans_m")}
    codec = PersonCodec("whole_body", models)
    made = codec.encode_with_mesh(batch | own)
    body = models.smpl("male")(own["smpl_pose"], own["smpl_shape"], own["smpl_trans_m"])
    assert (made["target_vertices_mm"] / 1000 - body.vertices_m).abs().max() < 1e-5
    assert made["target_vertices_valid"].all()
    assert not made["smplx_pose_valid"].any()
    neutral = PersonCodec("whole_body", models, use_gender=False).encode_with_mesh(batch | own)
    assert (neutral["target_vertices_mm"] - made["target_vertices_mm"]).abs().max() > 1
    assert codec.encode_with_mesh(batch).keys() == codec.encode(batch).keys()
    fitted = batch_of([fit("smplx")], [crop(flip=True)], LAYOUTS["whole_body"])
    same = codec.encode_with_mesh(fitted)["target_vertices_mm"]
    assert torch.equal(same, codec.mesh_mm(fitted))
    assert torch.equal(same, codec.mesh_mm(batch_of([fit("smplx")], [crop()], LAYOUTS["whole_body"])))
