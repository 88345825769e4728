"""AGORA's data frames to annotation: the round trip to published joints, and what stops or is continued."""

from __future__ import annotations

import json
import pickle
import shutil
from dataclasses import replace

import numpy as np
import pytest

from agora_tree import shared_tree, unparsed_copy
from carpus.bodies.standin import standin_model
from carpus.data import agora_parse
from carpus.data.agora_bodies import JointBodies
from carpus.data.agora_layout import find_frames
from carpus.data.agora_parse import parse_split
from carpus.data.agora_pickles import read_frame
from carpus.data.agora_rows import FitFiles
from carpus.data.sources.agora.labels import read_camera, read_params, read_truth
from carpus.errors import DataError
from carpus.geometry.agora_camera import SCENE_KINDS, scene_kind
from carpus.geometry.camera import Camera
from carpus.synthetic.agora_frames import write_frame


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    return shared_tree(tmp_path_factory)


@pytest.fixture(scope="module")
def bodies(tmp_path_factory):
    return JointBodies(tmp_path_factory.mktemp("none"), standin=True)


@pytest.fixture
def fresh(tree, tmp_path):
    return unparsed_copy(tree, tmp_path / "fresh") / "data"


def parse(base, bodies, split="train", **more):
    return parse_split(base, split, find_frames(base, split), FitFiles([base]), bodies, **more)


def annotation(base, split="train"):
    return json.loads((base / f"AGORA_{split}.json").read_text())


def edited(base, change):
    path = find_frames(base, "train")[0]
    columns = dict(read_frame(path).columns)
    change(columns)
    write_frame(path, columns)


def test_projected_ground_truth_is_the_published_one_in_every_kind_of_scene(tree, bodies):
    base, kinds = tree / "data", set()
    content = annotation(base)
    published = read_frame(base / "Cam" / "train_0_withjv.pkl")
    row_of = {image: row for row, image in enumerate(published.column("imgPath"))}
    for person in content["annotations"]:
        image = content["images"][person["image_id"]]["file_name_3840x2160"].rsplit("/", 1)[1]
        camera = Camera.from_array(read_camera(base / person["cam_param_path"]))
        fit = read_params(base / person["smplx_param_path"])
        found = camera.project(bodies[person["gender"]].joints(fit))
        truth = published.people(row_of[image], "gt_joints_2d")[person["person_id"]]
        assert np.linalg.norm(found - truth, axis=1).max() < 0.05, "the requirement is 1 px"
        kinds.add(scene_kind(image).name)
    assert kinds == {kind.name for kind in SCENE_KINDS}


def test_parameters_put_the_mesh_where_it_is_published(tree):
    import torch

    from carpus.bodies.layers import SmplxBody

    base, content = tree / "data", annotation(tree / "data", "validation")
    person = content["annotations"][0]
    fit = read_params(base / person["smplx_param_path"])
    parts = ("global_orient", "body_pose", "left_hand_pose", "right_hand_pose", "jaw_pose")
    given = [np.concatenate([fit[name] for name in parts]), fit["betas"], fit["expression"], fit["transl"]]
    layer = SmplxBody(standin_model("smplx", person["gender"]))
    made = layer(*(torch.tensor(values[None], dtype=torch.float32) for values in given))
    truth = read_truth(base / content["images"][person["image_id"]]["gt_joints_path"])
    np.testing.assert_allclose(made.vertices_m[0].numpy(), truth["gt_verts"][person["person_id"]], atol=2e-5)


def test_boxes_enclose_the_published_joints(tree):
    base, content = tree / "data", annotation(tree / "data")
    for person in content["annotations"]:
        joints = read_truth(base / content["images"][person["image_id"]]["gt_joints_path"])["gt_joints_2d"]
        own = joints[person["person_id"]]
        parts = {"bbox": own, "lhand_bbox": own[[*range(25, 40), *range(66, 71)]], "face_bbox": own[76:]}
        for name, points in parts.items():
            x, y, width, height = person[name]
            low, high = points.min(0), points.max(0)
            np.testing.assert_allclose([width, height], 1.2 * (high - low), atol=2e-2)
            np.testing.assert_allclose([x + width / 2, y + height / 2], (low + high) / 2, atol=2e-2)


def test_children_become_adults(tree):
    base, content = tree / "data", annotation(tree / "data")
    kids = [person for person in content["annotations"] if person["kid"]]
    assert kids
    for person in kids:
        assert len(json.loads((base / person["smplx_param_path"]).read_text())["betas"]) == 10


def test_result_does_not_depend_on_processes_or_on_an_interruption(tree, fresh, bodies, monkeypatch):
    monkeypatch.setattr(agora_parse, "BATCH", 2)

    def stop(done, total):
        if done >= 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        parse(fresh, bodies, progress=stop)
    assert not (fresh / "AGORA_train.json").exists()
    summary = parse(fresh, bodies, processes=2)
    assert (summary.images, summary.parsed) == (7, 3)
    assert summary.off_px.max() < 0.05
    assert annotation(fresh) == annotation(tree / "data")
    for path in (tree / "data" / "smplx_params_cam" / "train_0").rglob("*.json"):
        assert (fresh / path.relative_to(tree / "data")).read_bytes() == path.read_bytes()
    assert parse(fresh, bodies).parsed == 0
    assert parse(fresh, bodies, force=True).parsed == 7


def test_other_bodies_are_not_mixed(fresh, bodies, caplog, tmp_path):
    parse(fresh, bodies)
    template = np.asarray(standin_model("smplx", "male").arrays["v_template"])
    np.save(tmp_path / "smplx_kid_template.npy", 0.5 * template)
    blended = JointBodies(tmp_path, standin=True)
    assert parse(fresh, blended).parsed == 7
    assert "parsed from other frames or bodies before" in caplog.text


def test_frames_without_joints_get_them(tree, fresh, bodies):
    edited(
        fresh, lambda columns: [columns.pop(name) for name in ("gt_joints_2d", "gt_joints_3d", "gt_verts")]
    )
    summary = parse(fresh, bodies)
    expected = annotation(tree / "data")
    assert len(summary.off_px) == 0
    assert summary.guessed == summary.kids > 0
    assert "children" in summary.lines()[-1]
    for own, other in zip(annotation(fresh)["annotations"], expected["annotations"], strict=True):
        np.testing.assert_allclose(own["bbox"], other["bbox"], atol=0.1)
        assert own["is_valid"] == other["is_valid"]


def test_other_body_models_are_told_by_the_distance(fresh, bodies, caplog):
    swapped = JointBodies("nowhere", standin=True)
    swapped._bodies = {"male": bodies["female"], "female": bodies["male"]}
    assert np.median(parse(fresh, swapped).off_px) > 1
    assert "from the published ones" in caplog.text


def test_hidden_people_are_not_valid(fresh, bodies):
    def hide(columns):
        columns["occlusion"][0][0] = 95.0
        columns["isValid"][1][0] = False
        columns["occlusion"][2][0] = np.nan

    before = parse(fresh, bodies)
    edited(fresh, hide)
    assert before.valid - parse(fresh, bodies).valid == 3


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: c.pop("gt_path_smplx"), "no column 'gt_path_smplx'"),
        (lambda c: c["gender"][2].__setitem__(0, "x"), "row 2 .*gender 'x'; neutral, male, female"),
        (lambda c: c["X"][1].__setitem__(0, np.nan), "row 1 .*person 0 stands at"),
        (lambda c: c["Yaw"].__setitem__(0, [0.0]), "row 0 .*'Yaw' has 1 people"),
        (lambda c: c["gt_joints_2d"][0].__setitem__(0, np.zeros((24, 2))), "labels of SMPL"),
        (lambda c: c["gt_path_smplx"][0].__setitem__(0, "lost/x.obj"), "lost/x.pkl is missing.*--fits"),
        (lambda c: c["camYaw"].__setitem__(6, np.inf), "row 6 .*the camera is"),
    ],
)
def test_bad_rows_are_named(fresh, bodies, change, message):
    edited(fresh, change)
    with pytest.raises(DataError, match=message):
        parse(fresh, bodies)


def test_bad_fits_are_named(fresh, bodies):
    path = next((fresh / "smplx_gt").rglob("*.pkl"))
    content = pickle.loads(path.read_bytes())
    path.write_bytes(pickle.dumps(content | {"body_pose": np.zeros((1, 69))}))
    with pytest.raises(DataError, match=f"{path.name}: a fit of SMPL"):
        parse(fresh, bodies)


def test_frames_are_found_and_chosen(fresh, tmp_path):
    (found,) = find_frames(fresh, "train")
    assert found.name == "train_0_withjv.pkl"
    for name in ("train_0.pkl", "train_10.pkl", "train_2_withjv.pkl"):
        shutil.copy(found, fresh / "Cam" / name)
    names = [path.name for path in find_frames(fresh, "train")]
    assert names == ["train_0_withjv.pkl", "train_2_withjv.pkl", "train_10.pkl"]
    for folder in ("SMPL", "SMPLX"):
        (fresh / folder).mkdir()
        shutil.copy(found, fresh / folder / found.name)
    (fresh / "Cam" / found.name).unlink()
    assert find_frames(fresh, "train")[0].parent.name == "SMPLX"
    with pytest.raises(DataError, match="--frames"):
        find_frames(tmp_path / "none", "val")


def test_summary_without_labels_is_short(fresh, bodies):
    summary = parse(fresh, bodies)
    assert len(summary.lines()) == 2
    assert len(replace(summary, off_px=np.zeros(0)).lines()) == 1
