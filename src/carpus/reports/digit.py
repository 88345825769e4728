"""The five pictures of an image that DIGIT's publication draws, under its names and in its sizes."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from carpus.reports.digit_frame import DigitFrame, published_stem
from carpus.reports.digit_maps import joints_picture
from carpus.reports.digit_masks import masks_picture
from carpus.reports.digit_views import views_picture
from carpus.reports.style import write_bytes


def write_digit_pictures(folder: Path, frame: DigitFrame, seed: int = 1, stem: str = "") -> list[Path]:
    """Draw one image: five PNG files.

    ``<stem>_hm_segm_kp_r`` and ``_l`` (2000 x 1000): heat maps and parts of five joints of a hand;
    ``<stem>_segm_rgb_<0|1>`` (1500 x 800): part masks, the number says whether there is a true one;
    ``<stem>_2d_2p5d_views`` and ``<stem>_2d_cam_views`` (1456 x 1000): both hands in the picture and in
    space, in cells and in millimetres.

    Args:
        folder: of the files.
        frame: the image.
        seed: of the choice of joints, with the image's name.
        stem: of the files; that of the image's name by default.
    Returns:
        The files, each complete or absent.
    """
    pictures = {
        "hm_segm_kp_r": joints_picture(frame, 0, seed),
        "hm_segm_kp_l": joints_picture(frame, 1, seed),
        f"segm_rgb_{frame.segm_valid}": masks_picture(frame),
        "2d_2p5d_views": views_picture(frame, "cells"),
        "2d_cam_views": views_picture(frame, "cam"),
    }
    stem = stem or published_stem(frame.name)
    return [
        write_bytes(folder / f"{stem}_{suffix}.png", _png(picture)) for suffix, picture in pictures.items()
    ]


def _png(picture: np.ndarray) -> bytes:
    """``(H, W, 3)`` uint8 as PNG; Pillow's smallest files would take longer than drawing them."""
    return cv2.imencode(".png", picture[..., ::-1], [cv2.IMWRITE_PNG_COMPRESSION, 4])[1].tobytes()
