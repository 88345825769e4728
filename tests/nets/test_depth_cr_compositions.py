"""The 28 models as data: names, sizes, shapes, and what happens to parts that do not fit."""

from __future__ import annotations

import pytest
import torch

from carpus.codecs.depth_cr import joint_decoder
from carpus.errors import ConfigError
from carpus.losses.depth_cr import build_terms, l2_penalty, loss_preset
from carpus.nets.depth_cr import (
    COMPOSITIONS,
    GUIDES,
    INPUTS,
    NETS,
    Composition,
    InputSpec,
    NetSpec,
    composition,
    depth_net,
    ending,
    reestimate_statistics,
    set_norm_decay,
)
from depth_cr_toy import toy_batch

# Published totals for 21 and 14 joints; the locators in their repaired form.
PARAMETERS = {
    "super_edt3": (8_969_897, 8_946_566),
    "super_ov3edt2m": (4_736_749, 4_709_806),
    "super_ov3dist2": (4_736_749, 4_709_806),
    "super_ov3edt2": (4_736_749, 4_709_806),
    "super_edt2m": (3_751_209, 3_728_774),
    "super_edt2": (3_751_209, 3_728_774),
    "super_dist3": (8_978_697, 8_956_262),
    "voxel_regre": (8_918_071, 8_882_154),
    "voxel_offset": (222_840, 212_032),
    "super_vxhit": (8_980_045, 8_957_610),
    "voxel_detect": (18_318, 17_632),
    "super_dist2": (3_778_377, 3_753_254),
    "super_udir2": (3_809_671, 3_773_754),
    "super_hmap2": (3_751_209, 3_728_774),
    "dense_regre": (169_906, 156_396),
    "direc_tsdf": (8_976_191, 8_954_666),
    "trunc_dist": (8_975_327, 8_953_802),
    "base_conv3": (8_975_327, 8_953_802),
    "base_conv3_inres": (9_187_431, 9_165_906),
    "ortho3view": (21_497_999, 21_443_546),
    "base_clean": (3_736_319, 3_714_794),
    "base_regre": (3_736_319, 3_714_794),
    "base_clean_inres": (3_942_277, 3_920_752),
    "base_regre_inres": (3_942_277, 3_920_752),
    "base_clean_hg": (11_950_243, 11_928_718),
    "base_regre_hg": (11_950_243, 11_928_718),
    "localizer3": (998_304, 998_304),
    "localizer2": (398_152, 398_152),
}
# More than a second per step on one core.
HEAVY = [name for name, model in COMPOSITIONS.items() if model.input.dim == 3 and model.input.side == 64]
FIRST = {model.net.name: name for name, model in reversed(COMPOSITIONS.items())}.values()
"""One model of each network."""
EVERY = [
    pytest.param(name, marks=pytest.mark.slow) if name in HEAVY or name not in FIRST else name
    for name in COMPOSITIONS
]


def test_the_models_stand_in_the_published_order():
    assert list(COMPOSITIONS) == list(PARAMETERS)
    assert len(COMPOSITIONS) == 28


@pytest.mark.parametrize("name", COMPOSITIONS)
def test_parameter_totals_are_the_published_ones(name):
    with torch.device("meta"):
        nets = [COMPOSITIONS[name].build_net(joints) for joints in (21, 14)]
    assert tuple(sum(p.numel() for p in net.parameters()) for net in nets) == PARAMETERS[name]


def test_published_modules():
    assert COMPOSITIONS["base_conv3_inres"].module == "model.base_inres"
    assert COMPOSITIONS["base_regre_hg"].module == "model.base_hourglass"
    assert COMPOSITIONS["base_conv3"].module == "model.base_conv3"


def test_background_is_the_only_difference_of_the_base_regre_models():
    for end in ("", "_inres", "_hg"):
        clean, background = COMPOSITIONS[f"base_clean{end}"], COMPOSITIONS[f"base_regre{end}"]
        assert (clean.net, clean.guide, clean.loss) == (background.net, background.guide, background.loss)
        assert (clean.input.kind, background.input.kind) == ("clean", "crop2")


def test_decoder_and_loss_follow_from_net_and_guide():
    for model in COMPOSITIONS.values():
        assert ending(model.net, model.guide) == (model.decoder, model.loss)


@pytest.mark.parametrize("name", EVERY)
def test_outputs_have_the_shapes_of_the_targets(name):
    model, joints = COMPOSITIONS[name], 16
    net = model.build_net(joints).eval()
    x, prepared = toy_batch(model, joints, 1)
    with torch.no_grad():
        outputs = net(x)
    if model.locates:
        assert outputs["anchors"].shape == prepared["anchor_target"].shape
        return
    if "guide_target" in prepared:
        assert outputs["maps_0"].shape == outputs["maps_1"].shape == prepared["guide_target"].shape
    decoder = joint_decoder(model.decoder, heat="heat" in model.guide.parts)
    found = decoder.decode(outputs, torch.tensor([[0.0, 0.0, 500.0]]), x)
    assert found.joints_cam_mm.shape == (1, joints, 3)
    assert found.joints_cam_mm.isfinite().all()


@pytest.mark.parametrize("name", EVERY)
def test_two_training_steps_reach_every_parameter(name):
    torch.manual_seed(1)
    model = COMPOSITIONS[name]
    net = model.build_net(14).train()
    x, prepared = toy_batch(model, 14, 2)
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-4)
    for preset in ("ref", "balanced"):
        terms = build_terms(loss_preset(preset, model.loss, model.guide.name, 2), model.guide, net)
        optimizer.zero_grad()
        outputs = net(x)
        total = torch.stack([weight * fn(outputs, prepared) for fn, weight in terms.values()]).sum()
        assert total.isfinite()
        total.backward()
        assert all(p.grad is not None for p in net.parameters())
        optimizer.step()


@pytest.mark.parametrize(
    "name", ["super_edt2m", "super_ov3edt2", "base_clean_inres", "voxel_detect", "localizer2"]
)
def test_one_frame_equals_its_place_in_a_batch(name):
    model = COMPOSITIONS[name]
    net = model.build_net(14).eval()
    x, _ = toy_batch(model, 14, 2)
    with torch.no_grad():
        both, first = net(x), net(x[:1])
    for key, value in first.items():
        torch.testing.assert_close(value, both[key][:1], rtol=1e-5, atol=1e-5)


def test_parts_can_be_exchanged_and_decoder_and_loss_follow():
    edt2, hmap2 = COMPOSITIONS["super_edt2"], COMPOSITIONS["super_hmap2"]
    swapped = edt2.with_parts(guide="hmap2")
    assert (swapped.input, swapped.net, swapped.guide) == (hmap2.input, hmap2.net, hmap2.guide)
    assert (swapped.decoder, swapped.loss) == (hmap2.decoder, hmap2.loss)
    assert edt2.with_parts(net="U64", input="clean_64", guide="udir2").loss == "pose_map_unit"
    assert edt2.with_parts(net="DR", guide="hmap2_udir2").decoder == "udir2_top5"
    assert edt2.with_parts(net="BH", guide="none").loss == "pose"
    assert edt2.with_parts(loss="pose").guide == edt2.guide
    older = edt2.with_parts(net="super_edt2_v0222").build_net(21)
    assert older(torch.rand(1, 1, 128, 128))["maps_1"].shape == (1, 21, 32, 32)
    assert COMPOSITIONS["base_clean"].with_parts(input="ortho3_128").build_net(21).spec.in_channels == 3


@pytest.mark.parametrize(
    ("name", "parts", "message"),
    [
        ("super_edt2", {"net": "BH"}, "net BH predicts no maps for guide edt2; use guide=none"),
        (
            "super_edt2",
            {"guide": "udir2"},
            "net S32 on clean_128 predicts maps of 32², 1 per joint, .* 32², 4 per",
        ),
        ("super_edt2", {"input": "clean_64"}, "predicts maps of 16², 1 per joint, guide edt2 has 32²"),
        ("super_edt2", {"guide": "dist3_32"}, "maps of 32², .*guide dist3_32 has 32³"),
        ("voxel_offset", {"input": "pcnt3_32"}, "net VO on pcnt3_32 predicts maps of 8³.* vxudir_16 has 16³"),
        ("super_edt2", {"input": "pcnt3_64"}, "input pcnt3_64 has 3 axes, net S32 works on 2"),
        ("dense_regre", {"guide": "none"}, "only maps, guide=none leaves no target"),
        ("voxel_detect", {"guide": "dist3_32"}, "joints cannot be read from maps of guide dist3_32"),
        ("super_edt2", {"loss": "pose_ce"}, "loss pose_ce does not suit net S32 .* possible: pose, pose_map"),
        ("super_edt2", {"decoder": "vox_argmax"}, "is decoded by coord, not by vox_argmax"),
        ("super_edt2", {"net": "S3"}, "unknown net 'S3'"),
        ("super_edt2", {"guide": "edt"}, "unknown guide 'edt': did you mean 'edt2"),
        ("super_edt2", {"input": "clean_12"}, "unknown input 'clean_12': did you mean 'clean_128'"),
        ("super_edt2", {"loss": "posemap"}, "unknown loss 'posemap': did you mean 'pose_map'"),
        ("super_edt2", {"decoder": "cord"}, "unknown decoder 'cord': did you mean 'coord'"),
        ("localizer2", {"guide": "none"}, "net L2 needs guide anchor2, not none"),
        ("localizer2", {"input": "clean_128"}, "net L2 needs 256"),
    ],
)
def test_parts_that_do_not_fit_are_refused_with_both_shapes(name, parts, message):
    with pytest.raises(ConfigError, match=message):
        COMPOSITIONS[name].with_parts(**parts)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: composition("super_edtm"), "unknown model 'super_edtm': did you mean 'super_edt2m'"),
        (lambda: depth_net("L2", 21, side=128), "locator L2 needs an input of 1 channels at side 256"),
        (lambda: NetSpec("X", 4, 1, 64, "C8"), "dim must be 2 or 3, not 4"),
        (lambda: NetSpec("X", 2, 1, 64, "C8", head="pull"), "unknown head 'pull': did you mean 'pullout'"),
        (lambda: NetSpec("X", 2, 1, 64, "C8", core="res"), "need a core and heads"),
        (lambda: NetSpec("X", 2, 1, 64, "C8", head="maps"), "needs guided stages and no tail"),
        (lambda: depth_net(NetSpec("X", 2, 1, 64, "C8 CQ"), 21), "net X: token list .* unknown token 'CQ'"),
        (lambda: depth_net(NetSpec("X", 2, 1, 64, "C8 res*"), 21), "unknown token 'res[*]'"),
        (
            lambda: depth_net(NetSpec("X", 2, 1, 6, "C8 CP CP"), 21),
            "token CP needs a side that is a multiple of 2",
        ),
        (lambda: depth_net(NetSpec("X", 2, 1, 64, "res"), 21), "token res needs a multiple of 4 channels"),
        (lambda: depth_net(NetSpec("X", 3, 1, 8, "C8 b16"), 21), "token b16 exists for images only"),
        (
            lambda: depth_net(NetSpec("X", 2, 1, 64, "C8", "res", (1,), 32), 21),
            "the stem ends with 8 channels, the guided stages work on 32; end the stem with P32",
        ),
        (
            lambda: depth_net(NetSpec("X", 2, 1, 64, "C32", "CP", (1,), 32), 21),
            "core 'CP' of a guided stage must keep 32 channels at side 64, it gives 64 channels at side 32",
        ),
    ],
)
def test_wrong_networks_say_what_is_allowed(make, message):
    with pytest.raises(ConfigError, match=message):
        make()


def test_every_part_is_used_and_reachable():
    used = list(COMPOSITIONS.values())
    assert {model.input.name for model in used} == set(INPUTS)
    assert {model.guide.name for model in used} == set(GUIDES)
    assert {model.net.name for model in used} | {"super_edt2_v0222"} == set(NETS)
    assert all(isinstance(model, Composition) for model in used)


def test_state_holds_shifts_and_running_statistics_only():
    keys = {name.rpartition(".")[2] for name in depth_net("S32", 21).state_dict()}
    assert keys == {"weight", "bias", "shift", "running_mean", "running_var"}


def test_initial_weights_are_glorot_uniform_and_biases_zero():
    net = depth_net("S32", 21)
    weight = net.stem[1][0].weight
    limit = (6 / (9 * (8 + 16))) ** 0.5
    assert 0.9 * limit < weight.abs().max() <= limit
    assert net.head.out.layer.bias.abs().max() == 0
    assert 1 < l2_penalty(net) < 100


def overfit(model, steps, lr, frames=8):
    """Share of the first loss left after training, and in inference with statistics re-estimated."""
    torch.manual_seed(0)
    net = model.build_net(14, dropout=0.0).train()
    set_norm_decay(net, 0.9)
    x, prepared = toy_batch(model, 14, frames)
    terms = build_terms(loss_preset("balanced", model.loss, model.guide.name), model.guide, net)
    terms.pop("l2")
    optimizer = torch.optim.Adam(net.parameters(), lr=lr)

    def loss():
        outputs = net(x)
        return torch.stack([weight * fn(outputs, prepared) for fn, weight in terms.values()]).sum()

    first = loss().item()
    for _ in range(steps):
        optimizer.zero_grad()
        value = loss()
        value.backward()
        optimizer.step()
    last = loss().item()
    reestimate_statistics(net.eval(), [x])
    with torch.no_grad():
        return last / first, loss().item() / first


def test_a_small_network_of_ones_own_overfits_eight_frames():
    net = NetSpec("small", 2, 1, 32, "C8 res P16", "res", (1,), 16, "MP MP")
    seen = InputSpec("clean_32", 2, 32)
    model = COMPOSITIONS["super_edt2"].with_parts(name="small", input=seen, net=net)
    training, inference = overfit(model, 100, 1e-2)
    assert training < 0.1
    assert inference < 0.1


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in FIRST if name not in HEAVY])
def test_every_light_network_overfits_four_frames(name):
    training, inference = overfit(COMPOSITIONS[name], 100, 3e-3, frames=4)
    assert training < 0.1
    assert inference < 0.1
