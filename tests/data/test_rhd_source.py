"""What the reader of RHD makes of the publisher's pickle and of mmpose's form."""

from __future__ import annotations

import json
from functools import partial

import cv2
import numpy as np
import pytest

from carpus.bodies.hand_parts import PART_NAMES
from carpus.data.part_codes import LABELS_TO_RHD, RHD_TO_LABELS
from carpus.data.rgb_hands import as_pair
from carpus.data.rgb_images import decode_labels
from carpus.data.rgb_splits import HeldOut
from carpus.data.sources.hand_fields import tight_box
from carpus.data.sources.rhd import RHD, export_coco
from carpus.errors import ConfigError
from carpus.geometry import Camera
from carpus.render.parts import label_name
from carpus.skeletons import INTERHAND, RHD_BOTH
from rgb_hand_tree import SAMPLES, copy_mini, open_dataset, rhd_mask, write_rhd

MASKS = [rhd_mask(100, 99), rhd_mask(50, 50), rhd_mask(0, 30), rhd_mask(64, 0), rhd_mask(0, 0)]


@pytest.fixture
def tree(tmp_path):
    """A tree of five pictures and its annotation."""
    return tmp_path / "rhd", write_rhd(tmp_path / "rhd", MASKS)


def test_the_hand_with_strictly_more_pixels_is_taken(tree):
    root, content = tree
    source = RHD(root, "train")
    sides = [source[i].fields["hand_type"].tolist() for i in range(5)]
    assert sides == [[False, True], [True, False], [True, False], [False, True], [True, False]]
    assert [source.columns(i)["side"] for i in range(5)] == [1, 0, 0, 1, 0]
    for i, (_, left) in enumerate(sides):
        rows = slice(0, 21) if left else slice(21, 42)
        fields, published = source[i].fields, content[i]
        np.testing.assert_allclose(fields["joints_cam_mm"], published["xyz"][rows] * 1000, rtol=1e-6)
        np.testing.assert_array_equal(fields["joints_px"], published["uv_vis"][rows, :2])
        assert fields["joint_visible"].tolist() == (published["uv_vis"][rows, 2] > 0).tolist()
        assert fields["joint_valid"].all()
        np.testing.assert_allclose(fields["root_depth_mm"], published["xyz"][rows][0, 2] * 1000, rtol=1e-6)
        np.testing.assert_allclose(fields["camera"], [300, 300, 160, 160])


def test_records_hold_the_published_files(tree):
    root, _ = tree
    record = RHD(root, "train")[2]
    assert record.key == "training/00002"
    for name, kind in (("rgb", "color"), ("segm", "mask"), ("depth", "depth")):
        assert record.images[name] == (root / f"training/{kind}/00002.png").read_bytes()
    assert record.fields["image"] == "training/color/00002.png"
    assert (record.fields["segm_coding"], record.fields["depth_coding"]) == ("rhd", "rhd_png")
    assert record.fields["image_wh"].tolist() == [320, 320]
    assert set(RHD(root, "train", depth=False)[2].images) == {"rgb", "segm"}
    assert set(RHD(root, "train", images="tree")[2].images) == {"segm", "depth"}


def test_both_hands_are_right_then_left_and_absent_without_a_pixel(tree):
    root, content = tree
    source = RHD(root, "train", hands="both")
    sides = [source[i].fields["hand_type"].tolist() for i in range(5)]
    assert sides == [[True, True], [True, True], [True, False], [False, True], [True, False]]
    assert [source.columns(i)["side"] for i in range(5)] == [2, 2, 0, 1, 0]
    for i in range(5):
        fields, xyz = source[i].fields, content[i]["xyz"] * 1000
        np.testing.assert_allclose(fields["joints_cam_mm"], np.concatenate([xyz[21:], xyz[:21]]), rtol=1e-6)
        assert fields["joint_valid"].tolist() == np.repeat(sides[i], 21).tolist()
        assert not (fields["joint_visible"] & ~fields["joint_valid"]).any()
    wrists = content[0]["xyz"][[21, 0], 2] * 1000
    np.testing.assert_allclose(source[0].fields["root_depth_mm"], wrists, rtol=1e-6)
    fields = source[0].fields
    points, valid = as_pair(
        fields["joints_cam_mm"], fields["joint_valid"], fields["hand_type"], RHD_BOTH, INTERHAND
    )
    np.testing.assert_allclose(
        points[INTERHAND.index("left_thumb_tip")], content[0]["xyz"][1] * 1000, rtol=1e-6
    )
    assert valid.all()


def test_crops_are_squares_about_visible_keypoints(tree):
    root, _ = tree
    fields = RHD(root, "train")[0].fields
    seen = fields["joints_px"][fields["joint_visible"]]
    assert 3 <= len(seen) < 21
    side = np.ptp(seen, axis=0).max() * 1.25
    middle = (seen.min(0) + seen.max(0)) / 2
    np.testing.assert_allclose(fields["crop_xywh_px"], [*(middle - side / 2), side, side], rtol=1e-5)
    np.testing.assert_allclose(fields["bbox_xywh_px"], tight_box(fields["joints_px"], 1.2))


def test_every_value_of_a_mask_has_a_label_of_its_own():
    assert sorted(RHD_TO_LABELS[2:]) == list(range(1, 33))
    assert RHD_TO_LABELS[:2].tolist() == [0, 0]
    assert (RHD_TO_LABELS[LABELS_TO_RHD] == np.arange(33)).all()
    # Published: thumb from its tip, …, palm; left 2-17, right 18-33.
    names = {2: "left thumb_tip", 4: "left thumb_base", 6: "left index_mid", 14: "left pinky_tip"}
    names |= {17: "left palm", 18: "right thumb_tip", 26: "right middle_base", 33: "right palm"}
    assert {value: label_name(RHD_TO_LABELS[value]) for value in names} == names
    assert len(PART_NAMES) == 16


def test_masks_are_recoded_where_they_are_decoded():
    mask = rhd_mask(200, 100)
    data = cv2.imencode(".png", mask)[1].tobytes()
    found = decode_labels(data, coding="rhd")
    assert np.array_equal(found, RHD_TO_LABELS[mask])
    assert ((found > 16).sum(), ((found > 0) & (found < 17)).sum()) == (200, 100)


@pytest.fixture(scope="module")
def real():
    """The real frames, opened as they are."""
    return RHD(SAMPLES / "rhd", "train")


def test_real_joints_meet_the_published_pixels(real):
    """Published: the mean distance is 0.0424 px for 00111 and 0.0404 px for 11111, all below 0.08 px."""
    for record, mean in zip(real, (0.0424, 0.0404), strict=True):
        fields = record.fields
        pixels = Camera.from_array(fields["camera"]).project(fields["joints_cam_mm"].astype(np.float64))
        off = np.linalg.norm(pixels - fields["joints_px"], axis=1)
        assert round(float(off.mean()), 4) == mean
        assert off.max() < 0.08


def test_real_frames_hold_what_the_file_says(real):
    published = json.loads((SAMPLES / "rhd/annotations_mmpose.json").read_text())
    for record, image, hand in zip(real, published["images"], published["annotations"], strict=True):
        fields = record.fields
        assert record.key == f"training/{image['file_name'][:-4]}"
        np.testing.assert_allclose(fields["bbox_xywh_px"], hand["bbox"], atol=1e-3)
        assert fields["hand_type"].tolist() == [hand["hand_type"] == "right", hand["hand_type"] == "left"]
        np.testing.assert_allclose(fields["joints_cam_mm"], hand["joint_cam"], rtol=1e-6)
        assert set(record.images) == {"rgb"}


def test_an_exported_file_is_read_back_alike(tree, tmp_path):
    root, _ = tree
    out = root / "annotations" / "rhd_train.json"
    out.parent.mkdir()
    assert export_coco(root, "train", out) == 5
    published = list(RHD(root, "train"))
    (root / "training/anno_training.pickle").unlink()
    again = list(RHD(root, "train"))
    for one, other in zip(published, again, strict=True):
        assert one.key == other.key
        assert one.images == other.images
        assert set(one.fields) == set(other.fields)
        for name, value in one.fields.items():
            if isinstance(value, np.ndarray):
                np.testing.assert_allclose(other.fields[name], value, rtol=1e-6, err_msg=name)
            else:
                assert other.fields[name] == value
    assert [path.name for path in out.parent.iterdir()] == [out.name]


def test_the_exported_entry_of_a_real_frame_is_the_one_mmpose_publishes(tmp_path):
    root = copy_mini("RHD", tmp_path / "RHD")
    export_coco(root, "train", tmp_path / "a.json")
    ours = json.loads((tmp_path / "a.json").read_text())
    wanted = json.loads((SAMPLES / "rhd/annotations_mmpose.json").read_text())
    hand, published = ours["annotations"][0], wanted["annotations"][0]
    for name in ("bbox", "area", "keypoints", "joint_cam"):
        np.testing.assert_allclose(hand[name], published[name], rtol=1e-5, atol=1e-3, err_msg=name)
    assert set(hand) == set(published)
    assert (hand["hand_type"], hand["category_id"], hand["iscrowd"]) == ("left", 1, 0)
    assert set(ours["images"][0]) == set(wanted["images"][0])
    np.testing.assert_allclose(
        ours["images"][0]["cam_param"]["focal"], wanted["images"][0]["cam_param"]["focal"]
    )
    assert ours["categories"] == wanted["categories"]


def test_packed_and_opened(tree, tmp_path):
    root, _ = tree
    dataset = open_dataset(RHD, root, tmp_path / "packs", HeldOut(val_fraction=0.4))
    keys = {split: [record.key for record in dataset.open(split)] for split in ("train", "val")}
    assert len(keys["val"]) == 2
    assert sorted(keys["train"] + keys["val"]) == [f"training/{n:05d}" for n in range(5)]
    assert dataset.verify("train") == 5
    assert dataset.stats("train")["left hands"] == "2"
    beside = open_dataset(RHD, root, tmp_path / "other", HeldOut(val_fraction=0.4), images="tree")
    assert beside.open("train")[0].images == dataset.open("train")[0].images
    both = open_dataset(partial(RHD, hands="both"), root, tmp_path / "both", HeldOut(), skeleton=RHD_BOTH)
    both.pack("train")
    assert both.stats("train")["both hands"] == "2"


def test_unknown_choices_name_the_allowed_ones(tree):
    with pytest.raises(ConfigError, match=r"dataset\.hands.*'bth'.*both"):
        RHD(tree[0], "train", hands="bth")
