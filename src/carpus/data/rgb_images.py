"""Pictures and part masks as their publishers code them: bytes to RGB and to labels."""

from __future__ import annotations

import cv2
import numpy as np

from carpus.codecs.part_labels import CLASSES
from carpus.data.part_codes import RHD_TO_LABELS, RHD_VALUES
from carpus.errors import ConfigError, DataError, unknown

CODINGS = ("standard", "exchanged")
"""``standard``: JPEG or PNG as everyone reads it; ``exchanged``: PNG whose red and blue are exchanged, as
DIGIT's ``interhand.lmdb`` holds it."""
LABEL_CODINGS = ("standard", "rhd")
"""``standard``: 0 background, 1 to 32 parts; ``rhd``: RHD's 34 values, of which 1 is the person beside the
hands."""
BAD_LABELS = ("error", "background")
"""What to do with mask values that name no part."""

_JPEG_BEGIN, _JPEG_END = b"\xff\xd8", b"\xff\xd9"
_PNG_BEGIN, _PNG_END = b"\x89PNG\r\n\x1a\n", b"IEND"
_FLAGS = cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION


def decode_rgb(data: bytes, coding: str = "standard") -> np.ndarray:
    """A picture of published bytes; a grey one gets three equal channels.

    Args:
        data: a JPEG or PNG file.
        coding: one of :data:`CODINGS`.
    Returns:
        ``(H, W, 3)`` uint8, red first, rows as they are stored (no rotation by camera tags).
    Raises:
        DataError: if the bytes are not a whole picture.
    Example:
        >>> data = cv2.imencode(".png", np.full((2, 3), 7, np.uint8))[1].tobytes()
        >>> decode_rgb(data).shape
        (2, 3, 3)
    """
    if coding not in CODINGS:
        raise DataError(unknown("picture coding", coding, CODINGS))
    check_picture(data)
    image = cv2.imdecode(np.frombuffer(data, np.uint8), _FLAGS)
    if image is None:
        raise DataError(f"the picture of {len(data)} bytes cannot be decoded")
    return image if coding == "exchanged" else cv2.cvtColor(image, cv2.COLOR_BGR2RGB)


def check_picture(data: bytes) -> None:
    """Refuse what is no picture, or cut off; the content is not decoded.

    A decoder fills what is missing of a JPEG with grey and says nothing.

    Raises:
        DataError: saying which.
    """
    if data.startswith(_JPEG_BEGIN):
        end = _JPEG_END
    elif data.startswith(_PNG_BEGIN):
        end = _PNG_END
    else:
        raise DataError(f"{len(data)} bytes that are neither a JPEG nor a PNG picture")
    if data.rfind(end) < 0:
        raise DataError(f"the picture is cut off after {len(data)} bytes; copy it again")


def decode_labels(data: bytes, bad: str = "error", coding: str = "standard") -> np.ndarray:
    """A part mask of PNG bytes: one channel, or three equal ones as DIGIT's ``segm_32.lmdb`` holds it.

    Args:
        data: the PNG file.
        bad: ``error`` refuses values that name no part, ``background`` makes them 0. The published renderer
            wrote 33 now and then.
        coding: one of :data:`LABEL_CODINGS`, a record's ``segm_coding``.
    Returns:
        ``(H, W)`` uint8, 0 to 32.
    Raises:
        DataError: for a mask that is cut off, has values that name no part or channels that differ.
    Example:
        >>> data = cv2.imencode(".png", np.full((2, 2, 3), 32, np.uint8))[1].tobytes()
        >>> decode_labels(data).tolist()
        [[32, 32], [32, 32]]
    """
    if bad not in BAD_LABELS:
        raise ConfigError(unknown("dataset.bad_labels", bad, BAD_LABELS))
    if coding not in LABEL_CODINGS:
        raise DataError(unknown("mask coding", coding, LABEL_CODINGS))
    values = mask_values(data)
    count = RHD_VALUES if coding == "rhd" else CLASSES
    if (largest := int(values.max(initial=0))) >= count:
        wrong = values >= count
        if bad == "error":
            raise DataError(
                f"the mask has the value {largest} ({int(wrong.sum())} pixels above {count - 1}); 0 is "
                f"background and the values to {count - 1} name parts. Render it again, or read such pixels "
                "as background with dataset.bad_labels=background"
            )
        values = np.where(wrong, 0, values).astype(np.uint8)
    return RHD_TO_LABELS[values] if coding == "rhd" else values


def mask_values(data: bytes) -> np.ndarray:
    """The values ``(H, W)`` uint8 of a mask file as they are stored, of one channel or of three equal ones.

    Raises:
        DataError: for a picture that is cut off or holds something else.
    """
    check_picture(data)
    values = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if values is None or values.dtype != np.uint8:
        raise DataError(f"the mask of {len(data)} bytes cannot be decoded to 8-bit labels")
    return _one_channel(values) if values.ndim == 3 else values


def _one_channel(labels: np.ndarray) -> np.ndarray:
    sums = labels.sum((0, 1), dtype=np.int64)[:3]
    if (sums != sums[0]).any():
        raise DataError(f"the mask's channels differ (sums {sums.tolist()}); three equal ones are expected")
    return np.ascontiguousarray(labels[..., 0])


def picture_size(data: bytes) -> tuple[int, int]:
    """Width and height of a JPEG or PNG file, read from its header.

    Raises:
        DataError: if the bytes are not a whole picture.
    Example:
        >>> picture_size(cv2.imencode(".png", np.zeros((2, 3), np.uint8))[1].tobytes())
        (3, 2)
    """
    check_picture(data)
    if data.startswith(_PNG_BEGIN):
        return int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")
    place = len(_JPEG_BEGIN)
    while place + 9 <= len(data) and data[place] == 0xFF:
        marker, length = data[place + 1], int.from_bytes(data[place + 2 : place + 4], "big")
        # Frame headers; 0xC4, 0xC8 and 0xCC are tables.
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = data[place + 5 : place + 7], data[place + 7 : place + 9]
            return int.from_bytes(width, "big"), int.from_bytes(height, "big")
        place += 2 + length
    raise DataError(f"the JPEG picture of {len(data)} bytes has no frame header")


def encode_labels(labels: np.ndarray) -> bytes:
    """PNG bytes ``(H, W)`` uint8 of one channel, which :func:`decode_labels` reads.

    Raises:
        DataError: for values above 32.
    """
    if int(np.max(labels, initial=0)) >= CLASSES:
        raise DataError(f"mask values up to {int(np.max(labels))}: 0 to {CLASSES - 1} are allowed")
    return cv2.imencode(".png", np.asarray(labels, np.uint8))[1].tobytes()
