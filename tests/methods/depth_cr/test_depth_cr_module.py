"""Targets decode to the truth, losses follow the published rules, training steps add up."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from carpus.errors import ConfigError
from carpus.methods.depth_cr.inputs import DepthCRInputs
from carpus.methods.depth_cr.module import DepthCR
from carpus.nets.depth_cr import COMPOSITIONS
from carpus.types import Batch, collate

from .overfit import CUBE_MM, FRAMES, RANGE_MM, batch_of, dataset, module_of


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("module")


@pytest.mark.parametrize(("name", "tolerance_mm"), [("dense_regre", 0.1), ("voxel_offset", 0.1)])
def test_true_maps_decode_to_the_true_joints(name, tolerance_mm, folder):
    module = module_of(COMPOSITIONS[name])
    batch = module.prepare(batch_of(module.model, folder))
    found = module.decode({"maps_0": batch["guide_target"]}, batch)
    assert (found.joints_cam_mm - batch["joints_cam_mm"]).norm(dim=-1).max() < tolerance_mm


def test_true_labels_decode_within_a_voxel(folder):
    module = module_of(COMPOSITIONS["voxel_detect"])
    batch = module.prepare(batch_of(module.model, folder))
    logits = torch.zeros(FRAMES, 21, 32**3).scatter_(2, batch["label_target"][..., None], 50.0)
    found = module.decode({"maps_1": logits.view(FRAMES, 21, 32, 32, 32)}, batch)
    assert (found.joints_cam_mm - batch["joints_cam_mm"]).abs().max() <= 3.75 + 1e-3


@pytest.mark.parametrize("name", ["localizer2", "localizer3"])
def test_true_anchors_decode_to_the_middle_of_the_cube(name, folder):
    module = module_of(COMPOSITIONS[name])
    batch = module.prepare(batch_of(module.model, folder))
    found = module.decode({"anchors": batch["anchor_target"]}, batch)
    assert (found.joints_cam_mm[:, 0] - batch["center_mm"]).norm(dim=-1).max() < 0.1


def test_validation_watches_what_the_published_program_watches(folder):
    for name, watched in {"super_edt2": {"pose", "map"}, "super_vxhit": {"pose", "detection", "l2"}}.items():
        module = module_of(COMPOSITIONS[name], "ref").eval()
        batch = module.prepare(batch_of(module.model, folder))
        with torch.no_grad():
            assert set(module.losses(module(batch), batch)) == watched


def test_two_half_batches_have_the_gradient_of_one_whole(folder):
    module = module_of(COMPOSITIONS["super_edt2"], "ref")
    batch = module.prepare(batch_of(module.model, folder))

    def gradient(parts: list[Batch], passes: int) -> torch.Tensor:
        module._trainer = SimpleNamespace(accumulate_grad_batches=passes, world_size=1)
        module.zero_grad()
        # Statistics of each part would differ: the sums are compared, not batch normalisation.
        module.net.eval()
        module.training = True
        for part in parts:
            terms = module.losses(module(part), part)
            loss = torch.stack([module.terms[n].weight * v for n, v in terms.items()]).sum()
            (loss / passes).backward()
        return torch.cat([p.grad.flatten() for p in module.net.parameters()])

    halves = [
        Batch([], {n: v[rows] for n, v in batch.items() if len(v) == FRAMES})
        for rows in (slice(4), slice(4, 8))
    ]
    whole, summed = gradient([batch], 1), gradient(halves, 2)
    assert torch.allclose(whole, summed, rtol=1e-3, atol=1e-4 * float(whole.abs().max()))


def test_a_joint_without_truth_moves_nothing(folder):
    module = module_of(COMPOSITIONS["super_edt2m"])
    raw = batch_of(module.model, folder)
    joints, valid = raw["joints_cam_mm"].clone(), raw["joint_valid"].clone()
    joints[:, 3], valid[:, 3] = float("nan"), False
    batch = module.prepare(Batch(raw.keys_, {**raw, "joints_cam_mm": joints, "joint_valid": valid}))
    terms = module.losses(module(batch), batch)
    torch.stack(list(terms.values())).sum().backward()
    assert all(torch.isfinite(p.grad).all() for p in module.net.parameters())
    last = module.net.head.out.layer.weight.grad.view(21, 3, -1)
    penalty = 0.01 * module.net.head.out.layer.weight.view(21, 3, -1)
    assert torch.allclose(last[3], penalty[3], atol=1e-5)
    assert not torch.allclose(last[4], penalty[4], atol=1e-5)


def test_one_frame_is_predicted_as_in_a_batch(folder):
    module = module_of(COMPOSITIONS["super_edt2m"]).eval()
    batch = module.prepare(batch_of(module.model, folder))
    with torch.no_grad():
        together = module(batch)["joints_centered_mm"]
        alone = module(Batch(["0"], {"net_input": batch["net_input"][:1]}))["joints_centered_mm"]
    assert torch.allclose(together[:1], alone, rtol=1e-5, atol=1e-5 * float(together.abs().max()))


@pytest.mark.parametrize(("preset", "warns"), [("ref", True), ("balanced", False)])
def test_a_guide_without_influence_is_warned_of(preset, warns, folder, recwarn):
    module = module_of(COMPOSITIONS["super_edt2"], preset)
    module.watch_step, module.log_dict = 10, lambda *_: None
    module._trainer = SimpleNamespace(accumulate_grad_batches=1, world_size=1, global_step=10)
    module._trainer.fit_loop = SimpleNamespace(epoch_loop=SimpleNamespace(_batches_that_stepped=10))
    batch = module.prepare(batch_of(module.model, folder))
    module.losses(module(batch), batch)
    assert any("hardly guide" in str(w.message) for w in recwarn) is warns


def test_maps_of_the_true_points_decode_with_their_own_rule(folder):
    samples = dataset(folder).open("train")
    model = COMPOSITIONS["dense_regre"]
    inputs = DepthCRInputs(model, CUBE_MM, RANGE_MM, corrected_z=True, unit_peak=True)
    batch = collate([("a", inputs(samples[0], np.random.default_rng(0), True))])
    errors = {}
    for corrected in (True, False):
        module = DepthCR(
            model, 21, CUBE_MM, RANGE_MM, losses={}, optimizer=torch.optim.Adam, corrected_z=corrected
        )
        prepared = module.prepare(batch)
        found = module.decode({"maps_0": prepared["guide_target"]}, prepared).joints_cam_mm
        errors[corrected] = float((found - prepared["joints_cam_mm"]).norm(dim=-1).max())
    assert errors[True] < 0.1
    assert errors[False] > 5.0
    assert inputs.stored_types == []


def test_an_option_the_decoder_does_not_have_is_refused():
    with pytest.raises(ConfigError, match="decoder coord"):
        DepthCR(
            COMPOSITIONS["base_clean"], 21, CUBE_MM, RANGE_MM, losses={}, optimizer=torch.optim.Adam,
            decoder_options={"pixels": 3},
        )  # fmt: skip
