import numpy as np
import pytest

from carpus.geometry.distance import (
    directional_distance,
    surface_closeness,
    truncated_distance,
    volume_closeness,
)
from golden_cases import golden_paths


def toy_volume(golden) -> np.ndarray:
    occupied = np.zeros((16, 16, 16), bool)
    occupied[tuple(golden["edt3_in"].T)] = True
    return occupied


@pytest.mark.parametrize("path", golden_paths("depth_cr_data", "geometry"))
def test_surface_closeness_equals_the_golden_edge_cases(path):
    golden = np.load(path)
    for image in (golden["edt_img"], np.where(golden["edt_img"] > 0, 0.5, 0)):
        closeness = surface_closeness(image >= 1e-4, golden["edt_rowcol"])
        np.testing.assert_allclose(np.moveaxis(closeness, 0, -1), golden["edt_out"], atol=2e-6)


@pytest.mark.parametrize("path", golden_paths("depth_cr_data", "geometry"))
def test_volume_distances_equal_the_golden_toy_volume(path):
    golden = np.load(path)
    occupied = toy_volume(golden)
    np.testing.assert_allclose(truncated_distance(occupied), golden["truncd_out"], atol=2e-6)
    np.testing.assert_allclose(directional_distance(occupied, (1, 0, 2)), golden["tsdf_out"], atol=2e-6)


def test_an_empty_grid_has_no_distances():
    empty = np.zeros((6, 6, 6), bool)
    assert not truncated_distance(empty).any()
    assert not directional_distance(empty, (0, 2)).any()
    assert not surface_closeness(empty[0], np.array([[1, 1]])).any()
    assert not volume_closeness(empty, np.array([[1, 1, 1]])).any()


def test_a_pixel_without_company_has_an_empty_map():
    alone = np.zeros((8, 8), bool)
    alone[3, 3] = True
    assert not surface_closeness(alone, np.array([[3, 3]])).any()


def test_islands_hold_the_largest_distance_of_small_silhouettes_only():
    image = np.zeros((32, 32), bool)
    image[2, 2:8] = image[20, 20] = True
    assert surface_closeness(image, np.array([[2, 2]]))[0, 20, 20] == pytest.approx(0.5)
    image[2, 2:20] = True
    assert surface_closeness(image, np.array([[2, 2]]))[0, 20, 20] == 0
    deep = np.zeros((18, 18, 18), bool)
    deep[2, 2, :14] = deep[10, 10, 10] = True
    assert volume_closeness(deep, np.array([[2, 2, 0]]))[0, 10, 10, 10] == pytest.approx(1.3)
