"""All stages together: what they hand on, what is frozen, the hand model, half precision."""

from __future__ import annotations

import pytest
import torch

from carpus.errors import ConfigError, DataError
from carpus.geometry.uvd import UvdBox
from carpus.nets.backbones.features import feature_maps
from carpus.nets.handflow2d import FlowSeed, HandFlowNet, LiftNet, SeedNet, SIKNet, sik_hand, sik_net
from carpus.nets.handflow2d.kinematics import ROOT, reference_bone, shape_of
from carpus.skeletons import SNAP

PX = 64
MANO_TO_SNAP = [0, 13, 14, 15, 16, 1, 2, 3, 17, 4, 5, 6, 18, 10, 11, 12, 19, 7, 8, 9, 20]
MANO_TIPS = [745, 317, 444, 556, 673]


@pytest.fixture(scope="module")
def hand(tmp_path_factory):
    return sik_hand(tmp_path_factory.mktemp("bodies"), standin=True)


def image():
    return torch.randn(2, 3, PX, PX)


def infos():
    intr = torch.tensor([[300.0, 0, 128], [0, 300, 128], [0, 0, 1]]).repeat(2, 1, 1)
    root, bone = torch.tensor([[0.0, 0.0, 0.5]] * 2), torch.tensor([[0.1]] * 2)
    return {"joint_root": root, "joint_bone": bone, "intr": intr}


def small(sik=None, **options):
    return HandFlowNet(SeedNet(channels=8), LiftNet(cells=(4, 8), channels=8), sik, **options)


def test_outputs_of_each_stage(hand):
    seed, lift, whole = HandFlowNet(SeedNet(channels=8)), small(), small(SIKNet(hand))
    assert set(seed(image())) == {"l_hm", "l_mask", "enc"}
    outputs = whole(image(), infos())
    assert set(outputs) - set(lift(image(), infos())) == {
        *("quat", "beta", "so3", "jointRS", "vertsRS", "joint_bone")
    }
    shapes = {
        "quat": (2, 16, 4),
        "beta": (2, 10),
        "so3": (2, 48),
        "jointRS": (2, 21, 3),
        "vertsRS": (2, 778, 3),
    }
    assert {name: tuple(outputs[name].shape) for name in shapes} == shapes
    assert [tuple(x.shape) for x in outputs["l_joint"]] == [(2, 21, 3)] * 2
    assert [x.shape[1] for x in outputs["l_hm"] + outputs["l_mask"]] == [21, 21, 1, 1]
    known = infos()
    placed = UvdBox().to_camera(outputs["l_uvd"][1], *known.values())
    torch.testing.assert_close(outputs["l_joint"][1], placed)
    assert all((dep >= 0).all() for dep in outputs["l_dep"])


def test_lifting_works_without_infos_but_says_what_camera_space_needs():
    net = small()
    assert "l_joint" not in net(image())
    with pytest.raises(ValueError, match="infos lacks joint_bone, intr; it has joint_root"):
        net(image(), {"joint_root": torch.zeros(2, 3)})


@pytest.mark.parametrize("name", ["resnet18", "deit_tiny_distilled_patch16_224"])
def test_lifting_follows_a_flow_seed(name):
    maps = feature_maps(name, PX, blocks=1) if name.startswith("deit") else feature_maps(name)
    net = HandFlowNet(FlowSeed(maps, PX, steps=1, map_px=16, enc_channels=8), LiftNet(cells=(4,), channels=8))
    outputs = net(image(), infos())
    outputs["l_joint"][-1].square().sum().backward()
    assert net.seednet.enc.weight.grad is not None
    assert "l_ff" in outputs
    assert "l_ff" not in net.eval()(image(), nll=False)


def test_features_nobody_reads_ask_for_no_gradient():
    net = HandFlowNet(FlowSeed(feature_maps("resnet18"), PX, steps=1, map_px=16, enc_channels=8))
    outputs = net(image())
    (outputs["l_hm"][0].sum() + outputs["l_mask"][0].sum() + outputs["l_ff"]).backward()
    assert [name for name, p in net.named_parameters() if p.requires_grad and p.grad is None] == []


def test_frozen_stages_do_not_change(hand):
    net = small(SIKNet(hand), frozen=("seed", "lift")).train()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    optimizer = torch.optim.SGD([p for p in net.parameters() if p.requires_grad], 0.1)
    outputs = net(image(), infos())
    assert not outputs["l_joint"][-1].requires_grad
    outputs["jointRS"].square().sum().backward()
    optimizer.step()
    changed = {
        name.split(".")[0] for name, value in net.state_dict().items() if (value != before[name]).any()
    }
    assert changed == {"siknet"}
    assert not net.liftnet.training
    assert not small(frozen=("seed",)).train(True).seednet.training


def test_a_frozen_stage_lets_gradients_through_to_an_earlier_one():
    net = small(frozen=("lift",))
    net(image(), infos())["l_joint"][-1].sum().backward()
    assert all(p.grad is None for p in net.liftnet.parameters())
    assert net.seednet.conv1.weight.grad.abs().sum() > 0


def test_stages_are_made_only_if_asked_for(tmp_path):
    def sik():
        return sik_net(tmp_path)

    net = HandFlowNet(
        SeedNet(channels=8), lambda: LiftNet(cells=(4,), channels=8), sik, stages=["lift", "seed"]
    )
    assert (net.stages, net.siknet) == (("seed", "lift"), None)
    with pytest.raises(DataError, match=r"MANO_RIGHT\.pkl.*mano\.is\.tue\.mpg\.de"):
        HandFlowNet(SeedNet(channels=8), LiftNet(channels=8), sik)
    with pytest.raises(ConfigError, match="not None"):
        HandFlowNet(SeedNet(channels=8), stages=["seed", "lift"])
    with pytest.raises(ConfigError, match="each stage works on"):
        HandFlowNet(SeedNet(channels=8), sik=sik)
    with pytest.raises(ConfigError, match="did you mean 'lift'"):
        HandFlowNet(SeedNet(channels=8), stages=["seed", "lft"])
    with pytest.raises(ConfigError, match="only what is there can be frozen"):
        HandFlowNet(SeedNet(channels=8), frozen=["lift"])
    with pytest.raises(ConfigError, match="21 joints, this network finds 14"):
        HandFlowNet(SeedNet(14, channels=8), LiftNet(14, channels=8), SIKNet())
    with pytest.raises(ConfigError, match="21 heat maps and 8 features"):
        HandFlowNet(SeedNet(channels=8), LiftNet(channels=16))


def test_hand_model_is_manos_right_hand_in_snap_order(hand):
    torch.manual_seed(1)
    so3, beta = 0.3 * torch.randn(3, 48), torch.randn(3, 10)
    joints, vertices = SIKNet(hand).pose(so3, beta)
    made = hand.layer(global_orient=so3[:, :3], hand_pose=so3[:, 3:], betas=beta, transl=torch.zeros(3, 3))
    expected = torch.cat((made.joints[:, :16], made.vertices[:, MANO_TIPS]), 1)[:, MANO_TO_SNAP]
    root, size = expected[:, 9:10], (expected[:, 9] - expected[:, 0]).norm(dim=-1)[:, None, None]
    torch.testing.assert_close(joints, (expected - root) / size, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(vertices, (made.vertices - root) / size, atol=1e-5, rtol=1e-5)


def test_pose_of_zero_quaternion_angles_is_the_flat_hand_turned_by_the_first(hand):
    net = SIKNet(hand)
    flat, _ = net.pose(torch.zeros(1, 48), torch.zeros(1, 10))
    quarter = torch.zeros(1, 48)
    quarter[0, 2] = torch.pi / 2
    turned, _ = net.pose(quarter, torch.zeros(1, 10))
    torch.testing.assert_close(turned[..., 0], -flat[..., 1], atol=1e-5, rtol=0)
    torch.testing.assert_close(turned[..., 1], flat[..., 0], atol=1e-5, rtol=0)


def test_hand_model_moves_along_but_is_never_saved(hand, tmp_path):
    net = SIKNet(sik_hand(tmp_path, standin=True))
    assert len(net.state_dict()) == 26
    assert list(net.state_dict()) == list(SIKNet().state_dict())
    net.double()
    assert net.hand.layer.v_template.dtype == torch.float64
    with pytest.raises(ConfigError, match=r"MANO_RIGHT\.pkl"):
        SIKNet()(torch.rand(1, 21, 3))
    assert not [name for name, _ in HandFlowNet(SeedNet(channels=8)).named_modules() if "sik" in name]


def test_shape_of_a_hand_has_neither_place_nor_size():
    torch.manual_seed(2)
    joints = torch.rand(4, 21, 3).double()
    shape = shape_of(joints, eps=0.0)
    other = shape_of(1000 * joints + torch.tensor([5.0, -3.0, 700.0]), eps=0.0)
    for one, two in zip(shape[:3], other[:3], strict=True):
        torch.testing.assert_close(one, two, atol=1e-9, rtol=1e-9)
    torch.testing.assert_close(other.bone, 1000 * reference_bone(joints))
    assert (shape.joints[:, ROOT] == 0).all()
    torch.testing.assert_close(shape.joints[:, SNAP.root].norm(dim=-1), torch.ones(4).double())
    torch.testing.assert_close(
        shape.chain[:, 4] * shape.lengths[:, 4], shape.joints[:, 5] - shape.joints[:, 0]
    )
    collapsed = shape_of(torch.zeros(1, 21, 3))
    assert all(torch.isfinite(part).all() for part in collapsed)


def test_half_precision_keeps_places_and_likelihood_exact(hand):
    seed = FlowSeed(feature_maps("resnet18"), PX, steps=2, map_px=16, enc_channels=8)
    net = HandFlowNet(seed, LiftNet(cells=(4, 8), channels=8), SIKNet(hand)).eval()
    picture, known = image(), infos()
    with torch.no_grad():
        exact = net(picture, known)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            rounded = net(picture, known)
    for name in ("l_ff", "so3", "jointRS"):
        assert rounded[name].dtype == torch.float32
    assert rounded["l_uvd"][-1].dtype == rounded["l_joint"][-1].dtype == torch.float32
    torch.testing.assert_close(rounded["l_ff"], exact["l_ff"], rtol=0.01, atol=0)
