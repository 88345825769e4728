"""Protocols of meshes: other ways to the same numbers, other body models, refusals, two processes."""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.multiprocessing as mp
from scipy.linalg import orthogonal_procrustes
from scipy.spatial import cKDTree, procrustes

from carpus.errors import ConfigError, DataError
from carpus.metrics.checks import NonFinitePredictionError
from carpus.metrics.mesh_tables import MeshTables
from carpus.metrics.protocols.freihand_mesh import FreiHANDMeshProtocol
from carpus.metrics.protocols.hand_mesh import unmirrored, unmirrored_pose
from carpus.metrics.protocols.human36m import Human36mProtocol
from carpus.metrics.protocols.interhand_mesh import InterHandMeshProtocol
from carpus.metrics.protocols.pw3d import PW3DProtocol
from carpus.metrics.protocols.whole_body import EHFProtocol
from carpus.types import Batch, Predictions

sys.path.insert(0, str(Path(__file__).parent))

import mesh_worker as worker

SCORED = [1, 2, 3, 4, 5, 6, 8, 10, 11, 12, 13, 14, 15, 16]


def distance(points, target):
    return np.linalg.norm(points - target, axis=-1).mean()


def fitted(points, target):
    """Mean distance after a similarity transform, by scipy's standardised shapes."""
    spread = np.linalg.norm(target - target.mean(0))
    true, found, _ = procrustes(target, points)
    return distance(found * spread, true * spread)


def test_3dpw_is_scored_by_the_regressed_joints():
    found, truth = worker.samples("pw3d")
    values = worker.fed(worker.protocol("pw3d"), found, truth)
    errors = []
    for mesh, true in zip(found.double().numpy(), truth["target_vertices_mm"].double().numpy(), strict=True):
        joints, target = (worker.REGRESSORS["smpl"] @ vertices for vertices in (mesh, true))
        some, wanted = joints[SCORED] - joints[0], target[SCORED] - target[0]
        whole = distance(mesh - joints[0], true - target[0])
        errors.append((distance(some, wanted), fitted(some, wanted), whole, fitted(mesh, true)))
    names = ("mpjpe", "pa_mpjpe", "mpvpe", "pa_mpvpe")
    assert values == pytest.approx(dict(zip(names, np.mean(errors, 0), strict=True)))


def test_3dpw_takes_bodies_of_smplx_by_regressor_or_conversion():
    found, truth = worker.samples("pw3d")
    wide = torch.randn(len(found), 10475, 3, generator=torch.Generator().manual_seed(3)) * 100
    values = worker.fed(worker.protocol("pw3d"), wide, truth)
    assert set(values) == {"mpjpe", "pa_mpjpe"}
    converter = np.zeros((6890, 10475), np.float32)
    converter[np.arange(6890), np.arange(6890) + 7] = 1
    wide[:, 7:6897] = found
    converted = worker.fed(PW3DProtocol({"smpl": worker.REGRESSORS["smpl"]}, converter), wide, truth)
    assert converted == pytest.approx(worker.fed(worker.protocol("pw3d"), found, truth), rel=1e-6)
    with pytest.raises(ConfigError, match=r"meshes of 10475 vertices; .* 6890 vertices"):
        worker.fed(PW3DProtocol({"smpl": worker.REGRESSORS["smpl"]}), wide, truth)


def test_human36m_counts_people_with_all_joints():
    found, truth = worker.samples("human36m")
    values = worker.fed(worker.protocol("human36m"), found, truth)
    errors, fits = [], []
    for row, mesh in enumerate(found.double().numpy()):
        joints, target = worker.REGRESSORS["smplx"] @ mesh, truth["joints_cam_mm"][row].numpy()
        if row != 2:  # its left hip or knee is missing; the torso of row 1 is not scored
            some, wanted = joints[SCORED] - joints[0], target[SCORED] - target[0]
            errors.append((distance(some, wanted), fitted(some, wanted)))
            fits.append(fitted(mesh, truth["target_vertices_mm"][row].double().numpy()))
    assert [values["mpjpe"], values["pa_mpjpe"]] == pytest.approx(np.mean(errors, 0).tolist())
    assert values["pa_mpvpe_fit"] == pytest.approx(float(np.mean(fits)), rel=1e-6)
    del truth["target_vertices_mm"]
    assert set(worker.fed(worker.protocol("human36m"), found, truth)) == {"mpjpe", "pa_mpjpe"}
    truth["joints_cam_mm"] = truth["joints_cam_mm"][:, :14]
    with pytest.raises(DataError, match="its own 17"):
        worker.fed(worker.protocol("human36m"), found, truth)


def official_freihand(joints, target):
    """Alignment and F-scores as FreiHAND's script describes them, for one set of points in mm."""
    centre, true_centre = joints.mean(0), target.mean(0)
    size, true_size = np.linalg.norm(joints - centre), np.linalg.norm(target - true_centre)
    turn, scale = orthogonal_procrustes((target - true_centre) / true_size, (joints - centre) / size)
    return (joints - centre) / size @ turn.T * scale * true_size + true_centre


def f_score(points, target, limit):
    near = [(cKDTree(b).query(a)[0] < limit).mean() for a, b in ((points, target), (target, points))]
    return 2 * near[0] * near[1] / sum(near) if sum(near) else 0.0


def test_freihand_is_scored_as_its_script_does():
    found, truth = worker.samples("freihand")
    values = worker.fed(worker.protocol("freihand"), found, truth)
    rows = {name: [] for name in ("mesh", "joints", "al_mesh", "al_joints", "f", "al_f")}
    for mesh, true in zip(found.double().numpy(), truth["vertices_cam_mm"].double().numpy(), strict=True):
        for name, points, target in (
            ("mesh", mesh, true),
            ("joints", worker.HAND @ mesh, worker.HAND @ true),
        ):
            moved = official_freihand(points, target)
            rows[name].append(np.linalg.norm(points - target, axis=1))
            rows[f"al_{name}"].append(np.linalg.norm(moved - target, axis=1))
        moved = official_freihand(mesh, true)
        rows["f"].append([f_score(mesh, true, at) for at in (5, 15)])
        rows["al_f"].append([f_score(moved, true, at) for at in (5, 15)])
    at = np.linspace(0, 50, 100)
    for prefix, ours in (("", ""), ("al_", "pa_")):
        assert values[f"{ours}mpvpe"] == pytest.approx(np.mean(rows[f"{prefix}mesh"]))
        assert values[f"{ours}mpjpe"] == pytest.approx(np.mean(rows[f"{prefix}joints"]))
        for kind, name in (("mesh", "vertices"), ("joints", "joints")):
            errors = np.array(rows[f"{prefix}{kind}"])
            shares = (errors[..., None] <= at).mean(0)
            area = np.mean([np.trapezoid(curve, at) for curve in shares]) / 50
            assert values[f"{ours}auc_{name}"] == pytest.approx(area)
        scores = np.mean(rows[f"{prefix}f"], 0)
        assert [values[f"{ours}f@5mm"], values[f"{ours}f@15mm"]] == pytest.approx(scores.tolist())
    assert values["pa_f@15mm"] > 0


def test_freihand_takes_joints_of_the_method_before_those_of_its_mesh():
    found, truth = worker.samples("freihand")
    protocol = FreiHANDMeshProtocol()
    predictions = Predictions(["a"], vertices_cam_mm=found[:1], joints_cam_mm=truth["joints_cam_mm"][:1])
    protocol.update(predictions, Batch(["a"], {name: value[:1] for name, value in truth.items()}))
    assert protocol.compute()["mpjpe"] == 0.0
    with pytest.raises(ConfigError, match="regressor"):
        worker.fed(FreiHANDMeshProtocol(), found, truth)
    with pytest.raises(ConfigError, match=r"778 vertices \(MANO\); the method predicts 6890"):
        worker.fed(worker.protocol("freihand"), torch.zeros(5, 6890, 3), truth)
    assert FreiHANDMeshProtocol(headline="pa_f@5mm").higher_is_better


@pytest.mark.parametrize("pair", [False, True])
def test_interhand_is_relative_to_the_wrist_whichever_hand_it_is(pair):
    found, truth = worker.samples("interhand")
    expected = worker.fed(worker.protocol("interhand"), found + 77, truth)
    left = truth["hand_type"][:, 1]
    if pair:
        for name in ("joints_cam_mm", "joint_valid"):
            value, empty = truth[name], torch.zeros_like(truth[name])
            mask = left.view(-1, *(1,) * (value.ndim - 1))
            truth[name] = torch.cat((torch.where(mask, empty, value), torch.where(mask, value, empty)), 1)
    assert worker.fed(worker.protocol("interhand"), found, truth) == pytest.approx(expected, rel=1e-6)
    mirrored = torch.where(left[:, None, None], found * torch.tensor([-1.0, 1.0, 1.0]), found)
    protocol = InterHandMeshProtocol(worker.HAND, mirrored_left=True)
    assert worker.fed(protocol, mirrored, truth) == pytest.approx(expected, rel=1e-5)
    wrong = worker.fed(worker.protocol("interhand"), mirrored, truth)
    assert wrong["mpjpe_right"] == pytest.approx(expected["mpjpe_right"])
    assert wrong["mpjpe_left"] > 2 * expected["mpjpe_left"]
    share = float((~left).double().mean())
    both = share * expected["mpvpe_right"] + (1 - share) * expected["mpvpe_left"]
    assert expected["mpvpe"] == pytest.approx(both)


def test_mirrored_hands_are_mirrored_back():
    points, seen = torch.randn(3, 5, 3), torch.tensor([True, False, True])
    again = unmirrored(unmirrored(points, seen), seen)
    assert torch.equal(again, points)
    assert torch.equal(unmirrored(points, seen)[1], points[1])
    pose = torch.randn(3, 48)
    assert torch.equal(unmirrored_pose(pose, seen)[:, ::3], pose[:, ::3])
    assert torch.equal(unmirrored_pose(pose, seen)[0, 1::3], -pose[0, 1::3])


def test_bodies_alone_are_compared_by_joints_all_models_have():
    found, truth = worker.samples("ehf")
    smpl = torch.from_numpy(np.random.default_rng(1).normal(0, 200, (5, 6890, 3)))
    both = {"tables": worker.tables(), "human36m": worker.REGRESSORS}
    values = worker.fed(EHFProtocol(**both, predicted="smpl"), smpl, truth)
    assert set(values) == {"mpjpe_h36m14", "pa_mpjpe_h36m14"}
    whole = worker.fed(EHFProtocol(**both), found, truth)
    assert set(values) < set(whole)
    assert EHFProtocol(**both, predicted="smpl").headline in values
    with pytest.raises(ConfigError, match=r"predicts 6890 vertices \(SMPL\), .*predicted=smpl"):
        worker.fed(EHFProtocol(**both), smpl, truth)
    with pytest.raises(ConfigError, match="regressors"):
        EHFProtocol(worker.tables(), predicted="smpl")
    with pytest.raises(ConfigError, match="did you mean 'pa_mpvpe_all'"):
        EHFProtocol(worker.tables(), headline="pampvpe_all")
    with pytest.raises(ConfigError, match=r"no Human3\.6M regressor for meshes of 778"):
        worker.fed(EHFProtocol(**both, predicted="smpl"), torch.zeros(5, 778, 3), truth)


def test_nothing_is_scored_without_truth_and_nothing_that_is_not_finite():
    found, truth = worker.samples("agora")
    protocol = worker.protocol("agora")
    protocol.update(Predictions(["a"], vertices_cam_mm=found[:1]), Batch(["a"], {}))
    assert [math.isnan(value) for value in protocol.compute().values()] == [True]
    broken = found.clone()
    broken[3, 17, 1] = torch.inf
    with pytest.raises(NonFinitePredictionError, match="person3"):
        worker.fed(worker.protocol("agora"), broken, truth)
    masked = {**truth, "target_vertices_valid": torch.arange(5) != 3}
    rest = {name: value[[0, 1, 2, 4]] for name, value in truth.items()}
    assert worker.fed(worker.protocol("agora"), broken, masked) == pytest.approx(
        worker.fed(worker.protocol("agora"), found[[0, 1, 2, 4]], rest)
    )
    with pytest.raises(ConfigError, match="predicts joints_px"):
        protocol.update(Predictions(["a"], joints_px=found[:1, :, :2]), Batch(["a"], truth))


def test_tables_of_another_model_are_refused():
    rows, ids = worker.weights(55, 10475, 0), np.arange(778)
    given = {"joint_regressor": rows, "left_hand": ids, "right_hand": ids, "face": np.arange(5023)}
    given["body_regressor"] = worker.weights(14, 10475, 0)
    for change, message in (
        ({"face": ids}, "face has 778 vertices, 5023"),
        ({"left_hand": ids + 10000}, "left_hand names vertices 10000..10777"),
        ({"body_regressor": worker.weights(14, 6890, 0)}, r"body_regressor has shape \(14, 6890\)"),
    ):
        with pytest.raises(DataError, match=message):
            MeshTables(**{**given, **change})
    with pytest.raises(DataError, match="given were face"):
        EHFProtocol({"face": ids})
    with pytest.raises(DataError, match="unknown body model"):
        Human36mProtocol({"mano": rows})


@pytest.mark.slow
def test_two_processes_give_the_numbers_of_one(tmp_path):
    mp.spawn(worker.work, args=(str(tmp_path),), nprocs=2)
    found = [json.loads((tmp_path / f"rank{rank}.json").read_text()) for rank in range(2)]
    for name in worker.PROTOCOLS:
        alone = worker.fed(worker.protocol(name), *worker.samples(name))
        for rank in range(2):
            for share in ("shared", "one_sided"):
                assert found[rank][name][share] == pytest.approx(alone, abs=1e-9), (name, share)
