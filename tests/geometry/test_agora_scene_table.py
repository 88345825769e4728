"""The seven kinds of AGORA's scenes as their publisher lists them: lens, place and angles."""

from __future__ import annotations

import numpy as np
import pytest

from carpus.geometry.agora_camera import SCENE_KINDS, scene_camera

OWN = ((12.0, -34.0, 156.0), 20.0)
# Picture, focal length in pixels, position in cm, yaw and pitch in degrees, metres people are lifted by.
TABLE = [
    ("ag_trainset_hdri_x.png", 5333.33, (0, 0, 170), 0, 0, 0),
    ("ag_x_cam00_1.png", 1920.0, (400, -275, 265), 135, 30, 0),
    ("ag_x_cam01_1.png", 1920.0, (400, 225, 265), -135, 30, 0),
    ("ag_x_cam02_1.png", 1920.0, (-490, 170, 265), -45, 30, 0),
    ("ag_x_cam03_1.png", 1920.0, (-490, -275, 265), 45, 30, 0),
    ("ag2_scene.png", 2986.67, (0, 0, 170), 0, 15, 0),
    ("ag_trainset_renderpeople_x.png", 2986.67, *OWN, 0, 1.7),
]


@pytest.mark.parametrize(("image", "focal", "place", "yaw", "pitch", "lift"), TABLE)
def test_a_scene_has_its_camera(image, focal, place, yaw, pitch, lift):
    camera = scene_camera(image, np.array(OWN[0]), OWN[1])
    lens = camera.lens.to_array()
    np.testing.assert_allclose(lens, [focal, focal, 1920, 1080], atol=0.01)
    np.testing.assert_allclose(camera.position_cm, place)
    assert (camera.yaw_deg, camera.kind.pitch_deg) == (yaw, pitch)
    np.testing.assert_allclose(np.abs(camera.kind.ground_m), [0, lift, 0])


def test_there_are_no_other_kinds():
    assert len({scene_camera(image, np.array(OWN[0]), OWN[1]).kind for image, *_ in TABLE}) == 7
    assert len(SCENE_KINDS) == 7
