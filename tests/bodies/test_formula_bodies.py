"""The closed-form models are the published ones, and smplx called on them gives what was published."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from carpus.bodies.layers import HandBody, SmplBody, SmplxBody
from carpus.skeletons import INTERHAND_HAND, MANO_16, SNAP
from carpus.skeletons.whole_body_pose import PARENTS_55
from formula_bodies import formula_content, formula_model
from golden_cases import golden_paths


def tensor(values):
    return torch.tensor(np.asarray(values), dtype=torch.float32)


@pytest.mark.parametrize("path", golden_paths("hand4whole", "fmodel_checks"))
def test_the_formula_models_are_the_published_ones(path):
    case = np.load(path)
    body = formula_content("smplx", "neutral")
    for key in ("v_template", "shapedirs", "posedirs", "weights", "J_regressor"):
        assert list(body[key].shape) == case[f"smplx_{key}_shape"].tolist()
        np.testing.assert_allclose(body[key].ravel()[:5], case[f"smplx_{key}_first5"], atol=1e-5)
        assert body[key].sum() == pytest.approx(float(case[f"smplx_{key}_sum"]), abs=1e-5)
        assert np.abs(body[key]).sum() == pytest.approx(float(case[f"smplx_{key}_abs_sum"]), abs=1e-5)
    np.testing.assert_allclose(body["J"], case["smplx_J"], atol=1e-5)
    moved = body["v_template"][case["smplx_overridden_vertices"]]
    np.testing.assert_allclose(moved, case["smplx_overridden_xyz"], atol=1e-5)
    for kind in ("smplx", "smpl", "flame"):
        content = formula_content(kind, "neutral")
        every = content["v_template"][::50]
        np.testing.assert_allclose(every, case[f"{kind}_v_template_every_50th"], atol=1e-5)
        np.testing.assert_allclose(content["J"], case[f"{kind}_J"], atol=1e-5)
    sums = formula_content("smpl", "neutral")["posedirs"].sum()
    assert sums == pytest.approx(float(case["smpl_posedirs_sum"]), abs=1e-5)
    for side in ("right", "left"):
        content, prefix = formula_content("mano", side), f"mano_{side.upper()}_"
        for key in ("v_template", "J", "hands_mean"):
            np.testing.assert_allclose(content[key], case[prefix + key], atol=1e-5)
        for key in ("shapedirs", "posedirs"):
            assert content[key].sum() == pytest.approx(float(case[f"{prefix}{key}_sum"]), abs=1e-5)


@pytest.mark.parametrize("path", golden_paths("hand4whole", "fmodel_checks"))
def test_the_layers_give_what_was_published(path):
    case = np.load(path)

    def given(name, *keys):
        return torch.cat([tensor(case[f"call_{name}_in_{key}"]) for key in keys], dim=1)

    parts = ("global_orient", "body_pose", "left_hand_pose", "right_hand_pose", "jaw_pose")
    body = SmplxBody(formula_model("smplx", "neutral"))
    layer = body.layer  # the published call turns the eyes too
    made = layer(**{k[14:]: tensor(case[k]) for k in case.files if k.startswith("call_smplx_in_")})
    np.testing.assert_allclose(made.joints, case["call_smplx_joints144"], atol=1e-5)
    np.testing.assert_allclose(made.vertices[:, ::50], case["call_smplx_verts_every_50th"], atol=1e-5)
    ours = body(
        given("smplx", *parts),
        *(given("smplx", key) for key in ("betas", "expression", "transl")),
    )
    eyes = [23, 24, 56, 57]
    still = np.setdiff1d(np.arange(55), eyes)
    np.testing.assert_allclose(ours.joints_m[:, still], case["call_smplx_joints144"][:, still], atol=1e-5)
    hand = HandBody(formula_model("mano", "right"))
    made = hand(given("mano", "global_orient", "hand_pose"), given("mano", "betas"), given("mano", "transl"))
    np.testing.assert_allclose(made.vertices_m[:, ::10], case["call_mano_verts_every_10th"], atol=1e-5)
    assert hand.layer.parents.tolist() == [-1, 0, 1, 2, 0, 4, 5, 0, 7, 8, 0, 10, 11, 0, 13, 14]
    assert body.layer.parents.tolist() == list(PARENTS_55)


def prefixes(case, family):
    names = [key for key in case.files if key.startswith(f"{family}_") and key.endswith("_trans")]
    return sorted(name.removesuffix("trans") for name in names)


def to_camera(points, case, prefix):
    """World to camera, where the case has a camera in the world."""
    if f"{prefix}cam_R" not in case:
        return points
    return points @ case[f"{prefix}cam_R"].T + case[f"{prefix}cam_t"]


def unaugmented(case, prefix):
    return not case[f"{prefix}flip"] and not case[f"{prefix}rot"]


@pytest.mark.parametrize("path", golden_paths("hand4whole", "human_model"))
def test_meshes_of_people_lie_where_published(path):
    case = np.load(path)
    found = prefixes(case, "smplx")
    assert found
    for prefix in found:
        gender = str(case[f"{prefix}gender"])
        body = SmplxBody(formula_model("smplx", "neutral" if gender == "(absent)" else gender))
        valid = {part: bool(case[f"{prefix}{part}_valid"]) for part in ("lhand", "rhand", "face")}
        valid |= {"jaw": valid["face"], "body": True, "root": True}
        parts = ("root", "body", "lhand", "rhand", "jaw")
        pose = [case[f"{prefix}{part}_pose"] * valid[part] for part in parts]
        numbers = (np.concatenate(pose), case[f"{prefix}shape"], case[f"{prefix}expr"] * valid["face"])
        made = body(*(tensor(part)[None] for part in (*numbers, case[f"{prefix}trans"])))
        mesh = to_camera(made.vertices_m[0, ::25].numpy(), case, prefix)
        np.testing.assert_allclose(mesh, case[f"{prefix}mesh_every_25th"], atol=2e-4, err_msg=prefix)
        if unaugmented(case, prefix):
            joints = body.supervised(made.joints_m)[0].numpy()
            body_joints = (joints - joints[:1])[:25]
            np.testing.assert_allclose(body_joints, case[f"{prefix}joint_cam"][:25], atol=2e-4)


@pytest.mark.parametrize("path", golden_paths("hand4whole", "human_model"))
def test_meshes_of_smpl_lie_where_published(path):
    case = np.load(path)
    for prefix in prefixes(case, "smpl"):
        body = SmplBody(formula_model("smpl", str(case[f"{prefix}gender"])))
        made = body(*(tensor(case[f"{prefix}{key}"])[None] for key in ("pose", "shape", "trans")))
        # The cameras are those of the whole bodies.
        camera = prefix.replace("smpl", "smplx")
        mesh = to_camera(made.vertices_m[0, ::25].numpy(), case, camera)
        np.testing.assert_allclose(mesh, case[f"{prefix}mesh_every_25th"], atol=2e-4, err_msg=prefix)
        if unaugmented(case, camera):
            joints = made.joints_m[0].numpy()
            np.testing.assert_allclose(joints - joints[:1], case[f"{prefix}joint_cam"], atol=2e-4)


@pytest.mark.parametrize("path", golden_paths("hand4whole", "pose2pose_mano"))
def test_hands_and_their_joints_lie_where_published(path):
    case = np.load(path)
    for prefix in prefixes(case, "mano"):
        hand = HandBody(formula_model("mano", str(case[f"{prefix}hand_type"])))
        made = hand(*(tensor(case[f"{prefix}{key}"])[None] for key in ("pose", "shape", "trans")))
        mesh = to_camera(made.vertices_m[0, ::5].numpy(), case, prefix)
        np.testing.assert_allclose(mesh, case[f"{prefix}mesh_every_5th"], atol=2e-4, err_msg=prefix)
        if unaugmented(case, prefix):
            joints = made.joints_m[0].numpy()
            np.testing.assert_allclose(joints - joints[:1], case[f"{prefix}joint_cam"], atol=2e-4)
    assert set(INTERHAND_HAND.joints) == set(SNAP.joints) >= set(MANO_16.joints)
