"""DIGIT's five pictures: names, sizes, and that each pixel says what it should."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.figure import Figure
from mpl_toolkits.mplot3d import proj3d

from carpus.reports import digit_masks
from carpus.reports.digit import write_digit_pictures
from carpus.reports.digit_frame import DigitFrame, DigitTruth, published_stem
from carpus.reports.digit_maps import chosen_joints, heat_colours, joints_picture
from carpus.reports.digit_masks import disagreement, masks_picture, mean_iou
from carpus.reports.digit_style import DARK, YELLOW, draw_hands, part_colours
from carpus.reports.digit_views import VIEWS, to_axes, views_picture
from carpus.skeletons import INTERHAND

NAME = "./images/val/Capture0/ROM01/cam400262/image1.jpg"
STEM = "images__val__Capture0__ROM01__cam400262__image1"
SIZES = {
    "hm_segm_kp_r": (2000, 1000),
    "hm_segm_kp_l": (2000, 1000),
    "segm_rgb_1": (1500, 800),
    "2d_2p5d_views": (1456, 1000),
    "2d_cam_views": (1456, 1000),
}


@pytest.fixture
def frame() -> DigitFrame:
    """Both hands spread over a dim crop, the prediction a little off."""
    rng = np.random.default_rng(5)
    cells = rng.uniform(14, 50, (42, 3))
    grid = np.arange(64) + 0.5
    near = (grid[None, None] - cells[:, 0, None, None]) ** 2 + (
        grid[None, :, None] - cells[:, 1, None, None]
    ) ** 2
    heat = np.exp(-near / 4)
    segm = np.zeros((128, 128), np.uint8)
    segm[20:60, 20:60] = 1 + np.arange(40)[:, None] % 16
    segm[70:110, 70:110] = 17 + np.arange(40)[:, None] % 16
    space = rng.normal(0, 50, (42, 3)) + np.array([0, 0, 900])
    ones = np.ones(42)
    truth = DigitTruth(cells + 1, ones, space + 4, ones, np.array([True, True]), np.roll(segm, 3, 0))
    crop = np.full((256, 256, 3), 60, np.uint8)
    heat /= heat.sum((1, 2), keepdims=True)
    return DigitFrame(NAME, crop, heat, cells, space, segm, np.array([0.9, 0.8]), truth)


def colours_in(picture: np.ndarray) -> set[tuple[int, ...]]:
    return set(map(tuple, np.unique(picture.reshape(-1, 3), axis=0).tolist()))


def test_every_image_gets_five_files_of_the_published_sizes(frame, tmp_path):
    written = write_digit_pictures(tmp_path, frame)
    assert sorted(file.name for file in tmp_path.iterdir()) == sorted(f"{STEM}_{s}.png" for s in SIZES)
    for file, size in zip(written, SIZES.values(), strict=True):
        picture = cv2.imread(str(file))
        assert picture.shape == (size[1], size[0], 3)
        assert picture.std() > 10
    bare = replace(frame, truth=None, present=np.array([0.9, 0.1]))
    names = [file.name for file in write_digit_pictures(tmp_path, bare, stem="own")]
    assert names[2] == "own_segm_rgb_0.png"
    assert len(names) == 5


@pytest.mark.parametrize(
    ("image", "stem"), [("/abs/b.c/x.jpg", "abs__b.c__x"), ("x.png", "x"), ("../y/x.jpg", "y__x")]
)
def test_names_have_no_slash(image, stem):
    assert published_stem(image) == stem


def test_a_true_joint_is_marked_by_its_own_validity_not_by_its_column(frame):
    joints = chosen_joints(frame, 0, seed=1)
    valid = np.ones(42)
    valid[[j for j in range(5) if j not in joints]] = 0  # where column numbers would look
    valid[joints[2]] = 0.4  # not above the threshold
    picture = joints_picture(replace(frame, truth=replace(frame.truth, cells_valid=valid)), 0)
    for column in range(5):
        left = int(220 + column * 360)
        tiles = picture[384:672, left : left + 288]
        assert (YELLOW in colours_in(tiles)) == (column != 2)
        assert (255, 255, 255) in colours_in(tiles)


def test_joints_are_drawn_at_random_but_the_same_again(frame):
    for hand in (0, 1):
        joints = chosen_joints(frame, hand, seed=1)
        assert len(set(joints)) == 5
        assert {INTERHAND.hand_of[j] for j in joints} == {hand}
        assert joints == chosen_joints(frame, hand, seed=1)
    others = [chosen_joints(replace(frame, name=f"{i}.jpg"), 0, seed=1) for i in range(8)]
    assert len(set(map(tuple, others))) > 4


def test_a_heat_map_is_enlarged_without_smoothing_in_gnuplots_colours():
    heat = np.zeros((4, 4))
    heat[1, 2], heat[3, 3] = 1.0, 0.5
    picture = heat_colours(heat, 256)
    colours = (mpl.colormaps["gnuplot"]([0.0, 0.5, 1.0])[:, :3] * 255).round().astype(int)
    assert colours_in(picture) == set(map(tuple, colours.tolist()))
    assert (picture[64:128, 128:192] == colours[2]).all()


def test_each_row_of_masks_shows_one_hand(frame):
    picture, palette = masks_picture(frame), list(map(tuple, part_colours().tolist()))
    assert len(set(palette)) == 33
    for hand in (0, 1):
        top = 84 + hand * 370
        own = set(palette[1 + 16 * hand : 17 + 16 * hand]) | {DARK}
        for column in (1, 2):
            left = column * 300 + 12
            assert colours_in(picture[top : top + 276, left : left + 276]) == own
        crop = picture[top : top + 276, 1212:1488]
        assert colours_in(crop) == {(60, 60, 60)}  # not stretched to its own maximum
    over = picture[84:360, 12:288]
    expected = (0.2 * 60 + 0.8 * part_colours()[1:17].astype(float)).round()
    assert colours_in(over) == {(60, 60, 60), *map(tuple, expected.astype(int).tolist())}


def test_disagreement_tells_missed_from_invented():
    predicted, known = np.array([[0, 3, 3, 3]]), np.array([[3, 0, 3, 4]])
    kinds = [digit_masks.MISSED, digit_masks.INVENTED, digit_masks.AGREE, digit_masks.OTHER_PART]
    assert disagreement(predicted, known).tolist() == [[list(kind) for kind in kinds]]
    assert mean_iou(predicted, known) == pytest.approx((1 / 4 + 0) / 2)
    assert np.isnan(mean_iou(predicted * 0, known * 0))


def test_bones_have_their_parents_colour_and_left_hands_half_of_it():
    joints = np.full((42, 2), np.nan)
    for first, row in ((0, 20), (21, 60)):
        joints[[first + 1, first + 2]] = [[10, row], [60, row]]  # dip and pip of a thumb
    picture = draw_hands(np.zeros((80, 80, 3), np.uint8), joints, np.ones(42, bool))
    assert picture[20, 35].tolist() == [255, 102, 102]
    assert picture[60, 35].tolist() == [128, 51, 51]
    assert (picture[10:30, 35].max(-1) > 100).sum() in (1, 2, 3)
    hidden = np.ones(42, bool)
    hidden[1] = False
    picture = draw_hands(np.zeros((80, 80, 3), np.uint8), joints, hidden)
    assert not picture[20, 35].any()  # a bone needs both ends
    assert picture[20, 60].any()  # a dot its own joint
    assert not picture[20, 10].any()


@pytest.mark.parametrize("space", ["cells", "cam"])
def test_half_valid_joints_are_in_the_picture_but_not_in_space(frame, space):
    def drawn(value):
        valid = np.full(42, value)
        truth = replace(frame.truth, cells_valid=valid, joint_valid=valid)
        picture = views_picture(replace(frame, truth=truth), space)
        return picture[112:456, 12:356], picture[112:456, 370:]

    (none, nothing), (half, empty), (full, space_full) = (drawn(v) for v in (0.3, 0.45, 0.9))
    assert colours_in(none) == {(60, 60, 60)}
    assert len(colours_in(half)) > 20
    np.testing.assert_array_equal(half, full)
    np.testing.assert_array_equal(empty, nothing)
    assert len(colours_in(space_full)) > len(colours_in(empty)) + 20


def test_axes_have_the_limits_of_the_truth(frame):
    far = replace(
        frame,
        joints_cam_mm=frame.joints_cam_mm + np.array([5000, 0, 0]),
        joints_cells=frame.joints_cells + 90,
    )
    for space in ("cells", "cam"):
        truth = slice(60, 520)
        np.testing.assert_array_equal(views_picture(frame, space)[truth], views_picture(far, space)[truth])


@pytest.mark.parametrize(("view", "angles"), zip(VIEWS, ((0, 0), (0, 90), (90, -90)), strict=True))
def test_views_are_what_their_azimuth_means(view, angles):
    points = to_axes(np.random.default_rng(0).normal(0, 1, (50, 3)))
    ax = Figure().add_subplot(projection="3d")
    ax.set_proj_type("ortho")
    ax.view_init(*angles)
    ax.set(xlim=(-3, 3), ylim=(-3, 3), zlim=(-3, 3), box_aspect=(1, 1, 1))
    right, up, depth = proj3d.proj_transform(*points.T, ax.get_proj())
    flat, near = view.flat(points), view.nearness(points)
    assert np.corrcoef(flat[:, 0], right)[0, 1] > 0.999
    assert np.corrcoef(flat[:, 1], up)[0, 1] > 0.999
    assert abs(np.corrcoef(near, depth)[0, 1]) > 0.999


def test_without_truth_hands_that_are_not_there_are_left_out(frame):
    bare = replace(frame, truth=None, present=np.array([0.9, 0.5]))
    np.testing.assert_array_equal(bare.seen(), np.repeat([1, 0], 21))
    moved = bare.joints_cells.copy()
    moved[21:] += 7
    np.testing.assert_array_equal(
        views_picture(bare, "cells"), views_picture(replace(bare, joints_cells=moved), "cells")
    )


def test_the_legend_in_the_documentation_is_the_one_that_is_drawn():
    from carpus.reports.digit_legend import legend_picture

    file = Path(__file__).parents[2] / "docs" / "images" / "part_labels.png"
    kept = cv2.imread(str(file))[..., ::-1].astype(int)
    drawn = legend_picture()
    # Letters may differ between versions of the font renderer.
    assert kept.shape == drawn.shape == (900, 1500, 3)
    assert np.abs(kept - drawn).mean() < 1.0
