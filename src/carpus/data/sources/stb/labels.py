"""STB's label files, and the way from the depth camera's palm to the wrist in a picture's camera."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from scipy.io import loadmat

from carpus.data.sources.stb.layout import BB_BASELINE_MM, SK_SHIFT_MM, SK_TURN
from carpus.errors import ConfigError, DataError, unknown
from carpus.skeletons import STB_HAND

_VARIABLE = "handPara"
_PALM = STB_HAND.index("wrist")
_KNUCKLES = [STB_HAND.index(f"{finger}_mcp") for finger in ("index", "middle", "ring", "little")]
_MIDDLE = STB_HAND.index("middle_mcp")


def read_labels(path: Path) -> np.ndarray:
    """Published joints, the palm's centre first, in the frame of the camera they are published for.

    Returns:
        ``(N, 21, 3)`` float64 millimetres.
    Raises:
        DataError: naming the file that is missing, cut off or holds something else.
    """
    if not path.is_file():
        raise DataError(f"{path} is missing")
    try:
        content = loadmat(path, variable_names=[_VARIABLE])
    # SciPy checks little: a damaged file can fail with nearly any error.
    except Exception as error:
        raise DataError(
            f"{path}: damaged or not a MATLAB 5 file ({type(error).__name__}: {error}); was the download "
            "complete?"
        ) from None
    values = content.get(_VARIABLE)
    if not isinstance(values, np.ndarray) or values.dtype.kind not in "fiu":
        raise DataError(f"{path}: no variable '{_VARIABLE}' of numbers in it")
    if values.ndim == 2:
        # MATLAB drops a last dimension of one frame.
        values = values[..., None]
    if values.ndim != 3 or values.shape[:2] != (3, len(STB_HAND)):
        raise DataError(f"{path}: {_VARIABLE} is {values.shape}, (3, {len(STB_HAND)}, frames) is expected")
    return np.ascontiguousarray(values.transpose(2, 1, 0), np.float64)


def sk_rotation() -> np.ndarray:
    """``(3, 3)`` rotation from the frame of the SK's colour camera to that of its depth camera."""
    return np.asarray(cv2.Rodrigues(np.array(SK_TURN, np.float64))[0])


def to_colour_camera(depth_cam_mm: np.ndarray) -> np.ndarray:
    """Points ``(*, 3)`` of the SK's depth camera in the frame of its colour camera."""
    return (depth_cam_mm - np.array(SK_SHIFT_MM)) @ sk_rotation()


def to_depth_camera(colour_cam_mm: np.ndarray) -> np.ndarray:
    """The inverse of :func:`to_colour_camera`."""
    return colour_cam_mm @ sk_rotation().T + np.array(SK_SHIFT_MM)


def to_right_camera(left_cam_mm: np.ndarray) -> np.ndarray:
    """Points ``(*, 3)`` of the BB's left camera in the frame of its right one."""
    return left_cam_mm - np.array([BB_BASELINE_MM, 0.0, 0.0])


def _from_middle(joints: np.ndarray) -> np.ndarray:
    middle = joints[..., _MIDDLE, :]
    return middle + 2.2 * (joints[..., _PALM, :] - middle)


def _from_knuckles(joints: np.ndarray) -> np.ndarray:
    knuckles = joints[..., _KNUCKLES, :]
    return (knuckles + 2.25 * (joints[..., _PALM, None, :] - knuckles)).mean(-2)


WRISTS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "middle": _from_middle,
    "4mcp": _from_knuckles,
    "palm": lambda joints: joints[..., _PALM, :],
}
"""``middle``: 2.2 times as far from the middle finger's base as the palm's centre; ``4mcp``: the mean of 2.25
times as far from each of four fingers' bases; ``palm``: the palm's centre itself."""


def with_wrist(joints: np.ndarray, rule: str) -> np.ndarray:
    """Joints whose first is the wrist instead of the palm's centre.

    Args:
        joints: ``(*, 21, 3)`` in the published order.
        rule: one of :data:`WRISTS`.
    Raises:
        ConfigError: for another rule.
    """
    if rule not in WRISTS:
        raise ConfigError(unknown("dataset.wrist", rule, WRISTS))
    found = np.array(joints)
    found[..., _PALM, :] = WRISTS[rule](joints)
    return found
