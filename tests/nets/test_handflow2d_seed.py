"""First stages: what learns, what stays, heads, sizes, what is refused."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from carpus.errors import ConfigError
from carpus.nets.backbones.features import feature_maps
from carpus.nets.flows import normalise_nll
from carpus.nets.handflow2d import CsFlowSeed, FlowSeed, LiftNet, SeedNet

PX = 64


def flow_seed(name="resnet18", **options):
    return FlowSeed(feature_maps(name), PX, **({"steps": 2, "map_px": 16} | options))


def image(batch=2):
    return torch.randn(batch, 3, PX, PX)


def learnt(net):
    return {name for name, p in net.named_parameters() if p.grad is not None}


def test_hourglasses_start_by_hes_rule():
    for net in (SeedNet(channels=64), LiftNet(cells=(4, 4), channels=64)):
        scales = [
            (m.weight.std() * math.sqrt(m.weight[0].numel() / 2)).item()
            for m in net.modules()
            if isinstance(m, nn.Conv2d) and m.weight.numel() > 4000
        ]
        assert scales
        assert all(0.9 < scale < 1.1 for scale in scales)


def test_a_backbone_keeps_the_weights_it_came_with():
    backbone = feature_maps("resnet18")
    before = {name: value.clone() for name, value in backbone.state_dict().items()}
    for name, value in FlowSeed(backbone, PX, steps=1).feature_extractor.state_dict().items():
        torch.testing.assert_close(value, before[name], rtol=0, atol=0)


def test_without_likelihood_the_fine_scales_do_not_learn():
    fine = {f"{part}.{i}" for part in ("norms", "nf_flows") for i in (0, 1)}
    net = flow_seed()
    net(image())["l_hm"][0].square().sum().backward()
    assert not {".".join(name.split(".")[:2]) for name in learnt(net)} & fine
    assert {"norms.2.weight", "nf_flows.2.module_list.0.subnet.0.weight"} <= learnt(net)
    (net(image())["l_ff"] * 1e-6).backward()
    assert {".".join(name.split(".")[:2]) for name in learnt(net)} >= fine
    for i, flow in enumerate(net.nf_flows):
        for name, p in flow.named_parameters():
            assert p.grad.abs().sum() > 0, (i, name)


def test_likelihood_outputs():
    net = flow_seed().eval()
    outputs = net(image())
    dims = sum(c * (PX // s) ** 2 for c, s in zip((64, 128, 256), (4, 8, 16), strict=True))
    assert int(outputs["l_ff_dims"]) == dims
    torch.testing.assert_close(outputs["l_ff_scales"].sum(), outputs["l_ff"])
    per_dim = normalise_nll(outputs["l_ff"].detach(), outputs["l_ff_dims"], "per_dim")
    # Normalised features: about half a nat per dimension and the constant of the normal distribution.
    assert 1.2 < float(per_dim) < 1.7


@pytest.mark.parametrize("scales", ["last", "all"])
def test_inference_without_likelihood_is_the_same(scales):
    net, picture = flow_seed(scales=scales).eval(), image()
    ran = []
    for i, flow in enumerate(net.nf_flows):
        flow.register_forward_hook(lambda *_, i=i: ran.append(i))
    full, short = net(picture), net(picture, nll=False)
    assert ran == [0, 1, 2] + ([2] if scales == "last" else [0, 1, 2])
    assert set(full) - set(short) == {"l_ff", "l_ff_scales", "l_ff_dims"}
    torch.testing.assert_close(short["l_hm"][0], full["l_hm"][0], rtol=0, atol=0)


@pytest.mark.parametrize(("bn_eval", "freeze"), [(True, False), (False, False), (True, True), (False, True)])
def test_state_of_the_backbone(bn_eval, freeze):
    net = flow_seed(bn_eval=bn_eval, freeze=freeze).train()
    before = net.feature_extractor.bn1.running_mean.clone()
    net(image())["l_hm"][0].sum().backward()
    moved = bool((net.feature_extractor.bn1.running_mean != before).any())
    assert moved == (not bn_eval and not freeze)
    assert any(name.startswith("feature_extractor") for name in learnt(net)) != freeze
    assert net.norms.training
    assert not net.eval().feature_extractor.training


@pytest.mark.parametrize("head", ["linear", "deconv"])
@pytest.mark.parametrize("scales", ["last", "all"])
@pytest.mark.parametrize("map_px", [16, 20])
def test_heads(head, scales, map_px):
    net = flow_seed(head=head, scales=scales, map_px=map_px, joints=5)
    outputs = net(image())
    assert outputs["l_hm"][0].shape == (2, 5, map_px, map_px)
    assert outputs["l_mask"][0].shape == (2, 1, map_px, map_px)
    assert outputs["enc"].shape == (2, 256, map_px, map_px)
    (outputs["l_hm"][0].square().sum() + outputs["enc"].square().sum()).backward()
    reached = {".".join(name.split(".")[:2]) for name in learnt(net) if name.startswith("nf_flows")}
    assert reached == ({f"nf_flows.{i}" for i in range(3)} if scales == "all" else {"nf_flows.2"})


def test_a_linear_head_interpolates_the_coarse_map():
    net = flow_seed(map_px=16).eval()
    net.hm.weight.data.normal_()
    with torch.no_grad():
        latent = net.nf_flows[-1](net.normed_features(image())[-1])[0]
        coarse, found = net.hm(latent), net.read([latent])["l_hm"][0]
    torch.testing.assert_close(
        found, nn.functional.interpolate(coarse, size=16, mode="bilinear"), atol=1e-4, rtol=1e-4
    )


@pytest.mark.parametrize(
    ("name", "block"),
    [("wide_resnet50_2", "allinone")]
    + [("deit_tiny_distilled_patch16_224", block) for block in ("allinone", "glow2")],
)
def test_other_backbones_and_blocks_run_on_random_weights(name, block):
    maps = feature_maps(name, PX, blocks=1) if name.startswith("deit") else feature_maps(name)
    net = FlowSeed(maps, PX, steps=2, kernels="alternate", hidden_ratio=0.16, block=block)
    outputs = net(image(1))
    assert outputs["l_hm"][0].shape == (1, 21, 64, 64)
    assert all(torch.isfinite(value).all() for value in (outputs["l_hm"][0], outputs["l_ff"], outputs["enc"]))
    assert net.enc is not None


def test_permutations_follow_the_seed_and_the_weights():
    one, same, other = (flow_seed(perm_seed=seed) for seed in (3, 3, 4))
    index = [
        torch.cat([b for n, b in net.named_buffers() if n.endswith("permutation.index")])
        for net in (one, same, other)
    ]
    assert torch.equal(index[0], index[1])
    assert not torch.equal(index[0], index[2])
    assert len({tuple(b.tolist()) for n, b in one.named_buffers() if n.endswith("permutation.index")}) == 6
    other.load_state_dict(one.state_dict())
    picture = image()
    torch.testing.assert_close(other.eval()(picture)["l_ff"], one.eval()(picture)["l_ff"])


def test_cross_scale_seed():
    net = CsFlowSeed(feature_maps("efficientnet_b0"), 128, kernels=(3,), hidden=8, map_px=16, head="deconv")
    outputs = net.train()(torch.randn(2, 3, 128, 128))
    assert outputs["l_hm"][0].shape == (2, 21, 16, 16)
    assert not any(p.requires_grad for p in net.feature_extractor.parameters())
    (outputs["l_hm"][0].square().mean() + outputs["l_mask"][0].mean() + outputs["l_ff"]).backward()
    assert {n for n, p in net.named_parameters() if p.requires_grad} - learnt(net) == {
        "enc.weight",
        "enc.bias",
    }
    assert "l_ff" not in net.eval()(torch.randn(1, 3, 128, 128), nll=False)


def test_the_culprit_of_a_likelihood_that_is_not_finite_is_named():
    net = flow_seed()
    assert net.explain(image()) is None
    net.nf_flows[1].module_list[1].global_offset.data.fill_(float("nan"))
    assert "step 1 of 2 of the flow of scale 1" in net.explain(image())


def test_refusals():
    with pytest.raises(ConfigError, match="did you mean 'deconv'"):
        flow_seed(head="decov")
    with pytest.raises(ConfigError, match="unknown scales"):
        flow_seed(scales="first")
    with pytest.raises(ConfigError, match="one map of images of any size"):
        CsFlowSeed(feature_maps("resnet18"), 128)
    with pytest.raises(ConfigError, match="multiple of 128"):
        CsFlowSeed(feature_maps("efficientnet_b0"), 192)
    with pytest.raises(ConfigError, match="channels=30 a multiple of 4"):
        SeedNet(channels=30)
    with pytest.raises(ValueError, match="image_px and the crop"):
        flow_seed()(torch.zeros(1, 3, 32, 32))
    with pytest.raises(ValueError, match="multiples of 64"):
        SeedNet(channels=8)(torch.zeros(1, 3, 96, 64))
