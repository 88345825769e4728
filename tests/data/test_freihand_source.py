"""What the reader of FreiHAND makes of the publisher's files and of mmpose's keypoints."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from carpus.data.hand_sample import make_hand_sample
from carpus.data.packing import pack
from carpus.data.rgb_images import mask_values
from carpus.data.rgb_splits import HeldOut
from carpus.data.sources.freihand import FreiHAND
from carpus.data.sources.freihand.layout import COUNTS
from carpus.errors import ConfigError, DataError
from carpus.geometry import Camera
from carpus.skeletons import FREIHAND_HAND
from rgb_hand_tree import CAMERA, SAMPLES, copy_samples, open_dataset, write_freihand


@pytest.fixture
def tree(tmp_path):
    """Three poses before four backgrounds, two evaluation pictures, and the content of the files."""
    root = tmp_path / "freihand"
    root.mkdir()
    return root, {
        split: write_freihand(root, split, n, v) for split, n, v in (("training", 3, 4), ("evaluation", 2, 1))
    }


def test_counts_are_the_published_ones():
    assert COUNTS == {"train": 130_240, "test": 3_960}
    assert FreiHAND.expected_counts == COUNTS


def test_every_pose_has_four_pictures(tree):
    root, content = tree
    source = FreiHAND(root, "train")
    assert len(source) == 12
    assert [source.columns(i)["pose"] for i in range(12)] == [0, 1, 2] * 4
    for i in (1, 4, 10):
        fields = source[i].fields
        assert source[i].key == f"training/{i:08d}"
        assert source[i].images["rgb"] == (root / f"training/rgb/{i:08d}.jpg").read_bytes()
        assert source[i].images["mask"] == (root / f"training/mask/{i % 3:08d}.jpg").read_bytes()
        np.testing.assert_allclose(
            fields["joints_cam_mm"], np.array(content["training"]["xyz"][i % 3]) * 1000, rtol=1e-5
        )


def test_records_hold_what_is_published(tree):
    root, content = tree
    published = {name: np.array(value[1]) for name, value in content["evaluation"].items()}
    fields = FreiHAND(root, "test")[1].fields
    np.testing.assert_allclose(fields["camera"], CAMERA[[0, 1, 0, 1], [0, 1, 2, 2]])
    pixels = Camera.from_array(fields["camera"]).project(published["xyz"])
    np.testing.assert_allclose(fields["joints_px"], pixels, atol=1e-3)
    np.testing.assert_allclose(fields["vertices_cam_mm"], published["verts"] * 1000, rtol=1e-5)
    np.testing.assert_allclose(fields["scale_mm"], published["scale"] * 1000, rtol=1e-5)
    numbers = published["mano"].reshape(-1)
    np.testing.assert_allclose(fields["mano_pose"], [numbers[:48], np.zeros(48)], rtol=1e-5)
    np.testing.assert_allclose(fields["mano_shape"], [numbers[48:58], np.zeros(10)], rtol=1e-5)
    np.testing.assert_allclose(fields["mano_root_px"], numbers[58:60], rtol=1e-5)
    np.testing.assert_allclose(fields["mano_scale"], numbers[60], rtol=1e-5)
    assert fields["hand_type"].tolist() == [True, False]
    assert fields["mano_fitted"].tolist() == [True, False]
    np.testing.assert_allclose(fields["root_depth_mm"], published["xyz"][0, 2] * 1000, rtol=1e-5)


@pytest.mark.parametrize(("choice", "there"), [("test", (0, 1)), ("all", (1, 1)), ("none", (0, 0))])
def test_vertices_are_kept_where_they_are_wanted(tree, choice, there):
    found = [
        int("vertices_cam_mm" in FreiHAND(tree[0], split, vertices=choice)[0].fields)
        for split in ("train", "test")
    ]
    assert tuple(found) == there


def test_an_evaluation_split_without_labels_shows_the_whole_picture(tmp_path):
    write_freihand(tmp_path, "evaluation", 2, 1, leave_out=("xyz", "mano", "verts", "mask"))
    record = FreiHAND(tmp_path, "test")[0]
    assert not {"joints_px", "joints_cam_mm", "joint_valid", "root_depth_mm"} & set(record.fields)
    assert record.fields["crop_xywh_px"].tolist() == [0, 0, 224, 224]
    assert set(record.images) == {"rgb"}
    sample = make_hand_sample(record, FREIHAND_HAND)
    assert not sample.valid.any()
    assert sample.joints_m is None
    np.testing.assert_allclose(sample.image_to_crop @ np.array([112, 112, 1]), [128, 128], atol=1e-4)
    np.testing.assert_allclose(sample.image_to_crop[0, 0], 256 / 224, rtol=1e-6)


def test_silhouettes_reach_the_sample(tree):
    record = FreiHAND(tree[0], "train")[0]
    mask = mask_values(record.images["mask"])
    assert set(np.unique(mask)) <= {*range(12), *range(244, 256)}
    sample = make_hand_sample(record, FREIHAND_HAND)
    assert sample.depth is None
    assert sample.silhouette.shape == (64, 64)
    # The white rectangle of the mask in the crop, a quarter of its size.
    corners = np.array([[70, 60, 1], [149, 159, 1]]) @ sample.image_to_crop.T / 4
    rows, columns = np.nonzero(sample.silhouette)
    low, high = np.clip(corners, 0, 63)
    np.testing.assert_allclose([columns.min(), rows.min()], low, atol=1)
    np.testing.assert_allclose([columns.max(), rows.max()], high, atol=1)
    inputs = sample.inputs()
    assert (inputs["dep_veil"], inputs["mask_veil"]) == (0, 1)
    assert not inputs["dep"].any()


def test_keypoints_of_mmpose(tmp_path):
    source = FreiHAND(SAMPLES / "freihand", "train")
    published = json.loads((SAMPLES / "freihand/annotations_mmpose.json").read_text())
    for record, image, hand in zip(source, published["images"], published["annotations"], strict=True):
        fields = record.fields
        assert record.key == f"training/{image['file_name'][:-4]}"
        keypoints = np.array(hand["keypoints"]).reshape(21, 3)
        np.testing.assert_allclose(fields["joints_px"], keypoints[:, :2], rtol=1e-6)
        assert not {"camera", "joints_cam_mm", "root_depth_mm"} & set(fields)
        assert make_hand_sample(record, FREIHAND_HAND).intrinsics is None
    dataset = open_dataset(FreiHAND, SAMPLES / "freihand", tmp_path / "packs", HeldOut(by="pose"))
    poses = [{int(Path(r.key).name) % 32_560 for r in dataset.open(split)} for split in ("train", "val")]
    assert poses in ([{355}, {17620}], [{17620}, {355}])
    assert dataset.verify("train") == 5


def test_packed_and_opened(tree, tmp_path):
    dataset = open_dataset(FreiHAND, tree[0], tmp_path / "packs", HeldOut(val_fraction=0.3, by="pose"))
    assert [len(dataset.open(split)) for split in ("train", "val", "test")] == [8, 4, 2]
    assert dataset.verify("test") == 2
    record = dataset.open("test")[0]
    assert record.fields["vertices_cam_mm"].shape == (778, 3)
    assert record.images == FreiHAND(tree[0], "test")[0].images


def refused(root, *words):
    """The error of packing a tree: one line with these words."""
    with pytest.raises(DataError) as failed:
        pack(FreiHAND(root, "train", vertices="all"), root.parent / "store", "freihand")
    text = str(failed.value)
    assert "\n" not in text
    for word in words:
        assert word in text


@pytest.mark.parametrize(
    ("kind", "change", "words"),
    [
        ("K", lambda v: v[:2], ("training_xyz.json has 3 entries", "2")),
        ("xyz", lambda v: [v[0], v[1][:20], v[2]], ("training_xyz.json: entry 1", "60 numbers")),
        ("xyz", lambda v: [v[0], v[1], [[1, 2], [3]]], ("training_xyz.json: entry 2", "numbers")),
        ("xyz", lambda v: (np.array(v) / 1000).tolist(), ("training_xyz.json: entry 0", "metres")),
        ("scale", lambda v: [*v[:2], None], ("training_scale.json: entry 2",)),
        ("mano", lambda v: [*v, v[0]], ("training_mano.json has 4 entries",)),
        ("verts", lambda v: [v[0][1:], *v[1:]], ("training_verts.json: entry 0", "(778, 3)")),
        ("K", lambda v: [], ("training_K.json: no entry",)),
    ],
)
def test_wrong_label_files(tree, kind, change, words):
    root, content = tree
    (root / f"training_{kind}.json").write_text(json.dumps(change(content["training"][kind])))
    refused(root, *words)


def test_cut_and_missing_label_files(tree):
    root, _ = tree
    path = root / "training_xyz.json"
    whole = path.read_text()
    path.write_text(whole[:-40])
    refused(root, str(path), "line")
    path.unlink()
    refused(root, str(path), "missing")
    (root / "training_K.json").unlink()
    refused(root, "training_K.json is missing", "annotations_mmpose.json")


def test_missing_pictures(tree):
    root, _ = tree
    (root / "training/rgb/00000005.jpg").unlink()
    refused(root, str(root / "training/rgb"), "11 pictures for 3 labels", "130,240 = 4 x 32,560")
    (root / "training/rgb/00000099.jpg").write_bytes(b"")
    refused(root, str(root / "training/rgb/00000005.jpg"), "missing")


def test_missing_and_cut_masks(tree):
    root, _ = tree
    path = root / "training/mask/00000002.jpg"
    path.write_bytes(path.read_bytes()[:-40])
    refused(root, str(path), "cut off")
    path.unlink()
    refused(root, str(path), "missing")


def test_two_hands_in_one_picture_are_refused(tmp_path):
    root = copy_samples("freihand", tmp_path / "freihand")
    path = root / "annotations_mmpose.json"
    content = json.loads(path.read_text())
    content["annotations"].append(content["annotations"][3])
    path.write_text(json.dumps(content))
    refused(root, str(path), "more than one annotation")
    with pytest.raises(ConfigError, match=r"dataset\.vertices.*none"):
        FreiHAND(root, "train", vertices="some")
