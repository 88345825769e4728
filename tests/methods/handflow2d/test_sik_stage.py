"""The hand-model stage alone: what it is given, what it learns from, where its weights go."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
import torch

from carpus.engine.build import build_module
from carpus.engine.checkpoints import load_weights
from carpus.engine.config import compose_config
from carpus.errors import ConfigError
from carpus.geometry.rotations import axis_angle_to_quaternion
from carpus.methods.handflow2d.sik_net import SikAlone
from carpus.methods.handflow2d.sik_turns import turn_errors_deg
from carpus.nets.handflow2d import HandFlowNet, LiftNet, SeedNet, SIKNet, sik_hand
from carpus.synthetic.sik import as_found, relative, sample_hands, sample_shapes
from carpus.types import Batch

PLACE = torch.tensor([0.0, 0.0, 600.0])


@pytest.fixture(scope="module")
def hands():
    """Six stand-in hands: joints about the root in metres, rotations, and joints as a network finds them."""
    made = sample_hands(sample_shapes(3, 0, "test"), 6, np.random.default_rng(0))
    true = relative(made.joints_m)
    return true, made.quat, as_found(true, "rhd", np.random.default_rng(1))


def batch_of(hands, **more) -> Batch:
    true = torch.from_numpy(hands[0])
    tensors = {
        "joints_cam_mm": 1000 * true + PLACE,
        "joint_valid": torch.ones(true.shape[:2], dtype=torch.bool),
        "center_mm": PLACE.expand(len(true), 3),
    }
    return Batch([str(i) for i in range(len(true))], {**tensors, **more})


def stage(name, *overrides):
    dataset = {"sik_pretrain": "sik1m_synthetic", "sik_offline": "sik_offline_synthetic"}[name]
    return build_module(compose_config([f"method=handflow2d/{name}", f"dataset={dataset}", *overrides]))


def learn(module, batch, steps, rate):
    torch.manual_seed(0)
    optimizer = torch.optim.Adam((p for p in module.net.parameters() if p.requires_grad), rate)
    module.train()
    for _ in range(steps):
        prepared = module._prepare(batch)
        terms = module.losses(module(prepared), prepared)
        optimizer.zero_grad()
        sum(module.terms[name].weight * value for name, value in terms.items()).backward()
        optimizer.step()
    module.eval()
    return module._prepare(batch), {name: float(value.detach()) for name, value in terms.items()}


def error_mm(module, prepared):
    with torch.no_grad():
        found = module.decode(module(prepared), prepared).joints_cam_mm
    return float((found - prepared["joints_cam_mm"]).norm(dim=-1).mean())


def test_pretraining_learns_rotations_without_posing_a_hand(hands, monkeypatch):
    module = stage("sik_pretrain")
    batch = batch_of(hands, quat=torch.from_numpy(hands[1]))
    before = error_mm(module.eval(), module._prepare(batch))
    shape_before = [p.clone() for p in module.net.siknet.shapereg_layers.parameters()]
    monkeypatch.setattr(SIKNet, "pose", lambda *_: pytest.fail("a hand was posed"))
    prepared, terms = learn(module, batch, 120, 1e-3)
    monkeypatch.undo()
    assert set(terms) == {"quat_norm", "quat_l2", "quat_cos"}
    assert terms["quat_cos"] < 0.1
    assert error_mm(module, prepared) < 0.85 * before
    for old, new in zip(shape_before, module.net.siknet.shapereg_layers.parameters(), strict=True):
        assert torch.equal(old, new)
        assert new.grad is None
    assert not module(prepared)["beta"].any()


def test_offline_training_brings_found_joints_to_the_truth(hands):
    module = stage("sik_offline")
    found = torch.from_numpy(hands[2])
    prepared, terms = learn(module, batch_of(hands, joints_found_m=found), 60, 5e-4)
    assert set(terms) == {"quat_norm", "sik_joint", "shape_reg", "kin_len"}
    apart = 1000 * float((found - torch.from_numpy(hands[0])).norm(dim=-1).mean())
    assert error_mm(module, prepared) < 0.7 * apart
    assert all(p.grad is not None for p in module.net.parameters())


def test_targets_are_those_of_the_whole_network(hands):
    module = stage("sik_offline")
    prepared = module._prepare(batch_of(hands, joints_found_m=torch.from_numpy(hands[2])))
    true = torch.from_numpy(hands[0])
    bone = (true[:, 9] - true[:, 0]).norm(dim=-1, keepdim=True)
    torch.testing.assert_close(prepared["bone_mm"], 1000 * bone, rtol=1e-5, atol=1e-3)
    torch.testing.assert_close(prepared["joints_rs_target"], true / bone[:, None], rtol=1e-4, atol=1e-5)
    # Found joints stay about the root that was given, wherever the network put it.
    found = torch.from_numpy(hands[2])
    own = (found[:, 9] - found[:, 0]).norm(dim=-1)[:, None, None]
    torch.testing.assert_close(prepared["given_joints"], found / own)
    link = prepared["given_joints"][:, 1] - prepared["given_joints"][:, 0]
    chain = link / (link.norm(dim=-1, keepdim=True) + 1e-4)
    torch.testing.assert_close(prepared["given_chain"][:, 0], chain)


def test_the_stage_says_what_it_says_within_the_whole_network(hands):
    whole = SIKNet(sik_hand("nowhere", standin=True)).eval()
    module = stage("sik_offline", "method.module.epsilon=1e-5").eval()
    module.net.siknet.load_state_dict(whole.state_dict())
    found, root = torch.from_numpy(hands[2]), torch.tensor([0.1, -0.2, 0.5])
    with torch.no_grad():
        outputs = module(module._prepare(batch_of(hands, joints_found_m=found)))
        expected = whole(found + root, root.expand(len(found), 3))
    for name in ("quat", "beta", "so3", "jointRS", "vertsRS"):
        torch.testing.assert_close(outputs[name], expected[name], rtol=1e-3, atol=2e-4)


def test_weights_have_the_names_of_the_whole_network():
    module = stage("sik_offline")
    small = partial(LiftNet, cells=(2,), channels=8)
    whole = torch.nn.Module()
    whole.net = HandFlowNet(SeedNet(channels=8, stacks=1), small, SIKNet())
    problems = load_weights(whole, module.state_dict(), "a run")
    assert {name.split(".")[1] for name, _ in problems} == {"seednet", "liftnet"}
    assert all(why == "missing in the file" for _, why in problems)
    for name, value in module.net.siknet.state_dict().items():
        assert torch.equal(whole.net.siknet.state_dict()[name], value)
    assert sum(p.numel() for p in module.net.parameters()) == 2_749_130


def test_what_is_watched(hands):
    module = stage("sik_pretrain").eval()
    quat = torch.from_numpy(hands[1])
    for turn in (0.3, 0.5):
        turned = axis_angle_to_quaternion(torch.tensor([0.0, turn, 0.0]))
        target = turned.expand_as(quat)
        still = torch.tensor([1.0, 0, 0, 0]).expand_as(quat)
        module.watch("val", {"quat": -2 * still}, Batch(["a"] * 6, {"quat_target": target}))
    told = module.watched("val")
    assert told == {"standin_hand": 1.0, "rotation_error_deg": pytest.approx(np.degrees(0.4), rel=1e-6)}
    assert module.watched("val") == {"standin_hand": 1.0}


def test_turns_do_not_mind_the_sign_or_the_length_of_a_quaternion():
    quat = torch.randn(50, 4)
    assert float(turn_errors_deg(-3 * quat, quat).max()) < 1e-3
    turn = axis_angle_to_quaternion(torch.tensor([[0.0, 0.0, torch.pi / 3]]))
    assert float(turn_errors_deg(turn, torch.tensor([[1.0, 0, 0, 0]]))) == pytest.approx(60, abs=1e-4)


def test_signals_pass_all_layers_unless_published_beginnings_are_wanted():
    joints, chain = torch.randn(64, 21, 3), torch.randn(64, 20, 3)
    spread = {}
    for init in ("kaiming", "torch"):
        with torch.no_grad():
            quat = SikAlone(SIKNet(), init=init)(joints, chain, pose=False)["quat"]
        spread[init] = float(quat.std(0).mean())
    assert spread["kaiming"] > 30 * spread["torch"]
    with pytest.raises(ConfigError, match="did you mean 'kaiming'"):
        SikAlone(SIKNet(), init="kaming")
