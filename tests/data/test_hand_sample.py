"""Samples of one hand: picture, keypoints, joints and camera stay together under every draw and rule."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from carpus.data.hand_sample import make_hand_sample
from carpus.data.hand_sample_rules import FAITHFUL, FIXED, ColourDraw, HandAugmentation, HandDraw, HandRules
from carpus.data.rgb_depth import encode_coded_depth
from carpus.errors import ConfigError, DataError
from carpus.geometry import Camera
from carpus.skeletons import ICVL, INTERHAND, RHD_BOTH, RHD_HAND, SNAP
from carpus.types import Record
from rgb_hand_tree import rhd_mask

SIZE = (480, 640)
CAMERA = Camera(607.92271, 607.92271, 314.78337, 236.42484)


def png(image):
    return cv2.imencode(".png", image)[1].tobytes()


def record(left=False, seed=0, image=None, **fields):
    """A picture of one hand whose joints project to its keypoints, in RHD's order."""
    rng = np.random.default_rng(seed)
    points = rng.uniform(-60, 60, (21, 3)) + np.array([40.0, -20.0, 500.0])
    content = {
        "camera": CAMERA.to_array(),
        "joints_cam_mm": points.astype(np.float32),
        "joints_px": CAMERA.project(points).astype(np.float32),
        "joint_valid": np.ones(21, bool),
        "hand_type": np.array([not left, left]),
        **fields,
    }
    picture = np.zeros((*SIZE, 3), np.uint8) if image is None else image
    return Record("toy", {"rgb": png(picture)}, {k: v for k, v in content.items() if v is not None})


def draws(count, seed=0):
    rng = np.random.default_rng(seed)
    return [HandAugmentation().draw(rng) for _ in range(count)]


def project(sample):
    k = sample.intrinsics
    return Camera(k[0, 0], k[1, 1], k[0, 2], k[1, 2]).project(sample.joints_m.astype(np.float64))


@pytest.mark.parametrize("left", [False, True])
@pytest.mark.parametrize("hand_side", ["right", "left"])
def test_joints_project_to_the_keypoints_of_the_crop(left, hand_side):
    for seed, draw in enumerate(draws(12)):
        sample = make_hand_sample(record(left, seed), RHD_HAND, draw, HandRules(hand_side=hand_side))
        assert sample.flipped == (left != (hand_side == "left"))
        assert sample.left == left
        assert np.abs(project(sample) - sample.joints_px).max() < 0.01


@pytest.mark.parametrize(
    "rules", [FIXED, FAITHFUL, replace(FIXED, flip_minus_one=False)], ids=["fixed", "faithful", "flip"]
)
@pytest.mark.parametrize("left", [False, True])
def test_crop_and_picture_are_mapped_to_each_other(left, rules):
    order = RHD_HAND.permutation(to=SNAP)
    for seed, draw in enumerate(draws(8)):
        item = record(left, seed)
        sample = make_hand_sample(item, RHD_HAND, draw, rules)
        pixels = item.fields["joints_px"][order]
        matrix = sample.image_to_crop.astype(np.float64)
        crop = pixels @ matrix[:, :2].T + matrix[:, 2]
        # The map is kept in single precision.
        assert np.abs(crop - sample.joints_px).max() < (1.0 if rules.round_kp else 2e-3)
        back = np.linalg.solve(matrix[:, :2], (crop - matrix[:, 2]).T).T
        assert np.abs(back - pixels).max() < 0.01


@pytest.mark.parametrize("left", [False, True])
def test_a_dot_in_the_picture_is_where_the_keypoint_says(left):
    """In the corrected preset; the published one samples half a pixel beside it, and mirrors one further."""
    item, seen = record(left, 3), 0
    for draw in draws(6, seed=5):
        plain = draw._replace(colour=None)
        for joint in (0, 7, 20):
            image = np.zeros((*SIZE, 3), np.uint8)
            u, v = np.rint(item.fields["joints_px"][joint]).astype(int)
            image[v - 2 : v + 3, u - 2 : u + 3] = 250
            sample = make_hand_sample(record(left, 3, image), RHD_HAND, plain)
            weight = sample.rgb[..., 0].astype(np.float64)
            rows, columns = np.mgrid[: len(weight), : len(weight)]
            wanted = sample.image_to_crop @ np.array([u, v, 1.0])
            if np.all((wanted > 8) & (wanted < 248)):
                middle = np.array([(weight * columns).sum(), (weight * rows).sum()]) / weight.sum()
                assert np.abs(middle - wanted).max() < 0.15
                seen += 1
    assert seen >= 12


def test_joints_come_in_the_order_used_inside():
    item = record()
    sample = make_hand_sample(item, RHD_HAND)
    tip = item.fields["joints_cam_mm"][RHD_HAND.index("thumb_tip")] / 1000
    np.testing.assert_allclose(sample.joints_m[4], tip, rtol=1e-6)
    mirrored = make_hand_sample(record(left=True), RHD_HAND)
    np.testing.assert_allclose(mirrored.joints_m, sample.joints_m * [-1, 1, 1], rtol=1e-6)


def test_faithful_keypoints_are_whole_and_cut_towards_zero():
    rounded = make_hand_sample(record(), RHD_HAND, None, FAITHFUL)
    exact = make_hand_sample(record(), RHD_HAND, None, replace(FAITHFUL, round_kp=False))
    assert np.array_equal(rounded.joints_px, np.trunc(exact.joints_px))
    assert (rounded.joints_px != exact.joints_px).any()


def pair_record(masks=None, scale=(1.0, 1.0), hand_type=(True, True)):
    """Right and left hand in one picture, the boxes scaled."""
    right, left = record(seed=1).fields, record(seed=2).fields
    joints = [
        f["joints_px"].mean(0) + s * (f["joints_px"] - f["joints_px"].mean(0))
        for f, s in zip((right, left), scale, strict=True)
    ]
    fields = {
        "camera": CAMERA.to_array(),
        "joints_cam_mm": np.concatenate([right["joints_cam_mm"], left["joints_cam_mm"]]),
        "joints_px": np.concatenate(joints),
        "joint_valid": np.repeat(hand_type, 21),
        "hand_type": np.array(hand_type),
    }
    images = {"rgb": png(np.full((320, 320, 3), 9, np.uint8))}
    if masks is not None:
        images["segm"] = png(rhd_mask(*masks))
        fields |= {"segm_coding": "rhd", "segm_valid": 1}
    return Record("pair", images, fields)


@pytest.mark.parametrize(
    ("item", "left"),
    [
        (pair_record((101, 100)), True),
        (pair_record((100, 100)), False),
        (pair_record((3, 100)), False),
        (pair_record((500, 1), hand_type=(True, False)), False),
        (pair_record((1, 500), hand_type=(False, True)), True),
        (pair_record(scale=(1.0, 0.4)), False),
        (pair_record(scale=(0.4, 1.0)), True),
    ],
)
def test_of_two_hands_the_larger_is_taken(item, left):
    sample = make_hand_sample(item, RHD_BOTH)
    assert sample.left == left
    half = item.fields["joints_cam_mm"][21 * left : 21 * left + 21][RHD_HAND.permutation(to=SNAP)] / 1000
    np.testing.assert_allclose(sample.joints_m, half * [-1 if left else 1, 1, 1], rtol=1e-5)


def test_depth_and_silhouette_are_of_the_chosen_hand_only():
    item = pair_record((9_000, 9_500))
    z = item.fields["joints_cam_mm"][:, 2].mean() / 1000
    images = {**item.images, "depth": encode_coded_depth(np.full((320, 320), z), "rhd_png")}
    both = make_hand_sample(Record("pair", images, {**item.fields, "depth_coding": "rhd_png"}), RHD_BOTH)
    alone = make_hand_sample(item, RHD_BOTH)
    assert (both.left, alone.depth) == (False, None)
    assert both.silhouette.any()
    assert not both.silhouette.all()
    assert (both.silhouette != alone.silhouette).mean() < 0.1
    assert np.array_equal(both.silhouette, both.depth > 0.01)


def test_other_skeletons_invalid_joints_and_missing_boxes():
    valid = np.zeros(42, bool)
    valid[[0, 4, 8]] = True
    fields = {"joint_valid": valid, "joints_px": np.random.default_rng(0).uniform(50, 250, (42, 2))}
    item = Record(
        "ih", {"rgb": png(np.zeros((300, 300, 3), np.uint8))}, {**fields, "hand_type": np.array([1, 0])}
    )
    sample = make_hand_sample(item, INTERHAND)
    assert sample.valid.sum() == 3
    inside = sample.joints_px[sample.valid]
    assert 60 < inside.min() <= inside.max() < 196
    assert not sample.inputs()["joint_known"]
    with pytest.raises(ConfigError, match=r"icvl lack wrist"):
        make_hand_sample(record(), ICVL)
    with pytest.raises(DataError, match=r"toy: .*crop_xywh_px"):
        make_hand_sample(record(joint_valid=np.zeros(21, bool)), RHD_HAND)
    with pytest.raises(DataError, match=r"toy: .*span no box"):
        make_hand_sample(record(joints_px=np.full((21, 2), 7.0)), RHD_HAND)
    with pytest.raises(DataError, match=r"toy: .*hand_type .*\[True, True\]"):
        make_hand_sample(record(hand_type=np.array([True, True])), RHD_HAND)


def test_what_is_shipped_is_small_and_complete():
    inputs = make_hand_sample(record(), RHD_HAND, draws(1)[0]).inputs()
    assert sum(np.asarray(value).nbytes for value in inputs.values()) < 230_000
    assert inputs["joint_known"]
    np.testing.assert_allclose(inputs["joint_root"], inputs["joint"][9])
    unlabelled = make_hand_sample(record(joints_cam_mm=None, camera=None), RHD_HAND).inputs()
    assert set(unlabelled) == set(inputs)
    assert all(np.asarray(unlabelled[n]).shape == np.asarray(inputs[n]).shape for n in inputs)
    assert (unlabelled["joint_known"], unlabelled["dep_veil"]) == (False, 0)


def test_wrong_rules_name_the_allowed_ones():
    with pytest.raises(ConfigError, match=r"hand_side.*'rigth'.*right"):
        HandRules(hand_side="rigth")
    with pytest.raises(ConfigError, match=r"warp.*nearest"):
        HandRules(warp="cubic")
    with pytest.raises(ConfigError, match=r"augment\.scale_jitter=1"):
        HandAugmentation(scale_jitter=1.0)
    assert HandDraw().colour is None
    assert ColourDraw().order == (0, 1, 2, 3)
