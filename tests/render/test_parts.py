"""Part masks: golden ones, and what every mask must be."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from carpus.bodies.hand_parts import (
    PALM,
    PART_NAMES,
    HandParts,
    parts_from_weights,
    read_hand_parts,
    seal_vertices,
)
from carpus.bodies.standin import standin_model
from carpus.bodies.topology import WRIST_RING
from carpus.codecs.part_labels import CLASSES, PARTS_PER_HAND
from carpus.geometry.camera import Camera
from carpus.render.parts import both_hands, fit_error_mm, label_name, part_mask
from golden_cases import HERE, golden_folder, golden_paths

CAMERA = Camera(1260.0, 1262.0, 166.3, 255.7)
SIZE = (334, 512)
FACING = np.array([[0.0, 0, 1], [1, 0, 0], [0, 1, 0]])  # fingers up or down, palm towards the camera


@pytest.fixture(scope="module")
def parts() -> HandParts:
    return parts_from_weights(standin_model("mano", "right"))


def hand_mm(side, center=(0.0, 0.0, 900.0), turn=FACING):
    vertices = 1000 * standin_model("mano", side).arrays["v_template"]
    return (vertices - vertices.mean(0)) @ turn.T + center


@pytest.mark.parametrize("path", golden_paths("digit", "raster"))
def test_masks_are_the_published_ones(path):
    folders = (golden_folder("digit"), HERE / "golden" / "digit")
    labels = next(file for file in (folder / "part_labels.npz" for folder in folders) if file.is_file())
    case, published = np.load(path), read_hand_parts(labels)
    hands = [1000.0 * case[key] if key in case else None for key in ("vertices_right", "vertices_left")]
    height, width = case["hw"]
    made = part_mask(*hands, published, Camera(*case["focal"], *case["princpt"]), (int(width), int(height)))
    assert made.labels.dtype == np.uint8
    assert (made.labels == case["labels"]).mean() >= 0.998
    depth = made.buffer.depth[::4, ::4] / 1000
    same = (made.labels == case["labels"])[::4, ::4]
    np.testing.assert_allclose(depth[same], case["depth_stride4"][same], atol=1e-4)
    if "face_index" in case:
        assert (made.buffer.face == case["face_index"]).mean() >= 0.998
    unsealed = [None if hand is None else hand[:778] for hand in hands]
    again = part_mask(
        *unsealed, published, Camera(*case["focal"], *case["princpt"]), (int(width), int(height))
    )
    assert (again.labels == made.labels).mean() >= 0.998


def test_each_hand_has_its_own_labels(parts):
    right = part_mask(hand_mm("right"), None, parts, CAMERA, SIZE)
    left = part_mask(None, hand_mm("left"), parts, CAMERA, SIZE)
    assert set(np.unique(right.labels)) == set(range(17))
    assert set(np.unique(left.labels)) == {0, *range(17, 33)}
    assert (left.buffer.face[left.buffer.seen] >= 1554).all()
    assert right.pixels("right") == (right.labels > 0).sum() > 5000
    assert right.pixels("left") == left.pixels("right") == 0
    mirrored = Camera(CAMERA.fx, CAMERA.fy, SIZE[0] - CAMERA.cx, CAMERA.cy)
    flipped = part_mask(None, hand_mm("right") * [-1, 1, 1], parts, mirrored, SIZE).labels[:, ::-1]
    assert (flipped == np.where(right.labels > 0, right.labels + 16, 0)).mean() > 0.999


def test_the_nearer_hand_wins(parts):
    for near, far, first in (("right", "left", 1), ("left", "right", 17)):
        hands = {near: hand_mm(near, (5, 0, 800)), far: hand_mm(far, (0, 0, 900))}
        alone = part_mask(*(hands[s] if s == near else None for s in ("right", "left")), parts, CAMERA, SIZE)
        both = part_mask(hands["right"], hands["left"], parts, CAMERA, SIZE)
        covered = alone.labels > 0
        np.testing.assert_array_equal(both.labels[covered], alone.labels[covered])
        assert set(np.unique(alone.labels[covered])) <= set(range(first, first + 16))
        assert both.pixels(far) > 0


def test_the_right_hand_wins_at_equal_depth(parts):
    same = hand_mm("right")
    made = part_mask(same, same, parts, CAMERA, SIZE)
    assert made.pixels("right") > 0
    assert made.pixels("left") == 0


@pytest.mark.parametrize("side", ["right", "left"])
def test_no_background_shows_through_the_wrist(parts, side):
    sign = -1.0 if side == "right" else 1.0
    to_wrist = np.array([[0.0, 0, 1], [0, -1, 0], [sign, 0, 0]])  # the camera looks into the cut
    vertices = hand_mm(side, (0, 0, 400), to_wrist)
    hands = (vertices, None) if side == "right" else (None, vertices)
    made = part_mask(*hands, parts, CAMERA, SIZE)
    ring = CAMERA.project(vertices[list(WRIST_RING)]) - 0.5
    cut = np.zeros(SIZE[::-1], np.uint8)
    cv2.fillPoly(cut, [np.round(ring).astype(np.int32)], 1)
    cut = cv2.erode(cut, np.ones((3, 3), np.uint8)).astype(bool)
    assert cut.sum() > 2000
    assert set(np.unique(made.labels[cut])) == {PALM + 1 + (16 if side == "left" else 0)}
    fan = made.buffer.face[cut] - (1554 if side == "left" else 0)
    assert (fan >= 1538).all()


def test_masks_hold_nothing_beyond_their_labels(parts):
    rng = np.random.default_rng(0)
    for _ in range(8):
        turn = np.linalg.qr(rng.normal(size=(3, 3)))[0]
        hands = [
            hand_mm(side, rng.uniform((-120, -150, 500), (120, 150, 900)), turn) for side in ("right", "left")
        ]
        made = part_mask(*hands, parts, CAMERA, SIZE)
        assert made.labels.max() < CLASSES
        np.testing.assert_array_equal(made.labels > 0, made.buffer.seen)


def test_surfaces_nearer_than_ten_centimetres_are_not_drawn(parts):
    flat = hand_mm("right", (0, 0, 95))
    assert flat[:, 2].max() < 140
    made = part_mask(flat, None, parts, CAMERA, SIZE)
    assert made.buffer.depth[made.buffer.seen].min() > 100
    assert not part_mask(hand_mm("right", (0, 0, -500)), None, parts, CAMERA, SIZE).labels.any()


def test_both_hands_face_outwards(parts):
    faces, labels = both_hands(parts)
    vertices = np.concatenate([seal_vertices(hand_mm(side)) for side in ("right", "left")])
    assert labels.min() == 1
    assert labels.max() == 32
    for half in (faces[:1554], faces[1554:]):
        corners = vertices[half] - vertices[half].mean((0, 1))
        assert np.einsum("fc,fc->f", np.cross(corners[:, 0], corners[:, 1]), corners[:, 2]).sum() > 0


def test_fit_error_counts_valid_joints_only():
    rng = np.random.default_rng(0)
    truth, fit = rng.normal(0, 50, (2, 21, 3))
    valid = (rng.random(21) > 0.4).astype(float)
    expected = np.mean([np.sqrt(((fit[j] - truth[j]) ** 2).sum()) for j in range(21) if valid[j]])
    assert fit_error_mm(fit, truth, valid) == pytest.approx(expected)
    assert fit_error_mm(fit, truth, valid[:, None]) == pytest.approx(expected)
    assert fit_error_mm(fit, truth, np.zeros(21)) is None


def test_wrong_arguments_are_named(parts):
    with pytest.raises(ValueError, match="no hand"):
        part_mask(None, None, parts, CAMERA, SIZE)
    with pytest.raises(ValueError, match=r"left hand has shape \(6890, 3\)"):
        part_mask(None, np.zeros((6890, 3)), parts, CAMERA, SIZE)
    with pytest.raises(ValueError, match="right hand has vertices that are not finite"):
        part_mask(np.full((778, 3), np.nan), None, parts, CAMERA, SIZE)
    with pytest.raises(ValueError, match="33"):
        label_name(33)
    assert [label_name(value) for value in (16, 32)] == ["right ring_mid", "left ring_mid"]


def test_every_label_has_a_name_of_its_own():
    assert len(PART_NAMES) == PARTS_PER_HAND
    assert len({label_name(value) for value in range(CLASSES)}) == CLASSES
