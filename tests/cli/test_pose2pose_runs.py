"""Recipes of Pose2Pose from the command line, tiny and on synthetic twins."""

from __future__ import annotations

import csv

import numpy as np
import pytest

from carpus.engine.folder import RunFolder

SMALL = "method.crop_hw=[64,64] method.module.imagenet=null augment=none workers=0 trainer=cpu"
NARROW = "method.module.net.backbone.name=resnet10 method.module.net.backbone.width=4"
# Losses are logged every tenth step.
SHORT = "dataset.synth.frames=6 batch_size=2 trainer.max_epochs=2 mean_pose_samples=0"


def trained(world, key, *words):
    """Losses of a run, the largest value of each, and what it printed."""
    where = [f"paths.data={world.folder}/data_{key}", f"paths.logs={world.logs}"]
    settings = " ".join((*words, SMALL, NARROW, SHORT)).split()
    code, output = world.run_long("train.py", *settings, *where, key=key)
    assert code == 0, output
    with (RunFolder(world.logs / key).log / "metrics.csv").open() as file:
        found = [(name, float(value)) for row in csv.DictReader(file) for name, value in row.items() if value]
    return {name: max(value for other, value in found if other == name) for name, _ in found}, output


@pytest.mark.slow
def test_a_body_is_trained_on_three_sets_with_their_smpl_fits(world):
    names = [f"{name}_smpl_synthetic" for name in ("human36m", "mscoco", "mpii")]
    losses, output = trained(world, "5a000000a", "experiment=pose2pose_body", f"datasets=[{','.join(names)}]")
    assert "stand-in SMPL" in output
    for term in ("smpl_joint_img", "smpl_pose", "smpl_shape", "smpl_joint_cam", "joint_proj", "joint_cam"):
        assert losses[f"train/{term}"] > 1e-4, term
    assert np.isfinite(list(losses.values())).all()


@pytest.mark.slow
def test_a_face_is_trained_on_two_sets(world):
    names = "datasets=[ffhq_synthetic,mscoco_face_synthetic]"
    losses, output = trained(world, "5a000000b", "experiment=pose2pose_face", names)
    assert "stand-in FLAME" in output
    for term in ("flame_root_pose", "flame_jaw_pose", "flame_shape", "flame_expr", "flame_joint_cam"):
        assert losses[f"train/{term}"] > 1e-5, term
    assert losses["train/joint_proj"] > 0
    assert losses["train/joint_cam"] == 0
