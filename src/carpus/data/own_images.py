"""Depth images that belong to no dataset: what users record with their own cameras."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from carpus.data.centers import center_of_mass
from carpus.data.depth_images import check_millimetres, decode_depth
from carpus.errors import ConfigError, DataError, unknown
from carpus.geometry import Camera

SUFFIXES = (".png", ".bin", ".npy")
OWN_CODINGS = ("png16_mm", "nyu_png", "msra_bin", "npy_mm", "npy_m")


def find_images(path: Path) -> list[Path]:
    """The file itself, or the depth images of a folder in order of their names.

    Raises:
        DataError: if there is none.
    """
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise DataError(f"{path}: no such file or folder")
    found = sorted(file for file in path.iterdir() if file.suffix.lower() in SUFFIXES)
    if not found:
        raise DataError(f"{path} holds no depth image ({', '.join(SUFFIXES)})")
    return found


def read_own_image(path: Path, coding: str | None = None) -> np.ndarray:
    """A depth image as ``(H, W)`` float32 millimetres, 0 where nothing was measured.

    Args:
        path: ``.png`` of 16 bits (mm) or in NYU's coding, MSRA's ``.bin``, ``.npy``.
        coding: one of :data:`OWN_CODINGS`; None to tell by name and content.

    Raises:
        ConfigError: for an unknown coding.
        DataError: if the file cannot be read, or its values cannot be millimetres.
    """
    if coding is not None and coding not in OWN_CODINGS:
        raise ConfigError(unknown("depth coding", coding, OWN_CODINGS))
    try:
        chosen = coding or _coding_of(path)
        depth_mm = (
            _read_npy(path, chosen) if chosen.startswith("npy") else decode_depth(path.read_bytes(), chosen)
        )
    except (DataError, OSError, ValueError) as error:
        raise DataError(f"{path}: {error}") from None
    check_millimetres(depth_mm, str(path))
    return depth_mm


def _coding_of(path: Path) -> str:
    """What a file's name and first pixels say about its coding."""
    suffix = path.suffix.lower()
    if suffix == ".bin":
        return "msra_bin"
    if suffix == ".npy":
        return "npy_mm"
    image = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if image is None:
        raise DataError(f"not a readable image; allowed are {', '.join(SUFFIXES)}")
    if image.dtype == np.uint16 and image.ndim == 2:
        return "png16_mm"
    if image.dtype == np.uint8 and image.ndim == 3 and not image[..., 2].any():
        return "nyu_png"
    raise DataError(
        f"{image.dtype} image of shape {image.shape} is neither 16-bit depth in mm nor NYU's coding "
        "(G*256 + B, R = 0); if it is one of them all the same, name its --coding"
    )


def _read_npy(path: Path, coding: str) -> np.ndarray:
    depth = np.load(path, allow_pickle=False)
    if depth.ndim != 2 or depth.dtype.kind not in "fui":
        raise DataError(f"holds {depth.dtype} {depth.shape}; expected numbers (H, W)")
    depth = np.nan_to_num(depth.astype(np.float32), nan=0.0, posinf=0.0, neginf=0.0)
    return depth * 1000.0 if coding == "npy_m" else depth


def find_center(
    depth_mm: np.ndarray, camera: Camera, range_mm: tuple[float, float], cube_mm: float
) -> np.ndarray:
    """Centre of the nearest thing in a depth range, taken for the hand.

    People hold a hand in front of themselves, so only what lies within four fifths of the cube's edge behind
    the nearest surface counts; the centre of mass over the whole range would land on the body.

    Args:
        depth_mm: ``(H, W)``, 0 = no measurement.
        camera: its intrinsics.
        range_mm: depths between these bounds may belong to it.
        cube_mm: edge of the cube the method looks into.

    Returns:
        ``(3,)`` float32 millimetres; NaN if nothing lies in the range.
    """
    seen = depth_mm[(depth_mm > range_mm[0]) & (depth_mm < range_mm[1])]
    if not seen.size:
        return np.full(3, np.nan, np.float32)
    # A few stray pixels in front of the hand must not decide where it begins.
    few = min(seen.size - 1, max(20, seen.size // 500))
    nearest = float(np.partition(seen, few)[few])
    return center_of_mass(depth_mm, camera, (range_mm[0], min(range_mm[1], nearest + 0.8 * cube_mm)), cube_mm)
