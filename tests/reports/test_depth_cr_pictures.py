"""The depth CR family's pictures show the numbers and frames they are given, under the published names."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.quiver import Quiver

from carpus.data.prepared import Frame, parse_key, prepare
from carpus.errors import ConfigError, DataError
from carpus.geometry.camera import Camera
from carpus.geometry.cube import Cube
from carpus.reports import depth_cr, depth_cr_frames
from carpus.reports.depth_cr_numbers import (
    count_good_bad,
    curve_order,
    error_bars,
    error_distribution,
    error_rate,
    mean_order,
)
from carpus.reports.depth_cr_panels import in_crop, on_image
from carpus.reports.depth_cr_style import darkness, map_colours, shades
from carpus.reports.style import figure_image
from carpus.skeletons import MSRA, NYU


@pytest.fixture(scope="module")
def methods():
    """Errors of three methods, of which the middle one is best on average and the last in its worst joint."""
    rng = np.random.default_rng(0)
    errors = {name: rng.gamma(4, scale, (150, 21)) for name, scale in (("x", 4.0), ("y", 2.0), ("z", 2.4))}
    errors["y"][:, 3] += 25
    return errors


@pytest.fixture(scope="module")
def frame_of(collected, depth_of):
    """Row to frame, numbered from 100."""

    def make(row: int) -> Frame:
        joints = collected.target_cam_mm[row].astype(np.float64)
        cube = Cube.around(joints, 120.0)
        camera = Camera.from_array(collected.camera[row])
        return Frame(depth_of(row), camera, cube, (100.0, 1060.0), joints, 100 + row, whole_mm=False)

    return make


def test_a_long_curve_is_thinned_and_a_short_one_is_not():
    errors = np.arange(1.0, 1001.0)[:, None] / 20  # all below the limit: 1,001 points with the origin
    curve = error_rate(errors)
    assert len(curve.error) == 101  # every tenth
    np.testing.assert_allclose(curve.error[:3], [0, 0.5, 1.0])
    np.testing.assert_allclose(curve.percent[-1], 100)
    assert len(error_rate(errors[:99]).error) == 100
    assert len(error_rate(errors[:150]).error) == 151  # 151 // 100 is 1


def test_a_curve_ends_at_the_limit_and_counts_frames_beyond():
    curve = error_rate(np.array([[100.0, 1.0], [np.nan, 300.0], [np.nan, np.nan]]))
    np.testing.assert_allclose(curve, [[0, 100], [0, 50]])


def test_ranks_differ_between_mean_and_worst_joint(methods):
    assert mean_order(methods) == ["y", "z", "x"]
    assert curve_order(methods) == ["z", "x", "y"]
    assert mean_order({"none": np.full((2, 21), np.nan), **methods})[-1] == "none"


def test_bars_leave_out_what_is_unknown_and_whiskers_need_room():
    errors = {"a": np.array([[1.0, np.nan], [3.0, 8.0]]), "b": np.array([[2.0, 4.0], [2.0, 4.0]])}
    bars = error_bars(errors)
    np.testing.assert_allclose(bars.height, [[2, 8, 5], [2, 4, 3]])
    np.testing.assert_allclose(bars.low[0], [1, 8, 4.5])
    np.testing.assert_allclose(bars.x, [[-0.1, 0.7, 1.5], [0.1, 0.9, 1.7]])
    assert bars.top == pytest.approx(8 * 1.2)
    assert error_bars({"a": errors["a"] * [[1, 1], [4, 1]]}, whiskers=True).top == pytest.approx(12 * 1.1)


def test_good_and_bad_frames_are_counted_by_their_mean():
    errors = np.array([[5.0, 13.0], [10.0, 10.0], [20.0, 20.0], [19.0, 22.0], [np.nan, np.nan]])
    assert count_good_bad(errors) == (1, 1)
    assert error_distribution(errors).percent.sum() == pytest.approx(100)


@pytest.mark.parametrize(("metric", "named"), [("euclid", "mm, metric euclid"), ("legacy", "metric legacy")])
def test_axes_name_the_metric_and_have_the_published_limits(methods, metric, named):
    rate = depth_cr.rate_figure(methods, metric).axes[0]
    bar = depth_cr.bar_figure(methods, MSRA.joints, metric).axes[0]
    dist = depth_cr.distribution_figure(methods, metric).axes[0]
    assert (rate.get_xlim(), rate.get_ylim()) == ((0, 100), (0, 100))
    assert bar.get_ylim() == (0, pytest.approx(error_bars(methods).top))
    assert bar.get_ylabel() == f"Mean error ({named})"
    assert all(f"({named})" in ax.get_xlabel() for ax in (rate, dist))
    assert {line.get_linewidth() for line in rate.lines} == {2}
    assert [text.get_text()[0] for text in rate.get_legend().get_texts()] == curve_order(methods)
    assert [text.get_text()[0] for text in bar.get_legend().get_texts()] == mean_order(methods)
    heights = np.array([patch.get_height() for patch in bar.patches]).reshape(3, 22)
    np.testing.assert_allclose(heights, error_bars(methods).height)
    assert [tick.get_text() for tick in bar.get_xticklabels()] == [*MSRA.joints, "Mean"]


def test_pictures_have_the_published_names_and_size_and_change_no_joint_names(methods, tmp_path):
    names = list(MSRA.joints)
    for _ in range(2):
        files = depth_cr.write_error_pictures(tmp_path, "super_edt2m", methods, names, "legacy")
        assert names == list(MSRA.joints)
    assert [file.name for file in files] == [
        f"super_edt2m_error_{kind}.png" for kind in ("rate", "bar", "dist")
    ]
    summary = depth_cr.write_error_pictures(tmp_path, "", {"x": methods["x"]}, names, whiskers=True)
    assert summary[0].name == "error_rate.png"
    assert sorted(file.name for file in tmp_path.iterdir()) == sorted(f.name for f in (*files, *summary))
    for fig in (depth_cr.rate_figure(methods, "euclid"), depth_cr.distribution_figure(methods, "euclid")):
        assert figure_image(fig).shape == (500, 1000, 3)


def test_what_cannot_be_compared_is_named(methods, tmp_path):
    with pytest.raises(DataError, match=r"got x \(150, 21\), nyu \(2, 14\)"):
        depth_cr.write_error_pictures(
            tmp_path, "a", {"x": methods["x"], "nyu": np.ones((2, 14))}, MSRA.joints
        )
    with pytest.raises(DataError, match="14 joint names for errors of 21 joints"):
        depth_cr.write_error_pictures(tmp_path, "a", methods, NYU.joints)
    with pytest.raises(ConfigError, match="did you mean 'euclid'"):
        depth_cr.write_error_pictures(tmp_path, "a", methods, MSRA.joints, "euclidean")
    with pytest.raises(DataError, match="got none"):
        depth_cr.write_error_pictures(tmp_path, "a", {}, MSRA.joints)
    assert list(tmp_path.iterdir()) == []


def test_style_near_is_dark_empty_is_lightest_and_maps_fade_out():
    dark = darkness(np.array([0.0, 0.01, 0.5, 1.0]), 1e-4, 1.0)
    assert dark[0] == 0
    assert dark[1] > dark[2] > dark[3] > 0
    alpha = map_colours()(np.linspace(0, 1, 256))[:, 3]
    np.testing.assert_allclose(alpha[[0, -1]], [0, np.sqrt(0.99)], atol=1e-6)
    assert shades((0, 1, 0), 3)[-1] == pytest.approx((0, 1, 0))


def test_joints_lie_on_the_hand_in_every_crop(frame_of):
    frame = frame_of(1)
    for name in ("clean_128", "clean_64", "crop2_128"):
        key = parse_key(name)
        crop = prepare(frame, [name])[key.name]
        row, col = np.floor(in_crop(key, frame, frame.joints_cam_mm)).astype(int).T
        assert (crop[row, col] > 1e-4).mean() > 0.8, name
    row, col = np.floor(on_image(frame, frame.joints_cam_mm)).astype(int).T
    assert (frame.depth_mm[row, col] > 0).mean() > 0.8


@pytest.mark.parametrize(
    ("prepared", "panels", "inches"),
    [
        (["crop2_128"], 2, (10, 5)),
        (["clean_128", "edt2m_32"], 4, (10, 10)),
        (["clean_128", "hmap2_32"], 4, (10, 10)),
        (["clean_64", "udir2_32"], 4, (10, 10)),
        (["ortho3_128", "ov3edt2_32"], 10, (20, 15)),
        (["pcnt3_64"], 8, (15, 15)),
        (["vxhit_64", "pose_lab_32"], 8, (15, 15)),
        (["clean_32", "pcnt3_32", "vxedt_16"], 14, (15, 25)),
    ],
)
def test_a_sanity_picture_has_a_panel_for_everything(frame_of, prepared, panels, inches):
    fig = depth_cr_frames.sanity_figure(frame_of(0), MSRA, prepared)
    shown = [ax for ax in fig.axes if ax.axison]
    assert len(shown) == panels
    assert tuple(fig.get_size_inches()) == inches
    assert shown[0].get_title() == "test image - 100"
    assert shown[1].get_title().startswith("test storage read")
    arrows = [ax for ax in shown if any(isinstance(item, Quiver) for item in ax.collections)]
    assert len(arrows) == (2 if "udir2_32" in prepared else 0)


def test_squares_of_centre_near_and_far_face_are_drawn(frame_of):
    frame = frame_of(0)
    ax = depth_cr_frames.sanity_figure(frame, MSRA, ["clean_128"]).axes[0]
    sides = {patch.get_edgecolor(): patch.get_width() for patch in ax.patches}
    assert len(sides) == 3
    orange, red, lime = (sides[colour] for colour in sides)
    assert red > orange > lime
    assert orange == pytest.approx(frame.cube.square(frame.camera)[0])


def test_stored_arrays_are_shown_instead_of_computed_ones(frame_of):
    stored = np.full((128, 128), 0.5, np.float32)
    fig = depth_cr_frames.sanity_figure(frame_of(0), MSRA, ["clean_128"], {"clean_128": stored})
    np.testing.assert_allclose(fig.axes[1].images[0].get_array(), darkness(stored, 1e-4, 1.0))


def test_a_frame_without_joints_shows_its_input_and_refuses_maps(frame_of, tmp_path):
    frame = frame_of(0)
    bare = Frame(frame.depth_mm, frame.camera, frame.cube, frame.depth_range_mm, index=5)
    files = depth_cr_frames.write_sanity_pictures(tmp_path, "direc_tsdf", bare, MSRA, ["tsdf3_32"])
    assert [file.name for file in files] == ["draw_direc_tsdf_5.png", "draw3d_direc_tsdf_5.png"]
    with pytest.raises(DataError, match="frame 5: 'edt2_32' is made from joints"):
        depth_cr_frames.sanity_figure(bare, MSRA, ["edt2_32"])
    with pytest.raises(ConfigError, match="did you mean 'edt2'"):
        depth_cr_frames.sanity_figure(frame, MSRA, ["edtt2_32"])
    with pytest.raises(DataError, match="has 21 joints, skeleton nyu 14"):
        depth_cr_frames.sanity_figure(frame, NYU, ["clean_128"])


def test_detection_pictures_show_the_same_rows_for_a_seed(frame_of, collected, tmp_path):
    asked = []

    def counting(row):
        asked.append(row)
        return frame_of(row)

    joints = collected.joints_cam_mm
    one = depth_cr_frames.write_detection_picture(tmp_path, "super_edt2m", counting, joints, MSRA, seed=3)
    again = depth_cr_frames.write_detection_picture(tmp_path, "super_edt2m", counting, joints, MSRA, seed=3)
    assert one == again
    assert asked[:4] == asked[4:]
    assert len(set(asked)) == 4
    assert one.name == f"detection_super_edt2m_{asked[3]}.png"
    other = depth_cr_frames.write_detection_picture(tmp_path, "x", counting, joints[:2], MSRA)
    assert other.exists()
    with pytest.raises(DataError, match="no prediction of x"):
        depth_cr_frames.write_detection_picture(tmp_path, "x", counting, joints[:0], MSRA)


def test_detection_panels_are_truth_and_prediction_and_comparison_is_black_and_coloured(frame_of, collected):
    joints = collected.joints_cam_mm
    fig = depth_cr_frames.detection_figure([4, 0, 7, 9], frame_of, joints, MSRA)
    assert tuple(fig.get_size_inches()) == (20, 10)
    assert [ax.get_title() for ax in fig.axes[:4]] == [f"test image - {row}" for row in (4, 0, 7, 9)]
    place = in_crop(parse_key("clean_128"), frame_of(4), joints[4].astype(np.float64))
    tip = fig.axes[4].lines[0].get_xydata()[-1]
    np.testing.assert_allclose(tip, place[MSRA.tips[0], ::-1])
    lines = depth_cr_frames.comparison_figure(frame_of(4), joints[4], MSRA).axes[1].lines
    assert {line.get_color() for line in lines[:5]} == {(0, 0, 0)}
    assert len({line.get_color() for line in lines[5:]}) == 5
