"""What the reader of InterHand2.6M makes of a published tree."""

from __future__ import annotations

import json

import numpy as np
import pytest

from carpus.data.sources.interhand26m import InterHand26M
from carpus.data.sources.interhand26m.records import valid_with_root
from carpus.data.sources.interhand26m.skeleton_file import read_skeleton
from carpus.geometry import Camera
from carpus.skeletons import INTERHAND, INTERHAND_PUBLISHED
from interhand_tree import fit, invented, load_samples, write_tree


@pytest.fixture
def tree(tmp_path):
    """A function that writes an invented tree, changed by the caller, and opens it."""

    def make(count=12, change=None, both=None, split="val"):
        content = invented(count, both=both)
        if change:
            change(content)
        write_tree(tmp_path, split, content, masks=False)
        return InterHand26M(tmp_path, split)

    return make


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    """The real frames."""
    root = tmp_path_factory.mktemp("real")
    content = write_tree(root, "test", masks=False)
    return InterHand26M(root, "test"), content


def test_the_order_is_single_hands_then_both_each_as_in_the_file(tree):
    source = tree()
    kinds = [source[i].fields["hand_type"].sum() for i in range(12)]
    lines = [source.columns(i)["line"] for i in range(12)]
    assert kinds == [1] * 9 + [2] * 3
    assert lines == [0, 1, 2, 3, 4, 5, 9, 10, 11, 6, 7, 8]
    assert [source.columns(i)["group"] for i in range(12)] == [0] * 9 + [1] * 3
    assert source.group_counts == (9, 3)


def test_records_hold_what_the_files_say(tree):
    source = tree()
    record = source[0]
    assert record.key == "val/Capture0/0000_seq/cam400001/image0"
    assert record.fields["image"] == "images/val/Capture0/0000_seq/cam400001/image0.jpg"
    assert record.images["rgb"] == (source.root / record.fields["image"]).read_bytes()
    fields = record.fields
    assert (fields["seq"], fields["capture"], fields["cam"], fields["frame"]) == ("0000_seq", 0, 400001, 0)
    assert fields["image_wh"].tolist() == [334, 512]
    assert fields["bbox_xywh_px"].tolist() == [100.0, 120.5, 80.0, 90.25]
    np.testing.assert_allclose(fields["crop_xywh_px"][2:], 90.25 * 1.25, rtol=1e-6)
    world = json.loads((source.root / "annotations/val/InterHand2.6M_val_joint_3d.json").read_text())
    expected = np.array(world["0"]["0"]["world_coord"]) + np.array([0, 0, 1000])
    np.testing.assert_allclose(fields["joints_cam_mm"], expected, atol=1e-3)
    np.testing.assert_allclose(fields["root_depth_mm"], expected[list(INTERHAND.roots), 2], atol=1e-3)
    pixels = Camera.from_array(fields["camera"]).project(expected)
    np.testing.assert_allclose(fields["joints_px"], pixels, atol=1e-3)


def test_bare_file_names_are_completed(tree):
    def change(content):
        for image in content["data"]["images"]:
            image["file_name"] = image["file_name"].rsplit("/", 1)[1]

    whole = [record.key for record in tree()]
    bare = InterHand26M(tree(change=change).root, "val", images="tree")
    assert [record.key for record in bare] == whole


def test_a_hand_without_a_wrist_is_invalid(tree):
    def change(content):
        for truth in content["data"]["annotations"]:
            truth["joint_valid"] = [1] * 42
            truth["joint_valid"][20] = 0

    valid = tree(change=change)[0].fields["joint_valid"]
    assert not valid[:21].any()
    assert valid[21:].all()


@pytest.mark.parametrize("missing", [[], [20], [41], [20, 41], [0]])
def test_valid_with_root(missing):
    valid = np.ones((1, 42), bool)
    valid[0, missing] = False
    found = valid_with_root(valid)[0]
    for hand, root in enumerate(INTERHAND.roots):
        mine = slice(21 * hand, 21 * hand + 21)
        assert np.array_equal(found[mine], valid[0, mine] if valid[0, root] else np.zeros(21, bool))


FITS = [
    ("right", {"right": fit(), "left": None}, True),
    ("right", {"right": fit(), "left": fit(1)}, False),
    ("right", {"right": None, "left": fit()}, False),
    ("left", {"right": None, "left": fit()}, True),
    ("left", {"left": fit()}, True),
    ("left", {"right": fit(), "left": fit(1)}, False),
    ("interacting", {"right": fit(), "left": fit(1)}, True),
    ("interacting", {"right": fit(), "left": None}, False),
    ("interacting", {}, False),
    ("interacting", None, False),
]


@pytest.mark.parametrize(("kind", "hands", "valid"), FITS)
def test_masks_count_where_the_fits_are_those_of_the_label(tree, kind, hands, valid):
    def change(content):
        frame = {"0": hands} if hands is not None else {}
        content["MANO_NeuralAnnot"] = {"0": frame, "1": {}}

    record = tree(1, change=change, both=kind)[0]
    assert (record.fields["mano_valid"], record.fields["segm_valid"]) == (int(valid), int(valid))
    known = [bool((hands or {}).get(side)) for side in ("right", "left")]
    assert record.fields["mano_fitted"].tolist() == known
    assert ("mano_pose" in record.fields) == any(known)
    for row, side in enumerate(("right", "left")):
        if known[row]:
            np.testing.assert_allclose(record.fields["mano_pose"][row], hands[side]["pose"], rtol=1e-6)
            np.testing.assert_allclose(record.fields["mano_trans_m"][row], hands[side]["trans"], rtol=1e-6)
        elif any(known):
            assert not record.fields["mano_pose"][row].any()


def test_a_frame_without_neural_annot_keeps_the_others(tree):
    source = tree(12, change=lambda content: content.update(MANO_NeuralAnnot={"0": {"0": {"right": fit()}}}))
    found = [source[i].fields for i in range(12)]
    fitted = [bool(fields["mano_fitted"].any()) for fields in found]
    assert [f["capture"] == 0 and f["frame"] == 0 for f in found] == fitted
    assert sum(fitted) == 3


def test_the_table_of_joints_is_read_and_compared(tree):
    source = tree()
    path = source.root / "annotations" / "skeleton.txt"
    assert [name for name, _ in read_skeleton(path)] == list(INTERHAND_PUBLISHED)
    assert [parent for _, parent in read_skeleton(path)] == list(INTERHAND.parents)


def test_counts_are_compared_with_the_published_ones():
    text, right = InterHand26M.count_line("val", (234_183, 145_942))
    assert right
    assert "380,125" in text
    text, right = InterHand26M.count_line("val", (100_000, 84_287))
    assert not right
    assert "this is v0.0" in text
    assert "-195,838" in text
    assert InterHand26M.expected_counts == {"train": 1_361_062, "val": 380_125, "test": 849_160}


# Published figures of the sample frames: tight box of the projected valid joints, enlarged by 1.2.
BOXES = {
    "image69148": (33.568, 164.924, 185.058, 142.726),
    "image44669": (116.434, 79.668, 163.171, 175.006),
    "image2017": (154.459, 27.945, 90.639, 184.536),
}


def test_real_boxes_are_those_of_the_projected_joints(real):
    source, _ = real
    for i in range(len(source)):
        fields, name = source[i].fields, source[i].key.rsplit("/", 1)[1]
        pixels = fields["joints_px"][fields["joint_valid"]].astype(np.float64)
        low, high = pixels.min(0), pixels.max(0)
        centre, size = (low + high) / 2, (high - low) * 1.2
        np.testing.assert_allclose(fields["bbox_xywh_px"], [*(centre - size / 2), *size], atol=1e-3)
        np.testing.assert_allclose(fields["bbox_xywh_px"], BOXES[name], atol=1e-3)


def test_real_wrists(real):
    source, _ = real
    fields = next(source[i].fields for i in range(3) if source[i].key.endswith("image69148"))
    right, left = INTERHAND.roots
    np.testing.assert_allclose(fields["joints_px"][right], (48.990, 241.670), atol=1e-3)
    np.testing.assert_allclose(fields["joints_cam_mm"][right], (-94.081, -15.112, 1111.022), atol=1e-3)
    np.testing.assert_allclose(fields["joints_px"][left], (193.288, 260.339), atol=1e-3)
    np.testing.assert_allclose(fields["joints_cam_mm"][left], (34.717, 1.397, 1168.814), atol=1e-3)


def test_real_frames_hold_every_published_number(real):
    source, _ = real
    content = load_samples()
    for i in range(len(source)):
        fields = source[i].fields
        row = source.columns(i)["line"]
        image, truth = content["data"]["images"][row], content["data"]["annotations"][row]
        assert fields["annot_id"] == truth["id"]
        cameras = content["camera"][str(image["capture"])]
        np.testing.assert_array_equal(fields["camera_rotation"], cameras["camrot"][image["camera"]])
        np.testing.assert_array_equal(fields["camera_position_mm"], cameras["campos"][image["camera"]])
        np.testing.assert_allclose(fields["bbox_xywh_px"], truth["bbox"], rtol=1e-7)
        assert fields["hand_type_valid"] == truth["hand_type_valid"]
