"""Pictures and masks of InterHand2.6M that are missing or damaged end in an error that names them."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest

from carpus.data.augment_rgb import RgbDraw
from carpus.data.loading import InputSamples
from carpus.data.rgb_dataset import RgbDataset
from carpus.data.rgb_images import decode_rgb
from carpus.data.rgb_inputs import hand_inputs
from carpus.data.sources.interhand26m import InterHand26M
from carpus.errors import ConfigError, DataError, StoreError
from carpus.skeletons import INTERHAND
from interhand_tree import InterHandWorld, invented, png, write_json, write_lmdb, write_tree


@pytest.fixture
def world(tmp_path):
    """A tree of one split, and a function that opens it."""
    write_tree(tmp_path / "tree", "val", invented(9), masks=False)
    return InterHandWorld(tmp_path / "tree")


def item_of(samples, index=0):
    """What a loader makes of a sample: key and inputs, or the failure."""
    data = InputSamples(samples, lambda r, rng, train: hand_inputs(r, RgbDraw(), INTERHAND), 0, train=False)
    return data[0, index]


def test_a_picture_missing_from_the_database_is_named(world):
    write_lmdb(world.root / "images" / "interhand.lmdb", {"val/other.jpg": b"1"})
    dataset = world(images="lmdb")
    samples = dataset.open("val")
    with pytest.raises(
        DataError, match=r"interhand\.lmdb has no picture 'val/Capture0/.*image0\.jpg'"
    ) as failure:
        samples[0]
    assert "dataset.images" in str(failure.value)
    with pytest.raises(StoreError, match=r"9 of 9 records are damaged.*has no picture"):
        dataset.verify("val")


def test_a_missing_database_of_pictures_is_named(world):
    with pytest.raises(DataError, match=r"interhand\.lmdb is missing"):
        world(images="lmdb").open("val")


def test_a_picture_missing_from_the_tree_is_named(world):
    first = InterHand26M(world.root, "val")[0].fields["image"]
    (world.root / first).unlink()
    with pytest.raises(DataError, match=r"image 100 .*image0\.jpg is missing"):
        world().open("val")
    samples = world(images="tree").open("val")
    with pytest.raises(DataError, match=r"has no picture 'images/val/.*image0\.jpg'"):
        samples[0]


def test_a_picture_that_is_cut_off_is_named(world):
    path = world.root / str(InterHand26M(world.root, "val")[0].fields["image"])
    path.write_bytes(path.read_bytes()[:-300])
    with pytest.raises(DataError, match=r"image 100 .*cut off after"):
        world().open("val")
    path.write_bytes(b"<html>")
    failed = item_of(world(images="tree").open("val"))
    assert "val/Capture0" in str(failed.error)
    assert "neither a JPEG nor a PNG" in str(failed.error)


def test_a_grey_jpeg_has_three_equal_channels(world):
    path = world.root / str(InterHand26M(world.root, "val")[0].fields["image"])
    assert cv2.imread(str(path), cv2.IMREAD_UNCHANGED).ndim == 2
    image = decode_rgb(path.read_bytes())
    assert image.shape == (512, 334, 3)
    assert np.array_equal(image[..., 0], image[..., 2])
    assert item_of(world().open("val"))[1]["rgb"].shape == (256, 256, 3)


def masks(world, image):
    name = InterHand26M(world.root, "val", images="tree")[0].key
    write_lmdb(world.root / "segm_32.lmdb", {f"{name}.png": image})
    return name


def test_mask_values_that_name_no_part_are_refused_or_background(world):
    labels = np.full((512, 334), 5, np.uint8)
    labels[200:300, 100:200] = 33
    name = masks(world, png(np.dstack([labels] * 3)))
    failed = item_of(world().open("val"))
    assert name in str(failed.error)
    assert "value 33 (10000 pixels above 32)" in str(failed.error)
    assert "dataset.bad_labels=background" in str(failed.error)
    _, made = item_of(world(bad_labels="background").open("val"))
    assert sorted(np.unique(made["segm_target"])) == [0, 5]


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (np.zeros((512, 334, 3), np.uint8) + np.uint8([1, 2, 3]), "channels differ"),
        (np.zeros((334, 512), np.uint8), "334 rows and 512 columns, the picture 512 and 334"),
        (np.zeros((512, 334), np.uint16), "8-bit"),
    ],
)
def test_corrupt_masks_are_named(world, image, message):
    name = masks(world, png(image))
    failed = item_of(world().open("val"))
    assert name in str(failed.error)
    assert message in str(failed.error)


def test_a_mask_that_is_cut_off_is_named(world):
    name = masks(world, png(np.zeros((512, 334), np.uint8))[:-20])
    failed = item_of(world().open("val"))
    assert name in str(failed.error)
    assert "cut off" in str(failed.error)
    with pytest.raises(StoreError, match="1 of 9 records are damaged"):
        world().verify("val")


def test_a_frame_without_neural_annot_has_no_mask(world):
    content = json.loads((world.root / "annotations/val/InterHand2.6M_val_MANO_NeuralAnnot.json").read_text())
    del content["0"]["0"]
    write_json(world.root, "val", {"MANO_NeuralAnnot": content})
    masks(world, png(np.full((512, 334), 7, np.uint8)))
    record = world().open("val")[0]
    assert "segm" not in record.images
    assert record.fields["segm_valid"] == 0
    made = item_of(world().open("val"))[1]
    assert not made["segm_valid"]
    assert not made["segm_target"].any()


def test_options_nobody_knows_are_refused(world):
    with pytest.raises(ConfigError, match=r"dataset\.images of interhand26m 'tre': did you mean 'tree'"):
        world(images="tre")
    with pytest.raises(ConfigError, match=r"trans_test.*'root': did you mean 'rootnet'"):
        world(trans_test="root")
    with pytest.raises(ConfigError, match="bad_labels"):
        world(bad_labels="zero")
    with pytest.raises(ConfigError, match="store of interhand26m 'tran'"):
        world().pack("tran")


def test_samples_have_no_centre(world):
    with pytest.raises(ConfigError, match="boxes, no centre"):
        world().open("val").centers_mm()


def test_a_missing_tree_says_where_its_layout_is_described(tmp_path):
    dataset = RgbDataset("interhand26m", tmp_path / "none", InterHand26M, tmp_path / "packs")
    with pytest.raises(DataError, match=r"docs/datasets/interhand26m\.md"):
        dataset.open("val")
