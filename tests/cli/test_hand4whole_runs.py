"""Hand4Whole and Pose2Pose from the command line: real frames, chained stages, people learnt by heart."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from carpus.data.results.agora_check import check_agora_results
from carpus.engine.folder import RunFolder
from real_people import make_people_trees

WHOLE = [
    f"method.module.net.{name}.{key}"
    for name in ("backbone", "hand_backbone", "face_backbone")
    for key in ("name=resnet10", "width=4")
]
SINGLE = ["method.module.net.backbone.name=resnet10", "method.module.net.backbone.width=4"]
SIZES = "method.crop_hw=[128,64] method.module.net.sizes.hand_px=64 method.module.net.sizes.face_px=32"
FEW = "dataset.synth.frames=8 batch_size=4 workers=0 trainer=cpu trainer.max_epochs=1"
KEYS = {name: f"4a0{n}0000a" for n, name in enumerate(("real", "one", "two", "three", "agora", "heart"))}


def where(world):
    return [f"paths.data={world.folder}/data", f"paths.logs={world.logs}"]


def weights(world, name):
    path = RunFolder(world.logs / KEYS[name]).last
    return torch.load(path, map_location="cpu", weights_only=True)["state_dict"]


def run(world, name, *words):
    code, output = world.run_long("train.py", *" ".join(words).split(), *where(world), key=KEYS[name])
    assert code == 0, output
    return output


def test_real_frames_with_key_points_train_a_step_and_are_drawn(world):
    trees = make_people_trees(world.folder / "people_real")
    real = " ".join(f"parts.{name}.root={tree} parts.{name}.fits=false" for name, tree in trees.items())
    form = "parts.mpii.annotation=annotations/mpii_subset.json mix=concat eval_on=val"
    words = f"experiment=h4w_quick datasets=[mscoco,mpii] {form} {FEW}".replace("dataset.synth.frames=8 ", "")
    output = run(world, "real", words, real, SIZES, *WHOLE, "method.module.standin=true")
    result = RunFolder(world.logs / KEYS["real"])
    scored = json.loads((result.result / "val_mscoco.json").read_text())
    assert scored["samples"] >= 3
    assert np.isfinite(scored["epe_px"])
    assert (result.path / "report_val_mscoco.html").stat().st_size > 20_000
    assert "stand-in SMPL-X" in output


@pytest.mark.slow
def test_three_stages_are_chained_by_their_keys(world):
    """Nothing is learnt in the last stage, so its weights show where they come from."""
    body = "datasets=[human36m_synthetic,mscoco_synthetic,mpii_synthetic] method.module.imagenet=null"
    hand = "datasets=[freihand_mano_synthetic,interhand26m_mano_synthetic,mscoco_hands_synthetic]"
    told = run(world, "one", "experiment=h4w_stage1", body, FEW, SIZES, *WHOLE)
    assert "published: started from a 2D pose network" in told
    small = "method.crop_hw=[64,64] method.module.imagenet=null"
    run(world, "two", "experiment=pose2pose_hand", hand, FEW, small, *SINGLE)
    chain = f"init_from=[{KEYS['one']},{KEYS['two']}] optimizer.lr=0"
    run(world, "three", "experiment=h4w_stage3", chain, body, FEW, SIZES, *WHOLE)
    one, two, three = (weights(world, name) for name in ("one", "two", "three"))
    name = "layer4.0.conv2.weight"
    assert torch.equal(three[f"net.backbone.{name}"], one[f"net.backbone.{name}"])
    assert torch.equal(three[f"net.hand_roi_net.backbone.{name}"], two[f"net.backbone.{name}"])
    started = "net.hand_position_net.conv.0.weight"
    assert not torch.equal(three[started], one[started])
    agora = f"experiment=h4w_agora dataset=agora_synthetic init_from={KEYS['three']} optimizer.lr=0"
    run(world, "agora", agora, FEW, SIZES, "method.module.imagenet=null", *WHOLE)
    after = weights(world, "agora")
    assert torch.equal(after[started], three[started])
    submission = RunFolder(world.logs / KEYS["agora"]).result / "test_agora.zip"
    assert check_agora_results(submission) == []


@pytest.mark.slow
def test_twelve_renders_are_learnt_by_heart(world):
    run(world, "heart", "experiment=h4w_by_heart")
    scored = json.loads((RunFolder(world.logs / KEYS["heart"]).result / "train.json").read_text())
    assert scored["pa_mpvpe_all"] <= 20.0
