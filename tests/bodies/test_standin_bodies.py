"""Stand-in bodies and head: the published schema, joints where they belong, read by smplx itself."""

from __future__ import annotations

import numpy as np
import pytest
import smplx
import torch
from smplx.vertex_ids import vertex_ids

from carpus.bodies.files import load_body_model
from carpus.bodies.models import KINDS
from carpus.bodies.rest_joints import BODY, BODY_PARENTS, FACE, LEFT_HAND, LEFT_WRIST, SMPL_HANDS
from carpus.bodies.standin import standin_model, write_standins
from carpus.bodies.unpickle import read_arrays
from golden_cases import golden_paths

MIRROR = np.array([-1.0, 1.0, 1.0])
BODIES = ("smplx", "smpl", "flame")


@pytest.fixture(scope="module")
def bodies(tmp_path_factory):
    place = tmp_path_factory.mktemp("standins")
    written = write_standins(place, BODIES)
    assert len(written) == 9
    return place


def create(folder, kind, capsys, **options):
    layer = smplx.create(str(folder), kind, use_face_contour=kind != "smpl", **options)
    capsys.readouterr()
    return layer


@pytest.mark.parametrize(("kind", "joints"), [("smplx", 144), ("smpl", 45), ("flame", 73)])
@pytest.mark.parametrize(("gender", "scale"), [("neutral", 1.0), ("male", 1.03), ("female", 0.97)])
def test_smplx_reads_every_body_itself(bodies, kind, joints, gender, scale, capsys):
    layer = create(bodies, kind, capsys, gender=gender, **({"use_pca": False} if kind == "smplx" else {}))
    made = layer()
    neutral = standin_model(kind, "neutral").arrays
    assert made.joints.shape == (1, joints, 3)
    if kind != "smplx":  # its hands rest in the mean pose
        np.testing.assert_allclose(made.vertices[0].detach(), scale * neutral["v_template"], atol=1e-5)
        count = KINDS[kind].joints
        np.testing.assert_allclose(made.joints[0, :count].detach(), scale * neutral["J"], atol=1e-5)


@pytest.mark.parametrize("kind", BODIES)
def test_files_hold_the_schema_and_say_what_they_are(bodies, kind):
    model = load_body_model(bodies, kind, "male")
    assert model.standin
    assert np.allclose(model.arrays["weights"].sum(1), 1)
    assert ((model.arrays["weights"] > 0).sum(1) <= 5).all()
    assert np.allclose(model.arrays["J_regressor"].sum(1), 1)
    assert (model.arrays["J_regressor"] >= 0).all()
    assert set(np.unique(model.faces)) == set(range(KINDS[kind].vertices))
    assert (model.parents[1:] < np.arange(1, KINDS[kind].joints)).all()


def test_rest_joints_and_trees_are_the_tables():
    right = (LEFT_HAND * MIRROR).reshape(-1, 3)
    expected = {
        "smplx": np.concatenate([BODY, FACE, LEFT_HAND.reshape(-1, 3), right]),
        "smpl": np.concatenate([BODY, SMPL_HANDS]),
    }
    for kind, joints in expected.items():
        model = standin_model(kind, "neutral")
        np.testing.assert_allclose(model.arrays["J"], joints, atol=3e-4)
        assert tuple(model.parents[:22]) == BODY_PARENTS
    parents = standin_model("smplx", "neutral").parents
    assert parents[22:].tolist() == [
        *(15, 15, 15),
        *(20, 25, 26, 20, 28, 29, 20, 31, 32, 20, 34, 35, 20, 37, 38),
        *(21, 40, 41, 21, 43, 44, 21, 46, 47, 21, 49, 50, 21, 52, 53),
    ]
    assert standin_model("flame", "neutral").parents.tolist() == [-1, 0, 1, 1, 1]


@pytest.mark.parametrize("path", golden_paths("hand4whole", "fmodel_checks"))
def test_named_vertices_lie_where_the_formula_model_has_them(path):
    case = np.load(path)
    vertices = standin_model("smplx", "neutral").arrays["v_template"]
    away = np.linalg.norm(vertices[case["smplx_overridden_vertices"]] - case["smplx_overridden_xyz"], axis=1)
    assert away.max() < 0.02
    smpl = standin_model("smpl", "neutral").arrays["v_template"]
    for name, number in vertex_ids["smplh"].items():
        other = vertices[vertex_ids["smplx"][name]]
        # The thumb of a mitten is its edge.
        assert np.linalg.norm(smpl[number] - other) < (0.05 if name.endswith("thumb") else 0.035), name


def test_hands_and_head_are_mano_and_flame(bodies):
    body = load_body_model(bodies, "smplx", "neutral").arrays
    ids = read_arrays(bodies / "smplx" / "MANO_SMPLX_vertex_ids.pkl")
    for side, sign in (("left", 1), ("right", MIRROR)):
        hand = standin_model("mano", side).arrays
        placed = hand["v_template"] + LEFT_WRIST * sign
        np.testing.assert_allclose(body["v_template"][ids[f"{side}_hand"]], placed, atol=1e-9)
        np.testing.assert_allclose(body[f"hands_mean{side[0]}"], hand["hands_mean"])
        first = 25 if side == "left" else 40
        wrist = 20 if side == "left" else 21
        moved = body["weights"][ids[f"{side}_hand"]][:, [wrist, *range(first, first + 15)]]
        np.testing.assert_allclose(moved, hand["weights"])
    head = np.load(bodies / "smplx" / "SMPL-X__FLAME_vertex_ids.npy")
    flame = load_body_model(bodies, "flame", "neutral").arrays
    offset = body["v_template"][head] - flame["v_template"]
    np.testing.assert_allclose(offset, offset[:1].repeat(5023, axis=0), atol=1e-9)


def test_expressions_move_the_head_alone(bodies):
    body = load_body_model(bodies, "smplx", "neutral").arrays
    head = np.load(bodies / "smplx" / "SMPL-X__FLAME_vertex_ids.npy")
    others = np.setdiff1d(np.arange(10475), head)
    assert not body["shapedirs"][others, :, 10:].any()
    assert np.abs(body["shapedirs"][head, :, 10:]).max() > 5e-4
    assert np.abs(body["shapedirs"][others, :, :10]).max() > 1e-3


def test_surfaces_are_closed_and_look_outwards():
    for kind, opened in (("smplx", 32), ("smpl", 0), ("flame", None)):
        model = standin_model(kind, "neutral")
        faces = np.unique(model.faces, axis=0)  # without the repeats that fill up to the published count
        edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
        assert len(np.unique(edges, axis=0)) == len(edges)
        missing = {tuple(e) for e in edges.tolist()} - {tuple(e) for e in edges[:, ::-1].tolist()}
        assert opened is None or len(missing) == opened
        corners = model.arrays["v_template"][faces]
        corners = corners - corners.mean((0, 1))
        assert np.einsum("fc,fc->", np.cross(corners[:, 0], corners[:, 1]), corners[:, 2]) > 0


def test_landmarks_lie_on_the_face_and_the_contour_follows_the_turn(bodies, capsys):
    layer = create(bodies, "smplx", capsys, use_pca=False)
    points = layer().joints[0].detach().numpy()
    face, contour = points[76:127], points[127:]
    nose = points[55]
    assert (face[:, 2] > 0.05).all()
    assert np.abs(face - nose).max() < 0.08
    assert np.linalg.norm(face[13] - nose) < 0.02  # the bridge's lowest point
    assert (np.diff(contour[:, 0]) > 0).all()
    assert contour[8, 1] == pytest.approx(contour[:, 1].min())
    turned = layer(global_orient=torch.tensor([[0.0, 0.5, 0.0]])).joints[0, 127:].detach().numpy()
    assert np.ptp(turned[:, 0]) > 0.1


def test_the_fourteen_joints_are_rows_of_the_regressor(bodies):
    from carpus.bodies.unpickle import read_pickle

    rows = read_pickle(bodies / "smplx" / "SMPLX_to_J14.pkl")
    body = load_body_model(bodies, "smplx", "neutral").arrays
    assert rows.shape == (14, 10475)
    np.testing.assert_allclose(
        rows @ body["v_template"], body["J"][[8, 5, 2, 1, 4, 7, 21, 19, 17, 16, 18, 20, 12, 15]]
    )


def test_a_raised_arm_moves_the_arm_alone(bodies, capsys):
    layer = create(bodies, "smplx", capsys, use_pca=False)
    pose = torch.zeros(1, 21, 3)
    pose[0, 15] = torch.tensor([0.0, 0.0, 1.0])  # left shoulder
    moved = (
        (layer(body_pose=pose.reshape(1, 63)).vertices - layer().vertices)[0].norm(dim=-1).detach().numpy()
    )
    rest = standin_model("smplx", "neutral").arrays["v_template"]
    assert moved[rest[:, 0] > 0.5].min() > 0.2
    assert moved[rest[:, 0] < 0.0].max() < 1e-6
