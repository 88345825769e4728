"""AGORA's records at both resolutions, crops of the large pictures, the test split, overlays and commands."""

from __future__ import annotations

import argparse
import json
import shutil

import cv2
import numpy as np
import pytest
import torch

from agora_tree import STEP, shared_tree, unparsed_copy
from carpus.bodies.layers import SmplxBody
from carpus.bodies.standin import standin_model
from carpus.commands import agora_command
from carpus.data.agora_bodies import JointBodies
from carpus.data.agora_check import draw_checks
from carpus.data.agora_crops import make_crops
from carpus.data.rgb_images import decode_rgb
from carpus.data.sources.agora import AGORA
from carpus.data.whole_body_dataset import WholeBodyDataset
from carpus.data.whole_body_splits import PersonSplits
from carpus.errors import ConfigError, DataError
from carpus.geometry.agora_camera import published_pixels
from carpus.geometry.camera import Camera

RESOLUTIONS = ("2160x3840", "720x1280")


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    return shared_tree(tmp_path_factory)


@pytest.fixture
def own_tree(tree, tmp_path):
    return shutil.copytree(tree, tmp_path / "own")


def model_joints(record, gender):
    """The record's parameters through a layer, millimetres."""
    fields = record.fields
    names = ("model_pose", "model_shape", "model_expr", "model_trans_m")
    given = (torch.from_numpy(fields[name][None]) for name in names)
    return 1000 * SmplxBody(standin_model("smplx", gender))(*given).joints_m[0].double().numpy()


@pytest.mark.parametrize("resolution", RESOLUTIONS)
def test_parameters_project_to_the_published_joints(tree, resolution):
    source = AGORA(tree, "val", resolution=resolution)
    for record in source:
        fields = record.fields
        gender = ("neutral", "male", "female")[fields["person_gender"]]
        joints, known = model_joints(record, gender), fields["joint_valid"]
        assert known.tolist() == [True] * 127 + [False] * 17
        np.testing.assert_allclose(joints[known], fields["joints_cam_mm"][known], atol=0.05)
        found = Camera.from_array(fields["camera"]).project(joints)[known]
        np.testing.assert_allclose(found, fields["joints_px"][known], atol=0.1)
        back = published_pixels(found, fields["published_to_image"])
        truth = np.load(tree / "data" / "gt_joints" / "validation" / f"{record.key.split('/')[1]}.npz")
        np.testing.assert_allclose(back, truth["gt_joints_2d"][fields["person_id"]], atol=0.5)


@pytest.mark.parametrize("resolution", RESOLUTIONS)
def test_boxes_are_those_of_the_picture(tree, resolution):
    source = AGORA(tree, "train", resolution=resolution)
    for record in source:
        fields = record.fields
        assert decode_rgb(record.images["rgb"]).shape[1::-1] == tuple(fields["image_wh"])
        pixels, valid = fields["joints_px"], fields["part_box_valid"]
        if resolution == "2160x3840":
            assert fields["box_ready"] == 1
            assert fields["bbox_xywh_px"].tolist() == [0, 0, 384, 512]
        else:
            np.testing.assert_allclose(
                fields["bbox_xywh_px"], fields["published_bbox_xywh_px"] / 3, rtol=1e-5
            )
        inside = (pixels[:127] >= 0).all() and (pixels[:127] < fields["image_wh"] - 1).all()
        parts = ([*range(25, 40), *range(66, 71)], [*range(40, 55), *range(71, 76)], [*range(76, 127)])
        for box, points in zip(fields["part_boxes_xyxy_px"], parts, strict=True):
            if inside:
                assert valid.all()
                assert (pixels[points] >= box[:2] - 0.01).all()
                # Cutting a box takes a pixel off its far sides.
                assert (pixels[points] <= box[2:] + 1.01).all()


def test_crops_show_what_their_map_says(tree):
    for record in AGORA(tree, "train"):
        fields = record.fields
        crop = decode_rgb(record.images["rgb"]).astype(np.float64)
        back = np.linalg.inv(np.vstack([fields["published_to_image"], [0, 0, 1]]))
        for u, v in ((192, 256), (100, 300), (250, 150)):
            x, y = (back @ [u, v, 1])[:2]
            if 40 < x < 3800 and 40 < y < 2120:
                # Grey levels are cut, not rounded.
                assert abs((crop[v, u, 0] + 0.5) * STEP - x) < STEP
                assert abs((crop[v, u, 1] + 0.5) * STEP - y) < STEP


def test_crops_are_continued_and_made_anew_where_boxes_changed(own_tree):
    base = own_tree / "data"
    assert make_crops(base, "train").made == 0
    crops = sorted((base / "images_3840x2160" / "train_0_crop").glob("*.png"))
    before = crops[0].read_bytes()
    crops[0].unlink()
    crops[1].with_suffix(".json").unlink()
    content = json.loads((base / "AGORA_train.json").read_text())
    last = content["annotations"][-1]
    last["bbox"][0] += 300
    (base / "AGORA_train.json").write_text(json.dumps(content))
    summary = make_crops(base, "train", processes=2)
    assert (summary.people, summary.made) == (len(crops), 3)
    assert crops[0].read_bytes() == before
    beside = sorted(
        (base / "images_3840x2160" / "train_0_crop").glob(f"*_person_id_{last['person_id']}.json")
    )
    assert any(
        json.loads(path.read_text())["bbox_orig"][0] == pytest.approx(last["bbox"][0]) for path in beside
    )


def test_crops_of_the_other_program_are_read(own_tree):
    folder = own_tree / "data" / "images_3840x2160" / "train_0_crop"
    expected = AGORA(own_tree, "train")[0].fields
    for path in folder.glob("*.json"):
        content = json.loads(path.read_text())
        content["img2bb_trans"] = content.pop("affine_mat")
        path.write_text(json.dumps(content))
    found = AGORA(own_tree, "train")[0].fields
    np.testing.assert_array_equal(found["published_to_image"], expected["published_to_image"])
    (own_tree / "data" / "images_3840x2160").rename(own_tree / "data" / "3840x2160")
    assert AGORA(own_tree, "train")[0].fields["image"].startswith("data/3840x2160/train_0_crop")


def test_what_is_missing_is_named_with_its_remedy(own_tree):
    base, source = own_tree / "data", AGORA(own_tree, "train")
    first = source[0]
    (own_tree / str(first.fields["image"])).with_suffix(".json").unlink()
    with pytest.raises(DataError, match="carpus agora crops"):
        source[0]
    picture = next((base / "images_3840x2160" / "train_0").glob("*cam02*.png"))
    cv2.imwrite(str(picture), np.zeros((720, 1280, 3), np.uint8))
    shutil.rmtree(base / "images_3840x2160" / "train_0_crop")
    with pytest.raises(DataError, match=r"cam02.* is 1280 x 720; crops are made of pictures of 3840 x 2160"):
        make_crops(base, "train")
    (base / "AGORA_test_bbox.json").write_text(json.dumps({"a.png": [{"bbox": [1, 2, 0, 4]}]}))
    with pytest.raises(DataError, match=r"person 0 of a\.png.*no extent"):
        AGORA(own_tree, "test")
    (base / "AGORA_train.json").unlink()
    with pytest.raises(DataError, match="carpus agora parse"):
        AGORA(own_tree, "train")
    with pytest.raises(ConfigError, match="720x1280"):
        AGORA(own_tree, "val", resolution="720x1281")


def test_people_that_are_not_valid_are_left_out(own_tree):
    path = own_tree / "data" / "AGORA_train.json"
    content = json.loads(path.read_text())
    content["annotations"][3]["is_valid"] = False
    path.write_text(json.dumps(content))
    source, everybody = AGORA(own_tree, "train"), AGORA(own_tree, "train", invalid=True)
    assert len(everybody) - len(source) == source.left_out == 1
    assert source.lines == len(everybody)
    assert everybody[3].fields["is_valid"] == 0


def test_test_people_have_boxes_and_their_number(tree):
    boxes = json.loads((tree / "data" / "AGORA_test_bbox.json").read_text())
    for resolution in RESOLUTIONS:
        source = AGORA(tree, "test", resolution=resolution)
        assert len(source) == sum(map(len, boxes.values())) > 0
        for record in source:
            folder, stem, person = record.key.split("/")
            assert (folder, int(person)) == ("test", record.fields["person_id"])
            published = boxes[f"{stem}.png"][int(person)]["bbox"]
            np.testing.assert_allclose(record.fields["published_bbox_xywh_px"], published, rtol=1e-6)
            assert "model_pose" not in record.fields


def test_meshes_are_offered_where_they_were_kept(tree):
    record = AGORA(tree, "val", vertices="val")[0]
    assert record.fields["vertices_m"].shape == (10475, 3)
    assert "vertices_m" not in AGORA(tree, "train", vertices="val")[0].fields
    with pytest.raises(DataError, match="--vertices"):
        AGORA(tree, "train", vertices="all")[0]


def test_targets_are_of_neutral_bodies_unless_wanted(tree):
    record, gendered = (AGORA(tree, "train", gendered=wanted)[0] for wanted in (False, True))
    assert (record.fields["gender"], gendered.fields["gender"]) == (0, record.fields["person_gender"])
    assert record.fields["joints_from_model"] == 1


def test_store(tree, tmp_path):
    splits = PersonSplits(train="train", val="val", test="val")
    dataset = WholeBodyDataset("agora", tree, AGORA, tmp_path, splits)
    samples = dataset.open("train")
    source = AGORA(tree, "train")
    assert len(samples) == len(source)
    np.testing.assert_array_equal(samples[4].fields["model_pose"], source[4].fields["model_pose"])
    assert samples[4].images == source[4].images
    assert {"person_id", "kid", "occlusion", "image_id"} <= set(samples.store.meta["columns"])
    assert dataset.verify("train") == len(source)


def test_overlays_of_both_sizes(own_tree, tmp_path):
    bodies = JointBodies(tmp_path, standin=True)
    written = draw_checks(own_tree / "data", "train", bodies, 2)
    assert [cv2.imread(str(path)).shape[1] for path in written] == [3840, 1280, 3840, 1280]
    blank = cv2.imread(str(next((own_tree / "data" / "images_1280x720" / "train_0").glob("*.png"))))
    assert np.abs(cv2.imread(str(written[1])).astype(int) - blank).max() > 100


def test_commands(tree, tmp_path, capsys):
    root = unparsed_copy(tree, tmp_path / "own", pictures=True)
    parser = argparse.ArgumentParser()
    agora_command.add_arguments(parser)

    def run(*words):
        common = ["--dataset", "agora_synthetic", f"dataset.root={root}"]
        agora_command.run(parser.parse_intermixed_args([*words, *common]))
        return capsys.readouterr().out

    shown = run("parse", "--overlays", "1", "--split", "train,validation")
    assert "stand-in bodies" in shown
    assert "skeletons must lie on people" in shown
    crops = run("crops", "--split", "val")
    assert f"{len(AGORA(root, 'val'))} made now of 1 pictures" in crops
    first = AGORA(root, "val")[0]
    assert first.key == AGORA(tree, "val")[0].key
    with pytest.raises(ConfigError, match="step of carpus agora"):
        run("pars")
    with pytest.raises(DataError, match="no data frame"):
        run("parse", "--frames", str(tmp_path / "nothing"))
