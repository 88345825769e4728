"""Part labels: the published ones as published, the stand-in's own, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from carpus.bodies.hand_parts import (
    PALM,
    PART_NAMES,
    PART_OF_JOINT,
    find_hand_parts,
    parts_from_weights,
    read_hand_parts,
    seal_faces,
    seal_vertices,
)
from carpus.bodies.mano import MANO
from carpus.bodies.models import BodyModel
from carpus.bodies.topology import WRIST_RING
from carpus.errors import DataError
from golden_cases import golden_paths

LABELS = golden_paths("digit", "part_labels")


def published(path, folder):
    """The two published arrays as render_mano_ih stores them."""
    case = np.load(path)
    content = {
        "sealed_faces_right": case["faces_with_seal"],
        "sealed_faces_color_right": case["face_label16"],
    }
    np.save(folder / "sealed_faces.npy", content, allow_pickle=True)
    return case


def mano_with_faces(faces):
    return BodyModel("mano", "right", {"f": np.asarray(faces, np.int64)}, "MANO_RIGHT.pkl", standin=False)


@pytest.mark.parametrize("path", LABELS)
def test_published_labels_are_read_exactly(path, tmp_path):
    case = published(path, tmp_path)
    for file in (path, tmp_path / "sealed_faces.npy"):
        parts = read_hand_parts(file)
        np.testing.assert_array_equal(parts.faces, case["faces_with_seal"])
        np.testing.assert_array_equal(parts.face_labels, case["face_label16"])
    assert [str(name) for name in case["part_names"]] == list(PART_NAMES)
    assert int(case["seal_vertex_label16"]) == PALM
    assert tuple(case["seal_ring_vertices"]) == WRIST_RING


@pytest.mark.parametrize("path", LABELS)
def test_the_wrist_is_sealed_as_published(path):
    case = np.load(path)
    np.testing.assert_array_equal(seal_faces(case["faces_with_seal"][:1538]), case["faces_with_seal"])
    closed = seal_vertices(case["example_vertices_m"][:778])
    np.testing.assert_allclose(closed, case["example_vertices_m"], atol=1e-6)
    np.testing.assert_array_equal(seal_vertices(np.stack([closed[:778]] * 2))[1], closed)


@pytest.mark.parametrize("path", LABELS)
def test_a_users_folder_gives_the_published_labels(path, tmp_path):
    model = mano_with_faces(np.load(path)["faces_with_seal"][:1538])
    with pytest.raises(DataError, match=r"put sealed_faces\.npy of .*render_mano_ih.* into .*mano"):
        find_hand_parts(tmp_path, model)
    (tmp_path / "mano").mkdir()
    published(path, tmp_path / "mano")
    assert find_hand_parts(tmp_path, model).source.endswith("sealed_faces.npy")


@pytest.mark.parametrize("path", LABELS)
def test_labels_of_another_mesh_are_refused(path, tmp_path, right):
    published(path, tmp_path)
    with pytest.raises(DataError, match="faces other than those of"):
        find_hand_parts(tmp_path, mano_with_faces(right.faces))


@pytest.mark.parametrize("path", LABELS)
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"face_label16": np.arange(1554) % 16 + 1}, "expected every one of 0..15"),
        ({"face_label16": np.zeros(1538)}, r"face_label16: float64 \(1538,\), expected whole numbers"),
        ({"face_label16": np.full(1554, 0.5)}, "whole numbers"),
        ({"faces_with_seal": np.zeros((1554, 3), int)}, "open edges at the wrist"),
    ],
)
def test_wrong_label_files_are_named(path, change, message, tmp_path):
    case = dict(np.load(path))
    file = tmp_path / "part_labels.npz"
    np.savez(file, **{key: case[key] for key in ("faces_with_seal", "face_label16")} | change)
    with pytest.raises(DataError, match=message):
        read_hand_parts(file)
    np.savez(file, other=np.zeros(3))
    with pytest.raises(DataError, match=r"holds \['other'\], expected sealed_faces_right and"):
        read_hand_parts(file)


def test_joints_and_parts_have_the_same_names():
    names = (("mcp", "base"), ("pip", "mid"), ("dip", "tip"), ("little", "pinky"), ("wrist", "palm"))
    expected = list(MANO.joints[:16])
    for ours, published_name in names:
        expected = [joint.replace(ours, published_name) for joint in expected]
    assert [PART_NAMES[part] for part in PART_OF_JOINT] == expected


def test_a_standin_brings_its_own_labels(right, tmp_path):
    parts = find_hand_parts(tmp_path, right)
    np.testing.assert_array_equal(parts.faces, parts_from_weights(right).faces)
    assert set(parts.face_labels) == set(range(16))
    assert (parts.face_labels[1538:] == PALM).all()
    assert parts.face_labels.dtype == np.uint8
    corners = right.arrays["v_template"][right.faces].mean(1)
    for joint, part in enumerate(PART_OF_JOINT[1:], start=1):
        centre = corners[parts.face_labels[:1538] == part].mean(0)
        assert np.linalg.norm(centre - right.arrays["J"][joint]) < 0.03
    assert "stand-in" in parts.source


def test_every_edge_of_the_closed_mesh_has_two_faces(right):
    faces = parts_from_weights(right).faces
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    assert {tuple(edge) for edge in edges.tolist()} == {tuple(edge) for edge in edges[:, ::-1].tolist()}
    assert len(np.unique(edges, axis=0)) == len(edges)


def test_a_left_mesh_is_not_taken_for_a_right_one(left):
    with pytest.raises(DataError, match="open edges at the wrist"):
        seal_faces(left.faces)
