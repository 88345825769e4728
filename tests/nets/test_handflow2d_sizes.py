"""Parameters and multiplications of the networks, as the publications' programs have them."""

from __future__ import annotations

import math

import pytest
import timm
import torch
from torch import nn

from carpus.nets.backbones.features import feature_maps
from carpus.nets.blocks.hourglass import Hourglass
from carpus.nets.blocks.preact import PreactBottleneck
from carpus.nets.handflow2d import CsFlowSeed, FlowSeed, HandFlowNet, LiftNet, SeedNet, SIKNet

DEIT, CAIT = "deit_base_distilled_patch16_384", "cait_m48_448"


@pytest.fixture(autouse=True)
def _no_memory():
    with torch.device("meta"):
        yield


def count(*parts):
    return sum(p.numel() for part in parts for p in part.parameters())


def macs(net, *inputs):
    """Multiplications of all convolutions."""
    total = []

    def hook(module, _, output):
        total.append(output[0].numel() * math.prod(module.weight.shape[1:]))

    for module in net.modules():
        if isinstance(module, nn.Conv2d):
            module.register_forward_hook(hook)
    net(*inputs)
    return sum(total)


@pytest.mark.parametrize(
    ("channels", "expected"), [((64, 128), 58_112), ((128, 256), 230_912), ((256, 256), 214_528)]
)
def test_residual_block(channels, expected):
    assert count(PreactBottleneck(*channels)) == expected


@pytest.mark.parametrize(("branches", "blocks", "expected"), [(2, 22, 4_719_616), (1, 13, 2_788_864)])
def test_hourglasses(branches, blocks, expected):
    net = Hourglass(256, branches)
    assert count(net) == expected
    assert sum(isinstance(module, PreactBottleneck) for module in net.modules()) == blocks
    ways, latent = net(torch.zeros(1, 256, 64, 64))
    assert [tuple(way.shape) for way in ways] == [(1, 256, 64, 64)] * branches
    assert tuple(latent.shape) == (1, 256, 4, 4)


def test_bihand():
    seed, lift, sik = SeedNet(), LiftNet(), SIKNet()
    assert [count(net) for net in (seed, lift, sik)] == [11_222_700, 11_389_666, 2_749_130]
    assert (count(sik.invk_layers), count(sik.shapereg_layers)) == (2_410_816, 338_314)
    assert count(HandFlowNet(seed, lift, sik)) == 25_361_496
    assert macs(seed, torch.zeros(1, 3, 256, 256)) / 1e9 == pytest.approx(14.46, abs=0.005)
    maps = [torch.zeros(1, channels, 64, 64) for channels in (21, 1, 256)]
    assert macs(lift, *maps) / 1e9 == pytest.approx(14.33, abs=0.005)


def test_flow_on_resnet18():
    net = FlowSeed(feature_maps("resnet18"))
    assert count(net.feature_extractor) == 2_782_784
    assert count(net.norms) == 917_504
    assert [count(flow) for flow in net.nf_flows] == [222_976, 888_320, 3_546_112]
    assert count(net.hm, net.mask) == 5_654
    # One pair of heads, permutations as indices: what the reference trains.
    assert count(net) == 8_363_350
    indices = sum(b.numel() ** 2 for n, b in net.named_buffers() if n.endswith("permutation.index"))
    assert 2 * indices == 1_376_256
    assert macs(net.feature_extractor, torch.zeros(1, 3, 256, 256)) / 1e9 == pytest.approx(1.83, abs=0.005)
    assert macs(net, torch.zeros(1, 3, 256, 256)) / 1e9 == pytest.approx(4.57, abs=0.005)


def test_flows_of_other_settings():
    alternate = FlowSeed(feature_maps("resnet18"), kernels="alternate")
    assert count(alternate.nf_flows) == 2_593_024
    wide = FlowSeed(feature_maps("wide_resnet50_2"), kernels="alternate")
    assert count(wide.feature_extractor) == 24_862_528
    assert [count(flow) for flow in wide.nf_flows] == [1_973_248, 7_878_656, 31_485_952]
    few = FlowSeed(feature_maps(DEIT), 384, kernels="alternate")
    assert count(few.nf_flows) == 17_716_224
    many = FlowSeed(feature_maps(CAIT), 448, steps=20, kernels="alternate", hidden_ratio=0.16)
    assert count(many.nf_flows) == 7_074_500


@pytest.mark.parametrize(
    ("name", "used", "whole", "behind"),
    [
        (DEIT, 8, 87_630_032, ["head", "head_dist"]),
        (CAIT, 41, 356_460_520, ["head", "blocks_token_only"]),
    ],
)
def test_transformers_have_all_but_what_lies_behind_the_used_blocks(name, used, whole, behind):
    full, net = timm.create_model(name), feature_maps(name)
    tail = [*full.blocks[used:], *(getattr(full, part) for part in behind)]
    token = 0 if hasattr(net, "cls_token") else full.cls_token.numel()
    assert count(full) == whole
    assert count(net) + count(*tail) + token == whole


@pytest.mark.parametrize(
    ("name", "px", "channels", "sides"),
    [
        ("resnet18", 256, (64, 128, 256), (64, 32, 16)),
        ("wide_resnet50_2", 256, (256, 512, 1024), (64, 32, 16)),
        (DEIT, 384, (768,), (24,)),
        (CAIT, 448, (768,), (28,)),
        ("efficientnet_b5", 768, (304,), (24,)),
    ],
)
def test_every_backbone_gives_the_published_maps(name, px, channels, sides):
    net = feature_maps(name)
    found = [tuple(x.shape[1:]) for x in net.eval()(torch.zeros(1, 3, px, px))]
    assert found == [(c, side, side) for c, side in zip(channels, sides, strict=True)]
    assert (net.channels, net.sides(px)) == (channels, sides)


@pytest.mark.parametrize(("name", "px"), [("wide_resnet50_2", 256), (DEIT, 384), (CAIT, 448)])
def test_every_flow_network_gives_the_same_outputs(name, px):
    net = FlowSeed(feature_maps(name), px, steps=2, kernels="alternate").eval()
    assert shapes(net(torch.zeros(2, 3, px, px))) == shapes(SeedNet(stacks=1)(torch.zeros(2, 3, 256, 256)))


def test_cross_scale_flow():
    net = CsFlowSeed(feature_maps("efficientnet_b5"))
    assert count(net.flow) == 275_227_288
    outputs = net(torch.zeros(1, 3, 768, 768))
    assert shapes(outputs) == shapes(SeedNet(stacks=1)(torch.zeros(1, 3, 256, 256)))
    assert [x.shape[-1] for x in net.scaled_features(torch.zeros(1, 3, 768, 768))] == [24, 12, 6]


def shapes(outputs):
    return {
        name: [tuple(x.shape) for x in value] if isinstance(value, list) else tuple(value.shape)
        for name, value in outputs.items()
        if not name.startswith("l_ff")
    }
