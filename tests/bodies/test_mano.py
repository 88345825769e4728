"""The MANO layer against published calls; units, frames, joint order, the left hand's known error."""

from __future__ import annotations

import logging
import pickle
from dataclasses import replace

import numpy as np
import pytest
import torch

from carpus.bodies.mano import (
    MANO,
    REGRESSOR_FILE,
    ManoHand,
    find_joint_regressor,
    load_mano,
    repair_left_shape,
)
from carpus.bodies.topology import FINGER_TIPS, WRIST_RING
from carpus.errors import ConfigError, DataError
from carpus.skeletons import INTERHAND_HAND
from golden_cases import golden_paths

TURN = torch.tensor(
    [
        [0.99613237, 0.08567702, -0.01948704],
        [-0.08382042, 0.99312677, 0.0816906],
        [0.0263521, -0.07974124, 0.99646721],
    ]
)


def tensor(values):
    return torch.tensor(np.asarray(values), dtype=torch.float32)


def parameters(count=3, seed=0):
    rng = np.random.default_rng(seed)
    return (
        tensor(rng.normal(0, 0.4, (count, 48))),
        tensor(rng.normal(0, 1, (count, 10))),
        tensor(rng.normal((0, 0, 0.9), 0.2, (count, 3))),
    )


@pytest.mark.parametrize("path", golden_paths("hand4whole", "fmodel_checks"))
def test_the_layer_gives_what_was_published(path, formula_mano):
    case = np.load(path)
    given = {
        key: tensor(case[f"call_mano_in_{key}"]) for key in ("global_orient", "hand_pose", "betas", "transl")
    }
    pose = torch.cat([given["global_orient"], given["hand_pose"]], 1)
    made = ManoHand(formula_mano("right"))(pose, given["betas"], given["transl"])
    np.testing.assert_allclose(
        made.vertices_cam_mm[:, ::10] / 1000, case["call_mano_verts_every_10th"], atol=1e-5
    )
    ours = made.joints_cam_mm.numpy() / 1000
    back = INTERHAND_HAND.permutation(to=MANO)[:16]
    np.testing.assert_allclose(ours[:, back], case["call_mano_joints16"], atol=1e-5)


@pytest.mark.parametrize("path", golden_paths("hand4whole", "pose2pose_mano"))
def test_hands_of_world_parameters_lie_where_published(path, formula_mano):
    case = np.load(path)
    prefixes = sorted(key.removesuffix("hand_type") for key in case.files if key.endswith("_hand_type"))
    assert prefixes
    for prefix in prefixes:
        extrinsics = []
        if f"{prefix}cam_R" in case:
            rotation, shift_m = case[f"{prefix}cam_R"], case[f"{prefix}cam_t"]
            extrinsics = [tensor(rotation), tensor(-1000 * rotation.T @ shift_m)]
        hand = ManoHand(formula_mano(str(case[f"{prefix}hand_type"])))
        made = hand(*(tensor(case[prefix + key])[None] for key in ("pose", "shape", "trans")), *extrinsics)
        found = made.vertices_cam_mm[0, ::5] / 1000
        np.testing.assert_allclose(found, case[f"{prefix}mesh_every_5th"], atol=2e-4, err_msg=prefix)


def test_a_zero_pose_is_the_mean_hand_or_the_flat_one(folder, right):
    zero = (torch.zeros(1, 48), torch.zeros(1, 10), torch.zeros(1, 3))
    flat = load_mano(folder, "right", flat_hand_mean=True)(*zero).vertices_cam_mm[0]
    np.testing.assert_allclose(flat, 1000 * right.arrays["v_template"], atol=1e-3)
    mean = load_mano(folder, "right")(*zero).vertices_cam_mm[0]
    pose = torch.cat([torch.zeros(3), tensor(right.arrays["hands_mean"])])[None]
    posed = load_mano(folder, "right", flat_hand_mean=True)(pose, *zero[1:]).vertices_cam_mm[0]
    np.testing.assert_allclose(mean, posed, atol=1e-3)
    assert (mean - flat).abs().max() > 10


def test_joints_without_regressor_are_in_interhand_order(folder):
    made = load_mano(folder, "left")(*parameters())
    for finger, vertex in FINGER_TIPS.items():
        tip = made.joints_cam_mm[:, INTERHAND_HAND.index(f"{finger}_tip")]
        torch.testing.assert_close(tip, made.vertices_cam_mm[:, vertex])
        chain = [INTERHAND_HAND.index(f"{finger}_{part}") for part in ("tip", "dip", "pip", "mcp")]
        bones = made.joints_cam_mm[:, chain].diff(dim=1).norm(dim=-1)
        assert ((bones > 12) & (bones < 50)).all()
    wrist = made.joints_cam_mm[:, INTERHAND_HAND.index("wrist")]
    assert (wrist - made.vertices_cam_mm[:, WRIST_RING].mean(1)).norm(dim=-1).max() < 12


def test_camera_extrinsics_move_vertices_and_joints(folder):
    hand, given, position = load_mano(folder, "right"), parameters(), tensor([120.0, -40.0, 300.0])
    world, seen = hand(*given), hand(*given, TURN, position)
    for name in ("vertices_cam_mm", "joints_cam_mm"):
        expected = (getattr(world, name) - position) @ TURN.T
        torch.testing.assert_close(getattr(seen, name), expected, atol=1e-3, rtol=1e-5)
    many = hand(*given, TURN.expand(3, 3, 3), torch.stack([position, 2 * position, 0 * position]))
    torch.testing.assert_close(many.vertices_cam_mm[0], seen.vertices_cam_mm[0], atol=1e-3, rtol=1e-5)
    torch.testing.assert_close(
        many.vertices_cam_mm[2], world.vertices_cam_mm[2] @ TURN.T, atol=1e-3, rtol=1e-5
    )
    with pytest.raises(ValueError, match="together"):
        hand(*given, TURN)


def test_a_batch_equals_single_hands_and_inputs_stay_as_they_are(folder):
    hand, given = load_mano(folder, "left"), parameters(4)
    kept = [values.clone() for values in given]
    together = hand(*given)
    alone = [hand(*(values[i : i + 1] for values in given)) for i in range(4)]
    expected = torch.cat([one.vertices_cam_mm for one in alone])
    torch.testing.assert_close(together.vertices_cam_mm, expected, atol=1e-3, rtol=1e-5)
    for before, after in zip(kept, given, strict=True):
        torch.testing.assert_close(before, after, rtol=0, atol=0)


def test_gradients_reach_the_parameters_and_the_layer_has_none(folder):
    hand, given = load_mano(folder, "right"), [values.requires_grad_() for values in parameters()]
    hand(*given).joints_cam_mm.square().sum().backward()
    assert all(values.grad is not None and values.grad.abs().sum() > 0 for values in given)
    assert not list(hand.parameters())


def with_x_of_the_right(left, right):
    """The published left file's error."""
    wrong = left.arrays["shapedirs"].copy()
    wrong[:, 0] = right.arrays["shapedirs"][:, 0]
    return replace(left, arrays={**left.arrays, "shapedirs": wrong})


def test_the_left_hand_is_repaired_once_and_said_so(left, right, caplog):
    broken = with_x_of_the_right(left, right)
    with caplog.at_level(logging.INFO):
        repaired = repair_left_shape(broken, right)
    assert "left hand's shape basis negated" in caplog.text
    np.testing.assert_allclose(repaired.arrays["shapedirs"], left.arrays["shapedirs"])
    assert repair_left_shape(repaired, right) is repaired
    assert repair_left_shape(left, right) is left


def test_loading_repairs_a_left_file(tmp_path, left, right):
    for model in (with_x_of_the_right(left, right), right):
        path = tmp_path / f"MANO_{model.variant.upper()}.pkl"
        path.write_bytes(pickle.dumps(dict(model.arrays)))
    given = parameters()
    expected = load_mano("nowhere", "left", standin=True)(*given)
    torch.testing.assert_close(load_mano(tmp_path, "left")(*given).vertices_cam_mm, expected.vertices_cam_mm)
    (tmp_path / "MANO_RIGHT.pkl").unlink()
    with pytest.raises(DataError, match=r"MANO_RIGHT\.pkl"):
        load_mano(tmp_path, "left")


def test_a_published_hand_beside_a_standin_is_refused(tmp_path, formula_content):
    (tmp_path / "MANO_LEFT.pkl").write_bytes(pickle.dumps(formula_content("left")))
    with pytest.raises(DataError, match="one hand is published, the other is not"):
        load_mano(tmp_path, "left", standin=True)


def test_joints_come_from_a_regressor_in_the_folder(tmp_path, folder, formula_content):
    matrix = np.random.default_rng(0).random((21, 778)).astype(np.float32)
    matrix /= matrix.sum(1, keepdims=True)
    np.save(tmp_path / REGRESSOR_FILE, matrix)
    for side in ("right", "left"):
        (tmp_path / f"MANO_{side.upper()}.pkl").write_bytes(pickle.dumps(formula_content(side)))
    made = load_mano(tmp_path, "right")(*parameters())
    expected = np.einsum("jv,bvc->bjc", matrix, made.vertices_cam_mm.numpy())
    np.testing.assert_allclose(made.joints_cam_mm, expected, atol=1e-2)
    np.save(tmp_path / REGRESSOR_FILE, matrix[:16])
    with pytest.raises(DataError, match=r"shape \(16, 778\), expected \(21, 778\)"):
        find_joint_regressor(tmp_path)
    assert find_joint_regressor(folder) is None
    assert load_mano(folder, "right").regressor is None


@pytest.mark.parametrize("path", golden_paths("digit", "joint_regression"))
def test_the_published_regressor_gives_the_published_joints(path, samples):
    matrix = find_joint_regressor(samples / "interhand2.6m")
    if matrix is None:
        pytest.skip(f"{REGRESSOR_FILE} is not among the samples")
    case = np.load(path)
    np.testing.assert_allclose(matrix @ case["vertices_778_mm"], case["joints_21_mm"], atol=1e-2)
    tips = [INTERHAND_HAND.index(f"{finger}_tip") for finger in FINGER_TIPS]
    assert list(FINGER_TIPS.values()) == case["tip_vertices"].tolist()
    np.testing.assert_allclose(
        case["joints_21_mm"][tips], case["vertices_778_mm"][case["tip_vertices"]], atol=1e-2
    )


def test_wrong_arguments_are_named(folder):
    pose, shape, trans = parameters()
    with pytest.raises(ValueError, match=r"\(3, 45\)"):
        load_mano(folder, "right")(pose[:, :45], shape, trans)
    with pytest.raises(ConfigError, match="unknown hand 'both'"):
        load_mano(folder, "both")
