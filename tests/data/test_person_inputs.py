"""Samples of people: crops, maps, joints by name, masks; what is refused and how."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from carpus.codecs.whole_body.layout import LAYOUTS
from carpus.data.augment_person import PersonAugmentation
from carpus.data.augment_rgb import RgbAugmentation
from carpus.data.person_inputs import PersonInputs, joint_places
from carpus.errors import ConfigError, DataError
from carpus.skeletons import INTERHAND, INTERHAND_HAND, MSRA
from carpus.skeletons.whole_body import FLAME_73, SMPLX_137
from carpus.skeletons.whole_body_datasets import HUMAN36M, MPII, MSCOCO
from carpus.types import Record, collate

WIDTH, HEIGHT = 320, 240
BOX = np.array([100.0, 40.0, 90.0, 160.0], np.float32)


def picture(seed=0, size=(HEIGHT, WIDTH)):
    """A smooth picture, so that half a pixel makes little difference."""
    noise = np.random.default_rng(seed).integers(0, 256, (size[0] // 8, size[1] // 8, 3), np.uint8)
    return cv2.resize(noise, size[::-1], interpolation=cv2.INTER_CUBIC)


def record(skeleton=HUMAN36M, key="person/1", image=None, **fields):
    data = cv2.imencode(".png", cv2.cvtColor(picture() if image is None else image, cv2.COLOR_RGB2BGR))[1]
    rng = np.random.default_rng(1)
    labels = {
        "image": "images/1.png",
        "image_wh": np.array([WIDTH, HEIGHT]),
        "bbox_xywh_px": BOX,
        "joints_px": rng.uniform(60, 200, (len(skeleton), 2)).astype(np.float32),
        "joint_valid": rng.random(len(skeleton)) > 0.3,
    }
    fields = {name: value for name, value in (labels | fields).items() if value is not None}
    return Record(key, {"rgb": data.tobytes()}, fields)


def smplx_fit(**changes):
    rng = np.random.default_rng(2)
    return {
        "model": "smplx",
        "model_pose": rng.normal(0, 0.2, 159).astype(np.float32),
        "model_shape": np.zeros(10, np.float32),
        "model_expr": np.ones(10, np.float32),
        "model_trans_m": np.array([0, 0, 3], np.float32),
        "model_camera": np.array([500, 500, 160, 120], np.float32),
        **changes,
    }


def sample(rec, skeleton=HUMAN36M, part="whole_body", train=False, augment=None, seed=0):
    return PersonInputs(skeleton, part, augment)(rec, np.random.default_rng(seed), train)


@pytest.mark.parametrize(
    ("part", "hw"),
    [("whole_body", (512, 384)), ("body", (256, 192)), ("hand", (256, 256)), ("face", (256, 192))],
)
def test_crops_have_the_published_sizes_and_show_the_box(part, hw):
    skeleton = {"hand": INTERHAND_HAND, "face": FLAME_73}.get(part, HUMAN36M)
    made = sample(record(skeleton, hand_type=np.array([1, 0])), skeleton, part)
    assert made["rgb"].shape == (*hw, 3)
    assert made["rgb"].dtype == np.uint8
    x, y, w, h = made["crop_xywh_px"]
    assert w / h == pytest.approx(hw[1] / hw[0], rel=1e-5)
    assert h >= 1.25 * (BOX[3] - 1) - 1e-3
    corner = made["image_to_crop"] @ np.array([x, y, 1.0])
    np.testing.assert_allclose(corner, 0, atol=1e-3)
    back = made["crop_to_image"] @ np.array([hw[1], hw[0], 1.0])
    np.testing.assert_allclose(back, [x + w, y + h], atol=1e-3)


def test_a_box_that_is_ready_is_cropped_as_it_is():
    made = sample(record(box_ready=1))
    np.testing.assert_array_equal(made["crop_xywh_px"], BOX)
    whole = sample(record(box_ready=1, bbox_xywh_px=np.array([0, 0, WIDTH, HEIGHT], np.float32)))
    top = cv2.resize(picture(), (384, 512))[200:300, 100:200].astype(int)
    assert np.abs(whole["rgb"][200:300, 100:200].astype(int) - top).mean() < 12


def test_the_map_leads_from_the_published_picture_to_the_crop_also_where_it_is_mirrored():
    augment = PersonAugmentation(flip_chance=1.0)
    made = sample(record(), train=True, augment=augment, seed=4)
    assert made["flipped"]
    image, crop = picture().astype(float), made["rgb"].astype(float)
    ys, xs = np.mgrid[180:340:20, 130:260:20]
    places = np.stack([xs.ravel(), ys.ravel(), np.ones(xs.size)])
    in_image = np.rint(made["crop_to_image"] @ places).astype(int)
    off = np.abs(crop[ys.ravel(), xs.ravel()] - image[in_image[1], in_image[0]])
    assert off.mean() < 10
    again = made["image_to_crop"] @ np.vstack([made["crop_to_image"] @ places, np.ones(xs.size)])
    np.testing.assert_allclose(again, places[:2], atol=1e-2)


def test_joints_come_in_the_methods_order_with_masks():
    rec = record()
    made = sample(rec)
    known = [joint in HUMAN36M.joints for joint in SMPLX_137.joints]
    assert made["label_known"].tolist() == known
    assert sum(known) == 14
    hip, own = SMPLX_137.index("left_hip"), HUMAN36M.index("left_hip")
    np.testing.assert_array_equal(made["label_px"][hip], rec.fields["joints_px"][own])
    assert made["label_valid"][hip] == rec.fields["joint_valid"][own]
    assert not made["label_px"][~np.array(known)].any()
    assert not made["label_3d"]


def test_what_is_not_labelled_may_be_nan_but_not_what_is():
    joints = np.full((17, 3), np.nan, np.float32)
    valid = np.zeros(17, bool)
    made = sample(record(joints_cam_mm=joints, joint_valid=valid))
    assert np.isfinite(made["label_cam_mm"]).all()
    with pytest.raises(DataError, match=r"person/1: joints_cam_mm of joints that are marked valid"):
        sample(record(joints_cam_mm=joints, joint_valid=~valid))


def test_samples_of_all_kinds_of_datasets_share_a_batch():
    boxes = {"part_boxes_xyxy_px": np.ones((3, 4), np.float32), "part_box_valid": np.array([1, 0, 1])}
    records = [
        (HUMAN36M, record(joints_cam_mm=np.zeros((17, 3), np.float32), **smplx_fit())),
        (MSCOCO, record(MSCOCO, **boxes)),
        (MPII, record(MPII, joints_px=None, joint_valid=None, **smplx_fit(), joints_from_model=1)),
        (MPII, record(MPII, model="smpl", model_pose=np.zeros(72), camera=np.ones(4))),
    ]
    made = [sample(rec, skeleton, train=True, augment=PersonAugmentation()) for skeleton, rec in records]
    for other in made[1:]:
        assert {k: (v.shape, v.dtype) for k, v in other.items()} == {
            k: (v.shape, v.dtype) for k, v in made[0].items()
        }
    batch = collate([(str(i), inputs) for i, inputs in enumerate(made)])
    assert batch["model_valid"].tolist() == [True, False, True, False]
    assert batch["label_3d"].tolist() == [True, False, True, False]
    assert batch["part_box_valid"].tolist() == [[False] * 3, [True, False, True], [False] * 3, [False] * 3]
    assert not batch["model_pose_valid"][1].any()
    assert sum(v.nbytes for v in made[0].values()) < 300_000 + 512 * 384 * 3


def test_parts_that_were_not_fitted_are_zero_and_masked_beside_the_datasets_own_masks():
    parts = np.array([True, False, True, False])
    own = np.ones(53, bool)
    own[[7, 8]] = False
    made = sample(record(**smplx_fit(model_part_valid=parts, model_pose_valid=own)))
    pose = made["model_pose"].reshape(53, 3)
    assert not pose[22:37].any()
    assert not pose[52].any()
    assert pose[37:52].any()
    assert not made["model_expr"].any()
    assert np.flatnonzero(~made["model_pose_valid"]).tolist() == [7, 8, *range(22, 37), 52]
    assert np.flatnonzero(~made["model_joint_valid"]).tolist() == [*range(25, 45), *range(65, 137)]
    assert not made["model_expr_valid"]
    np.testing.assert_array_equal(made["model_rotation"], np.eye(3))


def test_left_hands_are_mirrored_always_and_right_ones_never():
    inputs = PersonInputs(INTERHAND_HAND, "hand", PersonAugmentation())
    for side, hand_type in (("right", [1, 0]), ("left", [0, 1])):
        rec = record(INTERHAND_HAND, hand_type=np.array(hand_type))
        for seed in range(6):
            for train in (True, False):
                made = inputs(rec, np.random.default_rng(seed), train)
                assert made["flipped"] == (side == "left")
                assert made["hand_type"].tolist() == [side == "right", side == "left"]
    with pytest.raises(DataError, match="a hand's record needs exactly one"):
        inputs(record(INTERHAND_HAND, hand_type=np.array([1, 1])), np.random.default_rng(0), True)


def test_hands_of_whole_bodies_and_of_pairs_are_found_by_their_side():
    for skeleton in (MSCOCO, INTERHAND):
        for side, places in zip(("right", "left"), joint_places(skeleton, LAYOUTS["hand"]), strict=True):
            names = [skeleton.joints[place] for place in places]
            assert all(name.startswith(f"{side}_") for name in names)
            assert names[1:] == [f"{side}_{joint}" for joint in LAYOUTS["hand"].joints.joints[1:]]
            assert "wrist" in names[0]


def test_scoring_gets_the_datasets_own_truth_and_training_does_not():
    smpl = {"model": "smpl", "model_pose": np.ones(72, np.float32), "model_camera": np.ones(4), "gender": 2}
    more = {"vertices_m": np.zeros((5, 3), np.float32), "occlusion": 0.5, "sequence": "downtown"}
    rec = record(**smpl, **more, joints_cam_mm=np.ones((17, 3), np.float32))
    scored, trained = sample(rec), sample(rec, train=True)
    assert scored["joints_cam_mm"].shape == (17, 3)
    assert scored["smpl_pose"].shape == (72,)
    assert not scored["model_valid"]
    assert scored["gender"] == 2
    assert {"vertices_m", "occlusion"} <= scored.keys() - trained.keys()
    assert "sequence" not in scored


def test_a_sample_depends_on_its_generator_alone():
    rec = record(**smplx_fit())
    first, again, other = (sample(rec, train=True, augment=PersonAugmentation(), seed=s) for s in (3, 3, 4))
    assert all(np.array_equal(first[name], again[name]) for name in first)
    assert not np.array_equal(first["rgb"], other["rgb"])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"bbox_xywh_px": None}, "person/1: the record has no bbox_xywh_px"),
        (
            {"bbox_xywh_px": np.array([400.0, 40, 50, 60])},
            r"person/1: the box .* = \(400, 40, 50, 60\) .* image of 320 x 240",
        ),
        ({"bbox_xywh_px": np.array([4.0, 40, 0, 60]), "box_ready": 1}, r"\(4, 40, 0, 60\)"),
        ({"image_wh": np.array([100, 50])}, "images/1.png is 320 x 240 pixels, its annotation says 100 x 50"),
        ({"joints_px": np.zeros((5, 2))}, "joints_px has 5 joints, skeleton human36m 17"),
        (smplx_fit(model_pose=np.zeros(165)), "model_pose has 165 numbers, 159 are expected of model smplx"),
        (smplx_fit(model_pose=np.full(159, np.nan)), "model_pose holds numbers that are not finite"),
        (smplx_fit(model_camera=None), "needs model_camera or camera"),
        (smplx_fit(model_pose_valid=np.ones(24)), "model_pose_valid has 24 entries, 53 expected"),
    ],
)
def test_records_that_cannot_be_used_are_named(changes, message):
    with pytest.raises(DataError, match=message):
        sample(record(**changes))


@pytest.mark.parametrize("data", [b"no picture", cv2.imencode(".png", picture())[1].tobytes()[:500]])
def test_a_picture_that_cannot_be_read_is_named_by_its_path(data):
    broken = Record("person/1", {"rgb": data}, record().fields)
    with pytest.raises(DataError, match=r"person/1: picture images/1\.png"):
        sample(broken)


def test_combinations_without_sense_are_refused():
    with pytest.raises(ConfigError, match="take augment=person or none"):
        PersonInputs(HUMAN36M, "whole_body", RgbAugmentation())  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="did you mean 'whole_body'"):
        PersonInputs(HUMAN36M, "whole_bodi")
    with pytest.raises(ConfigError, match="has none of the joints of flame_73"):
        PersonInputs(MSRA, "face")
