"""Depth that RHD and STB hide in the colours of a PNG, and the map made of it for one hand."""

from __future__ import annotations

import cv2
import numpy as np
import torch

from carpus.codecs.hand_depth import HandDepth
from carpus.data.rgb_images import check_picture
from carpus.errors import DataError, unknown

CODINGS = ("rhd_png", "stb_png")
"""``rhd_png``: (256 R + G) / 65535 of 5 m; ``stb_png``: R + 256 G mm. Blue means nothing in either."""

_RHD_RANGE_M = 5.0


def read_coded_depth(data: bytes) -> np.ndarray:
    """The colours of a depth PNG, red first; its channels must never be blended.

    Returns:
        ``(H, W, 3)`` uint8.
    Raises:
        DataError: if the bytes are not a whole picture of three 8-bit channels.
    """
    check_picture(data)
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if image is None or image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        found = "nothing" if image is None else f"{image.dtype} {image.shape}"
        raise DataError(f"a depth PNG has three 8-bit channels (H, W, 3), this one decodes to {found}")
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB)


def depth_metres(coded: np.ndarray, coding: str) -> np.ndarray:
    """Metres of coded depth.

    Args:
        coded: ``(*, 3)`` uint8, red first.
        coding: one of :data:`CODINGS`.
    Returns:
        ``(*)`` float32 metres, 0 = nothing measured.
    Raises:
        DataError: for another coding.
    Example:
        >>> depth_metres(np.array([[86, 2, 0]], np.uint8), "stb_png")
        array([0.598], dtype=float32)
    """
    # 8-bit numbers times 256 would wrap around.
    red, green = coded[..., 0].astype(np.float32), coded[..., 1].astype(np.float32)
    if coding == "rhd_png":
        return (256 * red + green) / np.float32(65535) * np.float32(_RHD_RANGE_M)
    if coding == "stb_png":
        return (red + 256 * green) / np.float32(1000)
    raise DataError(unknown("depth coding", coding, CODINGS))


def code_depth(metres: np.ndarray, coding: str) -> np.ndarray:
    """The inverse of :func:`depth_metres`, rounded to what the coding can hold.

    Args:
        metres: ``(*)``.
        coding: one of :data:`CODINGS`.
    Returns:
        ``(*, 3)`` uint8, red first.
    Raises:
        DataError: for another coding.
    Example:
        >>> code_depth(np.array([0.598]), "stb_png").tolist()
        [[86, 2, 0]]
    """
    if coding not in CODINGS:
        raise DataError(unknown("depth coding", coding, CODINGS))
    per_metre = 65535 / _RHD_RANGE_M if coding == "rhd_png" else 1000.0
    value = np.clip(np.rint(np.asarray(metres, np.float64) * per_metre), 0, 65535).astype(np.uint16)
    high, low = (value >> 8).astype(np.uint8), (value & 255).astype(np.uint8)
    channels = (high, low) if coding == "rhd_png" else (low, high)
    return np.stack([*channels, np.zeros_like(low)], -1)


def encode_coded_depth(metres: np.ndarray, coding: str) -> bytes:
    """The PNG file of a depth image ``(H, W)`` in metres."""
    return cv2.imencode(".png", cv2.cvtColor(code_depth(metres, coding), cv2.COLOR_RGB2BGR))[1].tobytes()


def hand_map(metres: np.ndarray, joint_z_m: np.ndarray, side_px: int) -> tuple[np.ndarray, np.ndarray]:
    """Nearness and silhouette of a hand's crop, made here because a depth crop would double what is shipped.

    Args:
        metres: ``(H, W)`` of the crop.
        joint_z_m: ``(J,)`` depths of the hand's joints; what lies 5 cm behind or before all of them is no
            hand.
        side_px: rows and columns wanted.
    Returns:
        ``(side_px, side_px)`` float32 from 0 (no hand) to almost 1 (its nearest point), and bool.
    """
    depth_mm = torch.from_numpy(np.asarray(metres, np.float32) * np.float32(1000))
    joints_mm = torch.from_numpy(np.asarray(joint_z_m, np.float32) * np.float32(1000))
    found = HandDepth(cells=side_px).encode(depth_mm[None], joints_mm[None])
    return found.depth[0].numpy(), found.mask[0].numpy() > 0
