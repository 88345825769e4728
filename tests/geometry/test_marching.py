import numpy as np
import pytest

from carpus.geometry.distance import directional_distance
from carpus.geometry.marching import march_from_seeds, march_level_set


def test_an_empty_grid_has_the_published_check_values():
    distance = march_from_seeds(np.ones((9, 9), bool), np.array([[4, 4]]))[0, 4:, 4:]
    published = {(0, 1): 1, (0, 2): 2, (1, 1): 1.70711, (1, 2): 2.51448, (2, 2): 3.15738, (3, 3): 4.559}
    for cell, value in published.items():
        assert distance[cell] == pytest.approx(value, abs=5e-5)
        assert distance[cell[::-1]] == distance[cell]


def test_distances_are_symmetric_and_close_to_euclidean():
    distance = march_from_seeds(np.ones((31, 31, 31), bool), np.array([[15, 15, 15]]))[0]
    np.testing.assert_array_equal(distance, distance[::-1, ::-1, ::-1])
    np.testing.assert_allclose(distance, distance.transpose(2, 0, 1), rtol=1e-9)
    true = np.sqrt(((np.indices(distance.shape) - 15) ** 2).sum(0))
    assert np.abs(distance - true).max() < 2


def test_batched_seeds_equal_single_ones_and_seeds_outside_reach_nothing():
    active = np.random.default_rng(0).random((20, 20)) < 0.8
    seeds = np.array([[3, 4], [19, 0], [-1, 5], [7, 20], [10, 10]])
    batch = march_from_seeds(active, seeds, 0.1)
    for seed, distance in zip(seeds, batch, strict=True):
        np.testing.assert_array_equal(distance, march_from_seeds(active, seed[None], 0.1)[0])
    assert np.isinf(batch[2:4]).all()
    assert (batch[[0, 1, 4], seeds[[0, 1, 4], 0], seeds[[0, 1, 4], 1]] == 0).all()


def test_a_wall_makes_the_way_longer_and_islands_are_not_reached():
    active = np.ones((7, 7), bool)
    active[:6, 3] = False
    distance = march_from_seeds(active, np.array([[0, 0]]))[0]
    assert distance[0, 6] > 12
    active[6, 3] = False
    assert np.isinf(march_from_seeds(active, np.array([[0, 0]]))[0][:, 3:]).all()


def test_step_scales_the_distance():
    active = np.random.default_rng(1).random((12, 13)) < 0.9
    one, tenth = (march_from_seeds(active, np.array([[5, 5]]), step) for step in (1.0, 0.125))
    np.testing.assert_allclose(one * 0.125, tenth, rtol=1e-12)


def test_a_level_set_between_cells_is_found_by_interpolation():
    line = np.array([[-1.0, -1.0, 3.0, 3.0]])
    np.testing.assert_allclose(march_level_set(line), [[-1.25, -0.25, 0.75, 1.75]])
    np.testing.assert_allclose(march_level_set(-line), [[1.25, 0.25, -0.75, -1.75]])


def test_the_band_only_cuts_off_what_is_farther():
    phi = np.cos(np.indices((24, 24)).sum(0) * 0.3)
    everything, band = march_level_set(phi, step=0.1), march_level_set(phi, step=0.1, band=0.3)
    inside = np.abs(everything) <= 0.3
    np.testing.assert_array_equal(band[inside], everything[inside])
    assert np.isinf(band[~inside]).all()


def test_a_level_set_that_does_not_exist_or_is_walled_off_is_not_reached():
    assert np.isinf(march_level_set(np.ones((5, 5)))).all()
    phi, active = np.ones((5, 5)), np.ones((5, 5), bool)
    phi[0, 0], active[:, 2] = 0, False
    distance = march_level_set(phi, active)
    assert np.isfinite(distance[:, :2]).all()
    assert np.isinf(distance[:, 2:]).all()


def test_marching_only_near_the_surface_equals_marching_everywhere():
    rng = np.random.default_rng(2)
    for axis in range(3):
        occupied = np.zeros((30, 30, 30), bool)
        occupied[tuple(rng.integers(12, 20, (3, 40)))] = True
        first = np.where(occupied.any(axis), occupied.argmax(axis), 30)
        place = np.arange(30).reshape([-1 if a == axis else 1 for a in range(3)])
        phi = np.sign(np.expand_dims(first, axis) - place).astype(float)
        everywhere = march_level_set(phi, step=0.1, band=0.3)
        expected = np.where(np.isfinite(everywhere), everywhere, 0)
        np.testing.assert_array_equal(directional_distance(occupied, (axis,))[..., 0], np.float32(expected))
