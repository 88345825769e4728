import numpy as np
import pytest

from carpus.codecs import dense
from carpus.codecs.dense.images import normalize_depth
from carpus.errors import ConfigError, DataError
from carpus.geometry.camera import Camera
from carpus.geometry.cube import Cube
from golden_cases import golden_paths

CUBE = Cube.from_array(np.array([120.0, 0, 0, 500]))
CAMERA = Camera(475.065948, 475.065857, 315.944855, 245.287079)
GEOMETRY = golden_paths("depth_cr_data", "geometry")


def sheet(depth_mm: float = 500.0) -> np.ndarray:
    grid = np.arange(-59.5, 60, 1.0)
    x, y = np.meshgrid(grid, grid)
    return np.stack([x.ravel(), y.ravel(), np.full(x.size, depth_mm)], -1)


@pytest.mark.parametrize("path", GEOMETRY)
def test_painted_points_and_grids_equal_golden(path):
    golden = np.load(path)
    cube, points = Cube.from_array(golden["cube"]), golden["pick_out"]
    printed = dense.clean(points, cube, 32)
    np.testing.assert_allclose(printed, golden["printed32"], atol=2e-6)
    pixels = np.argwhere(printed > 1e-4)
    np.testing.assert_allclose(pixels / 32, golden["image_to_unit_coord"])
    np.testing.assert_allclose(printed[tuple(pixels.T)], golden["image_to_unit_depth"], atol=2e-6)
    np.testing.assert_allclose(dense.pcnt3(points, cube, 16), golden["grid_fill"], atol=2e-6)
    assert dense.vxhit(points, cube, 16).sum() == golden["grid_hit_count"]
    np.testing.assert_allclose(
        normalize_depth(golden["normdepth_in"], (100, 1060)), golden["normdepth_out"], atol=1e-6
    )


@pytest.mark.parametrize("path", GEOMETRY)
def test_closeness_through_a_volume_equals_golden(path):
    golden = np.load(path)
    grid = np.zeros((16, 16, 16), np.float32)
    grid[tuple(golden["edt3_in"].T)] = 1
    cube = Cube.from_array(np.array([120.0, 0, 0, 0]))
    np.testing.assert_allclose(
        dense.vxedt(grid, golden["edt3_pose"], cube, 16), golden["edt3_out"], atol=2e-6
    )


@pytest.mark.parametrize("path", GEOMETRY)
def test_localiser_lattices_equal_golden(path):
    golden = np.load(path)
    cube = Cube.around(golden["voxelize_pose"], 120.0)
    target = dense.anchors3(cube, (100, 1060), 4)
    np.testing.assert_allclose(target, golden["localizer3_target_4"], atol=2e-6)
    assert np.abs(dense.anchors3_decode(target, (100, 1060))[0].center - cube.center).max() < 1e-3


@pytest.mark.parametrize("z", [260.0, 500.0, 940.0])
def test_localiser_targets_give_the_cube_back(z):
    for x, y in ((0, 0), (-60, 45), (91, -30)):
        cube = Cube.from_array(np.array([120.0, x, y, z]))
        for found, value in (
            dense.anchors2_decode(dense.anchors2(cube, CAMERA, (480, 640)), CAMERA, (480, 640), 120.0),
            dense.anchors3_decode(dense.anchors3(cube, (100, 1060)), (100, 1060)),
        ):
            assert value == 1
            np.testing.assert_allclose(found.to_array(), cube.to_array(), atol=1e-2)


def test_the_later_point_stays_in_clean_and_the_farther_one_in_ortho3():
    points = np.array([[0.0, 0, 540], [0, 0, 460]])
    assert dense.clean(points, CUBE, 32)[16, 16] == pytest.approx(1 / 3)
    assert dense.ortho3(points, CUBE, 32)[16, 16, 0] == pytest.approx(2 / 3)


def test_side_views_are_row_x_col_z_and_row_z_col_y_and_paint_depth():
    views = dense.ortho3(np.array([[60.0, -60, 530]]), CUBE, 16)
    assert [tuple(np.argwhere(views[..., v])[0]) for v in range(3)] == [(4, 12), (12, 10), (10, 4)]
    assert set(views[views > 0].tolist()) == {0.625}


def test_spots_keep_their_sum_at_the_border_and_scale_with_depth():
    joints = np.array([[-119.0, -119, 500], [0, 0, 560], [119, 0, 440]])
    maps = dense.hmap2(joints, CUBE, 32)
    np.testing.assert_allclose(maps.sum((0, 1)), [0.5, 0.75, 0.25], rtol=1e-6)
    np.testing.assert_allclose(dense.hmap2(joints, CUBE, 32, unit_peak=True).sum((0, 1)), 1, rtol=1e-6)


def test_a_joint_outside_the_cube_has_empty_maps_but_no_cell():
    joints = np.array([[0.0, 0, 500], [0, 130, 500], [np.nan] * 3])
    image = dense.clean(sheet(), CUBE, 128)
    with np.errstate(invalid="ignore"):
        for make in (dense.hmap2(joints, CUBE, 32), dense.edt2(image, joints, CUBE, 32)):
            assert make[..., 0].any()
            assert not np.nan_to_num(make[..., 1:], nan=1).any()
        assert np.isfinite(dense.udir2(image, joints, CUBE, 32)).all()
        with pytest.raises(DataError, match=r"joints \[1, 2\] are outside the cube"):
            dense.pose_lab(joints, CUBE, 32)
        with pytest.raises(DataError, match="larger cube"):
            dense.pose_hit(joints, CUBE, 32)


def test_directions_point_at_the_joint():
    joints, cube = np.array([[30.0, -20, 520]]), CUBE
    field = dense.vxudir(dense.pcnt3(sheet(), cube, 64), joints, cube, 16)
    place = np.argwhere(field[..., 0] > 0)
    centers = cube.cell_centers(16)[place, np.arange(3)]
    values = field[tuple(place.T)]
    np.testing.assert_allclose(
        centers + values[:, 1:] * (240 - 240 * values[:, :1]), joints.repeat(len(place), 0), atol=1e-3
    )
    offsets = dense.vxoff(dense.pcnt3(sheet(), cube, 64), joints, cube, 16)[tuple(place.T)]
    np.testing.assert_allclose(centers + offsets, joints.repeat(len(place), 0), atol=1e-3)


def test_labels_are_the_ones_of_the_one_hot_map():
    joints = np.random.default_rng(0).uniform(-110, 110, (21, 3)) + CUBE.center
    label, hit = dense.pose_lab(joints, CUBE, 32), dense.pose_hit(joints, CUBE, 32)
    np.testing.assert_array_equal(hit.reshape(-1, 21).argmax(0), label)
    assert hit.sum() == 21


def test_sides_that_do_not_divide_are_refused():
    with pytest.raises(ConfigError, match="divisor of 128"):
        dense.edt2(np.zeros((128, 128), np.float32), CUBE.center[None], CUBE, 48)
    with pytest.raises(ConfigError, match="divisor of 64"):
        dense.vxudir(np.zeros((64, 64, 64), np.float32), CUBE.center[None], CUBE, 24)


def test_no_points_give_empty_images():
    nothing = np.zeros((0, 3))
    for array in (
        dense.clean(nothing, CUBE, 32),
        dense.ortho3(nothing, CUBE, 32),
        dense.pcnt3(nothing, CUBE, 16),
        dense.tsdf3(dense.pcnt3(nothing, CUBE, 16)),
        dense.truncd(dense.pcnt3(nothing, CUBE, 16)),
    ):
        assert not array.any()
