"""The program's own sources read what the synthetic writers wrote."""

from __future__ import annotations

import numpy as np
import pytest

from carpus.data.depth_images import decode_depth
from carpus.data.sources import HANDS17, ICVL, ITOP, MSRA, NYU
from carpus.geometry.camera import Camera

HANDS = [
    ("msra", lambda root: MSRA(root / "db", "all"), 153),
    ("msra", lambda root: MSRA(root / "db", "test", test_subject=3), 17),
    ("icvl", lambda root: ICVL(root, "train"), 11),
    ("icvl", lambda root: ICVL(root, "test"), 3),
    ("nyu", lambda root: NYU(root, "train"), 6),
    ("nyu", lambda root: NYU(root, "test"), 1),
    ("hands17", lambda root: HANDS17(root, "train"), 8),
]


def gaps(record):
    depth = decode_depth(record.images["depth"], record.fields["depth_coding"])
    joints = record.fields["joints_cam_mm"]
    pixels = np.rint(Camera.from_array(record.fields["camera"]).project(joints)).astype(int)
    columns, rows = np.clip(pixels, 0, np.array(depth.shape[::-1]) - 1).T
    return joints[:, 2] - np.where(depth[rows, columns] > 0, depth[rows, columns], np.nan)


@pytest.mark.parametrize(("dataset", "open_source", "count"), HANDS)
def test_hand_records_have_joints_just_below_the_surface(trees, dataset, open_source, count):
    source = open_source(trees[dataset])
    assert len(source) == count
    values = np.concatenate([gaps(source[index]) for index in range(min(count, 40))])
    assert 3 < np.nanmedian(values) < 17
    assert (np.abs(values) < 40).mean() > 0.7


def test_hands17_test_frames_have_no_labels(trees):
    source = HANDS17(trees["hands17"], "test")
    assert len(source) == 2
    assert "joints_cam_mm" not in source[0].fields


@pytest.mark.parametrize("view", ["side", "top"])
def test_itop_records_have_joints_inside_the_body(trees, view):
    source = ITOP(trees["itop"], "train", view)
    assert 0 < source.lines - len(source) < 12
    values = np.stack([gaps(source[index]) for index in range(len(source))])
    assert 40 < np.nanmedian(values[:, source.skeleton.index("head")]) < 160
