"""The depth sensor's faults and the capsule body."""

from __future__ import annotations

import numpy as np

from carpus.skeletons import ITOP
from carpus.synthetic.body import sample_body, sample_posed
from carpus.synthetic.itop import sample_views
from carpus.synthetic.noise import SensorNoise


def wall(depth_mm):
    return np.full((120, 160), float(depth_mm), np.float32)


def test_noise_grows_with_the_square_of_depth():
    sensor = SensorNoise(sigma_mm_at_1m=8.0, step_mm=0.001, drop=0.0)
    spread = [np.std(sensor.apply(wall(z), 240.0, np.random.default_rng(0)) - z) for z in (500, 1000, 2000)]
    np.testing.assert_allclose(spread, [2, 8, 32], rtol=0.1)


def test_depths_are_whole_steps_and_missing_pixels_stay_missing():
    depth = wall(700)
    depth[:, :50] = 0
    noisy = SensorNoise().apply(depth, 240.0, np.random.default_rng(0))
    np.testing.assert_array_equal(noisy, np.rint(noisy))
    assert (noisy[:, :50] == 0).all()
    assert 0.95 < (noisy[:, 50:] > 0).mean() < 1


def test_edges_and_grazing_surfaces_lose_pixels():
    depth = wall(700)
    depth[:, 80:] = 900
    noisy = SensorNoise(border_drop=0.5, drop=0.0).apply(depth, 240.0, np.random.default_rng(0))
    lost = noisy == 0
    assert 0.3 < lost[:, 79:81].mean() < 0.7
    assert not lost[:, :78].any()


def test_noise_is_seeded_and_empty_images_stay_empty():
    one, two = (SensorNoise().apply(wall(400), 240.0, np.random.default_rng(5)) for _ in range(2))
    np.testing.assert_array_equal(one, two)
    assert not SensorNoise().apply(wall(0), 240.0, np.random.default_rng(0)).any()


def test_bodies_stand_upright_before_the_camera():
    for seed in range(20):
        rng = np.random.default_rng(seed)
        joints = sample_posed(sample_body(rng), rng).joints
        at = dict(zip(ITOP.joints, joints, strict=True))
        assert at["head"][1] < at["neck"][1] < at["torso"][1] < at["right_hip"][1]
        assert joints[:, 2].min() > 2000
        assert joints[:, 2].max() < 4500
        trunk = np.linalg.norm(at["neck"] - at["torso"])
        assert 200 < trunk < 320


def test_right_side_is_left_in_the_picture_when_facing_the_camera():
    rng = np.random.default_rng(0)
    joints = np.stack([sample_posed(sample_body(rng), rng).joints for _ in range(30)]).mean(0)
    assert joints[ITOP.index("right_shoulder"), 0] < joints[ITOP.index("left_shoulder"), 0]


def test_both_views_show_the_same_rigid_pose():
    rng = np.random.default_rng(4)
    views, _ = sample_views(sample_body(rng), rng)
    side, top = (views[v].joints_cam_mm for v in ("side", "top"))
    gaps = [np.linalg.norm(j[:, None] - j[None], axis=-1) for j in (side, top)]
    np.testing.assert_allclose(gaps[0], gaps[1], atol=1e-6)
    # Down in the side view is away from the ceiling camera.
    np.testing.assert_allclose(np.diff(side[:, 1]), np.diff(top[:, 2]), atol=1e-6)


def test_segmentation_labels_the_body_and_nothing_else():
    rng = np.random.default_rng(7)
    views, _ = sample_views(sample_body(rng), rng)
    for frame in views.values():
        assert frame.segmentation.dtype == np.int8
        assert frame.segmentation.min() == -1
        assert frame.segmentation.max() <= 14
    side = views["side"]
    assert len(np.unique(side.segmentation)) > 10
