"""Photographs that belong to no dataset: reading them, boxes around hands, records methods can take."""

from __future__ import annotations

import difflib
import io
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from carpus.errors import DataError
from carpus.geometry.camera import Camera
from carpus.geometry.crops import square_box
from carpus.types import Record

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff")
ENLARGE = 1.25
"""Published factor on the longer side of a box."""
WHOLE = "whole image"
"""Source of a box nobody gave."""
HAND_TYPES = {"right": (1, 0), "left": (0, 1), "both": (1, 1)}

_SHRINK_FROM = 3.0
_DIM_16_BIT = 4096
_LONGEST_PX = 32_000


@dataclass(frozen=True)
class PhotoBox:
    """Where hands are in a photograph.

    Args:
        xywh_px: ``(4,)`` left, top, width, height; the centre of the first pixel is (0, 0).
        source: ``given``, ``file`` or :data:`WHOLE`.
    """

    xywh_px: np.ndarray
    source: str


@dataclass(frozen=True)
class PhotoCrop:
    """A record of a box in a photograph, and the way back.

    Args:
        record: of the photograph, reduced where the box is much larger than the method's crop.
        shrink: how many pixels of the photograph make one of the record's picture, along each side.
        crop_xywh_px: ``(4,)`` the square that is cropped, in the photograph.
    """

    record: Record
    shrink: int
    crop_xywh_px: np.ndarray

    def to_photo(self, pixels: np.ndarray) -> np.ndarray:
        """Pixels ``(*, 2)`` of the photograph, of those of the record's picture."""
        return (np.asarray(pixels, np.float64) + 0.5) * self.shrink - 0.5

    def to_record(self, pixels: np.ndarray) -> np.ndarray:
        """The inverse of :meth:`to_photo`."""
        return (np.asarray(pixels, np.float64) + 0.5) / self.shrink - 0.5

    def box_in_record(self, xywh_px: np.ndarray) -> np.ndarray:
        """``(4,)`` float32 in the record's picture, of a box of the photograph."""
        size = np.asarray(xywh_px, np.float64)[2:] / self.shrink
        return np.array([*self.to_record(np.asarray(xywh_px)[:2]), *size], np.float32)

    def labels_in_photo(
        self, labels: np.ndarray, image_to_crop: np.ndarray, crop_px: int, size_wh: tuple[int, int]
    ) -> np.ndarray:
        """A crop's mask at its place in the photograph, 0 elsewhere.

        Args:
            labels: ``(M, M)`` uint8, every so manieth row and column of the crop.
            image_to_crop: ``(2, 3)`` pixel of the record's picture to crop pixel.
            crop_px: side of the crop.
            size_wh: width and height of the photograph.
        Returns:
            ``(H, W)`` uint8, nearest label.
        """
        step = crop_px / labels.shape[0]
        place = np.array(image_to_crop, np.float64)
        place[:, 2] += place[:, :2].sum(1) * (0.5 / self.shrink - 0.5)
        place[:, :2] /= self.shrink
        flags = cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP
        return cv2.warpAffine(np.asarray(labels, np.uint8), place / step, size_wh, flags=flags)


def find_photos(path: Path) -> list[Path]:
    """The file itself, or the pictures of a folder in order of their names.

    Raises:
        DataError: if there is none.
    """
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise DataError(f"{path}: no such file or folder")
    found = sorted(file for file in path.iterdir() if file.suffix.lower() in SUFFIXES)
    if not found:
        raise DataError(f"{path} holds no picture ({', '.join(SUFFIXES)})")
    return found


def read_photo(path: Path) -> tuple[np.ndarray, str]:
    """A picture as people see it: upright, three channels of 8 bits.

    The orientation a camera noted is applied. Grey becomes three equal channels, what is transparent black,
    16 bits are scaled to 8.

    Returns:
        ``(H, W, 3)`` uint8 RGB, and a warning, empty if all is well.
    Raises:
        DataError: naming the file, if it cannot be read whole.
    """
    try:
        with Image.open(io.BytesIO(path.read_bytes())) as opened:
            picture = ImageOps.exif_transpose(opened)
            pixels, warning = _eight_bits(picture)
    except DataError as error:
        raise DataError(f"{path}: {error}") from None
    except UnidentifiedImageError:
        raise DataError(f"{path}: not a readable picture; allowed are {', '.join(SUFFIXES)}") from None
    # A cut or hostile file makes Pillow raise whatever its decoder came upon.
    except Exception as error:
        raise DataError(f"{path}: the picture cannot be read: {error}") from None
    if max(pixels.shape) > _LONGEST_PX:
        raise DataError(
            f"{path}: {pixels.shape[1]} x {pixels.shape[0]} pixels; reduce it below {_LONGEST_PX}"
        )
    return pixels, f"{path.name}: {warning}" if warning else ""


def _eight_bits(picture: Image.Image) -> tuple[np.ndarray, str]:
    """``(H, W, 3)`` uint8 of a picture of any mode, and a warning."""
    mode = picture.mode
    if mode == "F":
        raise DataError("pixels are floating-point numbers; save it with 8 or 16 bits")
    if mode.startswith("I"):
        values = np.asarray(picture).astype(np.int64)
        largest = int(values.max(initial=0))
        if largest > 65_535 or int(values.min(initial=0)) < 0:
            raise DataError(f"values up to {largest}; save it with 8 or 16 bits")
        grey = np.round(values / 257).astype(np.uint8)
        dim = largest < _DIM_16_BIT
        warning = (
            f"16-bit values only up to {largest}, which is nearly black; is it a depth image?" if dim else ""
        )
        return np.repeat(grey[..., None], 3, -1), warning
    if mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in picture.info:
        with_alpha = picture.convert("RGBA")
        black = Image.new("RGBA", with_alpha.size, (0, 0, 0, 255))
        picture = Image.alpha_composite(black, with_alpha)
    return np.asarray(picture.convert("RGB")).copy(), ""


def read_boxes(path: Path) -> dict[str, list[np.ndarray]]:
    """Boxes of a JSON file ``{name: [x, y, w, h]}``, or ``{name: [[x, y, w, h], …]}`` for several.

    Raises:
        DataError: naming the file and the entry that is something else.
    """
    try:
        content = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: the boxes cannot be read: {error}") from None
    if not isinstance(content, dict):
        raise DataError(f"{path}: {{name: [x, y, w, h]}} is expected, found a {type(content).__name__}")
    return {str(name): _boxes_of(value, f"{path}: boxes of '{name}'") for name, value in content.items()}


def _boxes_of(value: Any, where: str) -> list[np.ndarray]:
    several = value if isinstance(value, list) and value and isinstance(value[0], list) else [value]
    try:
        boxes = [np.array(box, np.float64) for box in several]
    except (TypeError, ValueError):
        boxes = []
    if not boxes or any(box.shape != (4,) for box in boxes):
        raise DataError(f"{where}: [x, y, w, h] is expected, found {json.dumps(value)[:80]}")
    return boxes


def check_names(boxes: Mapping[str, object], photos: Iterable[str], path: Path) -> None:
    """Refuse a file of boxes that names pictures which are not there: their boxes would be lost.

    Raises:
        DataError: with the nearest name there is.
    """
    known = list(photos)
    for name in boxes:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"; did you mean '{near[0]}'?" if near else ""
            raise DataError(f"{path}: there is no picture '{name}'{hint}")


def checked_box(box: Sequence[float] | np.ndarray, size_wh: tuple[int, int], where: str) -> np.ndarray:
    """A box ``(4,)`` float64 that shows something of a picture.

    Args:
        box: left, top, width, height in pixels.
        size_wh: of the picture.
        where: its name, for messages.
    Raises:
        DataError: for a box without extent, outside the picture, or in other units.
    """
    found = np.asarray(box, np.float64)
    said = f"{where}: box {','.join(f'{v:g}' for v in found)}"
    width, height = size_wh
    if not np.isfinite(found).all() or (found[2:] <= 0).any():
        raise DataError(f"{said}: x, y, width, height in pixels are expected, width and height above 0")
    if (found <= 1).all():
        raise DataError(f"{said}: x, y, width, height in pixels are expected, not shares of the picture")
    left, top, right, bottom = *found[:2], *(found[:2] + found[2:])
    if right <= 0 or bottom <= 0 or left >= width or top >= height:
        raise DataError(f"{said} lies outside of the picture of {width} x {height} pixels")
    return found


def photo_crop(
    name: str,
    photo: np.ndarray,
    box: PhotoBox,
    *,
    camera: Camera,
    root_depth_mm: Sequence[float],
    hands: str = "both",
    enlarge: float = ENLARGE,
    crop_px: int = 256,
) -> PhotoCrop:
    """A box of a photograph as a record of an RGB-hand dataset without labels.

    Methods crop without smoothing, so a box more than three times as large as the crop is reduced first.

    Args:
        name: key of the record.
        photo, box: ``(H, W, 3)`` uint8 RGB, and where the hands are.
        camera: of the photograph.
        root_depth_mm: depth of the right and the left wrist.
        hands: one of :data:`HAND_TYPES`: which hands the record says are there.
        enlarge: factor on the box's longer side.
        crop_px: side of the method's crop.
    """
    square = square_box(box.xywh_px, enlarge)
    side = float(square[2])
    shrink = int(side // crop_px) if side > _SHRINK_FROM * crop_px else 1
    reduced, crop = _reduced(photo, shrink), PhotoCrop(Record(name), shrink, square)
    centre = crop.to_record(np.array([camera.cx, camera.cy]))
    fields = {
        "image": name,
        "image_wh": np.array([reduced.shape[1], reduced.shape[0]], np.int64),
        "camera": np.array([camera.fx / shrink, camera.fy / shrink, *centre]),
        "bbox_xywh_px": crop.box_in_record(box.xywh_px),
        "crop_xywh_px": crop.box_in_record(square),
        "hand_type": np.array(HAND_TYPES[hands], np.uint8),
        "root_depth_mm": np.asarray(root_depth_mm, np.float32),
        **{"hand_type_valid": 0, "segm_valid": 0},
    }
    return replace(crop, record=Record(name, {"rgb": _encoded(reduced)}, fields))


def _encoded(photo: np.ndarray) -> bytes:
    """PNG bytes, hardly compressed: they are decoded at once."""
    return cv2.imencode(".png", photo[..., ::-1], [cv2.IMWRITE_PNG_COMPRESSION, 1])[1].tobytes()


def _reduced(photo: np.ndarray, shrink: int) -> np.ndarray:
    """Means of ``shrink`` x ``shrink`` pixels; the last rows and columns are continued to whole ones."""
    if shrink == 1:
        return photo
    height, width = photo.shape[:2]
    padded = cv2.copyMakeBorder(photo, 0, -height % shrink, 0, -width % shrink, cv2.BORDER_REPLICATE)
    size = (padded.shape[1] // shrink, padded.shape[0] // shrink)
    return cv2.resize(padded, size, interpolation=cv2.INTER_AREA)


def assumed_camera(size_wh: tuple[int, int]) -> Camera:
    """A camera for a photograph of unknown intrinsics: 45 degrees across the longer side, centred.

    Example:
        >>> assumed_camera((1000, 500))
        Camera(fx=1207.1, fy=1207.1, cx=499.5, cy=249.5, distortion=None, rotation=None, position_mm=None)
    """
    width, height = size_wh
    focal = round(max(size_wh) / 2 / math.tan(math.radians(22.5)), 1)
    return Camera(focal, focal, (width - 1) / 2, (height - 1) / 2)
