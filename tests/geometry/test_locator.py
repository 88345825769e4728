"""The hand locator: the published messages and centres, and frames in which there is nothing to find."""

from itertools import pairwise

import numpy as np
import pytest

from carpus.errors import DataError
from carpus.geometry import Camera
from carpus.geometry.locator import (
    LOST,
    NO_CENTER,
    OUT_OF_RANGE,
    TOO_FEW,
    Located,
    LocatorLimits,
    MotionFilter,
    front_points,
    locate_hand,
    mean_prior,
    shape_prior,
)
from golden_cases import golden_paths

SR300 = Camera(475.857, 475.856, 310.982, 246.123)
"""The camera of the fixtures, as their description states it."""
TOLERANCE_MM = 0.05


def golden():
    return pytest.mark.parametrize("path", golden_paths("depth_cr_data", "tracking_"))


@golden()
def test_a_stream_gives_the_published_messages_and_centres(path):
    with np.load(path) as case:
        motion = MotionFilter()
        for frame, center, found, message in zip(
            case["frames_u16"], case["center"], case["found"], case["message"], strict=True
        ):
            located = motion.follow(locate_hand(frame, SR300))
            assert located.message == message
            assert (located.center_mm is not None) == found
            if found:
                np.testing.assert_allclose(located.center_mm, center, rtol=0, atol=TOLERANCE_MM)


@golden()
def test_the_motion_filter_follows_as_published(path):
    with np.load(path) as case:
        motion = MotionFilter()
        assert motion.alpha == pytest.approx(float(case["moment_alpha"]), rel=1e-12)
        for center, expected in zip(case["moment_in"], case["moment_out"], strict=True):
            followed = motion.update(center)
            assert (followed is None) == np.isnan(expected).any()
            if followed is not None:
                np.testing.assert_allclose(followed, expected, rtol=0, atol=1e-9)


@golden()
def test_the_priors_place_the_centre_as_published(path):
    with np.load(path) as case:
        points = case["prior_points"]
        np.testing.assert_allclose(shape_prior(points), case["prior_center"], rtol=0, atol=1e-9)
        np.testing.assert_allclose(mean_prior(points), case["mean_center"], rtol=0, atol=1e-9)


def plain_shape_prior(points):
    """The rule as it is written down: slice by slice, with singular values."""
    depth = points[:, 2]
    edges = np.linspace(depth.max(), depth.min(), 13)
    slices = [points[(depth < a) & (depth >= b)] for a, b in pairwise(edges)]
    extent = [np.linalg.svd(s - s.mean(0), compute_uv=False)[0] if len(s) > 3 else 0.0 for s in slices]
    wrist = next((i for i in range(1, 12) if extent[i] > 1.1 * extent[i - 1]), 0)
    upper = points[depth < edges[wrist]]
    if min(len(slices[wrist]), len(upper)) < 4:
        return None
    return upper.mean(0) + 0.2 * (upper.mean(0) - slices[wrist].mean(0))


@pytest.mark.parametrize("seed", range(30))
def test_the_shape_prior_is_the_rule_for_any_cloud(seed):
    rng = np.random.default_rng(seed)
    points = rng.normal((10, -20, 350), (40, 60, 30), (int(rng.integers(10, 400)), 3))
    points[: seed % 7, 2] = points[0, 2]
    expected, found = plain_shape_prior(points), shape_prior(points)
    assert (found is None) == (expected is None)
    if expected is not None:
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-8)


def image(value=0.0, dtype=np.float32):
    return np.full((480, 640), value, dtype)


def few(count, value=300.0):
    depth = image()
    depth[200, 100 : 100 + count] = value
    return depth


@pytest.mark.parametrize(
    "depth",
    [
        image(),
        image(np.nan),
        image(1060),
        image(5000),
        image(100),
        image(40),
        image(-7),
        image(0, np.uint16),
        image(900, np.int32),
        image(481),
        few(1),
        few(10),
        np.zeros((0, 0), np.float32),
        np.zeros((1, 1), np.float32),
    ],
    ids=lambda depth: f"{depth.dtype}{depth.shape}{depth.ravel()[:1]}",
)
def test_frames_without_a_hand_get_a_message(depth):
    assert locate_hand(depth, SR300) == Located(None, OUT_OF_RANGE)


def test_points_of_one_depth_have_no_wrist_and_a_mean_all_the_same():
    points = np.array([[x, y, 300.0] for x in range(5) for y in range(4)])
    assert shape_prior(points) is None
    np.testing.assert_allclose(mean_prior(points), [2, 1.5, 300])
    assert mean_prior(points[:3]) is None
    assert shape_prior(points[:3] + np.arange(3)[:, None]) is None
    assert locate_hand(image(300), SR300, lambda points: None) == Located(None, NO_CENTER)


def test_ten_stray_points_apart_in_depth_are_too_few():
    depth = image()
    # Every one of them alone in its surroundings, so that smoothing leaves it as it is.
    for place, value in enumerate(np.linspace(150, 450, 12)):
        depth[40 * (place % 6) + 20, 50 * place + 20] = value
    assert locate_hand(depth, SR300).message == TOO_FEW


def test_stray_pixels_before_the_hand_do_not_matter():
    depth = image()
    depth[200:300, 250:350] = 400 + np.arange(100)[:, None] / 2
    clean = locate_hand(depth, SR300).center_mm
    depth[10:480:55, 5] = 150
    np.testing.assert_allclose(locate_hand(depth, SR300).center_mm, clean, atol=0.2)


def test_a_hand_close_to_the_camera_is_found_between_holes():
    depth = image()
    depth[150:330, 200:420] = 170 + np.arange(180)[:, None] / 3
    depth[150:330:7, 200:420:9] = 0
    points = front_points(depth, SR300, LocatorLimits())
    assert points[:, 2].min() > 169
    assert locate_hand(depth, SR300).center_mm[2] == pytest.approx(200, abs=15)


def test_every_type_and_layout_of_an_image_gives_the_same_centre():
    depth = image(1000)
    depth[150:330, 200:420] = 300 + np.arange(180)[:, None] // 2
    center = locate_hand(depth, SR300).center_mm
    for same in (depth.astype(np.uint16), depth.astype(np.float64), np.asfortranarray(depth)):
        np.testing.assert_array_equal(locate_hand(same, SR300).center_mm, center)


def test_limits_say_how_far_a_hand_may_be_and_how_deep_it_is():
    depth = image()
    depth[200:280, 250:350] = 700 + np.arange(80)[:, None]
    assert locate_hand(depth, SR300).message == OUT_OF_RANGE
    far = LocatorLimits(reach_mm=900)
    assert locate_hand(depth, SR300, limits=far).message == ""
    shallow = front_points(depth, SR300, LocatorLimits(reach_mm=900, hand_mm=30))
    assert shallow[:, 2].max() < 731
    with pytest.raises(DataError, match="near < far"):
        LocatorLimits(near_mm=500, far_mm=400)
    with pytest.raises(DataError, match=r"\(3, 4, 5\)"):
        locate_hand(np.zeros((3, 4, 5)), SR300)


def test_a_jump_ends_the_track_and_the_next_frame_begins_a_new_one():
    motion = MotionFilter()
    here, there = np.array([0.0, 0.0, 300.0]), np.array([0.0, 130.0, 300.0])
    assert motion.follow(Located(here)).message == ""
    assert motion.follow(Located(there)) == Located(None, LOST)
    np.testing.assert_array_equal(motion.follow(Located(there)).center_mm, there)
    assert motion.follow(Located(None, TOO_FEW)) == Located(None, TOO_FEW)
    np.testing.assert_array_equal(motion.follow(Located(here)).center_mm, here)
    assert motion.update(np.full(3, np.nan)) is None


def test_a_steady_motion_is_followed_and_a_sudden_one_believed_less():
    motion = MotionFilter()
    path = np.arange(12)[:, None] * np.array([4.0, 0.0, 0.0])
    followed = [motion.update(center) for center in path]
    np.testing.assert_allclose(followed[-1], path[-1], atol=0.3)
    jump = path[-1] + (100.0, 0.0, 0.0)
    assert motion.update(jump)[0] - path[-1][0] < 30
