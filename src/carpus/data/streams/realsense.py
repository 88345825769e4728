"""The live depth stream of an Intel RealSense camera; its library is asked for only here."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from typing import Any

import numpy as np

from carpus.data.streams.files import IMAGE_NAME
from carpus.data.streams.info import StreamInfo
from carpus.data.streams.stream import Note, StreamFrame, StreamOptions, range_hint, to_mm
from carpus.errors import ConfigError, DataError
from carpus.geometry.camera import Camera

SIZE_WH, FPS = (640, 480), 30
_PATIENCE_MS = 5000


class RealSenseStream:
    """Frames of the camera that is plugged in, until ``options.stop`` or an interruption.

    The depth image itself is used, not one aligned to the colour camera, so that image and intrinsics belong
    together.

    Args:
        options: gain, mirroring, which frames.
        note: told when nearly all of an image is outside the valid depth.
    Raises:
        ConfigError: if the library is missing or no camera answers.
    """

    def __init__(self, options: StreamOptions, note: Note) -> None:
        library = _library()
        self._options, self._note = options, note
        self._pipeline = library.pipeline()
        config = library.config()
        config.enable_stream(library.stream.depth, *SIZE_WH, library.format.z16, FPS)
        try:
            profile = self._pipeline.start(config)
        except RuntimeError as error:
            raise ConfigError(f"no RealSense camera answers: {error}; is it plugged in, at USB 3?") from None
        self.info = options.applied(_read_info(library, profile))

    def __iter__(self) -> Iterator[StreamFrame]:
        options, started = self._options, None
        try:
            for place in _count(options.stop):
                depth = self._next()
                started = depth.get_timestamp() if started is None else started
                if place < options.start or (place - options.start) % options.every:
                    continue
                # The library reuses its buffer.
                image = to_mm(np.array(depth.get_data()), self.info, options.mirror)
                hint = range_hint(image, self.info.z_range_mm) if place == options.start else ""
                if hint:
                    self._note(f"frame {place}: {hint}")
                seconds = (depth.get_timestamp() - started) / 1000
                yield StreamFrame(place, seconds, image, IMAGE_NAME.format(place))
        finally:
            self.close()

    def close(self) -> None:
        """Let the camera go; further calls do nothing."""
        pipeline, self._pipeline = self._pipeline, None
        if pipeline is not None:
            pipeline.stop()

    def _next(self) -> Any:
        """The next depth frame of the library."""
        if self._pipeline is None:
            raise DataError("the live stream has ended: open it again")
        try:
            frames = self._pipeline.wait_for_frames(_PATIENCE_MS)
        except RuntimeError as error:
            raise DataError(f"the RealSense camera sends no more frames: {error}") from None
        return frames.get_depth_frame()


def _library() -> Any:
    try:
        return import_module("pyrealsense2")
    except ImportError:
        raise ConfigError(
            "a live RealSense stream needs the library pyrealsense2: pip install carpus[realsense]"
        ) from None


def _read_info(library: Any, profile: Any) -> StreamInfo:
    """Intrinsics and depth unit as the camera states them."""
    lens = profile.get_stream(library.stream.depth).as_video_stream_profile().get_intrinsics()
    sensor = profile.get_device().first_depth_sensor()
    return StreamInfo(
        camera=Camera(lens.fx, lens.fy, lens.ppx, lens.ppy),
        size_wh=(lens.width, lens.height),
        depth_unit_mm=1000.0 * sensor.get_depth_scale(),
        fps=float(FPS),
        source="realsense",
    )


def _count(stop: int | None) -> Iterator[int]:
    """0, 1, 2, … up to a bound, if there is one."""
    place = 0
    while stop is None or place < stop:
        yield place
        place += 1
