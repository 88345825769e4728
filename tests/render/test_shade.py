"""Pictures made from a z-buffer."""

from __future__ import annotations

import numpy as np
import pytest

from carpus.geometry.camera import Camera
from carpus.render import depth_picture, interpolate, part_labels, rasterize, shaded

CAMERA = Camera(100.0, 100.0, 16.0, 12.0)
SQUARE = np.array([[-80.0, -60.0, 500.0], [0.0, -60.0, 500.0], [0.0, 60.0, 500.0], [-80.0, 60.0, 500.0]])
FACES = np.array([[0, 1, 2], [0, 2, 3]])


@pytest.fixture
def buffer():
    return rasterize(SQUARE, FACES, CAMERA, (32, 24), barycentric=True)


def test_labels_follow_faces_and_background(buffer):
    labels = part_labels(buffer, np.array([7, 9], np.int8), background=-1)
    assert labels.dtype == np.int8
    assert set(np.unique(labels)) == {-1, 7, 9}
    np.testing.assert_array_equal(labels == 7, buffer.face == 0)


def test_missing_label_is_named(buffer):
    with pytest.raises(ValueError, match="face 1 is seen"):
        part_labels(buffer, np.array([7]))


def test_interpolation_is_linear_on_a_frontal_square(buffer):
    image = interpolate(buffer, FACES, SQUARE[:, :1])[..., 0]
    columns = np.broadcast_to((np.arange(32) - 16.0) / 100 * 500, (24, 32))
    np.testing.assert_allclose(image[buffer.seen], columns[buffer.seen], atol=1e-3)


def test_interpolation_needs_weights():
    plain = rasterize(SQUARE, FACES, CAMERA, (32, 24))
    with pytest.raises(ValueError, match="barycentric=True"):
        interpolate(plain, FACES, SQUARE)


def test_frontal_square_is_evenly_lit(buffer):
    image = shaded(buffer, SQUARE, FACES, colour=(200, 100, 50), light=(0, 0, -1))
    assert (image[buffer.seen] == (200, 100, 50)).all()
    assert (image[~buffer.seen] == 255).all()


def test_near_is_dark_and_nothing_counts_as_far():
    picture = depth_picture(np.array([[300.0, 350.0, 400.0, 0.0]]), 300, 400)
    assert picture[0, 0].tolist() == [0, 0, 0]
    assert picture[0, 2].tolist() == picture[0, 3].tolist() == [255, 240, 204]
    with pytest.raises(ValueError, match="400"):
        depth_picture(np.zeros((1, 1)), 400, 400)
