"""What the reader of STB makes of both layouts and all cameras, and what it refuses."""

from __future__ import annotations

import logging
import shutil

import numpy as np
import pytest
from scipy.io import savemat

from carpus.data.packing import pack
from carpus.data.rgb_depth import encode_coded_depth
from carpus.data.rgb_splits import stb_splits
from carpus.data.sources.stb import STB, layout
from carpus.data.sources.stb.labels import to_colour_camera, to_depth_camera, to_right_camera, with_wrist
from carpus.errors import ConfigError, DataError
from carpus.geometry import Camera
from carpus.skeletons import STB_HAND
from rgb_hand_tree import SAMPLES, copy_mini, open_dataset, write_stb

HELD_OUT = {"train": ["B3"], "val": ["B2"], "test": ["B1"]}


@pytest.fixture
def tree(tmp_path):
    """Three sequences and their published joints."""
    frames = {"B1Random": 2, "B2Counting": 3, "B3Random": 11}
    return tmp_path / "stb", write_stb(tmp_path / "stb", frames)


def test_frames_come_by_sequence_and_number(tree):
    source = STB(tree[0])
    keys = [record.key for record in source]
    assert keys[:5] == [
        *("B1Random/SK_color/0000", "B1Random/SK_color/0001"),
        *(f"B2Counting/SK_color/000{n}" for n in range(3)),
    ]
    # 10 follows 9, not 1.
    assert keys[-1] == "B3Random/SK_color/0010"
    assert [source.columns(i)["sequence"] for i in (0, 2, 5)] == [1, 2, 5]
    record = source[3]
    path = tree[0] / "images/B2Counting/SK_color_1.png"
    assert record.images["rgb"] == path.read_bytes()
    assert record.fields["image"] == "images/B2Counting/SK_color_1.png"
    assert record.fields["hand_type"].tolist() == [False, True]
    assert record.fields["image_wh"].tolist() == [64, 48]


@pytest.mark.parametrize(("camera", "rig"), [("sk", "SK"), ("bb_left", "BB"), ("bb_right", "BB")])
def test_joints_are_in_the_camera_of_the_picture(tree, camera, rig):
    root, truth = tree
    source = STB(root, camera=camera)
    published = truth["B2Counting", rig][1]
    move = {"sk": to_colour_camera, "bb_left": lambda p: p, "bb_right": to_right_camera}[camera]
    fields = source[3].fields
    np.testing.assert_allclose(fields["joints_cam_mm"], with_wrist(move(published), "middle"), rtol=1e-5)
    pixels = Camera.from_array(fields["camera"]).project(fields["joints_cam_mm"].astype(np.float64))
    np.testing.assert_allclose(fields["joints_px"], pixels, atol=1e-3)
    assert source[3].key == f"B2Counting/{layout.CAMERAS[camera][1]}/0001"
    middle, wrist = STB_HAND.index("middle_mcp"), STB_HAND.index("wrist")
    palm = move(published)[0]
    np.testing.assert_allclose(
        fields["joints_cam_mm"][wrist] - move(published)[middle],
        2.2 * (palm - move(published)[middle]),
        atol=1e-3,
    )


def test_both_ways_between_the_cameras():
    points = np.random.default_rng(0).normal(0, 200, (7, 3))
    np.testing.assert_allclose(to_depth_camera(to_colour_camera(points)), points, atol=1e-9)


def test_the_palm_stays_where_it_is_wanted(tree):
    root, truth = tree
    found = STB(root, wrist="palm")[0].fields["joints_cam_mm"]
    np.testing.assert_allclose(found, to_colour_camera(truth["B1Random", "SK"][0]), rtol=1e-5)
    other = STB(root, wrist="4mcp")[0].fields["joints_cam_mm"]
    assert np.abs(other - found)[1:].max() == 0
    assert np.linalg.norm(other[0] - found[0]) > 1


def test_sequences_may_lie_in_the_root_itself(tree):
    root, _ = tree
    wanted = [record.key for record in STB(root)]
    for folder in (root / "images").iterdir():
        shutil.move(folder, root / folder.name)
    (root / "images").rmdir()
    (root / "notes").mkdir()
    source = STB(root)
    assert [record.key for record in source] == wanted
    assert source[0].fields["image"] == "B1Random/SK_color_0.png"


def test_labels_without_pictures_are_left_out_with_a_word(tree, caplog):
    root, _ = tree
    shutil.rmtree(root / "images/B2Counting")
    with caplog.at_level(logging.WARNING):
        assert len(STB(root)) == 13
    assert "no pictures of B2Counting" in caplog.text


def test_depth_is_packed_where_it_is(tmp_path):
    root = copy_mini("STB", tmp_path / "STB")
    (root / "images/B2Counting/SK_depth_seg_1.png").unlink()
    source = STB(root)
    assert [("depth" in record.images) for record in source] == [True, True, True, False]
    assert [source.columns(i)["depth"] for i in range(4)] == [1, 1, 1, 0]
    assert set(STB(root, images="tree")[0].images) == {"depth"}


def test_a_real_picture(tmp_path):
    root = tmp_path / "stb"
    write_stb(root, {"B1Counting": 1}, rigs=("SK",))
    real = (SAMPLES / "stb/images/unknown_sequence/SK_color_0.png").read_bytes()
    (root / "images/B1Counting/SK_color_0.png").write_bytes(real)
    splits = stb_splits("all", all={"train": ["B1"], "val": ["B1"], "test": ["B1"]})
    dataset = open_dataset(STB, root, tmp_path / "packs", splits)
    record = dataset.open("test")[0]
    assert record.images["rgb"] == real
    assert record.fields["image_wh"].tolist() == [640, 480]
    assert dataset.verify("all") == 1


def test_splits_are_sequences(tree, tmp_path, caplog):
    root, _ = tree
    dataset = open_dataset(STB, root, tmp_path / "packs", stb_splits("held_out", held_out=HELD_OUT))
    names = {split: {r.fields["seq"] for r in dataset.open(split)} for split in ("train", "val", "test")}
    assert names == {"train": {"B3Random"}, "val": {"B2Counting"}, "test": {"B1Random"}}
    assert len(dataset.open("train")) == 11
    assert "part of the training split" not in caplog.text
    told = dataset.stats("all")
    assert (told["B3Random"], told["frames with depth"], told["expected"]) == (11, 0, 18_000)


def test_validating_on_training_frames_is_said(caplog):
    published = {"train": ["B2", "B3"], "val": ["B2"], "test": ["B1"]}
    with caplog.at_level(logging.WARNING):
        stb_splits("published", published=published, held_out=HELD_OUT)
    assert "val is part of the training split (B2Counting, B2Random)" in caplog.text
    assert "test is" not in caplog.text


def test_a_split_without_frames_names_the_sequences(tree, tmp_path):
    lists = {**HELD_OUT, "test": ["B6"]}
    dataset = open_dataset(STB, tree[0], tmp_path / "packs", stb_splits("own", own=lists))
    with pytest.raises(DataError, match=r"no frame of B6Counting, B6Random.*packed: B1Random, B2Counting"):
        dataset.open("test")


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: stb_splits("own", own={**HELD_OUT, "val": ["B7"]}), r"val split.*'B7'"),
        (lambda: stb_splits("publshed", published=HELD_OUT), r"dataset\.splits.*published"),
        (lambda: stb_splits("own", own={"train": ["B1"]}), "val and test are needed"),
        (lambda: STB("x", camera="bb"), r"dataset\.camera.*bb_left"),
    ],
)
def test_unknown_choices_name_the_allowed_ones(call, words):
    with pytest.raises(ConfigError, match=words):
        call()


def test_an_unknown_wrist(tree):
    with pytest.raises(ConfigError, match=r"dataset\.wrist.*4mcp"):
        STB(tree[0], wrist="2.2")


def refused(root, *words):
    """The error of packing a tree: one line with these words."""
    with pytest.raises(DataError) as failed:
        pack(STB(root), root.parent / "store", "stb")
    text = str(failed.value)
    assert "\n" not in text
    for word in words:
        assert word in text


def test_a_cut_label_file(tree):
    root, _ = tree
    path = root / "labels/B2Counting_SK.mat"
    whole = path.read_bytes()
    for share in (0.02, 0.3, 0.6, 0.95):
        path.write_bytes(whole[: int(len(whole) * share)])
        refused(root, str(path), "damaged")
    path.write_bytes(b"")
    refused(root, str(path), "damaged")


def test_a_label_file_of_something_else(tree):
    root, _ = tree
    path = root / "labels/B2Counting_SK.mat"
    savemat(path, {"handPara": np.zeros((3, 20, 4))})
    refused(root, str(path), "(3, 20, 4)")
    savemat(path, {"other": np.zeros((3, 21, 4))})
    refused(root, str(path), "handPara")
    joints = np.full((3, 21, 3), 600.0)
    joints[0, 3, 2] = np.nan
    savemat(path, {"handPara": joints})
    refused(root, str(path), "frame 2", "not a finite number")
    path.unlink()
    refused(root, str(path), "missing")


@pytest.mark.parametrize("kind", ["folder", "labels"])
def test_an_unknown_sequence(tree, kind):
    root, _ = tree
    if kind == "folder":
        (root / "images/unknown_sequence").mkdir()
    else:
        shutil.copy(root / "labels/B2Counting_SK.mat", root / "labels/B7Counting_SK.mat")
    refused(root, "unknown_sequence" if kind == "folder" else "B7Counting", "B1Counting")


def test_missing_cut_and_misshapen_pictures(tree):
    root, _ = tree
    path = root / "images/B3Random/SK_color_4.png"
    whole = path.read_bytes()
    path.write_bytes(whole[:-14])
    refused(root, str(path), "cut off")
    path.unlink()
    refused(root, str(path), "missing")
    path.write_bytes(whole)
    depth = path.with_name("SK_depth_seg_4.png")
    depth.write_bytes(encode_coded_depth(np.ones((48, 60)), "stb_png"))
    refused(root, str(depth), "60 x 48", "(64, 48)")


def test_an_empty_tree(tmp_path):
    (tmp_path / "images").mkdir()
    with pytest.raises(DataError, match="no folder of a sequence"):
        STB(tmp_path)
