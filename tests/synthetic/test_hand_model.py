"""The articulated hand: rig, shape, poses, joints."""

from __future__ import annotations

import numpy as np
import pytest

from carpus.errors import ConfigError, DataError
from carpus.skeletons import HANDS17, ICVL, ITOP, MSRA, NYU
from carpus.synthetic.glb import read_glb
from carpus.synthetic.hand import sample_frame, sample_pose, sample_subject
from carpus.synthetic.joints import hand_joints
from carpus.synthetic.poses import (
    GESTURES,
    LIMITS_DEG,
    MSRA_GESTURES,
    clearance,
    free_pose,
    gesture,
    jittered,
    limited,
)
from carpus.synthetic.rig import generic_hand
from carpus.synthetic.skinning import posed, sample_shape, shaped
from carpus.synthetic.tree import generator
from carpus.synthetic.views import HANDS17_VIEW, ICVL_VIEW, MSRA_VIEW, NYU_VIEW

VIEWS = [(MSRA, MSRA_VIEW), (ICVL, ICVL_VIEW), (NYU, NYU_VIEW), (HANDS17, HANDS17_VIEW)]


def rest(rig):
    angles = np.zeros((5, 4, 3))
    angles[..., 0] = rig.rest_flexion
    return angles


def test_generic_hand_is_a_right_hand_of_human_size():
    rig = generic_hand()
    np.testing.assert_allclose(rig.weights.sum(1), 1)
    assert 180 < np.linalg.norm(rig.tips[2]) < 195
    assert rig.tips[0, 0] > 50  # the thumb lies on the +x side
    assert (rig.tips[1:, 1] > 120).all()
    assert np.diff(rig.tips[1:, 0]).max() < 0  # index to little towards -x


def test_rest_angles_reproduce_the_rest_mesh():
    rig = generic_hand()
    hand = posed(rig, rest(rig))
    np.testing.assert_allclose(hand.vertices, rig.vertices, atol=1e-9)
    np.testing.assert_allclose(hand.chain[:, 4], rig.tips, atol=1e-9)


def test_posing_keeps_bone_lengths():
    rig, rng = generic_hand(), np.random.default_rng(0)
    still = np.linalg.norm(np.diff(posed(rig, rest(rig)).chain, axis=1), axis=-1)
    for _ in range(20):
        lengths = np.linalg.norm(np.diff(posed(rig, free_pose(rng)).chain, axis=1), axis=-1)
        np.testing.assert_allclose(lengths, still, atol=1e-9)


def test_flexion_moves_fingertips_out_of_the_palm_and_back_to_the_wrist():
    rig = generic_hand()
    straight = posed(rig, np.zeros((5, 4, 3))).chain[1:, 4]
    half, full = np.zeros((5, 4, 3)), np.zeros((5, 4, 3))
    half[1:, 1, 0] = 60
    full[1:, 1:, 0] = (80, 95, 60)
    assert (posed(rig, half).chain[1:, 4, 2] > straight[:, 2] + 40).all()
    assert (posed(rig, full).chain[1:, 4, 1] < 0.6 * straight[:, 1]).all()


def test_abduction_is_positive_to_the_thumbs_side():
    rig, turned = generic_hand(), np.zeros((5, 4, 3))
    turned[1:, 1, 1] = 15
    straight = posed(rig, np.zeros((5, 4, 3))).chain[1:, 4, 0]
    assert (posed(rig, turned).chain[1:, 4, 0] > straight + 10).all()


@pytest.mark.parametrize("name", GESTURES)
def test_named_poses_respect_the_limits_and_do_not_collide(name):
    angles = gesture(name)
    np.testing.assert_array_equal(angles, limited(angles))
    assert clearance(posed(generic_hand(), angles)) > 0.6


def test_gestures_of_msra_exist_and_unknown_ones_are_named():
    assert len(MSRA_GESTURES) == 17
    assert set(MSRA_GESTURES) <= set(GESTURES)
    with pytest.raises(ConfigError, match="did you mean 'fist'"):
        gesture("fits")


def test_random_poses_stay_within_anatomical_limits():
    rng = np.random.default_rng(1)
    poses = [free_pose(rng) for _ in range(200)] + [jittered(gesture("fist"), rng, 2.0) for _ in range(100)]
    poses = np.stack(poses)
    assert (poses >= LIMITS_DEG[..., 0]).all()
    assert (poses <= LIMITS_DEG[..., 1]).all()
    assert np.ptp(poses[:200, 1:, 2, 0]) > 90  # free poses use the range


def test_limits_are_those_of_a_hand():
    assert LIMITS_DEG[1:, 1, 0].tolist() == [[-15, 90]] * 4
    assert LIMITS_DEG[1:, 1, 1].tolist() == [[-20, 20]] * 4
    assert LIMITS_DEG[1:, 2, 0].tolist() == [[0, 105]] * 4
    assert LIMITS_DEG[1:, 3, 0].tolist() == [[0, 80]] * 4


def test_sampled_poses_seldom_collide():
    rng, rig = np.random.default_rng(2), generic_hand()
    rooms = [clearance(sample_pose(rig, rng, name)[1]) for name in (*GESTURES, *[None] * 40)]
    assert min(rooms) > 0.4
    assert np.mean(np.array(rooms) >= 0.6) > 0.9


def test_subjects_have_hands_of_160_to_200_mm_that_differ():
    rng = np.random.default_rng(3)
    hands = [sample_subject(rng) for _ in range(30)]
    reach = np.array([np.linalg.norm(hand.tips[2]) for hand in hands])
    thumb = np.array([np.linalg.norm(hand.tips[0] - hand.heads[0, 0]) for hand in hands]) / reach
    assert reach.min() >= 160
    assert reach.max() <= 200
    assert np.ptp(reach) > 25
    assert np.ptp(thumb) > 0.02


def test_shape_factors_of_one_change_nothing():
    rig = generic_hand()
    shape = sample_shape(np.random.default_rng(0))
    same = type(shape)(None, np.ones(3), np.ones((5, 4)), np.ones(5))
    np.testing.assert_allclose(shaped(rig, same).vertices, rig.vertices, atol=1e-9)
    np.testing.assert_allclose(shaped(rig, same).tips, rig.tips, atol=1e-9)


def test_joints_of_the_same_name_are_the_same_point():
    rig = generic_hand()
    hand = posed(rig, gesture("9"))
    msra, hands17 = hand_joints(hand, MSRA), hand_joints(hand, HANDS17)
    np.testing.assert_array_equal(msra[MSRA.permutation(to=HANDS17)], hands17)
    for skeleton in (ICVL, NYU):
        for finger in ("thumb", "index", "middle", "ring", "little"):
            tip = hand_joints(hand, skeleton)[skeleton.index(f"{finger}_tip")]
            np.testing.assert_array_equal(tip, msra[MSRA.index(f"{finger}_tip")])
    with pytest.raises(ConfigError, match="unknown hand skeleton 'itop'"):
        hand_joints(hand, ITOP)


@pytest.mark.parametrize(("skeleton", "view"), VIEWS, ids=lambda x: getattr(x, "name", ""))
def test_rendered_hand_lies_in_the_image_just_before_its_joints(skeleton, view):
    gaps = []
    for index in range(15):
        rng = generator(0, "test", index)
        frame = sample_frame(sample_subject(rng), view, rng)
        joints = hand_joints(frame.hand, skeleton)
        columns, rows = np.rint(view.camera.project(joints)).astype(int).T
        assert columns.min() >= 0
        assert columns.max() < view.size_wh[0]
        surface = frame.buffer.depth[rows, columns]
        gaps.append(np.where(surface > 0, joints[:, 2] - surface, np.nan))
    gaps = np.array(gaps)
    assert np.isnan(gaps).mean() < 0.03
    assert np.nanmin(gaps) > -3
    assert 4 < np.nanmedian(gaps) < 16


def test_damaged_glb_is_named(tmp_path):
    path = tmp_path / "hand.glb"
    path.write_bytes(b"glTF" + bytes(40))
    with pytest.raises(DataError, match=r"hand\.glb: not a complete binary glTF"):
        read_glb(path)
