"""What a stream says about itself: ``camera.json``."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from carpus.errors import DataError
from carpus.geometry.camera import Camera

CAMERA_FILE = "camera.json"
DEFAULT_CAMERA = Camera(475.857, 475.856, 310.982, 246.123)
"""Intel RealSense SR300, the camera of the published recordings, which came without a file."""
DEFAULT_SIZE = (640, 480)
DEFAULT_RANGE_MM = (100.0, 1060.0)


@dataclass(frozen=True)
class StreamInfo:
    """Camera and form of a stream's images.

    Args:
        camera: intrinsics of the images as they are, mirrored ones included.
        size_wh: width and height in pixels.
        depth_unit_mm: millimetres per unit of a stored pixel, gain included.
        mirrored: whether left and right are exchanged.
        fps: frames per second.
        z_range_mm: valid depth, both ends excluded.
        source: what made the images.
        depth_gain: factor that corrected the sensor's depth and is part of the unit.
    """

    camera: Camera
    size_wh: tuple[int, int] = DEFAULT_SIZE
    depth_unit_mm: float = 1.0
    mirrored: bool = False
    fps: float = 30.0
    z_range_mm: tuple[float, float] = DEFAULT_RANGE_MM
    source: str = ""
    depth_gain: float = 1.0

    def __post_init__(self) -> None:
        near, far = self.z_range_mm
        positive = (self.camera.fx, self.camera.fy, self.depth_unit_mm, self.fps, self.depth_gain)
        if not all(np.isfinite(value) and value > 0 for value in positive):
            raise DataError(
                f"stream '{self.source}': fx, fy, depth unit, fps and gain must be above 0, "
                f"they are {', '.join(f'{value:g}' for value in positive)}"
            )
        if not 0 <= near < far:
            raise DataError(f"stream '{self.source}': depth range {near:g} to {far:g} mm is empty")

    def adjusted(self, gain: float = 1.0, mirror: bool = False) -> StreamInfo:
        """What is true of the images after a depth gain, and after left and right were exchanged.

        Example:
            >>> StreamInfo(Camera(475.0, 475.0, 310.0, 240.0)).adjusted(0.8, mirror=True).camera.cx
            329.0
        """
        camera = self.camera
        if mirror:
            camera = replace(camera, cx=self.size_wh[0] - 1 - camera.cx)
        return replace(
            self,
            camera=camera,
            mirrored=self.mirrored != mirror,
            depth_unit_mm=self.depth_unit_mm * gain,
            depth_gain=self.depth_gain * gain,
        )

    def valid(self, depth_mm: np.ndarray) -> np.ndarray:
        """An image ``(H, W)`` with 0 wherever the depth is not strictly inside the valid range."""
        near, far = self.z_range_mm
        return np.where((depth_mm > near) & (depth_mm < far), depth_mm, 0).astype(np.float32)

    def to_json(self) -> dict[str, Any]:
        """Content of ``camera.json``."""
        camera = self.camera
        return {
            "fx": camera.fx,
            "fy": camera.fy,
            "cx": camera.cx,
            "cy": camera.cy,
            "width": self.size_wh[0],
            "height": self.size_wh[1],
            "depth_unit_mm": self.depth_unit_mm,
            "mirrored": self.mirrored,
            "fps": self.fps,
            "z_min": self.z_range_mm[0],
            "z_max": self.z_range_mm[1],
            "source": self.source,
            "depth_gain": self.depth_gain,
        }


def write_info(path: Path, info: StreamInfo) -> None:
    """Write a ``camera.json``, complete or not at all."""
    part = path.with_name(f".{path.name}.{os.getpid()}")
    part.write_text(json.dumps(info.to_json(), indent=1) + "\n", encoding="utf-8")
    part.replace(path)


def read_info(path: Path, size_wh: tuple[int, int]) -> StreamInfo:
    """Read a ``camera.json``; only the intrinsics must be there.

    Args:
        path: the file.
        size_wh: size of the images beside it.
    Raises:
        DataError: naming what is missing, no number, or contradicts the images.
    """
    content = _read_object(path)
    missing = [name for name in ("fx", "fy", "cx", "cy") if name not in content]
    if missing:
        raise DataError(f"{path}: {', '.join(missing)} missing; a camera has fx, fy, cx, cy in pixels")

    def number(name: str, default: float = 0.0) -> float:
        value = content.get(name, default)
        if isinstance(value, bool) or not isinstance(value, int | float) or not np.isfinite(value):
            raise DataError(f"{path}: {name} is {json.dumps(value)}, a number is expected")
        return float(value)

    said = (int(number("width", size_wh[0])), int(number("height", size_wh[1])))
    if said != size_wh:
        raise DataError(
            f"{path} is for images of {said[0]}x{said[1]}, those beside it have {size_wh[0]}x{size_wh[1]}"
        )
    return StreamInfo(
        camera=Camera(number("fx"), number("fy"), number("cx"), number("cy")),
        size_wh=size_wh,
        depth_unit_mm=number("depth_unit_mm", 1.0),
        mirrored=bool(content.get("mirrored", False)),
        fps=number("fps", 30.0),
        z_range_mm=(number("z_min", DEFAULT_RANGE_MM[0]), number("z_max", DEFAULT_RANGE_MM[1])),
        source=str(content.get("source", path.parent.name)),
        depth_gain=number("depth_gain", 1.0),
    )


def default_info(size_wh: tuple[int, int], source: str) -> StreamInfo:
    """What is assumed of images without a camera: the published one, scaled to their size."""
    across, down = size_wh[0] / DEFAULT_SIZE[0], size_wh[1] / DEFAULT_SIZE[1]
    camera = Camera(
        DEFAULT_CAMERA.fx * across,
        DEFAULT_CAMERA.fy * down,
        (DEFAULT_CAMERA.cx + 0.5) * across - 0.5,
        (DEFAULT_CAMERA.cy + 0.5) * down - 0.5,
    )
    return StreamInfo(camera, size_wh, source=source)


def _read_object(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise DataError(f"{path} is no JSON file: {error}") from None
    if not isinstance(content, dict):
        raise DataError(f"{path} must hold an object with fx, fy, cx, cy")
    return content
