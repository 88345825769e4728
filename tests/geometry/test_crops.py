"""Boxes, squares and affine maps of crops."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from carpus.geometry.crops import apply_affine, crop_map, mirror, shifted_box, square_box, warp, warp_labels
from golden_cases import golden_paths


@pytest.mark.parametrize("path", golden_paths("digit", "affine"))
def test_boxes_and_maps_equal_the_published_ones(path):
    data = np.load(path)
    for row, box in enumerate(data["bbox"]):
        square = square_box(box)
        np.testing.assert_allclose(square, data["bbox_processed"][row], atol=1e-3)
        width = int(data["img_hw"][row][1]) if data["flip"][row] else None
        found = crop_map(square, 256, float(data["scale"][row]), float(data["rot"][row]), width)
        np.testing.assert_allclose(found.image_to_crop, data["trans"][row], atol=1e-3)
        np.testing.assert_allclose(found.crop_to_image, data["inv_trans"][row], atol=1e-3)
        points = apply_affine(found.image_to_crop, data["pts"][row])
        np.testing.assert_allclose(points, data["pts_out"][row], atol=1e-3)


def some_boxes(count=20, seed=0):
    rng = np.random.default_rng(seed)
    sides = rng.uniform(40, 300, (count, 2))
    return np.concatenate([rng.uniform(-50, 300, (count, 2)), sides], 1).astype(np.float32)


def test_squares_hold_their_box_and_keep_its_centre():
    boxes = some_boxes()
    squares = square_box(boxes, 1.0)
    np.testing.assert_allclose(squares[:, 2], boxes[:, 2:].max(1), rtol=1e-6)
    np.testing.assert_allclose(squares[:, 2], squares[:, 3])
    np.testing.assert_allclose(
        squares[:, :2] + squares[:, 2:] / 2, boxes[:, :2] + boxes[:, 2:] / 2, atol=1e-3
    )
    np.testing.assert_allclose(square_box(boxes, 2.0)[:, 2], 2 * squares[:, 2], rtol=1e-6)


def test_a_box_without_extent_becomes_a_small_square():
    assert square_box(np.array([5.0, 6.0, 0.0, 0.0]), 1.0).tolist() == [4.5, 5.5, 1.0, 1.0]


def test_both_directions_undo_each_other():
    points = np.random.default_rng(1).uniform(0, 512, (50, 2))
    for turn, box in enumerate(some_boxes()):
        there, back = crop_map(box, 256, 0.9, 17.0 * turn)
        np.testing.assert_allclose(apply_affine(back, apply_affine(there, points)), points, atol=1e-2)


def test_the_box_fills_the_crop():
    found = crop_map(np.array([10.0, 20.0, 100.0, 100.0]), 256).image_to_crop
    corners = np.array([[10.0, 20.0], [110.0, 120.0]])
    np.testing.assert_allclose(apply_affine(found, corners), [[0, 0], [256, 256]], atol=1e-4)


def test_a_mirrored_crop_shows_the_mirrored_image():
    image = np.random.default_rng(2).integers(0, 255, (90, 120, 3), dtype=np.uint8)
    box = np.array([20.0, 10.0, 60.0, 60.0])
    found = crop_map(box, 64, 1.1, 25.0, mirrored_width=120).image_to_crop
    crop = warp(cv2.flip(image, 1), found, 64)
    direct = warp(image, mirror(found, 120), 64)
    assert np.abs(crop.astype(int) - direct).mean() < 1
    centre = np.array([[50.0, 40.0]])
    np.testing.assert_allclose(apply_affine(mirror(found, 120), centre), [[32, 32]], atol=1e-3)
    np.testing.assert_allclose(mirror(mirror(found, 120), 120), found, atol=1e-4)


def test_every_second_label_is_what_the_whole_mask_has_there():
    rng = np.random.default_rng(3)
    labels = rng.integers(0, 33, (512, 334), dtype=np.uint8)
    for turn, box in enumerate(some_boxes()):
        found = crop_map(box, 256, 0.8, 13.0 * turn).image_to_crop
        whole = cv2.warpAffine(labels, found, (256, 256), flags=cv2.INTER_NEAREST)
        assert np.array_equal(warp_labels(labels, found, 256), whole)
        assert np.array_equal(warp_labels(labels, found, 256, 2), whole[::2, ::2])


def test_a_shifted_box_is_a_copy():
    box = np.array([1.0, 2.0, 10.0, 20.0])
    assert shifted_box(box, np.array([0.5, -0.25])).tolist() == [6.0, -3.0, 10.0, 20.0]
    assert box.tolist() == [1.0, 2.0, 10.0, 20.0]


@pytest.mark.parametrize("box", [[0, 0, 0, 5], [0, 0, -3, 5], [np.nan, 0, 5, 5]])
def test_a_crop_of_nothing_is_refused(box):
    with pytest.raises(ValueError, match="some extent"):
        crop_map(np.array(box, np.float32), 256)
