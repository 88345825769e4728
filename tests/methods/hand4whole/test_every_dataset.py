"""Every dataset of people, hands and faces trains every method that can look at it."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from carpus.engine.build import build, build_module, check_needs
from carpus.engine.config import compose_config
from carpus.errors import ConfigError
from carpus.types import Batch, collate

ALWAYS = [
    ("hand4whole", "human36m"),
    ("hand4whole", "mscoco"),
    ("pose2pose/hand", "freihand_mano"),
    ("pose2pose/body", "mscoco"),
    ("pose2pose/face", "ffhq"),
]
SELDOM = [
    ("hand4whole", "mpii"),
    ("hand4whole", "mpi_inf_3dhp"),
    ("hand4whole", "agora"),
    ("pose2pose/hand", "interhand26m_mano"),
    ("pose2pose/hand", "mscoco_hands"),
    ("pose2pose/body", "pw3d"),
]
PAIRS = [*ALWAYS, *(pytest.param(*pair, marks=pytest.mark.slow) for pair in SELDOM)]
SMALL = {
    "hand4whole": [
        "method.crop_hw=[128,64]",
        "method.module.net.sizes.hand_px=64",
        "method.module.net.sizes.face_px=32",
        "method.module.net.hand_backbone.name=resnet10",
        "method.module.net.hand_backbone.width=4",
        "method.module.net.face_backbone.width=4",
    ],
    "pose2pose/hand": ["method.crop_hw=[64,64]"],
    "pose2pose/body": ["method.crop_hw=[64,64]"],
    "pose2pose/face": ["method.crop_hw=[64,64]"],
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("people")


def configured(folder, method, dataset):
    small = ["method.module.net.backbone.name=resnet10", "method.module.net.backbone.width=4"]
    where = [f"paths.data={folder}", "dataset.synth.frames=8", "method.module.standin=true"]
    named = [f"method={method}", f"dataset={dataset}_synthetic", "augment=none", "optimizer.lr=1e-3"]
    return compose_config([*named, *small, *SMALL[method], *where])


@pytest.mark.parametrize(("method", "dataset"), PAIRS)
def test_twenty_steps_on_two_samples_lower_the_loss(folder, method, dataset):
    cfg = configured(folder, method, dataset)
    check_needs(cfg)
    torch.manual_seed(0)
    module, inputs = build_module(cfg).train(), build(cfg.method.inputs)
    samples = build(cfg.dataset.spec).open("train")
    rows = [(samples[i].key, inputs(samples[i], np.random.default_rng(i), True)) for i in range(2)]
    batch = module.prepare(collate(rows))
    optimizer = module.configure_optimizers()
    optimizer = optimizer["optimizer"] if isinstance(optimizer, dict) else optimizer
    totals = []
    for _ in range(20):
        loss = torch.stack(list(module.losses(module(batch), batch).values())).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        totals.append(float(loss.detach()))
    assert np.isfinite(totals).all()
    assert min(totals[-3:]) < totals[0]


def test_predictions_have_meshes_joints_and_a_camera_that_sees_them(folder):
    """The named parameters, posed again and projected, give the joints that were predicted."""
    cfg = configured(folder, "hand4whole", "mscoco")
    module, inputs = build_module(cfg).eval(), build(cfg.method.inputs)
    samples = build(cfg.dataset.spec).open("val")
    rows = [(samples[i].key, inputs(samples[i], np.random.default_rng(i), False)) for i in range(2)]
    with torch.no_grad():
        found = module.predict_batch(collate(rows))
        again = module.posed(found.body_params)
    flat = again["joints_supervised_m"][..., :2] / (again["joints_supervised_m"][..., 2:] + 1e-4)
    params = found.body_params
    pixels = flat * params["focal_px"][:, None] + params["princpt_px"][:, None]
    torch.testing.assert_close(pixels, found.joints_px, atol=0.01, rtol=1e-4)
    assert found.vertices_cam_mm.shape == (2, 10475, 3)
    torch.testing.assert_close(1000 * again["vertices_m"], found.vertices_cam_mm)


def test_a_left_hand_is_given_back_as_a_left_hand(folder):
    """Mirrored picture, same network: the answer is the mirror image."""
    cfg = configured(folder, "pose2pose/hand", "mscoco_hands")
    module, inputs = build_module(cfg).eval(), build(cfg.method.inputs)
    samples = build(cfg.dataset.spec).open("train")
    sample = inputs(samples[0], np.random.default_rng(0), False)
    left = bool(sample["flipped"])
    batch = collate([(samples[0].key, sample)])
    other = Batch(batch.keys_, {**batch, "flipped": ~batch["flipped"]})
    with torch.no_grad():
        one, two = module.predict_batch(batch), module.predict_batch(other)
    sign = torch.tensor([-1.0, 1.0, 1.0])
    torch.testing.assert_close(one.vertices_cam_mm, sign * two.vertices_cam_mm)
    poses = [p.body_params["hand_pose"].unflatten(1, (-1, 3)) for p in (one, two)]
    torch.testing.assert_close(poses[0], poses[1] * torch.tensor([1.0, -1.0, -1.0]))
    assert left == (not bool(sample["hand_type"][0]))


@pytest.mark.parametrize(
    ("method", "dataset"),
    [
        ("pose2pose/hand", "human36m"),
        ("hand4whole", "rhd"),
        ("digit", "human36m"),
        ("pose2pose/hand", "ffhq"),
    ],
)
def test_what_cannot_work_is_refused_before_data_is_read(method, dataset):
    with pytest.raises(ConfigError, match="can be combined with"):
        check_needs(compose_config([f"method={method}", f"dataset={dataset}"]))
