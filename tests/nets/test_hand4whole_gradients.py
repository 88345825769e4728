"""Which loss trains which part of Hand4Whole: only the published paths carry a gradient."""

from __future__ import annotations

import pytest
import torch

from carpus.losses.hand4whole import whole_body_terms
from carpus.nets.hand4whole import PosedBody
from hand4whole_golden import moved_net

PARTS = {
    "backbone": "backbone.",
    "body_joints": "body_position_net.",
    "boxes": "box_net.",
    "hands": "hand_roi_net.",
    "hand_joints": "hand_position_net.",
    "fingers": "hand_rotation_net.",
    "root": "body_rotation_net.root_pose_out.",
    "body": "body_rotation_net.body_pose_out.",
    "knuckles": "body_rotation_net.lhand_conv.",
    "shape": "body_rotation_net.shape_out.",
    "camera": "body_rotation_net.cam_out.",
    "face": "face_roi_net.",
    "expr": "face_regressor.expr_out.",
    "jaw": "face_regressor.jaw_pose_out.",
}
POSE = {"root", "body", "fingers", "jaw"}
SURFACE = {*POSE, "backbone", "knuckles", "shape", "hands", "face", "expr"}
BOXES = {"backbone", "boxes"}
PROJECTED = {*SURFACE, "camera"}
FOUND = {"backbone", "body_joints", "hands", "hand_joints"}
TRAINED = {
    "smplx_pose": {*POSE, "backbone", "knuckles", "hands", "face"},
    "smplx_shape": {"backbone", "shape"},
    "smplx_expr": {"face", "expr"},
    "joint_cam": SURFACE,
    "smplx_joint_cam": SURFACE,
    "lhand_bbox": BOXES,
    "rhand_bbox": BOXES,
    "face_bbox": BOXES,
    "joint_proj": PROJECTED,
    "joint_img": FOUND,
    "smplx_joint_img": FOUND,
}


def layer(**parameters):
    """A body model in which every joint depends on every parameter in another way."""
    flat = torch.cat(list(parameters.values()), 1)
    waves = torch.sin(torch.arange(flat.shape[1] * 432.0).view(flat.shape[1], 432) * 0.7)
    joints = 0.1 * torch.tanh(flat @ waves).unflatten(1, (144, 3))
    return joints, joints[:, :10]


@pytest.fixture(scope="module")
def net():
    return moved_net(3)


def batch(count=3):
    one = torch.ones(count)
    targets = {"is_3D": one, "smplx_pose": torch.rand(count, 159), "smplx_pose_valid": torch.ones(count, 159)}
    for kind in ("", "smplx_"):
        targets |= {
            f"{kind}joint_img": torch.rand(count, 137, 3) * 3,
            f"{kind}joint_cam": torch.rand(count, 137, 3),
            f"{kind}joint_valid": torch.ones(count, 137, 1),
            f"{kind}joint_trunc": torch.ones(count, 137, 1),
        }
    for name in ("smplx_shape", "smplx_expr"):
        targets |= {name: torch.rand(count, 10), f"{name}_valid": one}
    for part in ("lhand", "rhand", "face"):
        targets |= {f"{part}_bbox_{kind}": torch.rand(count, 2) for kind in ("center", "size")}
        targets[f"{part}_bbox_valid"] = one
    return targets


def trained_by(net, names, posed=None):
    """Parts with a gradient other than 0 of the sum of some terms."""
    posed = posed or PosedBody(net.sizes)
    net.zero_grad(set_to_none=True)
    outputs = net(torch.rand(3, 3, *net.sizes.crop_hw))
    compared = posed.compared({**outputs, **posed(outputs, layer)}, batch())
    terms = whole_body_terms()
    sum(terms[name](*compared).mean() for name in names).backward()
    grads = {name: p.grad for name, p in net.named_parameters() if p.grad is not None and p.grad.any()}
    assert all(grad.isfinite().all() for grad in grads.values())
    return {part for part, start in PARTS.items() if any(name.startswith(start) for name in grads)}


@pytest.mark.parametrize("name", TRAINED)
def test_a_term_trains(net, name):
    assert trained_by(net, [name]) == TRAINED[name]


def test_no_hand_or_face_term_moves_a_box(net):
    others = [name for name in TRAINED if not name.endswith("bbox")]
    assert "boxes" not in trained_by(net, others)


def test_no_rotation_term_moves_a_joint(net):
    rotations = ["smplx_pose", "joint_cam", "smplx_joint_cam", "joint_proj"]
    assert not {"body_joints", "hand_joints"} & trained_by(net, rotations)


def test_trained_on_agora_alone_the_projection_moves_the_camera_only(net):
    alone = PosedBody(net.sizes, camera_only=True)
    assert trained_by(net, ["joint_proj"], alone) == {"camera", "backbone"}
    assert trained_by(net, ["joint_cam"], alone) == SURFACE


def test_every_parameter_is_trained(net):
    trained_by(net, TRAINED)
    assert all(p.grad is not None for p in net.parameters())


def test_the_shift_of_hands_takes_part(net):
    # The sum of a shifted part's differences does not depend on where the part as a whole lies.
    posed = PosedBody(net.sizes)
    targets, proj = batch(), torch.rand(3, 137, 2, requires_grad=True)
    boxes = {f"{hand}_bbox": torch.tensor([[0.0, 0, 90, 90]]).repeat(3, 1) for hand in ("lhand", "rhand")}
    outputs = {**boxes, "joint_proj": proj, "cam_trans": torch.zeros(3, 3)}
    found, moved = posed.compared(outputs, targets)
    whole_body_terms()["joint_proj"](found, moved)[:, 65:].sum().backward()
    assert proj.grad[:, 65:].any()
    torch.testing.assert_close(proj.grad[:, 65:].sum(1), torch.zeros(3, 2), atol=1e-4, rtol=0)
