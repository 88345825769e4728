"""Presets: which terms, how they grow with the batch, how much of the gradient each one has."""

from __future__ import annotations

import pytest
import torch

from carpus.errors import ConfigError
from carpus.losses.depth_cr import (
    PRESETS,
    VALIDATION_TERMS,
    build_terms,
    gradient_norms,
    inert_terms,
    loss_preset,
    map_error,
    pose_error,
    unit_error,
    voxel_cross_entropy,
)
from carpus.nets.depth_cr import COMPOSITIONS, GUIDES
from depth_cr_toy import toy_batch

GUIDED = [name for name, model in COMPOSITIONS.items() if model.guide.parts and "pose" in model.loss]
HEAVY = ("super_dist3", "super_vxhit", "voxel_regre")


def weighted(model, preset, batch=4, seed=0):
    torch.manual_seed(seed)
    net = model.build_net(21).train()
    x, prepared = toy_batch(model, 21, batch)
    outputs = net(x)
    terms = build_terms(loss_preset(preset, model.loss, model.guide.name), model.guide, net)
    return net, {name: weight * fn(outputs, prepared) for name, (fn, weight) in terms.items()}


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=pytest.mark.slow) if n in HEAVY else n for n in GUIDED]
)
def test_guidance_is_inert_in_ref_and_felt_in_balanced(name):
    model = COMPOSITIONS[name]
    net, terms = weighted(model, "ref")
    norms = gradient_norms(terms, net.last_stem_weight())
    guidance = set(norms) - {"pose", "l2"}
    if "detection" not in guidance:
        assert guidance <= set(inert_terms(norms))
    net, terms = weighted(model, "balanced")
    norms = gradient_norms(terms, net.last_stem_weight())
    for term in guidance:
        assert 0.1 < norms[term] / norms["pose"] < 1, term


def test_pose_doubles_with_the_batch_and_maps_do_not():
    joints, target, maps = torch.randn(3, 21, 3), torch.randn(3, 21, 3), torch.randn(3, 21, 4, 4)
    twice = [t.repeat(2, *[1] * (t.ndim - 1)) for t in (joints, target, maps)]
    torch.testing.assert_close(pose_error(*twice[:2]), 2 * pose_error(joints, target))
    torch.testing.assert_close(map_error([twice[2]], 0 * twice[2]), map_error([maps], 0 * maps))
    for reduction in ("mean", "batch_mean"):
        once = pose_error(joints, target, reduction=reduction)
        torch.testing.assert_close(pose_error(*twice[:2], reduction=reduction), once)


def test_pose_and_detection_optimises_the_penalty_twice_as_published():
    assert loss_preset("ref", "pose_ce").terms["l2"].weight == 2
    assert loss_preset("ref", "ce").terms["l2"].weight == 1
    assert "l2" in VALIDATION_TERMS["pose_ce"]
    assert "l2" not in VALIDATION_TERMS["pose_map"]


def test_the_day_before_summed_maps_with_small_weights():
    def weights(name):
        model = COMPOSITIONS[name]
        preset = loss_preset("ref_20180222", model.loss, model.guide.name)
        assert {term.reduction for key, term in preset.terms.items() if key != "l2"} == {"sum"}
        assert preset.l2_scale == 1e-4
        return {key: term.weight for key, term in preset.terms.items()}

    assert weights("base_clean") == {"pose": 1e-4, "l2": 0.1}
    for name in ("super_edt2", "super_ov3edt2"):
        assert weights(name) == {"pose": 1e-4, "map": 1e-5, "l2": 0.1}
    for name in ("super_dist2", "super_dist3"):
        assert weights(name) == {"pose": 1e-4, "map": 1e-7, "l2": 0.1}
    for name in ("super_udir2", "voxel_regre"):
        assert weights(name) == {"pose": 1e-4, "map": 1e-7, "unit": 1e-7, "l2": 0.1}
    assert weights("dense_regre") == {"map": 1e-4, "unit": 1e-5, "l2": 0.1}
    assert weights("voxel_offset") == {"map": 1e-5, "unit": 1e-6, "l2": 0.1}
    assert weights("voxel_detect") == {"detection": 1e-2, "l2": 0.1}


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("name", COMPOSITIONS)
def test_every_model_has_every_preset(name, preset):
    model = COMPOSITIONS[name]
    found = loss_preset(preset, model.loss, model.guide.name)
    assert "l2" in found.terms
    assert set(VALIDATION_TERMS[model.loss]) <= set(found.terms)
    assert all(term.weight > 0 for term in found.terms.values())


def test_balanced_keeps_a_samples_share_of_the_penalty():
    for batch in (8, 50):
        terms = loss_preset("balanced", "pose_map", "edt2", batch).terms
        assert terms["pose"].weight / terms["l2"].weight == pytest.approx(batch)


@pytest.mark.parametrize("reduction", ["sum", "mean", "batch_mean"])
def test_joints_that_are_not_annotated_do_not_count(reduction):
    valid = torch.tensor([[True, False, True]])
    joints, target = torch.randn(1, 3, 3), torch.randn(1, 3, 3)
    keep = valid[0]
    expected = pose_error(joints[:, keep], target[:, keep], reduction=reduction)
    torch.testing.assert_close(pose_error(joints, target, valid, reduction), expected)
    guide, maps, truth = GUIDES["udir2"], torch.randn(1, 12, 4, 4), torch.randn(1, 12, 4, 4)
    channels = valid[:, guide.channel_joints(3)]
    expected = map_error([maps[:, channels[0]]], truth[:, channels[0]], reduction=reduction)
    torch.testing.assert_close(map_error([maps], truth, channels, reduction), expected)
    directions = maps[:, guide.span("direction", 3)]
    kept = directions.unflatten(1, (3, 3))[:, keep].flatten(1, 2)
    expected = unit_error([kept], reduction=reduction)
    torch.testing.assert_close(unit_error([directions], valid, reduction), expected)
    labels = torch.tensor([[1, 2, 3]])
    logits = torch.randn(1, 3, 2, 2, 2)
    expected = voxel_cross_entropy([logits[:, keep]], labels[:, keep], reduction=reduction)
    torch.testing.assert_close(voxel_cross_entropy([logits], labels, valid, reduction), expected)


def test_a_unit_mask_leaves_void_positions_out():
    directions = torch.zeros(2, 6, 3, 3)
    directions[:, (0, 3), 1, 1] = 1.0
    filled = torch.zeros(2, 3, 3, dtype=torch.bool)
    filled[:, 1, 1] = True
    assert unit_error([directions], filled=filled).item() == 0
    assert unit_error([directions]).item() == pytest.approx(0.5 * 8 / 9)
    filled[:, 0, 0] = True
    assert unit_error([directions], filled=filled).item() == pytest.approx(0.25)


def test_channels_know_their_joint():
    assert GUIDES["ov3edt2"].channel_joints(2).tolist() == [0, 1, 0, 1, 0, 1]
    assert GUIDES["hmap2_udir2"].channel_joints(2).tolist() == [0, 1, 0, 1, 0, 0, 0, 1, 1, 1]
    assert GUIDES["hmap2_udir2"].span("direction", 2) == slice(4, 10)
    with pytest.raises(ConfigError, match="guide edt2 has no direction channels"):
        GUIDES["edt2"].span("direction", 21)


def test_wrong_names_say_what_exists():
    with pytest.raises(ConfigError, match="unknown loss preset 'reff': did you mean 'ref'"):
        loss_preset("reff", "pose")
    with pytest.raises(ConfigError, match="unknown loss 'pos_map'"):
        loss_preset("ref", "pos_map")
    with pytest.raises(ConfigError, match="unknown reduction 'average'"):
        pose_error(torch.zeros(1, 1, 3), torch.zeros(1, 1, 3), reduction="average")
    with pytest.raises(ConfigError, match="batch_size 0"):
        loss_preset("balanced", "pose", batch_size=0)
