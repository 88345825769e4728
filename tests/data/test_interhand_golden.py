"""Items of the published program, from a tree in the published layout through the store to the targets."""

from __future__ import annotations

import json
import random
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from carpus.codecs.hand25d import Hand25D, invert_affine
from carpus.data.augment_rgb import NoRgbAugmentation, RgbAugmentation, RgbDraw, tinted
from carpus.data.rgb_crops import make_crop
from carpus.data.rgb_hands import hands_of
from carpus.data.sources.interhand26m.records import to_camera, to_world
from carpus.geometry import Camera
from carpus.skeletons import INTERHAND
from golden_cases import HERE, golden_folder, golden_paths
from interhand_golden import add_items, knows_before, load
from interhand_tree import (
    InterHandWorld,
    load_samples,
    picture_of,
    write_image_lmdb,
    write_rootnet,
    write_tree,
)

CODEC = Hand25D()
ITEMS = [p for kind in ("dataset_gt", "dataset_rootnet", "aug_case") for p in golden_paths("digit", kind)]
CASES = [p for p in ITEMS if p.values[0] is not None]


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    """Real frames and golden items as one tree, and what opens it."""
    root = tmp_path_factory.mktemp("interhand") / "tree"
    content = load_samples()
    add_items(content, sorted((HERE / "golden" / "digit").glob("dataset_gt*.npz")))
    published = len(content["data"]["images"])
    add_items(content, [p.values[0] for p in CASES if knows_before(p.values[0])])
    write_tree(root, "val", content)
    write_rootnet(root, "val", rootnet_entries())
    write_image_lmdb(root, content["data"], "val")

    numbered = published == len(content["data"]["images"])
    return SimpleNamespace(make=InterHandWorld(root), content=content, root=root, numbered=numbered)


def rootnet_entries():
    """Those of the repository, replaced and completed by those of the run's golden folder."""
    found = {}
    for folder in (HERE / "golden" / "digit", golden_folder("digit")):
        path = folder / "rootnet_synthetic.json"
        if path.is_file():
            found |= {entry["annot_id"]: entry for entry in json.loads(path.read_text())}
    return list(found.values())


def sample_of(dataset, item, **options):
    """Record and index of an item in the split."""
    samples = dataset.make(**options).open("val")
    found = np.flatnonzero(samples.column("annot_id") == item.id)
    if not found.size:
        pytest.skip(f"nothing before cropping is known of {item.id}")
    return samples[int(found[0])], int(found[0])


def targets_of(record, crop):
    """What a method makes of the record on the device."""
    inputs = hands_of(record, INTERHAND)
    tensors = {name: torch.as_tensor(value)[None] for name, value in inputs.items()}
    flipped = torch.tensor([crop.flipped])
    to_crop = torch.from_numpy(crop.image_to_crop)[None]
    names = ("joints_cam_mm", "joint_valid", "hand_type", "camera")
    return CODEC.encode(*(tensors[name] for name in names), to_crop, flipped), tensors


def check_targets(item, record, crop):
    found, tensors = targets_of(record, crop)
    valid = item.m_joint_valid.astype(bool)
    assert np.array_equal(found["joints_target_valid"][0].numpy(), valid)
    close = {"atol": 1e-3, "rtol": 0}
    np.testing.assert_allclose(found["joints_target"][0].numpy()[valid], item.t_joint_coord[valid], **close)
    np.testing.assert_allclose(found["rel_root_target"][0], item.t_rel_root_depth, **close)
    assert np.array_equal(found["rel_root_target_valid"][0].numpy(), item.m_root_valid.astype(bool))
    assert np.array_equal(found["hand_type_target"][0], item.t_hand_type)
    assert float(tensors["hand_type_valid"]) == item.m_hand_type_valid
    depths = [float(item.m_abs_depth_right), float(item.m_abs_depth_left)]
    np.testing.assert_allclose(tensors["root_depth_mm"][0], depths, atol=1e-3)


def check_meta(dataset, item, record, crop, index):
    fields = record.fields
    to_crop = torch.from_numpy(crop.image_to_crop)[None].double()
    if crop.flipped:
        width = float(item.m_hw_size[1])
        mirror = torch.tensor([[-1.0, 0, width - 1], [0, 1, 0], [0, 0, 1]], dtype=torch.float64)
        to_crop = to_crop @ mirror
    np.testing.assert_allclose(invert_affine(to_crop)[0], item.m_inv_trans, atol=1e-3)
    assert (fields["capture"], fields["cam"], fields["frame"]) == (item.m_capture, item.m_cam, item.m_frame)
    assert str(item.m_im_path).endswith(str(fields["image"]).split("/", 2)[2])
    assert list(fields["image_wh"]) == item.m_hw_size[::-1].tolist()
    np.testing.assert_allclose(fields["camera"], [*item.m_focal, *item.m_princpt])
    np.testing.assert_allclose(fields["camera_rotation"], item.m_camrot)
    np.testing.assert_allclose(fields["camera_position_mm"], item.m_campos)
    assert crop.flipped == bool(item.m_flipped)
    assert index == item.m_idx or not dataset.numbered
    assert (fields["segm_valid"], crop.labels is not None) == (item.t_segm_valid, bool(item.t_segm_valid))


def check_labels(item, crop):
    assert crop.labels.shape == item.t_segm_128_ch0.shape
    assert (crop.labels != item.t_segm_128_ch0).mean() <= 1e-3
    assert crop.labels.max() <= 32


def unit_image(crop):
    return tinted(torch.from_numpy(crop.image)[None], torch.from_numpy(crop.colour)[None])[0].numpy()


@pytest.mark.parametrize("mode", ["gt", "rootnet"])
@pytest.mark.parametrize("images", ["packed", "tree", "lmdb"])
def test_items_without_augmentation(dataset, mode, images):
    paths = [p for p in golden_paths("digit", f"dataset_{mode}") if p.values[0] is not None]
    if not paths:
        pytest.skip(f"no dataset_{mode}")
    for parameter in paths:
        item = load(parameter.values[0])
        record, index = sample_of(dataset, item, trans_test=mode, images=images)
        crop = make_crop(record, NoRgbAugmentation().draw(np.random.default_rng(0)))
        check_targets(item, record, crop)
        check_meta(dataset, item, record, crop, index)
        check_labels(item, crop)
        check_before_cropping(item, record)
        check_image(dataset, item, crop)


def check_before_cropping(item, record):
    fields = record.fields
    np.testing.assert_allclose(fields["crop_xywh_px"], item.pre_bbox, atol=1e-3)
    valid = item.pre_joint_valid.astype(bool)
    assert np.array_equal(fields["joint_valid"], valid)
    np.testing.assert_allclose(fields["joints_cam_mm"], item.pre_joint_cam, atol=1e-3, rtol=1e-5)
    np.testing.assert_allclose(fields["joints_px"], item.pre_joint_img, atol=1e-3, rtol=1e-5)
    assert fields["mano_valid"] == item.pre_mano_valid
    np.testing.assert_allclose(fields["root_depth_mm"], item.pre_abs_depth_right_left, atol=1e-3)
    kinds = {"right": [True, False], "left": [False, True], "interacting": [True, True]}
    assert fields["hand_type"].tolist() == kinds[str(item.pre_hand_type)]


def check_image(dataset, item, crop):
    """Items whose picture is not among the real frames have nothing to compare."""
    image = next(i for i in dataset.content["data"]["images"] if i["id"] == item.id)
    if picture_of(image) is None:
        return
    full = getattr(item, "img_uint8_chw", None)
    step = 1 if full is not None else 4
    expected = (full if full is not None else item.img_uint8_chw_stride4).astype(int)
    off = np.abs(np.rint(unit_image(crop) * 255).astype(int)[:, ::step, ::step] - expected)
    assert off.max() <= 3
    assert off.mean() <= 0.1
    np.testing.assert_allclose(unit_image(crop).mean((1, 2)), item.img_channel_mean, atol=1e-3)


@pytest.mark.parametrize("path", golden_paths("digit", "aug_case"))
def test_items_with_given_augmentation(dataset, path):
    item = load(path)
    record, index = sample_of(dataset, item)
    draw = RgbDraw(
        tuple(item.aug_trans.tolist()),
        float(item.aug_scale),
        float(item.aug_rot_deg),
        bool(item.aug_flip),
        tuple(item.aug_color.tolist()),
    )
    box = np.array(record.fields["crop_xywh_px"])
    crop = make_crop(record, draw)
    assert np.array_equal(record.fields["crop_xywh_px"], box)
    check_targets(item, record, crop)
    check_meta(dataset, item, record, crop, index)
    check_labels(item, crop)
    image = next(i for i in dataset.content["data"]["images"] if i["id"] == item.id)
    if picture_of(image) is not None:
        assert np.abs(unit_image(crop)[:, ::8, ::8] - item.img_stride8).max() <= 0.015
        np.testing.assert_allclose(unit_image(crop).mean((1, 2)), item.img_channel_mean, atol=2e-3)


@pytest.mark.parametrize("path", golden_paths("digit", "aug_rng"))
def test_published_order_of_draws(path):
    data = np.load(path)
    seed = int(path.stem.split("seed")[-1])
    numbers, chances = np.random.RandomState(seed), random.Random(seed)
    columns = [str(name) for name in data["columns"]]
    for row in data["draws"]:
        draw = RgbAugmentation().published_draw(numbers, chances)
        found = [*draw.shift, draw.scale, draw.turn_deg, draw.flip, *draw.colour]
        named = dict(zip(("tx", "ty", "scale", "rot_deg", "flip", "r", "g", "b"), found, strict=True))
        np.testing.assert_allclose([float(named[name]) for name in columns], row, atol=1e-12, rtol=0)


@pytest.mark.parametrize("path", golden_paths("digit", "camera"))
def test_world_camera_and_pixels(path):
    data = np.load(path)
    for name in {key.split("_")[0] for key in data}:
        case = {key.split("_", 1)[1]: data[key] for key in data if key.startswith(name)}
        rotation, position = case["camrot"][None].astype(np.float64), case["campos"][None].astype(np.float64)
        cam = to_camera(case["world"][None], rotation, position)
        close = {"atol": 1e-3, "rtol": 1e-5}
        np.testing.assert_allclose(cam[0], case["cam"], **close)
        np.testing.assert_allclose(to_world(cam, rotation, position)[0], case["world_back"], **close)
        camera = Camera(*map(float, (*case["focal"], *case["princpt"])))
        np.testing.assert_allclose(camera.project(cam[0]), case["pixel"][:, :2], **close)
        np.testing.assert_allclose(camera.uvd_to_xyz(case["pixel"]), case["cam_back"], **close)
