"""The mean-pose predictor."""

import math

import numpy as np
import pytest
import torch

from carpus.metrics.baseline import (
    BlindHands,
    BlindHandScores,
    mean_box_pose,
    mean_hands_mm,
    mean_pose_error_mm,
    mean_pose_mm,
    most_frequent_hands,
)
from carpus.metrics.protocols.interhand import InterHandProtocol
from carpus.skeletons import INTERHAND
from carpus.types import Batch

RIGHT, LEFT = INTERHAND.roots


def test_a_rigid_pose_that_follows_its_centre_has_no_error():
    rng = np.random.default_rng(0)
    pose, centers = rng.normal(0, 50, (21, 3)), rng.normal(0, 100, (40, 3))
    joints = centers[:, None] + pose
    mean = mean_pose_mm(joints[:30], centers[:30])
    np.testing.assert_allclose(mean, pose)
    assert mean_pose_error_mm(mean, joints[30:], centers[30:]) == pytest.approx(0, abs=1e-9)


def test_masked_joints_count_neither_in_the_pose_nor_in_the_error():
    joints, centers = np.zeros((2, 2, 3)), np.zeros((2, 3))
    joints[1] = 1000.0
    valid = np.array([[True, True], [False, False]])
    mean = mean_pose_mm(joints, centers, valid)
    np.testing.assert_array_equal(mean, np.zeros((2, 3)))
    assert mean_pose_error_mm(mean, joints, centers, valid) == 0.0


def test_a_joint_never_seen_in_training_is_left_out():
    joints, centers = np.ones((1, 2, 3)), np.zeros((1, 3))
    mean = mean_pose_mm(joints, centers, np.array([[True, False]]))
    assert np.isnan(mean[1]).all()
    assert mean_pose_error_mm(mean, joints, centers) == 0.0
    assert np.isnan(mean_pose_error_mm(mean, joints, centers, np.zeros((1, 2), dtype=bool)))


def test_mean_hands_are_relative_to_their_own_wrists():
    joints, valid = np.full((2, 42, 3), np.nan), np.zeros((2, 42), bool)
    joints[:, RIGHT], valid[:, RIGHT] = [[0, 0, 900], [50, 0, 700]], True
    joints[:, 0], valid[:, 0] = [[10, 0, 900], [80, 0, 700]], True  # 10 and 30 to the right
    joints[0, 1], valid[0, 1] = [0, 8, 900], True
    joints[0, 21], valid[0, 21] = [0, 0, 0], True  # a left hand without a wrist
    mean = mean_hands_mm(joints, valid, INTERHAND)
    np.testing.assert_allclose(mean[[0, 1, RIGHT]], [[20, 0, 0], [0, 8, 0], [0, 0, 0]])
    assert np.isnan(mean[21:]).all()
    assert np.isnan(mean[2]).all()


def test_mean_box_pose_averages_shares_of_boxes_of_any_size():
    pixels = np.array([[[15.0, 20.0]], [[130.0, 60.0]], [[np.nan, np.nan]]])
    boxes = np.array([[10.0, 20.0, 20.0, 20.0], [100.0, 20.0, 40.0, 40.0], [0, 0, 1, 1]])
    pose = mean_box_pose(pixels, boxes, np.array([[True], [True], [False]]))
    np.testing.assert_allclose(pose, [[(0.25 + 0.75) / 2, (0.0 + 1.0) / 2]])


def test_most_frequent_hands_counts_only_known_types():
    types = np.array([[1, 0], [0, 1], [0, 1], [1, 1], [1, 1], [1, 1]])
    assert most_frequent_hands(types, np.array([1, 1, 1, 1, 0, 0], bool)).tolist() == [False, True]
    assert most_frequent_hands(types, np.ones(6, bool)).tolist() == [True, True]
    assert most_frequent_hands(types[:2], np.ones(2, bool)).tolist() == [True, False]
    assert most_frequent_hands(types, np.zeros(6, bool)) is None


def _blind(shift_mm=0.0, hand_type=(True, False)):
    """Wrists at the middle of the left and right half of the box; other joints lie ``shift_mm`` beside."""
    hands = np.zeros((42, 3))
    hands[:, 0] = shift_mm
    hands[[RIGHT, LEFT]] = 0.0
    box = np.full((42, 2), 0.5)
    box[:21, 0], box[21:, 0] = 0.25, 0.75
    return BlindHands(INTERHAND, hands, box, None if hand_type is None else np.array(hand_type))


def _batch(hand_type=((1, 1),), **more):
    """Both wrists on the rays the blind predictor expects, all joints at the wrists."""
    present = torch.tensor(hand_type)
    count = len(present)
    camera = torch.tensor([[100.0, 100.0, 50.0, 50.0]]).repeat(count, 1)
    box = torch.tensor([[0.0, 0.0, 100.0, 100.0]]).repeat(count, 1)
    joints = torch.zeros(count, 42, 3)
    joints[:, :21] = torch.tensor([-250.0, 0.0, 1000.0])
    joints[:, 21:] = torch.tensor([125.0, 0.0, 500.0])
    depth = torch.tensor([[1000.0, 500.0]]).repeat(count, 1)
    known = {"joints_cam_mm": joints, "joint_valid": present.bool().repeat_interleave(21, 1)}
    known |= {"hand_type": present, "root_depth_mm": depth, "camera": camera, "crop_xywh_px": box}
    return Batch([f"k{i}" for i in range(count)], known | more)


def test_blind_hands_stand_behind_their_mean_pixel_at_the_given_depth():
    answers = _blind(shift_mm=5.0)(_batch())
    np.testing.assert_allclose(answers.joints_px[0, [0, 21]], [[25.0, 50.0], [75.0, 50.0]])
    np.testing.assert_allclose(answers.joints_cam_mm[0, [RIGHT, LEFT]], [[-250, 0, 1000], [125, 0, 500]])
    np.testing.assert_allclose(answers.joints_cam_mm[0, [0, 21]], [[-245, 0, 1000], [130, 0, 500]])
    assert answers.hand_type_prob.tolist() == [[1.0, 0.0]]
    batch = _batch()
    flat = Batch(batch.keys_, {n: v for n, v in batch.items() if n not in ("camera", "root_depth_mm")})
    assert _blind(hand_type=None)(flat).offered() == {"joints_px"}


def test_blind_scores_are_those_of_the_protocol():
    batch = _batch(((1, 1), (1, 0), (0, 1)), hand_type_valid=torch.tensor([1, 1, 0]))
    batch["joints_cam_mm"][1, 21:] = torch.nan
    answers = _blind(shift_mm=4.2)(batch)
    scores, protocol = BlindHandScores(INTERHAND), InterHandProtocol()
    for one in (scores, protocol):
        one.update(answers, batch)
    values, theirs = scores.compute(), protocol.compute()
    assert values["mean_pose_error_mm"] == pytest.approx(4.2 * 40 / 42)  # the wrists' zeros count
    assert values["mean_pose_error_mm"] == pytest.approx(theirs["mpjpe_all"], abs=1e-9)
    assert values["mean_pose_error_px"] == pytest.approx(0.0, abs=1e-9)
    assert values["constant_hand_type_acc"] == theirs["handness_acc"] == 0.5  # of the two that are known
    assert theirs["mrrpe"] == pytest.approx(0.0, abs=1e-4)


def test_pixels_are_scored_where_labels_have_no_depth():
    batch = _batch()
    pixels = torch.full((1, 42, 2), 50.0)
    pixels[0, 21:] += 25.0
    pixels[0, 4] = torch.nan
    valid = batch["joint_valid"].clone()
    valid[0, 4] = False
    known = {"joints_px": pixels, "joint_valid": valid, "hand_type": batch["hand_type"]}
    batch = Batch(["a"], known | {"crop_xywh_px": batch["crop_xywh_px"]})
    scores = BlindHandScores(INTERHAND)
    scores.update(_blind()(batch), batch)
    values = scores.compute()
    # The right hand is 25 px off, the left one 25 px below: the mean over the 41 joints that count.
    assert values["mean_pose_error_px"] == pytest.approx(25.0)
    assert math.isnan(values["mean_pose_error_mm"])
    assert values["constant_hand_type_acc"] == 0.0


@pytest.mark.filterwarnings("error")
def test_nothing_scored_is_nan():
    assert all(math.isnan(value) for value in BlindHandScores(INTERHAND).compute().values())


def test_joints_never_seen_in_training_have_no_answer():
    hands = _blind()
    hands.hands_mm[7], hands.box_pose[30] = np.nan, np.nan
    assert np.flatnonzero(~hands.known).tolist() == [7, 30]
    assert np.flatnonzero(~BlindHands(INTERHAND, None, hands.box_pose).known).tolist() == [30]
