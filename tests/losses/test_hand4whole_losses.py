"""Losses of Hand4Whole and Pose2Pose on hand-made batches: masks, odd targets, the single parts."""

from __future__ import annotations

import pytest
import torch

from carpus.errors import ConfigError
from carpus.losses.hand4whole import WholeBodyL1, absolute, rotation_map, whole_body_terms
from carpus.losses.pose2pose import MODELS, PartL1, part_terms
from carpus.nets.hand4whole import (
    PersonSizes,
    Pose2PoseBody,
    Pose2PoseFace,
    Pose2PoseHand,
    ResNet,
    posed_part,
    projection_in_boxes,
    targets_in_boxes,
)
from carpus.nets.hand4whole.rotation import matrix_from_axis_angle
from carpus.skeletons import BODY_25, SMPL_33

MAKE = {"body": Pose2PoseBody, "hand": Pose2PoseHand, "face": Pose2PoseFace}
JOINTS = {"body": 33, "hand": 21, "face": 73}


def test_masked_targets_may_be_anything_and_dilute():
    found = torch.ones(2, 3, requires_grad=True)
    target = torch.tensor([[0.0, torch.nan, torch.inf], [3.0, 0.0, torch.nan]])
    values = absolute(found, target, torch.tensor([[1, 0, 0], [1, 1, 0]]))
    assert values.tolist() == [[1, 0, 0], [2, 1, 0]]
    values.mean().backward()
    torch.testing.assert_close(found.grad, torch.tensor([[1.0, 0, 0], [-1, 1, 0]]) / 6)


def test_the_matrix_loss_does_not_jump_at_half_a_turn():
    axis = torch.nn.functional.normalize(torch.randn(1, 5, 3), dim=-1)
    one, other = axis * 3.1415, -axis * 3.1415
    valid = torch.ones(1, 15)
    far = absolute(one.flatten(1), other.flatten(1), valid)
    near = rotation_map(matrix_from_axis_angle(one), other.flatten(1), valid)
    assert far.mean() > 1
    assert near.mean() < 1e-3
    assert near.shape == (1, 5, 3, 3)
    nothing = rotation_map(matrix_from_axis_angle(one), torch.full((1, 15), torch.nan), torch.zeros(1, 15))
    assert not nothing.any()


def test_hands_outside_their_box_cost_nothing():
    sizes = PersonSizes()
    joints = torch.rand(1, 137, 3) * 5
    targets = {f"{k}joint_img": joints for k in ("", "smplx_")}
    targets |= {f"{k}joint_trunc": torch.ones(1, 137, 1) for k in ("", "smplx_")}
    box = torch.tensor([[0.0, 0.0, 96.0, 96.0]])
    moved = targets_in_boxes(targets, {"lhand_bbox": box, "rhand_bbox": box}, sizes)
    inside = (joints[0, 25:65, :2] < 3).all(-1)
    assert torch.equal(moved["joint_trunc"][0, 25:65, 0].bool(), inside)
    assert moved["joint_trunc"][0, :25].all()
    assert moved["joint_trunc"][0, 65:].all()
    torch.testing.assert_close(moved["joint_img"][:, 25:65, :2], joints[:, 25:65, :2] * 8 / 3)
    torch.testing.assert_close(moved["joint_img"][..., 2], joints[..., 2])


@pytest.mark.parametrize("box", [[9.0, 9, 9, 9], [50.0, 60, 40, 30], [torch.nan] * 4])
def test_a_degenerate_box_leaves_the_other_joints_alone(box):
    sizes, boxes = PersonSizes(), {f"{hand}_bbox": torch.tensor([box]) for hand in ("lhand", "rhand")}
    targets = {f"{k}joint_img": torch.full((1, 137, 3), 3.0) for k in ("", "smplx_")}
    targets |= {f"{k}joint_trunc": torch.ones(1, 137, 1) for k in ("", "smplx_")}
    moved = targets_in_boxes(targets, boxes, sizes)
    assert not moved["joint_trunc"][:, 25:65].any()
    proj = torch.rand(1, 137, 2, requires_grad=True)
    outputs = {"joint_proj": projection_in_boxes(proj, moved, boxes, sizes)}
    loss = whole_body_terms()["joint_proj"](outputs, moved)
    assert loss.isfinite().all()
    loss[:, :25].sum().backward()
    assert proj.grad[:, :25].all()


def test_unknown_names_are_refused():
    with pytest.raises(ConfigError, match="did you mean 'joint_cam'"):
        WholeBodyL1("joint_cm")
    with pytest.raises(ConfigError, match="unknown rot_loss 'l2'"):
        WholeBodyL1("smplx_pose", "l2")
    with pytest.raises(ConfigError, match="unknown part 'foot'"):
        PartL1("foot", "joint_img")
    with pytest.raises(ConfigError, match="unknown loss term 'mano_pose'"):
        PartL1("body", "mano_pose")


def layer(joints):
    """A body model whose joints depend on every number."""

    def call(**parameters):
        flat = torch.cat(list(parameters.values()), 1)
        waves = torch.sin(torch.arange(flat.shape[1] * joints * 3.0).view(flat.shape[1], -1))
        points = (flat @ waves).unflatten(1, (joints, 3)) * 0.01
        return points, points

    return call


def targets(part, count):
    model, joints, one = MODELS[part], JOINTS[part], torch.ones(count)
    made = {"is_3D": torch.tensor([1.0, 0.0])[:count]}
    for kind in ("", f"{model}_"):
        made |= {f"{kind}joint_{unit}": torch.rand(count, joints, 3) for unit in ("img", "cam")}
        made |= {f"{kind}joint_{mask}": torch.ones(count, joints, 1) for mask in ("valid", "trunc")}
    widths = {"body": {"pose": 72}, "hand": {"pose": 48}, "face": {"expr": 10}}[part]
    for name, width in {"shape": 10, **widths}.items():
        made |= {f"{model}_{name}": torch.rand(count, width), f"{model}_{name}_valid": one}
    if part == "face":
        for name in ("root", "jaw"):
            made |= {f"flame_{name}_pose": torch.rand(count, 3), f"flame_{name}_pose_valid": one}
    else:
        made[f"{model}_pose_valid"] = torch.ones(count, widths["pose"])
    return made


@pytest.mark.parametrize("rot_loss", ["l1", "matrix"])
@pytest.mark.parametrize("part", MAKE)
def test_single_parts_are_trained_by_their_terms(part, rot_loss):
    options = {"image_hw": (64, 32)} | ({} if part == "face" else {"features": 4})
    net = MAKE[part](ResNet("resnet10", width=2, init_std=None), **options)
    outputs = net(torch.rand(2, 3, 64, 32))
    model = MODELS[part]
    pose = {"body": ["body_pose"], "hand": ["hand_pose"], "face": ["jaw_pose", "expr"]}[part]
    named = {name: outputs[name] for name in ("root_pose", *pose, "shape", "cam_trans")}
    outputs |= posed_part(named, layer(JOINTS[part]), net.camera)
    batch = targets(part, 2)
    terms = part_terms(part, rot_loss)
    assert len(terms) == 7
    values = {name: term(outputs, batch) for name, term in terms.items()}
    assert all(PartL1(part, name, rot_loss)(outputs, batch) == v.mean() for name, v in values.items())
    assert not values["joint_cam"][1].any()
    assert values[f"{model}_joint_cam"][1].all()
    if part != "face":
        assert values["joint_img"].shape == (2, {"body": 25, "hand": 21}[part], 3)
        assert values["joint_img"][1, :, :2].all()
        assert not values["joint_img"][1, :, 2].any()
    sum(value.mean() for value in values.values()).backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in net.parameters())


def test_body_joints_are_taken_by_name():
    places = [SMPL_33.index(joint) for joint in BODY_25.joints]
    batch = targets("body", 1)
    outputs = {"joint_img": batch["joint_img"][:, places]}
    assert not part_terms("body")["joint_img"](outputs, batch).any()


def test_the_hands_of_a_body_alone_stay_at_rest():
    outputs = Pose2PoseBody(ResNet("resnet10", width=2), image_hw=(64, 32), features=4)(
        torch.rand(2, 3, 64, 32)
    )
    assert outputs["smpl_pose"].shape == (2, 72)
    assert not outputs["smpl_pose"][:, 66:].any()
    assert outputs["smpl_pose"][:, :66].any()


def test_trained_on_agora_alone_a_part_moves_the_camera_only():
    joints = torch.rand(1, 3, 3, requires_grad=True)
    camera = Pose2PoseHand(ResNet("resnet10", width=1), features=1).camera
    trans = torch.tensor([[0.0, 0.0, 3.0]], requires_grad=True)
    posed_part({"cam_trans": trans}, lambda: (joints, joints), camera, True)["joint_proj"].sum().backward()
    assert joints.grad is None
    assert trans.grad.any()
