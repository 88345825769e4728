"""Hands in photographs: how far away they are taken to be, and the files that are written of them."""

from __future__ import annotations

import json
from dataclasses import replace

import cv2
import numpy as np
import pytest

from carpus.data.own_photos import WHOLE, PhotoBox, photo_crop
from carpus.data.rgb_images import decode_labels
from carpus.geometry.camera import Camera
from carpus.reports.digit_photo import Photo, PhotoWriter
from carpus.reports.digit_photo_draw import drawn_crop, drawn_photo
from carpus.reports.digit_photo_hands import Answer, estimated_wrists, hands_of
from carpus.reports.digit_space import (
    NOMINAL_MM,
    bones_of,
    both_wrists_mm,
    mm_per_px,
    to_own_wrist,
    weak_perspective,
    wrist_depth_mm,
)
from carpus.skeletons import INTERHAND
from interhand_tree import load_samples

CAMERA = Camera(1200.0, 1210.0, 310.0, 240.0)


@pytest.fixture
def hands_mm():
    """``(42, 3)`` two hands of an adult's bones in any directions; the left wrist 60 mm farther away."""
    rng = np.random.default_rng(2)
    joints = np.zeros((42, 3))
    joints[[20, 41]] = [[-60, 10, 700], [70, 0, 760]]
    for hand in (0, 1):
        for (parent, child), length in zip(*bones_of(hand), strict=True):
            direction = rng.normal(0, 1, 3)
            joints[child] = joints[parent] + length * direction / np.linalg.norm(direction)
    return joints


def answer_to(hands_mm, **other):
    """What a perfect method says about them."""
    known = {
        "joints_px": CAMERA.project(hands_mm),
        "joints_cam_mm": hands_mm,
        "scores": np.ones(42),
        "presence": np.array([0.97, 0.95]),
        "rel_wrist_mm": 60.0,
        "segm": None,
    }
    return Answer(**{**known, **other})


def photographed(answer, wrists=None, shown=(True, True), segm=None, box=(100, 60, 400, 360)):
    image = np.full((480, 640, 3), 90, np.uint8)
    where = PhotoBox(np.array(box, float), "given")
    crop = photo_crop("p", image, where, camera=CAMERA, root_depth_mm=(900, 900))
    return image, replace(hands_of(answer, crop, where, np.array(shown), INTERHAND, wrists), segm=segm)


def test_its_size_tells_how_far_away_a_hand_is(hands_mm):
    pixels, depth = CAMERA.project(hands_mm), to_own_wrist(hands_mm[:, 2])
    assert depth[[20, 41]].tolist() == [0, 0]
    for hand, wrist in ((0, 20), (1, 41)):
        found = wrist_depth_mm(pixels, depth, CAMERA, hand)
        assert found == pytest.approx(hands_mm[wrist, 2], rel=2e-3)
    wrists, source = estimated_wrists(answer_to(hands_mm), np.array([True, True]), CAMERA, INTERHAND)
    np.testing.assert_allclose(wrists, hands_mm[[20, 41], 2], rtol=2e-3)
    assert wrists[1] - wrists[0] == pytest.approx(60)
    assert source.startswith("estimated")


def test_distances_of_real_hands_are_off_by_their_size_only():
    content = load_samples()
    checked = 0
    for image, truth in zip(content["data"]["images"], content["data"]["annotations"], strict=True):
        camera = content["camera"][str(image["capture"])]
        focal, middle, turn, place = (
            np.array(camera[name][image["camera"]]) for name in ("focal", "princpt", "camrot", "campos")
        )
        world = content["joint_3d"][str(image["capture"])][str(image["frame_idx"])]["world_coord"]
        joints = (np.array(world) - place) @ turn.T
        lens = Camera(*focal, *middle)
        for hand in (0, 1):
            if not np.array(truth["joint_valid"]).ravel()[21 * hand : 21 * hand + 21].all():
                continue
            found = wrist_depth_mm(lens.project(joints), to_own_wrist(joints[:, 2]), lens, hand)
            ends, adults_mm = bones_of(hand)
            size = np.linalg.norm(np.diff(joints[ends], axis=1), axis=-1).sum() / adults_mm.sum()
            assert found * size == pytest.approx(joints[INTERHAND.roots[hand], 2], rel=0.07)
            assert found == pytest.approx(joints[INTERHAND.roots[hand], 2], rel=0.15)
            checked += 1
    assert checked >= 5


def test_an_absent_hand_says_nothing_about_distance(hands_mm):
    hands_mm[:21, :2] *= 3  # what the network says of a hand that is not there
    wrists, _ = estimated_wrists(answer_to(hands_mm), np.array([False, True]), CAMERA, INTERHAND)
    assert wrists[0] == wrists[1] == pytest.approx(hands_mm[41, 2], rel=2e-3)


def test_a_hand_that_fits_nowhere_gets_a_stated_distance(hands_mm):
    pixels, depth = CAMERA.project(hands_mm), to_own_wrist(hands_mm[:, 2]) * 5
    assert wrist_depth_mm(pixels, depth, CAMERA, 0) is None
    assert mm_per_px(pixels, depth, 0) is None
    assert mm_per_px(pixels * 0, depth * 0, 0) is None
    wrists, source = both_wrists_mm((None, None), 10.0)
    assert wrists == (NOMINAL_MM, NOMINAL_MM)
    assert "assumed: 1000 mm" in source


def test_weak_perspective_has_an_adults_size(hands_mm):
    far = hands_mm + np.array([0, 0, 200_000])
    lens = Camera(200_000.0, 200_000.0, 310.0, 240.0)
    pixels, depth = lens.project(far), to_own_wrist(far[:, 2])
    found = weak_perspective(pixels, depth, np.array([True, True]), 60.0)
    offset = found - far
    assert np.ptp(offset, axis=0).max() < 1.0  # at 200 m nothing is left of perspective
    assert not weak_perspective(pixels, None, np.array([True, False]), None)[:, 2].any()


def test_joints_in_space_are_told_only_where_a_camera_is_known(hands_mm):
    _, hands = photographed(answer_to(hands_mm), ((700.0, 760.0), "given with --wrist-depth"))
    np.testing.assert_array_equal(hands.joints_cam_mm, hands_mm)
    assert "given" in hands.view_note
    _, hands = photographed(answer_to(hands_mm))
    assert hands.joints_cam_mm is None
    assert hands.wrists_mm is None
    assert "weak perspective" in hands.view_note
    _, hands = photographed(answer_to(hands_mm, joints_cam_mm=None, rel_wrist_mm=None, presence=None))
    assert hands.depth_mm is None
    assert hands.view_note.startswith("flat")
    assert hands.told() == "taken for both hands"
    moved = answer_to(hands_mm).placed(CAMERA, (900.0, 980.0), INTERHAND).joints_cam_mm
    np.testing.assert_allclose(moved[[20, 41], 2], [900, 980])
    np.testing.assert_allclose(CAMERA.project(moved), CAMERA.project(hands_mm))
    np.testing.assert_allclose(to_own_wrist(moved[:, 2]), to_own_wrist(hands_mm[:, 2]))


def read_page(file):
    text = file.read_text("utf-8")
    start = text.index(">", text.index('id="data"')) + 1
    return json.loads(text[start : text.index("</script>", start)])


def test_files_of_a_photograph(hands_mm, tmp_path, meta):
    segm = np.zeros((480, 640), np.uint8)
    segm[100:200, 150:250] = 9
    image, both = photographed(answer_to(hands_mm), ((700.0, 760.0), "given"), segm=segm)
    _, right = photographed(answer_to(hands_mm, presence=np.array([0.9, 0.1])), None, (True, False))
    writer = PhotoWriter(tmp_path, INTERHAND, meta, photos=2)
    writer.add(Photo("a.jpg", "a", image, [both, right], CAMERA))
    writer.add(Photo("b.jpg", "b", image, [right]))
    page = read_page(writer.close())
    names = ["a.json", "a_mask.png", "a_overlay.png", "b.json", "b_overlay.png", "hands.html"]
    assert sorted(file.name for file in tmp_path.iterdir()) == names
    np.testing.assert_array_equal(decode_labels((tmp_path / "a_mask.png").read_bytes()), segm)
    told = json.loads((tmp_path / "a.json").read_text())
    assert told["image_wh"] == [640, 480]
    assert told["joints"] == list(INTERHAND.joints)
    first, second = told["boxes"]
    np.testing.assert_allclose(first["joints_px"], CAMERA.project(hands_mm), atol=1e-3)
    np.testing.assert_allclose(first["joints_cam_mm"], hands_mm, atol=1e-3)
    np.testing.assert_allclose(first["depth_to_wrist_mm"], to_own_wrist(hands_mm[:, 2]), atol=1e-3)
    assert first["hand_presence"] == {"right": 0.97, "left": 0.95}
    assert second["hands"] == ["right"]
    assert second["joints_cam_mm"] is None
    assert json.loads((tmp_path / "b.json").read_text())["camera"] is None
    assert len(page["samples"]) == 3
    assert page["samples"][1]["pred"][30] == [None, None, None]  # the left hand is not there
    assert None not in page["samples"][1]["pred"][3]


def test_a_hand_that_is_not_there_is_not_drawn(hands_mm):
    image, both = photographed(answer_to(hands_mm))
    nobody = replace(both, shown=np.array([False, False]))
    one = replace(both, shown=np.array([True, False]))
    pictures = [drawn_crop(image, None, hands, INTERHAND) for hands in (nobody, one, both)]
    drawn = [int((picture != pictures[0]).any(-1).sum()) for picture in pictures]
    assert drawn[0] < drawn[1] < drawn[2]
    assert pictures[0].shape == (480, 480, 3)
    assert (pictures[0][240, 240] == 90).all()


@pytest.mark.parametrize(("size", "expected"), [((100, 60), (640, 384)), ((4000, 3000), (1600, 1200))])
def test_an_overlay_is_neither_tiny_nor_huge(hands_mm, size, expected):
    _, hands = photographed(answer_to(hands_mm))
    image = cv2.resize(np.full((2, 2, 3), 90, np.uint8), size)
    picture = drawn_photo(image, None, [replace(hands, shown=np.array([False, False]))], INTERHAND)
    assert picture.shape == (expected[1], expected[0], 3)
    whole = replace(hands, box=PhotoBox(np.array([0, 0, *size], float), WHOLE))
    assert drawn_photo(image, None, [whole], INTERHAND).shape == picture.shape


def test_predictions_that_are_not_finite_break_nothing(hands_mm, tmp_path, meta):
    broken = np.full((42, 3), np.nan)
    image, hands = photographed(
        answer_to(broken, joints_px=np.full((42, 2), np.inf), presence=np.array([1, 1.0]))
    )
    writer = PhotoWriter(tmp_path, INTERHAND, meta, photos=1)
    writer.add(Photo("a.jpg", "a", image, [hands]))
    writer.close()
    assert json.loads((tmp_path / "a.json").read_text())["boxes"][0]["joints_px"][0] == [None, None]
