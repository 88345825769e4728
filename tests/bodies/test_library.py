"""The library of a folder of body models: what it reads, when, and what it gives out."""

from __future__ import annotations

import pickle

import pytest
import torch

from carpus.bodies.library import BodyModels, body_models
from carpus.errors import ConfigError, DataError
from carpus.skeletons import HUMAN36M, LSP_14, SNAP

WIDTHS = {"smplx": 159, "smpl": 72, "mano": 48}


@pytest.fixture(scope="module")
def models():
    return BodyModels("nowhere", standin=True)


def resting(kind):
    return {"pose": torch.zeros(1, WIDTHS[kind]), "shape": torch.zeros(1, 10)}


def test_regressors_and_vertex_numbers(models):
    body = models.smplx()
    made = body(**resting("smplx"))
    rows = models.hand_regressor("left") @ made.vertices_m[0]
    wrist, tips = SNAP.index("wrist"), [SNAP.index(f"{f}_tip") for f in ("thumb", "index", "little")]
    torch.testing.assert_close(rows[tips], made.joints_m[0, [66, 67, 70]], atol=1e-5, rtol=0)
    torch.testing.assert_close(rows[wrist], made.joints_m[0, 20], atol=0.02, rtol=0)
    assert models.hand_vertices("right").dtype == torch.int64
    hand = made.vertices_m[0, models.hand_vertices("right")]
    assert (hand[:, 0] < -0.6).all()
    assert (made.vertices_m[0, models.face_vertices(), 1] > 0.18).all()
    marked = models.j14_regressor() @ made.vertices_m[0]
    torch.testing.assert_close(marked[LSP_14.index("left_knee")], made.joints_m[0, 4], atol=5e-3, rtol=0)
    person = models.smpl()(**resting("smpl"))
    for kind, mesh in (("smplx", made), ("smpl", person)):
        joints = models.human36m_regressor(kind) @ mesh.vertices_m[0]
        assert joints.shape == (len(HUMAN36M), 3)
        assert joints[HUMAN36M.index("head_top"), 1] > joints[HUMAN36M.index("neck"), 1] + 0.2
        torch.testing.assert_close(
            joints[HUMAN36M.index("right_ankle")], mesh.joints_m[0, 8], atol=5e-3, rtol=0
        )


def test_only_what_is_asked_for_is_read(every_standin, tmp_path):
    (tmp_path / "smplx").mkdir()
    source = every_standin / "smplx" / "SMPLX_NEUTRAL.npz"
    (tmp_path / "smplx" / source.name).symlink_to(source)
    models = BodyModels(tmp_path)
    assert models.smplx("neutral") is models.smplx("neutral")
    assert models.standins == ["smplx neutral"]
    with pytest.raises(DataError, match=r"SMPLX_FEMALE\.npz \(or SMPLX_FEMALE\.pkl\) into .*smplx"):
        models.smplx("female")
    with pytest.raises(DataError, match=r"MANO_SMPLX_vertex_ids\.pkl .* not found: put it into .*smplx\."):
        models.hand_vertices("left")
    with pytest.raises(ConfigError, match="unknown body model 'smplh'"):
        models.layer("smplh", "neutral")


def test_a_library_travels_without_its_layers_and_is_shared(models):
    models.mano("right")
    far = pickle.loads(pickle.dumps(models))
    assert len(pickle.dumps(models)) < 1000
    here, there = (library.mano("right")(**resting("mano")) for library in (models, far))
    torch.testing.assert_close(here.joints_m, there.joints_m)
    assert body_models("nowhere", standin=True) is body_models("nowhere", standin=True)
