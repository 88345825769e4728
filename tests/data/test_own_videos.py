"""Videos of one's own: every frame once and in order, and what cannot be read is named."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest

from carpus.data.own_videos import USUAL_FPS, FrameBoxes, Video, is_video
from carpus.errors import DataError

COUNT, FPS = 12, 24.0
CODECS = {".mp4": "mp4v", ".avi": "MJPG", ".mov": "mp4v", ".mkv": "MJPG", ".webm": "VP80"}


def shade(number):
    """Red rises, blue falls, so that exchanged channels are seen."""
    return np.array([20 * number, 100, 240 - 20 * number])


def write_clip(file, count=COUNT, fps=FPS, size=(96, 64)):
    film = cv2.VideoWriter(str(file), cv2.VideoWriter.fourcc(*CODECS[file.suffix]), fps, size)
    assert film.isOpened()
    for number in range(count):
        film.write(np.full((size[1], size[0], 3), shade(number)[::-1], np.uint8))
    film.release()
    return file


@pytest.mark.parametrize("ending", CODECS)
def test_frames_come_whole_in_order_and_in_colour(tmp_path, ending):
    video = Video(write_clip(tmp_path / f"clip{ending}"))
    assert (video.size_wh, video.fps_known) == ((96, 64), True)
    assert video.fps == pytest.approx(FPS)
    frames = list(video.frames())
    assert [frame.number for frame in frames] == list(range(COUNT))
    assert frames[6].time_s == pytest.approx(0.25)
    for frame in frames:
        assert frame.image.shape == (64, 96, 3)
        np.testing.assert_allclose(frame.image.mean((0, 1)), shade(frame.number), atol=9)


@pytest.mark.parametrize(
    ("choice", "numbers"),
    [((0, None, 5), [0, 5, 10]), ((3, 8, 2), [3, 5, 7]), ((10, 99, 1), [10, 11]), ((11, None, 9), [11])],
)
def test_chosen_frames_are_those_that_were_announced(tmp_path, choice, numbers):
    video = Video(write_clip(tmp_path / "clip.avi"))
    assert list(video.numbers(*choice)) == numbers
    frames = list(video.frames(*choice))
    assert [frame.number for frame in frames] == numbers
    np.testing.assert_allclose(frames[-1].image.mean((0, 1)), shade(numbers[-1]), atol=9)


def test_what_cannot_be_read_is_named(tmp_path):
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"no film at all" * 40)
    with pytest.raises(DataError, match=r"broken.mp4: the video cannot be opened; .*ffmpeg -i broken.mp4"):
        Video(broken)
    with pytest.raises(DataError, match=r"gone.mp4: no such file"):
        Video(tmp_path / "gone.mp4")
    with pytest.raises(DataError, match=r"clip.avi has 12 frames, .*--frames 12:20 takes none"):
        Video(write_clip(tmp_path / "clip.avi")).numbers(12, 20)
    (tmp_path / "folder.mp4").mkdir()
    assert not is_video(tmp_path / "folder.mp4")


def test_a_file_that_was_cut_off_gives_what_there_is(tmp_path):
    file = write_clip(tmp_path / "clip.avi", count=60)
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    found = len(list(Video(file).frames()))
    assert 5 < found < 50


def test_a_file_without_rate_or_count_is_read_to_its_end(tmp_path, monkeypatch):
    file, capture = write_clip(tmp_path / "clip.avi"), cv2.VideoCapture
    unknown = {cv2.CAP_PROP_FPS: 0.0, cv2.CAP_PROP_FRAME_COUNT: -9.2e18}

    class Silent:
        """Holds a capture instead of being one: the class cannot be derived from."""

        def __init__(self, path):
            self._capture = capture(path)

        def __getattr__(self, name):
            return getattr(self._capture, name)

        def get(self, what):
            return unknown.get(what, self._capture.get(what))

    monkeypatch.setattr(cv2, "VideoCapture", Silent)
    video = Video(file)
    assert (video.fps, video.fps_known, video.count) == (USUAL_FPS, False, None)
    assert video.numbers() is None
    assert list(video.numbers(2, 6, 2)) == [2, 4]
    assert len(list(video.frames())) == COUNT


def test_boxes_hold_until_the_next_ones(tmp_path):
    video, file = Video(write_clip(tmp_path / "clip.avi")), tmp_path / "boxes.json"
    file.write_text(json.dumps({"7": [[1, 2, 30, 40], [5, 6, 7, 8]], "2": [10, 20, 30, 40]}))
    boxes = FrameBoxes(file, video)
    assert boxes.at(1) == []
    assert [box.tolist() for box in boxes.at(2)] == [[10, 20, 30, 40]]
    assert boxes.at(6)[0].tolist() == [10, 20, 30, 40]
    assert [box.tolist() for box in boxes.at(11)] == [[1, 2, 30, 40], [5, 6, 7, 8]]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"clip.avi": [1, 2, 3, 4]}, "'clip.avi' is no number of a frame; for a video give"),
        ({"12": [1, 2, 3, 4]}, "there is no frame 12: clip.avi has 12"),
        ({"3": [200, 2, 3, 4]}, "frame 3: box 200,2,3,4 lies outside"),
        ({"3": [1, 2, 3]}, "boxes of '3'"),
    ],
)
def test_boxes_that_would_be_lost_are_refused(tmp_path, content, said):
    file = tmp_path / "boxes.json"
    file.write_text(json.dumps(content))
    with pytest.raises(DataError, match=said):
        FrameBoxes(file, Video(write_clip(tmp_path / "clip.avi")))
