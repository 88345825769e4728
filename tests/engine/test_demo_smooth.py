"""Hands and people filtered over time: less jitter, the same relations between numbers, gaps begin anew."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from carpus.data.own_photos import PhotoBox
from carpus.engine.demo_smooth import HandSmoother, PersonSmoother
from carpus.geometry import Camera
from carpus.geometry.one_euro import OneEuroSettings
from carpus.reports.digit_photo_hands import PhotoHands
from carpus.reports.people_found import FoundPerson
from carpus.skeletons import INTERHAND

CAMERA, SETTINGS = Camera(600.0, 610.0, 320.0, 240.0), OneEuroSettings(0.5, 0.0)
BOX = PhotoBox(np.array([200.0, 100, 160, 200]), "given")
RIGHT, LEFT = slice(0, 21), slice(21, 42)


def hands(rng, spread=4.0, shown=(True, True), space=True):
    """A resting pair of hands, seen with noise."""
    depth = np.repeat([600.0, 700.0], 21) + np.tile(np.linspace(-40, 0, 21), 2)
    pixels = np.stack([np.linspace(250, 330, 42), np.linspace(140, 260, 42)], 1)
    depth, pixels = depth + spread * rng.normal(size=42), pixels + spread * rng.normal(size=(42, 2))
    wrists = depth[[20, 41]]
    return PhotoHands(
        box=BOX,
        crop_xywh_px=np.array([180.0, 80, 200, 200]),
        joints_px=pixels,
        shown=np.array(shown),
        view_mm=np.zeros((42, 3)),
        view_note="",
        depth_mm=depth - np.repeat(wrists, 21),
        rel_wrist_mm=float(wrists[1] - wrists[0]),
        joints_cam_mm=CAMERA.unproject(pixels, depth) if space else None,
        wrists_mm=wrists if space else None,
    )


def over_time(smooth, frames):
    return [smooth(frame, i / 25) for i, frame in enumerate(frames)]


def jitter(frames, name):
    return np.std([getattr(frame, name) for frame in frames], axis=0).mean()


@pytest.mark.parametrize("space", [True, False])
def test_hands_get_quieter_and_their_numbers_still_agree(space):
    rng = np.random.default_rng(0)
    raw = [hands(rng, space=space) for _ in range(60)]
    made = over_time(HandSmoother(SETTINGS, INTERHAND, CAMERA if space else None), raw)
    names = ("joints_px", "depth_mm", "rel_wrist_mm", *(("joints_cam_mm", "wrists_mm") if space else ()))
    for name in names:
        assert jitter(made[20:], name) < 0.4 * jitter(raw[20:], name), name
    for frame in made:
        np.testing.assert_allclose(frame.depth_mm[[20, 41]], 0, atol=4.0 * (not space) + 1e-9)
        if space:
            np.testing.assert_allclose(CAMERA.project(frame.joints_cam_mm), frame.joints_px, atol=1e-9)
            np.testing.assert_allclose(frame.joints_cam_mm[[20, 41], 2], frame.wrists_mm)
            np.testing.assert_array_equal(frame.view_mm, frame.joints_cam_mm)
        else:
            assert frame.joints_cam_mm is frame.wrists_mm is None
            assert np.isfinite(frame.view_mm).all()
    np.testing.assert_allclose(made[0].joints_px, raw[0].joints_px)


def test_a_hand_that_comes_back_begins_anew_and_the_other_goes_on():
    rng = np.random.default_rng(1)
    raw = [hands(rng, shown=(True, not 5 <= i < 8)) for i in range(12)]
    moved = [replace(f, joints_px=f.joints_px + 50.0) if i >= 8 else f for i, f in enumerate(raw)]
    made = over_time(HandSmoother(SETTINGS, INTERHAND, None), moved)
    np.testing.assert_array_equal(made[6].joints_px[LEFT], moved[6].joints_px[LEFT])
    np.testing.assert_array_equal(made[8].joints_px[LEFT], moved[8].joints_px[LEFT])
    assert (np.abs(made[8].joints_px[RIGHT] - moved[8].joints_px[RIGHT]) > 20).all()


def person(rng, spread=0.01, zoom=1.0):
    """Somebody at rest, in a box of another size each time: its virtual camera changes with it."""
    camera = Camera(5000 * zoom, 5000 * zoom, 320.0, 240.0)
    depth = 20.0 * zoom * (1 + spread * rng.normal())
    place = camera.unproject(np.array([300.0, 200.0]) + 300 * spread * rng.normal(size=2), np.array(depth))
    pose = {"root_pose": np.array([3.1, 0.1, 0]), "body_pose": np.linspace(-1, 1, 69)}
    noisy = {name: (value + spread * rng.normal(size=value.shape)) for name, value in pose.items()}
    joints = 1000 * (place + np.array([[0, 0, 0], [0.1, 0.3, 0]]))
    return FoundPerson(
        box=BOX,
        crop_xywh_px=np.array([180.0, 80, 150, 200]),
        side=None,
        joints_px=camera.project(joints),
        joints_cam_mm=joints,
        vertices_cam_mm=joints,
        parameters={
            **{name: value.astype(np.float32) for name, value in noisy.items()},
            "shape": np.full(10, 0.5, np.float32),
            "cam_trans": place.astype(np.float32),
        },
        camera=camera,
        crop=np.zeros((8, 6, 3), np.uint8),
        crop_camera=camera,
    )


def posed(parameters):
    joints = 1000 * (parameters["cam_trans"] + np.array([[0, 0, 0], [0.1, 0.3, 0]]))
    return joints, joints


def test_people_get_quieter_whatever_the_size_of_their_boxes():
    rng = np.random.default_rng(2)
    zooms = 1 + 0.3 * rng.random(60)
    raw = [person(rng, zoom=zoom) for zoom in zooms]
    made = over_time(PersonSmoother(SETTINGS, posed), raw)
    assert jitter(made[20:], "joints_px") < 0.4 * jitter(raw[20:], "joints_px")
    for name in ("root_pose", "body_pose"):
        before, after = (
            np.std([p.parameters[name] for p in some[20:]], axis=0).mean() for some in (raw, made)
        )
        assert after < 0.4 * before, name
    for frame in made:
        assert {name: value.shape for name, value in frame.parameters.items()} == {
            "root_pose": (3,), "body_pose": (69,), "shape": (10,), "cam_trans": (3,),
        }  # fmt: skip
        np.testing.assert_allclose(frame.camera.project(frame.joints_cam_mm), frame.joints_px)
        np.testing.assert_allclose(frame.parameters["shape"], 0.5)
    sizes = [frame.camera.fx / frame.parameters["cam_trans"][2] for frame in made]
    np.testing.assert_allclose(sizes, 250, rtol=0.02)


def test_a_person_without_a_place_in_the_picture_stays_as_predicted():
    rng, behind = np.random.default_rng(3), np.array([0.1, 0.2, -3.0], np.float32)
    raw = [person(rng) for _ in range(4)]
    raw[2] = replace(raw[2], parameters={**raw[2].parameters, "cam_trans": behind})
    made = over_time(PersonSmoother(SETTINGS, posed), raw)
    np.testing.assert_array_equal(made[2].parameters["cam_trans"], behind)
    np.testing.assert_allclose(made[3].parameters["cam_trans"], raw[3].parameters["cam_trans"], rtol=1e-5)
