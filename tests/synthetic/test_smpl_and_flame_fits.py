"""SMPL and FLAME fits of synthetic trees lie over the people in the pictures."""

from __future__ import annotations

import numpy as np
import pytest

from carpus.bodies.library import BodyModels
from carpus.data.sources.human36m import Human36M
from carpus.data.sources.mpi_inf_3dhp import MPIINF3DHP
from carpus.data.sources.mpii import MPII
from carpus.data.sources.mscoco import MSCOCO, MSCOCOFaces
from carpus.geometry.camera import Camera
from carpus.skeletons import SMPL_24, SMPLX_144
from carpus.synthetic import make, mscoco
from carpus.synthetic.people.group import Cast
from carpus.synthetic.people.model import placed, rig
from carpus.synthetic.people.portrait import nearest_head
from carpus.synthetic.tree import split_subjects
from whole_body_trees import posed_m

FRAMES = {"human36m": 2, "mpi_inf_3dhp": 1, "mpii": 3, "mscoco": 5}
SEED = 2
MODELS = BodyModels("there is none", standin=True)
# Joints that a regressor finds in a posed mesh where they are; those of the trunk it finds some cm away.
LIMBS = [f"{side}_{part}" for side in ("left", "right") for part in ("elbow", "wrist", "knee", "ankle")]


@pytest.fixture(scope="module")
def worlds(tmp_path_factory):
    root = tmp_path_factory.mktemp("people")
    return {name: make(name, root / name, frames=count, seed=SEED) for name, count in FRAMES.items()}


@pytest.mark.parametrize("source", [Human36M, MPIINF3DHP, MPII, MSCOCO])
def test_smpl_lies_where_smplx_does(worlds, source):
    root = worlds[source.name]
    smpl, smplx = source(root, "train", fits="smpl"), source(root, "train", fits="smplx")
    kinds = [
        (one.fields.get("model"), other.fields.get("model")) for one, other in zip(smpl, smplx, strict=True)
    ]
    assert set(kinds) <= {("smpl", "smplx"), (None, None)}
    assert ("smpl", "smplx") in kinds
    places = [[skeleton.index(joint) for joint in LIMBS] for skeleton in (SMPL_24, SMPLX_144)]
    for one, other in list(zip(smpl, smplx, strict=True))[:3]:
        if "model" not in one.fields:
            continue
        vertices, joints = posed_m(one.fields, MODELS.smpl("neutral"))
        _, expected = posed_m(other.fields, MODELS.smplx())
        away = np.linalg.norm(joints[places[0]] - expected[places[1]], axis=1)
        assert away.max() < 0.009
        camera, box = Camera.from_array(one.fields["model_camera"]), one.fields["bbox_xywh_px"]
        pixels = camera.project(joints[places[0]]) - camera.project(expected[places[1]])
        assert np.linalg.norm(pixels, axis=1).max() < 0.01 * max(box[3], 60)
        # Boxes are of what is seen: something may hide a little.
        found, slack = camera.project(vertices), 0.1 * box[2:].max()
        inside = (found > box[:2] - slack) & (found < box[:2] + box[2:] + slack)
        assert inside.all(1).mean() > 0.7


def test_centres_of_rotation_of_both_models_agree():
    """The figures that the twins are described with."""
    from carpus.synthetic.people.published import smpl_fit

    train, _ = split_subjects(mscoco.SUBJECTS, "mscoco")
    away, shares = [], []
    for number in range(3):
        for seen in mscoco.take(Cast(SEED, "mscoco"), train, SEED, "train", number).people:
            fit = smpl_fit(seen.fit)
            turns, shape, trans = (np.array(fit[name]) for name in ("pose", "shape", "trans"))
            joints = placed(rig("smpl"), turns.reshape(-1, 3), shape, trans).joints_m[:22]
            away.append(np.linalg.norm(joints - seen.joints_m[:22], axis=1))
            pixels = seen.camera.project(joints) - seen.joints_px[:22]
            shares.append(np.linalg.norm(pixels, axis=1) / max(seen.box()[3], 100))
    assert np.mean(away) < 0.001
    assert np.max(away) < 0.005
    assert np.mean(shares) < 0.001


def test_heads_of_flame_lie_over_the_faces(worlds):
    faces = MSCOCOFaces(worlds["mscoco"], "train")
    shares = []
    for record in faces:
        fields = record.fields
        assert fields["model"] == "flame"
        assert np.abs(fields["model_shape"]).max() < 3.5
        _, joints = posed_m(fields, MODELS.flame())
        valid = fields["joint_valid"].copy()
        assert not valid[:5].any()
        pixels = Camera.from_array(fields["model_camera"]).project(joints)
        # Both models draw the outline of a turned head a little differently.
        inner = valid & (np.arange(73) < 56)
        away = np.linalg.norm(fields["joints_px"] - pixels, axis=1)[inner]
        shares.append(away / fields["bbox_xywh_px"][2:].max())
    shares = np.concatenate(shares)
    assert shares.mean() < 0.02
    assert shares.max() < 0.08


def test_the_nearest_head_is_a_few_millimetres_away():
    train, _ = split_subjects(mscoco.SUBJECTS, "mscoco")
    away = []
    for number in range(3):
        for seen in mscoco.take(Cast(SEED, "mscoco"), train, SEED, "train", number).people:
            head = nearest_head(seen.fit)
            away.append(np.linalg.norm(head.joints_m()[5:56] - seen.joints_m[76:127], axis=1))
    assert np.mean(away) < 0.004


def test_validation_faces_have_no_fits(worlds):
    faces = MSCOCOFaces(worlds["mscoco"], "val")
    assert not any("model" in record.fields for record in faces)
