"""Joints of gendered bodies without their meshes, against the layers with them."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from carpus.bodies.layers import SmplxBody
from carpus.bodies.standin import standin_model
from carpus.data.agora_bodies import SIZES, JointBodies, JointBody, checked_fit
from carpus.errors import DataError


def random_fit(seed, ahead=True):
    rng = np.random.default_rng(seed)
    fit = {name: rng.normal(0, 0.4, size) for name, size in SIZES.items()}
    if ahead:
        fit["leye_pose"], fit["reye_pose"] = np.zeros(3), np.zeros(3)
    return fit


@pytest.mark.parametrize("gender", ["male", "female"])
def test_joints_are_those_of_the_layer(gender):
    model = standin_model("smplx", gender)
    body, layer = JointBody(model), SmplxBody(model)
    for seed in range(3):
        fit = random_fit(seed)
        parts = ("global_orient", "body_pose", "left_hand_pose", "right_hand_pose", "jaw_pose")
        pose = np.concatenate([fit[name] for name in parts])
        given = [
            torch.tensor(values[None], dtype=torch.float32)
            for values in (pose, fit["betas"], fit["expression"], fit["transl"])
        ]
        expected = layer(*given).joints_m[0, :127].numpy()
        np.testing.assert_allclose(body.joints(fit), expected, atol=2e-6)
        np.testing.assert_allclose(body.pelvis(fit) + fit["transl"], expected[0], atol=2e-6)


def test_children_are_blended_towards_the_infant():
    model = standin_model("smplx", "male")
    template = np.asarray(model.arrays["v_template"], np.float64)
    infant = 0.4 * (template - template.mean(0))
    body, fit = JointBody(model, infant + 3.0), {name: np.zeros(size) for name, size in SIZES.items()}
    adult = body.joints(fit)
    fit["betas"] = np.append(fit["betas"], 1.0)
    child = body.joints(fit, kid=True)
    np.testing.assert_array_equal(body.joints(fit), adult)
    np.testing.assert_allclose(np.ptp(child[:22, 1]), 0.4 * np.ptp(adult[:22, 1]), rtol=0.05)
    np.testing.assert_array_equal(JointBody(model).joints(fit, kid=True), JointBody(model).joints(fit))
    with pytest.raises(DataError, match="template of an infant"):
        JointBody(model, infant[:5])


def test_both_missing_files_are_named_at_once(tmp_path):
    with pytest.raises(DataError) as error:
        JointBodies(tmp_path)
    assert "SMPLX_MALE.npz" in str(error.value)
    assert "SMPLX_FEMALE.npz" in str(error.value)


def test_the_neutral_body_is_read_when_it_is_needed(tmp_path):
    bodies = JointBodies(tmp_path, standin=True)
    assert bodies.standin
    assert (
        len({bodies.digests()[gender] for gender in ("male", "female")} | {bodies["neutral"].digest()}) == 3
    )


def test_a_damaged_template_is_named(tmp_path):
    (tmp_path / "smplx_kid_template.npy").write_bytes(b"nothing")
    with pytest.raises(DataError, match="smplx_kid_template"):
        JointBodies(tmp_path, standin=True)


def test_fits_are_checked():
    fit = random_fit(0)
    without_eyes = {name: values for name, values in fit.items() if not name.endswith("eye_pose")}
    assert (checked_fit(without_eyes, "x")["leye_pose"] == 0).all()
    assert checked_fit(fit | {"betas": np.zeros((1, 11))}, "x")["betas"].shape == (11,)
    for changed, word in (
        ({"betas": np.zeros(9)}, "betas has 9"),
        ({"transl": np.full(3, np.nan)}, "transl"),
        ({"body_pose": np.zeros(69)}, "fit of SMPL;"),
        ({"left_hand_pose": np.zeros(12)}, "left_hand_pose has 12"),
    ):
        with pytest.raises(DataError, match=word):
            checked_fit(fit | changed, "x")
    with pytest.raises(DataError, match="no 'transl'"):
        checked_fit({name: values for name, values in fit.items() if name != "transl"}, "x")
