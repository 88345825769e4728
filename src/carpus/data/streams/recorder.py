"""Recording a stream so that its replay is what was seen."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from pathlib import Path

import cv2
import numpy as np

from carpus.data.streams.files import IMAGE_NAME
from carpus.data.streams.info import CAMERA_FILE, StreamInfo, write_info
from carpus.data.streams.stream import StreamFrame, to_mm
from carpus.errors import DataError

_LARGEST = 65535


def timestamped(parent: Path) -> Path:
    """A folder of that parent which does not exist yet, named after the time."""
    name = datetime.now().strftime("stream_%Y%m%d_%H%M%S")
    taken = [name, *(f"{name}_{number}" for number in range(2, 1000))]
    return next(parent / free for free in taken if not (parent / free).exists())


class StreamWriter:
    """Writes 16-bit PNG images and ``camera.json``.

    Args:
        folder: to make.
        info: of the frames; their depth is kept in multiples of its ``depth_unit_mm``.
        overwrite: whether an earlier recording in the folder may be replaced.
    Raises:
        DataError: if there is something in the folder already.
    """

    def __init__(self, folder: Path, info: StreamInfo, overwrite: bool = False) -> None:
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            if not overwrite:
                raise DataError(f"{folder} exists and is not empty: give another folder, or --overwrite")
            for image in folder.glob("image_D*.png"):
                image.unlink()
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.info, self.count = folder, info, 0
        write_info(folder / CAMERA_FILE, info)

    def write(self, frame: StreamFrame) -> StreamFrame:
        """Write a frame.

        Args:
            frame: with whatever depth it was seen with.
        Returns:
            the frame as its replay will give it: depth in whole units. Whoever uses this one gets from the
            recording what he got live.
        Raises:
            DataError: if it cannot be written.
        """
        counts = np.clip(np.rint(frame.depth_mm / np.float32(self.info.depth_unit_mm)), 0, _LARGEST)
        stored = counts.astype(np.uint16)
        name = IMAGE_NAME.format(frame.number)
        # Little compression: recording must keep up with the camera.
        ok, data = cv2.imencode(".png", stored, [cv2.IMWRITE_PNG_COMPRESSION, 1])
        if not ok:
            raise DataError(f"frame {frame.number} of shape {stored.shape} cannot be written as PNG")
        part = self.folder / f".{name}.part"
        part.write_bytes(data.tobytes())
        part.replace(self.folder / name)
        self.count += 1
        return replace(frame, depth_mm=to_mm(stored, self.info), name=name)
