"""Boxes and true joints of frames, and the live camera's source with a stand-in for its library."""

import sys
from types import SimpleNamespace

import numpy as np
import pytest

from carpus.data.streams import StreamOptions, open_stream, read_boxes, read_joints, write_joints
from carpus.errors import ConfigError, DataError


def test_boxes_are_found_by_the_frame_s_name(tmp_path):
    file = tmp_path / "BoundingBox.txt"
    file.write_text("image_D00000002.png\t10 20\t30 40\nfolder\\image_D00000001.png 1 2 3 4\n")
    boxes = read_boxes(file)
    np.testing.assert_array_equal(boxes.get("image_D00000001.png"), [1, 2, 3, 4])
    np.testing.assert_array_equal(boxes.get("image_D00000002.png"), [10, 20, 30, 40])
    assert boxes.get("image_D00000003.png") is None
    file.write_text("a.png 1 2 3 4\nb.png 1 2 3\n")
    with pytest.raises(DataError, match=r"line 2: 3 numbers, 4 are expected"):
        read_boxes(file)


def test_joints_come_from_our_file_and_from_an_annotation(tmp_path):
    joints = np.random.default_rng(0).normal(size=(2, 21, 3))
    write_joints(tmp_path / "joints.npz", np.array([4, 9]), joints, "hands17")
    lines = [
        f"image_D{number:08d}.png\t" + "\t".join(map(str, row))
        for number, row in zip((4, 9), joints.reshape(2, 63).tolist(), strict=True)
    ]
    (tmp_path / "annotation.txt").write_text("\n".join(lines) + "\n")
    for name in ("joints.npz", "annotation.txt"):
        table = read_joints(tmp_path / name)
        np.testing.assert_allclose(table.get("image_D00000009.png"), joints[1])
        assert table.skeleton == "hands17"
    (tmp_path / "few.txt").write_text("a.png 1 2 3 4\n")
    np.savez(tmp_path / "other.npz", x=joints)
    write_joints(tmp_path / "short.npz", np.arange(5), joints, "hands17")
    for name, message in {
        "few.txt": "x, y, z per joint",
        "other.npz": "holds no number",
        "short.npz": "do not fit",
        "nothing.txt": "No such file",
    }.items():
        with pytest.raises(DataError, match=message):
            read_joints(tmp_path / name)


class Camera:
    """A stand-in for ``pyrealsense2``: a camera of 0.125 mm per unit that sends five frames."""

    stream, format = SimpleNamespace(depth="depth"), SimpleNamespace(z16="z16")

    def __init__(self, answers=True):
        self.answers, self.sent, self.stopped = answers, 0, 0
        self.buffer = np.zeros((480, 640), np.uint16)

    def pipeline(self):
        return self

    def config(self):
        return SimpleNamespace(enable_stream=lambda *_: None)

    def start(self, _):
        if not self.answers:
            raise RuntimeError("No device connected")
        lens = SimpleNamespace(fx=470.0, fy=471.0, ppx=310.0, ppy=240.0, width=640, height=480)
        video = SimpleNamespace(get_intrinsics=lambda: lens)
        sensor = SimpleNamespace(get_depth_scale=lambda: 0.000125)
        return SimpleNamespace(
            get_stream=lambda _: SimpleNamespace(as_video_stream_profile=lambda: video),
            get_device=lambda: SimpleNamespace(first_depth_sensor=lambda: sensor),
        )

    def wait_for_frames(self, _):
        if self.sent == 5:
            raise RuntimeError("Frame didn't arrive within 5000")
        self.buffer[:] = 2400 + 8 * self.sent
        self.buffer[:, :320] = 0
        time_ms = 1000.0 + 33 * self.sent
        self.sent += 1
        depth = SimpleNamespace(get_data=lambda: self.buffer, get_timestamp=lambda: time_ms)
        return SimpleNamespace(get_depth_frame=lambda: depth)

    def stop(self):
        self.stopped += 1


def test_the_live_camera_is_read_scaled_mirrored_and_let_go(monkeypatch):
    camera = Camera()
    monkeypatch.setitem(sys.modules, "pyrealsense2", camera)
    stream = open_stream("realsense", StreamOptions(gain=0.8, mirror=True, start=1, stop=4, every=2))
    frames = list(stream)
    assert [frame.number for frame in frames] == [1, 3]
    assert [frame.depth_mm[0, 0] for frame in frames] == pytest.approx([240.8, 242.4])
    assert frames[0].depth_mm[0, -1] == 0
    assert frames[1].time_s == pytest.approx(0.099)
    assert stream.info.camera.cx == 639 - 310
    assert stream.info.depth_unit_mm == pytest.approx(0.1)
    assert (camera.stopped, camera.sent) == (1, 4)


def test_a_missing_library_camera_or_frame_is_said_in_one_sentence(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyrealsense2", None)
    with pytest.raises(ConfigError, match=r"pip install carpus\[realsense\]"):
        open_stream("realsense")
    monkeypatch.setitem(sys.modules, "pyrealsense2", Camera(answers=False))
    with pytest.raises(ConfigError, match="no RealSense camera answers: No device connected"):
        open_stream("realsense")
    camera = Camera()
    monkeypatch.setitem(sys.modules, "pyrealsense2", camera)
    with pytest.raises(DataError, match="sends no more frames"):
        list(open_stream("realsense"))
    assert camera.stopped == 1
