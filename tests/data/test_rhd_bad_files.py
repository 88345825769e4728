"""What is wrong with a tree of RHD is said in one line that names the file."""

from __future__ import annotations

import json
import os
import pickle

import cv2
import numpy as np
import pytest

from carpus.data.hand_sample import make_hand_sample
from carpus.data.packing import pack
from carpus.data.rgb_depth import encode_coded_depth
from carpus.data.sources.rhd import RHD, export_coco
from carpus.errors import DataError
from carpus.skeletons import RHD_HAND
from carpus.types import Record
from rgb_hand_tree import SAMPLES, copy_samples, rhd_entry, rhd_mask, write_rhd


@pytest.fixture
def root(tmp_path):
    """A sound tree of two pictures."""
    write_rhd(tmp_path / "rhd", [rhd_mask(30, 20), rhd_mask(10, 20)])
    return tmp_path / "rhd"


def refused(root, *words, split="train"):
    """The error of packing a tree: one line with these words."""
    with pytest.raises(DataError) as failed:
        pack(RHD(root, split), root.parent / "store", "rhd")
    text = str(failed.value)
    assert "\n" not in text
    for word in words:
        assert word in text
    return text


class Evil:
    """Runs a command when it is read by a trusting reader."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.system, (f"touch {self.path}",)


def test_a_pickle_that_runs_a_command_is_refused_by_name(root):
    trace = root / "ran"
    path = root / "training/anno_training.pickle"
    path.write_bytes(pickle.dumps({0: {**rhd_entry(), "K": Evil(trace)}}))
    refused(root, str(path), f"{os.system.__module__}.system")
    assert not trace.exists()


def test_a_cut_pickle(root):
    path = root / "training/anno_training.pickle"
    path.write_bytes(path.read_bytes()[:-300])
    refused(root, str(path), "damaged")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"xyz": np.zeros((21, 3))}, ("entry 1", "xyz is float64 (21, 3)", "(42, 3)")),
        ({"K": None}, ("entry 1", "K is object")),
        ({"uv_vis": np.full((42, 3), np.nan)}, ("picture 1", "not a finite number")),
        ({"xyz": np.full((42, 3), np.inf)}, ("picture 1", "not a finite number")),
    ],
)
def test_wrong_entries(root, change, words):
    content = {0: rhd_entry(0), 1: {**rhd_entry(1), **change}}
    path = root / "training/anno_training.pickle"
    path.write_bytes(pickle.dumps(content))
    refused(root, str(path), *words)


def test_an_entry_without_a_camera(root):
    path = root / "training/anno_training.pickle"
    path.write_bytes(pickle.dumps({3: {k: v for k, v in rhd_entry().items() if k != "K"}}))
    refused(root, str(path), "entry 3 has no 'K'")


def test_a_missing_mask(root):
    (root / "training/mask/00001.png").unlink()
    refused(root, str(root / "training/mask/00001.png"), "missing")


def test_a_missing_depth_image_and_how_to_do_without(root):
    (root / "training/depth/00001.png").unlink()
    refused(root, str(root / "training/depth/00001.png"), "dataset.depth=false")
    assert len(list(RHD(root, "train", depth=False))) == 2


def test_a_mask_of_other_values(root):
    cv2.imwrite(str(root / "training/mask/00000.png"), np.full((320, 320), 34, np.uint8))
    refused(root, str(root / "training/mask/00000.png"), "the value 34", "33")


def test_a_cut_picture(root):
    path = root / "training/color/00001.png"
    path.write_bytes(path.read_bytes()[:-20])
    refused(root, str(path), "cut off")


def test_a_depth_image_of_another_shape(root):
    path = root / "training/depth/00001.png"
    path.write_bytes(encode_coded_depth(np.ones((320, 240)), "rhd_png"))
    refused(root, "training/depth/00001.png 240 x 320", "training/color/00001.png 320 x 320", "00001")


def test_a_depth_image_of_another_shape_is_found_in_a_record_too(root):
    record = RHD(root, "train")[0]
    small = {**record.images, "depth": encode_coded_depth(np.ones((100, 320)), "rhd_png")}
    with pytest.raises(DataError, match=r"training/00000: the depth image has 320 x 100 .* 320 x 320"):
        make_hand_sample(Record(record.key, small, record.fields), RHD_HAND)
    grey = {**record.images, "depth": record.images["segm"]}
    with pytest.raises(DataError, match=r"training/00000: depth: .*three 8-bit channels"):
        make_hand_sample(Record(record.key, grey, record.fields), RHD_HAND)


def test_a_missing_annotation_names_all_places(tmp_path):
    tmp_path.joinpath("training").mkdir()
    with pytest.raises(DataError, match=r"anno_training\.pickle is missing.*rhd_train\.json"):
        RHD(tmp_path, "train")


def coco(root, change):
    """Samples whose annotation is changed."""
    content = json.loads((SAMPLES / "rhd/annotations_mmpose.json").read_text())
    change(content)
    path = copy_samples("rhd", root / "samples") / "annotations_mmpose.json"
    path.write_text(json.dumps(content))
    return path


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda c: c["annotations"][1].update(hand_type="both"), ("number 1", "hand_type", "'both'")),
        (lambda c: c["annotations"][0].update(keypoints=[1, 2, 3]), ("number 0", "keypoints has 3 numbers")),
        (lambda c: c["annotations"][0].update(image_id=7), ("number 0", "image 7")),
        (lambda c: c["annotations"].pop(), ("image 11111", "no annotation")),
        (lambda c: c["annotations"][1].pop("joint_cam"), ("image 11111", "joint_cam")),
        (lambda c: c["annotations"][1].pop("hand_type"), ("image 11111", "hand_type")),
        (lambda c: c["images"][1].update(id=111), ("id 111",)),
        (lambda c: c["images"][1].pop("file_name"), ("number 1", "file_name")),
        (lambda c: c["annotations"].append(c["annotations"][0]), ("image 111 ", "same hand")),
        (lambda c: c["images"][0].pop("cam_param"), ("picture 111", "camera")),
        (lambda c: c.update(images=[], annotations=[]), ("0 images",)),
    ],
)
def test_wrong_coco_files(tmp_path, change, words):
    path = coco(tmp_path, change)
    refused(path.parent, str(path), *words)


def test_a_coco_file_that_ends_too_early(tmp_path):
    path = coco(tmp_path, lambda _: None)
    path.write_text(path.read_text()[:-100])
    refused(path.parent, str(path), "line")


def test_an_export_that_fails_leaves_nothing(root):
    (root / "training/mask/00001.png").unlink()
    with pytest.raises(DataError, match="mask/00001"):
        export_coco(root, "train", root / "out.json")
    assert not [path for path in root.iterdir() if "out.json" in path.name]
