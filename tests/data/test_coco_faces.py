"""Faces of MS COCO: one record per valid box, in the joints of FLAME."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from carpus.data.person_inputs import PersonInputs
from carpus.data.sources.mscoco import MSCOCOFaces
from carpus.data.whole_body_splits import PersonSplits
from carpus.errors import DataError
from whole_body_trees import CAMERA, dataset_of, smplx_fit, write_json, write_mscoco

SAMPLES = Path(__file__).parents[1] / "samples"
PEOPLE = "annotations/coco_wholebody_train_v1.0.json"
FITS = "annotations/MSCOCO_train_FLAME_NeuralAnnot.json"


def change(path, edit):
    content = json.loads(path.read_text())
    edit(content)
    write_json(path, content)


def test_faces_are_single_records_in_the_joints_of_flame(tmp_path):
    published = write_mscoco(tmp_path)
    hidden = 3 * 30 + 2
    change(tmp_path / PEOPLE, lambda c: c["annotations"][0]["face_kpts"].__setitem__(hidden, 0))
    source = MSCOCOFaces(tmp_path, "train")
    assert [record.key.split("/")[-1] for record in source] == ["11", "12", "13", "14", "15"]
    assert source[0].key == "train2017/000000000009/11"
    fields = source[0].fields
    points = np.float32(published["people"][11]["face_kpts"]).reshape(68, 3)
    # Points inside the face stand before its outline; those inside the head are not labelled.
    np.testing.assert_array_equal(fields["joints_px"][5:56], points[17:, :2])
    np.testing.assert_array_equal(fields["joints_px"][56:], points[:17, :2])
    assert not fields["joints_px"][:5].any()
    expected = [False] * 5 + [True] * 68
    expected[5 + 30 - 17] = False
    assert fields["joint_valid"].tolist() == expected
    np.testing.assert_array_equal(fields["bbox_xywh_px"], np.float32([20, 2, 8, 9]))
    assert (fields["box_ready"], fields["image"]) == (0, "images/train2017/000000000009.jpg")


def test_fits_are_those_of_flame_where_there_are_any(tmp_path):
    published = write_mscoco(tmp_path)["faces"]
    records = {record.key.split("/")[-1]: record.fields for record in MSCOCOFaces(tmp_path, "train")}
    assert {key for key, fields in records.items() if "model" in fields} == set(published)
    param, fields = published["12"]["flame_param"], records["12"]
    assert fields["model"] == "flame"
    np.testing.assert_allclose(fields["model_pose"], param["root_pose"] + param["jaw_pose"], rtol=1e-6)
    np.testing.assert_allclose(fields["model_expr"], param["expr"], rtol=1e-6)
    np.testing.assert_allclose(fields["model_camera"], [*CAMERA["focal"], *CAMERA["princpt"]])
    assert not any("model" in r.fields for r in MSCOCOFaces(tmp_path, "train", fits=False))


def test_who_has_no_face_is_no_record(tmp_path, caplog):
    write_mscoco(tmp_path)
    change(tmp_path / PEOPLE, lambda c: c["annotations"][1].update(face_valid=False))
    source = MSCOCOFaces(tmp_path, "train")
    assert (len(source), source.left_out, source.lines) == (4, 0, 4)
    change(tmp_path / PEOPLE, lambda c: c["annotations"][2].update(face_box=[64, 3, 20, 20]))
    source = MSCOCOFaces(tmp_path, "train")
    assert (len(source), source.left_out, source.lines) == (3, 1, 4)
    assert "1 of 4 faces left out" in caplog.text
    change(tmp_path / PEOPLE, lambda c: [a.update(face_valid=False) for a in c["annotations"]])
    with pytest.raises(DataError, match="none of the 0 faces has a box"):
        MSCOCOFaces(tmp_path, "train")


def test_what_is_wrong_is_named(tmp_path):
    write_mscoco(tmp_path)
    change(tmp_path / FITS, lambda c: c["11"]["flame_param"]["expr"].pop())
    with pytest.raises(DataError, match=r"FLAME.*'11': expr: 10 finite numbers are expected, found 9"):
        MSCOCOFaces(tmp_path, "train")
    write_json(tmp_path / FITS, {"11": {"smplx_param": smplx_fit(), "cam_param": CAMERA}})
    with pytest.raises(DataError, match=r"FLAME_NeuralAnnot\.json: '11': root_pose"):
        MSCOCOFaces(tmp_path, "train")
    (tmp_path / FITS).unlink()
    with pytest.raises(DataError, match=r"FLAME_NeuralAnnot\.json is missing.*dataset\.fits=false"):
        MSCOCOFaces(tmp_path, "train")
    assert len(MSCOCOFaces(tmp_path, "train", fits=False)) == 5
    change(tmp_path / PEOPLE, lambda c: c["annotations"][1]["face_kpts"].pop())
    with pytest.raises(DataError, match=r"\(id 12\): points has 203 numbers; 204 are expected"):
        MSCOCOFaces(tmp_path, "train", fits=False)


def test_real_faces_can_be_trained_on(tmp_path):
    dataset = dataset_of(MSCOCOFaces, SAMPLES / "mscoco", tmp_path, PersonSplits(val="val", test="val"))
    published = json.loads((SAMPLES / "mscoco/annotations/coco_wholebody_val_v1.0.json").read_text())
    there = [entry for entry in published["annotations"] if entry["face_valid"]]
    records = list(dataset.open("val"))
    assert sorted(int(r.key.split("/")[-1]) for r in records) == sorted(entry["id"] for entry in there)
    assert records
    for record in records:
        sample = PersonInputs("flame_73", "face")(record, np.random.default_rng(0), True)
        assert sample["rgb"].shape == (256, 192, 3)
        assert sample["label_valid"].sum() >= 60
        assert not sample["model_valid"]
        assert not sample["label_3d"]
        # All labelled points lie in the crop.
        pixels = np.column_stack([sample["label_px"], np.ones(73)]) @ sample["image_to_crop"].T
        inside = ((pixels >= 0) & (pixels <= (192, 256))).all(1)
        assert inside[sample["label_valid"]].all()
