"""The one real depth frame at hand, read as part of a published tree."""

import numpy as np
import pytest

from carpus.data.depth_images import decode_depth
from carpus.data.own_images import find_center, read_own_image
from carpus.data.sources import NYU
from real_nyu import CAMERA, make_nyu_tree


@pytest.fixture(scope="module")
def record(tmp_path_factory):
    return NYU(make_nyu_tree(tmp_path_factory.mktemp("nyu") / "tree"), "test")[0]


def test_the_depth_image_has_the_published_values(record):
    depth = decode_depth(record.images["depth"], str(record.fields["depth_coding"]))
    assert depth.shape == (480, 640)
    assert (depth.min(), depth.max(), (depth == 2001).sum()) == (731, 2001, 187127)
    assert depth.sum(dtype=np.float64) == 504324356
    assert (depth[240, 320], depth[268, 210], (depth < 900).sum()) == (1020, 752, 23221)


def test_labels_lie_behind_the_surface_as_published(record):
    depth = decode_depth(record.images["depth"], str(record.fields["depth_coding"]))
    joints = np.asarray(record.fields["joints_cam_mm"], np.float64)
    u, v = np.rint(CAMERA.project(joints)).astype(int).T
    behind = depth[v, u] - joints[:, 2]
    assert behind.mean() == pytest.approx(-13.0637, abs=2e-3)
    assert behind.min() > -34


def test_the_hand_is_found_in_front_of_the_body(samples, record):
    depth = read_own_image(samples / "nyu" / "dataset" / "test" / "depth_1_0000001.png")
    joints = np.asarray(record.fields["joints_cam_mm"])
    middle = (joints.min(0) + joints.max(0)) / 2
    assert np.linalg.norm(find_center(depth, CAMERA, (300, 1200), 250) - middle) < 30
