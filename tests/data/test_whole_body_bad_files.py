"""What is wrong with a whole-body tree is named: file, entry, picture, and what to do."""

from __future__ import annotations

import json
import logging
from functools import partial

import numpy as np
import pytest

from carpus.data.sources.human36m import Human36M
from carpus.data.sources.mpi_inf_3dhp import MPIINF3DHP
from carpus.data.sources.mpii import MPII
from carpus.data.sources.mscoco import MSCOCO, MSCOCOHands
from carpus.data.sources.pw3d import PW3D
from carpus.data.whole_body_splits import PersonSplits
from carpus.errors import ConfigError, DataError, StoreError
from whole_body_trees import (
    dataset_of,
    smpl_fit,
    smplx_fit,
    write_3dhp,
    write_human36m,
    write_json,
    write_mpii,
    write_mscoco,
    write_picture,
    write_pw3d,
)

PEOPLE = "annotations/coco_wholebody_train_v1.0.json"
FITS = "annotations/MSCOCO_train_SMPLX_all_NeuralAnnot.json"


def change(path, edit):
    """Edit a JSON file."""
    content = json.loads(path.read_text())
    edit(content)
    path.write_text(json.dumps(content))


def refused(make, *words):
    with pytest.raises(DataError) as failed:
        make()
    text = str(failed.value)
    assert "\n" not in text
    for word in words:
        assert word in text
    return text


@pytest.fixture
def mscoco(tmp_path):
    write_mscoco(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    "fit",
    [{"smpl_param": smpl_fit()}, {"smplx_param": smpl_fit()}, smpl_fit(), smplx_fit(body_pose=[0.0] * 69)],
)
def test_smpl_where_smplx_is_expected(mscoco, fit):
    write_json(mscoco / FITS, {"11": fit})
    text = refused(lambda: MSCOCO(mscoco, "train"), str(mscoco / FITS), "'11'", "(69 body numbers)", "(63)")
    assert "SMPLX" in text


@pytest.mark.parametrize("fit", [smplx_fit(), {"body_pose": [0.0] * 63, "gender": "male"}])
def test_smplx_where_smpl_is_expected(tmp_path, fit):
    write_pw3d(tmp_path)
    change(tmp_path / "data/3DPW_test.json", lambda c: c["annotations"][1].update(smpl_param=fit))
    refused(lambda: PW3D(tmp_path, "test"), "annotation 2", "SMPL-X parameters (63", "SMPL ones (69)")


def test_a_fit_without_gender_or_of_an_unknown_one(tmp_path):
    write_pw3d(tmp_path)
    path = tmp_path / "data/3DPW_test.json"
    change(path, lambda c: c["annotations"][0]["smpl_param"].pop("gender"))
    refused(lambda: PW3D(tmp_path, "test"), str(path), "annotation 1", "no gender", "neutral, male, female")
    change(path, lambda c: c["annotations"][0]["smpl_param"].update(gender="femal"))
    refused(lambda: PW3D(tmp_path, "test"), "did you mean 'female'")
    change(path, lambda c: c["annotations"][0]["smpl_param"].update(gender="f"))
    assert PW3D(tmp_path, "test")[0].fields["gender"] == 2


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (lambda fit: fit["shape"].pop(), ("shape: 10 finite numbers are expected, found 9",)),
        (lambda fit: fit["trans"].__setitem__(0, None), ("trans: 3 finite numbers",)),
        (lambda fit: fit.pop("root_pose"), ("root_pose",)),
        (lambda fit: fit["body_pose"].__setitem__(5, float("nan")), ("body_pose: 63 finite",)),
    ],
)
def test_damaged_fits(mscoco, edit, words):
    change(mscoco / FITS, lambda c: edit(c["11"]["smplx_param"]))
    refused(lambda: MSCOCO(mscoco, "train"), str(mscoco / FITS), "'11'", *words)


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (
            lambda c: c["annotations"][1].pop("foot_kpts"),
            ("number 1", "(id 12)", "foot_kpts"),
        ),
        (lambda c: c["annotations"][0]["keypoints"].pop(), ("(id 11)", "50 numbers; 51 are expected")),
        (lambda c: c["annotations"][0].update(image_id=77), ("annotation 11", "image 77", "not listed")),
        (lambda c: c["annotations"][0].update(id=12), ("two of the annotations have the id 12",)),
        (lambda c: c["images"][1].update(id=9), ("two of the images have the id 9",)),
        (lambda c: c["images"][1].update(width=0), ("number 1 of the images (id 25)", "width")),
        (
            lambda c: c["annotations"][0]["bbox"].__setitem__(2, float("inf")),
            ("annotation 11", "bbox"),
        ),
        (lambda c: c.pop("images"), ("no list 'images'",)),
    ],
)
def test_damaged_annotations(mscoco, edit, words):
    change(mscoco / PEOPLE, edit)
    refused(lambda: MSCOCO(mscoco, "train"), str(mscoco / PEOPLE), *words)


def test_boxes_outside_their_picture_are_left_out_and_named(mscoco, caplog):
    change(mscoco / PEOPLE, lambda c: c["annotations"][1].update(bbox=[64, 3, 20, 20]))
    with caplog.at_level(logging.WARNING):
        source = MSCOCO(mscoco, "train")
    assert [int(r.key.split("/")[-1]) for r in source] == [11, 15]
    assert source.left_out == 3
    assert "1 of 3 people left out" in caplog.text
    assert "annotation 12 in 000000000025.jpg, box [64.0, 3.0, 20.0, 20.0]" in caplog.text
    change(mscoco / PEOPLE, lambda c: [a.update(bbox=[-90, 3, 0, 20]) for a in c["annotations"]])
    refused(lambda: MSCOCO(mscoco, "train"), "none of the 3 people has a box in its picture")


def test_missing_files_are_named_with_their_other_places(mscoco, tmp_path):
    fits = mscoco / FITS
    fits.rename(fits.with_name("MSCOCO_train_SMPLX_NeuralAnnot.json"))
    assert "model" in MSCOCO(mscoco, "train")[0].fields
    fits.with_name("MSCOCO_train_SMPLX_NeuralAnnot.json").unlink()
    refused(lambda: MSCOCO(mscoco, "train"), f"{fits} is missing", "nor is it at", "dataset.fits=false")
    assert "model" not in MSCOCO(mscoco, "train", fits=False)[0].fields
    (mscoco / "annotations/MSCOCO_train_MANO_NeuralAnnot.json").unlink()
    refused(lambda: MSCOCOHands(mscoco, "train"), "MSCOCO_train_MANO_NeuralAnnot.json is missing")
    refused(lambda: MSCOCO(mscoco, "val"), "coco_wholebody_val_v1.0.json is missing")
    refused(lambda: MPII(mscoco, "train"), "train.json is missing")
    refused(lambda: PW3D(mscoco, "validation"), "3DPW_validation.json is missing")
    refused(lambda: Human36M(mscoco, "test"), "Human36M_subject9_data.json is missing")
    refused(lambda: MPIINF3DHP(mscoco, "train"), "MPI-INF-3DHP_1k.json is missing")


@pytest.mark.parametrize("images", ["packed", "tree"])
def test_unreadable_pictures_are_named(mscoco, tmp_path, images):
    splits = PersonSplits("train", "train", "train", 0.5)
    dataset = dataset_of(MSCOCO, mscoco, tmp_path / "packs", splits, images=images)
    picture = mscoco / "images/train2017/000000000025.jpg"
    whole = picture.read_bytes()

    def read():
        dataset.pack("train", force=True)
        dataset.verify("train")

    picture.write_bytes(whole[:-40])
    refused(read, str(picture), "cut off")
    picture.write_bytes(b"")
    refused(read, str(picture))
    picture.unlink()
    refused(read, str(picture), "missing")
    write_picture(picture, 48, 64)
    if images == "packed":
        refused(read, str(picture), "is 48 x 64, its annotation says 64 x 48")
    picture.write_bytes(whole)
    read()
    assert len(dataset.open("train")) + len(dataset.open("val")) == 3


def test_a_store_without_pictures_does_not_serve_packed(mscoco, tmp_path):
    splits = PersonSplits("train", "train", "train", 0.5)
    dataset_of(MSCOCO, mscoco, tmp_path / "packs", splits, images="tree").open("train")
    with pytest.raises(StoreError, match=r"without pictures.*images=tree"):
        dataset_of(MSCOCO, mscoco, tmp_path / "packs", splits).open("train")
    bare = partial(MSCOCO, fits=False)
    with pytest.raises(StoreError, match="packed with fits='smplx', the configuration says False"):
        dataset_of(bare, mscoco, tmp_path / "packs", splits, images="tree", name="mscoco").open("train")
    with pytest.raises(ConfigError, match=r"dataset\.images of mscoco 'lmdb'"):
        dataset_of(MSCOCO, mscoco, tmp_path / "packs", splits, images="lmdb")


def test_frames_without_camera_or_joints(tmp_path):
    write_human36m(tmp_path, (9, 11), range(3))
    folder = tmp_path / "annotations"
    change(folder / "Human36M_subject11_joint_3d.json", lambda c: c["2"]["1"].pop("2"))
    refused(lambda: Human36M(tmp_path, "test", test_every=2), "no joints", "annotation 11005", "1 people")
    change(folder / "Human36M_subject11_camera.json", lambda c: c.pop("4"))
    refused(lambda: Human36M(tmp_path, "test", test_every=2), "no camera", "annotation 11003", "2 people")
    change(folder / "Human36M_subject9_joint_3d.json", lambda c: c["2"]["1"]["0"].pop())
    refused(lambda: Human36M(tmp_path, "test", test_every=2), "subject9_joint_3d.json: 2/1/0", "(17, 3)")
    with pytest.raises(ConfigError, match="test_every=0"):
        Human36M(tmp_path, "test", test_every=0)


def test_cameras_and_frames_of_mpi_inf_3dhp(tmp_path):
    write_3dhp(tmp_path)
    path = tmp_path / "data/MPI-INF-3DHP_camera_1k.json"
    change(path, lambda c: c["1"]["2"]["8"].pop("t"))
    refused(lambda: MPIINF3DHP(tmp_path, "train"), str(path), "1/2/8", "t of 3 finite numbers")
    path.write_text(path.read_text()[:-10])
    refused(lambda: MPIINF3DHP(tmp_path, "train"), str(path), "line")
    with pytest.raises(ConfigError, match="every=-1"):
        MPIINF3DHP(tmp_path, "train", every=-1)


def test_mpii_of_mmpose_names_the_entry_at_fault(tmp_path):
    write_mpii(tmp_path)
    joints = np.ones((16, 2)).tolist()
    good = {"image": "001.jpg", "joints": joints, "joints_vis": [1] * 16, "center": [30, 20], "scale": 0.1}
    path = write_json(tmp_path / "data/annotations/own.json", [good, {**good, "joints": joints[1:]}])
    options = {"fits": False, "annotation": "data/annotations/own.json"}
    refused(lambda: MPII(tmp_path, "train", **options), str(path), "number 1 of the list")
    write_json(path, [good, {key: value for key, value in good.items() if key != "scale"}])
    refused(lambda: MPII(tmp_path, "train", **options), "number 1 of the list", "no 'scale'")
    write_json(path, [good, {**good, "image": "nowhere.jpg"}])
    refused(lambda: MPII(tmp_path, "train", **options), "nowhere.jpg", "missing")
