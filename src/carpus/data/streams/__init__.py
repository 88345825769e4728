"""Depth streams: recorded ones, live ones, and recording them."""

from carpus.data.streams.info import CAMERA_FILE, DEFAULT_CAMERA, StreamInfo, read_info, write_info
from carpus.data.streams.labels import FrameTable, read_boxes, read_joints, write_joints
from carpus.data.streams.recorder import StreamWriter, timestamped
from carpus.data.streams.stream import (
    LIVE,
    Note,
    RecordedStream,
    Stream,
    StreamFrame,
    StreamOptions,
    StreamWarning,
    open_stream,
    range_hint,
)

__all__ = [
    "CAMERA_FILE",
    "DEFAULT_CAMERA",
    "LIVE",
    "FrameTable",
    "Note",
    "RecordedStream",
    "Stream",
    "StreamFrame",
    "StreamInfo",
    "StreamOptions",
    "StreamWarning",
    "StreamWriter",
    "open_stream",
    "range_hint",
    "read_boxes",
    "read_info",
    "read_joints",
    "timestamped",
    "write_info",
    "write_joints",
]
