"""The synthetic stream: a hand that moves smoothly, which the locator finds, with its true joints."""

import hashlib

import numpy as np
import pytest

from carpus.data.streams import open_stream, read_boxes, read_joints
from carpus.errors import ConfigError, DataError
from carpus.geometry.locator import MotionFilter, locate_hand
from carpus.synthetic.stream import MOTIONS, MovingHand, make_stream
from carpus.synthetic.views import HANDS17_VIEW

FRAMES = 24


@pytest.fixture(scope="module")
def streams(tmp_path_factory):
    root = tmp_path_factory.mktemp("streams")
    return {motion: make_stream(root / motion, FRAMES, seed=2, motion=motion) for motion in MOTIONS}


def digest(root):
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in sorted(root.iterdir())}


def test_it_is_a_stream_with_the_camera_of_hands_2017(streams):
    stream = open_stream(streams["pointing"])
    assert len(stream) == FRAMES
    assert (stream.info.camera, stream.info.size_wh) == (HANDS17_VIEW.camera, (640, 480))
    assert [frame.number for frame in stream] == list(range(FRAMES))
    assert read_joints(streams["pointing"] / "joints.npz").skeleton == "hands17"


@pytest.mark.parametrize("motion", MOTIONS)
def test_the_locator_follows_the_hand_without_losing_it(streams, motion):
    stream, follow = open_stream(streams[motion]), MotionFilter()
    truth = read_joints(streams[motion] / "joints.npz")
    for frame in stream:
        located = follow.follow(locate_hand(frame.depth_mm, stream.info.camera))
        assert located.message == "", frame.name
        joints = truth.get(frame.name)
        assert (np.abs(joints - located.center_mm) < 120).all(), frame.name


@pytest.mark.parametrize("motion", MOTIONS)
def test_the_joints_lie_in_the_hand_and_move_smoothly(streams, motion):
    joints = read_joints(streams[motion] / "joints.npz").values
    for frame in open_stream(streams[motion]):
        pixels = HANDS17_VIEW.camera.project(joints[frame.number]).round().astype(int)
        surface = frame.depth_mm[pixels[:, 1], pixels[:, 0]]
        on_hand = surface > 0
        assert on_hand.mean() > 0.6
        # A joint lies under skin, though another part of the hand may be before it.
        assert (joints[frame.number][on_hand, 2] > surface[on_hand] - 12).all()
    step = np.linalg.norm(np.diff(joints, axis=0), axis=-1)
    assert step.max() < 15
    assert np.abs(np.diff(joints, n=2, axis=0)).max() < 4
    assert np.linalg.norm(joints[-1] - joints[0], axis=-1).max() > 10


def test_pointing_has_the_forearm_behind_the_hand(streams):
    joints = read_joints(streams["pointing"] / "joints.npz").values
    # Wrist behind every knuckle.
    assert (joints[:, :1, 2] > joints[:, 2:6, 2] + 30).all()


def test_boxes_hold_the_joints(streams):
    boxes = read_boxes(streams["pointing"] / "BoundingBox.txt")
    joints = read_joints(streams["pointing"] / "joints.npz")
    for name in joints.rows:
        left, top, width, height = boxes.get(name)
        pixels = HANDS17_VIEW.camera.project(joints.get(name))
        assert (pixels >= (left, top)).all()
        assert (pixels <= (left + width, top + height)).all()


def test_the_same_seed_gives_the_same_bytes_and_a_longer_stream_begins_alike(streams, tmp_path):
    one = digest(make_stream(tmp_path / "one", 4, seed=2))
    assert digest(make_stream(tmp_path / "two", 4, seed=2)) == one
    assert (
        digest(make_stream(tmp_path / "other", 4, seed=3))["image_D00000003.png"]
        != one["image_D00000003.png"]
    )
    assert digest(streams["pointing"])["image_D00000003.png"] == one["image_D00000003.png"]
    assert make_stream(tmp_path / "one", 4, seed=2) == tmp_path / "one"
    with pytest.raises(DataError, match="exists and is not empty"):
        make_stream(tmp_path / "one", 5, seed=2)


def test_without_noise_the_depth_is_the_rendered_surface(tmp_path):
    clean = make_stream(tmp_path / "clean", 1, seed=5, noise=False)
    depth = next(iter(open_stream(clean))).depth_mm
    _, vertices, _ = MovingHand(5, MOTIONS["pointing"]).at(0.0)
    assert depth[depth > 0].min() == pytest.approx(vertices[:, 2].min(), abs=1.5)


def test_what_cannot_be_made_is_said(tmp_path):
    with pytest.raises(ConfigError, match="did you mean 'frontal'"):
        make_stream(tmp_path / "x", motion="front")
    with pytest.raises(DataError, match="frames=0"):
        make_stream(tmp_path / "x", frames=0)
    assert not (tmp_path / "x").exists()
