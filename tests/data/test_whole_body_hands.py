"""Hands with MANO fits: FreiHAND in both forms, InterHand2.6M by single hands; pictures of one's own."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from carpus.bodies.mano import load_mano
from carpus.data.sources.freihand.mano import FreiHANDMano
from carpus.data.sources.interhand26m import InterHand26M
from carpus.data.sources.interhand26m.annotations import read_annotations
from carpus.data.sources.interhand26m.single import InterHand26MHands, chosen_views
from carpus.data.sources.people import CustomPeople
from carpus.data.whole_body_splits import PersonSplits
from carpus.errors import ConfigError, DataError
from interhand_tree import write_tree
from rgb_hand_tree import write_freihand
from whole_body_trees import (
    CAMERA,
    HEIGHT,
    WIDTH,
    dataset_of,
    image,
    mano_fit,
    person,
    write_json,
    write_picture,
)


@pytest.fixture
def coco_form(tmp_path):
    """Two training pictures of one hand, one evaluation picture; the fits by ``db_idx``."""
    folder = tmp_path / "data"
    for number in range(2):
        write_picture(folder / f"training/rgb/{number:08d}.jpg", seed=number)
    write_picture(folder / "evaluation/rgb/00000000.jpg")
    images = [image(n + 7, f"training/rgb/{n:08d}.jpg", db_idx=5) for n in range(2)]
    people = [person(n, n + 7) for n in range(2)]
    write_json(folder / "freihand_train_coco.json", {"images": images, "annotations": people})
    fits = {"5": {"cam_param": CAMERA, "mano_param": mano_fit(5)}}
    write_json(folder / "freihand_train_data.json", fits)
    evaluation = {"images": [image(3, "evaluation/rgb/00000000.jpg", db_idx=0)]}
    evaluation["annotations"] = [{"id": 1, "image_id": 3}]
    write_json(folder / "freihand_eval_coco.json", evaluation)
    write_json(folder / "freihand_eval_data.json", {"0": {"cam_param": CAMERA}})
    boxes = [{"image_id": 3, "bbox": [-4.5, 3, 60, 60], "root_cam": [0, 0, 600]}]
    write_json(tmp_path / "rootnet_output/bbox_root_freihand_output.json", boxes)
    return tmp_path, fits


def test_freihand_of_pose2pose(coco_form):
    root, fits = coco_form
    train = FreiHANDMano(root, "train")
    assert [r.key for r in train] == ["training/rgb/00000000/0", "training/rgb/00000001/1"]
    for record in train:
        fields = record.fields
        np.testing.assert_allclose(fields["model_pose"], fits["5"]["mano_param"]["pose"], rtol=1e-6)
        np.testing.assert_allclose(fields["model_camera"], [*CAMERA["focal"], *CAMERA["princpt"]])
        np.testing.assert_array_equal(fields["bbox_xywh_px"], [5, 6, 30.5, 35.25])
        assert fields["box_ready"] == 0
        assert fields["hand_type"].tolist() == [True, False]
        assert not {"joints_px", "joints_cam_mm", "joint_valid"} & set(fields)
    assert train.columns(1)["pose"] == 5
    evaluation = FreiHANDMano(root, "test")[0].fields
    np.testing.assert_array_equal(evaluation["bbox_xywh_px"], [-4.5, 3, 60, 60])
    assert evaluation["box_ready"] == 1
    assert "model" not in evaluation
    assert len(FreiHANDMano(root / "data", "train")) == 2


def test_freihand_needs_all_its_files(coco_form):
    root, _ = coco_form
    boxes = root / "rootnet_output/bbox_root_freihand_output.json"
    boxes.write_text("[]")
    with pytest.raises(DataError, match=r"bbox_root_freihand_output\.json has no box of image 3"):
        FreiHANDMano(root, "test")
    boxes.unlink()
    with pytest.raises(DataError, match=r"bbox_root_freihand_output\.json is missing"):
        FreiHANDMano(root, "test")
    write_json(root / "data/freihand_train_data.json", {"4": {"cam_param": CAMERA, "mano_param": mano_fit()}})
    with pytest.raises(DataError, match=r"freihand_train_data\.json has no entry 5, which .*annotation 0"):
        FreiHANDMano(root, "train")
    write_json(root / "data/freihand_train_data.json", {"5": {"cam_param": CAMERA}})
    with pytest.raises(DataError, match="'5' has no mano_param"):
        FreiHANDMano(root, "train")


def test_freihand_of_the_publisher_has_its_translation_solved(tmp_path):
    content = write_freihand(tmp_path, "training", 3, 4)
    write_freihand(tmp_path, "evaluation", 2, 1)
    source = FreiHANDMano(tmp_path, "train", body_models=tmp_path, standin=True)
    assert len(source) == 12
    hand = load_mano(tmp_path, "right", standin=True)
    for index in (0, 4, 11):
        fields = source[index].fields
        pose, shape, trans = (
            torch.from_numpy(fields[name])[None] for name in ("model_pose", "model_shape", "model_trans_m")
        )
        # The model's wrist, after it is posed and moved, lies where the wrist was measured.
        wrist = hand.layer(
            global_orient=pose[:, :3], hand_pose=pose[:, 3:], betas=shape, transl=trans
        ).joints[0, 0]
        np.testing.assert_allclose(wrist, content["xyz"][index % 3][0], atol=2e-6)
        np.testing.assert_allclose(pose[0], np.ravel(content["mano"][index % 3])[:48], rtol=1e-5)
    test = FreiHANDMano(tmp_path, "test", body_models=tmp_path, standin=True)[1].fields
    assert test["vertices_cam_mm"].shape == (778, 3)
    assert test["joints_cam_mm"].shape == (21, 3)
    assert test["joint_valid"].all()


def test_freihand_needs_the_publishers_fits(tmp_path):
    write_freihand(tmp_path, "training", 2, 4)
    with pytest.raises(DataError, match="MANO_RIGHT"):
        FreiHANDMano(tmp_path, "train", body_models=tmp_path / "models")
    (tmp_path / "training_mano.json").unlink()
    with pytest.raises(DataError, match=r"training_mano\.json is missing"):
        FreiHANDMano(tmp_path, "train", standin=True)


@pytest.fixture(scope="module")
def interhand(tmp_path_factory):
    """The real frames with invented fits."""
    root = tmp_path_factory.mktemp("interhand")
    write_tree(root, "train")
    return root


def test_interhand_gives_every_hand_by_itself(interhand):
    pairs = {record.fields["image"]: record for record in InterHand26M(interhand, "train")}
    hands = InterHand26MHands(interhand, "train")
    present = [(r.fields["image"], s) for r in pairs.values() for s in (0, 1) if r.fields["hand_type"][s]]
    usable = [(i, s) for i, s in present if pairs[i].fields["joint_valid"][21 * s + 20]]
    assert sorted((r.fields["image"], int(r.fields["hand_type"][1])) for r in hands) == sorted(usable)
    assert len(hands) + hands.left_out == len(present)
    for record in hands:
        both, side = pairs[record.fields["image"]].fields, int(record.fields["hand_type"][1])
        half = slice(21 * side, 21 * side + 21)
        valid = both["joint_valid"][half]
        np.testing.assert_array_equal(record.fields["joint_valid"], valid)
        for name in ("joints_cam_mm", "joints_px"):
            np.testing.assert_allclose(
                record.fields[name][valid], both[name][half][valid], rtol=1e-4, atol=1e-2
            )
        low, high = (f(both["joints_px"][half][valid], 0) for f in (np.min, np.max))
        x, y, w, h = record.fields["bbox_xywh_px"]
        np.testing.assert_allclose([x + w / 2, y + h / 2], (low + high) / 2, atol=1e-2)
        np.testing.assert_allclose([w, h], (high - low) * 1.5, rtol=1e-3)
        if "model" in record.fields:
            np.testing.assert_allclose(record.fields["model_pose"], both["mano_pose"][side], rtol=1e-6)
            rotation, position = both["camera_rotation"], both["camera_position_mm"]
            shift = record.fields["model_translation_m"] * 1000
            np.testing.assert_allclose(shift, -rotation @ position, rtol=1e-6, atol=1e-6)
    assert sum("model" in record.fields for record in hands) > 0


def test_interhand_trains_on_every_nth_camera_by_name(interhand):
    images = read_annotations(interhand, "train")
    count = 23
    numbers = {name: np.zeros(count, np.int64) for name in images.numbers}
    numbers["camera"] = np.arange(count)[::-1]
    of_many = type(images)(images.path, numbers, images.names, ["a"], *[np.zeros(count)] * 4)
    by_name = sorted(range(count), key=lambda camera: f"cam{camera}")
    found = numbers["camera"][chosen_views(of_many, 10)]
    assert sorted(found.tolist()) == sorted(by_name[:: count // 10])
    assert chosen_views(images, 10).all()
    numbers["sequence"] = np.arange(count) % 5
    assert chosen_views(of_many, 10).all()


def test_own_pictures_with_boxes(tmp_path):
    for name in ("a.jpg", "sub/b.png"):
        write_picture(tmp_path / name)
    write_json(tmp_path / "people.json", {"a.jpg": [[1, 2, 30, 40], {"bbox": [3, 4, 5, 6]}], "sub/b.png": []})
    records = list(CustomPeople(tmp_path, part="left_hand"))
    assert [r.key for r in records] == ["a/0", "a/1"]
    assert set(records[0].fields) == {
        "image",
        "image_wh",
        "bbox_xywh_px",
        "box_ready",
        "annot_id",
        "hand_type",
    }
    assert records[1].fields["bbox_xywh_px"].tolist() == [3, 4, 5, 6]
    assert records[0].fields["image_wh"].tolist() == [WIDTH, HEIGHT]
    coco = {"images": [image(4, "sub/b.png")], "annotations": [person(9, 4)]}
    write_json(tmp_path / "coco.json", coco)
    dataset = dataset_of(CustomPeople, tmp_path, tmp_path / "packs", PersonSplits(test="test"))
    assert len(dataset.open("test")) == 2
    assert [r.key for r in CustomPeople(tmp_path, annotation="coco.json")] == ["sub/b/9"]
    with pytest.raises(ConfigError, match=r"dataset\.part 'foot'"):
        CustomPeople(tmp_path, part="foot")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (
            {"a.jpg": [[100, 5, 20, 20]]},
            r"annotation 0 in a\.jpg: box \[100.* outside the picture of 64 x 48",
        ),
        ({"a.jpg": [[5, 5, 0, 20]]}, "or is empty"),
        ({"a.jpg": [[5, 5, 20]]}, r"box 0 of 'a\.jpg' is not four numbers"),
        ({"a.jpg": {"bbox": 1}}, "must name a list of boxes"),
        ({"b.jpg": [[1, 1, 5, 5]]}, r"b\.jpg is missing"),
        ([1], "holds a list"),
        ({}, "no box in it"),
    ],
)
def test_wrong_boxes_of_own_pictures_are_named(tmp_path, content, words):
    write_picture(tmp_path / "a.jpg")
    write_json(tmp_path / "people.json", content)
    with pytest.raises(DataError, match=words):
        list(CustomPeople(tmp_path))
    assert json.loads((tmp_path / "people.json").read_text()) == content
