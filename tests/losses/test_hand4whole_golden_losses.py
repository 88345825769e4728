"""The whole loss assembly of Hand4Whole against the reference, from the sub-networks' answers on."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from carpus.losses.hand4whole import WholeBodyL1, whole_body_terms
from carpus.nets.hand4whole import PosedBody, joints_in_body
from carpus.nets.hand4whole.posed import part_relative
from carpus.skeletons import SUPERVISION_INDEX
from golden_cases import golden_paths
from hand4whole_golden import answering_net, formula_layer, targets_of

# The README's tolerances: projected joints are known less well.
PROJECTED, ELSEWHERE = 2e-3, 2e-4
PIXELS = {"lhand": 2, "rhand": 2, "face": 2}


@pytest.fixture(scope="module", params=golden_paths("hand4whole", "losses"))
def case(request):
    golden = dict(np.load(request.param))
    net, posed = answering_net(golden), PosedBody()
    with torch.no_grad():
        outputs = net(torch.zeros(len(golden["pred_cam"]), 3, 512, 384))
        outputs |= posed(outputs, formula_layer())
        compared = posed.compared(outputs, targets_of(golden))
    return golden, net, outputs, compared


def close(found, expected, tolerance):
    expected = torch.from_numpy(np.asarray(expected))
    torch.testing.assert_close(found.double(), expected.double(), atol=tolerance, rtol=0)


def test_loss_maps(case):
    golden, _, _, compared = case
    terms = whole_body_terms()
    assert [f"loss_{name}" for name in terms] == [k for k in golden if k[5:] in terms and k[:5] == "loss_"]
    total = 0.0
    for (name, term), mean in zip(terms.items(), golden["loss_means"], strict=True):
        found = term(*compared)
        close(found, golden[f"loss_{name}"], PROJECTED if name == "joint_proj" else ELSEWHERE)
        assert float(found.mean()) == pytest.approx(float(mean), rel=1e-4), name
        assert WholeBodyL1(name)(*compared) == found.mean()
        total += float(found.mean())
    assert total == pytest.approx(float(golden["loss_total"]), rel=1e-4)


def test_what_the_body_rotation_net_receives(case):
    golden, net, _, _ = case
    _, _, left, left_knuckles, _, right_knuckles = net.body_rotation_net.asked
    close(left, golden["rotnet_lhand_feat"], 1e-6)
    close(left_knuckles, golden["rotnet_lhand_mcp"], 1e-6)
    close(right_knuckles, golden["rotnet_rhand_mcp"], 1e-6)


def test_boxes_that_are_cut_out(case):
    golden, net, outputs, _ = case
    cut = [*net.hand_roi_net.asked[1:], net.face_roi_net.asked[1]]
    for (part, scale), box in zip(PIXELS.items(), cut, strict=True):
        close(outputs[f"{part}_bbox"], golden[f"roi_{part}_bbox_body_px"], 1e-3)
        close(box / scale, golden[f"roi_{part}_bbox_body_px"], 1e-3)
        close(box, golden[f"test_{part}_bbox"], 2e-3)
    assert not outputs["thin_boxes"].any()


def test_outputs(case):
    golden, net, outputs, _ = case
    for name in ("root", "body", "lhand", "rhand", "jaw"):
        close(outputs[f"{name}_pose"], golden[f"test_smplx_{name}_pose"], ELSEWHERE)
    close(outputs["shape"], golden["test_smplx_shape"], 1e-6)
    close(outputs["expr"], golden["test_smplx_expr"], 1e-6)
    close(outputs["cam_trans"], golden["test_cam_trans"], ELSEWHERE)
    close(outputs["cam_trans"], golden["cam_trans"], ELSEWHERE)
    close(joints_in_body(outputs["joint_img"], outputs, net.sizes), golden["test_joint_img"], ELSEWHERE)
    close(outputs["vertices_m"][:, ::25], golden["test_smplx_mesh_cam"], ELSEWHERE)
    for key in ("test_smplx_joint_proj", "get_coord_joint_proj"):
        close(outputs["joint_proj"], golden[key], PROJECTED)
    close(outputs["joint_proj_144"], golden["test_agora_joint_proj_144"], PROJECTED)
    close(outputs["joint_cam"], golden["get_coord_joint_cam"], ELSEWHERE)
    assert outputs["joint_proj"].equal(outputs["joint_proj_144"][:, SUPERVISION_INDEX])


def test_comparing_changes_nothing_in_place(case):
    golden, _, outputs, _ = case
    targets, before = targets_of(golden), outputs["joint_proj"].clone()
    PosedBody().compared(outputs, targets)
    assert all(value.equal(targets_of(golden)[name]) for name, value in targets.items())
    assert outputs["joint_proj"].equal(before)


def test_parts_hang_on_their_roots(case):
    _, _, outputs, _ = case
    joints = torch.randn(2, 137, 3)
    moved = joints + torch.randn(2, 1, 3)
    torch.testing.assert_close(part_relative(joints), part_relative(moved))
    about = part_relative(joints)
    torch.testing.assert_close(about[:, 30] + about[:, 12], joints[:, 30] - joints[:, 0])
    torch.testing.assert_close(about[:, 50] + about[:, 13], joints[:, 50] - joints[:, 0])
    torch.testing.assert_close(about[:, 70] + about[:, 7], joints[:, 70] - joints[:, 0])
    assert not outputs["joint_cam"][:, 0].any()
