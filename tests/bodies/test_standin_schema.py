"""Stand-in files key by key, read without Carpus: shapes and types of the published schema."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
import scipy.sparse

from carpus.bodies.models import KINDS

ROOT = 4294967295
HAND = [ROOT, 0, 1, 2, 0, 4, 5, 0, 7, 8, 0, 10, 11, 0, 13, 14]
BODY = [ROOT, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19]
PARENTS = {
    "mano": HAND,
    "smpl": [*BODY, 20, 21],
    "flame": [ROOT, 0, 1, 1, 1],
    "smplx": [
        *(*BODY, 15, 15, 15),
        *(20 if p == 0 else 24 + p for p in HAND[1:]),
        *(21 if p == 0 else 39 + p for p in HAND[1:]),
    ],
}
COUNTS = {
    "mano": (778, 1538, 16, 10),
    "smpl": (6890, 13776, 24, 10),
    "flame": (5023, 9976, 5, 20),
    "smplx": (10475, 20908, 55, 20),
}
MORE = {
    "mano": {
        "hands_components": (45, 45),
        "hands_mean": (45,),
        "hands_coeffs": (1554, 45),
        "betas": (10,),
    },
    "smpl": {},
    "flame": {},
    "smplx": {
        **{f"hands_components{side}": (45, 45) for side in "lr"},
        **{f"hands_mean{side}": (45,) for side in "lr"},
        **{f"hands_coeffs{side}": (1554, 45) for side in "lr"},
        "lmk_faces_idx": (51,),
        "lmk_bary_coords": (51, 3),
        "dynamic_lmk_faces_idx": (79, 17),
        "dynamic_lmk_bary_coords": (79, 17, 3),
        "vt": (11313, 2),
        "ft": (20908, 3),
    },
}
FILES = [(kind, name) for kind, family in KINDS.items() for name in family.names.values()]
COMPANIONS = {
    "smplx/MANO_SMPLX_vertex_ids.pkl": {"left_hand": (778,), "right_hand": (778,)},
    "smplx/SMPL-X__FLAME_vertex_ids.npy": (5023,),
    "smplx/SMPLX_to_J14.pkl": (14, 10475),
    "flame/flame_static_embedding.pkl": {"lmk_face_idx": (51,), "lmk_b_coords": (51, 3)},
    "flame/flame_dynamic_embedding.npy": {"lmk_face_idx": (79, 17), "lmk_b_coords": (79, 17, 3)},
    "Human36M/J_regressor_h36m_smplx.npy": (17, 10475),
    "Human36M/J_regressor_h36m_smpl.npy": (17, 6890),
}


def content_of(path):
    """What anybody's program reads of a file."""
    if path.suffix == ".pkl":
        return pickle.loads(path.read_bytes())
    found = np.load(path, allow_pickle=True)
    if path.suffix == ".npz":
        return {name: value[()] if value.ndim == 0 else value for name, value in found.items()}
    return found[()] if found.ndim == 0 else found


@pytest.mark.parametrize(("kind", "name"), FILES, ids=[name for _, name in FILES])
def test_a_model_file_has_the_published_keys_shapes_and_types(every_standin, kind, name):
    file = every_standin / kind / f"{name}{'.npz' if kind == 'smplx' else '.pkl'}"
    content, (vertices, faces, joints, columns) = content_of(file), COUNTS[kind]
    shapes = {
        **{"v_template": (vertices, 3), "f": (faces, 3), "shapedirs": (vertices, 3, columns)},
        **{"posedirs": (vertices, 3, 9 * (joints - 1)), "J_regressor": (joints, vertices), "J": (joints, 3)},
        **{"kintree_table": (2, joints), "weights": (vertices, joints)},
    } | MORE[kind]
    assert {key: content[key].shape for key in shapes} == shapes
    assert content["v_template"].dtype == np.float64
    for key in ("f", "kintree_table"):
        assert content[key].dtype == np.uint32, key
    assert scipy.sparse.issparse(content["J_regressor"]) == (kind != "smplx")
    assert content["kintree_table"].tolist() == [PARENTS[kind], list(range(joints))]
    np.testing.assert_allclose(content["weights"].sum(1), 1, atol=1e-6)
    np.testing.assert_allclose(content["J_regressor"] @ content["v_template"], content["J"], atol=3e-4)
    assert content["f"].max() < vertices
    assert (content["bs_style"], content["bs_type"]) == ("lbs", "lrotmin")
    assert bool(content["standin"])


def test_the_whole_body_has_the_tables_of_faces_and_parts(every_standin):
    content = content_of(every_standin / "smplx" / "SMPLX_NEUTRAL.npz")
    for name in ("lmk_faces_idx", "dynamic_lmk_faces_idx"):
        # Older versions of torch take no unsigned numbers.
        assert content[name].dtype == np.int64, name
        assert 0 <= content[name].min() <= content[name].max() < 20908
    for name in ("lmk_bary_coords", "dynamic_lmk_bary_coords"):
        np.testing.assert_allclose(content[name].sum(-1), 1, atol=1e-6)
    assert content["ft"].max() < len(content["vt"])
    assert isinstance(content["part2num"], dict)
    assert len(content["joint2num"]) == 55


@pytest.mark.parametrize("place", COMPANIONS)
def test_a_file_beside_the_models_has_its_published_form(every_standin, place):
    content, wanted = content_of(every_standin / place), COMPANIONS[place]
    if not isinstance(wanted, dict):
        assert content.shape == wanted
        if "regressor" in place or "J14" in place:
            assert content.dtype == np.float64
            np.testing.assert_allclose(content.sum(1), 1, atol=1e-6)
        else:
            assert len(np.unique(content)) == 5023
        return
    assert {key: content[key].shape for key in wanted} == wanted
    assert all(content[key].dtype.kind in "iu" for key in wanted if key.endswith(("idx", "hand")))
    assert content["standin"]


def test_the_tree_holds_these_files_and_no_others(every_standin):
    models = {f"{kind}/{name}{'.npz' if kind == 'smplx' else '.pkl'}" for kind, name in FILES}
    found = {
        path.relative_to(every_standin).as_posix() for path in every_standin.rglob("*") if path.is_file()
    }
    assert found == models | set(COMPANIONS)
