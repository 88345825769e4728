"""Targets decode to the truth, accumulation adds up, the rate falls where it should."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
import torch

from carpus.data.augment import NoAugmentation
from carpus.data.augment_rgb import RgbAugmentation
from carpus.errors import ConfigError
from carpus.losses.digit import PUBLISHED_WEIGHTS
from carpus.methods.digit.inputs import DigitInputs
from carpus.types import Batch

from .digit_world import batch_of, module_of, record_of


def true_outputs(module, batch):
    """What a perfect network says of a prepared batch."""
    flipped = batch["hand_type_target"]
    cells = module.codec.cells
    return {
        "joints": batch["joints_target"],
        "rel_root": batch["rel_root_target"],
        "hand_type_logits": 20 * flipped - 10,
        "segm_logits": torch.nn.functional.one_hot(batch["segm_target"].long(), 33).movedim(-1, 1).float(),
        "heatmap": torch.zeros(batch.size, 42, cells, cells),
    }


@pytest.mark.parametrize("train", [False, True], ids=["as it is", "augmented"])
def test_true_outputs_decode_to_the_truth(train):
    module = module_of()
    batch = module.prepare(batch_of(12, RgbAugmentation(flip_chance=0.5), train))
    assert bool(batch["flipped"].any()) is train
    found = module.decode(true_outputs(module, batch), batch)
    valid = batch["joint_valid"].bool()
    torch.testing.assert_close(found.joints_cam_mm[valid], batch["joints_cam_mm"][valid], atol=0.02, rtol=0)
    assert torch.equal(found.hand_type_prob > 0.5, batch["hand_type"])
    truth = batch["joints_cam_mm"]
    projected = truth[..., :2] / truth[..., 2:] * batch["camera"][:, None, :2] + batch["camera"][:, None, 2:]
    torch.testing.assert_close(found.joints_px[valid], projected[valid], atol=0.02, rtol=0)


def test_the_mask_is_mirrored_back():
    module = module_of()
    batch = module.prepare(batch_of(6, RgbAugmentation(flip_chance=1.0), True))
    found = module.decode(true_outputs(module, batch), batch)
    ahead = batch["segm_target"].long()
    swapped = torch.where(ahead == 0, 0, (ahead - 1 + 16) % 32 + 1)
    assert torch.equal(found.segm_labels, swapped)


def test_a_batch_without_truth_is_predicted():
    module = module_of().eval()
    whole = batch_of(3)
    bare = {n: v for n, v in whole.items() if n not in ("joints_cam_mm", "joint_valid", "segm_target")}
    with torch.no_grad():
        seen = module.predict_batch(Batch(whole.keys_, bare))
        same = module.predict_batch(whole)
    assert torch.equal(seen.joints_cam_mm, same.joints_cam_mm)
    assert seen.joints_cam_mm.shape == (3, 42, 3)
    assert torch.isfinite(seen.joints_cam_mm).all()


def test_absent_hands_move_nothing():
    module, raw = module_of(), batch_of(6)
    spoilt = raw["joints_cam_mm"].clone()
    spoilt[~raw["joint_valid"].bool()] = float("nan")
    module.eval()
    losses = []
    for joints in (raw["joints_cam_mm"], spoilt):
        batch = module.prepare(Batch(raw.keys_, {**raw, "joints_cam_mm": joints}))
        losses.append(module.losses(module(batch), batch))
    for name in PUBLISHED_WEIGHTS:
        assert torch.isfinite(losses[1][name]), name
        assert torch.equal(losses[0][name], losses[1][name]), name


def test_two_passes_of_half_a_batch_have_the_gradient_of_the_whole():
    module = module_of()
    module.eval()  # statistics of each part would differ: batch normalisation is not what is compared
    whole = batch_of(8)

    def gradient(parts):
        module.zero_grad()
        for part in parts:
            batch = module.prepare(part)
            terms = module.losses(module(batch), batch)
            (sum(PUBLISHED_WEIGHTS[n] * v for n, v in terms.items()) / len(parts)).backward()
        return torch.cat([p.grad.flatten() for p in module.net.parameters() if p.grad is not None])

    halves = [
        Batch(whole.keys_[rows], {n: v[rows] for n, v in whole.items()}) for rows in (slice(4), slice(4, 8))
    ]
    together, summed = gradient([whole]), gradient(halves)
    assert torch.allclose(together, summed, rtol=1e-3, atol=1e-5 * float(together.abs().max()))


def test_the_rate_falls_tenfold_at_the_listed_epochs_and_only_there():
    steps = partial(torch.optim.lr_scheduler.MultiStepLR, milestones=[2, 4], gamma=0.1)
    configured = module_of(steps, lr=1e-4).configure_optimizers()
    optimizer, schedule = configured["optimizer"], configured["lr_scheduler"]["scheduler"]
    assert configured["lr_scheduler"]["interval"] == "epoch"
    rates = []
    for _ in range(6):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    assert rates == pytest.approx([1e-4, 1e-4, 1e-5, 1e-5, 1e-6, 1e-6])


def test_the_record_is_not_changed_by_augmentation():
    record = record_of(2)
    before = {name: np.array(value) for name, value in record.fields.items()}
    inputs = DigitInputs("interhand26m", 64, 32, RgbAugmentation())
    first, again, other = (inputs(record, np.random.default_rng(seed), True) for seed in (0, 0, 1))
    for name, value in before.items():
        np.testing.assert_array_equal(record.fields[name], value)
    np.testing.assert_array_equal(first["rgb"], again["rgb"])
    assert (first["image_to_crop"] != other["image_to_crop"]).any()


def test_settings_that_cannot_work_are_refused():
    with pytest.raises(ConfigError, match="crop_px 200"):
        DigitInputs("interhand26m", 200, 128)
    with pytest.raises(ConfigError, match="augment: int is for depth"):
        DigitInputs("interhand26m", augment=3)
    assert DigitInputs("interhand26m", augment=NoAugmentation()).skeleton.name == "interhand26m"
