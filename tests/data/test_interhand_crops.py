"""Crops of two hands, what augmentation does to them, and datasets of other joints."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch

from carpus.codecs.hand25d import Hand25D, affine, project
from carpus.data.augment_rgb import NoRgbAugmentation, RgbAugmentation, RgbDraw, tinted
from carpus.data.rgb_crops import make_crop
from carpus.data.rgb_hands import as_pair, hands_of
from carpus.data.rgb_images import decode_labels, encode_labels
from carpus.data.rgb_inputs import hand_inputs
from carpus.errors import ConfigError, DataError
from carpus.skeletons import INTERHAND, INTERHAND_HAND, MSRA, NYU
from carpus.types import Record
from interhand_tree import formula_mask, png

CAMERA = np.array([1200.0, 1200.0, 167.0, 256.0])


def record_of(seed=0, labels=None, **changes):
    """Two hands in view, drawn as dots of a colour of their own."""
    rng = np.random.default_rng(seed)
    joints = np.array([0, 0, 1000.0]) + rng.uniform(-70, 70, (42, 3))
    pixels = joints[:, :2] / joints[:, 2:] * CAMERA[:2] + CAMERA[2:]
    image = np.zeros((512, 334, 3), np.uint8)
    for number, (u, v) in enumerate(pixels):
        cv2.circle(image, (round(u), round(v)), 4, (0, 60 + 4 * number, 250), -1)
    fields = {
        "camera": CAMERA,
        "crop_xywh_px": np.array([47.0, 136.0, 240.0, 240.0], np.float32),
        "joints_cam_mm": joints.astype(np.float32),
        "joint_valid": np.ones(42, bool),
        "hand_type": np.ones(2, bool),
        "root_depth_mm": joints[[20, 41], 2].astype(np.float32),
    }
    mask = encode_labels(formula_mask(512, 334) if labels is None else labels)
    return Record("test/0", {"rgb": png(image), "segm": mask}, {**fields, **changes})


def drawn(inputs):
    """Pixels ``(42, 2)`` of the joints in the crop as published, and the crop."""
    to_crop = torch.from_numpy(inputs["image_to_crop"])[None]
    joints, camera = (torch.from_numpy(inputs[name])[None] for name in ("joints_cam_mm", "camera"))
    return affine(to_crop, project(joints, camera))[0].numpy(), inputs["rgb"]


@pytest.mark.parametrize("seed", range(8))
def test_joints_lie_on_what_the_crop_shows_of_them(seed):
    draw = RgbAugmentation().draw(np.random.default_rng(seed))
    inputs = hand_inputs(record_of(seed), draw, INTERHAND)
    pixels, crop = drawn(inputs)
    seen = [(x, y) for x, y in np.rint(pixels).astype(int) if 3 <= x < 253 and 3 <= y < 253]
    assert len(seen) > 10
    assert all(crop[y, x, 0] > 100 for x, y in seen)


def test_mirrored_twice_is_the_identity():
    record = record_of()
    plain, flipped = (hand_inputs(record, RgbDraw(flip=flip), INTERHAND) for flip in (False, True))
    # A crop's middle is 128, that of its pixels 127.5: the mirrored crop is moved by a pixel.
    assert np.abs(flipped["rgb"][:, ::-1][:, :-1].astype(int) - plain["rgb"][:, 1:]).mean() < 4
    codec = Hand25D()

    def targets(inputs):
        tensors = {name: torch.as_tensor(value)[None] for name, value in inputs.items()}
        names = ("joints_cam_mm", "joint_valid", "hand_type", "camera", "image_to_crop", "flipped")
        return codec.encode(*(tensors[name] for name in names)), tensors

    (one, a), (two, b) = targets(plain), targets(flipped)
    mirror = list(INTERHAND.mirror)
    assert torch.equal(one["joints_target_valid"], two["joints_target_valid"][:, mirror])
    other = two["joints_target"][:, mirror]
    torch.testing.assert_close(one["joints_target"][..., 1:], other[..., 1:])
    torch.testing.assert_close(64 - one["joints_target"][..., 0], other[..., 0], atol=1e-4, rtol=0)
    assert torch.equal(one["rel_root_target"] - 32, 32 - two["rel_root_target"])
    names = ("camera", "image_to_crop", "root_depth_mm", "flipped")
    hands = [
        codec.decode(found["joints_target"], found["rel_root_target"], *(given[name] for name in names))
        for found, given in ((one, a), (two, b))
    ]
    torch.testing.assert_close(hands[0].joints_cam_mm, hands[1].joints_cam_mm, atol=1e-2, rtol=0)


def test_the_mirrored_mask_of_a_right_hand_is_a_left_hand():
    labels = np.zeros((512, 334), np.uint8)
    labels[150:300, 60:200] = np.arange(1, 17, dtype=np.uint8).repeat(10)[:140]
    right = hand_inputs(record_of(labels=labels), RgbDraw(), INTERHAND)["segm_target"]
    left = hand_inputs(record_of(labels=labels), RgbDraw(flip=True), INTERHAND)["segm_target"]
    assert set(np.unique(right)) <= set(range(17))
    assert set(np.unique(left)) - {0} <= set(range(17, 33))
    assert (right > 0).sum() == pytest.approx((left > 0).sum(), rel=0.02)


def test_augmentation_stays_in_its_range_and_the_record_as_it_was():
    record, augment = record_of(), RgbAugmentation()
    box = record.fields["crop_xywh_px"].copy()
    draws = [augment.draw(np.random.default_rng((1, 0, i))) for i in range(2000)]
    for draw in draws[:20]:
        make_crop(record, draw)
    assert np.array_equal(record.fields["crop_xywh_px"], box)
    shift, colour = np.array([d.shift for d in draws]), np.array([d.colour for d in draws])
    assert np.abs(shift).max() <= 0.15
    assert shift.std() == pytest.approx(0.3 / 12**0.5, rel=0.05)
    assert 0.8 <= colour.min() < 0.81 < 1.19 < colour.max() <= 1.2
    scale, turn = np.array([d.scale for d in draws]), np.array([d.turn_deg for d in draws])
    assert (scale.min(), scale.max()) == (0.75, 1.25)
    assert np.abs(turn).max() == 90
    assert np.mean(turn != 0) == pytest.approx(0.6, abs=0.04)
    assert np.mean([d.flip for d in draws]) == pytest.approx(0.5, abs=0.04)
    assert NoRgbAugmentation().draw(np.random.default_rng(0)) == RgbDraw()


@pytest.mark.parametrize("wrong", [{"shift": -1}, {"flip_chance": 2}, {"scale": 1.0}, {"colour": 1.5}])
def test_settings_that_cannot_work_are_refused(wrong):
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        RgbAugmentation(**wrong)


def test_colours_are_applied_exactly():
    crops = torch.arange(256, dtype=torch.uint8).view(1, 16, 16, 1).expand(2, 16, 16, 3)
    colour = torch.tensor([[0.8, 1.0, 1.2], [1.1, 0.9, 1.0]])
    expected = np.clip(crops.numpy() * colour.numpy()[:, None, None].astype(np.float32), 0, 255) / 255
    np.testing.assert_allclose(tinted(crops, colour), expected.transpose(0, 3, 1, 2), atol=1e-6)


def test_a_sample_ships_little():
    inputs = hand_inputs(record_of(), RgbDraw(), INTERHAND)
    assert sum(np.asarray(value).nbytes for value in inputs.values()) < 300_000
    assert inputs["segm_target"].shape == (128, 128)
    with pytest.raises(ConfigError, match="no divisor"):
        hand_inputs(record_of(), RgbDraw(), INTERHAND, mask_px=100)


def test_every_label_is_written_and_read():
    labels = formula_mask(512, 334)
    assert np.array_equal(decode_labels(encode_labels(labels)), labels)
    with pytest.raises(DataError, match="up to 33"):
        encode_labels(labels + 1)


@pytest.mark.parametrize("side", [0, 1])
def test_a_dataset_of_one_hand_fills_the_side_of_its_type(side):
    hand_type = np.arange(2) == side
    joints = np.random.default_rng(0).normal(size=(21, 3)).astype(np.float32)
    found, valid = as_pair(joints, np.arange(21) != 3, hand_type, MSRA, INTERHAND)
    prefix = ("right", "left")[side]
    for number, name in enumerate(INTERHAND.joints):
        if not name.startswith(prefix):
            assert not valid[number]
            continue
        place = MSRA.index(name.removeprefix(f"{prefix}_"))
        assert np.array_equal(found[number], joints[place])
        assert valid[number] == (place != 3)


def test_hands_that_cannot_be_placed_are_refused():
    joints, valid = np.zeros((21, 3), np.float32), np.ones(21, bool)
    with pytest.raises(ConfigError, match=r"hand_type \(right, left\) is \[True, True\]"):
        as_pair(joints, valid, np.ones(2, bool), INTERHAND_HAND, INTERHAND)
    with pytest.raises(ConfigError, match="the joints of nyu lack those of interhand26m: "):
        as_pair(np.zeros((14, 3), np.float32), np.ones(14, bool), np.array([True, False]), NYU, INTERHAND)
    record = record_of()
    fields = {name: value for name, value in record.fields.items() if name != "camera"}
    with pytest.raises(DataError, match="test/0: the record has no camera"):
        hands_of(Record(record.key, record.images, fields), INTERHAND)


def test_a_split_without_labels_has_no_joints():
    record = record_of()
    fields = {k: v for k, v in record.fields.items() if not k.startswith("joint")}
    inputs = hand_inputs(Record(record.key, record.images, fields), RgbDraw(), INTERHAND)
    assert "joints_cam_mm" not in inputs
    assert bool(inputs["hand_type_valid"])
