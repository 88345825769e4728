"""Protocols that take their tables, and true meshes of another family, from a folder of body models."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from carpus.bodies.library import BodyModels
from carpus.metrics.mesh_tables import MeshTables, fitted_vertices_mm, read_array
from carpus.metrics.protocols.freihand_mesh import FreiHANDMeshProtocol
from carpus.metrics.protocols.human36m import Human36mProtocol
from carpus.metrics.protocols.pw3d import PW3DProtocol
from carpus.metrics.protocols.whole_body import AgoraProtocol, EHFProtocol
from carpus.types import Batch, Predictions

sys.path.insert(0, str(Path(__file__).parent))

import mesh_worker as worker

PEOPLE = 2


@pytest.fixture(scope="module")
def models():
    return BodyModels("nowhere", standin=True)


def smpl_fit():
    draw = torch.Generator().manual_seed(0)
    return {
        "smpl_pose": 0.2 * torch.randn(PEOPLE, 72, generator=draw),
        "smpl_shape": torch.randn(PEOPLE, 10, generator=draw),
        "smpl_trans_m": torch.randn(PEOPLE, 3, generator=draw) + 5,
        "gender": torch.tensor([1, 2]),
        "target_vertices_mm": torch.zeros(PEOPLE, 10475, 3),
        "target_vertices_valid": torch.zeros(PEOPLE, dtype=torch.bool),
    }


def scored(protocol, found, truth):
    keys = [f"person{i}" for i in range(len(found))]
    protocol.update(Predictions(keys, vertices_cam_mm=found), Batch(keys, truth))
    return protocol.compute()


def test_files_are_read_when_the_first_mesh_comes(tmp_path):
    nothing = BodyModels(tmp_path)
    for protocol in (EHFProtocol(nothing), PW3DProtocol(nothing), Human36mProtocol(nothing)):
        assert np.isnan(protocol.compute()[protocol.headline])
    FreiHANDMeshProtocol(nothing)


def test_tables_of_a_folder_are_those_of_its_files(models):
    found = worker.samples("ehf")[0][:PEOPLE]
    true = found + 30 * torch.randn(found.shape, generator=torch.Generator().manual_seed(1))
    tables = MeshTables(
        models.model("smplx", "neutral").arrays["J_regressor"],
        models.hand_vertices("left"),
        models.hand_vertices("right"),
        models.face_vertices(),
        models.j14_regressor(),
    )
    truth = {"vertices_m": true / 1000}
    lazy = scored(EHFProtocol(models, models), found, truth)
    assert lazy == pytest.approx(scored(EHFProtocol(tables, models), found, truth), rel=1e-6)


def test_3dpw_makes_the_true_body_of_each_gender_for_methods_of_smplx(models):
    truth = smpl_fit()
    genders = ["male", "female"]
    arguments = {name: truth[f"smpl_{name}"] for name in ("pose", "shape", "trans_m")}
    own = models.mixed("smpl", genders, **arguments).vertices_m * 1000
    made = fitted_vertices_mm(Batch(["a", "b"], truth), models, gendered=True)
    assert torch.equal(made, own)
    values = scored(PW3DProtocol(models), own + 40, truth)
    assert max(values.values()) < 1e-2
    wide = models.smplx()(torch.zeros(PEOPLE, 159), torch.zeros(PEOPLE, 10)).vertices_m * 1000
    assert set(scored(PW3DProtocol(models), wide, truth)) == {"mpjpe", "pa_mpjpe"}
    neutral = fitted_vertices_mm(Batch(["a", "b"], truth), models, gendered=False)
    assert not torch.allclose(neutral, own, atol=1.0)
    assert fitted_vertices_mm(Batch(["a", "b"], {"joints": torch.zeros(2)}), models, True) is None


def test_a_fit_in_the_world_is_taken_to_the_camera(models):
    truth = smpl_fit()
    made = fitted_vertices_mm(Batch(["a", "b"], truth), models, gendered=True)
    assert made is not None
    turn = torch.linalg.matrix_exp(torch.tensor([[0.0, -0.4, 0.0], [0.4, 0.0, 0.3], [0.0, -0.3, 0.0]]))
    shift = torch.tensor([1.0, 2.0, 3.0])
    world = {"model_rotation": turn.expand(2, 3, 3), "model_translation_m": shift.expand(2, 3)}
    moved = fitted_vertices_mm(Batch(["a", "b"], truth | world), models, gendered=True)
    expected = made @ turn.mT + 1000 * shift
    torch.testing.assert_close(moved, expected, atol=1e-2, rtol=0)


def test_bodies_alone_meet_the_whole_bodies_of_agora(models):
    draw = torch.Generator().manual_seed(0)
    sizes = {"pose": 159, "shape": 10, "expr": 10, "trans_m": 3}
    truth = {f"smplx_{name}": 0.1 * torch.randn(PEOPLE, size, generator=draw) for name, size in sizes.items()}
    truth |= {name: value for name, value in smpl_fit().items() if name.startswith("target")}
    body = models.smpl()(torch.zeros(PEOPLE, 72), torch.zeros(PEOPLE, 10)).vertices_m * 1000
    values = scored(AgoraProtocol(models, models, predicted="smpl"), body, truth)
    assert set(values) == {"mpjpe_h36m14", "pa_mpjpe_h36m14"}
    assert 0 < values["pa_mpjpe_h36m14"] < values["mpjpe_h36m14"]


def test_the_hand_of_a_folder_gives_joints_of_meshes(models):
    hand = models.mano("right")(torch.zeros(1, 48), torch.zeros(1, 10))
    truth = {"vertices_cam_mm": hand.vertices_m * 1000, "joints_cam_mm": hand.joints_m * 1000}
    values = scored(FreiHANDMeshProtocol(models), hand.vertices_m * 2000, truth)
    assert values["pa_mpjpe"] < 1e-3
    assert values["pa_f@5mm"] == 1.0
    assert values["mpvpe"] > 1


def test_published_conversion_files_are_read(tmp_path):
    import pickle

    from scipy import sparse

    rows = sparse.csr_matrix(np.eye(3, 6))
    (tmp_path / "convert.pkl").write_bytes(pickle.dumps({"mtx": rows}))
    np.testing.assert_array_equal(read_array(tmp_path / "convert.pkl", "smplx_to_smpl"), np.eye(3, 6))
