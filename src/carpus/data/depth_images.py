"""Depth images as their publishers code them: bytes to millimetres and back."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib

import cv2
import numpy as np

from carpus.errors import DataError, unknown

CODINGS = ("msra_bin", "png16_mm", "nyu_png", "npz_mm", "raw_f32:WxH")
"""``msra_bin`` MSRA's hand box; ``png16_mm`` 16-bit PNG; ``nyu_png`` 8-bit RGB PNG, 256 G + B; ``npz_mm`` our
lossless form of arrays in other units; ``raw_f32:320x240`` float32 without header, as torch7 wrote them."""

_MSRA_HEADER = struct.Struct("<6I")
_LARGEST_PLAUSIBLE_METRES = 20.0


def decode_depth(data: bytes, coding: str) -> np.ndarray:
    """Depth image of published bytes.

    Args:
        data: the file's content.
        coding: one of :data:`CODINGS`.
    Returns:
        ``(H, W)`` float32 millimetres, 0 = no measurement.
    Raises:
        DataError: if the bytes are not what the coding promises.
    Example:
        >>> decode_depth(np.full(6, 250, "<f4").tobytes(), "raw_f32:3x2").shape
        (2, 3)
    """
    if coding == "msra_bin":
        return _decode_msra(data)
    if coding == "png16_mm":
        return _decode_png16(data)
    if coding == "nyu_png":
        return _decode_nyu(data)
    if coding == "npz_mm":
        return _decode_npz(data)
    if coding.startswith("raw_f32:"):
        return _decode_raw(data, *_raw_size(coding))
    raise DataError(unknown("depth coding", coding, CODINGS))


def encode_depth(depth_mm: np.ndarray, coding: str) -> bytes:
    """Bytes of a depth image in a published coding.

    Args:
        depth_mm: ``(H, W)`` millimetres, 0 = no measurement.
        coding: one of :data:`CODINGS`; those of whole millimetres round.
    Returns:
        The file's content.
    Example:
        >>> depth = np.zeros((4, 4), np.float32); depth[1:3, 2] = 300
        >>> bool((decode_depth(encode_depth(depth, "msra_bin"), "msra_bin") == depth).all())
        True
    """
    if coding == "msra_bin":
        return _encode_msra(depth_mm)
    if coding == "png16_mm":
        return _png(_whole_mm(depth_mm))
    if coding == "nyu_png":
        values = _whole_mm(depth_mm)
        # OpenCV writes blue, green, red.
        return _png(np.stack([values & 255, values >> 8, np.zeros_like(values)], axis=-1).astype(np.uint8))
    if coding == "npz_mm":
        whole = _whole_mm(depth_mm)
        return npz_bytes(whole if np.array_equal(whole, depth_mm) else depth_mm.astype(np.float32), 1.0)
    if coding.startswith("raw_f32:"):
        width, height = _raw_size(coding)
        if depth_mm.shape != (height, width):
            raise DataError(f"depth image of shape {depth_mm.shape} does not fit the coding {coding}")
        return depth_mm.astype("<f4").tobytes()
    raise DataError(unknown("depth coding", coding, CODINGS))


def npz_bytes(depth: np.ndarray, unit_mm: float) -> bytes:
    """``npz_mm`` bytes that keep an array's own type and unit, so that nothing is lost.

    Args:
        depth: ``(H, W)`` in any unit and type.
        unit_mm: millimetres per unit; 1000 for metres.
    """
    buffer = io.BytesIO()
    np.savez_compressed(buffer, depth=depth, unit_mm=np.float32(unit_mm))
    return buffer.getvalue()


def check_millimetres(depth_mm: np.ndarray, where: str) -> None:
    """Refuse a depth image that is evidently in metres.

    Args:
        depth_mm: ``(H, W)`` what is said to be millimetres.
        where: file or record named in the error.
    Raises:
        DataError: if every measurement is below 20.
    """
    largest = float(depth_mm.max(initial=0.0))
    if 0 < largest < _LARGEST_PLAUSIBLE_METRES:
        raise DataError(
            f"{where}: the largest depth is {largest:.3g} mm, so the image is in metres; multiply by 1000"
        )


def _decode_msra(data: bytes) -> np.ndarray:
    if len(data) < _MSRA_HEADER.size:
        raise DataError(f"depth file of {len(data)} bytes is shorter than its header of {_MSRA_HEADER.size}")
    width, height, left, top, right, bottom = _MSRA_HEADER.unpack_from(data)
    if not (left <= right <= width <= 4096 and top <= bottom <= height <= 4096):
        raise DataError(
            f"depth file header is damaged: {width}x{height}, box {left}, {top}, {right}, {bottom}"
        )
    expected = _MSRA_HEADER.size + 4 * (right - left) * (bottom - top)
    if len(data) != expected:
        raise DataError(f"depth file has {len(data)} bytes, its header promises {expected}: it is truncated")
    depth_mm = np.zeros((height, width), np.float32)
    box = np.frombuffer(data, "<f4", offset=_MSRA_HEADER.size)
    depth_mm[top:bottom, left:right] = box.reshape(bottom - top, right - left)
    return depth_mm


def _encode_msra(depth_mm: np.ndarray) -> bytes:
    height, width = depth_mm.shape
    rows, cols = np.flatnonzero(depth_mm.any(1)), np.flatnonzero(depth_mm.any(0))
    top, bottom = (int(rows[0]), int(rows[-1]) + 1) if rows.size else (0, 0)
    left, right = (int(cols[0]), int(cols[-1]) + 1) if cols.size else (0, 0)
    header = _MSRA_HEADER.pack(width, height, left, top, right, bottom)
    return header + depth_mm[top:bottom, left:right].astype("<f4").tobytes()


def _read_png(data: bytes) -> np.ndarray:
    # A cut PNG decodes to a half-black image without complaint; its last chunk tells.
    if not data.startswith(b"\x89PNG"):
        raise DataError("not a PNG image")
    if b"IEND" not in data[-16:]:
        raise DataError(f"PNG of {len(data)} bytes is truncated: its end mark is missing")
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if image is None:
        raise DataError(f"PNG of {len(data)} bytes cannot be decoded")
    return image


def _decode_png16(data: bytes) -> np.ndarray:
    image = _read_png(data)
    if image.ndim != 2:
        raise DataError(f"depth PNG has {image.shape[2]} channels, one of 16 bits is expected")
    return image.astype(np.float32)


def _decode_nyu(data: bytes) -> np.ndarray:
    image = _read_png(data)
    if image.ndim != 3 or image.dtype != np.uint8:
        raise DataError("NYU depth PNG must have three 8-bit channels (depth = 256 G + B)")
    return image[..., 1].astype(np.float32) * 256 + image[..., 0]


def _decode_npz(data: bytes) -> np.ndarray:
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
            return arrays["depth"].astype(np.float32) * arrays["unit_mm"]
    except (zipfile.BadZipFile, zlib.error, KeyError, ValueError, OSError, EOFError) as error:
        raise DataError(f"depth array is damaged: {error}") from error


def _decode_raw(data: bytes, width: int, height: int) -> np.ndarray:
    if len(data) != 4 * width * height:
        raise DataError(f"raw depth file has {len(data)} bytes, {width}x{height} needs {4 * width * height}")
    return np.frombuffer(data, "<f4").reshape(height, width).astype(np.float32)


def _raw_size(coding: str) -> tuple[int, int]:
    try:
        width, height = coding.removeprefix("raw_f32:").split("x")
        return int(width), int(height)
    except ValueError:
        raise DataError(f"depth coding '{coding}' must look like raw_f32:320x240") from None


def _whole_mm(depth_mm: np.ndarray) -> np.ndarray:
    return np.clip(np.rint(depth_mm), 0, 65535).astype(np.uint16)


def _png(image: np.ndarray) -> bytes:
    ok, data = cv2.imencode(".png", image)
    if not ok:
        raise DataError(f"image of shape {image.shape} cannot be written as PNG")
    return data.tobytes()
