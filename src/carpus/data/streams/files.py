"""Recorded frames on disk: folders of PNG images, stacks, single images."""

from __future__ import annotations

import os
import re
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from carpus.data.depth_images import decode_depth
from carpus.errors import DataError

IMAGE_NAME = "image_D{:08d}.png"
_IMAGE = re.compile(r"image_D(\d+)\.png", re.IGNORECASE)
_LAST_NUMBER = re.compile(r"(\d+)(?!.*\d)")
_BIT_DEPTH_AT = 24  # byte of a PNG's header
_PARTS = ("training/images", "frame/images", "images")
HANDS17_LABELS = ("Training_Annotation.txt", "BoundingBox.txt")


@dataclass(frozen=True)
class Frames:
    """Frames by their position.

    Args:
        names: one per frame, as an image file would be called.
        numbers: one per frame, rising.
        read: position to ``(H, W)`` stored values.
        where: what is named in messages.
        folder: where a ``camera.json`` would lie.
        camera: ``(4,)`` fx, fy, cx, cy that came with the frames, or None.
    """

    names: Sequence[str]
    numbers: Sequence[int]
    read: Callable[[int], np.ndarray]
    where: Path
    folder: Path
    camera: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.names)

    @property
    def of_hands17(self) -> bool:
        """Whether the folder is one of HANDS 2017's, which has its own camera."""
        parent = self.folder.parent
        return self.folder.name == "images" and any((parent / name).is_file() for name in HANDS17_LABELS)


def find_frames(path: Path) -> Frames:
    """The frames of a folder, a stack or a single image.

    Args:
        path: folder of ``image_D<number>.png`` (or of other 16-bit PNG images), of HANDS 2017, ``.npz`` or
            ``.npy`` of shape (T, H, W), or one PNG image.
    Raises:
        DataError: if there is nothing to read.
    """
    if path.is_dir():
        return _folder(path)
    if not path.exists():
        raise DataError(f"{path}: no such file or folder")
    suffix = path.suffix.lower()
    if suffix == ".png":
        return _images(path, path.parent, [path.name])
    if suffix in (".npy", ".npz"):
        return _stack(path)
    raise DataError(
        f"{path}: a stream is a folder of image_D<number>.png, .npz, .npy or .png, not '{suffix}'"
    )


def _folder(path: Path) -> Frames:
    names = _listed(path)
    if names:
        return _images(path, path, names)
    inner = [path / part for part in _PARTS if (path / part).is_dir()]
    if len(inner) > 1:
        raise DataError(f"{path} holds several recordings: give {' or '.join(map(str, inner))}")
    if not inner:
        raise DataError(f"{path} holds no image_D<number>.png and no other PNG image")
    return _folder(inner[0])


def _listed(folder: Path) -> list[str]:
    """File names of depth images in the order of their numbers; others only if none has the usual name."""
    found = [entry.name for entry in os.scandir(folder) if entry.name.lower().endswith(".png")]
    usual = [name for name in found if _IMAGE.fullmatch(name)]
    return sorted(usual or found, key=_order)


def _order(name: str) -> tuple[str, int, str]:
    """Names with the same beginning by their last number."""
    number = _LAST_NUMBER.search(name)
    return (name[: number.start()], int(number[1]), name) if number else (name, -1, name)


def _images(where: Path, folder: Path, names: list[str]) -> Frames:
    matches = [_IMAGE.fullmatch(name) for name in names]
    numbers = [int(match[1]) if match else place for place, match in enumerate(matches)]

    def read(index: int) -> np.ndarray:
        file = folder / names[index]
        try:
            return _decoded(file.read_bytes())
        except (DataError, OSError) as error:
            raise DataError(f"{file}: {error}") from None

    return Frames(names, numbers, read, where, folder)


def _decoded(data: bytes) -> np.ndarray:
    """A PNG image of 16 bits; 8 bits are a picture whose millimetres are lost."""
    depth = decode_depth(data, "png16_mm")
    if data[_BIT_DEPTH_AT] != 16:
        raise DataError(f"a depth PNG has 16 bits per pixel, this one {data[_BIT_DEPTH_AT]}")
    return depth


def _stack(path: Path) -> Frames:
    try:
        loaded = np.load(path, mmap_mode="r", allow_pickle=False)
        camera = None
        if isinstance(loaded, np.lib.npyio.NpzFile):
            with loaded:
                camera = np.asarray(loaded["camera"], float) if "camera" in loaded.files else None
                loaded = loaded[_chosen(path, loaded)]
    except (ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise DataError(f"{path} cannot be read as a stack of depth images: {error}") from None
    stack = loaded[None] if loaded.ndim == 2 else loaded
    if stack.ndim != 3 or stack.dtype.kind not in "fui" or not len(stack):
        raise DataError(f"{path} holds {loaded.dtype} {loaded.shape}; expected numbers (T, H, W)")
    if camera is not None and (camera.shape != (4,) or not np.isfinite(camera).all()):
        raise DataError(f"{path}: its camera has shape {camera.shape}; expected fx, fy, cx, cy")
    names = [IMAGE_NAME.format(number) for number in range(len(stack))]
    return Frames(names, range(len(stack)), lambda index: stack[index], path, path.parent, camera)


def _chosen(path: Path, arrays: np.lib.npyio.NpzFile) -> str:
    """The name of the one array of frames."""
    files = [name for name in arrays.files if name != "camera"]
    for name in ("depth_mm", "depth", "frames", "frames_u16"):
        if name in files:
            return name
    deep = [name for name in files if arrays[name].ndim == 3]
    if len(deep) == 1:
        return deep[0]
    raise DataError(
        f"{path} holds {', '.join(files) or 'nothing'}; name the frames of shape (T, H, W) 'depth_mm'"
    )
