"""The layers of bodies, hands and heads: shapes, mirrors, precision, gradients."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import smplx
import torch
from scipy.spatial import KDTree

from carpus.bodies.layers import SmplBody, SmplxBody
from carpus.bodies.library import BodyModels
from carpus.bodies.models import KINDS
from carpus.skeletons import FLAME_73, SMPL_33, SMPLX_137
from carpus.skeletons.whole_body_pose import pose_mirror
from formula_bodies import write_formula_models

ARGUMENTS = {
    "smplx": {"pose": 159, "shape": 10, "expr": 10, "trans_m": 3},
    "smpl": {"pose": 72, "shape": 10, "trans_m": 3},
    "mano": {"pose": 48, "shape": 10, "trans_m": 3},
    "flame": {"pose": 6, "shape": 10, "expr": 10, "trans_m": 3},
}
VARIANT = {"mano": "right"}


def given(kind, count=3, seed=0, **scale):
    rng = np.random.default_rng(seed)
    sizes = {"pose": 0.3, "shape": 1.0, "expr": 1.0, "trans_m": 0.5} | scale
    return {
        name: torch.tensor(rng.normal(0, sizes[name], (count, width)), dtype=torch.float32)
        for name, width in ARGUMENTS[kind].items()
    }


@pytest.fixture(scope="module")
def models():
    return BodyModels("nowhere", standin=True)


def layer(models, kind):
    return models.layer(kind, VARIANT.get(kind, "neutral"))


@pytest.mark.parametrize("kind", ARGUMENTS)
def test_a_layer_learns_nothing_saves_nothing_and_leaves_its_arguments(models, kind):
    body, arguments = layer(models, kind), given(kind)
    kept = {name: value.clone() for name, value in arguments.items()}
    made = body(**arguments)
    assert made.vertices_m.shape == (3, KINDS[kind].vertices, 3)
    assert made.joints_m.shape == (3, len(body.skeleton), 3)
    assert not list(body.parameters())
    assert not body.state_dict()
    assert body.faces.shape == (KINDS[kind].faces, 3)
    for name, value in arguments.items():
        torch.testing.assert_close(value, kept[name], rtol=0, atol=0)
    again = body(**{name: value[1:2] for name, value in arguments.items()})
    torch.testing.assert_close(again.vertices_m[0], made.vertices_m[1], atol=1e-5, rtol=0)
    torch.testing.assert_close(again.joints_m[0], made.joints_m[1], atol=1e-5, rtol=0)
    nobody = body(**{name: value[:0] for name, value in arguments.items()})
    assert nobody.vertices_m.shape == (0, KINDS[kind].vertices, 3)
    assert nobody.joints_m.shape == (0, len(body.skeleton), 3)


@pytest.mark.parametrize("kind", ARGUMENTS)
def test_translation_moves_everything_and_may_be_left_out(models, kind):
    arguments = given(kind)
    shift = arguments["trans_m"][:, None]
    body = layer(models, kind)
    moved, still = body(**arguments), body(**{**arguments, "trans_m": None})
    torch.testing.assert_close(moved.vertices_m, still.vertices_m + shift, atol=1e-5, rtol=0)
    torch.testing.assert_close(moved.joints_m, still.joints_m + shift, atol=1e-5, rtol=0)


@pytest.mark.parametrize("kind", ARGUMENTS)
def test_gradients_arrive_also_if_the_layer_was_first_used_in_validation(kind):
    fresh = BodyModels("nowhere", standin=True)
    with torch.inference_mode():
        layer(fresh, kind)(**given(kind))
    arguments = {name: value.requires_grad_() for name, value in given(kind).items()}
    made = layer(fresh, kind)(**arguments)
    (made.joints_m.square().sum() + made.vertices_m.square().sum()).backward()
    for name, value in arguments.items():
        assert value.grad is not None, name
        assert value.grad.isfinite().all(), name
        assert value.grad.abs().sum() > 0, name


@pytest.mark.parametrize("kind", ARGUMENTS)
def test_mixed_precision_around_it_changes_nothing(models, kind):
    arguments = given(kind)
    exact = layer(models, kind)(**arguments)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        mixed = layer(models, kind)(**arguments)
    assert mixed.vertices_m.dtype == torch.float32
    torch.testing.assert_close(mixed.vertices_m, exact.vertices_m, rtol=0, atol=0)
    torch.testing.assert_close(mixed.joints_m, exact.joints_m, rtol=0, atol=0)


MIRROR = torch.tensor([-1.0, 1.0, 1.0])
TURN = torch.tensor([1.0, -1.0, -1.0])


@pytest.mark.parametrize("kind", ["smplx", "smpl", "flame"])
def test_a_mirrored_pose_gives_the_mirrored_person(models, kind):
    body, arguments = layer(models, kind), given(kind)
    flipped = arguments["pose"].reshape(3, -1, 3)[:, pose_mirror(kind)] * TURN
    other = {"pose": flipped.reshape(3, -1), "trans_m": arguments["trans_m"] * MIRROR}
    made, mirrored = body(**arguments), body(**{**arguments, **other})
    rest = models.model(kind, "neutral").arrays["v_template"]
    gap, partner = KDTree(rest).query(rest * MIRROR.numpy())
    assert gap.max() < 1e-9
    swapped = mirrored.vertices_m[:, partner]
    torch.testing.assert_close(made.vertices_m * MIRROR, swapped, atol=1e-5, rtol=0)
    joints, swapped = made.joints_m * MIRROR, mirrored.joints_m[:, list(body.skeleton.mirror)]
    torch.testing.assert_close(joints, swapped, atol=1e-3, rtol=0)  # 68 lie on faces, which do not mirror
    centres = {"smplx": 55, "smpl": 24, "flame": 5}[kind]
    torch.testing.assert_close(joints[:, :centres], swapped[:, :centres], atol=1e-5, rtol=0)


def test_a_mirrored_left_hand_is_a_right_hand(models):
    arguments = given("mano")
    turned = (arguments["pose"].reshape(3, 16, 3) * TURN).reshape(3, 48)
    left = models.mano("left")(**arguments)
    right = models.mano("right")(**{**arguments, "pose": turned, "trans_m": arguments["trans_m"] * MIRROR})
    torch.testing.assert_close(left.vertices_m * MIRROR, right.vertices_m, atol=1e-5, rtol=0)
    torch.testing.assert_close(left.joints_m * MIRROR, right.joints_m, atol=1e-5, rtol=0)


@pytest.mark.parametrize("kind", ARGUMENTS)
def test_wrong_arguments_are_named(models, kind):
    arguments = given(kind)
    width = ARGUMENTS[kind]["pose"]
    with pytest.raises(ValueError, match=rf"pose has shape \(3, {width - 3}\), expected \(3, {width}\)"):
        layer(models, kind)(**{**arguments, "pose": arguments["pose"][:, 3:]})
    with pytest.raises(ValueError, match=r"shape has shape \(2, 10\), expected \(3, 10\)"):
        layer(models, kind)(**{**arguments, "shape": arguments["shape"][:2]})


def test_rows_of_different_gender_or_side_keep_their_order(models):
    arguments = given("smpl", 4)
    genders = ["male", "neutral", "male", "female"]
    together = models.mixed("smpl", genders, **arguments)
    for row, gender in enumerate(genders):
        alone = models.smpl(gender)(**{name: value[row : row + 1] for name, value in arguments.items()})
        torch.testing.assert_close(together.vertices_m[row], alone.vertices_m[0], atol=1e-5, rtol=0)
        torch.testing.assert_close(together.joints_m[row], alone.joints_m[0], atol=1e-5, rtol=0)
    hands = given("mano", 2)
    pair = models.mixed("mano", ["left", "left"], **hands)
    torch.testing.assert_close(pair.vertices_m, models.mano("left")(**hands).vertices_m)


def test_layers_read_from_memory_are_those_of_the_package(tmp_path, capsys):
    folder = write_formula_models(tmp_path, ("smplx", "flame"), variants=("neutral",))
    models = BodyModels(folder)
    options = {"use_face_contour": True, "use_pca": False, "flat_hand_mean": False}
    arguments = given("smplx", 2)
    package = smplx.create(str(folder), "smplx", batch_size=2, ext="npz", **options)
    turns = dict(
        zip(
            ("global_orient", "body_pose", "left_hand_pose", "right_hand_pose", "jaw_pose"),
            arguments["pose"].split([3, 63, 45, 45, 3], dim=1),
            strict=True,
        )
    )
    more = {"betas": arguments["shape"], "expression": arguments["expr"], "transl": arguments["trans_m"]}
    expected, made = package(**turns, **more), models.smplx()(**arguments)
    torch.testing.assert_close(made.vertices_m, expected.vertices.detach(), atol=1e-6, rtol=0)
    torch.testing.assert_close(made.joints_m, expected.joints.detach(), atol=1e-6, rtol=0)
    arguments = given("flame", 2)
    package = smplx.create(str(folder), "flame", batch_size=2, use_face_contour=True)
    more = {"betas": arguments["shape"], "expression": arguments["expr"], "transl": arguments["trans_m"]}
    turns = {"global_orient": arguments["pose"][:, :3], "jaw_pose": arguments["pose"][:, 3:]}
    expected, made = package(**turns, **more), models.flame()(**arguments)
    capsys.readouterr()
    torch.testing.assert_close(made.vertices_m, expected.vertices.detach(), atol=1e-6, rtol=0)
    torch.testing.assert_close(made.joints_m, expected.joints.detach(), atol=1e-6, rtol=0)
    assert made.joints_m.shape[1] == len(FLAME_73)
    assert models.standins == []


def test_bases_of_400_columns_give_expressions_from_column_300(models):
    neutral = models.model("smplx", "neutral")
    arrays = dict(neutral.arrays)
    wide = np.zeros((10475, 3, 400), np.float32)
    wide[..., :10], wide[..., 300:310] = arrays["shapedirs"][..., :10], arrays["shapedirs"][..., 10:20]
    wide[..., 10:20] = 7.0
    body = SmplxBody(replace(neutral, arrays=arrays | {"shapedirs": wide}))
    arguments = given("smplx", 2)
    expected = models.smplx()(**arguments)
    torch.testing.assert_close(body(**arguments).vertices_m, expected.vertices_m, atol=1e-6, rtol=0)


def test_joint_sets_of_the_layers(models):
    made = models.smplx()(**given("smplx", 1, pose=0, shape=0))
    joints = models.smplx().supervised(made.joints_m)
    assert joints.shape == (1, len(SMPLX_137), 3)
    torch.testing.assert_close(joints[0, 24], made.joints_m[0, 55])
    person = models.smpl()
    assert isinstance(person, SmplBody)
    body = person(**given("smpl", 1, pose=0, shape=0))
    more = person.joints_33(body.vertices_m)[0]
    torch.testing.assert_close(more[SMPL_33.index("left_heel")], body.vertices_m[0, 3468])
    torch.testing.assert_close(more[SMPL_33.index("left_wrist")], body.joints_m[0, 20])
