"""Videos that belong to no dataset: reading frames one by one, and boxes by the number of the frame."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from carpus.data.own_photos import checked_box, read_boxes
from carpus.errors import DataError

SUFFIXES = (".mp4", ".avi", ".mov", ".mkv", ".webm")
USUAL_FPS = 30.0
"""Frames per second of a file that does not say."""
_MOST_FPS = 1000.0


def is_video(path: Path) -> bool:
    """Whether a path ends as those of videos do, which must not be folders.

    Example:
        >>> is_video(Path("clip.MP4")), is_video(Path("photo.jpg"))
        (True, False)
    """
    return path.suffix.lower() in SUFFIXES and not path.is_dir()


@dataclass(frozen=True)
class VideoFrame:
    """A frame of a video.

    Args:
        number: from 0, of all frames of the file.
        time_s: its number over the frames per second.
        image: ``(H, W, 3)`` uint8 RGB, upright.
    """

    number: int
    time_s: float
    image: np.ndarray


class Video:
    """A video file whose first frame could be read.

    Args:
        path: of the file.
    Attributes:
        fps: frames per second, :data:`USUAL_FPS` where the file does not say.
        fps_known: whether it says.
        count: frames, as the file says; None where it does not. Some files are wrong by a few.
        size_wh: width and height, upright.
    Raises:
        DataError: naming the file, if it is not there or cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        if not path.is_file():
            raise DataError(f"{path}: no such file or folder")
        capture = self._opened()
        try:
            read, picture = capture.read()
            fps, count = capture.get(cv2.CAP_PROP_FPS), capture.get(cv2.CAP_PROP_FRAME_COUNT)
        finally:
            capture.release()
        if not read:
            raise DataError(f"{path}: the video holds no frame that can be read; {_REMEDY.format(path.name)}")
        self.size_wh = (picture.shape[1], picture.shape[0])
        self.fps_known = math.isfinite(fps) and 0 < fps < _MOST_FPS
        self.fps = float(fps) if self.fps_known else USUAL_FPS
        self.count = int(count) if math.isfinite(count) and count >= 1 else None

    def numbers(self, first: int = 0, stop: int | None = None, every: int = 1) -> range | None:
        """The frames of a choice; None where the file does not say how many there are and no end is given.

        Args:
            first: frame to begin with.
            stop: frame before which to end; None for the last one.
            every: take every so manieth.
        Raises:
            DataError: if no frame is chosen.
        """
        ends = [end for end in (stop, self.count) if end is not None]
        if not ends:
            return None
        if first >= min(ends):
            raise DataError(
                f"{self.path.name} has {self.count} frames, counted from 0: --frames {first}:"
                f"{'' if stop is None else stop} takes none of them; begin below {self.count}"
            )
        return range(first, min(ends), every)

    def frames(self, first: int = 0, stop: int | None = None, every: int = 1) -> Iterator[VideoFrame]:
        """Frames in order, one at a time; the iteration ends where nothing more can be read.

        Args:
            first, stop, every: see :meth:`numbers`.
        """
        capture, number = self._opened(), 0
        try:
            # Jumping is not exact with every codec; passing over is.
            while (stop is None or number < stop) and capture.grab():
                if number >= first and (number - first) % every == 0:
                    read, picture = capture.retrieve()
                    if not read:
                        return
                    # A copy in order of memory, as every picture is read by several.
                    yield VideoFrame(number, number / self.fps, np.ascontiguousarray(picture[..., ::-1]))
                number += 1
        finally:
            capture.release()

    def _opened(self) -> cv2.VideoCapture:
        capture = cv2.VideoCapture(str(self.path))
        if not capture.isOpened():
            raise DataError(f"{self.path}: the video cannot be opened; {_REMEDY.format(self.path.name)}")
        return capture


_REMEDY = "is it complete? another program may convert it, as with: ffmpeg -i {} -c:v libx264 converted.mp4"


class FrameBoxes:
    """Boxes by the number of a frame; they hold until the next frame that has any.

    Args:
        path: JSON, ``{"0": [x, y, w, h], "25": [[x, y, w, h], …], …}``.
        video: whose boxes they are.
    Raises:
        DataError: naming the entry that is no frame of the video, or no box in it.
    """

    def __init__(self, path: Path, video: Video) -> None:
        self._boxes: dict[int, list[np.ndarray]] = {}
        for name, boxes in read_boxes(path).items():
            if not name.isdecimal():
                raise DataError(
                    f"{path}: '{name}' is no number of a frame; for a video give "
                    '{"0": [x, y, w, h], "25": [x, y, w, h], …}, frames counted from 0'
                )
            number = int(name)
            if video.count is not None and number >= video.count:
                raise DataError(
                    f"{path}: there is no frame {number}: {video.path.name} has {video.count}, counted from 0"
                )
            where = f"{path}: frame {number}"
            self._boxes[number] = [checked_box(box, video.size_wh, where) for box in boxes]
        self._order = sorted(self._boxes)

    def at(self, number: int) -> list[np.ndarray]:
        """The boxes ``(4,)`` of a frame; none before the first entry."""
        place = bisect_right(self._order, number)
        return self._boxes[self._order[place - 1]] if place else []
