"""Colours where they belong: depth shading, dots at projected joints, windows."""

from __future__ import annotations

import numpy as np
import pytest

from carpus.geometry.camera import Camera
from carpus.reports.draw import Window, colour_depth, draw_skeleton, overlay, square_window
from carpus.skeletons import MSRA

CAMERA = Camera(241.42, 241.42, 160.0, 120.0)


def test_depth_colours_follow_the_published_formula():
    depth = np.array([[0.0, 300.0, 350.0], [400.0, 900.0, 200.0]])
    picture = colour_depth(depth, ref_mm=350.0, cube_mm=100.0)
    cream = np.array([255, 240, 204])
    np.testing.assert_array_equal(picture[0, 0], cream)  # nothing measured: the far end
    np.testing.assert_array_equal(picture[0, 1], 0)  # near is dark
    np.testing.assert_array_equal(picture[0, 2], np.round(cream * 0.5))
    np.testing.assert_array_equal(picture[1], [cream, cream, [0, 0, 0]])


def test_shading_changes_the_hand_and_leaves_the_background(collected, depth_of):
    depth = depth_of(1)
    ref = float(collected.target_cam_mm[1, :, 2].mean())
    flat, lit = colour_depth(depth, ref, 200.0), colour_depth(depth, ref, 200.0, shade=0.5)
    np.testing.assert_array_equal(flat[depth == 0], lit[depth == 0])
    assert (flat != lit).any()


def test_every_dot_has_its_joint_colour_at_its_pixel():
    at = np.array([[40 + 70 * (j % 5), 40 + 70 * (j // 5)] for j in range(21)], dtype=float)
    picture = draw_skeleton(np.full((400, 400, 3), 255, np.uint8), at, MSRA)
    seen = picture[at[:, 1].astype(int), at[:, 0].astype(int)]
    np.testing.assert_array_equal(seen, np.array(MSRA.colours))


def test_bones_have_the_colour_of_their_child_and_invalid_ones_are_missing():
    at = np.array([[40 + 70 * (j % 5), 40 + 70 * (j // 5)] for j in range(21)], dtype=float)
    blank = np.full((400, 400, 3), 255, np.uint8)
    valid = np.ones(21, bool)
    middle = ((at[1] + at[2]) / 2).astype(int)
    drawn = draw_skeleton(blank, at, MSRA, valid=valid)
    np.testing.assert_array_equal(drawn[middle[1], middle[0]], MSRA.colours[2])
    valid[2] = False
    missing = draw_skeleton(blank, at, MSRA, valid=valid)
    assert tuple(missing[int(at[2, 1]), int(at[2, 0])]) != MSRA.colours[2]
    assert (blank == 255).all()


def test_what_is_near_covers_what_is_far():
    at = np.full((21, 2), np.nan)
    at[4], at[8] = (50, 50), (50, 50)
    depth = np.full(21, 400.0)
    depth[4] = 300.0
    near_index = draw_skeleton(np.zeros((100, 100, 3), np.uint8), at, MSRA, order=depth)
    np.testing.assert_array_equal(near_index[50, 50], MSRA.colours[4])
    depth[4] = 500.0
    far_index = draw_skeleton(np.zeros((100, 100, 3), np.uint8), at, MSRA, order=depth)
    np.testing.assert_array_equal(far_index[50, 50], MSRA.colours[8])


def test_window_is_the_extent_plus_seventy_and_centred():
    window = square_window(np.array([[10.0, 20.0], [110.0, 60.0], [np.nan, 5.0]]), size=340)
    assert window.side == pytest.approx(170.0)
    np.testing.assert_allclose(window.to_picture(np.array([60.0, 40.0])), [169.5, 169.5])


def test_cut_puts_image_pixels_where_to_picture_says():
    image = np.zeros((60, 80, 3), np.uint8)
    image[30, 41] = 255
    window = Window(left=30.5, top=20.5, side=20.0, size=200)
    column, row = window.to_picture(np.array([41.0, 30.0]))
    cut = window.cut(image).astype(float)[..., 0]
    cut[cut < 200] = 0  # the border is cream, the bright pixel white
    rows, columns = np.nonzero(cut == cut.max())
    assert (rows.mean(), columns.mean()) == pytest.approx((row, column), abs=1.0)


@pytest.mark.parametrize("layout", ["side", "over"])
def test_prediction_and_truth_stand_where_the_camera_puts_them(collected, depth_of, layout):
    i = 2
    pred, target = collected.joints_cam_mm[i].copy(), collected.target_cam_mm[i]
    tip = 4
    pred[tip] = target[tip] + (
        25.0,
        -20.0,
        -300.0 + 350.0 - target[tip, 2] + 150,
    )  # off, and nearest to the camera
    picture = overlay(depth_of(i), pred, CAMERA, MSRA, target_cam_mm=target, layout=layout)
    from carpus.reports.draw import _near

    window = square_window(_near(CAMERA.project(pred), CAMERA.project(target)), 320)
    column, row = np.round(window.to_picture(CAMERA.project(pred[tip]))).astype(int)
    shift = 328 if layout == "side" else 0
    assert picture.shape == (320, 648 if layout == "side" else 320, 3)
    np.testing.assert_array_equal(picture[row, column + shift], MSRA.colours[tip])
    column, row = np.round(window.to_picture(CAMERA.project(target[tip]))).astype(int)
    if layout == "over":
        np.testing.assert_array_equal(picture[row, column], (255, 255, 255))


def test_a_colour_image_stays_behind_the_skeleton(collected):
    image = np.full((240, 320, 3), (10, 200, 30), np.uint8)
    picture = overlay(image, collected.joints_cam_mm[0], CAMERA, MSRA)
    assert (picture == (10, 200, 30)).all(axis=-1).mean() > 0.4


def test_wild_predictions_neither_crash_nor_shrink_the_hand(collected, depth_of):
    pred = collected.joints_cam_mm[0].copy()
    pred[3] = (1e7, 5.0, 1.0)
    pred[4] = (0.0, 0.0, -50.0)
    pred[5] = np.nan
    picture = overlay(depth_of(0), pred, CAMERA, MSRA, target_cam_mm=collected.target_cam_mm[0])
    depth = (picture[:, :320].astype(int).sum(axis=-1) < 600).mean()
    assert depth > 0.03


def test_unknown_layout_is_named(collected, depth_of):
    with pytest.raises(ValueError, match="'below' is unknown; allowed: over, side"):
        overlay(depth_of(0), collected.joints_cam_mm[0], CAMERA, MSRA, layout="below")
