"""InterHand2.6M through stores: sub-splits, RootNet's boxes, pictures and masks beside the store."""

from __future__ import annotations

import pickle
import shutil

import numpy as np
import pytest
import torch

from carpus.data.augment_rgb import RgbAugmentation
from carpus.data.datamodule import DataModule
from carpus.data.rgb_dataset import RgbDataset
from carpus.data.rgb_inputs import hand_inputs
from carpus.data.sources.interhand26m import InterHand26M
from carpus.data.splits import sample
from carpus.errors import StoreError
from carpus.skeletons import INTERHAND
from interhand_tree import (
    InterHandWorld,
    formula_mask,
    invented,
    png,
    write_image_lmdb,
    write_lmdb,
    write_rootnet,
    write_tree,
)


@pytest.fixture
def world(tmp_path):
    """A tree of three splits with RootNet's output, and a function that opens it."""
    root = tmp_path / "tree"
    for split, count in (("train", 24), ("val", 12), ("test", 9)):
        content = write_tree(root, split, invented(count), masks=False)
        ids = [image["id"] for image in content["data"]["images"]]
        boxes = [{"annot_id": i, "bbox": [i, i + 0.5, 200, 200], "abs_depth": [900 + i, 950]} for i in ids]
        write_rootnet(root, split, boxes[::-1])
    return InterHandWorld(root)


def masks_of(content, split="train"):
    """Masks by their names in a database."""
    mask = png(formula_mask(512, 334))
    return {f"{split}/{image['file_name'][:-4]}.png": mask for image in content["data"]["images"]}


def inputs(record, rng, train):
    """What a method ships."""
    return hand_inputs(record, RgbAugmentation().draw(rng), INTERHAND)


def test_a_split_is_packed_on_first_use_and_read_back(world):
    dataset = world()
    samples = dataset.open("val")
    assert dataset.is_packed("val")
    assert not dataset.is_packed("train")
    published = list(InterHand26M(world.root, "val"))
    assert [samples.key(i) for i in range(len(samples))] == [record.key for record in published]
    for found, record in zip(samples, published, strict=True):
        assert found.images["rgb"] == record.images["rgb"]
        for name, value in record.fields.items():
            if name not in ("crop_xywh_px", "root_depth_mm", "segm_valid"):
                assert np.array_equal(found.fields[name], value), name
    assert samples.position(samples.key(5)) == 5
    assert dataset.verify("val") == 12
    stats = dataset.stats("val")
    assert (stats["records"], stats["expected"]) == (12, 380_125)
    assert stats["one hand"].startswith("9 (")


def test_parts_of_a_split_are_drawn_in_file_order_then_ordered_by_hands(world):
    content = invented(1300)
    content["MANO_NeuralAnnot"] = {}
    root = world.root.parent / "large"
    write_tree(root, "train", content, masks=False)
    dataset = RgbDataset("interhand26m", root, InterHand26M, root.parent / "p", images="tree")
    kinds = np.array([truth["hand_type"] == "interacting" for truth in content["data"]["annotations"]])
    ids = np.array([image["id"] for image in content["data"]["images"]])
    for split, size in (("minitrain", "mini"), ("smalltrain", "small"), ("tinytrain", "tiny")):
        drawn = sample(np.arange(1300), "train", size)
        expected = np.concatenate([drawn[~kinds[drawn]], drawn[kinds[drawn]]])
        found = dataset.open(split).column("annot_id")
        assert np.array_equal(found, ids[expected]), split
    assert len(dataset.open("minitrain")) == 1000
    assert len(dataset.open("tinytrain")) == 65


def test_boxes_and_depths_of_rootnet_are_for_val_and_test(world):
    dataset, truth = world(trans_test="rootnet"), world()
    for split in ("val", "test", "minitest"):
        for record in dataset.open(split):
            number = record.fields["annot_id"]
            assert record.fields["crop_xywh_px"].tolist() == [number, number + 0.5, 200, 200]
            assert record.fields["root_depth_mm"].tolist() == [900 + number, 950]
    first, same = dataset.open("train")[0].fields, truth.open("train")[0].fields
    assert np.array_equal(first["crop_xywh_px"], same["crop_xywh_px"])
    assert dataset.conditions("test")["boxes_and_wrist_depths"] == "rootnet"
    assert dataset.conditions("train")["boxes_and_wrist_depths"] == "gt"
    assert truth.conditions("test")["boxes_and_wrist_depths"] == "gt"


def test_another_rootnet_file_is_noticed(world):
    dataset = world(trans_test="rootnet")
    before = dataset.open("val")[0].fields["root_depth_mm"]
    ids = dataset.open("val").column("annot_id").tolist()
    write_rootnet(
        world.root, "val", [{"annot_id": i, "bbox": [0, 0, 9, 9], "abs_depth": [1, 2]} for i in ids]
    )
    after = world(trans_test="rootnet").open("val")[0].fields["root_depth_mm"]
    assert after.tolist() == [1, 2] != before.tolist()


def test_pictures_may_stay_in_the_tree_or_in_a_database(world):
    write_image_lmdb(world.root, invented(12)["data"], "val")
    packed = world().open("val")[3]
    for images in ("tree", "lmdb"):
        dataset = world(images=images)
        record = dataset.open("val")[3]
        assert dataset.open("val").store[3].images == {}
        made = [
            hand_inputs(r, RgbAugmentation().draw(np.random.default_rng(0)), INTERHAND)
            for r in (record, packed)
        ]
        for name in made[0]:
            assert np.array_equal(made[0][name], made[1][name]), (images, name)
        assert dataset.verify("val") == 12


def test_a_store_without_pictures_serves_both_places_but_not_packed(world):
    root = world.root
    write_image_lmdb(root, invented(12)["data"], "val")
    make = {
        images: RgbDataset("interhand26m", root, InterHand26M, root.parent / "one", images=images)
        for images in ("tree", "lmdb", "packed")
    }
    make["tree"].open("val")
    assert make["lmdb"].open("val")[0].fields["rgb_coding"] == "exchanged"
    with pytest.raises(StoreError, match=r"packed without pictures.*dataset\.images=tree"):
        make["packed"].open("val")
    make["packed"].pack("val")
    assert make["tree"].open("val")[0].images["rgb"] == make["packed"].open("val")[0].images["rgb"]


def test_masks_made_after_packing_are_found(world, caplog):
    dataset = world()
    assert [record.fields["segm_valid"] for record in dataset.open("train")] == [0] * 24
    dataset.open("minitrain")
    assert caplog.text.count("no part masks at") == 1
    mask = masks_of(invented(24))
    mask.pop(f"{world().open('train').key(0)}.png")
    write_lmdb(world.root / "segm_32.lmdb", mask)
    samples = world().open("train")
    found = {record.key: record.fields["segm_valid"] for record in samples}
    assert found[samples.key(0)] == 0
    assert sum(found.values()) == 23
    shutil.rmtree(world.root / "segm_32.lmdb")
    for name, data in mask.items():
        path = world.root / "segm_32" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    assert {r.key: r.fields["segm_valid"] for r in world().open("train")} == found


def test_masks_of_bad_fits_do_not_count(world):
    names = [image["file_name"] for image in invented(24)["data"]["images"]]
    write_lmdb(world.root / "segm_32.lmdb", masks_of(invented(24)))
    errors = {
        f"train/{name}": {"right_fit_err": float(i), "left_fit_err": None} for i, name in enumerate(names)
    }
    (world.root / "cache").mkdir()
    (world.root / "cache/meta_dict_train.pkl").write_bytes(pickle.dumps(errors))
    samples = world(max_fit_error_mm=10.0).open("train")
    found = {int(r.fields["annot_id"]) - 100: r.fields["segm_valid"] for r in samples}
    assert found == {i: int(i <= 10) for i in range(24)}
    assert sum(r.fields["segm_valid"] for r in world().open("train")) == 24


def test_packing_does_not_depend_on_processes(world, tmp_path):
    whole = (world().pack("train") / "data.mdb").read_bytes()
    two = RgbDataset("interhand26m", world.root, InterHand26M, tmp_path / "two")
    two.pack("train", processes=2)
    assert (two.folder("train") / "data.mdb").read_bytes() == whole


@pytest.mark.parametrize("method", ["fork", pytest.param("spawn", marks=pytest.mark.slow)])
def test_batches_of_workers_are_those_of_one_process(world, method):
    write_lmdb(world.root / "segm_32.lmdb", masks_of(invented(24)))
    batches = []
    for workers in (0, 2):
        data = DataModule(
            world(images="tree"),
            inputs,
            batch_size=8,
            workers=workers,
            seed=3,
            start_method=method if workers else None,
        )
        batches.append(list(data.train_dataloader()))
    assert len(batches[0]) == 3
    for alone, shared in zip(*batches, strict=True):
        assert alone.keys_ == shared.keys_
        for name in alone:
            assert torch.equal(alone[name], shared[name]), name


def test_a_changed_annotation_is_noticed(world):
    world().open("val")
    path = world.root / "annotations/val/InterHand2.6M_val_data.json"
    path.write_text(path.read_text() + "\n")
    with pytest.raises(StoreError, match=r"packed with .* bytes of .*val_data\.json.*pack it again"):
        world().open("val")
    world().pack("val")
    assert len(world().open("val")) == 12
    shutil.rmtree(world.root / "annotations" / "val")
    assert len(world().open("val")) == 12


def test_neural_annot_that_came_later_is_noticed(world):
    path = world.root / "annotations/val/InterHand2.6M_val_MANO_NeuralAnnot.json"
    text = path.read_text()
    path.unlink()
    assert sum(r.fields["mano_valid"] for r in world().open("val")) == 0
    path.write_text(text)
    with pytest.raises(StoreError, match=r"packed without .*MANO_NeuralAnnot\.json"):
        world().open("val")
    world().pack("val")
    assert sum(r.fields["mano_valid"] for r in world().open("val")) == 12


def test_wrong_counts_are_told_once(world, caplog):
    dataset = world()
    for _ in range(3):
        dataset.open("val")
    assert caplog.text.count("9 + 3 = 12 images") == 1
    assert "-380,113" in caplog.text
