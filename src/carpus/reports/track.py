"""Pictures of a tracked hand: cube, skeleton and status over the depth image, as files or a film."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import cv2
import numpy as np
from PIL import Image

from carpus.errors import ConfigError, DataError, unknown
from carpus.geometry.camera import Camera
from carpus.geometry.cube import VOID, Cube, points_in_cube
from carpus.reports.draw import CREAM, colour_depth, draw_skeleton
from carpus.reports.style import write_bytes
from carpus.skeletons import Skeleton

FILMS = ("png", "mp4", "gif")
SQUARES = ((0.0, (255, 165, 0)), (-1.0, (255, 0, 0)), (1.0, (0, 255, 0)))
"""Section of the cube in half sides behind its centre, and its colour: centre, near and far side."""
_INK, _HALO = (150, 30, 30), (255, 250, 240)
_GIF_WIDTH, _GIF_COLOURS = 400, 64


def draw_frame(
    depth_mm: np.ndarray,
    camera: Camera,
    status: str,
    cube: Cube | None,
    joints_cam_mm: np.ndarray | None,
    skeleton: Skeleton | None,
    z_range_mm: tuple[float, float],
) -> np.ndarray:
    """The whole image with what was found in it.

    Args:
        depth_mm: ``(H, W)``, 0 = none.
        camera: of the image.
        status: written at the top unless it is ``ok``.
        cube: drawn as three squares, or None.
        joints_cam_mm: ``(J, 3)``, or None.
        skeleton: of the joints.
        z_range_mm: depths that are told apart where no cube says which matter.
    Returns:
        ``(H, W, 3)`` uint8.
    """
    near, far = z_range_mm
    middle, span = ((near + far) / 2, far - near) if cube is None else (cube.center_mm[2], 3 * cube.half_mm)
    picture = colour_depth(np.where(depth_mm < far, depth_mm, 0), middle, span)
    if cube is not None:
        _draw_cube(picture, cube, camera)
    if joints_cam_mm is not None and skeleton is not None:
        pixels = camera.project(joints_cam_mm)
        picture = draw_skeleton(picture, pixels, skeleton, order=joints_cam_mm[:, 2], width=4.0)
    if cube is None:
        for ink, width in ((_HALO, 4), (_INK, 1)):
            cv2.putText(picture, status, (12, 28), cv2.FONT_HERSHEY_SIMPLEX, 0.7, ink, width, cv2.LINE_AA)
    return picture


def _draw_cube(picture: np.ndarray, cube: Cube, camera: Camera) -> None:
    """Three squares, into the picture."""
    for section, colour in reversed(SQUARES):
        if cube.center_mm[2] + section * cube.half_mm <= 1.0:
            continue
        side, row, col = cube.square(camera, section * cube.half_mm)
        ends = np.clip(np.round([col, row, col + side, row + side]), -30000, 30000).astype(int).tolist()
        cv2.rectangle(picture, (ends[0], ends[1]), (ends[2], ends[3]), colour, 1, cv2.LINE_AA)


def draw_views(
    depth_mm: np.ndarray, camera: Camera, cube: Cube | None, z_range_mm: tuple[float, float]
) -> np.ndarray:
    """What the cube holds, seen from the front, from the side and from above, one below the other.

    Args:
        depth_mm: ``(H, W)``, 0 = none.
        camera: of the image.
        cube: or None for empty views.
        z_range_mm: valid depth, both ends excluded.
    Returns:
        ``(H, H // 3, 3)`` uint8; near is dark.
    """
    side = depth_mm.shape[0] // 3
    views = np.zeros((depth_mm.shape[0], side), np.float32)
    if cube is not None:
        points = points_in_cube(depth_mm, camera, cube, z_range_mm)
        # Far points first, so that near ones stay.
        points = points[np.argsort(-points[:, 2])]
        for view in range(3):
            row, col = cube.pixels(points, view, side).T
            views[view * side + row, col] = cube.view(points, view)[1]
    picture = np.where(views[..., None] > VOID, 0.15 + 0.75 * views[..., None], 1.0) * CREAM
    picture[::side] = 0.6 * CREAM
    return picture.round().astype(np.uint8)


class Film(Protocol):
    """Takes the pictures of a stream one by one."""

    def add(self, picture: np.ndarray, number: int) -> None:
        """The next picture ``(H, W, 3)`` uint8 and its frame's number."""
        ...

    def close(self) -> list[Path]:
        """Finish; what was written."""
        ...


def open_film(kind: str, folder: Path, size_wh: tuple[int, int], fps: float) -> Film:
    """Where pictures go.

    Args:
        kind: ``png`` for a file per frame in ``overlay/``, ``mp4`` or ``gif`` for one film.
        folder: of the results.
        size_wh: of the pictures.
        fps: of the film.
    Raises:
        ConfigError: for another kind.
        DataError: if the film cannot be written here.
    """
    if kind == "png":
        return PngFiles(folder / "overlay")
    if kind == "mp4":
        return Mp4File(folder / "overlay.mp4", size_wh, fps)
    if kind == "gif":
        return GifFile(folder / "overlay.gif", fps)
    raise ConfigError(unknown("overlay", kind, FILMS))


class PngFiles:
    """A picture per frame; those of an earlier run in the folder are removed.

    Args:
        folder: to write to.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for old in folder.glob("image_D*.png"):
            old.unlink()

    def add(self, picture: np.ndarray, number: int) -> None:
        """Write one file."""
        # Little compression: drawing must keep up with the stream.
        _, data = cv2.imencode(".png", picture[..., ::-1], [cv2.IMWRITE_PNG_COMPRESSION, 1])
        write_bytes(self.folder / f"image_D{number:08d}.png", data.tobytes())

    def close(self) -> list[Path]:
        """The folder."""
        return [self.folder]


class Mp4File:
    """A film in MPEG-4.

    Args:
        file: to write; it appears when it is complete.
        size_wh: of the pictures.
        fps: frames per second.
    """

    def __init__(self, file: Path, size_wh: tuple[int, int], fps: float) -> None:
        self.file, self._part = file, file.with_name(f".part_{file.name}")
        file.parent.mkdir(parents=True, exist_ok=True)
        self._writer = cv2.VideoWriter(str(self._part), cv2.VideoWriter.fourcc(*"mp4v"), fps, size_wh)
        if not self._writer.isOpened():
            raise DataError(f"{file}: OpenCV cannot write MPEG-4 here; take --overlay gif or png")

    def add(self, picture: np.ndarray, number: int) -> None:
        """Append a picture."""
        self._writer.write(np.ascontiguousarray(picture[..., ::-1]))

    def close(self) -> list[Path]:
        """Complete the film."""
        self._writer.release()
        self._part.replace(self.file)
        return [self.file]


class GifFile:
    """An animation for pages and slides: smaller pictures of few colours.

    Args:
        file: to write.
        fps: frames per second.
    """

    def __init__(self, file: Path, fps: float) -> None:
        self.file, self.fps = file, fps
        self._pictures: list[Image.Image] = []

    def add(self, picture: np.ndarray, number: int) -> None:
        """Keep a picture, reduced."""
        height = max(1, round(picture.shape[0] * _GIF_WIDTH / picture.shape[1]))
        small = Image.fromarray(picture).resize((_GIF_WIDTH, height), Image.Resampling.BILINEAR)
        self._pictures.append(small.quantize(_GIF_COLOURS))

    def close(self) -> list[Path]:
        """Write the animation."""
        if not self._pictures:
            return []
        self.file.parent.mkdir(parents=True, exist_ok=True)
        part = self.file.with_name(f".part_{self.file.name}")
        first, *rest = self._pictures
        # The format counts hundredths of a second, and viewers slow down below two of them.
        pause = max(20, round(100 / self.fps) * 10)
        first.save(part, format="GIF", save_all=True, append_images=rest, duration=pause, loop=0)
        part.replace(self.file)
        return [self.file]
