"""AGORA's result files: what is written passes the check, and the check names everything that is wrong."""

from __future__ import annotations

import argparse
import pickle
import zipfile

import numpy as np
import pytest
import torch

from carpus.commands import agora_command
from carpus.data.results.agora_check import AgoraResults, check_agora_results
from carpus.data.results.agora_format import parameter_shapes
from carpus.data.results.agora_results import AgoraResultWriter, agora_params, zip_results
from carpus.errors import ConfigError, DataError

SIZES = {"root_pose": 3, "body_pose": 63, "lhand_pose": 45, "rhand_pose": 45}
SIZES |= {"jaw_pose": 3, "shape": 10, "expr": 10, "cam_trans": 3}


def predicted(batch=3, seed=0):
    draw = torch.Generator().manual_seed(seed)
    params = {name: torch.randn(batch, size, generator=draw) for name, size in SIZES.items()}
    return torch.rand(batch, 144, 2, generator=draw) * 2000 + 100, params


def content(model="smplx", **change):
    params = {name: np.zeros(shape, np.float32) for name, shape in parameter_shapes(model).items()}
    return {"params": params, "joints": np.full((144, 2), 900.0, np.float32), **change}


def put(folder, name, value):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(pickle.dumps(value))


def faults_of(folder, value, model="smplx"):
    put(folder, "ag_0001_personId_0.pkl", value)
    return check_agora_results(folder, model)


def test_what_is_written_passes_the_check_as_folder_and_archive(tmp_path):
    joints, params = predicted()
    writer = AgoraResultWriter(tmp_path / "predictions")
    images = ["test/ag_0001.png", "ag_0001_1280x720.png", "ag_0002.png"]
    files = writer.write_people(images, torch.tensor([0, 3, 7]), joints, params)
    names = ["ag_0001_personId_0.pkl", "ag_0001_personId_3.pkl", "ag_0002_personId_7.pkl"]
    assert [file.name for file in files] == names
    archive = writer.zip(tmp_path / "out" / "pred.zip")
    with zipfile.ZipFile(archive) as opened:
        assert sorted(opened.namelist()) == [f"predictions/{name}" for name in names]
    for path in (tmp_path / "predictions", tmp_path, archive)[::2]:
        assert check_agora_results(path) == []
    results = AgoraResults(archive)
    assert {image: len(found) for image, found in results.by_image().items()} == {"ag_0001": 2, "ag_0002": 1}
    first = next(iter(results)).content
    assert first["joints"].shape == (144, 2)
    assert first["joints"].dtype == np.float32
    np.testing.assert_array_equal(first["joints"], joints[0])
    for name, shape in parameter_shapes("smplx").items():
        assert first["params"][name].shape == shape
        assert isinstance(first["params"][name], np.ndarray)
    np.testing.assert_array_equal(first["params"]["left_hand_pose"][0], params["lhand_pose"][0])
    np.testing.assert_array_equal(first["params"]["transl"][0], params["cam_trans"][0])
    assert not first["params"]["leye_pose"].any()


def test_bodies_of_smpl_and_meshes_pass_too(tmp_path):
    joints, params = predicted()
    writer = AgoraResultWriter(tmp_path / "smpl", "SMPL")
    writer.write_people(["a.png"], [0], joints[:1, :24], {name: value[:1] for name, value in params.items()})
    assert check_agora_results(tmp_path / "smpl", "smpl") == []
    written = next(iter(AgoraResults(tmp_path / "smpl"))).content["params"]
    assert written["global_orient"].shape == (1, 1, 3)
    np.testing.assert_array_equal(written["body_pose"].reshape(-1)[:63], params["body_pose"][0])
    assert not written["body_pose"].reshape(-1)[63:].any()
    meshes = AgoraResultWriter(tmp_path / "meshes")
    meshes.write_mesh("a.png", 1, joints[0], np.full((10475, 3), 4000.0), np.full((127, 3), 2000.0))
    assert check_agora_results(tmp_path / "meshes") == []
    assert next(iter(AgoraResults(tmp_path / "meshes"))).content["verts"].max() == 4.0


def test_people_are_never_mixed_with_those_of_another_run(tmp_path):
    joints, params = predicted()
    writer = AgoraResultWriter(tmp_path / "r")
    row = agora_params({name: value[0] for name, value in params.items()})
    writer.write("a.png", 2, joints[0], row)
    with pytest.raises(DataError, match="written before"):
        writer.write("a_1280x720.png", 2, joints[0], row)
    with pytest.raises(DataError, match=r"holds a_personId_2\.pkl"):
        AgoraResultWriter(tmp_path / "r")
    AgoraResultWriter(tmp_path / "r", overwrite=True)
    assert not list((tmp_path / "r").iterdir())
    (tmp_path / "r" / "notes.txt").write_text("mine")
    with pytest.raises(DataError, match=r"notes\.txt"):
        AgoraResultWriter(tmp_path / "r", overwrite=True)
    assert (tmp_path / "r" / "notes.txt").exists()


def test_what_the_server_would_refuse_is_not_written(tmp_path):
    joints, params = predicted()
    writer = AgoraResultWriter(tmp_path)
    row = agora_params({name: value[0] for name, value in params.items()})
    for given, message in (
        ({"joints_px": joints[:1]}, r"'joints' has shape \(1, 144, 2\)"),
        ({"joints_px": joints[0] * torch.nan}, "NaN"),
        ({"params": {**row, "betas": row["betas"][0]}}, r"params\['betas'\] has shape \(10,\)"),
        ({"params": {k: v for k, v in row.items() if k != "jaw_pose"}}, "lacks 'jaw_pose'"),
        ({"person_id": -1}, "numbered from 0"),
        ({"gender": "man"}, "male, female, neutral"),
    ):
        with pytest.raises(DataError, match=message):
            writer.write(**{"image": "a", "person_id": 0, "joints_px": joints[0], "params": row, **given})
    assert not list(tmp_path.iterdir())
    with pytest.raises(DataError, match=r"body_params\['expr'\]"):
        agora_params({name: value[0] for name, value in params.items() if name != "expr"})
    with pytest.raises(ConfigError, match="did you mean 'smpl'"):
        AgoraResultWriter(tmp_path, "smplh")
    with pytest.raises(DataError, match="holds no file"):
        zip_results(tmp_path, tmp_path / "a.zip")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"joints": np.zeros((1, 144, 2)) + 9}, "'joints' has shape (1, 144, 2), (24, 2) or more rows"),
        ({"joints": np.zeros((23, 2)) + 9}, "'joints' has shape (23, 2)"),
        ({"joints": [[1.0, 2.0]] * 24}, "'joints' is list, a NumPy array"),
        ({"joints": np.linspace(0, 1, 48).reshape(24, 2)}, "'joints' lie between -1 and 1"),
        ({"params": [1]}, "'params' is list"),
        ({"gender": "men"}, "'gender' is 'men'"),
        ({"age": 7}, "'age' is 7"),
        ({"num_betas": 301}, "'num_betas' is 301"),
        ({"num_betas": 20}, "params['betas'] has shape (1, 10), (1, 20)"),
        ({"pose2rot": "yes"}, "'pose2rot' is 'yes'"),
        ({"pose2rot": False}, "params['body_pose'] has shape (1, 63), (1, 21, 3, 3)"),
        ({"vertices": np.zeros(3)}, "unknown key 'vertices'"),
    ],
)
def test_each_fault_is_named(tmp_path, change, message):
    found = faults_of(tmp_path, content(**change))
    assert any(message in fault for fault in found), found
    assert all("ag_0001_personId_0.pkl" in fault for fault in found)


def test_every_fault_of_a_file_is_listed_at_once(tmp_path):
    broken = content(gender="men", age=7)
    del broken["params"]["betas"], broken["joints"]
    broken["params"]["jaw_pose"] = torch.zeros(1, 3).tolist()
    assert len(faults_of(tmp_path, broken)) == 5
    matrices = content(pose2rot=False)
    matrices["params"] = {n: np.zeros(s) for n, s in parameter_shapes("smplx", pose2rot=False).items()}
    assert faults_of(tmp_path, matrices) == []
    assert len(faults_of(tmp_path, {"joints": content()["joints"]})) == 2
    assert faults_of(tmp_path, [1])[0].endswith("holds list, a dictionary is expected")
    assert faults_of(tmp_path, content("smpl"), "smpl") == []


def test_names_places_and_copies_are_checked(tmp_path):
    put(tmp_path / "p", "a_person_0.pkl", content())
    assert "is not named" in check_agora_results(tmp_path / "p")[0]
    put(tmp_path / "p", "a_personId_0.pkl", content())
    put(tmp_path / "p", "a_1280x720_personId_0.pkl", content())
    put(tmp_path / "p" / "more", "b_personId_0.pkl", content())
    found = check_agora_results(tmp_path / "p")
    assert [text for text in found if "same person" in text]
    assert [text for text in found if "belong side by side" in text]
    assert len(found) == 3
    with zipfile.ZipFile(tmp_path / "flat.zip", "w") as archive:
        archive.write(tmp_path / "p" / "a_personId_0.pkl", "a_personId_0.pkl")
    assert "in a folder 'predictions'" in check_agora_results(tmp_path / "flat.zip")[0]
    (tmp_path / "cut.zip").write_bytes((tmp_path / "flat.zip").read_bytes()[:900])
    with pytest.raises(DataError, match="neither a folder nor a whole"):
        check_agora_results(tmp_path / "cut.zip")
    with pytest.raises(DataError, match="no such"):
        check_agora_results(tmp_path / "missing.zip")


def test_pixels_of_the_small_pictures_are_noticed(tmp_path):
    small = np.random.default_rng(0).uniform(0, 700, (12, 24, 2))
    for number, joints in enumerate(small):
        put(tmp_path / "small", f"a_personId_{number}.pkl", content(joints=joints))
        put(tmp_path / "large", f"a_personId_{number}.pkl", content(joints=joints * 3))
    assert "multiplied by 3" in check_agora_results(tmp_path / "small")[0]
    assert check_agora_results(tmp_path / "large") == []


def test_pickles_run_nothing(tmp_path):
    put(tmp_path, "a_personId_0.pkl", {"joints": print})
    (tmp_path / "a_personId_1.pkl").write_bytes(b"\x80\x04cut")
    found = check_agora_results(tmp_path)
    assert "builtins.print" in found[0]
    assert "damaged" in found[1]


def test_the_command_tells_faults(tmp_path, capsys):
    parser = argparse.ArgumentParser()
    agora_command.add_arguments(parser)

    def run(*words):
        agora_command.run(parser.parse_intermixed_args(["check", *words]))
        return capsys.readouterr().out

    joints, params = predicted()
    writer = AgoraResultWriter(tmp_path / "predictions")
    writer.write_people(["a.png", "b.png", "c.png"], torch.tensor([0, 3, 7]), joints, params)
    archive = str(writer.zip(tmp_path / "pred.zip"))
    assert "nothing that AGORA's server would refuse" in run("--results", archive)
    with pytest.raises(DataError, match=r"pred.zip: \d+ faults\n"):
        run("--results", archive, "--model", "smpl")
    with pytest.raises(ConfigError, match="--results FILE"):
        run()
