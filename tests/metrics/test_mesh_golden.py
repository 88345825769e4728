"""Errors of whole-body meshes against the arrays of the reference."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from carpus.geometry.alignment import align_similarity, fit_similarity
from carpus.metrics.protocols.whole_body import EHF_TURN, AgoraProtocol, EHFProtocol
from carpus.types import Batch, Predictions
from golden_cases import golden_paths

sys.path.insert(0, str(Path(__file__).parent))

import formula_mesh

FIGURES = {
    "pa_mpvpe_all": "ehf_pa_mpvpe_all",
    "pa_mpvpe_hands": "ehf_pa_mpvpe_hand",
    "pa_mpvpe_face": "ehf_pa_mpvpe_face",
    "mpvpe_all": "ehf_mpvpe_all",
    "mpvpe_hands": "ehf_mpvpe_hand",
    "mpvpe_face": "ehf_mpvpe_face",
    "pa_mpjpe_body": "ehf_pa_mpjpe_body",
    "pa_mpjpe_hands": "ehf_pa_mpjpe_hand",
}


@pytest.fixture(scope="module", params=golden_paths("hand4whole", "metrics"))
def case(request):
    if request.param is None:
        pytest.skip("no file")
    data = np.load(request.param)
    found, true = formula_mesh.meshes(data)
    np.testing.assert_allclose(found[:, ::25], data["mesh_out_every_25th"], atol=1e-6)
    np.testing.assert_allclose(true[:, ::25], data["mesh_gt_every_25th"], atol=1e-6)
    return data, torch.from_numpy(found), torch.from_numpy(true)


def scored(protocol, found, true, name="vertices_m"):
    keys = [f"person{i}" for i in range(len(found))]
    protocol.update(Predictions(keys, vertices_cam_mm=found * 1000), Batch(keys, {name: true}))
    return protocol.compute()


def test_ehf_equals_the_reference_for_each_person_and_their_mean(case):
    data, found, true = case
    for chosen in (slice(0, 1), slice(1, 2), slice(None)):
        values = scored(EHFProtocol(formula_mesh.tables()), found[chosen], true[chosen])
        for name, golden in FIGURES.items():
            assert values[name] == pytest.approx(float(data[golden][chosen].mean()), abs=1e-3), name
        for prefix in ("", "pa_"):
            both = values[f"{prefix}mpvpe_left_hand"] + values[f"{prefix}mpvpe_right_hand"]
            assert values[f"{prefix}mpvpe_hands"] == pytest.approx(both / 2)


def test_meshes_may_come_as_float32(case):
    data, found, true = case
    values = scored(EHFProtocol(formula_mesh.tables()), found.float(), true.float())
    for name, golden in FIGURES.items():
        assert values[name] == pytest.approx(float(data[golden].mean()), abs=1e-3), name


def test_agora_has_the_six_figures_of_meshes_in_the_frame_they_come_in(case):
    data, found, true = case
    turned = true @ torch.from_numpy(data["ehf_R"]).mT
    values = scored(AgoraProtocol(formula_mesh.tables()), found, turned * 1000, "target_vertices_mm")
    assert set(values) == {
        *(name for name in FIGURES if "mpvpe" in name),
        *(f"{prefix}mpvpe_{side}_hand" for prefix in ("", "pa_") for side in ("left", "right")),
    }
    for name, golden in FIGURES.items():
        if name in values:
            assert values[name] == pytest.approx(float(data[golden].mean()), abs=1e-3), name


def test_the_turn_of_ehf_is_that_of_the_reference(case):
    data, found, true = case
    assert np.linalg.norm(EHF_TURN) < np.pi
    turn = EHFProtocol(formula_mesh.tables()).turn
    np.testing.assert_allclose(turn, data["ehf_R"], atol=1e-12)
    ready = EHFProtocol(formula_mesh.tables(), truth_turn=None)
    ahead = scored(ready, found, true @ turn.mT)
    assert ahead == pytest.approx(scored(EHFProtocol(formula_mesh.tables()), found, true))


@pytest.mark.parametrize("path", golden_paths("hand4whole", "rigid"))
def test_similarity_transforms_equal_the_reference_also_of_reflected_points(path):
    data = np.load(path)
    points, target = torch.from_numpy(data["A"]), torch.from_numpy(data["B"])
    rotation, scale, shift = fit_similarity(points, target)
    for name, value in (("R", rotation), ("c", scale), ("t", shift)):
        np.testing.assert_allclose(value, data[name], rtol=0, atol=1e-9)
    np.testing.assert_allclose(align_similarity(points, target), data["aligned"], rtol=0, atol=1e-9)
    assert bool((torch.linalg.det(rotation) > 0).all())
