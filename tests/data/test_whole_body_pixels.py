"""What the readers of MS COCO and MPII make of the published files, and of real frames."""

from __future__ import annotations

import json
from functools import partial

import numpy as np
import pytest

from carpus.data.sources.mpii import MPII
from carpus.data.sources.mscoco import MSCOCO, MSCOCOHands
from carpus.data.whole_body_splits import PersonSplits
from carpus.skeletons import MSCOCO as JOINTS
from golden_cases import HERE
from whole_body_trees import dataset_of, write_mpii, write_mscoco

SAMPLES = HERE / "samples"
FILE = SAMPLES / "mscoco/annotations/coco_wholebody_val_v1.0.json"
LISTS = ("keypoints", "foot_kpts", "lefthand_kpts", "righthand_kpts", "face_kpts")


def at(name):
    return JOINTS.joints.index(name)


def test_real_key_points_and_boxes_come_unchanged():
    published = {a["id"]: a for a in json.loads(FILE.read_text())["annotations"]}
    records = list(MSCOCO(SAMPLES / "mscoco", "val"))
    assert [int(r.key.split("/")[-1]) for r in records] == [
        number for number, a in published.items() if not a["iscrowd"] and a["num_keypoints"]
    ]
    copied = {at("left_wrist_of_hand"), at("right_wrist_of_hand"), at("nose_bridge_4")}
    own = [j for j in range(134) if j != at("pelvis") and j not in copied]
    for record in records:
        annotation = published[int(record.key.split("/")[-1])]
        keypoints = np.concatenate([annotation[name] for name in LISTS]).reshape(-1, 3)
        expected = np.insert(keypoints, 17, 0, axis=0).astype(np.float32)
        np.testing.assert_array_equal(record.fields["joints_px"][own], expected[own, :2])
        np.testing.assert_array_equal(record.fields["joint_valid"][own], expected[own, 2] > 0)
        np.testing.assert_array_equal(record.fields["bbox_xywh_px"], np.float32(annotation["bbox"]))
        for part, name in enumerate(("lefthand", "righthand", "face")):
            assert record.fields["part_box_valid"][part] == annotation[f"{name}_valid"]
            if annotation[f"{name}_valid"]:
                x, y, w, h = annotation[f"{name}_box"]
                found = record.fields["part_boxes_xyxy_px"][part]
                np.testing.assert_allclose(found, [x, y, x + w, y + h], rtol=1e-6)
        image = SAMPLES / "mscoco" / record.fields["image"]
        assert record.images["rgb"] == image.read_bytes()


def test_pelvis_and_copied_joints_are_made_of_the_body(tmp_path):
    published = write_mscoco(tmp_path)["people"]
    fields = MSCOCO(tmp_path, "train")[0].fields
    body = np.array(published[11]["keypoints"]).reshape(17, 3)
    np.testing.assert_allclose(
        fields["joints_px"][at("pelvis")], (body[11, :2] + body[12, :2]) / 2, rtol=1e-6
    )
    assert fields["joint_valid"][at("pelvis")]
    # The right hand is not annotated: its wrist is the body's; the left one keeps its own.
    np.testing.assert_allclose(fields["joints_px"][at("right_wrist_of_hand")], body[10, :2], rtol=1e-6)
    np.testing.assert_allclose(
        fields["joints_px"][at("left_wrist_of_hand")], published[11]["lefthand_kpts"][:2], rtol=1e-6
    )
    assert fields["joint_valid"][at("right_wrist_of_hand")]
    assert not fields["joint_valid"][at("right_index_tip")]


def test_one_invalid_hip_makes_the_pelvis_invalid(tmp_path):
    write_mscoco(tmp_path)
    path = tmp_path / "annotations/coco_wholebody_train_v1.0.json"
    content = json.loads(path.read_text())
    content["annotations"][0]["keypoints"][3 * 11 + 2] = 0
    path.write_text(json.dumps(content))
    assert not MSCOCO(tmp_path, "train")[0].fields["joint_valid"][at("pelvis")]


def test_fits_come_with_their_camera_and_parts(tmp_path):
    published = write_mscoco(tmp_path)["fits"]
    source = MSCOCO(tmp_path, "train")
    assert [r.key for r in source] == [
        f"train2017/{n}" for n in ("000000000009/11", "000000000025/12", "000000000025/15")
    ]
    assert (len(source), source.left_out, source.lines) == (3, 2, 5)
    first, without, unsaid = (source[i].fields for i in range(3))
    assert not any(name.startswith("model") for name in without)
    param = published["11"]["smplx_param"]
    expected = np.concatenate([param[n] for n in ("root_pose", "body_pose", "lhand_pose")])
    np.testing.assert_allclose(first["model_pose"][:111], expected, rtol=1e-6)
    np.testing.assert_allclose(first["model_pose"][156:], param["jaw_pose"], rtol=1e-6)
    np.testing.assert_allclose(first["model_trans_m"], param["trans"], rtol=1e-6)
    np.testing.assert_allclose(first["model_camera"], [900, 910, 31.5, 23.5])
    assert first["model_part_valid"].tolist() == [True, True, False, True]
    # The right hand does not count: neither its numbers, nor its rotations, nor its joints.
    assert not first["model_pose"][111:156].any()
    assert not first["model_pose_valid"][37:52].any()
    assert not first["model_joint_valid"][45:65].any()
    assert first["model_pose_valid"].sum() == 38
    assert first["model_joint_valid"].sum() == 117
    # This fit does not say which hands it has: those of the annotation.
    assert unsaid["model_part_valid"].tolist() == [True, True, False, True]


def test_hands_are_single_records_with_their_side(tmp_path):
    published = write_mscoco(tmp_path)
    source = MSCOCOHands(tmp_path, "train")
    # All five people have a left hand: hands need no key point of the body.
    assert sorted(tuple(r.key.split("/")[2:]) for r in source) == [(str(n), "left") for n in range(11, 16)]
    by_key = {tuple(r.key.split("/")[-2:]): r.fields for r in source}
    fields = by_key["11", "left"]
    np.testing.assert_array_equal(
        fields["joints_px"], np.float32(published["people"][11]["lefthand_kpts"]).reshape(21, 3)[:, :2]
    )
    np.testing.assert_array_equal(fields["bbox_xywh_px"], np.float32([3, 4, 10.5, 11.5]))
    assert fields["hand_type"].tolist() == [False, True]
    np.testing.assert_allclose(
        fields["model_pose"], published["hands"]["11"]["left"]["mano_param"]["pose"], rtol=1e-6
    )
    assert fields["model_pose_valid"].shape == (16,)
    assert "model" not in by_key["15", "left"]
    assert len(MSCOCOHands(SAMPLES / "mscoco", "val")) == 5


def test_mpii_in_cocos_form(tmp_path):
    published = write_mpii(tmp_path)
    source = MPII(tmp_path, "train")
    assert [r.key for r in source] == ["images/001/1", "images/002/2"]
    for record, entry in zip(source, published["people"], strict=True):
        keypoints = np.float32(entry["keypoints"]).reshape(16, 3)
        np.testing.assert_array_equal(record.fields["joints_px"], keypoints[:, :2])
        np.testing.assert_array_equal(record.fields["joint_valid"], keypoints[:, 2] > 0)
    assert "model" not in source[0].fields
    valid = source[1].fields["model_pose_valid"]
    assert not valid[[7, 8, 20, 21]].any()
    assert valid[[4, 5, 18, 19, 9, 15]].all()
    joints = source[1].fields["model_joint_valid"]
    assert not joints[14:20].any()
    assert joints[:14].all()
    assert MPII(tmp_path / "data", "train")[1].fields["image"] == "images/002.jpg"


def test_real_frames_of_mpii_in_mmposes_form_can_be_trained_on(tmp_path):
    from carpus.data.person_inputs import PersonInputs

    source = partial(MPII, fits=False, annotation="annotations/mpii_subset.json")
    dataset = dataset_of(source, SAMPLES / "mpii", tmp_path, PersonSplits("train", "train", "train"))
    published = json.loads((SAMPLES / "mpii/annotations/mpii_subset.json").read_text())
    records = [*dataset.open("train"), *dataset.open("val")]
    assert len(records) == len(published)
    for record in records:
        entry = published[int(record.key.split("/")[-1])]
        np.testing.assert_allclose(record.fields["joints_px"], np.array(entry["joints"]) - 1, atol=1e-3)
        x, y, w, h = record.fields["bbox_xywh_px"]
        np.testing.assert_allclose([x + w / 2, y + h / 2], np.array(entry["center"]) - 1, atol=1e-3)
        np.testing.assert_allclose([w, h], entry["scale"] * 200, rtol=1e-6)
        sample = PersonInputs("mpii", "whole_body")(record, np.random.default_rng(0), True)
        assert sample["rgb"].shape == (512, 384, 3)
        assert sample["label_valid"].sum() >= 10


@pytest.mark.parametrize("images", ["packed", "tree"])
def test_pictures_packed_or_left_in_the_tree_give_the_same_records(tmp_path, images):
    dataset = dataset_of(
        MSCOCO, SAMPLES / "mscoco", tmp_path, PersonSplits(val="val", test="val"), images=images
    )
    records = list(dataset.open("val"))
    for found, expected in zip(records, MSCOCO(SAMPLES / "mscoco", "val"), strict=True):
        assert found.key == expected.key
        assert found.images == expected.images
        np.testing.assert_array_equal(found.fields["joints_px"], expected.fields["joints_px"])
    assert dataset.verify("val") == 7
    assert (dataset.folder("val") / "data.mdb").stat().st_size > 700_000 or images == "tree"
    assert dataset.size_line("val") == "mscoco val: 7 records (published: about 6,300)"
