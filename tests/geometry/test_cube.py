import numpy as np
import pytest

from carpus.errors import DataError
from carpus.geometry.camera import Camera
from carpus.geometry.cube import Cube, clip_square, points_in_cube, recover_center
from golden_cases import golden_paths

HANDS17 = Camera(475.065948, 475.065857, 315.944855, 245.287079)
GEOMETRY = golden_paths("depth_cr_data", "geometry")


@pytest.mark.parametrize("path", GEOMETRY)
def test_projection_and_squares_equal_golden(path):
    golden = np.load(path)
    rowcol = HANDS17.project(golden["p3"])[:, ::-1]
    np.testing.assert_allclose(rowcol, golden["p2"], atol=1e-9)
    scale, *corner = golden["resce2"]
    np.testing.assert_allclose((rowcol - corner) * scale, golden["p2_resce"], atol=1e-9)
    back = HANDS17.unproject(golden["p2"][:, ::-1], golden["p3"][:, 2])
    np.testing.assert_allclose(back, golden["p3_back"], atol=1e-9)
    cubes = [Cube.from_array(np.array([120.0, *center])) for center in golden["p3"][: len(golden["rect"])]]
    squares = np.stack([cube.square(HANDS17) for cube in cubes])
    np.testing.assert_allclose(squares, golden["rect"], atol=1e-9)
    clipped = [clip_square(square, (480, 640)) for square in squares]
    np.testing.assert_allclose(clipped, golden["rect_clipped"], atol=1e-9)
    centers = [recover_center(square, 120.0, HANDS17) for square in squares]
    np.testing.assert_allclose(centers, golden["recovered_centre"], atol=1e-9)


@pytest.mark.parametrize("path", GEOMETRY)
def test_the_cube_s_points_views_and_grid_equal_golden(path):
    golden = np.load(path)
    cube = Cube.from_array(golden["cube"])
    points = golden["pick_in"][cube.contains(golden["pick_in"])]
    np.testing.assert_array_equal(points, golden["pick_out"])
    for view in range(3):
        coordinates, depth = cube.view(points, view)
        np.testing.assert_allclose(coordinates, golden[f"ortho{view}_coord"], atol=1e-12)
        np.testing.assert_allclose(depth, golden[f"ortho{view}_depth"], atol=1e-12)
    np.testing.assert_allclose(cube.from_view(*cube.view(points, 0)), golden["unit_to_raw"], atol=1e-9)
    np.testing.assert_array_equal(cube.cells(points, 16), golden["grid_index"])
    np.testing.assert_allclose(cube.corners(), golden["corners"], atol=1e-9)


def test_true_points_come_back_from_a_view_when_asked():
    cube = Cube.from_array(np.array([120.0, 10, -20, 500]))
    points = np.random.default_rng(0).uniform(-100, 100, (50, 3)) + cube.center
    np.testing.assert_allclose(cube.from_view(*cube.view(points, 0), corrected_z=True), points)


def test_a_cell_holds_its_centre():
    cube = Cube.from_array(np.array([150.0, 10, -20, 500]))
    np.testing.assert_array_equal(cube.cells(cube.cell_centers(32), 32), np.arange(32)[:, None].repeat(3, 1))


@pytest.mark.parametrize("center", [(0, 0, 500), (-150, 90, 300), (260, 0, 420), (0, 0, 100), (9e3, 0, 500)])
def test_the_window_loses_no_point(center):
    rng = np.random.default_rng(3)
    depth = rng.integers(0, 700, (480, 640)).astype(np.uint16)
    cube = Cube.from_array(np.array([120.0, *center]))
    row, col = np.nonzero((depth > 100) & (depth < 1060))
    every = HANDS17.unproject(np.stack([col, row], -1).astype(float), depth[row, col].astype(float))
    found = points_in_cube(depth, HANDS17, cube, (100, 1060))
    np.testing.assert_array_equal(found, every[cube.contains(every)])


def test_a_part_of_an_image_gives_the_same_points_with_a_moved_camera():
    depth = np.random.default_rng(4).integers(380, 620, (480, 640)).astype(np.float32)
    cube = Cube.from_array(np.array([60.0, 0, 0, 500]))
    moved = Camera(HANDS17.fx, HANDS17.fy, HANDS17.cx - 200, HANDS17.cy - 100)
    part = points_in_cube(depth[100:400, 200:500], moved, cube, (100, 1060))
    np.testing.assert_allclose(part, points_in_cube(depth, HANDS17, cube, (100, 1060)), atol=1e-9)


def test_impossible_cubes_are_refused():
    with pytest.raises(DataError, match="positive half side"):
        Cube.from_array(np.array([0.0, 0, 0, 500]))
    with pytest.raises(DataError, match="finite"):
        Cube.from_array(np.array([120.0, np.nan, 0, 500]))
    with pytest.raises(DataError, match="not visible"):
        Cube.from_array(np.array([120.0, 0, 0, 50])).square(HANDS17, -60)
