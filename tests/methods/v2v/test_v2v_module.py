"""The module: targets, training steps, safeguards, over-fitting."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import pytorch_lightning as pl
import torch

from carpus.codecs import GaussianVolume, Occupancy, TrilinearVolume
from carpus.data.augment import VolumeAugmentation
from carpus.errors import CarpusError, ConfigError
from carpus.geometry.voxels import VoxelGrid
from carpus.losses import CoordinateL1, VolumeCrossEntropy, VolumeMSE
from carpus.losses.volume import coordinate_l1, sparse_volume_cross_entropy, volume_mse
from carpus.methods.base import LossTerm
from carpus.methods.v2v.health import BatchRule, HealthCheck
from carpus.methods.v2v.inputs import V2VInputs
from carpus.methods.v2v.module import V2V
from carpus.methods.v2v.net import V2VNet
from carpus.types import collate

sys.path.insert(0, str(Path(__file__).parent))
from v2v_world import hand_batch, record_of, sphere_depth

CENTERS = np.array([[20.0, -15.0, 350.0], [-30.0, 10.0, 420.0], [0.0, 0.0, 300.0]])
GRID = VoxelGrid(200.0, size=24)


def module_of(variant="gauss", **options):
    gauss = variant == "gauss"
    terms = (
        {"heatmap": LossTerm(VolumeMSE())}
        if gauss
        else {"heatmap": LossTerm(VolumeCrossEntropy(), 0.5), "coordinate": LossTerm(CoordinateL1(), 0.5)}
    )
    codec = GaussianVolume(GRID) if gauss else TrilinearVolume(GRID)
    optimizer = partial(torch.optim.Adam, lr=1e-3)
    return V2V(V2VNet(2, width=0.25), GRID, codec, terms, optimizer, **options)


def raw_batch(augment=None):
    make, rng = V2VInputs(GRID, augment), np.random.default_rng(0)
    records = [record_of(sphere_depth(c), c, key=f"s{i}") for i, c in enumerate(CENTERS)]
    return collate([(r.key, make(r, rng, True)) for r in records])


@pytest.mark.parametrize("variant", ["gauss", "integral"])
def test_prepare_forward_loss_and_decode_fit_together(variant):
    module, batch = module_of(variant), raw_batch(VolumeAugmentation())
    prepared = module.prepare(batch)
    assert prepared["occupancy"].shape == (3, 1, 24, 24, 24)
    assert prepared["occupancy"].sum((1, 2, 3, 4)).min() > 50
    outputs = module(prepared)
    terms = module.losses(outputs, prepared)
    assert set(terms) == set(module.terms)
    sum(terms.values()).backward()
    assert all(p.grad is not None for p in module.net.parameters())
    predictions = module.decode(outputs, prepared)
    assert predictions.joints_cam_mm.shape == (3, 2, 3)
    assert predictions.joint_scores.shape == (3, 2)
    assert predictions.keys == ["s0", "s1", "s2"]


@pytest.mark.parametrize("variant", ["gauss", "integral"])
def test_decoding_a_perfect_answer_returns_the_joints_through_the_augmentation(variant):
    module, batch = module_of(variant), raw_batch(VolumeAugmentation())
    prepared = module.prepare(batch)
    perfect = (
        prepared["heatmap_target"] if variant == "gauss" else (module.codec.dense(prepared) + 1e-30).log()
    )
    joints = module.decode({"volume": perfect}, prepared).joints_cam_mm
    limit = GRID.cell_mm if variant == "gauss" else 0.05
    assert (joints - batch["joints_cam_mm"]).abs().max() < limit


def test_joints_that_are_not_annotated_may_be_nan():
    batch = raw_batch()
    batch["joints_cam_mm"][0, 1] = torch.nan
    batch["joint_valid"][0, 1] = False
    for variant in ("gauss", "integral"):
        module = module_of(variant)
        prepared = module.prepare(batch)
        assert all(torch.isfinite(v) for v in module.losses(module(prepared), prepared).values())


def test_without_joints_there_are_no_targets():
    batch = raw_batch()
    bare = type(batch)(batch.keys_, {k: v for k, v in batch.items() if not k.startswith("joint")})
    assert set(module_of().prepare(bare)) - set(bare) == {"occupancy"}
    assert module_of().predict_batch(bare).joints_cam_mm.shape == (3, 2, 3)


def test_learning_rate_follows_the_batch_rule_and_says_so():
    module = module_of(batch_rule=BatchRule(lr_rule="linear"))
    with pytest.warns(UserWarning, match="effective batch is 64.*8 to 12"):
        module.prepare_training(effective_batch=64)
    for _ in range(2):
        assert module.configure_optimizers().param_groups[0]["lr"] == pytest.approx(1e-3 * 64 / 12)
    quiet = module_of()
    quiet.prepare_training(effective_batch=12)
    assert quiet.configure_optimizers().param_groups[0]["lr"] == 1e-3
    assert BatchRule(lr_rule="sqrt").lr_factor(2) == 0.5
    with pytest.raises(ConfigError, match="lr_rule"):
        BatchRule(lr_rule="quadratic")


def test_health_check_tells_a_dead_network_from_a_live_one():
    net = V2VNet(2, width=0.25)
    for loss, healthy in ((0.5, True), (1.5, False)):
        check = HealthCheck(steps=5, window=2, action="warn" if healthy else "stop")
        assert [step for step in range(8) if check.watches(step)] == [3, 4]
        assert check.observe(3, torch.tensor(loss), torch.tensor(1.0), net) == {}
        if not healthy:
            with pytest.raises(CarpusError, match=r"after 5 steps .* 1\.50 times"):
                check.observe(4, torch.tensor(loss), torch.tensor(1.0), net)
            continue
        logged = check.observe(4, torch.tensor(loss), torch.tensor(1.0), net)
        assert float(logged["health/loss_over_idle"]) == 0.5
        assert "health/bn_var_min" in logged
        assert not check.watches(4)


@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed"])
def test_a_trainer_fits_it_and_the_health_check_logs_once(precision, tmp_path):
    module = module_of(health=HealthCheck(steps=3, window=2, action="warn"))
    trainer = pl.Trainer(
        max_steps=4,
        accelerator="cpu",
        precision=precision,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        default_root_dir=tmp_path,
    )
    batches = [raw_batch(VolumeAugmentation())] * 4
    trainer.fit(module, torch.utils.data.DataLoader(batches, batch_size=None, collate_fn=lambda batch: batch))
    assert trainer.global_step == 4
    assert {"train/heatmap", "health/loss_over_idle", "health/bn_var_max"} <= set(trainer.logged_metrics)


@pytest.mark.slow
@pytest.mark.parametrize(("variant", "limit_cells"), [("gauss", 0.6), ("integral", 0.3)])
def test_the_full_width_network_over_fits_eight_hands(variant, limit_cells):
    points, lengths, joints, center = hand_batch()
    volume = Occupancy(GRID).encode(points, lengths, center)
    codec = GaussianVolume(GRID) if variant == "gauss" else TrilinearVolume(GRID)
    targets = codec.encode(joints, center)
    net = V2VNet(21).train()
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
    for _ in range(300):
        out = net(volume)
        if variant == "gauss":
            loss = volume_mse(out, targets["heatmap_target"])
        else:
            loss = 0.5 * sparse_volume_cross_entropy(
                out, targets["heatmap_cells"], targets["heatmap_weights"]
            )
            loss = loss + 0.5 * coordinate_l1(out, targets["coord_target"])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        found = codec.decode(net.eval()(volume), center).joints_cam_mm
    error_cells = (found - joints).norm(dim=-1).mean() / GRID.cell_mm
    assert error_cells <= limit_cells
