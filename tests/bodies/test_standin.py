"""The stand-in hand is a hand in the published schema; the golden one passes the same checks."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
import smplx
import torch

from carpus.bodies.models import KINDS
from carpus.bodies.smplx_layers import smplx_layer
from carpus.bodies.standin import standin_model, write_standins
from carpus.bodies.standin_rig import joint_regressor
from carpus.bodies.topology import BESIDE_TIPS, FINGER_TIPS, WRIST_RING
from carpus.bodies.unpickle import read_arrays
from carpus.errors import ConfigError
from golden_cases import golden_paths

MIRROR = np.array([-1.0, 1.0, 1.0])


def golden_hand(path):
    case = np.load(path)
    named = {key: case[key] for key in ("v_template", "weights", "J", "J_regressor", "hands_mean")}
    return named | {"f": case["f"].astype(np.int64), "parents": case["kintree_parents"]}


def our_hand(side):
    model = standin_model("mano", side)
    return {**model.arrays, "parents": model.parents}


def half_edges(faces):
    return np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])


def open_edges(faces):
    forwards = {tuple(edge) for edge in half_edges(faces).tolist()}
    return [edge for edge in forwards if edge[::-1] not in forwards]


HANDS = [
    *golden_paths("hand4whole", "standin_mano"),
    pytest.param("right", id="ours right"),
    pytest.param("left", id="ours left"),
]


@pytest.fixture
def hand(request):
    return our_hand(request.param) if request.param in ("right", "left") else golden_hand(request.param)


@pytest.mark.parametrize("hand", HANDS, indirect=True)
def test_surface_is_a_manifold_open_only_at_the_wrist(hand):
    vertices, faces = hand["v_template"].astype(float), hand["f"]
    edges = half_edges(faces)
    assert len(np.unique(edges, axis=0)) == len(edges) == 3 * 1538, "an edge runs twice in one direction"
    assert len(np.unique(np.sort(edges, 1), axis=0)) == 2315
    border = dict(open_edges(faces))
    walk = [next(iter(border))]
    while len(walk) < 16:
        walk.append(border[walk[-1]])
    assert len(set(walk)) == len(border) == 16
    assert set(np.unique(faces)) == set(range(778))
    centre = vertices[walk].mean(0)
    corners = vertices[faces] - centre
    assert np.einsum("fc,fc->f", np.cross(corners[:, 0], corners[:, 1]), corners[:, 2]).sum() / 6 > 1e-4
    area = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1) / 2
    assert area.min() > 1e-8


@pytest.mark.parametrize("hand", HANDS, indirect=True)
def test_joints_and_weights_follow_the_schema(hand):
    assert hand["parents"].tolist() == [-1, 0, 1, 2, 0, 4, 5, 0, 7, 8, 0, 10, 11, 0, 13, 14]
    assert np.allclose(hand["weights"].sum(1), 1)
    assert (hand["weights"] >= 0).all()
    assert (hand["J_regressor"] >= 0).all()
    np.testing.assert_allclose(hand["J_regressor"].sum(1), 1, atol=1e-5)
    np.testing.assert_allclose(hand["J_regressor"] @ hand["v_template"], hand["J"], atol=3e-4)


@pytest.mark.parametrize("path", golden_paths("hand4whole", "standin_mano"))
def test_joints_are_those_of_the_golden_hand(path):
    theirs = np.load(path)
    ours = our_hand("right" if theirs["J"][:, 0].mean() < 0 else "left")
    np.testing.assert_allclose(ours["J"], theirs["J"], atol=3e-4)
    span = [np.ptp(v, axis=0) for v in (ours["v_template"], theirs["v_template"])]
    np.testing.assert_allclose(span[0], span[1], rtol=0.1)


def test_wrist_and_tips_have_the_published_numbers(right):
    faces, vertices = right.faces, right.arrays["v_template"]
    assert {tuple(edge) for edge in open_edges(faces)} == set(
        zip(np.roll(WRIST_RING, -1).tolist(), WRIST_RING, strict=True)
    )
    for finger, last_joint in {"thumb": 15, "index": 3, "middle": 6, "ring": 12, "little": 9}.items():
        tip, beside = vertices[FINGER_TIPS[finger]], vertices[BESIDE_TIPS[finger]]
        own = right.arrays["weights"][:, last_joint] > 0.5
        reach = np.linalg.norm(vertices[own] - right.arrays["J"][last_joint], axis=1)
        assert np.linalg.norm(tip - right.arrays["J"][last_joint]) == pytest.approx(reach.max())
        assert np.linalg.norm(tip - beside) < 0.006


def test_left_and_right_mirror_each_other(left, right):
    ours, other = left.arrays, right.arrays
    np.testing.assert_allclose(ours["v_template"], other["v_template"] * MIRROR)
    np.testing.assert_array_equal(ours["f"], other["f"][:, [1, 0, 2]])
    pose = torch.tensor(np.random.default_rng(0).normal(0, 0.4, (3, 16, 3)), dtype=torch.float32)
    betas = torch.tensor(np.random.default_rng(1).normal(0, 1, (3, 10)), dtype=torch.float32)
    turned = pose * torch.tensor([1.0, -1, -1])
    meshes = [
        smplx_layer(model)(
            betas=betas, global_orient=turn[:, 0], hand_pose=turn[:, 1:].reshape(3, 45)
        ).vertices
        for model, turn in ((left, pose), (right, turned))
    ]
    np.testing.assert_allclose(meshes[0], meshes[1] * torch.tensor(MIRROR), atol=1e-6)


@pytest.mark.parametrize("side", ["right", "left"])
def test_smplx_reads_the_files_itself(folder, side, capsys):
    layer = smplx.create(str(folder), "mano", is_rhand=side == "right", use_pca=False, flat_hand_mean=True)
    capsys.readouterr()
    made = layer()
    expected = standin_model("mano", side).arrays
    np.testing.assert_allclose(made.vertices[0].detach(), expected["v_template"], atol=1e-6)
    np.testing.assert_allclose(made.joints[0].detach(), expected["J"], atol=1e-6)
    content = read_arrays(folder / "mano" / f"MANO_{side.upper()}.pkl")
    assert content["standin"] is True
    assert content["kintree_table"][0, 0] == 4294967295
    assert set(KINDS["mano"].shapes) <= set(content)


def test_files_depend_on_the_seed_alone(folder, tmp_path):
    first = [path.read_bytes() for path in sorted((folder / "mano").iterdir())]
    assert [path.read_bytes() for path in sorted(write_standins(tmp_path, ["mano"]))] == first
    other = write_standins(tmp_path, ["mano"], seed=1)
    assert sorted(path.name for path in (tmp_path / "mano").iterdir()) == ["MANO_LEFT.pkl", "MANO_RIGHT.pkl"]
    assert [path.read_bytes() for path in sorted(other)] != first


def test_a_published_file_is_never_overwritten(tmp_path, formula_content):
    path = tmp_path / "mano" / "MANO_RIGHT.pkl"
    path.parent.mkdir()
    path.write_bytes(pickle.dumps(formula_content("right")))
    before = path.read_bytes()
    with pytest.raises(ConfigError, match="published model"):
        write_standins(tmp_path)
    assert path.read_bytes() == before


def test_a_regressor_reaches_joints_deep_inside_and_no_others():
    rng = np.random.default_rng(0)
    shell = rng.normal(size=(4000, 3))
    shell *= 0.5 / np.linalg.norm(shell, axis=1, keepdims=True)
    joints = np.array([[0.0, 0, 0], [0.1, 0.2, -0.3]])
    rows = joint_regressor(shell, joints)
    np.testing.assert_allclose(rows @ shell, joints, atol=3e-4)
    with pytest.raises(ValueError, match="outside the vertices"):
        joint_regressor(shell, np.array([[0.9, 0, 0]]))
