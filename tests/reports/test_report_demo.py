"""The demo's files."""

from __future__ import annotations

import json

import numpy as np
import pytest

from carpus.geometry.camera import Camera
from carpus.reports.demo import DemoFrame, write_demo
from carpus.skeletons import MSRA


@pytest.fixture
def frames(collected, depth_of):
    return [
        DemoFrame(name, depth_of(i), collected.joints_cam_mm[i], Camera.from_array(collected.camera[i]),
                  collected.center_mm[i], scores=np.linspace(0, 1, 21))
        for i, name in enumerate(["a/frame.png", "a frame.png", "clip.bin"])
    ]  # fmt: skip


def test_demo_writes_joints_pictures_and_a_page(tmp_path, frames, meta):
    written = write_demo(tmp_path, frames, MSRA, meta)
    names = sorted(p.name for p in tmp_path.iterdir())
    assert names == [
        "a_frame_2_overlay.png",
        "a_frame_overlay.png",
        "clip_overlay.png",
        "hand.html",
        "joints.json",
        "joints.txt",
    ]
    text = np.loadtxt(written["text"]).reshape(3, 21, 3)
    np.testing.assert_allclose(text, [f.joints_cam_mm for f in frames], atol=6e-5)
    told = json.loads(written["json"].read_text())
    assert told["unit"] == "mm"
    assert told["joints"] == list(MSRA.joints)
    entry = told["frames"][2]
    np.testing.assert_allclose(
        entry["joints_px"], frames[2].camera.project(frames[2].joints_cam_mm), atol=1e-3
    )
    assert entry["scores"][20] == 1.0
    page = written["page"].read_text("utf-8")
    assert all(f.name in page for f in frames)


def test_single_frame_page_has_no_scrubber(tmp_path, frames, meta):
    page = write_demo(tmp_path, frames[:1], MSRA, meta)["page"].read_text("utf-8")
    assert 'aria-label="Sample" hidden' in page
    assert 'class="gallery"' not in page


def test_demo_without_frames_is_refused(tmp_path, meta):
    with pytest.raises(ValueError, match="at least one"):
        write_demo(tmp_path, [], MSRA, meta)
