"""Losses, likelihood, roots and failures of the training module, on small networks."""

from __future__ import annotations

import re
from types import SimpleNamespace

import pytest
import torch

from carpus.errors import ConfigError
from carpus.methods.base import NonFiniteLossError
from carpus.nets.handflow2d import HandFlowNet
from carpus.types import Batch

from .handflow_world import (
    LIFT,
    SEED,
    SIK,
    batch_of,
    flow_seed,
    flow_term,
    inputs_of,
    module_of,
    one_hand,
    stages,
    total,
)

FLAT = ("camera", "joints_cam_mm", "root_depth_mm")
THREE = [one_hand(False, 0), one_hand(True, 1), one_hand(False, 2, FLAT)]


@pytest.fixture(scope="module")
def batch():
    """Two hands with joints in 3D and one with keypoints only."""
    return batch_of(THREE, train=True)


def flow_module(weight=0.01, norm="per_dim", **settings):
    torch.manual_seed(0)
    return module_of(HandFlowNet(flow_seed(**settings)), SEED | flow_term(weight, norm))


def part(batch, rows):
    return Batch([batch.keys_[row] for row in rows], {name: value[rows] for name, value in batch.items()})


def gradients(module, batch) -> list[float]:
    """Largest gradient in the flow and the norm of each scale."""
    module.train()
    module.zero_grad()
    total(module, batch).backward()
    seed = module.net.seednet
    found = []
    for flow, norm in zip(seed.nf_flows, seed.norms, strict=True):
        grads = [p.grad for p in (*flow.parameters(), *norm.parameters()) if p.grad is not None]
        found.append(max(float(grad.abs().max()) for grad in grads))
    return found


def test_a_likelihood_that_counts_teaches_every_scale_and_one_that_does_not_only_the_last(batch):
    counted, ignored = gradients(flow_module(0.01), batch), gradients(flow_module(0.0, "sum"), batch)
    assert all(value > 0 for value in counted)
    assert ignored[:2] == [0.0, 0.0]
    assert ignored[2] > 0
    assert all(value > 0 for value in gradients(flow_module(0.0, "sum", scales="all"), batch))


def test_the_likelihood_is_found_only_where_losses_are(batch):
    module = flow_module()
    prepared = module.prepare(batch)
    with torch.no_grad():
        assert "l_ff" in module.train()(prepared)
        module.eval()
        assert "l_ff" not in module(prepared)
        for stage in ("validating", "sanity_checking", "testing", "predicting"):
            states = {"validating": False, "sanity_checking": False, "testing": False, stage: True}
            module._trainer = SimpleNamespace(**states)
            assert ("l_ff" in module(prepared)) == (stage in ("validating", "sanity_checking")), stage
        module._trainer = None


def test_the_same_seed_gives_the_same_losses():
    inputs = inputs_of(augment=None)
    runs = []
    for _ in range(2):
        module = flow_module().train()
        optimizer = module.configure_optimizers()
        losses = []
        for step in range(3):
            loss = total(module, batch_of([one_hand(False, 10 * step + i) for i in range(2)], inputs, True))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(float(loss.detach()))
        runs.append(losses)
    assert runs[0] == runs[1]
    assert len(set(runs[0])) == 3


def test_frames_with_keypoints_only_teach_nothing_else(batch):
    module = module_of(stages("seed", "lift", "sik"), SEED | LIFT | SIK).eval()
    known, flat = part(batch, [0, 1]), part(batch, [2])
    with torch.no_grad():
        prepared = module.prepare(flat)
        alone = module.losses(module(prepared), prepared)
        for name in ("mask", "joint", "depth", "sik_joint", "kin_len"):
            assert alone[name] == 0, name
        assert alone["heatmap"] > 0
        prepared = module.prepare(batch)
        mixed = module.losses(module(prepared), prepared)
        prepared = module.prepare(known)
        of_known = module.losses(module(prepared), prepared)
    # What is not annotated counts as zero in means over all samples.
    for name in ("joint", "sik_joint", "kin_len"):
        torch.testing.assert_close(mixed[name], of_known[name] * 2 / 3, rtol=1e-4, atol=0)


def test_single_joints_without_a_label_are_left_out_of_every_term(batch):
    valid = torch.ones(21, dtype=torch.bool)
    valid[[3, 20]] = False
    holes, spoilt = part(batch, [0]), part(batch, [0])
    module = module_of(stages("seed", "lift", "sik"), SEED | LIFT | SIK).eval()
    found = []
    for one, value in ((holes, 0.3), (spoilt, 7.0)):
        joints = torch.where(valid[:, None], one["joint"][0], value)[None]
        prepared = module.prepare(Batch(one.keys_, {**one, "joint": joints, "kp_valid": valid[None]}))
        with torch.no_grad():
            found.append(module.losses(module(prepared), prepared))
    for name, value in found[0].items():
        assert torch.isfinite(value)
        assert torch.equal(value, found[1][name]), name
    assert found[0]["joint"] > 0


@pytest.mark.parametrize("source", ["gt", "constant"])
def test_joints_in_space_hang_on_the_root_that_is_asked_for(batch, source):
    settings = {"root_source": source, "root_depth_mm": 480.0, "bone_mm": 80.0}
    module = module_of(stages("seed", "lift"), SEED | LIFT, **settings)
    prepared = module.prepare(batch)
    given = torch.tensor([[source == "gt"], [source == "gt"], [False]])
    torch.testing.assert_close(
        prepared["root_m"][:, 2:], torch.where(given, batch["joint_root"][:, 2:], torch.tensor(0.48))
    )
    torch.testing.assert_close(
        prepared["bone_m"], torch.where(given, batch["joint_bone"], torch.tensor(0.08))
    )
    found = module.eval().predict_batch(batch)
    assert torch.isfinite(found.joints_cam_mm).all()
    assert (found.joints_cam_mm[2, :21, 2] - 480).abs().max() < 1.5 * 80 + 1


def test_a_hand_model_is_placed_and_mirrored_back_with_its_joints(batch):
    module = module_of(stages("seed", "lift", "sik"), SEED | LIFT | SIK).eval()
    right = part(batch, [0])
    mirror = torch.tensor([[-1.0, 0.0, 159.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    to_crop = right["image_to_crop"] @ mirror
    flags = {"image_to_crop": to_crop, "flipped": torch.tensor([True]), "hand_left": torch.tensor([True])}
    with torch.no_grad():
        found = module.predict_batch(right)
        other = module.predict_batch(Batch(right.keys_, {**right, **flags}))
    assert found.vertices_cam_mm.shape == (1, 778, 3)
    flipped = torch.tensor([-1.0, 1.0, 1.0])
    torch.testing.assert_close(other.vertices_cam_mm, found.vertices_cam_mm * flipped)
    torch.testing.assert_close(other.joints_cam_mm[:, 21:], found.joints_cam_mm[:, :21] * flipped)
    assert not other.joints_cam_mm[:, :21].any()
    spans = (found.joints_cam_mm[0, 20] - found.joints_cam_mm[0, 11]).norm()
    torch.testing.assert_close(spans, 1000 * right["joint_bone"][0, 0], rtol=1e-3, atol=0)


def test_a_flow_that_is_not_finite_is_named_by_scale_and_step(batch):
    module = flow_module(steps=2)
    with torch.no_grad():
        module.net.seednet.nf_flows[1].module_list[1].subnet[2].weight.fill_(float("nan"))
    prepared = module.train().prepare(batch)
    with pytest.raises(NonFiniteLossError) as error:
        module._loss(module(prepared), prepared, "train")
    told = str(error.value)
    assert re.search(r"step 1 .*of the flow of scale 1 gives NaN", told)
    assert "trainer.gradient_clip_norm" in told
    assert error.value.keys == batch.keys_
    assert "\n" not in told
    other = module_of(stages("seed"), SEED).train()
    with torch.no_grad():
        other.net.seednet.conv1.weight.fill_(float("nan"))
    with pytest.raises(NonFiniteLossError, match=r"lower optimizer\.lr") as error:
        other._loss(other(prepared), prepared, "train")
    assert "flow" not in str(error.value)


def test_figures_of_the_heat_maps_stand_beside_the_scores(batch):
    module = flow_module().eval()
    prepared = module.prepare(batch)
    perfect = {"l_hm": [prepared["heatmap_target"]]}
    module.watch("val", perfect, prepared)
    assert module.watched("val") == {"hm_pck": 1.0, "hm_pck_global": 1.0}
    wrong = {"l_hm": [prepared["heatmap_target"].roll(8, dims=-1)]}
    module.watch("val", wrong, prepared)
    assert module.watched("val") == {"hm_pck": 0.0, "hm_pck_global": 0.0}
    assert not [name for name in module.state_dict() if not name.startswith("net.")]


def test_images_of_another_size_are_resized_and_normalised():
    grey = torch.full((1, 64, 64, 3), 51, dtype=torch.uint8)
    for normalize, mean, deviation in (("imagenet", 0.485, 0.229), ("half", 0.5, 1.0)):
        module = module_of(stages("seed"), SEED, normalize=normalize, input_px=32, cells=8)
        image = module._image(grey)
        assert image.shape == (1, 3, 32, 32)
        torch.testing.assert_close(image[0, 0], torch.full((32, 32), (0.2 - mean) / deviation))


@pytest.mark.parametrize(
    ("net", "terms", "settings", "message"),
    [
        (("seed",), SEED, {"normalize": "imagnet"}, r"method\.module\.normalize 'imagnet': did you mean"),
        (("seed",), SEED, {"root_source": "file"}, r"root_source 'file': Allowed: constant, gt"),
        (("seed",), SEED | flow_term(), {}, "this seed has no flow: choose loss=handflow2d_seed"),
        (("seed",), SEED | LIFT, {}, r"loss\.terms\.joint is of the stage lift.*loss=handflow2d_seed"),
        (("seed", "lift"), SIK, {}, r"loss\.terms\.sik_joint is of the stage sik.*loss=handflow2d_lift"),
        (("seed",), SEED, {"input_px": 128}, r"seednet\.image_px=128 with method\.inputs\.map_px=16.* 32"),
        (("seed",), SEED, {"input_px": 40}, "multiple of 16"),
    ],
)
def test_settings_that_cannot_work_are_refused_in_one_line(net, terms, settings, message):
    with pytest.raises(ConfigError, match=message) as error:
        module_of(stages(*net), terms, **settings)
    assert "\n" not in str(error.value)
    assert module_of(stages("seed"), SEED | flow_term(0.0)).terms["flow"].weight == 0


@pytest.mark.parametrize(("settings", "warned"), [({}, True), ({"bn_eval": False}, False)])
def test_random_weights_without_statistics_of_their_own_are_warned_of(settings, warned, caplog):
    flow_module(**settings).initialise()
    assert ("set method.module.imagenet=timm" in caplog.text) is warned
    module_of(stages("seed"), SEED).initialise()
