"""The person factory: the same bodies as the layers, poses people take, fits of other models, who is seen."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from carpus.bodies.library import BodyModels
from carpus.bodies.standin_smpl import smplx_body
from carpus.skeletons import SMPLX_144
from carpus.synthetic.people.figure import place
from carpus.synthetic.people.group import Cast, sample_group, sample_view
from carpus.synthetic.people.looks import sample_person
from carpus.synthetic.people.portrait import portrayed
from carpus.synthetic.people.pose import ACTIVITIES, sample_pose
from carpus.synthetic.people.published import mano_fit, smpl_fit, smplx_fit
from carpus.synthetic.people.shot import PART_JOINTS
from carpus.synthetic.people.stage import photograph, sample_stage

PEOPLE = 40
MODELS = BodyModels("there is none", standin=True)
JOINT = {name: place for place, name in enumerate(SMPLX_144.joints)}


@lru_cache(maxsize=1)
def figures():
    made = []
    for number in range(PEOPLE):
        rng = np.random.default_rng([7, number])
        pose = sample_pose(rng)
        at = np.array([300.0 * number, 0.0, 100.0])
        made.append((pose, place(sample_person(rng), pose, rng.uniform(-180, 180), at)))
    return made


@lru_cache(maxsize=1)
def shot():
    """Two people before a camera."""
    rng = np.random.default_rng(11)
    people = Cast(3, "test").some(range(6), 2, rng)
    group = sample_group(people, rng, activities=("stand", "talk"), turn_deg=20)
    view = sample_view(group, (480, 400), rng, share=(0.8, 0.9))
    return photograph(group, view, sample_stage(rng, "room"), rng)


def row(values):
    return torch.tensor(np.asarray(values, np.float32).reshape(1, -1))


def test_bodies_are_those_of_the_layer():
    layer = MODELS.smplx()
    for _, figure in figures()[:4]:
        fit = figure.fit
        made = layer(row(fit.turns), row(fit.shape), row(fit.expression), row(fit.trans_m))
        np.testing.assert_allclose(made.vertices_m[0].numpy(), fit.body().vertices_m, atol=2e-5)
        np.testing.assert_allclose(made.joints_m[0].numpy(), fit.joints_m(), atol=2e-5)


def test_a_fit_in_the_cameras_frame_is_the_same_body():
    for number, (_, figure) in enumerate(figures()[:4]):
        turn = Rotation.random(random_state=number).as_matrix()
        at = np.array([0.3, -1.0, -4.0 - number])
        body = figure.fit.seen_from(turn, at).body().vertices_m
        np.testing.assert_allclose(body, (figure.fit.body().vertices_m - at) @ turn.T, atol=5e-6)


def test_people_stand_on_the_floor_upright_in_every_activity():
    assert {pose.activity for pose, _ in figures()} == set(ACTIVITIES)
    for pose, figure in figures():
        joints = figure.fit.joints_m()
        assert abs(figure.fit.body().vertices_m[:, 1].max()) < 1e-5
        assert joints[JOINT["head_joint"], 1] < joints[JOINT["pelvis"], 1] - 0.25
        assert figure.seated == (pose.activity == "sit")
        feet = joints[[JOINT[f"{side}_heel"] for side in ("left", "right")], 1]
        assert feet.max() > -0.12


def test_knees_elbows_and_fingers_bend_as_they_can():
    angles = {"knee": [], "elbow": [], "fist": []}
    for _, figure in figures():
        joints = figure.fit.joints_m()
        for side in ("left", "right"):
            hip, knee, ankle, toe = (
                joints[JOINT[f"{side}_{name}"]] for name in ("hip", "knee", "ankle", "big_toe")
            )
            shoulder, elbow, wrist = (
                joints[JOINT[f"{side}_{name}"]] for name in ("shoulder", "elbow", "wrist")
            )
            angles["knee"].append(bend(hip, knee, ankle))
            angles["elbow"].append(bend(shoulder, elbow, wrist))
            # A knee points the way of its toes.
            straight = np.cross(ankle - hip, np.cross(toe - ankle, ankle - hip))
            assert angles["knee"][-1] < 12 or (knee - 0.5 * (hip + ankle)) @ straight > 0
            tips = joints[PART_JOINTS[f"{side}_hand"]][-4:]
            angles["fist"].append(np.linalg.norm(tips - wrist, axis=1).mean())
    for name, most in (("knee", 135), ("elbow", 150)):
        assert np.max(angles[name]) < most
        assert np.ptp(angles[name]) > 60
    assert min(angles["fist"]) < 0.12 < 0.15 < max(angles["fist"])


def bend(one, middle, other):
    a, b = middle - one, other - middle
    return np.degrees(np.arccos(a @ b / np.linalg.norm(a) / np.linalg.norm(b)))


def test_arms_do_not_run_through_the_trunk():
    """Wrists and finger tips are outside of the trunk's ellipse at their height, in the chest's frame."""
    inside = []
    for _, figure in figures():
        body = figure.fit.body()
        chest, turn = body.joints_m[9], body.turns[9]
        points = figure.fit.joints_m()[[20, 21, *PART_JOINTS["left_hand"], *PART_JOINTS["right_hand"]]]
        local = (points - chest) @ turn
        inside.append((np.hypot(local[:, 0] / 0.14, local[:, 2] / 0.09) < 1) & (np.abs(local[:, 1]) < 0.25))
    assert np.mean(inside) < 0.01


@pytest.mark.parametrize("side", ["left", "right"])
def test_hand_fits_are_the_bodys_hands(side):
    layer = MODELS.mano(side)
    for _, figure in figures()[:6]:
        entry = mano_fit(figure.fit, side)
        made = layer(row(entry["pose"]), row(entry["shape"]), trans_m=row(entry["trans"]))
        hand = figure.fit.body().vertices_m[smplx_body().pieces[f"{side}_hand"]]
        away = 1000 * np.linalg.norm(made.vertices_m[0].numpy() - hand, axis=1)
        assert away.mean() < 1.0
        assert away.max() < 2.5


def test_smpl_fits_have_the_centres_of_smplx():
    _, figure = figures()[0]
    for gender in ("male", "female"):
        fit = replace(figure.fit, gender=gender, shape=np.where(np.arange(10) < 4, figure.fit.shape, 0.0))
        entry = smpl_fit(fit)
        made = MODELS.smpl(gender)(row(entry["pose"]), row(entry["shape"]), row(entry["trans"]))
        body, own = made.vertices_m[0].numpy(), fit.body().vertices_m
        # The same people at the same place: the models' surfaces differ at hands and where waves are theirs.
        np.testing.assert_allclose(body.min(0)[1], own.min(0)[1], atol=0.03)
        np.testing.assert_allclose(body.max(0)[1], own.max(0)[1], atol=0.03)
        assert entry["gender"] == gender


def test_heads_of_portraits_are_flames_at_the_place_of_the_bodys():
    layer = MODELS.flame()
    for number, (_, figure) in enumerate(figures()[:4]):
        head = portrayed(figure, np.zeros(10)).head
        if number:
            head = replace(head, shape=np.random.default_rng(number).normal(0, 1, 10).round(5))
        pose = np.concatenate([head.root, head.jaw])
        made = layer(row(pose), row(head.shape), row(head.expression), row(head.trans_m))
        np.testing.assert_allclose(made.vertices_m[0].numpy(), head.body().vertices_m, atol=2e-5)
        np.testing.assert_allclose(made.joints_m[0].numpy(), head.joints_m(), atol=2e-5)
        if not number:
            own = figure.fit.body().vertices_m[smplx_body().pieces["head"]]
            assert 1000 * np.abs(own - head.body().vertices_m).mean() < 8


def test_numbers_of_fits_are_complete_and_varied():
    entries = [smplx_fit(figure.fit) for _, figure in figures()]
    sizes = {name: len(values) for name, values in entries[0].items()}
    assert sizes == {
        **{"root_pose": 3, "body_pose": 63, "lhand_pose": 45, "rhand_pose": 45, "jaw_pose": 3},
        **{"shape": 10, "expr": 10, "trans": 3},
    }
    for name in ("lhand_pose", "rhand_pose", "jaw_pose", "expr", "shape"):
        assert np.std([entry[name] for entry in entries], axis=0).mean() > 0.01


def test_joints_of_a_picture_are_visible_where_nothing_is_before_them():
    made = shot()
    assert made.image.shape == (400, 480, 3)
    for seen in made.people:
        rows, cols = np.rint(np.clip(seen.joints_px, 0, (479, 399))).astype(int).T[::-1]
        near = np.array(
            [
                seen.mask[max(r - 3, 0) : r + 4, max(c - 3, 0) : c + 4].any()
                for r, c in zip(rows, cols, strict=True)
            ]
        )
        assert near[seen.visible].all()
        assert 0.5 < seen.visible.mean() <= 1
        left, top, width, height = seen.box()
        inside = (seen.joints_px > (left - 8, top - 8)) & (
            seen.joints_px < (left + width + 8, top + height + 8)
        )
        assert inside.all(1)[seen.visible].all()
        for part in ("left_hand", "right_hand", "face"):
            x, y, wide, high = seen.part_box(part)
            points = seen.joints_px[PART_JOINTS[part]]
            assert ((points > (x, y)) & (points < (x + wide, y + high))).all()


def test_people_fill_their_outline_in_the_picture():
    """The undressed body covers nearly all pixels of a person, and is hardly anywhere else."""
    made = shot()
    taken = np.logical_or.reduce([seen.mask for seen in made.people])
    for seen in made.people:
        pixels = np.rint(seen.camera.project(seen.vertices_m)).astype(int)
        inside = ((pixels >= 0) & (pixels < (480, 400))).all(1)
        cols, rows = pixels[inside].T
        assert taken[rows, cols].mean() > 0.97
