"""What is wrong with a tree of InterHand2.6M ends in an error that names file, image or key."""

from __future__ import annotations

import json

import pytest

from carpus.data.sources.interhand26m import InterHand26M
from carpus.errors import DataError
from interhand_tree import InterHandWorld, invented, write_rootnet, write_tree

DATA = "annotations/val/InterHand2.6M_val_{}.json"


@pytest.fixture
def world(tmp_path):
    """A tree of one split, and a function that opens it."""
    write_tree(tmp_path / "tree", "val", invented(9), masks=False)
    return InterHandWorld(tmp_path / "tree")


def change(root, kind, edit):
    """Edit one of the JSON files."""
    path = root / DATA.format(kind)
    content = json.loads(path.read_text())
    edit(content)
    path.write_text(json.dumps(content))


def images(content):
    return content["images"][4]


def truth(content):
    return content["annotations"][4]


NAN_JOINTS = [[float("nan")] * 3] * 42

EDITS = [
    ("data", lambda c: c["annotations"].pop(), r"9 images but 8 annotations"),
    (
        "data",
        lambda c: c["annotations"].reverse(),
        r"number 0 of the images has id 100, its annotation id 108",
    ),
    ("data", lambda c: images(c).update(id=100), r"number 4 of the images has id 100"),
    ("data", lambda c: c.pop("annotations"), r"9 images but 0 annotations"),
    ("data", lambda c: (c["images"].clear(), c["annotations"].clear()), r"no image in it"),
    ("data", lambda c: truth(c).pop("bbox"), r"number 4 of the annotations \(id 104\): has no 'bbox'"),
    ("data", lambda c: truth(c).update(bbox=[1, 2, 3]), r"id 104\): bbox \[1, 2, 3\]: four finite"),
    ("data", lambda c: truth(c).update(bbox=[1, 2, 3, float("nan")]), r"id 104\): bbox .*four finite"),
    ("data", lambda c: truth(c).update(joint_valid=[1] * 21), r"id 104\): joint_valid has 21 values"),
    ("data", lambda c: truth(c).update(joint_valid=[2] * 42), r"id 104\): joint_valid"),
    ("data", lambda c: truth(c).update(hand_type="rihgt"), r"hand_type 'rihgt': did you mean 'right'"),
    (
        "data",
        lambda c: images(c).update(camera="400009"),
        r"capture 1 has no camera 400009; .*image 104",
    ),
    (
        "data",
        lambda c: images(c).update(frame_idx=77),
        r"joint_3d\.json: capture 1 has no frame 77; .*image 104",
    ),
    (
        "camera",
        lambda c: c["1"]["focal"].pop("400002"),
        r"camera\.json: focal of camera '400002' of capture '1'",
    ),
    ("camera", lambda c: c["1"].pop("campos"), r"camera\.json: capture '1' has no campos"),
    ("joint_3d", lambda c: c["0"]["0"]["world_coord"].pop(), r"world_coord of frame '0' of capture '0'"),
    (
        "joint_3d",
        lambda c: c["0"]["0"].update(world_coord=NAN_JOINTS),
        r"world_coord of frame '0'",
    ),
    ("joint_3d", lambda c: c["0"].update(x=c["0"].pop("0")), r"frame 'x' is not a number"),
    (
        "MANO_NeuralAnnot",
        lambda c: c["0"]["0"]["right"].update(pose=[0] * 45),
        r"pose \(right\).*shape \(45,\)",
    ),
    (
        "MANO_NeuralAnnot",
        lambda c: c["0"]["0"].update(right=[1]),
        r"NeuralAnnot\.json: frame '0' of capture '0'",
    ),
]


@pytest.mark.parametrize(("kind", "edit", "message"), EDITS)
def test_wrong_annotation_is_named(world, kind, edit, message):
    change(world.root, kind, edit)
    with pytest.raises(DataError, match=message) as failure:
        InterHand26M(world.root, "val")
    assert str(world.root) in str(failure.value)


def test_two_images_of_one_id(world):
    def edit(content):
        content["images"][4]["id"] = content["annotations"][4]["id"] = content["annotations"][4][
            "image_id"
        ] = 100

    change(world.root, "data", edit)
    with pytest.raises(DataError, match="two images have the same id"):
        InterHand26M(world.root, "val")


@pytest.mark.parametrize("kind", ["data", "camera", "joint_3d"])
def test_missing_and_cut_off_files_are_named(world, kind):
    path = world.root / DATA.format(kind)
    text = path.read_text()
    path.write_text(text[: len(text) // 2])
    with pytest.raises(DataError, match=rf"{kind}\.json, line 1, character"):
        InterHand26M(world.root, "val")
    path.unlink()
    with pytest.raises(DataError, match=rf"{kind}\.json cannot be read"):
        world().pack("val")
    assert not world().is_packed("val")


def test_joints_of_another_table_are_refused(world):
    path = world.root / "annotations" / "skeleton.txt"
    text = path.read_text()
    path.write_text(text.replace("r_index4 4 5", "r_index4 4 6"))
    with pytest.raises(
        DataError, match="joint 4 is 'r_index4' with parent 6, here it is 'r_index4' with parent 5"
    ):
        InterHand26M(world.root, "val")
    path.write_text(text.replace("r_index4 4 5", "r_index4 4"))
    with pytest.raises(DataError, match=r"skeleton\.txt, line 7"):
        InterHand26M(world.root, "val")


def rootnet(ids, **more):
    return [{"annot_id": i, "bbox": [0, 0, 9, 9], "abs_depth": [900, 910], **more} for i in ids]


ROOTNET = [
    (rootnet(range(100, 108)), r"8 boxes, 8 of them of the 9 images of val; .*annotation 108 \(val/"),
    (rootnet(range(500, 600)), r"100 boxes, 0 of them .*another split or of v0\.0"),
    (rootnet(range(100, 109), bbox=[1, 2]), r"number 0 of the list: bbox has 2"),
    (rootnet(range(100, 109), abs_depth=[1]), r"number 0 of the list: bbox has 4 and abs_depth 1"),
    (rootnet(range(100, 109), abs_depth=[1, float("nan")]), r"annot_id 100\) is not finite"),
    ([{"image_id": 1}], r"number 0 of the list: has no 'bbox'"),
    ([], r"no box in it"),
    ({"a": 1}, r"'\[' was expected"),
]


@pytest.mark.parametrize(("entries", "message"), ROOTNET)
def test_wrong_output_of_rootnet_is_named(world, entries, message):
    path = write_rootnet(world.root, "val", entries)
    with pytest.raises(DataError, match=message) as failure:
        world(trans_test="rootnet").open("val")
    assert str(path) in str(failure.value)


def test_missing_output_of_rootnet_says_what_to_do(world):
    with pytest.raises(DataError, match=r"output_val\.json is missing.*dataset\.trans_test=gt.*labelled"):
        world(trans_test="rootnet").open("val")
