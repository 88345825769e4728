"""The experiments of Hand4Whole's stages: the published rates, epochs, batches, data and gradients."""

from __future__ import annotations

import json

import pytest
import torch
from hydra.utils import instantiate

from carpus.engine.build import build_module
from carpus.engine.config import compose_config
from golden_cases import golden_paths

STAGES = {
    "h4w_stage1": (1e-4, [4, 6], 7, 96),
    "h4w_stage3": (1e-5, [4, 6], 7, 96),
    "h4w_agora": (1e-4, [40, 60], 70, 96),
    "pose2pose_body": (1e-4, [4, 6], 7, 192),
    "pose2pose_hand": (1e-4, [10, 12], 13, 192),
    "pose2pose_face": (1e-4, [10, 12], 13, 192),
}
# Joints in space, joints in pixels: the groups that are made equally long.
DATA = {
    "h4w_stage1": [["human36m"], ["mscoco", "mpii"]],
    "h4w_stage3": [["human36m"], ["mscoco", "mpii"]],
    "h4w_agora": None,
    "pose2pose_body": [["human36m_smpl"], ["mscoco_smpl", "mpii_smpl"]],
    "pose2pose_hand": [["freihand_mano", "interhand26m_mano"], ["mscoco_hands"]],
    "pose2pose_face": [["ffhq", "mscoco_face"]],
}


@pytest.fixture(scope="module")
def configured():
    return {name: compose_config([f"experiment={name}"]) for name in STAGES}


def rates(cfg):
    """The rate of every epoch."""
    optimizer = instantiate(cfg.optimizer)([torch.nn.Parameter(torch.zeros(1))])
    schedule, found = instantiate(cfg.scheduler)(optimizer), []
    for _ in range(cfg.trainer.max_epochs):
        found += schedule.get_last_lr()
        optimizer.step()
        schedule.step()
    return optimizer, found


@pytest.mark.parametrize("name", STAGES)
def test_a_stage_has_its_published_settings(configured, name):
    cfg, (rate, milestones, epochs, batch) = configured[name], STAGES[name]
    assert (cfg.optimizer.lr, list(cfg.scheduler.milestones)) == (rate, milestones)
    assert (cfg.trainer.max_epochs, cfg.batch_size, cfg.eval_batch_size) == (epochs, batch, 64)
    assert cfg.drop_last
    optimizer, found = rates(cfg)
    assert found == pytest.approx([rate / 10 ** sum(e >= m for m in milestones) for e in range(epochs)])
    assert type(optimizer) is torch.optim.Adam
    group = optimizer.param_groups[0]
    assert (group["betas"], group["eps"], group["weight_decay"]) == ((0.9, 0.999), 1e-8, 0)
    assert cfg.trainer.get("gradient_clip_val") is None
    assert str(cfg.trainer.get("precision", 32)) in ("32", "32-true")
    assert cfg.datasets == DATA[name]
    assert cfg.mix == "same_len_3d2d" or DATA[name] is None


@pytest.mark.parametrize("path", golden_paths("hand4whole", "training", ".json"))
def test_every_published_schedule_is_that_of_a_stage(configured, path):
    ours = {json.dumps([rate, *rest[:2]]): name for name, (rate, *rest) in STAGES.items()}
    for setting, wanted in json.loads(path.read_text())["lr_schedule"].items():
        rate, milestones, epochs = (json.loads(word) for word in setting.split("|"))
        name = ours.get(json.dumps([rate, milestones, epochs]))
        if name is not None:
            assert rates(configured[name])[1] == pytest.approx(wanted, rel=1e-12), name


@pytest.mark.parametrize("name", STAGES)
def test_only_on_agora_alone_the_projection_trains_the_camera_alone(configured, name):
    with torch.device("meta"):
        module = build_module(compose_config([f"experiment={name}", "method.module.standin=true"]))
    told = module.body.camera_only if hasattr(module, "body") else module.camera_only
    assert told == (name == "h4w_agora")
    assert len(module.terms) == (11 if name.startswith("h4w") else 7)
    assert all(term.weight == 1 for term in module.terms.values())
    assert configured[name].method.module.imagenet == "timm"
