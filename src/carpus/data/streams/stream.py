"""Depth streams: frames in millimetres with the camera that saw them."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import numpy as np

from carpus.data.sources.hands17 import HANDS17
from carpus.data.streams.files import Frames, find_frames
from carpus.data.streams.info import CAMERA_FILE, StreamInfo, default_info, read_info
from carpus.errors import ConfigError, DataError
from carpus.geometry.camera import Camera

LIVE = "realsense"
"""The name of the live source."""
_SHARE_OUTSIDE = 0.95

Note = Callable[[str], None]
"""Takes a sentence the user should read."""


class StreamWarning(UserWarning):
    """Something about a stream had to be assumed, or looks wrong."""


def warn(text: str) -> None:
    """Issue a :class:`StreamWarning`."""
    warnings.warn(text, StreamWarning, stacklevel=4)


@dataclass(frozen=True)
class StreamFrame:
    """One image of a stream.

    Args:
        number: of the image, rising; it is in the file's name.
        time_s: since the first image.
        depth_mm: ``(H, W)`` float32, 0 = no measurement; not cut to the valid range.
        name: file name, or what a file of it would be called.
    """

    number: int
    time_s: float
    depth_mm: np.ndarray
    name: str


@dataclass(frozen=True)
class StreamOptions:
    """How a stream is read.

    Args:
        camera: intrinsics; None for those of the stream.
        unit_mm: millimetres per stored unit; None for what the stream says.
        gain: factor on every depth; the published program multiplies by 0.8.
        mirror: exchange left and right, the camera's ``cx`` with them.
        start, stop, every: positions to take, as in a slice.
        z_range_mm: valid depth; None for what the stream says.
        fps: frames per second; None for what the stream says.
    """

    camera: Camera | None = None
    unit_mm: float | None = None
    gain: float = 1.0
    mirror: bool = False
    start: int = 0
    stop: int | None = None
    every: int = 1
    z_range_mm: tuple[float, float] | None = None
    fps: float | None = None

    def __post_init__(self) -> None:
        if self.start < 0 or self.every < 1 or (self.stop is not None and self.stop <= self.start):
            raise ConfigError(
                f"start={self.start}, stop={self.stop}, every={self.every}: start must be 0 or more, stop "
                "above start, every at least 1"
            )

    def applied(self, info: StreamInfo) -> StreamInfo:
        """What is true of the frames that are handed on."""
        own = {
            "camera": self.camera,
            "depth_unit_mm": self.unit_mm,
            "z_range_mm": self.z_range_mm,
            "fps": self.fps,
        }
        info = replace(info, **{name: value for name, value in own.items() if value is not None})
        return info.adjusted(self.gain, self.mirror)


class Stream(Protocol):
    """Frames one after the other, recorded or live; recorded ones also have a length."""

    info: StreamInfo
    """What is true of the frames that are handed on."""

    def __iter__(self) -> Iterator[StreamFrame]: ...


class RecordedStream:
    """Frames on disk, in order.

    Args:
        frames: on disk.
        info: what is true of the frames after the options.
        options: which frames, and whether they are mirrored.
        note: told when nearly all of an image is outside the valid depth.
    """

    def __init__(self, frames: Frames, info: StreamInfo, options: StreamOptions, note: Note) -> None:
        self.info = info
        self.positions = range(len(frames))[options.start : options.stop : options.every]
        self._frames, self._mirror, self._note = frames, options.mirror, note
        if not self.positions:
            raise DataError(
                f"{frames.where} has {len(frames)} frames, none from {options.start} on"
                + ("" if options.stop is None else f" and before {options.stop}")
            )

    def __len__(self) -> int:
        return len(self.positions)

    def __iter__(self) -> Iterator[StreamFrame]:
        note, first = self._note, self._frames.numbers[0]
        for place in self.positions:
            depth = to_mm(self._frames.read(place), self.info, self._mirror)
            name, number = self._frames.names[place], self._frames.numbers[place]
            if depth.shape[::-1] != self.info.size_wh:
                raise DataError(
                    f"{self._frames.where}: {name} has {depth.shape[1]}x{depth.shape[0]} pixels, the first "
                    f"frame {self.info.size_wh[0]}x{self.info.size_wh[1]}"
                )
            hint = range_hint(depth, self.info.z_range_mm)
            if hint:
                note(f"{name}: {hint}")
                # Said once: a stream in a wrong unit would repeat it for every frame.
                note = _silent
            yield StreamFrame(number, (number - first) / self.info.fps, depth, name)


def open_stream(path: Path | str, options: StreamOptions | None = None, note: Note = warn) -> Stream:
    """A depth stream, recorded or live.

    Args:
        path: folder of ``image_D<number>.png`` with ``camera.json``, a folder of HANDS 2017, ``.npz`` or
            ``.npy`` (T, H, W), one PNG image; ``realsense`` for the camera that is plugged in.
        options: camera, unit, which frames.
        note: takes sentences about what was assumed or looks wrong; they become warnings by default.
    Returns:
        an iterable of :class:`StreamFrame`.
    Raises:
        DataError: if nothing can be read there.
        ConfigError: for options that make no sense, or a live camera without its library.
    """
    options = options or StreamOptions()
    if str(path) == LIVE and not Path(path).exists():
        from carpus.data.streams.realsense import RealSenseStream

        return RealSenseStream(options, note)
    frames = find_frames(Path(path))
    height, width = frames.read(0).shape
    info = options.applied(_info(frames, (width, height), options, note))
    return RecordedStream(frames, info, options, note)


def to_mm(stored: np.ndarray, info: StreamInfo, mirror: bool = False) -> np.ndarray:
    """Stored values as ``(H, W)`` float32 millimetres; what is no number or negative becomes 0.

    Args:
        stored: ``(H, W)``.
        info: its ``depth_unit_mm`` holds unit and gain.
        mirror: exchange left and right.
    """
    depth = stored[:, ::-1] if mirror else stored
    depth_mm = np.multiply(depth, np.float32(info.depth_unit_mm), dtype=np.float32)
    if stored.dtype.kind == "f":
        depth_mm = np.nan_to_num(depth_mm, nan=0.0, posinf=0.0, neginf=0.0)
    return np.ascontiguousarray(np.maximum(depth_mm, 0))


def range_hint(depth_mm: np.ndarray, z_range_mm: tuple[float, float]) -> str:
    """What to try if nearly everything measured lies outside the valid depth, else nothing.

    Values at the very ends of the range are what recordings put in place of no measurement.

    Example:
        >>> range_hint(np.full((4, 4), 0.6), (100.0, 1060.0))
        '100 % of the pixels lie outside 100 to 1060 mm (typical: 0.6 mm); if the hand is among them, ...'
    """
    near, far = z_range_mm
    measured = (depth_mm > 0) & (depth_mm != near) & (depth_mm != far)
    count = np.count_nonzero(measured)
    inside = np.count_nonzero((depth_mm > near) & (depth_mm < far))
    outside = 1 - inside / count if count else 0.0
    if outside <= _SHARE_OUTSIDE:
        return ""
    typical = float(np.median(depth_mm[measured]))
    return (
        f"{100 * outside:.0f} % of the pixels lie outside {near:g} to {far:g} mm "
        f"(typical: {typical:.4g} mm); if the hand is among them, give --unit (1000 for metres), --gain or "
        "--range"
    )


def _info(frames: Frames, size_wh: tuple[int, int], options: StreamOptions, note: Note) -> StreamInfo:
    """What the frames say about themselves, or what has to be assumed."""
    beside = frames.folder / CAMERA_FILE
    if beside.is_file():
        return read_info(beside, size_wh)
    if frames.camera is not None:
        return StreamInfo(Camera.from_array(frames.camera), size_wh, source=frames.where.name)
    if frames.of_hands17:
        return StreamInfo(HANDS17.camera, size_wh, source="hands17")
    if options.camera is None:
        note(
            f"{frames.where} comes without {CAMERA_FILE}: the intrinsics of an Intel RealSense SR300"
            + ("" if size_wh == (640, 480) else f", scaled to {size_wh[0]}x{size_wh[1]},")
            + " are assumed; give --camera fx,fy,cx,cy or the file"
        )
    return default_info(size_wh, frames.where.name)


def _silent(_: str) -> None:
    """Say nothing more."""
