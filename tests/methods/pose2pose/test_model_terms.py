"""Pose2Pose learns the body model only where a dataset has fits of its own model."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from carpus.engine.build import build, build_module, check_needs
from carpus.engine.config import compose_config
from carpus.types import collate

BODY_TERMS = ("smpl_joint_img", "smpl_pose", "smpl_shape", "smpl_joint_cam")
FACE_TERMS = ("flame_root_pose", "flame_jaw_pose", "flame_shape", "flame_expr", "flame_joint_cam")
SMALL = [
    "method.crop_hw=[64,64]",
    "method.module.net.backbone.name=resnet10",
    "method.module.net.backbone.width=4",
    "augment=none",
    "optimizer.lr=1e-3",
]
FRAMES = {"mscoco_face": 6}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("people")


def made(folder, part, dataset, *more):
    """The method, and a training batch of a synthetic twin as it goes to the device."""
    frames = f"dataset.synth.frames={FRAMES.get(dataset.split('_synth')[0], 4)}"
    where = [f"paths.data={folder}/{dataset.split('_')[0]}", f"paths.packs={folder}/packs", frames]
    cfg = compose_config([f"method=pose2pose/{part}", f"dataset={dataset}", *SMALL, *where, *more])
    check_needs(cfg)
    module, inputs = build_module(cfg).train(), build(cfg.method.inputs)
    samples = build(cfg.dataset.spec).open("train")
    rows = [
        (samples[i].key, inputs(samples[i], np.random.default_rng(i), True))
        for i in range(min(4, len(samples)))
    ]
    return module, module.prepare(collate(rows))


def terms(module, batch):
    return module.losses(module(batch), batch)


@pytest.mark.parametrize("dataset", ["human36m", "mpi_inf_3dhp", "mpii", "mscoco"])
def test_a_body_learns_from_fits_of_smpl_alone(folder, dataset):
    module, batch = made(folder, "body", f"{dataset}_smpl_synthetic")
    losses = terms(module, batch)
    assert all(float(losses[name].detach()) > 1e-4 for name in BODY_TERMS)
    loss = torch.stack([losses[name] for name in BODY_TERMS]).sum()
    loss.backward()
    assert module.net.backbone.conv1.weight.grad.abs().max() > 0
    _, other = made(folder, "body", f"{dataset}_synthetic")
    masked = terms(module, other)
    assert [float(masked[name].detach()) for name in BODY_TERMS] == [0.0] * len(BODY_TERMS)
    assert float(masked["joint_proj"].detach()) > 0


@pytest.mark.parametrize("dataset", ["mscoco_face", "ffhq"])
def test_a_face_learns_from_fits_and_key_points(folder, dataset):
    module, batch = made(folder, "face", f"{dataset}_synthetic")
    losses = terms(module, batch)
    assert all(float(losses[name].detach()) > 1e-5 for name in (*FACE_TERMS, "joint_proj"))
    # There is nothing in space but the fits.
    assert float(losses["joint_cam"].detach()) == 0
    totals, optimizer = [], torch.optim.Adam(module.parameters(), 1e-3)
    for _ in range(12):
        loss = torch.stack(list(terms(module, batch).values())).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        totals.append(float(loss.detach()))
    assert min(totals[-3:]) < totals[0]


def test_faces_without_fits_learn_from_key_points_alone(folder):
    module, batch = made(folder, "face", "mscoco_face_synthetic", "dataset.fits=false", "dataset.name=bare")
    losses = terms(module, batch)
    assert [float(losses[name].detach()) for name in FACE_TERMS] == [0.0] * len(FACE_TERMS)
    assert float(losses["joint_proj"].detach()) > 0


@pytest.mark.parametrize(
    ("recipe", "groups"),
    [
        ("pose2pose_body", [["human36m_smpl"], ["mscoco_smpl", "mpii_smpl"]]),
        ("pose2pose_face", [["ffhq", "mscoco_face"]]),
    ],
)
def test_recipes_mix_the_published_sets_with_their_own_fits(recipe, groups):
    cfg = compose_config([f"experiment={recipe}"])
    assert [list(group) for group in cfg.datasets] == groups
    assert {str(part.spec.source.fits) for part in cfg.parts.values()} == (
        {"smpl"} if recipe == "pose2pose_body" else {"True"}
    )
    roots = {str(part.root).rsplit("/", 1)[-1] for part in cfg.parts.values()}
    assert roots == ({"human36m", "mscoco", "mpii"} if recipe == "pose2pose_body" else {"ffhq", "mscoco"})
    # Stores of other fits have other names.
    assert {part.spec.name for part in cfg.parts.values()} == {name for group in groups for name in group}
