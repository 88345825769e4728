"""Result files scored against data frames: meshes and parameters, archives, pictures that are missing."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from carpus.bodies.library import BodyModels
from carpus.data.results.agora_results import AgoraResultWriter, agora_params
from carpus.errors import DataError
from carpus.metrics.agora.files import score_agora_files
from carpus.metrics.agora.tables import AgoraTables

PEOPLE = 3


@pytest.fixture(scope="module")
def models():
    return BodyModels("nowhere", standin=True)


@pytest.fixture(scope="module")
def crowd(models):
    """Parameters of some people, their meshes in metres, and joints in the picture."""
    draw = torch.Generator().manual_seed(1)
    params = {
        "root_pose": 0.3 * torch.randn(PEOPLE, 3, generator=draw),
        "body_pose": 0.2 * torch.randn(PEOPLE, 63, generator=draw),
        "lhand_pose": 0.2 * torch.randn(PEOPLE, 45, generator=draw),
        "rhand_pose": 0.2 * torch.randn(PEOPLE, 45, generator=draw),
        "jaw_pose": 0.1 * torch.randn(PEOPLE, 3, generator=draw),
        "shape": torch.randn(PEOPLE, 10, generator=draw),
        "expr": torch.randn(PEOPLE, 10, generator=draw),
        "cam_trans": torch.tensor([[0.0, 0.0, 6.0], [1.5, 0.1, 7.0], [-1.5, 0.0, 6.5]]),
    }
    names = ("root_pose", "body_pose", "lhand_pose", "rhand_pose", "jaw_pose")
    mesh = models.smplx()(
        torch.cat([params[name] for name in names], 1), params["shape"], params["expr"], params["cam_trans"]
    )
    joints = mesh.joints_m.double()
    pixels = joints[..., :2] / joints[..., 2:] * 3000 + torch.tensor([1920.0, 1080.0])
    return params, mesh.vertices_m, joints, pixels


def write_frame(path, crowd, images, rows=None, **change):
    """A data frame as its columns; pandas adds nothing to what is read of it."""
    _, vertices, joints, pixels = crowd
    rows = rows or [list(range(PEOPLE))] * len(images)
    columns = {
        "imgPath": [f"{image}.png" for image in images],
        "gt_joints_2d": [[pixels[k, :127].numpy() for k in row] for row in rows],
        "gt_joints_3d": [[joints[k, :127].numpy() for k in row] for row in rows],
        "gt_verts": [[vertices[k].numpy() for k in row] for row in rows],
        "isValid": [[True for _ in row] for row in rows],
        "occlusion": [[10.0 * k for k in row] for row in rows],
    }
    path.write_bytes(pickle.dumps({**columns, **change}))
    return path


@pytest.fixture(scope="module")
def tables(models):
    return AgoraTables.of_models(models, "smplx")


def test_parameters_and_meshes_that_are_the_truth_have_no_error(tmp_path, crowd, models, tables):
    params, vertices, joints, pixels = crowd
    frame = write_frame(tmp_path / "validation_0_withjv.pkl", crowd, ["a", "b"])
    writer = AgoraResultWriter(tmp_path / "r")
    writer.write_people(["a.png"] * PEOPLE, [4, 1, 2], pixels, params)
    for k in range(PEOPLE):
        writer.write_mesh("b_1280x720.png", k, pixels[k], vertices[k] * 1000, joints[k] * 1000)
    for path in (tmp_path / "r", writer.zip(tmp_path / "pred.zip")):
        report = score_agora_files(path, [frame], tables, models)
        assert (report.matched, report.misses, report.false_positives) == (2 * PEOPLE, 0, 0)
        assert report.figures.f1 == 1.0
        assert max(report.figures.mve.values()) < 0.05
        assert max(report.figures.mpjpe.values()) < 0.05
    with pytest.raises(DataError, match="folder of body models"):
        score_agora_files(tmp_path / "r", [frame], tables)


def test_rotation_matrices_and_genders_are_understood(tmp_path, crowd, models, tables):
    params, _, _, pixels = crowd
    frame = write_frame(tmp_path / "f.pkl", crowd, ["a"], [[0]])
    row = agora_params({name: value[0] for name, value in params.items()})
    matrices = {
        name: Rotation.from_rotvec(value.reshape(-1, 3)).as_matrix()[None] if "pose" in name else value
        for name, value in row.items()
    }
    matrices["global_orient"] = Rotation.from_rotvec(row["global_orient"]).as_matrix()[None]
    AgoraResultWriter(tmp_path / "m").write("a", 0, pixels[0], matrices, pose2rot=False, gender="neutral")
    assert score_agora_files(tmp_path / "m", [frame], tables, models).figures.mve["full_body"] < 0.05
    AgoraResultWriter(tmp_path / "g").write("a", 0, pixels[0], row, gender="male")
    assert score_agora_files(tmp_path / "g", [frame], tables, models).figures.mve["body"] > 1.0
    AgoraResultWriter(tmp_path / "k").write("a", 0, pixels[0], row, age="kid")
    with pytest.raises(DataError, match="is a child"):
        score_agora_files(tmp_path / "k", [frame], tables, models)


def test_missing_and_additional_people_and_pictures(tmp_path, crowd, models, tables):
    params, vertices, joints, pixels = crowd
    frame = write_frame(tmp_path / "f.pkl", crowd, ["a", "b"])
    writer = AgoraResultWriter(tmp_path / "r")
    for image, k in (("a", 0), ("a", 1), ("elsewhere", 2)):
        writer.write_mesh(image, k, pixels[k], vertices[k] * 1000 + 30, joints[k] * 1000 + 30)
    report = score_agora_files(tmp_path / "r", [frame], tables)
    assert (report.people, report.matched, report.misses) == (6, 2, 4)
    assert "1 results of 1 pictures" in report.notes[-1]
    other = write_frame(tmp_path / "g.pkl", crowd, ["c"])
    with pytest.raises(DataError, match="none of its pictures is in the data frames"):
        score_agora_files(tmp_path / "r", [other], tables)
    with pytest.raises(DataError, match="picture a was in"):
        score_agora_files(tmp_path / "r", [frame, frame], tables)
    assert params


def test_frames_without_truth_and_uneven_columns_are_named(tmp_path, crowd, tables):
    frame = write_frame(tmp_path / "f.pkl", crowd, ["a"], isValid=[[True]])
    writer = AgoraResultWriter(tmp_path / "r")
    writer.write_mesh("a", 0, crowd[3][0], np.zeros((10475, 3)), np.zeros((127, 3)))
    with pytest.raises(DataError, match="columns differ in people"):
        score_agora_files(tmp_path / "r", [frame], tables)
    frame.write_bytes(pickle.dumps({"imgPath": ["a.png"]}))
    with pytest.raises(DataError, match="_withjv"):
        score_agora_files(tmp_path / "r", [frame], tables)
