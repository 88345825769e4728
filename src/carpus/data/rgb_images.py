"""Pictures and part masks as their publishers code them: bytes to RGB and to labels."""

from __future__ import annotations

import cv2
import numpy as np

from carpus.codecs.part_labels import CLASSES
from carpus.errors import ConfigError, DataError, unknown

CODINGS = ("standard", "exchanged")
"""``standard``: JPEG or PNG as everyone reads it; ``exchanged``: PNG whose red and blue are exchanged, as
DIGIT's ``interhand.lmdb`` holds it."""
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


def decode_labels(data: bytes, bad: str = "error") -> np.ndarray:
    """A part mask of PNG bytes: one channel, or three equal ones as DIGIT's ``segm_32.lmdb`` holds it.

    Args:
        data: the PNG file.
        bad: ``error`` refuses values above 32, ``background`` makes them 0. The published renderer wrote 33
            now and then.
    Returns:
        ``(H, W)`` uint8, 0 to 32.
    Raises:
        DataError: for a mask that is cut off, has values above 32 or channels that differ.
    Example:
        >>> data = cv2.imencode(".png", np.full((2, 2, 3), 32, np.uint8))[1].tobytes()
        >>> decode_labels(data).tolist()
        [[32, 32], [32, 32]]
    """
    if bad not in BAD_LABELS:
        raise ConfigError(unknown("dataset.bad_labels", bad, BAD_LABELS))
    check_picture(data)
    labels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if labels is None or labels.dtype != np.uint8:
        raise DataError(f"the mask of {len(data)} bytes cannot be decoded to 8-bit labels")
    if labels.ndim == 3:
        labels = _one_channel(labels)
    if (largest := int(labels.max(initial=0))) < CLASSES:
        return labels
    wrong = labels >= CLASSES
    if bad == "error":
        raise DataError(
            f"the mask has the value {largest} ({int(wrong.sum())} pixels above {CLASSES - 1}); 0 is "
            f"background and 1 to {CLASSES - 1} name parts. Render it again, or read such pixels as "
            "background with dataset.bad_labels=background"
        )
    return np.where(wrong, 0, labels).astype(np.uint8)


def _one_channel(labels: np.ndarray) -> np.ndarray:
    sums = labels.sum((0, 1), dtype=np.int64)[:3]
    if (sums != sums[0]).any():
        raise DataError(f"the mask's channels differ (sums {sums.tolist()}); three equal ones are expected")
    return np.ascontiguousarray(labels[..., 0])


def encode_labels(labels: np.ndarray) -> bytes:
    """PNG bytes ``(H, W)`` uint8 of one channel, which :func:`decode_labels` reads.

    Raises:
        DataError: for values above 32.
    """
    if int(np.max(labels, initial=0)) >= CLASSES:
        raise DataError(f"mask values up to {int(np.max(labels))}: 0 to {CLASSES - 1} are allowed")
    return cv2.imencode(".png", np.asarray(labels, np.uint8))[1].tobytes()
