"""Charts show the values they are given."""

from __future__ import annotations

import numpy as np
import pytest

from carpus.reports import figures, views
from carpus.reports.history import read_csv_log, training_panels
from carpus.reports.numbers import VIEWPOINT_RANGES, FrameErrors
from carpus.reports.style import figure_image, readable, write_bytes
from carpus.skeletons import MSRA, NYU


@pytest.fixture
def errors(collected):
    return FrameErrors(collected.errors_mm())


def test_error_curve_draws_the_share_of_frames(errors):
    lines = {line.get_label(): line for line in figures.error_curve(errors).axes[0].lines}
    worst = lines["frames, worst joint"]
    x, y = worst.get_xdata(), worst.get_ydata()
    assert y[x == 20.0] == pytest.approx(100 * (errors.max <= 20).mean())
    assert y[x == 40.0] == pytest.approx(100 * (errors.max <= 40).mean())


def test_bars_are_per_joint_means_in_published_order():
    rng = np.random.default_rng(0)
    errors = FrameErrors(rng.gamma(2, 4, (30, 14)))
    ax = figures.joint_bars({"run": errors}, NYU).axes[0]
    heights = [patch.get_height() for patch in ax.patches]
    np.testing.assert_allclose(heights, [*errors.per_joint[::-1], errors.joint.mean()])
    assert [t.get_text() for t in ax.get_xticklabels()][:2] == ["palm", "wrist"]


def test_two_runs_stand_side_by_side(errors):
    ax = figures.joint_bars({"a": errors, "b": FrameErrors(errors.joint * 2)}, MSRA).axes[0]
    heights = np.array([patch.get_height() for patch in ax.patches]).reshape(2, 22)
    np.testing.assert_allclose(heights[1], 2 * heights[0])


def test_histogram_counts_every_joint_also_beyond_the_limit():
    errors = FrameErrors(np.array([[1.0, 500.0], [3.0, np.nan]]))
    heights = [p.get_height() for p in figures.error_histogram(errors).axes[0].patches]
    assert sum(heights) == pytest.approx(100)
    assert heights[-1] == pytest.approx(100 / 3)


def test_every_figure_can_be_drawn_and_is_not_blank(errors, collected, history):
    angle = np.linspace(-39, 39, 60)
    pred, target = collected.joints_cam_mm[1], collected.target_cam_mm[1]
    occupancy = np.zeros((20, 20, 20), np.uint8)
    occupancy[5:9, 6:9, 7:15] = 1
    heat = np.zeros((21, 12, 12, 12), np.float32)
    heat[:, 3, 4, 5] = 1
    made = [
        figures.joint_accuracy(errors, MSRA),
        figures.viewpoint_curves({"a": errors}, {"yaw": angle}, VIEWPOINT_RANGES),
        figures.comparison({"a": errors, "b": errors}),
        figures.training_curves(training_panels(history)),
        views.orthogonal_views(pred, MSRA, target_cam_mm=target, points_cam_mm=target),
        views.heatmap_projections(heat, cells=np.full((21, 3), 4.0), skeleton=MSRA),
        views.voxel_views(occupancy, cells=np.full((21, 3), 8.0), skeleton=MSRA),
        views.posed_plot(pred, MSRA, target_cam_mm=target, back_plane=np.full((64, 64, 3), 128, np.uint8)),
    ]
    for fig in made:
        picture = figure_image(fig)
        assert picture.shape[1] >= 700
        assert picture.std() > 3


def test_heatmap_projections_are_maxima_along_each_axis():
    volume = np.random.default_rng(0).random((2, 4, 5, 6))
    panels = [ax.images[0].get_array() for ax in views.heatmap_projections(volume).axes[:3]]
    both = volume.max(axis=0)
    np.testing.assert_allclose(panels[0], both.max(axis=2).T)  # front: columns x, rows y
    np.testing.assert_allclose(panels[1], both.max(axis=0))  # side: columns z, rows y
    np.testing.assert_allclose(panels[2], both.max(axis=1).T)  # top: columns x, rows z


def test_front_view_has_y_pointing_down(collected):
    ax = views.orthogonal_views(collected.joints_cam_mm[0], MSRA).axes[0]
    low, high = ax.get_ylim()
    assert low > high


def test_thin_lines_are_never_pale():
    for colour in MSRA.colours:
        red, green, blue = (int(readable(colour)[i : i + 2], 16) for i in (1, 3, 5))
        assert 0.2126 * red + 0.7152 * green + 0.0722 * blue < 0.62 * 255


def test_csv_log_round_trip_thins_long_curves(tmp_path):
    path = tmp_path / "metrics.csv"
    rows = "\n".join(f"{s // 500},{s},{s * 0.5}," for s in range(2000))
    path.write_text(f"epoch,step,train/loss_step,val/loss\n{rows}\n4,2000,,7.5\n")
    (panel,) = training_panels(read_csv_log(path), most_points=100)
    assert panel["title"] == "loss"
    train, val = panel["series"]
    assert len(train["x"]) <= 101
    assert (train["x"][-1], train["y"][-1]) == (1999.0, 999.5)
    assert val["y"] == [7.5]


def test_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    path = write_bytes(tmp_path / "a" / "picture.png", b"old")

    def full(self, data):
        raise OSError("disk full")

    monkeypatch.setattr(type(path), "write_bytes", full)
    with pytest.raises(OSError, match="disk full"):
        write_bytes(path, b"new")
    assert path.read_bytes() == b"old"
